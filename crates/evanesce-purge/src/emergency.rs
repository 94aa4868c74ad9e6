use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Erasure, ErasureReason, ErasureReceipt, Error,
    Incarnation, Label, Operation, Outcome, Presence, StoreErasure, StoreKind, Timestamp,
};

use crate::EraseError;
use crate::commitment::{commitment, fresh};

/// What makes everything of Class 1 unreadable at once.
pub trait EndEpochs: Send + Sync {
    /// Ends all epochs, current and draining, and says how many there were. When
    /// it returns, no node opens a record that was sealed under one of them.
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>>;
}

/// Keys outside the stores under which epochs are wrapped. Once they are retired, an old
/// copy of a store opens nothing, even beside a client's token.
pub trait RetireKeys: Send + Sync {
    /// Makes fresh keys and forgets all before them, for good; says how many were
    /// forgotten.
    fn retire(&self) -> BoxFuture<'_, Result<u64, Error>>;
}

/// A store whose unreadable records are removed.
pub trait Reclaim: Send + Sync {
    /// Which store.
    fn store(&self) -> StoreKind;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// How many records of ended epochs lie there.
    fn remaining(&self) -> BoxFuture<'_, Result<u64, Error>>;

    /// Removes them all in bounded batches, says how many, and tells `removed` the size of
    /// each batch that is gone. It may be dropped at any await.
    fn reclaim<'a>(&'a self, removed: &'a Removed<'a>) -> BoxFuture<'a, Result<u64, Error>>;
}

/// Who is told how many records are gone, batch by batch.
pub type Removed<'a> = dyn Fn(u64) + Send + Sync + 'a;

/// What a node holds in memory or in folders of its own besides sessions: keys of windows,
/// what waits for a store, temporary files.
pub trait Forget: Send + Sync {
    /// What it is.
    fn name(&self) -> Label;

    /// Forgets all of it, and says how much that was. When it returns, it is gone.
    fn forget(&self) -> BoxFuture<'_, Result<u64, Error>>;
}

/// What an emergency purge works with.
pub struct EmergencyParts {
    /// Whose epochs end.
    pub epochs: Vec<Arc<dyn EndEpochs>>,
    /// What is retired besides.
    pub keys: Vec<Arc<dyn RetireKeys>>,
    /// What this node forgets.
    pub memory: Vec<Arc<dyn Forget>>,
    /// Where records are removed.
    pub stores: Vec<Arc<dyn Reclaim>>,
    /// The audit log.
    pub append: Arc<dyn Append>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The longest that an operation begun before may still write.
    pub longest_operation: Duration,
    /// How long the removing may take before it is broken off and reported.
    pub within: Duration,
}

/// What an emergency purge did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EmergencyReport {
    /// What was done and read, store by store.
    pub erasure: Erasure,
    /// How many epochs were ended.
    pub epochs: u64,
    /// How many versions of wrapping keys were retired.
    pub retired: u64,
    /// What the node forgot, and how much of it.
    pub forgotten: Vec<(Label, u64)>,
    /// From the alarm until everything was unreadable.
    pub unreadable_after: Duration,
    /// From the alarm until everything was read back.
    pub took: Duration,
    /// How many records lay in each store before and after.
    pub counts: Vec<EmergencyCount>,
    /// The receipt.
    pub receipt: ErasureReceipt,
}

/// How far an emergency purge is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EmergencyStep {
    /// The epochs have ended and the keys are retired: whatever is left is ciphertext that
    /// nothing opens.
    Unreadable,
    /// Records are gone from a store.
    Removed {
        /// The store.
        store: StoreKind,
        /// How many are gone.
        removed: u64,
        /// How many there were to begin with.
        of: u64,
    },
    /// Operations that began before may still write: they are waited for.
    Waiting,
    /// Everything was read back.
    ReadBack,
}

/// How many records lay in a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EmergencyCount {
    /// The store.
    pub store: StoreKind,
    /// After the epochs ended and before anything was removed.
    pub before: u64,
    /// At the end.
    pub after: u64,
}

