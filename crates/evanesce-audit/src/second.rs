//! The second signature on a checkpoint: ML-DSA-65 beside Ed25519.

use std::fmt;

use base64ct::{Base64, Encoding};
use evanesce_crypto::{MlDsaSignature, MlDsaSigningKey, MlDsaVerifyingKey, VerifyingKey, sha256};

use crate::{AuditError, CheckpointBody, NoteKey, SignedNote};

// C2SP signed-note: 0xff and a longer identifier, for a type that has no byte of its own.
const TYPE: &[u8] = b"\xffevanesce/ml-dsa-65/v1";
// What is signed begins with this line, so that no signature is one of something else.
const DOMAIN: &str = "evanesce/ml-dsa-65/v1\n";

/// A key that signs checkpoints a second time, with ML-DSA-65 (FIPS 204), so that a
/// forger needs both a quantum computer and a break of lattices. The first signature
/// stays Ed25519, which every reader of C2SP checkpoints knows; they pass over this one.
pub struct SecondSigner {
    public: SecondKey,
    key: MlDsaSigningKey,
}

/// The key that verifies the second signature, written `name+id+base64`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecondKey {
    name: String,
    id: u32,
    key: MlDsaVerifyingKey,
}

impl SecondSigner {
    /// A key under the log's name.
    ///
    /// # Errors
    /// [`AuditError::Origin`] as [`NoteKey::new`].
    pub fn new(name: &str, key: MlDsaSigningKey) -> Result<Self, AuditError> {
        Ok(Self { public: SecondKey::new(name, key.verifying_key().clone())?, key })
    }

    /// The key that verifies.
    #[must_use]
    pub const fn public(&self) -> &SecondKey {
        &self.public
    }

    /// A signed note with this signature below the others.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for what is no note, [`AuditError::Crypto`] if the key
    /// cannot sign.
    pub fn sign(&self, note: &str) -> Result<String, AuditError> {
        let message = message(SignedNote::parse(note)?.text());
        let signature = self.key.sign(message.as_bytes()).map_err(|_| AuditError::Crypto)?;
        let line = [&self.public.id.to_be_bytes()[..], signature.as_bytes()].concat();
        let line = Base64::encode_string(&line);
        Ok(format!("{note}\u{2014} {} {line}\n", self.public.name))
    }
}

impl SecondKey {
    /// A key under a name.
    ///
    /// # Errors
    /// [`AuditError::Origin`] as [`NoteKey::new`].
    pub fn new(name: &str, key: MlDsaVerifyingKey) -> Result<Self, AuditError> {
        // The rules for names are those of every other key.
        NoteKey::new(name, &VerifyingKey::new([0; 32]))?;
        let input = [name.as_bytes(), b"\n", TYPE, key.as_bytes()].concat();
        let [a, b, c, d, ..] = *sha256(&input).as_bytes();
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes([a, b, c, d]), key })
    }

    /// Reads `name+id+base64`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`], also if the id is not that of name and key.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let malformed = || AuditError::Malformed;
        if text.len() > 4096 {
            return Err(malformed());
        }
        let (name, rest) = text.split_once('+').ok_or_else(malformed)?;
        let (id, material) = rest.split_once('+').ok_or_else(malformed)?;
        let material = Base64::decode_vec(material).map_err(|_| malformed())?;
        let key = material.strip_prefix(TYPE).ok_or_else(malformed)?;
        let key = MlDsaVerifyingKey::from_bytes(key).map_err(|_| malformed())?;
        let built = Self::new(name, key).map_err(|_| malformed())?;
        if format!("{:08x}", built.id) == id { Ok(built) } else { Err(malformed()) }
    }

    /// Whether this key signed a note.
    ///
    /// # Errors
    /// [`AuditError::Unsigned`] without a signature by it, or with a wrong one.
    pub fn verify(&self, note: &SignedNote<'_>) -> Result<(), AuditError> {
        let signature = note.signature_of(&self.name, self.id).ok_or(AuditError::Unsigned)?;
        let signature = MlDsaSignature::from_bytes(signature).map_err(|_| AuditError::Unsigned)?;
        let message = message(note.text());
        self.key.verify(message.as_bytes(), &signature).map_err(|_| AuditError::Unsigned)
    }

    /// Reads a checkpoint that both keys of a log signed.
    ///
    /// # Errors
    /// As [`CheckpointBody::open`], and [`AuditError::Unsigned`] if either signature is
    /// missing or wrong.
    pub fn open_both(
        &self,
        checkpoint: &str,
        key: &VerifyingKey,
        origin: &str,
    ) -> Result<CheckpointBody, AuditError> {
        let body = CheckpointBody::open(checkpoint, key, origin)?;
        self.verify(&SignedNote::parse(checkpoint)?)?;
        Ok(body)
    }
}

impl fmt::Display for SecondKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = Base64::encode_string(&[TYPE, self.key.as_bytes()].concat());
        write!(f, "{}+{:08x}+{material}", self.name, self.id)
    }
}

fn message(text: &str) -> String {
    format!("{DOMAIN}{text}")
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::SigningKey;

    use super::*;
    use crate::NoteSigner;

    #[test]
    fn a_note_is_signed_twice_and_each_reader_sees_its_own() {
        let first = NoteSigner::new("log", SigningKey::generate().unwrap()).unwrap();
        let second = SecondSigner::new("log", MlDsaSigningKey::generate().unwrap()).unwrap();
        let root = Base64::encode_string(&[7; 32]);
        let note = first.sign(&format!("log\n9\n{root}\n")).unwrap();
        let both = second.sign(&note).unwrap();
        let key = *first.public().key();
        // A reader that knows Ed25519 alone passes over the other line.
        assert_eq!(CheckpointBody::open(&both, &key, "log").unwrap().size, 9);
        assert_eq!(second.public().open_both(&both, &key, "log").unwrap().size, 9);
        let without = second.public().open_both(&note, &key, "log");
        assert_eq!(without, Err(AuditError::Unsigned));
        let stranger = SecondSigner::new("log", MlDsaSigningKey::generate().unwrap()).unwrap();
        let other = stranger.public().open_both(&both, &key, "log");
        assert_eq!(other, Err(AuditError::Unsigned));
        // The line of one text below another, signed by the first key alone.
        let line = both.lines().last().unwrap();
        let forged = first.sign(&format!("log\n8\n{root}\n")).unwrap() + line + "\n";
        let forged = second.public().open_both(&forged, &key, "log");
        assert_eq!(forged, Err(AuditError::Unsigned));
    }

    #[test]
    fn keys_are_read_back_and_others_are_refused() {
        let key = SecondSigner::new("log", MlDsaSigningKey::generate().unwrap()).unwrap();
        let text = key.public().to_string();
        assert_eq!(SecondKey::parse(&text).as_ref(), Ok(key.public()));
        for (from, to) in [("log+", "lag+"), ("+", "-"), ("=", "")] {
            let other = text.replacen(from, to, 1);
            if other != text {
                assert_eq!(SecondKey::parse(&other), Err(AuditError::Malformed), "{other}");
            }
        }
        assert_eq!(SecondKey::parse("log+00000000+AQ=="), Err(AuditError::Malformed));
    }
}
