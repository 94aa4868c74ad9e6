use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{DataClass, Entry, Operation, Outcome, PurposeId, Rule, StoreKind, Timestamp};

use crate::{Role, encode};

// More kinds of entries than operations, stores, outcomes and purposes of one
// minute combine to in practice; what comes beyond is reported as lost.
const MOST: usize = 4096;

/// Entries that are added up until they are written.
#[derive(Default)]
pub(crate) struct Counts {
    sums: Mutex<Sums>,
    single: Mutex<Vec<Counted>>,
    lost: AtomicU64,
}

/// An entry that was counted, and the role in which it was.
pub(crate) type Counted = (Entry, Option<Role>);

// One kind of entry is counted many times in a row, so that the last one is not
// looked up.
#[derive(Default)]
struct Sums {
    last: Option<(Key, u64)>,
    others: HashMap<Key, u64>,
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
    overdue: Option<Duration>,
    actor: Option<Role>,
}

impl Counts {
    /// Adds an entry up with equal ones.
    pub(crate) fn add(&self, entry: Entry, actor: Option<&Role>) {
        let count = entry.count();
        if entry.commitment().is_some() {
            let mut single = lock(&self.single);
            if single.len() < MOST && encode(&entry).is_ok() {
                single.push((entry, actor.cloned()));
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
        if let Some((last, sum)) = &mut sums.last
            && last.is_of(&entry, actor)
        {
            *sum = sum.saturating_add(count);
            return;
        }
        let key = Key::of(&entry, actor);
        // Taken out, so that each kind is in one place.
        let before = sums.others.remove(&key);
        if before.is_none() && sums.len() >= MOST {
            return self.lose(count);
        }
        let sum = before.unwrap_or(0).saturating_add(count);
        if let Some((last, sum)) = sums.last.replace((key, sum)) {
            sums.others.insert(last, sum);
        }
    }

    /// Takes all sums out, oldest first.
    pub(crate) fn take(&self) -> Vec<Counted> {
        let sums = std::mem::take(&mut *lock(&self.sums));
        let all = sums.last.into_iter().chain(sums.others);
        let mut entries: Vec<Counted> = all.map(|(key, count)| key.entry(count)).collect();
        entries.append(&mut lock(&self.single));
        entries.sort_by_key(|(entry, _)| {
            (entry.at(), entry.operation(), entry.class(), entry.store())
        });
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

impl Sums {
    fn len(&self) -> usize {
        self.others.len() + usize::from(self.last.is_some())
    }
}

impl Key {
    fn is_of(&self, entry: &Entry, actor: Option<&Role>) -> bool {
        self.at == entry.at()
            && self.operation == entry.operation()
            && self.class == entry.class()
            && self.outcome == entry.outcome()
            && self.store == entry.store()
            && self.purpose.as_ref() == entry.purpose()
            && self.rule == entry.rule()
            && self.overdue == entry.overdue()
            && self.actor.as_ref() == actor
    }

    fn of(entry: &Entry, actor: Option<&Role>) -> Self {
        Self {
            at: entry.at(),
            operation: entry.operation(),
            class: entry.class(),
            outcome: entry.outcome(),
            store: entry.store(),
            purpose: entry.purpose().cloned(),
            rule: entry.rule(),
            overdue: entry.overdue(),
            actor: actor.cloned(),
        }
    }

    fn entry(self, count: u64) -> Counted {
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
        if let Some(overdue) = self.overdue {
            entry = entry.with_overdue(overdue);
        }
        (entry, self.actor)
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
        let operator = Role::new("operator");
        counts.add(read(1), None);
        counts.add(read(1).with_count(4), None);
        counts.add(read(2).with_outcome(Outcome::Failed), None);
        counts.add(read(1).with_count(3), None);
        counts.add(read(1).with_count(2), Some(&operator));
        counts.add(read(2).with_commitment(Digest::new([1; 32])), None);
        counts.add(read(2).with_commitment(Digest::new([1; 32])), None);
        let taken = counts.take();
        assert!(taken.contains(&(read(1).with_count(8), None)));
        assert!(taken.contains(&(read(1).with_count(2), Some(operator))));
        assert_eq!(taken.len(), 5);
        assert!(counts.take().is_empty());
        assert_eq!(counts.lost(), 0);
    }

    #[test]
    fn what_does_not_fit_is_reported_as_lost() {
        let counts = Counts::default();
        for minute in 0..MOST as u64 + 3 {
            counts.add(read(minute).with_count(2), None);
        }
        counts.add(read(0), None);
        assert_eq!((counts.take().len(), counts.lost()), (MOST, 6));
    }
}
