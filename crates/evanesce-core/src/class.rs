use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The three kinds of data, by what they may say about a person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataClass {
    /// Class 1: personal data. Only inside a session, encrypted in memory and in
    /// the session store, never on disk.
    Ephemeral,
    /// Class 2: statistics about groups.
    Aggregate,
    /// Class 3: technical data without user content.
    Operational,
}

impl DataClass {
    /// The longest that data of this class may exist: 24 hours, 12 months (365
    /// days), 90 days.
    #[must_use]
    pub const fn ceiling(self) -> Duration {
        match self {
            Self::Ephemeral => Duration::from_secs(DAY),
            Self::Aggregate => Duration::from_secs(365 * DAY),
            Self::Operational => Duration::from_secs(90 * DAY),
        }
    }

    /// The name as it is written in entries and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Aggregate => "aggregate",
            Self::Operational => "operational",
        }
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long a session may live: one second to 24 hours, by type.
///
/// ```
/// use evanesce_core::Lifetime;
/// const USUAL: Lifetime = Lifetime::hours(4);
/// assert_eq!(USUAL, Lifetime::default());
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lifetime(Duration);

impl Lifetime {
    /// The longest there is.
    pub const MAX: Self = Self(DataClass::Ephemeral.ceiling());

    /// A lifetime of 1 to 24 hours. In a `const` a value outside does not build.
    ///
    /// # Panics
    /// Outside a `const`, on 0 and on more than 24; use [`Self::new`] for values
    /// that are known only when the program runs.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn hours(hours: u64) -> Self {
        match Self::new(Duration::from_secs(hours.saturating_mul(HOUR))) {
            Some(lifetime) => lifetime,
            None => panic!("a session lives from one second to 24 hours"),
        }
    }

    /// A lifetime, unless it is under one second or over 24 hours.
    #[must_use]
    pub const fn new(duration: Duration) -> Option<Self> {
        if duration.as_secs() < 1 || duration.as_nanos() > Self::MAX.0.as_nanos() {
            return None;
        }
        Some(Self(duration))
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        const { Self::hours(4) }
    }
}

/// How long something is kept, in the words of a policy.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// Hours of 3,600 seconds.
    Hours(u32),
    /// Days of 24 hours.
    Days(u32),
    /// Months: twelve are 365 days, fewer in proportion, rounded down.
    Months(u32),
}

impl Retention {
    /// The longest time that keeps the promise.
    #[must_use]
    pub const fn ceiling(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hours(n) => n as u64 * HOUR,
            Self::Days(n) => n as u64 * DAY,
            Self::Months(n) => n as u64 * 365 / 12 * DAY,
        })
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match self {
            Self::Hours(n) => (n, "hour"),
            Self::Days(n) => (n, "day"),
            Self::Months(n) => (n, "month"),
        };
        write!(f, "{n} {unit}{}", if *n == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_ends_at_24_hours() {
        assert_eq!(Lifetime::new(Duration::from_secs(DAY)), Some(Lifetime::MAX));
        assert_eq!(Lifetime::new(Duration::from_millis(DAY * 1000 + 1)), None);
        // No time is no lifetime, and never "for ever".
        for short in [0, 1, 999] {
            assert_eq!(Lifetime::new(Duration::from_millis(short)), None);
        }
    }

    #[test]
    fn months_never_exceed_the_days_of_a_year() {
        assert_eq!(Retention::Months(12).ceiling(), DataClass::Aggregate.ceiling());
        assert_eq!(Retention::Months(1).ceiling(), Duration::from_secs(30 * DAY));
        assert_eq!(Retention::Months(12).to_string(), "12 months");
        assert_eq!(Retention::Days(1).to_string(), "1 day");
    }
}
