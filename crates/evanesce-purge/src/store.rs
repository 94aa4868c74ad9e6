use evanesce_core::{BoxFuture, Digest, Error, Incarnation, StoreKind, Timestamp};

/// Where requests to erase are remembered until their receipts are durable.
///
/// # Contract
/// `put` returns once the job is durable (`survives_reopening`); putting the same
/// id again changes nothing (`puts_once`). `open` lists what was put and not taken
/// off, oldest first (`lists_the_oldest_first`). `done` takes a job off; taking off
/// what is not there is not an error (`takes_off`). Several nodes may share a
/// journal (`many_at_once`). A new journal is empty (`begins_empty`).
///
/// The names are those of the suite in `evanesce_testkit::journal`.
///
/// # Erasure
/// A job's payload is sealed under a service root, and is gone from the store
/// once `done` returns (`takes_off`).
///
/// # Time
/// The job's own `requested` time is kept as it was given (`keeps_any_bytes`).
///
/// # Errors
/// As every port; a job whose `put` was `Unconfirmed` is put again.
pub trait ErasureJournal: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Remembers a job.
    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>>;

    /// Up to `limit` jobs that are still open, oldest first.
    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>>;

    /// Takes a job off.
    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>>;
}

/// A request to erase whose subject only the service can read.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedJob {
    /// A random id.
    pub id: Digest,
    /// When it was asked for.
    pub requested: Timestamp,
    /// The subject's handles, sealed.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for SealedJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedJob").field("requested", &self.requested).finish_non_exhaustive()
    }
}
