use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_crypto::{ChannelError, CryptoError};
use evanesce_memory::MemoryError;

/// Why an input was not processed. In every case the input is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The channel to the client gave nothing.
    #[error("the channel to the client gave nothing")]
    Channel(#[source] ChannelError),
    /// The input could not be sealed or opened.
    #[error("the input could not be sealed or opened")]
    Crypto(#[source] CryptoError),
    /// The work ended after its deadline, and its output was dropped.
    #[error("the work ended after its deadline, and its output was dropped")]
    Late,
    /// Guarded memory could not be had as the policy asks.
    #[error("guarded memory could not be had as the policy asks")]
    Memory(#[source] MemoryError),
    /// The input is not UTF-8 text.
    #[error("the input is not UTF-8 text")]
    NotText,
    /// The work panicked; what it held was wiped and its message dropped.
    #[error("the work panicked, and its output was dropped")]
    Panicked,
    /// The input is larger than the limit.
    #[error("the input is larger than the limit")]
    TooLarge,
}

impl From<ChannelError> for PipelineError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<CryptoError> for PipelineError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<MemoryError> for PipelineError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<PipelineError> for Error {
    fn from(error: PipelineError) -> Self {
        let (kind, sentence) = match error {
            PipelineError::Channel(_) => (ErrorKind::Refused, "the channel gave nothing"),
            PipelineError::Crypto(_) => (ErrorKind::Corrupt, "the input could not be opened"),
            PipelineError::Late => (ErrorKind::Timeout, "the work ended after its deadline"),
            PipelineError::Memory(_) => (ErrorKind::Exhausted, "guarded memory is used up"),
            PipelineError::NotText => (ErrorKind::Invalid, "the input is not UTF-8 text"),
            PipelineError::Panicked => (ErrorKind::Refused, "the work panicked"),
            PipelineError::TooLarge => (ErrorKind::Invalid, "the input is larger than the limit"),
        };
        Self::new(kind, StoreKind::Memory, sentence)
    }
}
