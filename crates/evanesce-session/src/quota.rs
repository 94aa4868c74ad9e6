use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many sessions one node opens: so many a minute, and so many at once after a quiet
/// time. It counts openings, and keeps nothing of whoever asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpeningQuota {
    /// In the long run.
    pub per_minute: NonZeroU32,
    /// At once, when none was opened for long.
    pub burst: NonZeroU32,
}

impl Default for OpeningQuota {
    /// 600,000 a minute and 1,000,000 at once: far above what visitors do, and a bound on
    /// how fast a flood fills the store.
    fn default() -> Self {
        const PER_MINUTE: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
        const BURST: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
        Self { per_minute: PER_MINUTE, burst: BURST }
    }
}

/// A token bucket, kept as one number: when it will be full again (the generic cell rate
/// algorithm of ITU-T I.371, in nanoseconds of the monotonic clock).
pub(crate) struct Bucket {
    full_at: AtomicU64,
    interval: u64,
    depth: u64,
}

impl Bucket {
    pub(crate) fn new(quota: OpeningQuota) -> Self {
        let interval = MINUTE / u64::from(quota.per_minute.get());
        let depth = interval.saturating_mul(u64::from(quota.burst.get()));
        Self { full_at: AtomicU64::new(0), interval, depth }
    }

    /// Takes one out, or says how long it lasts until there is one.
    pub(crate) fn take(&self, now: Duration) -> Result<(), Duration> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let mut missing = 0;
        let taken = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            let then = full_at.max(now).saturating_add(self.interval);
            missing = then.saturating_sub(now.saturating_add(self.depth));
            (missing == 0).then_some(then)
        });
        taken.map(drop).map_err(|_| Duration::from_nanos(missing))
    }
}

const MINUTE: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(per_minute: u32, burst: u32) -> Bucket {
        let [per_minute, burst] = [per_minute, burst].map(|n| NonZeroU32::new(n).unwrap());
        Bucket::new(OpeningQuota { per_minute, burst })
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (bucket, second) = (bucket(60, 3), Duration::from_secs(1));
        let start = 1000 * second;
        for _ in 0..3 {
            assert_eq!(bucket.take(start), Ok(()));
        }
        assert_eq!(bucket.take(start), Err(second));
        assert_eq!(bucket.take(start + second / 4), Err(second * 3 / 4));
        assert_eq!(bucket.take(start + second), Ok(()));
        assert_eq!(bucket.take(start + second), Err(second), "a refusal costs nothing");
        for _ in 0..3 {
            assert_eq!(bucket.take(start + 100 * second), Ok(()), "full again, and no fuller");
        }
        assert_eq!(bucket.take(start + 100 * second), Err(second));
    }

    #[test]
    fn in_an_hour_no_more_than_the_rate_and_one_burst() {
        let bucket = bucket(100, 10);
        let tried = (0..36_000).map(|tenth| Duration::from_millis(100 * tenth));
        let opened = tried.filter(|now| bucket.take(*now).is_ok()).count();
        assert!((6000..=6010).contains(&opened), "{opened}");
    }
}
