use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use evanesce_core::{Clock, Digest, Timestamp};
use evanesce_crypto::sha256;

use super::Config;

const TAG: &[u8] = b"evanesce approval v1\0";

/// What has to be repeated before an emergency purge begins: a code that is bound to one
/// configuration and to a moment.
///
/// It keeps from purging by mistake, from the wrong folder or out of a shell's history. It
/// is no secret and keeps nobody out: whoever has the configuration and its keys may
/// purge.
///
/// `<seconds since 1970 in hexadecimal>-<8 digits>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Approval {
    at: Timestamp,
    check: [u8; 4],
}

/// Why a code does not approve.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is of another configuration, or was typed wrong.
    #[error("the code is not of this configuration")]
    Another,
    /// It is no code.
    #[error("this is not a code")]
    Form,
    /// It is too old, or of the future.
    #[error("the code is older than five minutes; ask for another")]
    Stale,
}

impl Approval {
    /// How long a code holds.
    pub const HOLDS: Duration = Duration::from_secs(5 * 60);

    /// A code for this configuration, from now on.
    #[must_use]
    pub fn of(config: &Config, clock: &dyn Clock) -> Self {
        Self::at(config.digest(), clock.now())
    }

    /// Whether it approves now.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, config: &Config, clock: &dyn Clock) -> Result<(), Refused> {
        if Self::at(config.digest(), self.at) != *self {
            return Err(Refused::Another);
        }
        let now = clock.now();
        if now < self.at || now.since(self.at) > Self::HOLDS {
            return Err(Refused::Stale);
        }
        Ok(())
    }

    fn at(config: &Digest, now: Timestamp) -> Self {
        let seconds = now.as_millis() / 1000;
        let bytes = [TAG, &seconds.to_be_bytes(), config.as_bytes()].concat();
        let digest = sha256(&bytes);
        let mut check = [0; 4];
        check.copy_from_slice(&digest.as_bytes()[..4]);
        Self { at: Timestamp::from_millis(seconds * 1000), check }
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = u32::from_be_bytes(self.check);
        write!(f, "{:x}-{check:08x}", self.at.as_millis() / 1000)
    }
}

impl FromStr for Approval {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let (seconds, check) = text.split_once('-').ok_or(Refused::Form)?;
        let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
        if seconds.len() > 10 || check.len() != 8 || !is_hex(seconds) || !is_hex(check) {
            return Err(Refused::Form);
        }
        let seconds = u64::from_str_radix(seconds, 16).map_err(|_| Refused::Form)?;
        let check = u32::from_str_radix(check, 16).map_err(|_| Refused::Form)?;
        let at = Timestamp::from_millis(seconds.saturating_mul(1000));
        Ok(Self { at, check: check.to_be_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use evanesce_testkit::ManualClock;
    use proptest::prelude::*;

    use super::*;

    fn config(name: &str) -> Config {
        Config::parse(&format!("name = \"{name}\"\nkeys = {{ root_file = \"root\" }}")).unwrap()
    }

    #[test]
    fn a_code_holds_for_its_configuration_and_five_minutes() {
        let (clock, config_of) = (ManualClock::new(), config("newsletter"));
        clock.advance(Duration::from_secs(1_790_000_000));
        let code = Approval::of(&config_of, &clock).to_string();
        let read: Approval = code.parse().unwrap();
        assert_eq!(read.check(&config_of, &clock), Ok(()));
        assert_eq!(read.check(&config("another"), &clock), Err(Refused::Another));
        clock.advance(Approval::HOLDS - Duration::from_secs(1));
        assert_eq!(read.check(&config_of, &clock), Ok(()));
        clock.advance(Duration::from_secs(2));
        assert_eq!(read.check(&config_of, &clock), Err(Refused::Stale));
        let later = Approval::of(&config_of, &clock);
        let before = ManualClock::new();
        assert_eq!(later.check(&config_of, &before), Err(Refused::Stale));
    }

    #[test]
    fn a_code_with_another_time_is_none() {
        let (clock, config) = (ManualClock::new(), config("newsletter"));
        clock.advance(Duration::from_secs(1_790_000_000));
        let code = Approval::of(&config, &clock);
        clock.advance(Duration::from_secs(3600));
        let now = clock.now().as_millis() / 1000;
        let (_, check) =
            code.to_string().split_once('-').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let forged: Approval = format!("{now:x}-{check}").parse().unwrap();
        assert_eq!(forged.check(&config, &clock), Err(Refused::Another));
    }

    proptest! {
        #[test]
        fn any_text_is_a_code_or_refused(text in "[0-9a-f]{0,12}-?[0-9a-fg-]{0,9}|\\PC{0,20}") {
            if let Ok(code) = text.parse::<Approval>() {
                let written: Approval = code.to_string().parse().unwrap();
                prop_assert_eq!(written, code);
            }
        }
    }
}
