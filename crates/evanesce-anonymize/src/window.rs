use std::time::Duration;

use evanesce_core::{DataClass, Timestamp};

use crate::WindowId;

const MINUTE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(23 * 3600);

/// How long a window is: one minute to 23 hours, by type.
///
/// What a window holds is Class 1 until its release, so its key lives for 24
/// hours at most; a window of 23 hours leaves one hour for the release.
///
/// ```
/// const WINDOW: evanesce_anonymize::WindowLength = evanesce_anonymize::WindowLength::hours(1);
/// ```
/// ```compile_fail
/// const DAY: evanesce_anonymize::WindowLength = evanesce_anonymize::WindowLength::hours(24);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WindowLength(Duration);

impl WindowLength {
    /// A length of 1 to 23 hours. In a `const` a value outside does not build.
    ///
    /// # Panics
    /// Outside a `const`, on other values; use [`Self::new`] for those that are
    /// known only when the program runs.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn hours(hours: u64) -> Self {
        match Self::new(Duration::from_secs(hours.saturating_mul(3600))) {
            Some(length) => length,
            None => panic!("a window is one minute to 23 hours long"),
        }
    }

    /// A length, unless it is under one minute or over 23 hours.
    #[must_use]
    pub const fn new(length: Duration) -> Option<Self> {
        if length.as_nanos() < MINUTE.as_nanos() || length.as_nanos() > LONGEST.as_nanos() {
            return None;
        }
        Some(Self(length))
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The window that an instant lies in.
    #[must_use]
    pub fn window(self, at: Timestamp) -> WindowId {
        WindowId(at.as_millis() / self.millis())
    }

    /// The first instant of a window.
    #[must_use]
    pub fn start(self, window: WindowId) -> Timestamp {
        Timestamp::from_millis(window.0.saturating_mul(self.millis()))
    }

    /// The first instant after a window: from here on it can be released.
    #[must_use]
    pub fn end(self, window: WindowId) -> Timestamp {
        self.start(window).plus(self.0)
    }

    /// The latest moment of a window's key: 24 hours after the window began.
    #[must_use]
    pub fn deadline(self, window: WindowId) -> Timestamp {
        self.start(window).plus(DataClass::Ephemeral.ceiling())
    }

    fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for WindowLength {
    /// One hour.
    fn default() -> Self {
        const { Self::hours(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_where_the_next_begins() {
        let hour = WindowLength::default();
        let window = hour.window(Timestamp::from_millis(1_767_229_199_999));
        assert_eq!(hour.end(window), hour.start(WindowId(window.0 + 1)));
        assert_eq!(hour.window(hour.start(window)), window);
        assert_eq!(hour.deadline(window).since(hour.start(window)), Duration::from_secs(86_400));
    }

    #[test]
    fn a_window_is_shorter_than_its_key_may_live() {
        assert_eq!(WindowLength::new(LONGEST + Duration::from_millis(1)), None);
        assert_eq!(WindowLength::new(Duration::from_secs(59)), None);
    }
}
