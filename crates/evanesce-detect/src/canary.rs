use std::fmt;

use ring::digest::{SHA256, digest};

use crate::window::Window;
use crate::{decode, forms, runs};

/// What every planted value begins with.
pub(crate) const PREFIX: &str = "evcanary-";

const BODY: usize = 32;
const CHECK: usize = 8;
const LEN: usize = PREFIX.len() + BODY + CHECK;
const DOMAIN: &str = "@canary.invalid";

/// A planted value that belongs to nobody: whoever sees it where it should not be
/// has found a leak. The scanner recognises it by its form and a checksum, and
/// needs no list of those that were planted.
///
/// ```
/// use evanesce_detect::{Canary, Kind, Scanner};
/// let canary = Canary::mint([7; 16]);
/// let found = Scanner::default().scan(&format!("name={canary};"));
/// assert_eq!(found[0].kind, Kind::Canary);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Canary(String);

impl Canary {
    /// A canary from 16 random bytes, which the caller draws.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        let mut text = PREFIX.to_owned();
        random.iter().for_each(|b| push_hex(&mut text, *b));
        let check = checksum(text.as_bytes());
        text.push_str(&check);
        Self(text)
    }

    /// As a word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As an address of mail in a domain that never exists (RFC 6761, section 6.4).
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}{DOMAIN}", self.0)
    }

    /// Whether this canary is anywhere in some bytes: plain or in either case, in percent,
    /// JSON or HTML escapes, in base64, in hex, or in UTF-16. It is what a dump of a store,
    /// a log and an answer are looked through for, after the canary was handed to the
    /// service as a subject's data.
    ///
    /// ```
    /// use evanesce_detect::Canary;
    /// let canary = Canary::mint([7; 16]);
    /// assert!(canary.is_in(format!("{{\"to\": \"{}\"}}", canary.address()).as_bytes()));
    /// assert!(!canary.is_in(Canary::mint([8; 16]).as_str().as_bytes()));
    /// ```
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let says = |text: &str| {
            let same = |place: &[u8]| place.eq_ignore_ascii_case(self.0.as_bytes());
            text.as_bytes().windows(LEN).any(same)
        };
        let mut found = false;
        forms::readings(bytes, |text| {
            let w = Window::new(text);
            found = found || says(text) || decode::plain(&w).is_some_and(|d| says(&d.text));
            runs::runs(&w, |run| found = found || says(&run.text));
        });
        found
    }

    /// How long the canary is that `bytes` begin with, its domain included.
    pub(crate) fn recognise(bytes: &[u8]) -> Option<usize> {
        let body = bytes.get(..LEN - CHECK)?;
        let hex = |b: &u8| b.is_ascii_hexdigit();
        let check = &bytes.get(..LEN)?[LEN - CHECK..];
        if !body.starts_with(PREFIX.as_bytes()) || !body[PREFIX.len()..].iter().all(hex) {
            return None;
        }
        let domain = bytes[LEN..].starts_with(DOMAIN.as_bytes());
        (checksum(body).as_bytes() == check).then_some(if domain {
            LEN + DOMAIN.len()
        } else {
            LEN
        })
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checksum(body: &[u8]) -> String {
    let mut out = String::with_capacity(CHECK);
    digest(&SHA256, body).as_ref().iter().take(CHECK / 2).for_each(|b| push_hex(&mut out, *b));
    out
}

pub(crate) fn push_hex(out: &mut String, byte: u8) {
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Scanner};

    #[test]
    fn a_canary_is_seen_as_a_word_as_an_address_and_in_base64() {
        let canary = Canary::mint([0xa5; 16]);
        for text in [canary.to_string(), canary.address(), format!("id={}&x=1", canary.address())] {
            let found = Scanner::default().scan(&text);
            assert!(found.iter().any(|f| f.kind == Kind::Canary), "{text}");
        }
    }

    #[test]
    fn a_canary_is_seen_in_every_form_of_a_dump() {
        let canary = Canary::mint([0x5a; 16]);
        let text = canary.to_string();
        let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        let percent: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        let html: String = text.bytes().map(|b| format!("&#{b};")).collect();
        let json: String = text.bytes().map(|b| format!("\\u{b:04x}")).collect();
        for form in [text.to_uppercase(), hex, percent, html, json] {
            assert!(canary.is_in(format!("\u{1}x={form};").as_bytes()), "{form}");
        }
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(canary.is_in(&[b"\xff\xfe", wide.as_slice()].concat()));
        assert!(!canary.is_in(&text.as_bytes()[1..]));
        assert!(!canary.is_in(b""));
    }

    #[test]
    fn a_changed_canary_is_none() {
        let mut text = Canary::mint([1; 16]).to_string();
        text.replace_range(12..13, "f");
        assert_eq!(Canary::recognise(text.as_bytes()), None);
        assert_eq!(Canary::recognise(b"evcanary-"), None);
    }
}
