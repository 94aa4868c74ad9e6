use evanesce_crypto::{ChannelError, CryptoError};
use evanesce_memory::MemoryError;

/// Why a channel gave nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The channel gave nothing.
    #[error("the channel gave nothing")]
    Channel(#[source] ChannelError),
    /// No channel has begun: ask the service for an offer.
    #[error("no channel has begun: ask the service for an offer")]
    NotBegun,
    /// The reply may not be read any more.
    #[error("the reply may not be read any more")]
    Stale,
}

impl From<ChannelError> for ClientError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<CryptoError> for ClientError {
    fn from(error: CryptoError) -> Self {
        Self::Channel(ChannelError::Crypto(error))
    }
}

impl From<MemoryError> for ClientError {
    fn from(error: MemoryError) -> Self {
        CryptoError::from(error).into()
    }
}
