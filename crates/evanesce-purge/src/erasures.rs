use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_core::{
    Append, Clock, DataClass, Digest, Entry, Erasable, Erasure, ErasureReason, ErasureReceipt,
    Error, ErrorKind, Incarnation, Operation, Outcome, Presence, StoreErasure, StoreKind, Subject,
    Timestamp,
};
use evanesce_crypto::RootProvider;

use crate::commitment::{commitment, fresh};
use crate::job::{self, Job};
use crate::{EndEpochs, EraseError, ErasureJournal, Reclaim, SealedJob};

// How many open jobs are taken up at a time, and how many at most in one call: those of a
// store that is down must not keep back what came after them.
const RESUMED: usize = 1024;
const MOST_RESUMED: usize = 64 * 1024;

/// Erasures on request, from the sealed job to the receipt.
///
/// 1. The job is sealed into the journal.
/// 2. Each store is asked whether the subject can be read (the positive control),
///    is told to erase, and is asked again.
/// 3. An entry that commits to all this is appended to the audit log.
/// 4. The job is taken off the journal.
///
/// A future that is dropped, a process that is killed or a store that fails at any
/// step leaves the job open, and [`resume`](Self::resume) goes through all steps
/// again: each of them may be repeated. No receipt is given for what could still be
/// read.
pub struct Erasures {
    parts: ErasuresParts,
    busy: Mutex<HashSet<Digest>>,
    // What was read before an erasure whose receipt failed, for as long as this
    // process lives: afterwards only its absence can still be read.
    before: Mutex<HashMap<Digest, Attempts>>,
}

// By the place of the target in its job: the positive control, and how many
// records were removed.
type Attempts = HashMap<usize, (Presence, u64)>;

/// What erasures work with.
pub struct ErasuresParts {
    /// Where jobs are remembered.
    pub journal: Arc<dyn ErasureJournal>,
    /// The audit log.
    pub append: Arc<dyn Append>,
    /// The root that jobs are sealed under.
    pub root: Arc<dyn RootProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// One store in which a subject is to be erased.
pub struct Target {
    /// The store. A job remembers it by its kind and class of data, so that there
    /// is one of each.
    pub erasable: Arc<dyn Erasable>,
    /// The subject, in this store's terms.
    pub subject: Subject,
}

/// What became of the jobs that were open.
#[derive(Debug, Default)]
pub struct Resumed {
    /// The receipts of those that are done now.
    pub receipts: Vec<ErasureReceipt>,
    /// Why the others are still open.
    pub open: Vec<EraseError>,
}

impl Erasures {
    /// Erasures over these parts.
    #[must_use]
    pub fn new(parts: ErasuresParts) -> Self {
        Self { parts, busy: Mutex::default(), before: Mutex::default() }
    }

    /// Erases a subject in every target, reads back, and returns the receipt.
    ///
    /// # Errors
    /// [`EraseError::Targets`], [`EraseError::Crypto`] and [`EraseError::Journal`]
    /// mean that nothing was erased. Every other error leaves the job open;
    /// [`EraseError::Unreceipted`] means that all is erased and only the log failed.
    pub async fn erase(
        &self,
        reason: ErasureReason,
        targets: Vec<Target>,
    ) -> Result<ErasureReceipt, EraseError> {
        let requested = self.parts.clock.now();
        let id = fresh()?;
        let named: Vec<_> =
            targets.iter().map(|t| (t.erasable.store(), t.erasable.class(), &t.subject)).collect();
        let sealed = job::seal(&*self.parts.root, id, requested, reason, &named)?;
        let _busy = Busy::new(self, id);
        self.parts.journal.put(&sealed).await.map_err(EraseError::Journal)?;
        let asked = Entry::new(requested, Operation::ErasureRequested, class_of(&targets));
        self.parts.append.count(asked);
        self.work(id, requested, reason, &targets).await
    }

