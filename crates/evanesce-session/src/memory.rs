use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Digest, Erasable, Error, ErrorKind, Fence, Incarnation,
    Label, Lease, Lifetime, Presence, StoreKind, Subject, Timestamp, label,
};

use crate::packed::Packed;
use crate::steady::Steady;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::table::Table;
use crate::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, Record,
    SessionStore, Swept, Tag, Version, Write,
};

/// Sessions in this process: a table for each tag, of sealed records only, each in one
/// block of exactly its size.
///
/// Its incarnation is drawn anew for each instance, so that nothing outlives a
/// restart in meaning either. There is no thread behind it: an expired record is
/// never given out, and its ciphertext is freed when it is next asked for, when
/// [`sweep`](SessionStore::sweep) comes by, and without either as others come: each new
/// record looks at three places of its tag's table, so that whatever had expired is freed
/// once its tag got as many new records as its table has places. Where nothing is opened
/// and nobody sweeps, ciphertext stays.
pub struct MemoryStore {
    clock: Steady,
    incarnation: Mutex<Incarnation>,
    shards: Box<[Mutex<Shard>]>,
    leases: Mutex<Leases>,
    swept: Mutex<Timestamp>,
}

impl MemoryStore {
    /// An empty store that tells the time by `clock`.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the system gives no random bytes.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let clock = Steady::new(clock);
        Ok(Self {
            incarnation: Mutex::new(fresh_incarnation()?),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            leases: Mutex::new(Leases::default()),
            swept: Mutex::new(clock.now()),
            clock,
        })
    }

    /// A copy of everything that lies here, as a backup or a thief has it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.shards.iter().map(|shard| lock(shard).clone()).collect())
    }

    /// Puts a backup in the place of what lies here. As with any server that comes
    /// back with old data, this is another incarnation from then on.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the system gives no random bytes; nothing is
    /// restored then.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<(), Error> {
        // The incarnation changes first: old data is never seen under the old one.
        *lock(&self.incarnation) = fresh_incarnation()?;
        self.rewind(snapshot);
        Ok(())
    }

    /// Puts a copy back and hides it, as only a hostile store does: the incarnation
    /// stays what it was. For tests of what has to bear that.
    pub fn rewind(&self, snapshot: &Snapshot) {
        for (shard, copy) in self.shards.iter().zip(&snapshot.0) {
            lock(shard).clone_from(copy);
        }
    }

    fn shard(&self, tag: Tag) -> MutexGuard<'_, Shard> {
        let mut shard = lock(&self.shards[usize::from(tag.0) % SHARDS]);
        let now = self.clock.now();
        if shard.draining.as_ref().is_some_and(|(_, until)| *until <= now) {
            shard.draining = None;
        }
        shard
    }

    // One for each shard; a tag stands for all that share it.
    fn tags(&self) -> impl Iterator<Item = Tag> + use<> {
        (0..=u8::MAX).take(SHARDS).map(Tag)
    }

    // The caller holds the shard, so a restored copy cannot slip in between.
    fn fetched(&self, shard: &Shard, record: Option<Record>) -> Fetched {
        Fetched { record, epochs: self.epochs_of(shard) }
    }

    fn epochs_of(&self, shard: &Shard) -> Epochs {
        Epochs {
            newest: shard.newest,
            current: shard.current.clone(),
            draining: shard.draining.as_ref().map(|(epoch, _)| epoch.clone()),
            incarnation: Some(*lock(&self.incarnation)),
        }
    }

    fn writable(shard: &Shard, id: &LookupId, record: &Record, now: Timestamp) -> Option<Packed> {
        let until = record.expiry.min(now.plus(Lifetime::MAX.duration()));
        let stands = until > now && shard.stands(record.epoch);
        stands.then(|| Packed::new(id.id(), record, until))
    }
}

