use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evanesce_core::{BoxFuture, Clock, Timestamp};

/// A clock that stands still until a test moves it. Clones tell the same time.
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    monotonic: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

impl ManualClock {
    /// A clock at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Timestamp::from_millis(1_767_225_600_000))
    }

    /// A clock at some instant.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State { now, monotonic: Duration::ZERO, sleepers: Vec::new() })))
    }

    /// Lets time pass, and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        state.now = state.now.plus(duration);
        state.monotonic += duration;
        let reached = state.monotonic;
        let (due, rest) = state.sleepers.drain(..).partition(|(at, _)| *at <= reached);
        state.sleepers = rest;
        drop(state);
        let due: Vec<(Duration, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Steps the wall clock, forwards or back, as an operator or NTP may; durations go on.
    pub fn step_to(&self, now: Timestamp) {
        self.state().now = now;
    }

    /// How many sleeps are waiting.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn monotonic(&self) -> Duration {
        self.state().monotonic
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let due = self.monotonic().saturating_add(duration);
        Box::pin(Sleep { clock: self.clone(), due })
    }
}

struct Sleep {
    clock: ManualClock,
    due: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.monotonic >= self.due {
            return Poll::Ready(());
        }
        state.sleepers.retain(|(_, waker)| !waker.will_wake(context.waker()));
        state.sleepers.push((self.due, context.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_is_moved() {
        let clock = ManualClock::new();
        let sleep = tokio::spawn(clock.sleep(Duration::from_secs(3600)));
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(3599));
        tokio::task::yield_now().await;
        assert!(!sleep.is_finished());
        clock.advance(Duration::from_secs(1));
        sleep.await.unwrap();
    }

    #[test]
    fn a_step_of_the_wall_clock_leaves_durations_alone() {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(5));
        clock.step_to(Timestamp::from_millis(0));
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_millis(0));
    }
}
