use std::sync::OnceLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_memory::SecretBytes;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{LookupId, SessionError, Tag};

/// The bearer secret of one session. Only the client keeps it: the server derives
/// from it where the session lies and one half of the key that opens it.
///
/// Its text is `ev1_` and 51 characters of base64url (RFC 4648, section 5, without
/// padding): version, tag, 32 random bytes, and four bytes of SHA-256 over these.
/// The checksum finds typing errors; whoever guesses tokens gains nothing by it.
///
/// It cannot be cloned, compared, printed or serialised;
/// [`to_text`](Self::to_text) is the one way out.
pub struct Token {
    tag: Tag,
    secret: SecretBytes,
    /// Where it leads, and for whom that was derived: each operation of a request asks.
    place: OnceLock<(u64, LookupId)>,
}

impl Token {
    /// Reads a token's text, in a time that depends on its length alone.
    ///
    /// # Errors
    /// [`SessionError::Malformed`] for any other text, [`SessionError::Memory`] if
    /// there is no guarded memory.
    pub fn parse(text: &str) -> Result<Self, SessionError> {
        let (tag, secret) = parse(PREFIX, text)?;
        Ok(Self::new(tag, secret))
    }

    /// The token as its client keeps it. Whoever has this text has the session.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        to_text(PREFIX, self.tag, &self.secret)
    }

    pub(crate) fn mint(tag: Tag) -> Result<Self, SessionError> {
        Ok(Self::new(tag, evanesce_crypto::random_secret(SECRET)?))
    }

    const fn new(tag: Tag, secret: SecretBytes) -> Self {
        Self { tag, secret, place: OnceLock::new() }
    }

    /// The place that `derive` gives, derived once for each of those who ask.
    pub(crate) fn place(
        &self,
        asks: u64,
        derive: impl FnOnce() -> Result<LookupId, SessionError>,
    ) -> Result<LookupId, SessionError> {
        match self.place.get() {
            Some((known, id)) if *known == asks => Ok(*id),
            _ => {
                let id = derive()?;
                // Somebody else's place may be there already, and stays.
                let _ = self.place.set((asks, id));
                Ok(id)
            }
        }
    }

    pub(crate) const fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) const fn secret(&self) -> &SecretBytes {
        &self.secret
    }
}

/// Reads the text form that tokens of each kind have behind their prefix.
pub(crate) fn parse(prefix: &str, text: &str) -> Result<(Tag, SecretBytes), SessionError> {
    let text = text.strip_prefix(prefix).ok_or(SessionError::Malformed)?;
    if text.len() != DIGITS {
        return Err(SessionError::Malformed);
    }
    let mut body = SecretBytes::zeroed(BODY)?;
    let decoded = body.expose_mut(|body| {
        Base64UrlUnpadded::decode(text, body).is_ok_and(|decoded| decoded.len() == BODY)
    });
    if !decoded {
        return Err(SessionError::Malformed);
    }
    let mut secret = SecretBytes::zeroed(SECRET)?;
    let tag = body.expose(|body| {
        let (signed, sum) = body.split_last_chunk::<SUM>()?;
        let [version, tag, bytes @ ..] = signed else { return None };
        let sound = version.ct_eq(&VERSION) & checksum(signed).ct_eq(sum);
        (bool::from(sound) && copied(bytes, &mut secret)).then_some(Tag(*tag))
    });
    Ok((tag.ok_or(SessionError::Malformed)?, secret))
}

/// Writes what [`parse`] reads.
pub(crate) fn to_text(prefix: &str, tag: Tag, secret: &SecretBytes) -> Zeroizing<String> {
    let mut body = Zeroizing::new([0; BODY]);
    let mut digits = Zeroizing::new([0; DIGITS]);
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + DIGITS));
    let (signed, sum) = body.split_at_mut(BODY - SUM);
    if let [version, tagged, bytes @ ..] = &mut *signed {
        (*version, *tagged) = (VERSION, tag.0);
        secret.expose(|secret| bytes.iter_mut().zip(secret).for_each(|(to, byte)| *to = *byte));
    }
    sum.copy_from_slice(&checksum(signed));
    text.push_str(prefix);
    text.push_str(Base64UrlUnpadded::encode(&*body, &mut *digits).unwrap_or_default());
    text
}

/// How many bytes a token's secret has.
pub(crate) const SECRET: usize = 32;
const PREFIX: &str = "ev1_";
const VERSION: u8 = 1;
const SUM: usize = 4;
const BODY: usize = 2 + SECRET + SUM;
const DIGITS: usize = (BODY * 4).div_ceil(3);

fn checksum(signed: &[u8]) -> [u8; SUM] {
    let [a, b, c, d, ..] = *evanesce_crypto::sha256(signed).as_bytes();
    [a, b, c, d]
}

fn copied(from: &[u8], into: &mut SecretBytes) -> bool {
    into.expose_mut(|into| {
        let fits = from.len() == into.len();
        into.iter_mut().zip(from).for_each(|(to, byte)| *to = *byte);
        fits
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_read_back() {
        for tag in [0, 1, 127, 255] {
            let token = Token::mint(Tag(tag)).unwrap_or_else(|_| panic!("no token"));
            let text = token.to_text();
            assert_eq!(text.len(), 55);
            let again = Token::parse(&text).unwrap_or_else(|_| panic!("not read back"));
            assert_eq!(again.tag(), token.tag());
            assert!(again.secret().ct_eq(token.secret()));
        }
    }

    #[test]
    fn a_known_token_has_a_known_text() {
        let secret: Vec<u8> = (0..32).collect();
        let mut secret = secret;
        let token = Token::new(Tag(7), SecretBytes::from_slice(&mut secret).unwrap());
        assert_eq!(&*token.to_text(), KNOWN);
    }

    // Reproduced by any base64 and SHA-256: 01 07 00..1f and the first 4 bytes of the hash.
    const KNOWN: &str = "ev1_AQcAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyC17Nc";

    #[test]
    fn every_flipped_character_is_refused() {
        let text = Token::mint(Tag(9)).map(|token| token.to_text()).unwrap();
        for at in 0..text.len() {
            for other in ['A', 'B', '-', '_', '=', '\n', '0'] {
                let mut flipped: Vec<char> = text.chars().collect();
                if std::mem::replace(&mut flipped[at], other) != other {
                    let flipped: String = flipped.into_iter().collect();
                    assert!(matches!(Token::parse(&flipped), Err(SessionError::Malformed)));
                }
            }
        }
        for cut in 0..text.len() {
            assert!(matches!(Token::parse(&text[..cut]), Err(SessionError::Malformed)));
        }
        assert!(matches!(Token::parse(&format!("{}A", *text)), Err(SessionError::Malformed)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", digits in "[A-Za-z0-9_-]{51}") {
            prop_assert!(Token::parse(&text).is_err());
            let forged = Token::parse(&["ev1_", &digits].concat());
            prop_assert!(forged.is_err());
        }
    }
}
