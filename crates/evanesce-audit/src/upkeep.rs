//! What keeps a log honest over time: old entries go, silence is noticed.

use std::ops::Range;
use std::time::Duration;

use evanesce_core::{Entry, Timestamp};

use crate::tilefiles::WIDTH;
use crate::{AuditError, Log, StoredLeaf, leaf_hash};

/// What [`Log::enforce`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enforced {
    /// How many leaves were forgotten now.
    pub pruned: u64,
    /// The oldest entry that can still be read, to the minute.
    pub oldest: Option<Timestamp>,
}

/// A time in which the log has no entry, not even a heartbeat: the service was down,
/// its log could not be reached, or entries were cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Silence {
    /// The last entry before it, to the minute.
    pub after: Timestamp,
    /// The first entry after it, to the minute; `None` while it lasts.
    pub until: Option<Timestamp>,
}

impl Log {
    /// Forgets the entries of each whole tile (256) whose oldest is of this age, and
    /// keeps their hashes and with them all roots.
    ///
    /// The age counts from a tile's first entry, so that it is a ceiling for all of
    /// them; a tile that is not whole yet stays. A heartbeat every eight hours fills
    /// one within 90 days.
    ///
    /// # Errors
    /// As [`Log::prune`] and [`Log::entries`].
    pub async fn enforce(&self, age: Duration) -> Result<Enforced, AuditError> {
        let limit = self.now().minus(age);
        let first = self.available_from().await?;
        let (mut at, mut oldest) = (first, None);
        while at < self.size() {
            oldest = self.oldest(at..self.size().min(at + WIDTH)).await?;
            let is_whole = at + WIDTH <= self.size();
            if !is_whole || oldest.is_none_or(|oldest| oldest > limit) {
                break;
            }
            (at, oldest) = (at + WIDTH, None);
        }
        let pruned = if at > first { self.prune(at).await? } else { 0 };
        Ok(Enforced { pruned, oldest })
    }

    /// The first entry that was not forgotten; tlog-tiles calls it the minimum index.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn available_from(&self) -> Result<u64, AuditError> {
        // Whole tiles are forgotten from the first on: halve.
        let (mut low, mut high) = (0, self.size() / WIDTH);
        while low < high {
            let middle = low + (high - low) / 2;
            let leaves = self.stored(middle * WIDTH..middle * WIDTH + 1).await?;
            if leaves.iter().any(|leaf| leaf.bytes.is_none()) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        Ok(low * WIDTH)
    }

    /// Where the entries from one on are further apart than heartbeats are. `longest`
    /// is the time between two heartbeats and a tolerance, of two minutes or more,
    /// because entries tell the minute.
    ///
    /// # Errors
    /// As [`Log::entries`].
    pub async fn silences(&self, from: u64, longest: Duration) -> Result<Vec<Silence>, AuditError> {
        let (mut times, mut at, end) = (Vec::new(), from, self.size());
        while at < end {
            let logged = self.entries(at..end).await?;
            at += logged.len() as u64;
            times.extend(logged.iter().filter_map(|logged| logged.entry.as_ref().map(Entry::at)));
        }
        Ok(silences(times, self.now(), longest))
    }

    /// Leaves of a range, each checked against its hash.
    pub(crate) async fn stored(&self, range: Range<u64>) -> Result<Vec<StoredLeaf>, AuditError> {
        let mut leaves = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let limit = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(256);
            let some = self.store().leaves(at, limit).await?;
            let is_right = |leaf: &StoredLeaf| {
                leaf.bytes.as_ref().is_none_or(|bytes| leaf_hash(bytes) == leaf.hash)
            };
            if some.is_empty() || some.len() > limit || !some.iter().all(is_right) {
                return Err(AuditError::Corrupt);
            }
            at += some.len() as u64;
            leaves.extend(some);
        }
        Ok(leaves)
    }

    async fn oldest(&self, range: Range<u64>) -> Result<Option<Timestamp>, AuditError> {
        let logged = self.entries(range).await?;
        Ok(logged.iter().filter_map(|logged| logged.entry.as_ref().map(Entry::at)).min())
    }
}

/// The silences between the times of a log's entries, in the log's order, and the one
/// that lasts until now. Whoever reads a published log finds with it that a service
/// fell silent, or that what is shown is an older log than there is.
#[must_use]
pub fn silences(
    times: impl IntoIterator<Item = Timestamp>,
    now: Timestamp,
    longest: Duration,
) -> Vec<Silence> {
    let mut silences = Vec::new();
    let mut newest: Option<Timestamp> = None;
    for at in times {
        if let Some(after) = newest
            && at.since(after) > longest
        {
            silences.push(Silence { after, until: Some(at) });
        }
        // What was counted is written with the minute in which it was counted.
        newest = newest.max(Some(at));
    }
    if let Some(after) = newest
        && now.since(after) > longest
    {
        silences.push(Silence { after, until: None });
    }
    silences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_the_open_end_are_silences_and_disorder_is_none() {
        let at = |minute: u64| Timestamp::from_millis(minute * 60_000);
        let found = |times: &[u64], now| {
            let longest = Duration::from_secs(180);
            silences(times.iter().map(|minute| at(*minute)), at(now), longest)
                .into_iter()
                .map(|s| (s.after.as_millis() / 60_000, s.until.map(|t| t.as_millis() / 60_000)))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&[1, 4, 3, 4, 7], 10), []);
        assert_eq!(found(&[1, 5, 6, 20], 21), [(1, Some(5)), (6, Some(20))]);
        assert_eq!(found(&[1, 2], 6), [(2, None)]);
        assert_eq!(found(&[], 6), []);
    }
}
