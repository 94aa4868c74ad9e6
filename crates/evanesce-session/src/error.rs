use std::fmt;
use std::time::Duration;

use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_crypto::CryptoError;
use evanesce_memory::{DecodeError, EncodeError, MemoryError};

use crate::Token;

/// What became of an operation on a session, without a word of whose it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no such session: it never was, was destroyed, or the store has
    /// already forgotten it. Which of these cannot be told.
    #[error("there is no such session")]
    Absent,
    /// Other operations won the race too many times in a row; nothing was written.
    #[error("the session is being changed by too many others at once")]
    Contended,
    /// The record does not open: it was sealed elsewhere, or changed since.
    #[error("the session's record does not open")]
    Crypto(#[source] CryptoError),
    /// The epoch that the session was sealed under has ended.
    #[error("the session's epoch has ended")]
    EpochEnded,
    /// Its time has passed, whether or not the store still has it.
    #[error("the session has expired")]
    Expired,
    /// The epoch's secret is wrapped under a root that this service does not have.
    #[error("the epoch's secret does not open under the service's root")]
    Foreign(#[source] CryptoError),
    /// The text is not a token.
    #[error("this is not a session token")]
    Malformed,
    /// There is no guarded memory.
    #[error("no guarded memory is left for the session")]
    Memory(#[from] MemoryError),
    /// The data was written under another schema, or as another type.
    #[error("the session's data has another schema")]
    Schema(#[source] DecodeError),
    /// The store failed.
    #[error("the session store failed")]
    Store(#[from] Error),
    /// The data is larger than the policy allows.
    #[error("the session's data is larger than the policy allows")]
    TooLarge,
    /// So many sessions are being opened that this one is refused, and for how long.
    #[error("too many sessions are being opened")]
    TooMany {
        /// When to try again at the earliest.
        retry_after: Duration,
    },
    /// The value could not be encoded.
    #[error("the value cannot be encoded")]
    Unencodable(#[source] EncodeError),
    /// What was sealed has a layout that this program does not know.
    #[error("the session's layout is not known")]
    Unreadable,
}

impl From<CryptoError> for SessionError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<DecodeError> for SessionError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Memory(error) => Self::Memory(error),
            error => Self::Schema(error),
        }
    }
}

impl From<EncodeError> for SessionError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Memory(error) => Self::Memory(error),
            EncodeError::TooLarge => Self::TooLarge,
            error => Self::Unencodable(error),
        }
    }
}

/// For the ports of the other rooms, which know only core's error.
impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        let (kind, sentence) = match error {
            SessionError::Store(error) => return error,
            SessionError::Absent => (ErrorKind::Missing, "there is no such session"),
            SessionError::Contended => (ErrorKind::Conflict, "too many changes at once"),
            SessionError::EpochEnded => (ErrorKind::Expired, "the session's epoch has ended"),
            SessionError::Expired => (ErrorKind::Expired, "the session has expired"),
            SessionError::Crypto(_) | SessionError::Schema(_) | SessionError::Unreadable => {
                (ErrorKind::Corrupt, "the session's record does not open")
            }
            SessionError::Foreign(_) => (ErrorKind::Foreign, "the epoch is another service's"),
            SessionError::Malformed => (ErrorKind::Invalid, "this is not a session token"),
            SessionError::Memory(_) => (ErrorKind::Exhausted, "no guarded memory is left"),
            SessionError::TooMany { .. } => {
                (ErrorKind::Exhausted, "too many sessions are being opened")
            }
            SessionError::TooLarge | SessionError::Unencodable(_) => {
                (ErrorKind::Refused, "the session's data is larger than allowed")
            }
        };
        Self::new(kind, StoreKind::Memory, sentence)
    }
}

/// An operation that would have consumed the token and failed, with the token.
#[derive(thiserror::Error)]
#[error("the session could not be ended or moved")]
pub struct Failed<T = Token> {
    /// The token, to try again with.
    pub token: T,
    /// Why.
    #[source]
    pub error: SessionError,
}

impl<T> fmt::Debug for Failed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("error", &self.error).finish_non_exhaustive()
    }
}