    /// Takes up the jobs that are open, oldest first, in the stores that are handed
    /// in. Call it at start, and now and then: a store may be back.
    ///
    /// # Errors
    /// [`EraseError::Journal`] if the journal cannot be read; what keeps single jobs
    /// open is in [`Resumed::open`].
    pub async fn resume(&self, stores: &[Arc<dyn Erasable>]) -> Result<Resumed, EraseError> {
        let (mut resumed, mut seen) = (Resumed::default(), HashSet::new());
        loop {
            // The journal lists the oldest first: those that stayed open, then what follows.
            let limit = (resumed.open.len() + RESUMED).min(MOST_RESUMED);
            let sealed = self.parts.journal.open(limit).await.map_err(EraseError::Journal)?;
            let listed = sealed.len();
            let fresh: Vec<_> = sealed.into_iter().filter(|job| seen.insert(job.id)).collect();
            let ended = listed < limit || fresh.is_empty();
            for sealed in fresh {
                self.resume_one(&sealed, stores, &mut resumed).await;
            }
            if ended {
                return Ok(resumed);
            }
        }
    }

    /// Where the jobs are remembered.
    #[must_use]
    pub fn store(&self) -> StoreKind {
        self.parts.journal.store()
    }

    /// Erases a store of sessions that was restored, replaced or promoted: ends the epochs
    /// that lie there, removes what was sealed under them, and reads back. Nobody asked for
    /// it, and nobody is named.
    ///
    /// # Errors
    /// [`EraseError::Store`], [`EraseError::StillPresent`] and [`EraseError::Unreceipted`];
    /// it may be repeated.
    pub async fn restored(
        &self,
        epochs: &dyn EndEpochs,
        store: &dyn Reclaim,
    ) -> Result<ErasureReceipt, EraseError> {
        let requested = self.parts.clock.now();
        let erased = async {
            epochs.end().await?;
            let before = store.remaining().await?;
            let removed = store.reclaim(&|_| ()).await?;
            Ok((before, removed, store.remaining().await?, store.incarnation().await?))
        };
        let (before, removed, after, incarnation) = erased.await.map_err(EraseError::Store)?;
        if after > 0 {
            return Err(EraseError::StillPresent(store.store()));
        }
        let erased = StoreErasure {
            store: store.store(),
            incarnation,
            before: if before > 0 { Presence::Present } else { Presence::Absent },
            removed,
            after: Presence::Absent,
        };
        let completed = self.parts.clock.now();
        let reason = ErasureReason::Restored;
        let erasure = Erasure { reason, requested, completed, stores: vec![erased] };
        self.receipt(erasure, DataClass::Ephemeral).await
    }

    /// How many jobs are open, counted up to `limit`.
    ///
    /// # Errors
    /// [`EraseError::Journal`].
    pub async fn open(&self, limit: usize) -> Result<usize, EraseError> {
        Ok(self.parts.journal.open(limit).await.map_err(EraseError::Journal)?.len())
    }

    async fn resume_one(
        &self,
        sealed: &SealedJob,
        stores: &[Arc<dyn Erasable>],
        resumed: &mut Resumed,
    ) {
        if lock(&self.busy).contains(&sealed.id) {
            return;
        }
        let _busy = Busy::new(self, sealed.id);
        let done = match job::open(&*self.parts.root, sealed) {
            Ok(job) => self.take_up(job, stores).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(receipt) => resumed.receipts.push(receipt),
            Err(error) => resumed.open.push(error),
        }
    }

    async fn take_up(
        &self,
        job: Job,
        stores: &[Arc<dyn Erasable>],
    ) -> Result<ErasureReceipt, EraseError> {
        let mut targets = Vec::new();
        for target in job.targets {
            let known = |store: &&Arc<dyn Erasable>| {
                store.store() == target.store && store.class() == target.class
            };
            let erasable = stores.iter().find(known);
            let erasable = erasable.ok_or(EraseError::UnknownStore(target.store))?;
            targets.push(Target { erasable: Arc::clone(erasable), subject: target.subject });
        }
        self.work(job.id, job.requested, job.reason, &targets).await
    }