impl SessionStore for MemoryStore {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(ready(Ok(*lock(&self.incarnation))))
    }

    fn insert<'a>(
        &'a self,
        id: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Inserted, Error>> {
        Box::pin(async move {
            let (mut shard, now) = (self.shard(id.tag()), self.clock.now());
            let write = match Self::writable(&shard, id, record, now) {
                None => Write::Gone,
                Some(_) if shard.live(id, now).is_some() => Write::Conflict,
                Some(packed) => {
                    shard.records.insert(packed, now);
                    Write::Applied
                }
            };
            Ok(Inserted { write, epochs: self.epochs_of(&shard) })
        })
    }

    fn fetch_pair<'a>(
        &'a self,
        first: &'a LookupId,
        second: &'a LookupId,
    ) -> BoxFuture<'a, Result<FetchedPair, Error>> {
        Box::pin(async move {
            if first.tag() != second.tag() {
                return Err(PAIR_OF_TAGS);
            }
            let (mut shard, now) = (self.shard(first.tag()), self.clock.now());
            let [first, second] =
                [first, second].map(|id| shard.live(id, now).and_then(Packed::record));
            Ok(FetchedPair { first, second, epochs: self.epochs_of(&shard) })
        })
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let mut shard = self.shard(id.tag());
            let record = shard.live(id, self.clock.now()).and_then(Packed::record);
            Ok(self.fetched(&shard, record))
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let (mut shard, now) = (self.shard(id.tag()), self.clock.now());
            let lost = shard.compare(id, version, now);
            if lost != Write::Applied {
                return Ok(lost);
            }
            let Some(packed) = Self::writable(&shard, id, record, now) else {
                return Ok(Write::Gone);
            };
            shard.records.insert(packed, now);
            Ok(Write::Applied)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a LookupId,
        version: Version,
        to: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            if from.tag() != to.tag() {
                return Err(OTHER_TAG);
            }
            let (mut shard, now) = (self.shard(from.tag()), self.clock.now());
            let lost = shard.compare(from, version, now);
            if lost != Write::Applied {
                return Ok(lost);
            }
            if shard.live(to, now).is_some() {
                return Ok(Write::Conflict);
            }
            let Some(packed) = Self::writable(&shard, to, record, now) else {
                return Ok(Write::Gone);
            };
            shard.records.remove(from.id());
            shard.records.insert(packed, now);
            Ok(Write::Applied)
        })
    }

    fn remove<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let mut shard = self.shard(id.tag());
            let was = shard.live(id, self.clock.now()).is_some();
            shard.records.remove(id.id());
            Ok(if was { Write::Applied } else { Write::Gone })
        })
    }

    fn take<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let mut shard = self.shard(id.tag());
            let record = match shard.live(id, self.clock.now()) {
                None => None,
                Some(_) => shard.records.remove(id.id()).and_then(|packed| packed.record()),
            };
            Ok(self.fetched(&shard, record))
        })
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>> {
        Box::pin(async move {
            let (mut swept, begun) = (Swept::default(), self.clock.now());
            let mut left = limit;
            for shard in &self.shards {
                let (mut shard, now) = (lock(shard), self.clock.now());
                swept.examined += shard.records.len() as u64;
                shard.records.retain(|kept| {
                    let until = kept.until();
                    let stays = until > now || left == 0;
                    if !stays {
                        left -= 1;
                        swept.expired += 1;
                        swept.overdue = swept.overdue.max(now.since(until));
                    }
                    stays
                });
            }
            if left > 0 {
                *lock(&self.swept) = begun;
            }
            Ok(swept)
        })
    }

    fn reclaim_observed<'a>(
        &'a self,
        removed: &'a (dyn Fn(u64) + Send + Sync),
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let mut reclaimed = 0;
            for tag in self.tags() {
                let mut shard = self.shard(tag);
                let (before, standing) = (shard.records.len(), shard.standing());
                shard.records.retain(|kept| standing.contains(&Some(kept.epoch())));
                let gone = (before - shard.records.len()) as u64;
                drop(shard);
                if gone > 0 {
                    removed(gone);
                }
                reclaimed += gone;
            }
            Ok(reclaimed)
        })
    }

    fn unreadable(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let fallen = self.tags().map(|tag| {
                let shard = self.shard(tag);
                let standing = shard.standing();
                let falls = |kept: &&Packed| !standing.contains(&Some(kept.epoch()));
                shard.records.iter().filter(falls).count() as u64
            });
            Ok(fallen.sum())
        })
    }

    /// 24 hours, or more where records that lie here are overdue: the longest span
    /// between opening and absolute expiry, plus the time since they were last swept.
    /// Without a sweeper it grows.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(async move {
            let spans = self.shards.iter().filter_map(|shard| {
                let shard = lock(shard);
                shard.records.iter().map(Packed::span).max()
            });
            let unswept = self.clock.now().since(*lock(&self.swept));
            let overdue = spans.max().map_or(Duration::ZERO, |longest| longest + unswept);
            let worst = overdue.max(DataClass::Ephemeral.ceiling());
            Ok(Ceiling { worst: Some(worst), setting: label!("sweep interval") })
        })
    }
}

impl EpochStore for MemoryStore {
    fn epochs(&self, tag: Tag) -> BoxFuture<'_, Result<Epochs, Error>> {
        Box::pin(async move {
            let shard = self.shard(tag);
            Ok(self.epochs_of(&shard))
        })
    }

    fn begin<'a>(
        &'a self,
        tag: Tag,
        after: u64,
        next: &'a EpochRecord,
        drain: Timestamp,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            if next.number <= after {
                return Err(NOT_ABOVE);
            }
            let mut shard = self.shard(tag);
            if shard.newest != after {
                return Ok(Write::Conflict);
            }
            let now = self.clock.now();
            let until = drain.min(now.plus(Lifetime::MAX.duration()));
            let was = shard.current.replace(next.clone());
            shard.draining = was.filter(|_| until > now).map(|epoch| (epoch, until));
            shard.newest = next.number;
            Ok(Write::Applied)
        })
    }

    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let mut ended = 0;
            for tag in self.tags() {
                let mut shard = self.shard(tag);
                ended += u64::from(shard.current.take().is_some());
                ended += u64::from(shard.draining.take().is_some());
            }
            Ok(ended)
        })
    }
}

