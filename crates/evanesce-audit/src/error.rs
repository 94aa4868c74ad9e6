use evanesce_core::{Error, ErrorKind, StoreKind};

/// Why a log could not be opened, read, proven or verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Stored leaves, their hashes and the stored checkpoint do not fit together.
    #[error("the log's leaves, their hashes and its checkpoint do not fit together")]
    Corrupt,
    /// The key could not sign.
    #[error("the log's key could not sign a checkpoint")]
    Crypto,
    /// The log holds other leaves than those that the kept checkpoint covers.
    #[error("the log is not a continuation of the checkpoint that was kept elsewhere")]
    Forked,
    /// A leaf, checkpoint, signature line, key or proof is not in its format.
    #[error("a leaf, checkpoint, signature, key or proof is not in its format")]
    Malformed,
    /// An index or size lies outside the log.
    #[error("an index or a size lies outside the log")]
    OutOfRange,
    /// The log's name is empty, too long, or has a space or a plus sign.
    #[error("a log's origin is 1 to 96 printable ASCII characters without space and plus")]
    Origin,
    /// The bytes are gone; the hash still stands.
    #[error("the entry was pruned; its hash still stands in the log")]
    Pruned,
    /// The role was not declared when the log was opened.
    #[error("an actor is a role that the program declared when it opened the log")]
    Role,
    /// The log holds fewer leaves than the kept checkpoint covers.
    #[error("the log went back behind the checkpoint that was kept elsewhere")]
    RolledBack,
    /// The store or the keeper failed.
    #[error("{0}")]
    Store(#[from] Error),
    /// A proof does not lead to the root, or the entry is not the proven leaf.
    #[error("the proof does not lead from the entry to the signed root")]
    Unproven,
    /// No signature by the key that was asked for, or a wrong one.
    #[error("the checkpoint is not signed by this log's key")]
    Unsigned,
}

impl AuditError {
    /// As the error of a port.
    #[must_use]
    pub const fn into_port(self, store: StoreKind) -> Error {
        let (kind, sentence) = match self {
            Self::Store(error) => return error,
            Self::Corrupt => (ErrorKind::Corrupt, "the audit log does not fit together"),
            Self::Crypto => (ErrorKind::Invalid, "the audit log's key could not sign"),
            Self::Forked => {
                (ErrorKind::Foreign, "the audit log is a fork of the one that was kept")
            }
            Self::Malformed => (ErrorKind::Invalid, "an audit entry is not in its format"),
            Self::OutOfRange => (ErrorKind::Missing, "no such place in the audit log"),
            Self::Origin => (ErrorKind::Invalid, "the audit log's origin cannot be used"),
            Self::Pruned => (ErrorKind::Expired, "the audit entry was pruned"),
            Self::Role => (ErrorKind::Invalid, "the actor is not a declared role"),
            Self::RolledBack => (ErrorKind::Foreign, "the audit log went back in time"),
            Self::Unproven => (ErrorKind::Corrupt, "a proof does not lead to the signed root"),
            Self::Unsigned => (ErrorKind::Foreign, "the checkpoint is signed by another key"),
        };
        Error::new(kind, store, sentence)
    }
}
