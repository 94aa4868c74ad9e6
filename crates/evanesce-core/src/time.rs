use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DAY: u64 = 86_400_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
///
/// It is written as RFC 3339 in UTC, and serialised so.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last instant that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From milliseconds since the epoch; later than the year 9999 becomes [`Self::MAX`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant plus a duration.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// This instant less a duration, not before the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero if it is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The beginning of the minute, hour or day that this lies in.
    ///
    /// An exact instant beside an exact duration is a fingerprint, so whatever
    /// outlives a session is coarsened first.
    #[must_use]
    pub const fn coarse(self, grain: Grain) -> Self {
        Self(self.0 - self.0 % grain.millis())
    }

    /// The UTC day.
    #[must_use]
    pub const fn date(self) -> Date {
        Date::from_days(self.0 / DAY)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0 % DAY;
        let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
        let (seconds, millis) = (rest / 1000 % 60, rest % 1000);
        write!(f, "{}T{hours:02}:{minutes:02}:{seconds:02}", self.date())?;
        if millis > 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTime;

    /// Reads what [`fmt::Display`] writes, and nothing else of RFC 3339.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let (date, rest) = text.split_once('T').ok_or(InvalidTime)?;
        let rest = rest.strip_suffix('Z').ok_or(InvalidTime)?;
        let (clock, millis) = match rest.split_once('.') {
            Some((clock, millis)) => (clock, number(millis, 3)?),
            None => (rest, 0),
        };
        let mut parts = clock.split(':');
        let mut next = || number(parts.next().unwrap_or(""), 2);
        let (hours, minutes, seconds) = (next()?, next()?, next()?);
        if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
            return Err(InvalidTime);
        }
        let days = date.parse::<Date>()?.days();
        Ok(Self(days * DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How far an instant is coarsened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grain {
    /// To the beginning of the minute.
    Minute,
    /// To the beginning of the hour.
    Hour,
    /// To the beginning of the UTC day.
    Day,
}

impl Grain {
    const fn millis(self) -> u64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY,
        }
    }
}

/// A day of the proleptic Gregorian calendar, 1970 to 9999.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day, if there is such a one from 1970 to 9999.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        if day > days_in(year, month) {
            return None;
        }
        Some(Self { year, month, day })
    }

    /// The year, month (1 to 12) and day (1 to 31).
    #[must_use]
    pub const fn parts(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }

    /// The first instant of the day, UTC.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp(self.days() * DAY)
    }

    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
    const fn from_days(days: u64) -> Self {
        let z = days + 719_468;
        let era = z / 146_097;
        let doe = z % 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        Self { year: year as u16, month: month as u8, day: (doy - (153 * mp + 2) / 5 + 1) as u8 }
    }

    // The same source: days_from_civil.
    const fn days(self) -> u64 {
        let month = self.month as u64;
        let year = self.year as u64 - if month <= 2 { 1 } else { 0 };
        let era = year / 400;
        let yoe = year % 400;
        let mp = if month > 2 { month - 3 } else { month + 9 };
        let doy = (153 * mp + 2) / 5 + self.day as u64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        era * 146_097 + doe - 719_468
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = InvalidTime;

    /// Reads `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let mut parts = text.split('-');
        let year = number(parts.next().unwrap_or(""), 4)?;
        let month = number(parts.next().unwrap_or(""), 2)?;
        let day = number(parts.next().unwrap_or(""), 2)?;
        if parts.next().is_some() {
            return Err(InvalidTime);
        }
        Self::new(year as u16, month as u8, day as u8).ok_or(InvalidTime)
    }
}

/// A text is not a date or an instant in the form that is written here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a date as YYYY-MM-DD or an instant as YYYY-MM-DDTHH:MM:SSZ")]
pub struct InvalidTime;

fn number(text: &str, digits: usize) -> Result<u64, InvalidTime> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidTime);
    }
    text.parse().map_err(|_| InvalidTime)
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_instants_are_written_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_millis(951_782_400_000).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(
            Timestamp::from_millis(1_234_567_890_123).to_string(),
            "2009-02-13T23:31:30.123Z"
        );
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in
            ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "24-01-01", "2024-1-01"]
        {
            assert_eq!(text.parse::<Date>(), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn coarsening_goes_to_the_beginning() {
        let instant: Timestamp = "2026-11-24T22:38:51.020Z".parse().unwrap();
        assert_eq!(instant.coarse(Grain::Minute).to_string(), "2026-11-24T22:38:00Z");
        assert_eq!(instant.coarse(Grain::Hour).to_string(), "2026-11-24T22:00:00Z");
        assert_eq!(instant.coarse(Grain::Day).to_string(), "2026-11-24T00:00:00Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=Timestamp::MAX.0) {
            let instant = Timestamp::from_millis(millis);
            prop_assert_eq!(instant.to_string().parse::<Timestamp>(), Ok(instant));
            prop_assert_eq!(instant.date().to_string().parse::<Date>().map(Date::start), Ok(instant.coarse(Grain::Day)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<Date>();
        }
    }
}
