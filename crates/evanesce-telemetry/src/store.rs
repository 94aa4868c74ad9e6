use std::time::Duration;

use evanesce_core::{BoxFuture, Ceiling, Error, Incarnation, StoreKind, Timestamp};

use crate::record::{LogRecord, MetricPoint};

/// Where operational logs lie. The functions named here are those of
/// `evanesce_testkit::telemetry`.
///
/// # Contract
/// A new store is empty (`log_begins_empty`). `write` answers for each record in its
/// order, and a record that was [`ItemOutcome::Stored`] is found by `count` afterwards
/// (`log_counts_what_is_stored`) and by any part of its text (`log_finds_occurrences`);
/// one that was [`ItemOutcome::Refused`] never is, does not keep its neighbours back,
/// and is not to be sent again (`log_refuses_by_item`).
///
/// # Erasure
/// A log cannot address a person, because no record names one. What is removed
/// is removed by age: `enforce` drops whole parts (an index of one day) of which
/// the *first* instant has reached the age (`log_enforces_by_age`).
///
/// # Time
/// Times are the records' own, coarse. `oldest` is read from the store
/// (`log_tells_the_oldest`), and the longest that a record may exist is known
/// (`log_bounds_its_ceiling`).
///
/// # Errors
/// `Unavailable` and `Timeout` are safe to repeat; `Unconfirmed` may have been
/// stored. What [`Telemetry`](crate::Telemetry) makes of each is tested in this crate's
/// `tests/delivery.rs`, what makes a server answer so in the adapters' own tests.
pub trait LogSink: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Writes a batch.
    fn write<'a>(&'a self, batch: &'a [LogRecord]) -> BoxFuture<'a, Result<Written, Error>>;

    /// How many records with this exact event name can be read now.
    fn count<'a>(&'a self, event: &'a str) -> BoxFuture<'a, Result<u64, Error>>;

    /// How many records contain `needle` anywhere, read back from the store: the
    /// question that a leak test and a canary ask.
    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>>;

    /// The time of the oldest record.
    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>>;

    /// Removes whole parts that began at or before `before`, and says how many records
    /// (or parts, where a store cannot count) went.
    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>>;

    /// How long a record may exist as the store is configured, if `enforce` runs
    /// every `interval` with `age`.
    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>>;
}

/// Where operational metrics lie. Contract, Erasure, Time and Errors are those
/// of [`LogSink`], tested by the functions of the same names that begin with `metric_`.
pub trait MetricSink: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Writes a batch.
    fn write<'a>(&'a self, batch: &'a [MetricPoint]) -> BoxFuture<'a, Result<Written, Error>>;

    /// How many points of this measurement can be read now.
    fn count<'a>(&'a self, measurement: &'a str) -> BoxFuture<'a, Result<u64, Error>>;

    /// How many points contain `needle` in a tag, a field or a name.
    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>>;

    /// The time of the oldest point.
    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>>;

    /// Removes points at or before `before`.
    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>>;

    /// How long a point may exist as the store is configured.
    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>>;
}

/// What became of each record of a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// One outcome for each record, in order.
    pub outcomes: Vec<ItemOutcome>,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ItemOutcome {
    /// The store will never take it: count it, and do not send it again.
    Refused,
    /// The store is busy: send it again after this time.
    Retry(Duration),
    /// It is stored.
    Stored,
}
