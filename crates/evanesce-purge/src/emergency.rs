use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Erasure, ErasureReason, ErasureReceipt, Error,
    Incarnation, Operation, Outcome, Presence, StoreErasure, StoreKind, Timestamp,
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

    /// Removes up to `limit` of them, and says how many; 0 when none is left.
    fn reclaim(&self, limit: usize) -> BoxFuture<'_, Result<u64, Error>>;
}

/// What an emergency purge works with.
pub struct EmergencyParts {
    /// Whose epochs end.
    pub epochs: Vec<Arc<dyn EndEpochs>>,
    /// What is retired besides.
    pub keys: Vec<Arc<dyn RetireKeys>>,
    /// Where records are removed.
    pub stores: Vec<Arc<dyn Reclaim>>,
    /// The audit log.
    pub append: Arc<dyn Append>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The longest that an operation begun before may still write.
    pub longest_operation: Duration,
    /// How many records are removed at a time.
    pub batch: usize,
    /// How long the removing may take before it is given up and reported.
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
    /// From the alarm until everything was unreadable.
    pub unreadable_after: Duration,
    /// From the alarm until everything was read back.
    pub took: Duration,
    /// How many records lay in each store before and after.
    pub counts: Vec<EmergencyCount>,
    /// The receipt.
    pub receipt: ErasureReceipt,
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
/// at once whatever its number, and retires the keys that wrapped them; then removes the records in batches, waits for
/// operations that began before, removes what they wrote, and reads back.
///
/// It may be repeated after any error.
///
/// # Errors
/// [`EmergencyError`]. A failing epoch or store does not keep the others from being
/// purged.
pub async fn emergency(parts: &EmergencyParts) -> Result<EmergencyReport, EmergencyError> {
    let alarm = parts.clock.monotonic();
    let requested = parts.clock.now();
    let mut epochs = 0u64;
    let mut standing = None;
    for port in &parts.epochs {
        match port.end().await {
            Ok(ended) => epochs = epochs.saturating_add(ended),
            Err(error) => standing = standing.or(Some(error)),
        }
    }
    let mut retired = 0u64;
    let mut kept = None;
    for keys in &parts.keys {
        match keys.retire().await {
            Ok(versions) => retired = retired.saturating_add(versions),
            Err(error) => kept = kept.or(Some(error)),
        }
    }
    let unreadable_after = parts.clock.monotonic().saturating_sub(alarm);
    let reclaimed = reclaim_all(parts, alarm).await;
    let took = parts.clock.monotonic().saturating_sub(alarm);
    let failed = match (standing, kept, &reclaimed) {
        (Some(error), ..) => Some(EmergencyError::EpochsStand(error)),
        (None, Some(error), _) => Some(EmergencyError::KeysStand(error)),
        (None, None, Err(error)) => Some(error.clone()),
        (None, None, Ok(_)) => None,
    };
    if let Some(error) = failed {
        parts.append.count(entry(parts.clock.now()).with_outcome(Outcome::Failed));
        return Err(error);
    }
    let (stores, counts) = reclaimed?;
    let completed = parts.clock.now();
    let erasure = Erasure { reason: ErasureReason::Emergency, requested, completed, stores };
    let receipt = receipt(parts, erasure).await?;
    let erasure = receipt.erasure.clone();
    Ok(EmergencyReport { erasure, epochs, retired, unreadable_after, took, counts, receipt })
}

type Reclaimed = (Vec<StoreErasure>, Vec<EmergencyCount>);

async fn reclaim_all(parts: &EmergencyParts, alarm: Duration) -> Result<Reclaimed, EmergencyError> {
    let mut first = Vec::new();
    for store in &parts.stores {
        first.push(clear(parts, store, alarm).await);
    }
    // What an operation wrote that had read its epoch before it ended.
    parts.clock.sleep(parts.longest_operation).await;
    let (mut stores, mut counts) = (Vec::new(), Vec::new());
    let mut failed = None;
    for (store, first) in parts.stores.iter().zip(first) {
        match finish(parts, store, first, alarm).await {
            Ok((erased, count)) => {
                stores.push(erased);
                counts.push(count);
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok((stores, counts)), Err)
}

// Counts, then removes batch after batch, and says how many there were and went.
async fn clear(
    parts: &EmergencyParts,
    store: &Arc<dyn Reclaim>,
    alarm: Duration,
) -> Result<(u64, u64), Error> {
    let before = store.remaining().await?;
    let mut removed = 0u64;
    while parts.clock.monotonic().saturating_sub(alarm) <= parts.within {
        match store.reclaim(parts.batch.max(1)).await? {
            0 => break,
            more => removed = removed.saturating_add(more),
        }
    }
    Ok((before, removed))
}

async fn finish(
    parts: &EmergencyParts,
    store: &Arc<dyn Reclaim>,
    first: Result<(u64, u64), Error>,
    alarm: Duration,
) -> Result<(StoreErasure, EmergencyCount), EmergencyError> {
    let second = clear(parts, store, alarm).await;
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
