use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use evanesce_core::Clock;
use evanesce_memory::wipe_slice;

use crate::PipelineError;

/// Until when the work may take. A synchronous closure cannot be stopped from
/// outside, so it is asked to look at this now and then; output that comes later
/// is refused either way.
pub struct Deadline<'a> {
    clock: &'a dyn Clock,
    until: Duration,
}

impl<'a> Deadline<'a> {
    /// Runs `work` with `allowed` time, and refuses what comes late.
    ///
    /// # Errors
    /// [`PipelineError::Late`], and [`PipelineError::Panicked`] for work that panicked:
    /// the message of the panic is wiped here, since it may quote what it saw. What a panic
    /// hook does with it before is the program's to say.
    pub fn run<R>(
        clock: &'a dyn Clock,
        allowed: Duration,
        work: impl FnOnce(&Self) -> R,
    ) -> Result<Timed<R>, PipelineError> {
        let began = clock.monotonic();
        let deadline = Self { clock, until: began.saturating_add(allowed) };
        let value = catch_unwind(AssertUnwindSafe(|| work(&deadline))).map_err(|message| {
            forget(message);
            PipelineError::Panicked
        })?;
        if deadline.has_passed() {
            return Err(PipelineError::Late);
        }
        Ok(Timed { value, took: clock.monotonic().saturating_sub(began) })
    }

    /// Whether what is returned from now on will be refused.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.clock.monotonic() > self.until
    }

    /// The time that is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.until.saturating_sub(self.clock.monotonic())
    }
}

/// The message of a panic may quote what the work saw: a text is wiped before it is dropped.
fn forget(message: Box<dyn Any + Send>) {
    match message.downcast::<String>() {
        Ok(text) => wipe_slice(&mut text.into_bytes()),
        // What a program panics with may panic again as it is dropped.
        Err(other) => drop(catch_unwind(AssertUnwindSafe(|| drop(other))).map_err(forget)),
    }
}

/// A value with the time that it took.
pub struct Timed<R> {
    /// What the work returned.
    pub value: R,
    /// How long it took.
    pub took: Duration,
}
