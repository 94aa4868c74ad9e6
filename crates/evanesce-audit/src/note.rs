use std::fmt;

use base64ct::{Base64, Encoding};
use evanesce_crypto::{Signature, SigningKey, VerifyingKey, sha256};
use evanesce_memory::SecretBytes;

use crate::AuditError;

const MAX_NOTE: usize = 1_000_000;
const MAX_SIGNATURES: usize = 100;
const MAX_NAME: usize = 255;
const LINE: &str = "\u{2014} ";

/// A key that verifies signatures on notes: C2SP signed-note, written
/// `name+id+base64`. Two algorithms are known: Ed25519 over the note, and the
/// Ed25519 cosignature of a witness with its time (C2SP tlog-cosignature v1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoteKey {
    name: String,
    id: u32,
    algorithm: Algorithm,
    key: VerifyingKey,
}

/// How a note is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    /// 0x04: over the time and the note, by a witness.
    Cosignature,
    /// 0x01: over the note.
    Ed25519,
}

impl NoteKey {
    /// An Ed25519 key under a name.
    ///
    /// # Errors
    /// [`AuditError::Origin`] for a name that is empty, too long, or has white
    /// space or a plus sign.
    pub fn new(name: &str, key: &VerifyingKey) -> Result<Self, AuditError> {
        Self::build(name, Algorithm::Ed25519, *key)
    }

    /// Reads `name+id+base64`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`], also if the id is not that of name and key.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let (name, id, material) = parts(text)?;
        let algorithm = match material.first() {
            Some(1) => Algorithm::Ed25519,
            Some(4) => Algorithm::Cosignature,
            _ => return Err(AuditError::Malformed),
        };
        let bytes = material.get(1..).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = VerifyingKey::new(bytes.ok_or(AuditError::Malformed)?);
        let built = Self::build(name, algorithm, key).map_err(|_| AuditError::Malformed)?;
        if built.id == id { Ok(built) } else { Err(AuditError::Malformed) }
    }

    /// The name of whoever signs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    fn build(name: &str, algorithm: Algorithm, key: VerifyingKey) -> Result<Self, AuditError> {
        if !is_name(name) {
            return Err(AuditError::Origin);
        }
        let input = [name.as_bytes(), b"\n", &[algorithm.byte()], key.as_bytes()].concat();
        let [a, b, c, d, ..] = *sha256(&input).as_bytes();
        let id = u32::from_be_bytes([a, b, c, d]);
        Ok(Self { name: name.to_owned(), id, algorithm, key })
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let (message, signature) = match (self.algorithm, signature.split_first_chunk::<8>()) {
            (Algorithm::Ed25519, _) => (text.to_owned(), signature),
            (Algorithm::Cosignature, Some((time, rest))) => {
                let time = u64::from_be_bytes(*time);
                (cosigned(time, text), rest)
            }
            (Algorithm::Cosignature, None) => return false,
        };
        <[u8; 64]>::try_from(signature).is_ok_and(|signature| {
            self.key.verify(message.as_bytes(), &Signature::new(signature)).is_ok()
        })
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.algorithm.byte()], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, Base64::encode_string(&material))
    }
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Self::Cosignature => 4,
            Self::Ed25519 => 1,
        }
    }
}

/// A key that signs notes.
pub struct NoteSigner {
    public: NoteKey,
    key: SigningKey,
}

impl NoteSigner {
    /// An Ed25519 key under a name.
    ///
    /// # Errors
    /// [`AuditError::Origin`] as [`NoteKey::new`].
    pub fn new(name: &str, key: SigningKey) -> Result<Self, AuditError> {
        Ok(Self { public: NoteKey::new(name, &key.verifying_key())?, key })
    }

