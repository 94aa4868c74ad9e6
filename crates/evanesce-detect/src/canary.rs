use std::fmt;

use ring::digest::{SHA256, digest};

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
    fn a_changed_canary_is_none() {
        let mut text = Canary::mint([1; 16]).to_string();
        text.replace_range(12..13, "f");
        assert_eq!(Canary::recognise(text.as_bytes()), None);
        assert_eq!(Canary::recognise(b"evcanary-"), None);
    }
}
