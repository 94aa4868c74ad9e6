use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Error, ErrorKind, Incarnation, StoreKind, Subject, Timestamp,
};
use evanesce_crypto::Sealed;

/// Where sessions lie, sealed. A store never sees a plaintext, a key or a token.
///
/// Each sentence names the function of `evanesce_testkit::session` that tests it.
///
/// # Contract
/// - `insert` refuses an id that exists (`insert_refuses_an_existing_id`), and answers
///   with the epochs of the tag as they stood in that very step, however it ended
///   (`insert_answers_with_the_epochs`).
/// - `fetch_pair` gives what two fetches would, in one step
///   (`a_pair_is_what_two_fetches_give`), and refuses two ids of different tags
///   (`fetch_pair_refuses_another_tag`); over a network it is one round trip too.
/// - `fetch` gives back what was written, with the epochs of its tag and the
///   server's incarnation (`fetch_gives_back_what_was_inserted`); over a network
///   that is one round trip, which the adapter's own tests count.
/// - `replace` and `rename` are conditional on the version that was read: a lost
///   race is [`Write::Conflict`], and nothing is written (`replace_is_conditional`,
///   `rename_is_conditional`, `of_many_replacements_one_wins`).
/// - `rename` leaves exactly one record, under the new id (`rename_moves_the_record`),
///   and refuses an id of another tag (`rename_refuses_another_tag`).
/// - What is gone stays gone: a write to a removed record is [`Write::Gone`]
///   (`replace_after_remove_is_gone`, `rename_after_remove_is_gone`).
/// - A record whose epoch does not stand is not written: [`Write::Gone`]
///   (`nothing_is_written_under_an_epoch_that_does_not_stand`).
/// - `take` gives one record to at most one caller within an epoch
///   (`take_gives_a_record_once`).
///
/// # Erasure
/// - After `remove` or `take` returns, `fetch` finds nothing
///   (`remove_leaves_nothing`, `take_gives_a_record_once`).
/// - After [`EpochStore::end`] returns, no epoch secret is there to open a record
///   of the namespace with (`end_removes_every_secret`).
/// - `reclaim` removes every record whose epoch does not stand
///   (`reclaim_removes_every_record`), and leaves what was opened since under one that
///   does (`reclaim_leaves_what_was_opened_since`). `unreadable` counts the same ones,
///   before and after (`reclaim_removes_every_record`,
///   `reclaim_leaves_what_was_opened_since`).
///
/// # Time
/// - A record is gone at its expiry by the store's own clock, whether or not anyone
///   sweeps (`a_record_is_gone_at_its_expiry`).
/// - A record whose expiry has passed is not written
///   (`an_expired_record_is_not_written`).
/// - A record is kept no longer than 24 hours, whatever expiry is written
///   (`no_record_is_kept_longer_than_a_day`).
///
/// # Errors
/// `Unconfirmed` for a write that was sent and not acknowledged; the adapter's own
/// tests cut the connection.
pub trait SessionStore: Send + Sync {
    /// Which store this is.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Stores a new record.
    fn insert<'a>(
        &'a self,
        id: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Inserted, Error>>;

    /// Reads a record and the epochs that stand for its tag.
    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>>;

    /// Reads two records of one tag in one round trip.
    fn fetch_pair<'a>(
        &'a self,
        first: &'a LookupId,
        second: &'a LookupId,
    ) -> BoxFuture<'a, Result<FetchedPair, Error>>;

    /// Replaces the record if it still has `version`; the new one has a higher version.
    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>>;

    /// Moves the record to another id of the same tag, resealed, in one step.
    fn rename<'a>(
        &'a self,
        from: &'a LookupId,
        version: Version,
        to: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>>;

    /// Removes the record, whatever its version.
    fn remove<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Write, Error>>;

    /// Reads the record and removes it in one step.
    fn take<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>>;

    /// Removes up to `limit` records that have outlived their expiry, and reports
    /// what was found. What was renewed meanwhile stays.
    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>>;

    /// Removes every record of the namespace whose epoch does not stand, in bounded
    /// batches, and says how many. They are unreadable before:
    /// [`EpochStore::end`] comes first. `removed` is told the size of each batch that is
    /// gone.
    fn reclaim_observed<'a>(
        &'a self,
        removed: &'a (dyn Fn(u64) + Send + Sync),
    ) -> BoxFuture<'a, Result<u64, Error>>;

    /// As [`reclaim_observed`](Self::reclaim_observed), with nobody watching.
    fn reclaim(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.reclaim_observed(&|_| ())
    }

    /// How many records there are whose epoch does not stand: what `reclaim` would remove.
    /// Sessions that were opened since an end are none of them.
    fn unreadable(&self) -> BoxFuture<'_, Result<u64, Error>>;

    /// The longest that a record may exist as the store is configured.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>>;
}

/// Where the epoch secrets lie, wrapped under a root that the store never sees.
///
/// Each sentence names the function of `evanesce_testkit::session` that tests it.
///
/// # Contract
/// - There is at most one current epoch and one draining for each tag
///   (`a_begun_epoch_lets_the_one_before_drain`).
/// - `begin` is conditional on the newest number that was read
///   (`begin_is_conditional_on_the_newest_number`), and numbers only grow: one
///   that is not above the newest is refused as
///   [`Invalid`](evanesce_core::ErrorKind::Invalid) (`numbers_only_grow`).
///
/// # Erasure
/// - `end` removes the current and the draining secrets of every tag at once, and
///   returns when each node has acknowledged (`end_removes_every_secret`).
/// - The numbers stay, so that an older epoch is recognised
///   (`end_removes_every_secret`).
/// - A `begin` whose `drain` has passed leaves nothing of what was current or
///   draining (`a_begin_without_time_to_drain_ends_what_was`).
///
/// # Time
/// - A draining epoch is gone at its expiry by the store's own clock
///   (`a_draining_epoch_is_gone_at_its_time`).
///
/// # Errors
/// As [`SessionStore`].
pub trait EpochStore: Send + Sync {
    /// The epochs of a tag.
    fn epochs(&self, tag: Tag) -> BoxFuture<'_, Result<Epochs, Error>>;

