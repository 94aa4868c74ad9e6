use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{Incarnation, Namespace};
use evanesce_crypto::{CryptoError, random};
use evanesce_memory::{SecretBytes, wipe_slice};

use crate::keys::{self, SHARE, Salt, Share};
use crate::{EpochRecord, SessionError, Tag};

/// How many openings of one tag are prepared at most.
pub(crate) const MOST: usize = 16;

/// With fewer left than this, more are made: of openings at once, the next has one too.
const FEW: usize = 2;

/// How long a prepared share is kept, plus a minute at most.
pub(crate) const KEPT: Duration = Duration::from_secs(15 * 60);

/// Shares for openings to come, tag by tag, so that an opening needs no question first.
///
/// A node keeps no epoch secret beyond an operation, and cannot seal without one. While it
/// holds one it derives the shares of a few records that do not exist yet. Such a share
/// opens nothing that exists, is used once and wiped, and is worth nothing after its epoch:
/// the store refuses an insertion under one that does not stand.
pub(crate) struct Stocks {
    tags: Box<[Mutex<Option<Stock>>]>,
    // When the next look for what is too old is due, in milliseconds of the monotonic clock.
    due: AtomicU64,
}

impl Stocks {
    pub(crate) fn new() -> Self {
        let tags = (0..=u8::MAX).map(|_| Mutex::default()).collect();
        Self { tags, due: AtomicU64::new(0) }
    }

    /// A share to open one session with, and the number of its epoch.
    pub(crate) fn take(
        &self,
        tag: Tag,
        now: Duration,
    ) -> Result<Option<(u64, Share)>, SessionError> {
        self.drop_old(now);
        let mut held = self.of(tag);
        let Some(stock) = held.as_mut().filter(|stock| !stock.is_old(now)) else {
            *held = None;
            return Ok(None);
        };
        let epoch = stock.epoch;
        Ok(stock.take()?.map(|share| (epoch, share)))
    }

    /// Whether so little is left that more should be made.
    pub(crate) fn wants(&self, tag: Tag) -> bool {
        self.of(tag).as_ref().is_none_or(|stock| stock.salts.len() < FEW)
    }

    /// Drops what was prepared for any other epoch than this one.
    pub(crate) fn keep_only(&self, tag: Tag, epoch: Option<&EpochRecord>) {
        let mut held = self.of(tag);
        if let Some(stock) = &*held
            && !epoch.is_some_and(|epoch| stock.is_of(epoch))
        {
            *held = None;
        }
    }

    /// Prepares openings under an epoch whose secret is at hand, unless `still` says that
    /// it has ended meanwhile.
    pub(crate) fn fill(
        &self,
        namespace: &Namespace,
        tag: Tag,
        (epoch, secret): (&EpochRecord, &SecretBytes),
        now: Duration,
        still: impl FnOnce() -> bool,
    ) -> Result<(), SessionError> {
        let stock = Stock::make(namespace, tag, (epoch, secret), now)?;
        let mut held = self.of(tag);
        // Asked under the lock: whoever ends epochs says so first and empties then.
        *held = still().then_some(stock);
        Ok(())
    }

    /// Drops what is prepared for one tag.
    pub(crate) fn empty(&self, tag: Tag) {
        *self.of(tag) = None;
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        (0..=u8::MAX).for_each(|tag| self.empty(Tag(tag)));
    }

    /// How many shares are prepared.
    pub(crate) fn count(&self) -> usize {
        let count = |tag| self.of(Tag(tag)).as_ref().map_or(0, |stock| stock.salts.len());
        (0..=u8::MAX).map(count).sum()
    }

    // Once a minute, so that no tag keeps for long what nobody came for.
    fn drop_old(&self, now: Duration) {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let due = self.due.load(Ordering::Relaxed);
        let next = now_ms.saturating_add(60_000);
        let take = || self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if now_ms < due || take().is_err() {
            return;
        }
        for tag in (0..=u8::MAX).map(Tag) {
            let mut held = self.of(tag);
            held.take_if(|stock| stock.is_old(now));
        }
    }

