use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_memory::MemoryError;

/// Why a cryptographic operation gave nothing. No variant tells which byte was
/// wrong, or anything of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The context that a message is bound to is too long.
    #[error("the context that a message is bound to is too long")]
    ContextTooLong,
    /// The bytes do not authenticate under this key and place.
    #[error("the bytes do not authenticate under this key and place")]
    Forged,
    /// A key has the wrong length.
    #[error("a key has the wrong length")]
    KeyLength,
    /// The key file is readable by others than its owner.
    #[error("the root key file is readable by others; set its mode to 0600")]
    KeyFileExposed,
    /// The key file cannot be read or written.
    #[error("the root key file cannot be read or written")]
    KeyFile,
    /// The key file, or the environment variable, is not in the form `version:hex`.
    #[error("a root key is written as version:64 hexadecimal digits or Base64, one to a line")]
    KeyForm,
    /// The bytes are not in a form that this version reads.
    #[error("the bytes are not in a form that this version reads")]
    Malformed,
    /// Guarded memory could not be had.
    #[error("guarded memory could not be had")]
    Memory(#[source] MemoryError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The algorithm has been revoked.
    #[error("the algorithm has been revoked")]
    Revoked,
    /// The plaintext is larger than an envelope may be.
    #[error("the plaintext is larger than an envelope may be")]
    TooLarge,
    /// No such algorithm is known here.
    #[error("no such algorithm is known here")]
    UnknownAlgorithm,
    /// The root has no key of this version: it was retired, or it belongs to another service.
    #[error("the root has no key of this version")]
    UnknownVersion,
}

impl From<MemoryError> for CryptoError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        let (kind, sentence) = match error {
            CryptoError::Memory(_) => (ErrorKind::Exhausted, "guarded memory could not be had"),
            CryptoError::Random => {
                (ErrorKind::Unavailable, "the operating system gave no randomness")
            }
            CryptoError::Revoked => (ErrorKind::Refused, "the algorithm has been revoked"),
            CryptoError::UnknownVersion => {
                (ErrorKind::Foreign, "the root has no key of this version")
            }
            _ => (ErrorKind::Corrupt, "the bytes do not open"),
        };
        Self::new(kind, StoreKind::Memory, sentence)
    }
}
