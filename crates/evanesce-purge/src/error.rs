use evanesce_core::{Erasure, Error, StoreKind};
use evanesce_crypto::CryptoError;

/// Why an erasure has no receipt. But for the first four the job stays open in
/// the journal, and [`Erasures::resume`](crate::Erasures::resume) takes it up again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// Nothing was erased: no target was named, or more than a job holds.
    #[error("an erasure names 1 to 64 targets")]
    Targets,
    /// Nothing was erased: the job could not be sealed, or not opened again.
    #[error("the job could not be sealed or opened")]
    Crypto(#[source] CryptoError),
    /// Nothing was erased: the journal did not take the job.
    #[error("the erasure journal failed")]
    Journal(#[source] Error),
    /// A receipt does not tell what its entry commits to, or not of a complete erasure.
    #[error("the receipt and its entry do not belong together")]
    Mismatch,
    /// The sealed job is not in a form that this version reads.
    #[error("the job is not in a form that this version reads")]
    Malformed,
    /// The server became another between the erasure and the reading back.
    #[error("{0} became another server during the erasure")]
    Replaced(StoreKind),
    /// The subject could still be read after the erasure.
    #[error("the subject can still be read in {0}")]
    StillPresent(StoreKind),
    /// A store failed; the others were erased.
    #[error("a store failed during the erasure")]
    Store(#[source] Error),
    /// The job names a store that was not handed in.
    #[error("the job names {0}, which was not handed in")]
    UnknownStore(StoreKind),
    /// Everything was erased and read back; only the audit log could not be told.
    #[error("erased and read back, but the audit log gave no receipt")]
    Unreceipted {
        /// What was done and read.
        erasure: Box<Erasure>,
        /// What the log answered.
        #[source]
        cause: Error,
    },
}

impl From<CryptoError> for EraseError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}
