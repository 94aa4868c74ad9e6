use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Digest, Erasable, Error, ErrorKind, Fence, Incarnation,
    Label, Lease, Lifetime, Presence, StoreKind, Subject, Timestamp,
};

use crate::steady::Steady;
use crate::{
    EpochRecord, EpochStore, Epochs, Fetched, LookupId, Record, SessionStore, Swept, Tag, Version,
    Write,
};

/// Sessions in this process: a map for each tag, of sealed records only.
///
/// Its incarnation is drawn anew for each instance, so that nothing outlives a
/// restart in meaning either. There is no thread behind it: an expired record is
/// never given out, and its ciphertext is freed when it is next asked for or when
/// [`sweep`](SessionStore::sweep) comes by.
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
            shards: (0..=u8::MAX).map(|_| Mutex::default()).collect(),
            leases: Mutex::default(),
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
        let mut shard = lock(&self.shards[usize::from(tag.0)]);
        let now = self.clock.now();
        if shard.draining.as_ref().is_some_and(|(_, until)| *until <= now) {
            shard.draining = None;
        }
        shard
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

    fn writable(&self, shard: &Shard, record: &Record) -> Option<Kept> {
        let now = self.clock.now();
        let until = record.expiry.min(now.plus(Lifetime::MAX.duration()));
        (until > now && shard.stands(record.epoch)).then(|| Kept { record: record.clone(), until })
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
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let mut shard = self.shard(id.tag());
            let Some(kept) = self.writable(&shard, record) else { return Ok(Write::Gone) };
            if shard.live(id, self.clock.now()).is_some() {
                return Ok(Write::Conflict);
            }
            shard.records.insert(*id.id(), kept);
            Ok(Write::Applied)
        })
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let mut shard = self.shard(id.tag());
            let record = shard.live(id, self.clock.now()).map(|kept| kept.record.clone());
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
            let mut shard = self.shard(id.tag());
            let lost = shard.compare(id, version, self.clock.now());
            if lost != Write::Applied {
                return Ok(lost);
            }
            let Some(kept) = self.writable(&shard, record) else { return Ok(Write::Gone) };
            shard.records.insert(*id.id(), kept);
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
            let now = self.clock.now();
            let mut shard = self.shard(from.tag());
            let lost = shard.compare(from, version, now);
            if lost != Write::Applied {
                return Ok(lost);
            }
            if shard.live(to, now).is_some() {
                return Ok(Write::Conflict);
            }
            let Some(kept) = self.writable(&shard, record) else { return Ok(Write::Gone) };
            shard.records.remove(from.id());
            shard.records.insert(*to.id(), kept);
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
                Some(_) => shard.records.remove(id.id()).map(|kept| kept.record),
            };
            Ok(self.fetched(&shard, record))
        })
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>> {
        Box::pin(async move {
            let (mut swept, begun) = (Swept::default(), self.clock.now());
            let mut left = limit;
            for tag in 0..=u8::MAX {
                let mut shard = self.shard(Tag(tag));
                let now = self.clock.now();
                swept.examined += shard.records.len() as u64;
                shard.records.retain(|_, kept| {
                    let stays = kept.until > now || left == 0;
                    if !stays {
                        left -= 1;
                        swept.expired += 1;
                        swept.overdue = swept.overdue.max(now.since(kept.until));
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

    fn reclaim(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let clear = |shard: &Mutex<Shard>| std::mem::take(&mut lock(shard).records).len();
            Ok(self.shards.iter().map(|shard| clear(shard) as u64).sum())
        })
    }

    /// 24 hours, or more where records that lie here are overdue: the longest span
    /// between opening and absolute expiry, plus the time since they were last swept.
    /// Without a sweeper it grows.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(async move {
            let spans = self.shards.iter().filter_map(|shard| {
                let shard = lock(shard);
                shard.records.values().map(|k| k.record.absolute.since(k.record.opened)).max()
            });
            const SWEEP: Label = Label::new("sweep interval");
            let unswept = self.clock.now().since(*lock(&self.swept));
            let overdue = spans.max().map_or(Duration::ZERO, |longest| longest + unswept);
            let worst = overdue.max(DataClass::Ephemeral.ceiling());
            Ok(Ceiling { worst: Some(worst), setting: SWEEP })
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
            for tag in 0..=u8::MAX {
                let mut shard = self.shard(Tag(tag));
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
            let oldest = self.shards.iter().filter_map(|shard| {
                lock(shard).records.values().map(|kept| kept.record.opened).min()
            });
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
    pub fn records(&self) -> impl Iterator<Item = (LookupId, &Record)> {
        self.0.iter().zip(0..=u8::MAX).flat_map(|(shard, tag)| {
            let id = move |id: &[u8; 32]| LookupId::new(Tag(tag), *id);
            shard.records.iter().map(move |(key, kept)| (id(key), &kept.record))
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
            let until = record.expiry;
            shard.records.insert(*id.id(), Kept { record: record.clone(), until });
        }
        self
    }
}

#[derive(Clone, Default)]
struct Shard {
    records: HashMap<[u8; 32], Kept>,
    newest: u64,
    current: Option<EpochRecord>,
    draining: Option<(EpochRecord, Timestamp)>,
}

impl Shard {
    // Frees what has expired, so that no later step of a clock shows it again.
    fn live(&mut self, id: &LookupId, now: Timestamp) -> Option<&Kept> {
        if self.records.get(id.id()).is_some_and(|kept| kept.until <= now) {
            self.records.remove(id.id());
        }
        self.records.get(id.id())
    }

    fn compare(&mut self, id: &LookupId, version: Version, now: Timestamp) -> Write {
        match self.live(id, now) {
            None => Write::Gone,
            Some(kept) if kept.record.version == version => Write::Applied,
            Some(_) => Write::Conflict,
        }
    }

    fn stands(&self, epoch: u64) -> bool {
        let draining = self.draining.as_ref().map(|(epoch, _)| epoch);
        self.current.iter().chain(draining).any(|standing| standing.number == epoch)
    }
}

#[derive(Clone)]
struct Kept {
    record: Record,
    until: Timestamp,
}

#[derive(Default)]
struct Leases {
    held: HashMap<Label, (Fence, Timestamp)>,
    last: u64,
}

const OTHER_TAG: Error = Error::new(
    ErrorKind::Invalid,
    StoreKind::Memory,
    "a session is renamed only within its own tag",
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