    /// The key of a witness, for cosignatures and nothing else. The signature does not
    /// tell the name, so that a key has one name only.
    ///
    /// # Errors
    /// [`AuditError::Origin`] as [`NoteKey::new`].
    pub fn cosigner(name: &str, key: SigningKey) -> Result<Self, AuditError> {
        let public = NoteKey::build(name, Algorithm::Cosignature, key.verifying_key())?;
        Ok(Self { public, key })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`, as other implementations write it.
    ///
    /// # Errors
    /// [`AuditError::Malformed`], also if the id is not that of name and key;
    /// [`AuditError::Crypto`] without guarded memory.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(AuditError::Malformed)?;
        let (name, id, mut material) = parts(rest)?;
        let seed = match material.split_first_mut() {
            Some((1, seed)) if seed.len() == 32 => SecretBytes::from_slice(seed),
            _ => return Err(AuditError::Malformed),
        };
        let key = SigningKey::from_seed(seed.map_err(|_| AuditError::Crypto)?);
        let signer = Self::new(name, key.map_err(|_| AuditError::Crypto)?)
            .map_err(|_| AuditError::Malformed)?;
        if signer.public.id == id { Ok(signer) } else { Err(AuditError::Malformed) }
    }

    /// The key that verifies.
    #[must_use]
    pub const fn public(&self) -> &NoteKey {
        &self.public
    }

    /// Signs a text that ends with a line break, and returns the note.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for a text that no note can hold,
    /// [`AuditError::Crypto`] if the key cannot sign.
    pub fn sign(&self, text: &str) -> Result<String, AuditError> {
        if !is_text(text) || !text.ends_with('\n') {
            return Err(AuditError::Malformed);
        }
        if self.is_cosigner() {
            return Err(AuditError::Crypto);
        }
        let signature = self.key.sign(text.as_bytes()).map_err(|_| AuditError::Crypto)?;
        Ok(format!("{text}\n{}", self.line(signature.as_bytes())))
    }

    /// The line that a witness adds to a checkpoint that it saw at this time, in
    /// seconds since 1970: C2SP tlog-cosignature v1.
    ///
    /// # Errors
    /// [`AuditError::Crypto`] if the key cannot sign or is not
    /// [one for cosignatures](Self::cosigner).
    pub fn cosign(&self, text: &str, seconds: u64) -> Result<String, AuditError> {
        if !self.is_cosigner() {
            return Err(AuditError::Crypto);
        }
        let signature = self.key.sign(cosigned(seconds, text).as_bytes());
        let signature = signature.map_err(|_| AuditError::Crypto)?;
        Ok(self.line(&[&seconds.to_be_bytes()[..], signature.as_bytes()].concat()))
    }

    pub(crate) const fn is_cosigner(&self) -> bool {
        matches!(self.public.algorithm, Algorithm::Cosignature)
    }

    fn line(&self, signature: &[u8]) -> String {
        let line = [&self.public.id.to_be_bytes()[..], signature].concat();
        format!("{LINE}{} {}\n", self.public.name, Base64::encode_string(&line))
    }
}

// What a cosignature is made over.
fn cosigned(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// A text with signatures below it: C2SP signed-note. Reading is linear, and a
/// note has at most a million bytes and a hundred signatures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedNote<'a> {
    text: &'a str,
    signatures: Vec<NoteSignature<'a>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct NoteSignature<'a> {
    name: &'a str,
    id: u32,
    bytes: Vec<u8>,
}

impl<'a> SignedNote<'a> {
    /// Reads a note. No signature is verified yet.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn parse(note: &'a str) -> Result<Self, AuditError> {
        if !is_text(note) {
            return Err(AuditError::Malformed);
        }
        let end = note.rfind("\n\n").ok_or(AuditError::Malformed)?;
        let text = note.get(..end + 1).ok_or(AuditError::Malformed)?;
        let below = note.get(end + 2..).and_then(|below| below.strip_suffix('\n'));
        let mut signatures = Vec::new();
        for line in below.ok_or(AuditError::Malformed)?.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(AuditError::Malformed);
            }
            signatures.push(signature(line)?);
        }
        Ok(Self { text, signatures })
    }

    /// The text, unverified, with its last line break.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The bytes of the first signature under a name and an id.
    #[cfg(feature = "ml-dsa")]
    pub(crate) fn signature_of(&self, name: &str, id: u32) -> Option<&[u8]> {
        let ours = |one: &&NoteSignature<'_>| one.name == name && one.id == id;
        self.signatures.iter().find(ours).map(|one| &*one.bytes)
    }

    /// Which of `keys` signed this. Signatures by other keys are passed over.
    ///
    /// # Errors
    /// [`AuditError::Unsigned`] if none did, or if a signature that claims to be
    /// by one of them is wrong.
    pub fn verified<'k>(&self, keys: &'k [NoteKey]) -> Result<Vec<&'k NoteKey>, AuditError> {
        let mut signers: Vec<&NoteKey> = Vec::new();
        for signature in &self.signatures {
            let ours = |key: &&NoteKey| key.name == signature.name && key.id == signature.id;
            let Some(key) = keys.iter().find(ours) else { continue };
            if signers.contains(&key) {
                continue;
            }
            if !key.verifies(self.text, &signature.bytes) {
                return Err(AuditError::Unsigned);
            }
            signers.push(key);
        }
        if signers.is_empty() { Err(AuditError::Unsigned) } else { Ok(signers) }
    }
}

fn signature(line: &str) -> Result<NoteSignature<'_>, AuditError> {
    let line = line.strip_prefix(LINE).ok_or(AuditError::Malformed)?;
    let (name, encoded) = line.split_once(' ').ok_or(AuditError::Malformed)?;
    let bytes = Base64::decode_vec(encoded).map_err(|_| AuditError::Malformed)?;
    let Some((id, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(AuditError::Malformed);
    };
    if !is_name(name) || rest.is_empty() {
        return Err(AuditError::Malformed);
    }
    Ok(NoteSignature { name, id: u32::from_be_bytes(*id), bytes: rest.to_vec() })
}

// `name+id+base64` into its parts; the name is checked by whoever uses it.
fn parts(text: &str) -> Result<(&str, u32, Vec<u8>), AuditError> {
    let mut parts = text.splitn(3, '+');
    let mut next = || parts.next().ok_or(AuditError::Malformed);
    let (name, id, material) = (next()?, next()?, next()?);
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if id.len() != 8 || !id.bytes().all(hex) || material.len() > 256 {
        return Err(AuditError::Malformed);
    }
    let id = u32::from_str_radix(id, 16).map_err(|_| AuditError::Malformed)?;
    Ok((name, id, Base64::decode_vec(material).map_err(|_| AuditError::Malformed)?))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain)
}

fn is_text(text: &str) -> bool {
    text.len() <= MAX_NOTE && text.bytes().all(|b| b >= 0x20 || b == b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signer(name: &str, seed: u8) -> NoteSigner {
        let seed = SecretBytes::from_slice(&mut [seed; 32]).unwrap();
        NoteSigner::new(name, SigningKey::from_seed(seed).unwrap()).unwrap()
    }

    #[test]
    fn a_signed_note_is_opened_by_its_key_and_by_no_other() {
        let ours = signer("log.example", 1);
        let note = ours.sign("hello\n").unwrap();
        let read = SignedNote::parse(&note).unwrap();
        assert_eq!(read.text(), "hello\n");
        let keys = [ours.public().clone(), signer("log.example", 2).public().clone()];
        assert_eq!(read.verified(&keys).unwrap(), vec![&keys[0]]);
        assert_eq!(read.verified(&keys[1..]), Err(AuditError::Unsigned));
        assert_eq!(read.verified(&[]), Err(AuditError::Unsigned));
    }

    #[test]
    fn a_wrong_signature_beside_a_good_one_is_refused() {
        let (one, two) = (signer("one", 1), signer("two", 2));
        let note = one.sign("hello\n").unwrap();
        let other = two.sign("other\n").unwrap();
        let line = other.lines().last().unwrap();
        let both = format!("{note}{line}\n");
        let keys = [one.public().clone(), two.public().clone()];
        let read = SignedNote::parse(&both).unwrap();
        assert_eq!(read.verified(&keys), Err(AuditError::Unsigned));
        assert_eq!(read.verified(&keys[..1]).unwrap().len(), 1);
    }

    #[test]
    fn keys_are_read_back_and_flipped_ones_are_refused() {
        let key = signer("log.example", 3).public().clone();
        let text = key.to_string();
        assert_eq!(NoteKey::parse(&text), Ok(key));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let other = String::from_utf8(bytes).unwrap();
            assert_eq!(NoteKey::parse(&other), Err(AuditError::Malformed), "{other}");
        }
    }

    #[test]
    fn a_hundred_and_one_signatures_are_too_many() {
        let note = signer("one", 1).sign("hello\n").unwrap();
        let line = note.lines().last().unwrap().to_owned() + "\n";
        let hundred = format!("hello\n\n{}", line.repeat(100));
        assert!(SignedNote::parse(&hundred).is_ok());
        assert_eq!(SignedNote::parse(&(hundred + &line)), Err(AuditError::Malformed));
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(signer("one", 1).sign("a\rb\n").is_err());
        assert!(SignedNote::parse("a\tb\n\n\u{2014} one AAAAAAA=\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,80}", lines in prop::collection::vec("\u{2014} [a-z+ ]{0,4} [A-Za-z0-9+/=]{0,16}", 0..4)) {
            let _ = SignedNote::parse(&format!("{text}\n\n{}\n", lines.join("\n")));
            let _ = NoteKey::parse(&text);
            let _ = NoteSigner::parse(&text);
        }
    }
}