/// Why an emergency purge has no receipt.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmergencyError {
    /// An epoch could not be ended: its records may still be readable. What could
    /// be removed was removed.
    #[error("an epoch could not be ended; its records may still be readable")]
    EpochsStand(#[source] Error),
    /// Every epoch was ended, but a wrapping key could not be retired: an old copy of the
    /// store may still be readable, to whoever has a client's token.
    #[error("a wrapping key could not be retired; an old copy of the store may be readable")]
    KeysStand(#[source] Error),
    /// Every epoch was ended, but the node could not forget something of its own.
    #[error("every epoch was ended, but the node could not forget something of its own")]
    MemoryStands(#[source] Error),
    /// The receipt could not be made.
    #[error("the receipt could not be made")]
    Receipt(#[source] EraseError),
    /// Everything is unreadable, and records were left over.
    #[error("everything is unreadable, but records are left in {0}")]
    Remaining(StoreKind),
    /// Everything is unreadable, and a store failed while records were removed.
    #[error("everything is unreadable, but a store failed while records were removed")]
    Store(#[source] Error),
    /// Everything was purged and read back; only the audit log could not be told.
    #[error("purged and read back, but the audit log gave no receipt")]
    Unreceipted {
        /// What was done and read.
        erasure: Box<Erasure>,
        /// What the log answered.
        #[source]
        cause: Error,
    },
}

/// Purges everything of Class 1: ends the epochs first, so that all is unreadable
/// at once whatever its number, and retires the keys that wrapped them; then this node
/// forgets what it holds; then the records are removed in batches, operations that began
/// before are waited for, what they wrote is removed, and everything is read back.
///
/// Other nodes hold nothing that opens a record of an ended epoch: what they prepared is
/// refused by the store and dropped, and their windows' keys die within 24 hours, or at
/// once where they are told to purge too.
///
/// It may be repeated after any error.
///
/// # Errors
/// [`EmergencyError`]. A failing epoch or store does not keep the others from being
/// purged.
pub async fn emergency(parts: &EmergencyParts) -> Result<EmergencyReport, EmergencyError> {
    emergency_observed(parts, &|_| ()).await
}

/// As [`emergency`], and tells how far it is, for whoever watches: a progress bar, a log.
///
/// # Errors
/// Those of [`emergency`].
pub async fn emergency_observed(
    parts: &EmergencyParts,
    observe: &(dyn Fn(EmergencyStep) + Send + Sync),
) -> Result<EmergencyReport, EmergencyError> {
    let alarm = parts.clock.monotonic();
    let requested = parts.clock.now();
    let ended = end_all(parts).await;
    if ended.is_ok() {
        observe(EmergencyStep::Unreadable);
    }
    let unreadable_after = parts.clock.monotonic().saturating_sub(alarm);
    let forgotten = forget_all(parts).await;
    let reclaimed = reclaim_all(parts, alarm, observe).await;
    let took = parts.clock.monotonic().saturating_sub(alarm);
    let all = ended.and_then(|ended| Ok((ended, forgotten?, reclaimed?)));
    let ((epochs, retired), forgotten, (stores, counts)) = match all {
        Ok(all) => all,
        Err(error) => {
            parts.append.count(entry(parts.clock.now()).with_outcome(Outcome::Failed));
            return Err(error);
        }
    };
    observe(EmergencyStep::ReadBack);
    let completed = parts.clock.now();
    let erasure = Erasure { reason: ErasureReason::Emergency, requested, completed, stores };
    let receipt = receipt(parts, erasure).await?;
    let erasure = receipt.erasure.clone();
    Ok(EmergencyReport {
        erasure,
        epochs,
        retired,
        forgotten,
        unreadable_after,
        took,
        counts,
        receipt,
    })
}

// Whatever fails, everything else is ended; the worst failure is told.
async fn end_all(parts: &EmergencyParts) -> Result<(u64, u64), EmergencyError> {
    let (mut epochs, mut standing) = (0u64, None);
    for port in &parts.epochs {
        match port.end().await {
            Ok(ended) => epochs = epochs.saturating_add(ended),
            Err(error) => standing = standing.or(Some(error)),
        }
    }
    let (mut retired, mut kept) = (0u64, None);
    for keys in &parts.keys {
        match keys.retire().await {
            Ok(versions) => retired = retired.saturating_add(versions),
            Err(error) => kept = kept.or(Some(error)),
        }
    }
    match (standing, kept) {
        (Some(error), _) => Err(EmergencyError::EpochsStand(error)),
        (None, Some(error)) => Err(EmergencyError::KeysStand(error)),
        (None, None) => Ok((epochs, retired)),
    }
}

async fn forget_all(parts: &EmergencyParts) -> Result<Vec<(Label, u64)>, EmergencyError> {
    let (mut forgotten, mut failed) = (Vec::new(), None);
    for memory in &parts.memory {
        match memory.forget().await {
            Ok(count) => forgotten.push((memory.name(), count)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(forgotten), |error| Err(EmergencyError::MemoryStands(error)))
}

type Reclaimed = (Vec<StoreErasure>, Vec<EmergencyCount>);
type Observe<'a> = dyn Fn(EmergencyStep) + Send + Sync + 'a;

async fn reclaim_all(
    parts: &EmergencyParts,
    alarm: Duration,
    observe: &Observe<'_>,
) -> Result<Reclaimed, EmergencyError> {
    let mut first = Vec::new();
    for store in &parts.stores {
        first.push(clear(parts, store, alarm, observe).await);
    }
    // What an operation wrote that had read its epoch before it ended.
    observe(EmergencyStep::Waiting);
    parts.clock.sleep(parts.longest_operation).await;
    let (mut stores, mut counts) = (Vec::new(), Vec::new());
    let mut failed = None;
    for (store, first) in parts.stores.iter().zip(first) {
        match finish(parts, store, first, (alarm, observe)).await {
            Ok((erased, count)) => {
                stores.push(erased);
                counts.push(count);
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok((stores, counts)), Err)
}

// Counts, then removes until none is left or the time is over, and says how many there were
// and went.
async fn clear(
    parts: &EmergencyParts,
    store: &Arc<dyn Reclaim>,
    alarm: Duration,
    observe: &Observe<'_>,
) -> Result<(u64, u64), Error> {
    let before = store.remaining().await?;
    let removed = AtomicU64::new(0);
    let tell = |gone: u64| {
        let removed = removed.fetch_add(gone, Ordering::Relaxed).saturating_add(gone);
        observe(EmergencyStep::Removed { store: store.store(), removed, of: before });
    };
    let until = alarm.saturating_add(parts.within);
    let left = until.saturating_sub(parts.clock.monotonic());
    let mut over = parts.clock.sleep(left);
    let mut reclaim = store.reclaim(&tell);
    let ended = poll_fn(|context| match reclaim.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => over.as_mut().poll(context).map(|()| None),
    });
    match ended.await {
        Some(done) => Ok((before, done?)),
        // Broken off: what is left shows when it is counted.
        None => Ok((before, removed.load(Ordering::Relaxed))),
    }
}

async fn finish(
    parts: &EmergencyParts,
    store: &Arc<dyn Reclaim>,
    first: Result<(u64, u64), Error>,
    (alarm, observe): (Duration, &Observe<'_>),
) -> Result<(StoreErasure, EmergencyCount), EmergencyError> {
    let second = clear(parts, store, alarm, observe).await;
    let (before, removed) = first.map_err(EmergencyError::Store)?;
    let (_, late) = second.map_err(EmergencyError::Store)?;
    let after = store.remaining().await.map_err(EmergencyError::Store)?;
    if after > 0 {
        return Err(EmergencyError::Remaining(store.store()));
    }
    let erased = StoreErasure {
        store: store.store(),
        incarnation: store.incarnation().await.map_err(EmergencyError::Store)?,
        before: if before > 0 { Presence::Present } else { Presence::Absent },
        removed: removed.saturating_add(late),
        after: Presence::Absent,
    };
    Ok((erased, EmergencyCount { store: store.store(), before, after }))
}

async fn receipt(
    parts: &EmergencyParts,
    erasure: Erasure,
) -> Result<ErasureReceipt, EmergencyError> {
    let salt = fresh().map_err(EmergencyError::Receipt)?;
    let committed = commitment(&salt, &erasure).map_err(EmergencyError::Receipt)?;
    let removed = erasure.stores.iter().map(|store| store.removed).sum();
    let entry = entry(erasure.completed).with_count(removed).with_commitment(committed);
    match parts.append.append(entry.clone()).await {
        Ok(incorporated) => Ok(ErasureReceipt { erasure, salt, entry, incorporated }),
        Err(cause) => Err(EmergencyError::Unreceipted { erasure: Box::new(erasure), cause }),
    }
}

const fn entry(at: Timestamp) -> Entry {
    Entry::new(at, Operation::EmergencyPurged, DataClass::Ephemeral)
}
