use std::time::Duration;

use evanesce_core::{BoxFuture, Ceiling, Digest, Error, Incarnation, StoreKind, Timestamp};

/// Where aggregates lie: sealed partial sums until their window is released, and
/// released tables afterwards. It takes only what the anonymiser made.
///
/// The suite of these promises is `evanesce_testkit::aggregate`; each sentence names
/// the function that tests it.
///
/// # Contract
/// `fold` is idempotent by batch id: a batch that was folded changes nothing when
/// it comes again (`a_fold_is_idempotent_by_batch`). After a window was released,
/// `fold` for it is `Expired` and writes nothing
/// (`a_released_window_takes_no_fold`). `release` writes the tables, marks the
/// window, adds `debit` to what the window has spent and forgets the window's
/// partials in one step (`a_release_debits_and_forgets`,
/// `released_tables_are_read_back`), only if the window was not released and `spent`
/// is exactly what the caller read; otherwise `Conflict`, and nothing is written
/// (`a_release_is_conditional`, `of_two_releases_one_wins`). `windows` lists what
/// has partials, oldest first (`windows_are_listed_oldest_first`).
///
/// # Erasure
/// Partials are ciphertext under a window key that the store never sees, and
/// `discard` drops them unread (`discard_drops_partials_unread`). Released tables
/// cannot be addressed by person. `enforce` removes whole tables by age, and the
/// ledger remembers their windows (`enforce_removes_whole_tables_by_age`).
///
/// # Time
/// Windows are numbered by the caller; release times are the caller's, coarse
/// (`oldest_is_the_first_release`). The `ceiling` covers age and interval of
/// enforcement (`a_ceiling_covers_age_and_interval`).
///
/// # Errors
/// `Conflict`, `Expired`, and those of every port. After `Unconfirmed`, `spent`
/// and `released` tell whether the release happened.
pub trait AggregateStore: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Adds one sealed partial sum.
    fn fold<'a>(&'a self, partial: &'a SealedPartial) -> BoxFuture<'a, Result<Folded, Error>>;

    /// All partials of a window that was not released.
    fn partials(&self, window: WindowId) -> BoxFuture<'_, Result<Vec<SealedPartial>, Error>>;

    /// Windows that hold partials, oldest first.
    fn windows(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>>;

    /// What a window has spent of its budget, in the ledger's units.
    fn spent(&self, window: WindowId) -> BoxFuture<'_, Result<Spent, Error>>;

    /// Releases a window's tables and debits its budget in one step.
    fn release<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<(), Error>>;

    /// Released tables with this name, oldest window first.
    fn released<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ReleasedTable>, Error>>;

    /// The time of the oldest released table.
    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>>;

    /// Removes tables (whole partitions) that were released at or before `before`, and
    /// partials of windows that were dropped; says how many tables went.
    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>>;

    /// Drops a window's partials unread, as when its key has died.
    fn discard(&self, window: WindowId) -> BoxFuture<'_, Result<u64, Error>>;

    /// How long a table may exist if `enforce` runs every `interval` with `age`.
    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>>;
}

/// A window's number: its beginning divided by its length.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WindowId(pub u64);

/// A partial sum of one node and one batch, sealed under the window's key.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedPartial {
    /// The window.
    pub window: WindowId,
    /// The batch, random, so that a repeated fold is recognised.
    pub batch: Digest,
    /// Ciphertext.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for SealedPartial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedPartial").field("window", &self.window).finish_non_exhaustive()
    }
}

/// Whether a fold was new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Folded {
    /// It was added now.
    Added,
    /// The batch had been folded before.
    Repeated,
}

/// What a window has spent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Spent {
    /// Units of the ledger: millionths of epsilon.
    pub micro_epsilon: u64,
    /// Whether the window was released; then its budget is closed.
    pub is_released: bool,
}

/// One release, all or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The window.
    pub window: WindowId,
    /// What the caller read of the ledger before.
    pub spent: Spent,
    /// What this release costs, in millionths of epsilon.
    pub debit: u64,
    /// The tables.
    pub tables: Vec<ReleasedTable>,
}

/// A released table: noised or thresholded numbers by category.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleasedTable {
    /// The event's name.
    pub table: String,
    /// The window.
    pub window: WindowId,
    /// When it was released, coarse.
    pub at: Timestamp,
    /// One row for each cell that passed the gate.
    pub rows: Vec<ReleasedRow>,
}

/// One cell of a released table.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleasedRow {
    /// The labels of the cell's categories, one for each dimension.
    pub labels: Vec<String>,
    /// The released value.
    pub value: i64,
    /// Half the width of the 95 % confidence interval that the noise gives; 0 where there is none.
    pub margin: u64,
}
