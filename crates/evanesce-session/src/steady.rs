use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, Timestamp};

/// The wall clock, held up by the monotonic one: a step backwards while the
/// program runs gives no session a minute more, and a step forwards that is taken
/// back leaves no trace.
pub(crate) struct Steady {
    clock: Arc<dyn Clock>,
    wall: Timestamp,
    monotonic: Duration,
}

impl Steady {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        Self { clock, wall, monotonic }
    }

    /// The wall clock, but never less than its first reading plus the time since.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = self.clock.monotonic().saturating_sub(self.monotonic);
        self.clock.now().max(self.wall.plus(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use evanesce_core::BoxFuture;

    use super::*;

    struct Two(Mutex<(u64, u64)>);

    impl Clock for Two {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.lock().unwrap().0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().1)
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_step_back_is_not_followed_and_a_step_forward_is() {
        let clock = Arc::new(Two(Mutex::new((10_000, 5))));
        let steady = Steady::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let set = |wall, monotonic| {
            *clock.0.lock().unwrap() = (wall, monotonic);
            steady.now().as_millis()
        };
        assert_eq!(set(9_000, 105), 10_100);
        assert_eq!(set(50_000, 205), 50_000);
        assert_eq!(set(10_300, 305), 10_300);
    }
}
