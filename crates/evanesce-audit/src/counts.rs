use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use evanesce_core::{DataClass, Entry, Operation, Outcome, PurposeId, Rule, StoreKind, Timestamp};

use crate::encode;

// More kinds of entries than operations, stores, outcomes and purposes of one
// minute combine to in practice; what comes beyond is reported as lost.
const MOST: usize = 4096;

/// Entries that are added up until they are written.
#[derive(Default)]
pub(crate) struct Counts {
    sums: Mutex<HashMap<Key, u64>>,
    single: Mutex<Vec<Entry>>,
    lost: AtomicU64,
}

#[derive(Eq, Hash, PartialEq)]
struct Key {
    at: Timestamp,
    operation: Operation,
    class: DataClass,
    outcome: Outcome,
    store: Option<StoreKind>,
    purpose: Option<PurposeId>,
    rule: Option<Rule>,
}

impl Counts {
    /// Adds an entry up with equal ones.
    pub(crate) fn add(&self, entry: Entry) {
        let count = entry.count();
        if entry.commitment().is_some() {
            let mut single = lock(&self.single);
            if single.len() < MOST && encode(&entry).is_ok() {
                single.push(entry);
            } else {
                self.lose(count);
            }
            return;
        }
        // An entry that cannot be encoded later is lost now.
        if !entry.at().as_millis().is_multiple_of(60_000) {
            self.lose(count);
            return;
        }
        let mut sums = lock(&self.sums);
        let full = sums.len() >= MOST;
        match sums.entry(Key::of(entry)) {
            std::collections::hash_map::Entry::Occupied(mut sum) => {
                let sum = sum.get_mut();
                *sum = sum.saturating_add(count);
            }
            std::collections::hash_map::Entry::Vacant(place) if !full => {
                place.insert(count);
            }
            std::collections::hash_map::Entry::Vacant(_) => self.lose(count),
        }
    }

    /// Takes all sums out, oldest first.
    pub(crate) fn take(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> =
            lock(&self.sums).drain().map(|(key, count)| key.entry(count)).collect();
        entries.append(&mut lock(&self.single));
        entries.sort_by_key(|entry| (entry.at(), entry.operation(), entry.class(), entry.store()));
        entries
    }

    /// Counts what was lost, or may have been.
    pub(crate) fn lose(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Key {
    fn of(entry: Entry) -> Self {
        Self {
            at: entry.at(),
            operation: entry.operation(),
            class: entry.class(),
            outcome: entry.outcome(),
            store: entry.store(),
            purpose: entry.purpose().cloned(),
            rule: entry.rule(),
        }
    }

    fn entry(self, count: u64) -> Entry {
        let mut entry = Entry::new(self.at, self.operation, self.class)
            .with_outcome(self.outcome)
            .with_count(count);
        if let Some(store) = self.store {
            entry = entry.with_store(store);
        }
        if let Some(purpose) = self.purpose {
            entry = entry.with_purpose(purpose);
        }
        if let Some(rule) = self.rule {
            entry = entry.with_rule(rule);
        }
        entry
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use evanesce_core::Digest;

    use super::*;

    fn read(minute: u64) -> Entry {
        let at = Timestamp::from_millis(minute * 60_000);
        Entry::new(at, Operation::SessionRead, DataClass::Ephemeral).with_store(StoreKind::Redis)
    }

    #[test]
    fn equal_entries_become_one_and_others_stay_apart() {
        let counts = Counts::default();
        counts.add(read(1));
        counts.add(read(1).with_count(4));
        counts.add(read(2).with_outcome(Outcome::Failed));
        counts.add(read(2).with_commitment(Digest::new([1; 32])));
        counts.add(read(2).with_commitment(Digest::new([1; 32])));
        let taken = counts.take();
        assert_eq!(taken.first(), Some(&read(1).with_count(5)));
        assert_eq!(taken.len(), 4);
        assert!(counts.take().is_empty());
        assert_eq!(counts.lost(), 0);
    }

    #[test]
    fn what_does_not_fit_is_reported_as_lost() {
        let counts = Counts::default();
        for minute in 0..MOST as u64 + 3 {
            counts.add(read(minute).with_count(2));
        }
        counts.add(read(0));
        assert_eq!((counts.take().len(), counts.lost()), (MOST, 6));
    }
}