impl Erasable for MemoryStore {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        SessionStore::incarnation(self)
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async move {
            let id = LookupId::from_subject(subject, StoreKind::Memory)?;
            let live = self.shard(id.tag()).live(&id, self.clock.now()).is_some();
            Ok(if live { Presence::Present } else { Presence::Absent })
        })
    }

    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let id = LookupId::from_subject(subject, StoreKind::Memory)?;
            let removed = self.remove(&id).await?;
            Ok(u64::from(removed == Write::Applied))
        })
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        Box::pin(async move {
            let oldest = self
                .shards
                .iter()
                .filter_map(|shard| lock(shard).records.iter().map(Packed::opened).min());
            Ok(oldest.min().map(|opened| self.clock.now().since(opened)))
        })
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        SessionStore::ceiling(self)
    }
}

impl Lease for MemoryStore {
    fn acquire<'a>(
        &'a self,
        name: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut leases = lock(&self.leases);
            if leases.held.get(name).is_some_and(|(_, until)| *until > now) {
                return Ok(None);
            }
            leases.last += 1;
            let fence = Fence(leases.last);
            leases.held.insert(name.clone(), (fence, now.plus(duration)));
            Ok(Some(fence))
        })
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut leases = lock(&self.leases);
            if leases.held.get(name).is_some_and(|(held, _)| *held == fence) {
                leases.held.remove(name);
            }
            Ok(())
        })
    }
}

/// What lay in a [`MemoryStore`] at one moment: ciphertext and wrapped secrets.
#[derive(Clone)]
pub struct Snapshot(Vec<Shard>);

impl Snapshot {
    /// Every record in it.
    pub fn records(&self) -> impl Iterator<Item = (LookupId, Record)> {
        self.0.iter().zip(0..=u8::MAX).flat_map(|(shard, tag)| {
            let with_id =
                move |kept: &Packed| Some((LookupId::new(Tag(tag), *kept.id()), kept.record()?));
            shard.records.iter().filter_map(with_id)
        })
    }

    /// Every wrapped epoch secret in it.
    pub fn epochs(&self) -> impl Iterator<Item = (Tag, &EpochRecord)> {
        self.0.iter().zip(0..=u8::MAX).flat_map(|(shard, tag)| {
            let draining = shard.draining.as_ref().map(|(epoch, _)| epoch);
            shard.current.iter().chain(draining).map(move |epoch| (Tag(tag), epoch))
        })
    }

    /// The same backup with one record changed, as a hostile store may hand it back.
    #[must_use]
    pub fn with_record(mut self, id: &LookupId, record: &Record) -> Self {
        if let Some(shard) = self.0.get_mut(usize::from(id.tag().0)) {
            let packed = Packed::new(id.id(), record, record.expiry);
            // Nothing has expired at the beginning of time: a backup keeps what it has.
            shard.records.insert(packed, Timestamp::from_millis(0));
        }
        self
    }
}

#[derive(Clone, Default)]
struct Shard {
    records: Table,
    newest: u64,
    current: Option<EpochRecord>,
    draining: Option<(EpochRecord, Timestamp)>,
}

impl Shard {
    // Frees what has expired, so that no later step of a clock shows it again.
    fn live(&mut self, id: &LookupId, now: Timestamp) -> Option<&Packed> {
        if self.records.get(id.id()).is_some_and(|kept| kept.until() <= now) {
            self.records.remove(id.id());
        }
        self.records.get(id.id())
    }

    fn compare(&mut self, id: &LookupId, version: Version, now: Timestamp) -> Write {
        match self.live(id, now) {
            None => Write::Gone,
            Some(kept) if kept.version() == version => Write::Applied,
            Some(_) => Write::Conflict,
        }
    }

    fn standing(&self) -> [Option<u64>; 2] {
        let draining = self.draining.as_ref().map(|(epoch, _)| epoch.number);
        [self.current.as_ref().map(|epoch| epoch.number), draining]
    }

    fn stands(&self, epoch: u64) -> bool {
        self.standing().contains(&Some(epoch))
    }
}

#[derive(Default)]
struct Leases {
    held: HashMap<Label, (Fence, Timestamp)>,
    last: u64,
}

/// One for each tag. Under `loom` all tags share one, whose every order can be tried.
const SHARDS: usize = if cfg!(loom) { 1 } else { 256 };

const OTHER_TAG: Error = Error::new(
    ErrorKind::Invalid,
    StoreKind::Memory,
    "a session is renamed only within its own tag",
);
const PAIR_OF_TAGS: Error = Error::new(
    ErrorKind::Invalid,
    StoreKind::Memory,
    "two sessions are read at once only within one tag",
);
const NOT_ABOVE: Error =
    Error::new(ErrorKind::Invalid, StoreKind::Memory, "an epoch's number is above the one before");
const NO_RANDOM: Error = Error::new(
    ErrorKind::Unavailable,
    StoreKind::Memory,
    "the operating system gave no random bytes",
);

fn fresh_incarnation() -> Result<Incarnation, Error> {
    let mut bytes = [0; 32];
    evanesce_crypto::random(&mut bytes).map_err(|_| NO_RANDOM)?;
    Ok(Incarnation::new(StoreKind::Memory, Digest::new(bytes)))
}
