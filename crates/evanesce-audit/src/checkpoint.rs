use std::fmt;

use base64ct::{Base64, Encoding};
use evanesce_core::Digest;
use evanesce_crypto::{VerifyingKey, sha256};

use crate::tiles::decimal;
use crate::{AuditError, NoteKey, NoteSigner, SignedNote};

/// The name of a log, which is also the name of the key that signs it: 1 to 96
/// printable ASCII characters without space and plus, by custom a URL without
/// its scheme.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin(Box<str>);

impl Origin {
    /// A name.
    ///
    /// # Errors
    /// [`AuditError::Origin`].
    pub fn new(name: &str) -> Result<Self, AuditError> {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'+';
        if (1..=96).contains(&name.len()) && name.bytes().all(plain) {
            Ok(Self(name.into()))
        } else {
            Err(AuditError::Origin)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a checkpoint of anybody's log says: C2SP tlog-checkpoint. The root is
/// what that log's hash gives, 1 to 64 bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckpointText {
    /// The log's name.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root.
    pub root: Vec<u8>,
    /// Further lines, each with its line break.
    pub extensions: String,
}

impl CheckpointText {
    /// Reads the text of a checkpoint, without signatures.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let mut lines = text.splitn(4, '\n');
        let mut next = || lines.next().ok_or(AuditError::Malformed);
        let (origin, size, root, extensions) = (next()?, next()?, next()?, next()?);
        if origin.is_empty() || origin.len() > 255 || root.is_empty() || root.len() > 88 {
            return Err(AuditError::Malformed);
        }
        if !extensions.is_empty() && !extensions.ends_with('\n') {
            return Err(AuditError::Malformed);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size)?,
            root: Base64::decode_vec(root).map_err(|_| AuditError::Malformed)?,
            extensions: extensions.to_owned(),
        })
    }
}

impl CheckpointText {
    /// Reads the text of a checkpoint of the log with this name, and of no other.
    ///
    /// # Errors
    /// [`AuditError::Malformed`], also for another name.
    pub fn of(origin: &str, text: &str) -> Result<Self, AuditError> {
        let read = Self::parse(text)?;
        if read.origin == origin { Ok(read) } else { Err(AuditError::Malformed) }
    }
}

impl fmt::Display for CheckpointText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = Base64::encode_string(&self.root);
        write!(f, "{}\n{}\n{root}\n{}", self.origin, self.size, self.extensions)
    }
}

/// What a checkpoint of one of our logs says: a SHA-256 root, no extensions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckpointBody {
    /// The log's name.
    pub origin: Origin,
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl CheckpointBody {
    /// Reads a signed checkpoint and verifies that `key` signed it for `origin`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`]; [`AuditError::Unsigned`] for another key or log.
    pub fn open(checkpoint: &str, key: &VerifyingKey, origin: &str) -> Result<Self, AuditError> {
        let note = SignedNote::parse(checkpoint)?;
        note.verified(&[NoteKey::new(origin, key)?])?;
        let body = Self::parse(note.text())?;
        if body.origin.as_str() == origin { Ok(body) } else { Err(AuditError::Unsigned) }
    }

    /// Reads a signed checkpoint without asking who signed it: for whoever only
    /// has to tell a newer one from an older.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn peek(checkpoint: &str) -> Result<Self, AuditError> {
        Self::parse(SignedNote::parse(checkpoint)?.text())
    }

    /// The signed checkpoint.
    ///
    /// # Errors
    /// [`AuditError::Crypto`] if the key cannot sign.
    pub fn sign(&self, signer: &NoteSigner) -> Result<String, AuditError> {
        signer.sign(&self.to_string())
    }

    fn parse(text: &str) -> Result<Self, AuditError> {
        let text = CheckpointText::parse(text)?;
        let root = text.root.try_into().map_err(|_| AuditError::Malformed)?;
        if !text.extensions.is_empty() {
            return Err(AuditError::Malformed);
        }
        let origin = Origin::new(&text.origin).map_err(|_| AuditError::Malformed)?;
        Ok(Self { origin, size: text.size, root: Digest::new(root) })
    }
}

impl fmt::Display for CheckpointBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = Base64::encode_string(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

/// The identifier of a log for indices of many logs: SHA-256("o:" ‖ origin).
#[must_use]
pub fn log_id(origin: &str) -> Digest {
    sha256(&[b"o:", origin.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::SigningKey;
    use proptest::prelude::*;

    use super::*;

    fn signer(origin: &str) -> NoteSigner {
        NoteSigner::new(origin, SigningKey::generate().unwrap()).unwrap()
    }

    fn body(size: u64) -> CheckpointBody {
        let origin = Origin::new("log.example/audit").unwrap();
        CheckpointBody { origin, size, root: sha256(b"root") }
    }

    #[test]
    fn a_checkpoint_is_opened_with_its_key_and_origin_only() {
        let key = SigningKey::generate().unwrap();
        let public = key.verifying_key();
        let signer = NoteSigner::new("log.example/audit", key).unwrap();
        let signed = body(7).sign(&signer).unwrap();
        assert_eq!(CheckpointBody::open(&signed, &public, "log.example/audit"), Ok(body(7)));
        assert_eq!(
            CheckpointBody::open(&signed, &public, "log.example/other"),
            Err(AuditError::Unsigned)
        );
        let stranger = SigningKey::generate().unwrap().verifying_key();
        assert_eq!(
            CheckpointBody::open(&signed, &stranger, "log.example/audit"),
            Err(AuditError::Unsigned)
        );
        for (from, to) in [("\n7\n", "\n8\n"), ("\n7\n", "\n07\n"), ("audit\n", "audit \n")] {
            let forged = signed.replacen(from, to, 1);
            assert!(CheckpointBody::open(&forged, &public, "log.example/audit").is_err());
        }
    }

    #[test]
    fn only_names_that_can_sign_are_origins() {
        for name in ["", "a b", "a+b", "a\nb", "é", &"x".repeat(97)] {
            assert_eq!(Origin::new(name), Err(AuditError::Origin));
        }
    }

    #[test]
    fn extensions_and_other_hashes_are_read_but_are_not_ours() {
        let text = "Other\n5\nYWJjZGVm\none more line\n";
        let read = CheckpointText::parse(text).unwrap();
        assert_eq!((read.size, &read.root[..]), (5, &b"abcdef"[..]));
        assert_eq!(read.to_string(), text);
        let signed = signer("Other").sign(text).unwrap();
        assert_eq!(CheckpointBody::peek(&signed), Err(AuditError::Malformed));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(size: u64) {
            let text = body(size).to_string();
            prop_assert_eq!(CheckpointBody::parse(&text), Ok(body(size)));
        }

        #[test]
        fn no_text_panics(text in "(?s).{0,120}", size in "[0-9-]{0,22}") {
            let _ = CheckpointText::parse(&text);
            let _ = CheckpointBody::peek(&text);
            let _ = CheckpointText::parse(&format!("o\n{size}\n{text}\n"));
        }
    }
}
