use evanesce_core::{BoxFuture, Error, Incarnation, StoreKind};

/// Where the log's entries lie: a sequence of opaque leaves that only grows, and
/// the newest signed checkpoint beside it.
///
/// # Contract
/// `append` adds all leaves in order or none (`appends_in_order`, `keeps_any_bytes`,
/// `reads_ranges`), only if the log holds exactly `expected` leaves; otherwise
/// `Conflict`, and nothing is written (`refuses_another_size`). With the leaves it
/// stores `checkpoint` as the newest. It returns once both are durable
/// (`survives_reopening`). Several nodes may append to one log
/// (`one_appender_wins`). A new log is empty (`begins_empty`).
///
/// The names are those of the suite in `evanesce_testkit::audit`.
///
/// # Erasure
/// Leaves hold no personal data. `prune` forgets the bytes of whole tiles, of 256
/// leaves each, and keeps their hashes, so that proofs go on to verify
/// (`prunes_whole_tiles_and_keeps_hashes`).
///
/// # Time
/// The store keeps no time of its own.
///
/// # Errors
/// `Conflict` for a lost race (`refuses_another_size`), `Unconfirmed` when an
/// acknowledgement is missing: the caller reads the checkpoint and the leaves to
/// find out. Every other error means that nothing was written.
pub trait AuditStore: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// How many leaves there are.
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>>;

    /// Appends `leaves` after `expected` existing ones, with the checkpoint that covers them.
    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Up to `limit` leaves from `start`: `None` for the bytes of one that was pruned.
    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>>;

    /// The newest checkpoint, `None` for an empty log.
    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>>;

    /// Forgets the bytes of all whole tiles that end at `index` or before, keeps
    /// their hashes, and says how many leaves were forgotten now. A tile is 256
    /// leaves.
    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>>;
}

/// One leaf as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredLeaf {
    /// RFC 6962 leaf hash: SHA-256(0x00 ‖ bytes).
    pub hash: evanesce_core::Digest,
    /// The bytes, unless they were pruned.
    pub bytes: Option<Vec<u8>>,
}

/// Where the newest checkpoint is held outside the store that it judges, so that
/// a store that went back in time is noticed: a file, another machine, a witness.
pub trait CheckpointKeeper: Send + Sync {
    /// The newest checkpoint that was kept.
    fn newest(&self) -> BoxFuture<'_, Result<Option<String>, Error>>;

    /// Keeps a newer one.
    fn keep<'a>(&'a self, checkpoint: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}
