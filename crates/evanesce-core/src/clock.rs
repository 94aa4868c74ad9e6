use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{BoxFuture, Timestamp};

/// The only way in which this library learns the time, and the only way in
/// which it waits. Tests hand in a clock that they move by hand.
///
/// # Contract
/// Clones and shares of one clock tell the same time. `monotonic` never goes
/// back. `sleep` ends once `monotonic` has advanced by the duration, and may be
/// dropped at any time.
pub trait Clock: Send + Sync {
    /// The wall clock, for expiry. It may step in either direction.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, for durations. It never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits for a duration.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of the operating system. Its `sleep` needs no async runtime: one
/// thread, started when first needed, wakes all sleepers of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let due = Instant::now().checked_add(duration);
        Box::pin(Sleep { due, entry: None })
    }
}

struct Sleep {
    // None lies further away than the clock can count.
    due: Option<Instant>,
    entry: Option<Arc<Mutex<Waker>>>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        if let Some(entry) = &self.entry {
            lock(entry).clone_from(context.waker());
        } else {
            let entry = Arc::new(Mutex::new(context.waker().clone()));
            self.entry = Some(Arc::clone(&entry));
            Timer::shared().push(due, entry);
        }
        Poll::Pending
    }
}

struct Timer {
    queue: Mutex<BinaryHeap<Reverse<Alarm>>>,
    changed: Condvar,
}

impl Timer {
    fn shared() -> &'static Self {
        static TIMER: OnceLock<Timer> = OnceLock::new();
        static THREAD: OnceLock<std::io::Result<std::thread::JoinHandle<()>>> = OnceLock::new();
        let timer = TIMER
            .get_or_init(|| Self { queue: Mutex::new(BinaryHeap::new()), changed: Condvar::new() });
        THREAD.get_or_init(|| {
            std::thread::Builder::new().name("evanesce-timer".into()).spawn(move || timer.run())
        });
        timer
    }

    fn push(&self, due: Instant, waker: Arc<Mutex<Waker>>) {
        lock(&self.queue).push(Reverse(Alarm { due, waker }));
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut queue = lock(&self.queue);
        loop {
            let now = Instant::now();
            while queue.peek().is_some_and(|next| next.0.due <= now) {
                if let Some(Reverse(alarm)) = queue.pop() {
                    let waker = lock(&alarm.waker).clone();
                    drop(queue);
                    waker.wake();
                    queue = lock(&self.queue);
                }
            }
            queue = match queue.peek().map(|next| next.0.due) {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let rest = due.saturating_duration_since(now);
                    self.changed.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

struct Alarm {
    due: Instant,
    waker: Arc<Mutex<Waker>>,
}

impl Eq for Alarm {}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Wake;

    use super::*;

    struct Signal(mpsc::SyncSender<()>);

    impl Wake for Signal {
        fn wake(self: Arc<Self>) {
            let _ = self.0.try_send(());
        }
    }

    fn block_on(mut future: BoxFuture<'static, ()>) {
        let (sender, woken) = mpsc::sync_channel(1);
        let waker = Waker::from(Arc::new(Signal(sender)));
        while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            woken.recv().unwrap();
        }
    }

    // The timer thread itself is under test, so these two wait for real, for 30 ms.
    #[test]
    fn sleep_ends_after_the_duration_and_not_before() {
        let before = SystemClock.monotonic();
        block_on(SystemClock.sleep(Duration::from_millis(30)));
        assert!(SystemClock.monotonic() - before >= Duration::from_millis(30));
    }

    #[test]
    fn a_shorter_sleep_overtakes_a_longer_one() {
        let mut long = SystemClock.sleep(Duration::from_secs(3600));
        let waker = Waker::noop();
        assert!(long.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        block_on(SystemClock.sleep(Duration::from_millis(10)));
        assert!(long.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }

    #[test]
    fn a_sleep_beyond_the_clock_never_ends() {
        let mut endless = SystemClock.sleep(Duration::MAX);
        assert!(endless.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}