    fn of(&self, tag: Tag) -> MutexGuard<'_, Option<Stock>> {
        self.tags[usize::from(tag.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Stock {
    epoch: u64,
    incarnation: Incarnation,
    made: Duration,
    salts: Vec<Salt>,
    // One share behind the other, in the order of the salts.
    shares: SecretBytes,
}

impl Stock {
    fn make(
        namespace: &Namespace,
        tag: Tag,
        (epoch, secret): (&EpochRecord, &SecretBytes),
        made: Duration,
    ) -> Result<Self, SessionError> {
        let mut drawn = [0; MOST * size_of::<Salt>()];
        random(&mut drawn)?;
        let salts = drawn.as_chunks().0.to_vec();
        let mut shares = SecretBytes::zeroed(MOST * SHARE)?;
        for (at, salt) in salts.iter().enumerate() {
            let share = keys::share(namespace, tag, (epoch.number, secret), *salt)?;
            let put = |all: &mut [u8]| share.secret().expose(|share| copy(share, part(all, at)));
            if !shares.expose_mut(put) {
                return Err(CryptoError::KeyLength.into());
            }
        }
        Ok(Self { epoch: epoch.number, incarnation: epoch.incarnation, made, salts, shares })
    }

    fn take(&mut self) -> Result<Option<Share>, SessionError> {
        let mut taken = SecretBytes::zeroed(SHARE)?;
        let Some(salt) = self.salts.pop() else { return Ok(None) };
        let at = self.salts.len();
        let moved = self.shares.expose_mut(|all| {
            let from = part(all, at);
            let whole = taken.expose_mut(|into| copy(from, into));
            wipe_slice(from);
            whole
        });
        // A parent's stock is empty in a forked child, which makes one of its own.
        Ok(moved.then(|| Share::new(salt, taken)))
    }

    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.made) >= KEPT
    }

    fn is_of(&self, epoch: &EpochRecord) -> bool {
        self.epoch == epoch.number && self.incarnation == epoch.incarnation
    }
}

fn part(all: &mut [u8], at: usize) -> &mut [u8] {
    all.get_mut(at * SHARE..(at + 1) * SHARE).unwrap_or_default()
}

fn copy(from: &[u8], into: &mut [u8]) -> bool {
    into.iter_mut().zip(from).for_each(|(to, byte)| *to = *byte);
    from.len() == into.len()
}

#[cfg(test)]
mod tests {
    use evanesce_core::{Digest, StoreKind, Timestamp};
    use evanesce_crypto::random_secret;
    use evanesce_memory::assert_no_residue;
    use evanesce_memory::residue::Needle;

    use super::*;
    use crate::keys::Header;
    use crate::{LookupId, Version};

    fn stock(secret: &SecretBytes) -> Stock {
        let incarnation = Incarnation::new(StoreKind::Memory, Digest::new([1; 32]));
        let epoch = EpochRecord { number: 3, wrapped: [].into(), incarnation };
        let namespace = Namespace::new("news").unwrap();
        Stock::make(&namespace, Tag(9), (&epoch, secret), Duration::ZERO).unwrap()
    }

    /// A thief of the stock who has a client's token and every record too opens none of them.
    #[test]
    fn a_prepared_share_opens_nothing_that_exists() {
        let (epoch, client) = (random_secret(32).unwrap(), random_secret(32).unwrap());
        let (namespace, id) = (Namespace::new("news").unwrap(), LookupId::new(Tag(9), [5; 32]));
        let now = Timestamp::from_millis(1000);
        let header = Header {
            version: Version(1),
            epoch: 3,
            opened: now,
            absolute: now,
            idle: Duration::ZERO,
            last_seen: now,
        };
        let mut stock = stock(&epoch);
        let used = stock.take().unwrap().unwrap();
        let payload = random_secret(50).unwrap();
        let place = (&client, &id);
        let record = keys::seal_record(&namespace, place, &used, header, &payload).unwrap();
        keys::open_with(&namespace, place, &used, &record).unwrap();
        let mut tried = 0;
        while let Some(share) = stock.take().unwrap() {
            assert!(keys::open_with(&namespace, place, &share, &record).is_err());
            tried += 1;
        }
        assert_eq!(tried, MOST - 1);
        assert!(keys::open_record(&namespace, place, &epoch, &record).unwrap().ct_eq(&payload));
    }

    #[test]
    fn a_share_is_handed_out_once_and_leaves_nothing() {
        let mut stock = stock(&random_secret(32).unwrap());
        let last = MOST - 1;
        let mut copied = stock.shares.try_clone().unwrap();
        let needle = copied.expose_mut(|all| Needle::from_slice(part(all, last)).unwrap());
        let share = stock.take().unwrap().unwrap();
        stock.shares.expose_mut(|all| assert_eq!(part(all, last), [0; SHARE]));
        let next = stock.take().unwrap().unwrap();
        assert!(!share.secret().ct_eq(next.secret()));
        drop((share, next));
        assert_no_residue!(needle);
    }
}
