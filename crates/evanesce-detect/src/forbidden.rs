use crate::error::TooShort;
use crate::window::Window;
use crate::{decode, runs};

/// Values that must not leave, whatever they look like: the reader's own address,
/// a name, a word of theirs. Only keyed fingerprints of them are held, and they
/// are found in plain, in either case, and inside of percent, JSON and HTML
/// escapes, of base64 and of hex.
///
/// The fingerprint is a polynomial over the Mersenne prime 2^61 - 1 at a secret
/// point: it tells nothing to one who has not the key, and two texts of n bytes
/// meet in it with a chance of n in 2^61. A short value can be guessed by one who
/// has key and fingerprints, so these live as long as the session and no longer.
pub struct Forbidden {
    point: u64,
    prints: Vec<(usize, u64)>,
}

const PRIME: u64 = (1 << 61) - 1;

impl Forbidden {
    /// The shortest value, in bytes.
    pub const LEAST: usize = 4;

    /// No value yet; `key` is drawn at random by the caller.
    #[must_use]
    pub fn new(key: [u8; 8]) -> Self {
        // Away from the few points at which all texts look alike.
        Self { point: u64::from_le_bytes(key) % (PRIME - 512) + 257, prints: Vec::new() }
    }

    /// Adds a value.
    ///
    /// # Errors
    /// [`TooShort`] for one of under four bytes, which would be found everywhere.
    pub fn add(&mut self, value: &str) -> Result<(), TooShort> {
        if value.len() < Self::LEAST {
            return Err(TooShort);
        }
        self.print(value);
        // As it looks where escapes are decoded and look-alikes folded.
        if let Some(folded) = decode::plain(&Window::new(value)) {
            self.print(&folded.text);
        }
        Ok(())
    }

    /// Whether one of the values is in the text, plain or encoded once.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        if self.prints.is_empty() {
            return false;
        }
        let w = Window::new(text);
        let mut found = self.is_plain_in(text);
        if let Some(decoded) = decode::plain(&w) {
            found |= self.is_plain_in(&decoded.text);
        }
        if !found {
            runs::runs(&w, |run| found |= self.is_plain_in(&run.text));
        }
        found
    }

    fn print(&mut self, value: &str) {
        if value.len() >= Self::LEAST {
            let print = value.bytes().fold(0, |h, b| self.roll(h, b));
            self.prints.push((value.len(), print));
            self.prints.sort_unstable();
            self.prints.dedup();
        }
    }

    // One pass for each length that some value has.
    fn is_plain_in(&self, text: &str) -> bool {
        self.prints.chunk_by(|a, b| a.0 == b.0).any(|prints| {
            let len = prints[0].0;
            let bytes = text.as_bytes();
            if bytes.len() < len {
                return false;
            }
            let top = (1..len).fold(1, |power, _| times(power, self.point));
            let mut h = 0;
            bytes.iter().enumerate().any(|(i, b)| {
                if i >= len {
                    let gone = times(top, worth(bytes[i - len]));
                    h = (h + PRIME - gone) % PRIME;
                }
                h = self.roll(h, *b);
                i + 1 >= len && prints.iter().any(|(_, print)| *print == h)
            })
        })
    }

    fn roll(&self, h: u64, b: u8) -> u64 {
        (times(h, self.point) + worth(b)) % PRIME
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.point);
        self.prints.iter_mut().for_each(|p| *p = (0, 0));
    }
}

// Case does not count, and no byte is worth nothing.
fn worth(b: u8) -> u64 {
    u64::from(b.to_ascii_lowercase()) + 1
}

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forbidden(value: &str) -> Forbidden {
        let mut forbidden = Forbidden::new(*b"drawn-at");
        forbidden.add(value).unwrap();
        forbidden
    }

    #[test]
    fn a_value_is_found_in_every_form() {
        let name = forbidden("Zoë Quartermain");
        for text in [
            "by Zoë Quartermain.",
            "by ZOë QUARTERMAIN.",
            "by Zo%C3%AB%20Quartermain.",
            r"by Zo\u00eb Quartermain.",
            "by Zo&#235; Quartermain.",
            "by Zo\u{200b}ë Quarter\u{ad}main.",
            "Wm/DqyBRdWFydGVybWFpbg==",
            "eCBab8OrIFF1YXJ0ZXJtYWlu",
            "5a6fc3ab205175617274657261", // Not the whole value.
        ] {
            assert_eq!(name.is_in(text), !text.starts_with("5a"), "{text}");
        }
        assert!(name.is_in("5a6fc3ab2051756172746572 6d61696e".replace(' ', "").as_str()));
        assert!(
            !name.is_in("by Zoë Quartermaine's sister Zoe Quartermain".split('\'').nth(1).unwrap())
        );
    }

    #[test]
    fn a_short_value_is_refused() {
        assert!(Forbidden::new([0; 8]).add("abc").is_err());
    }

    proptest! {
        #[test]
        fn found_exactly_where_it_is(text in "[a-d]{0,40}", value in "[a-d]{4,6}") {
            prop_assert_eq!(forbidden(&value).is_in(&text), text.contains(&value));
        }
    }
}