    async fn work(
        &self,
        id: Digest,
        requested: Timestamp,
        reason: ErasureReason,
        targets: &[Target],
    ) -> Result<ErasureReceipt, EraseError> {
        let mut stores = Vec::new();
        let mut failed = None;
        for (at, target) in targets.iter().enumerate() {
            match erase_one(target).await {
                Ok(erased) => stores.push(self.joined(id, at, erased)),
                // The other stores are erased all the same.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            let entry = Entry::new(self.parts.clock.now(), Operation::Erased, class_of(targets));
            self.parts.append.count(entry.with_outcome(Outcome::Failed));
            return Err(error);
        }
        let completed = self.parts.clock.now();
        let erasure = Erasure { reason, requested, completed, stores };
        let receipt = self.receipt(erasure, class_of(targets)).await?;
        // A job that could not be taken off is worked on again and gets a second true
        // receipt; this one is no less true for it.
        if self.parts.journal.done(&id).await.is_ok() {
            lock(&self.before).remove(&id);
        }
        Ok(receipt)
    }

    async fn receipt(
        &self,
        erasure: Erasure,
        class: DataClass,
    ) -> Result<ErasureReceipt, EraseError> {
        let salt = fresh()?;
        let removed = erasure.stores.iter().map(|store| store.removed).sum();
        let mut entry = Entry::new(erasure.completed, Operation::Erased, class)
            .with_count(removed)
            .with_commitment(commitment(&salt, &erasure)?);
        if let [only] = &erasure.stores[..] {
            entry = entry.with_store(only.store);
        }
        match self.parts.append.append(entry.clone()).await {
            Ok(incorporated) => Ok(ErasureReceipt { erasure, salt, entry, incorporated }),
            Err(cause) => Err(EraseError::Unreceipted { erasure: Box::new(erasure), cause }),
        }
    }

    // Joins what this attempt read with what earlier ones of this process did.
    fn joined(&self, id: Digest, at: usize, mut erased: StoreErasure) -> StoreErasure {
        let mut before = lock(&self.before);
        let known = before.entry(id).or_default().entry(at).or_insert((erased.before, 0));
        if known.0 == Presence::Present {
            erased.before = Presence::Present;
        }
        erased.removed = erased.removed.saturating_add(known.1);
        *known = (erased.before, erased.removed);
        erased
    }
}

// Marks a job as worked on, so that no second worker of this process takes it up.
struct Busy<'a> {
    of: &'a Erasures,
    id: Digest,
}

impl<'a> Busy<'a> {
    fn new(of: &'a Erasures, id: Digest) -> Self {
        lock(&of.busy).insert(id);
        Self { of, id }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(&self.of.busy).remove(&self.id);
    }
}

async fn erase_one(target: &Target) -> Result<StoreErasure, EraseError> {
    let (store, subject) = (&target.erasable, &target.subject);
    // A control that fails keeps the job open, but it does not keep the data.
    let control = control(store, subject).await;
    let removed = match store.erase(subject).await {
        Ok(removed) => Ok(removed),
        // It was sent; what is read afterwards decides.
        Err(error) if error.kind() == ErrorKind::Unconfirmed => Err(error),
        Err(error) => return Err(EraseError::Store(error)),
    };
    let (born, before) = control.map_err(EraseError::Store)?;
    let after = store.presence(subject).await.map_err(EraseError::Store)?;
    let incarnation = store.incarnation().await.map_err(EraseError::Store)?;
    if incarnation != born {
        return Err(EraseError::Replaced(store.store()));
    }
    let removed = match (after, removed) {
        (Presence::Present, _) => return Err(EraseError::StillPresent(store.store())),
        (Presence::Absent, removed) => removed.unwrap_or(0),
        // Nothing was read, so there is only the acknowledgement to go by.
        (Presence::NotAddressable, removed) => removed.map_err(EraseError::Store)?,
    };
    Ok(StoreErasure { store: store.store(), incarnation, before, removed, after })
}

async fn control(
    store: &Arc<dyn Erasable>,
    subject: &Subject,
) -> Result<(Incarnation, Presence), Error> {
    let incarnation = store.incarnation().await?;
    Ok((incarnation, store.presence(subject).await?))
}

// The most sensitive class among the targets; classes are ordered so.
fn class_of(targets: &[Target]) -> DataClass {
    let classes = targets.iter().map(|target| target.erasable.class());
    classes.min().unwrap_or(DataClass::Ephemeral)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