    /// Makes `next` the current epoch of its tag if the newest number is still
    /// `after`; what was current drains until `drain`.
    fn begin<'a>(
        &'a self,
        tag: Tag,
        after: u64,
        next: &'a EpochRecord,
        drain: Timestamp,
    ) -> BoxFuture<'a, Result<Write, Error>>;

    /// Ends every epoch of the namespace, and says how many secrets were removed.
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>>;
}

/// Where a session lies, derived from its token: nothing of the token can be told
/// from it. The tag decides the slot of a cluster and nothing else.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct LookupId {
    tag: Tag,
    id: [u8; 32],
}

impl LookupId {
    /// From the tag and the derived id.
    #[must_use]
    pub const fn new(tag: Tag, id: [u8; 32]) -> Self {
        Self { tag, id }
    }

    /// The tag.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// The derived id.
    #[must_use]
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// The session as whom an erasure concerns: the tag, then the id, 33 bytes.
    #[must_use]
    pub fn to_subject(&self) -> Subject {
        let mut handle = Vec::with_capacity(33);
        handle.push(self.tag.0);
        handle.extend_from_slice(&self.id);
        Subject::new(handle)
    }

    /// Reads what [`to_subject`](Self::to_subject) made, for `store`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for the handle of another store.
    pub fn from_subject(subject: &Subject, store: StoreKind) -> Result<Self, Error> {
        match subject.handle().split_first() {
            Some((tag, id)) if id.len() == 32 => {
                let mut bytes = [0; 32];
                bytes.copy_from_slice(id);
                Ok(Self::new(Tag(*tag), bytes))
            }
            _ => Err(Error::new(ErrorKind::Invalid, store, "the subject is not a session")),
        }
    }
}

impl std::fmt::Debug for LookupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookupId")
    }
}

/// One of 256 tags that keep a session, its successor and their epoch in one slot.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(pub u8);

/// The number that grows with each write of a record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u64);

/// A sealed session with what the store needs to keep it. All of it is authenticated by
/// the seal too, but for `expiry`, which the reader computes again from what is.
#[derive(Clone, Debug)]
pub struct Record {
    /// The version that this write creates.
    pub version: Version,
    /// The number of the epoch that it is sealed under.
    pub epoch: u64,
    /// When it was opened.
    pub opened: Timestamp,
    /// When the store forgets it: the earlier of the absolute and the idle expiry.
    pub expiry: Timestamp,
    /// When the session ends whatever happens.
    pub absolute: Timestamp,
    /// How long it may lie unused.
    pub idle: Duration,
    /// When it was last used, to a tenth of `idle`.
    pub last_seen: Timestamp,
    /// Ciphertext. The first half of its salt, drawn anew for each write, is what this
    /// record's share of its epoch's secret is derived with.
    pub sealed: Sealed,
}

/// How an insertion ended, with the epochs of the tag as they stood in that very step.
#[derive(Clone, Debug)]
#[must_use]
pub struct Inserted {
    /// Whether it was written.
    pub write: Write,
    /// The epochs of its tag.
    pub epochs: Epochs,
}

/// What a read found.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The record, if there is one.
    pub record: Option<Record>,
    /// The epochs of its tag.
    pub epochs: Epochs,
}

/// What a read of two records of one tag found.
#[derive(Clone, Debug)]
pub struct FetchedPair {
    /// The first record, if there is one.
    pub first: Option<Record>,
    /// The second record, if there is one.
    pub second: Option<Record>,
    /// The epochs of their tag.
    pub epochs: Epochs,
}

/// The epochs of one tag.
#[derive(Clone, Debug, Default)]
pub struct Epochs {
    /// The newest number that was ever begun; 0 before the first.
    pub newest: u64,
    /// The current epoch, unless it was ended.
    pub current: Option<EpochRecord>,
    /// The one before, while sessions under it may still live.
    pub draining: Option<EpochRecord>,
    /// The server that answered.
    pub incarnation: Option<Incarnation>,
}

/// An epoch's secret, wrapped under the service root.
#[derive(Clone)]
pub struct EpochRecord {
    /// Its number.
    pub number: u64,
    /// The wrapped secret.
    pub wrapped: Arc<[u8]>,
    /// The server that it was born under.
    pub incarnation: Incarnation,
}

impl std::fmt::Debug for EpochRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EpochRecord").field("number", &self.number).finish_non_exhaustive()
    }
}

/// How a conditional write ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Write {
    /// It was written.
    Applied,
    /// Another write came first, or the id is taken.
    Conflict,
    /// There was nothing to write to.
    Gone,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Records that were looked at.
    pub examined: u64,
    /// Records that had expired and were removed.
    pub expired: u64,
    /// Records without an expiry: each is a violation, and was removed.
    pub without_expiry: u64,
    /// The longest that a record had outlived its expiry.
    pub overdue: Duration,
}
