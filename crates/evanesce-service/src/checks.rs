use std::sync::Arc;

use evanesce_audit::{Continuity, Log, Retained};
use evanesce_core::{
    Append, Clock, DataClass, Entry, Erasable, Error, ErrorKind, Evidence, FnProbe, Operation,
    Reading, Rule, StoreKind, label,
};
use evanesce_memory::{
    HeapEvidence, MemoryError, Rung, SecretBytes, canary_violations, heap_is_wiped,
    process_protection,
};
use evanesce_purge::{RetentionRow, retention};

use crate::StartError;
use crate::builder::Mode;

/// How long one store keeps one class of data, and whether that keeps the promise.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was computed and measured.
    pub retention: RetentionRow,
    /// What follows.
    pub verdict: Verdict,
}

/// Whether a store keeps a promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It does not.
    Broken,
    /// It does, by its settings and by what was read.
    Kept,
    /// It could not be found out.
    Unknown,
}

impl Check {
    pub(crate) fn into_retained(self) -> Retained {
        let row = self.retention;
        Retained {
            store: row.store,
            class: row.class,
            ceiling: row.ceiling,
            setting: row.setting,
            oldest: row.oldest,
        }
    }
}

pub(crate) async fn checks(clock: &dyn Clock, stores: &[Arc<dyn Erasable>]) -> Vec<Check> {
    let rows = retention(clock, stores).await;
    rows.into_iter()
        .map(|row| {
            let verdict = match row.keeps() {
                Some(true) => Verdict::Kept,
                Some(false) => Verdict::Broken,
                None => Verdict::Unknown,
            };
            Check { retention: row, verdict }
        })
        .collect()
}

/// Refuses what cannot be kept, or writes down that it was accepted. What could not be
/// found out counts as not kept.
pub(crate) async fn enforce(
    mode: Mode,
    clock: &dyn Clock,
    stores: &[Arc<dyn Erasable>],
    audit: &dyn Append,
) -> Result<(), StartError> {
    for store in stores {
        // A store that does not answer is an error of its own, and a clearer one.
        store.incarnation().await?;
        match store.demand(clock).await {
            Err(error) if error.kind() != ErrorKind::Refused => {
                return Err(StartError::Store(error));
            }
            Err(error) if mode == Mode::Strict => return Err(StartError::Setting(error)),
            Err(_) => audit.append(overridden(clock, store.store())).await.map(drop)?,
            Ok(()) => {}
        }
        if store.chosen().is_some() {
            audit.append(overridden(clock, store.store())).await?;
        }
    }
    for check in checks(clock, stores).await {
        if check.verdict == Verdict::Kept {
            continue;
        }
        let row = check.retention;
        if mode == Mode::Strict {
            return Err(StartError::Ceiling { store: row.store, setting: row.setting });
        }
        let entry = overridden(clock, row.store).with_rule(Rule::RetentionCeiling);
        audit.append(entry).await?;
    }
    Ok(())
}

fn overridden(clock: &dyn Clock, store: StoreKind) -> Entry {
    Entry::new(clock.now(), Operation::PolicyOverridden, DataClass::Operational).with_store(store)
}

/// Refuses a log with entries that nothing outside its store vouches for, since it may
/// have gone back in time, or writes down that it was accepted.
pub(crate) async fn continuity(mode: Mode, clock: &dyn Clock, log: &Log) -> Result<(), StartError> {
    if log.continuity() != Continuity::Unwitnessed {
        return Ok(());
    }
    if mode == Mode::Strict {
        return Err(StartError::Unwitnessed);
    }
    let entry = Entry::new(clock.now(), Operation::PolicyOverridden, DataClass::Operational);
    log.append(entry).await?;
    Ok(())
}

/// What this process says of its own memory.
pub(crate) async fn process(clock: &dyn Clock) -> Vec<Evidence> {
    let rung = FnProbe::new(
        StoreKind::Memory,
        label!("memory for secrets"),
        label!("rung of a fresh allocation"),
        || {
            let secret = SecretBytes::zeroed(32).map_err(evanesce_crypto::CryptoError::from)?;
            Ok(Reading::Word(match secret.rung() {
                Rung::Kernel => label!("hidden from the kernel"),
                Rung::Locked => label!("locked"),
                _ => label!("wiped only"),
            }))
        },
    );
    let heap = FnProbe::new(
        StoreKind::Memory,
        label!("heap"),
        label!("asked of the installed allocator"),
        || {
            Ok(Reading::Word(match heap_is_wiped() {
                HeapEvidence::Wiped => label!("Wiped"),
                _ => label!("HeapNotWiped"),
            }))
        },
    );
    let canaries = FnProbe::new(
        StoreKind::Memory,
        label!("damaged canaries in guarded memory"),
        label!("compared when each slot is given back"),
        || Ok(Reading::Count(canary_violations() as u64)),
    );
    let dumps = FnProbe::new(
        StoreKind::Memory,
        label!("core dumps and tracing"),
        label!("PR_GET_DUMPABLE and RLIMIT_CORE"),
        || {
            let told = process_protection().map_err(|_: MemoryError| UNREADABLE)?;
            Ok(Reading::Word(match (told.dumpable, told.core_limit) {
                (false, 0) => label!("forbidden"),
                _ => label!("allowed"),
            }))
        },
    );
    vec![
        Evidence::measure(clock, &dumps).await,
        Evidence::measure(clock, &rung).await,
        Evidence::measure(clock, &heap).await,
        Evidence::measure(clock, &canaries).await,
    ]
}

const UNREADABLE: Error =
    Error::new(ErrorKind::Unavailable, StoreKind::Memory, "the kernel does not tell its settings");
