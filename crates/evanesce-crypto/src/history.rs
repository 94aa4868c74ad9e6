use std::fmt;

use crate::{CryptoError, RootProvider, RootVersion, Signature, SigningKey, VerifyingKey};

/// The verification keys that a signer ever had, each with the version of the root it came from:
/// signatures outlive the key that made them, also when its version was retired.
///
/// It holds nothing secret. Keep its text form beside what is signed and publish it: whoever
/// verifies needs it, and compares it with the one that was published before.
///
/// ```
/// use evanesce_crypto::{KeyHistory, Root, RootVersion, SigningKey};
///
/// let mut root = Root::generate()?;
/// let mut history = KeyHistory::default();
/// history.record(&root, b"example log")?;
/// let old = SigningKey::from_root(&root, b"example log")?.sign(b"first")?;
/// root.rotate()?;
/// root.retire(RootVersion(1))?;
/// history.record(&root, b"example log")?;
///
/// let stored = KeyHistory::parse(&history.to_string())?;
/// assert_eq!(stored.verify(b"first", &old)?, RootVersion(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct KeyHistory {
    // Ascending.
    keys: Vec<(RootVersion, VerifyingKey)>,
}

impl KeyHistory {
    /// The most keys that one history has.
    pub const MAX: usize = 1000;

    /// Adds the key of the root's current version for `context`; whether it is new.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] when the version is there with another key: the root, the context
    /// or the history is not the one it was. [`CryptoError::UnknownVersion`] when a newer version
    /// is there, so that the root went back in time, and [`CryptoError::TooLarge`] beyond
    /// [`KeyHistory::MAX`], besides those of the provider.
    pub fn record(
        &mut self,
        provider: &dyn RootProvider,
        context: &[u8],
    ) -> Result<bool, CryptoError> {
        let version = provider.current();
        let key = SigningKey::from_root(provider, context)?.verifying_key();
        match self.keys.last() {
            Some((newest, known)) if *newest == version => {
                return if *known == key { Ok(false) } else { Err(CryptoError::Forged) };
            }
            Some((newest, _)) if *newest > version => return Err(CryptoError::UnknownVersion),
            _ => {}
        }
        if self.keys.len() >= Self::MAX {
            return Err(CryptoError::TooLarge);
        }
        self.keys.push((version, key));
        Ok(true)
    }

    /// The version whose key made the signature, newest first.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] when none did.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<RootVersion, CryptoError> {
        let signer = self.keys.iter().rev().find(|(_, key)| key.verify(message, signature).is_ok());
        signer.map(|(version, _)| *version).ok_or(CryptoError::Forged)
    }

    /// The key of a version.
    #[must_use]
    pub fn key(&self, version: RootVersion) -> Option<VerifyingKey> {
        self.keys.iter().find(|(known, _)| *known == version).map(|(_, key)| *key)
    }

    /// Every version with its key, oldest first.
    pub fn keys(&self) -> impl Iterator<Item = (RootVersion, VerifyingKey)> {
        self.keys.iter().copied()
    }

    /// Whether this is `earlier` with nothing changed and perhaps something added.
    #[must_use]
    pub fn continues(&self, earlier: &Self) -> bool {
        self.keys.starts_with(&earlier.keys)
    }

    /// Reads the text form: `version:64 hexadecimal digits` on each line, versions ascending.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for anything else, and beyond [`KeyHistory::MAX`].
    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        let mut keys: Vec<(RootVersion, VerifyingKey)> = Vec::new();
        for line in text.lines() {
            let (version, digits) = line.split_once(':').ok_or(CryptoError::Malformed)?;
            // `+7` and `007` would be second names of a version.
            let number: u32 = version.parse().map_err(|_| CryptoError::Malformed)?;
            let in_order = keys.last().is_none_or(|(last, _)| last.0 < number);
            if number.to_string() != version || !in_order || keys.len() >= Self::MAX {
                return Err(CryptoError::Malformed);
            }
            keys.push((RootVersion(number), key_of(digits)?));
        }
        Ok(Self { keys })
    }
}

impl fmt::Display for KeyHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.iter().try_for_each(|(version, key)| writeln!(f, "{}:{key}", version.0))
    }
}

impl fmt::Debug for KeyHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.keys()).finish()
    }
}

fn key_of(digits: &str) -> Result<VerifyingKey, CryptoError> {
    let digits: &[u8; 64] = digits.as_bytes().try_into().map_err(|_| CryptoError::Malformed)?;
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(CryptoError::Malformed),
            };
            *byte = *byte << 4 | value;
        }
    }
    Ok(VerifyingKey::new(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Root;

    const CONTEXT: &[u8] = b"example log";

    #[test]
    fn old_signatures_verify_after_rotation_and_retirement() {
        let mut root = Root::generate().unwrap();
        let mut history = KeyHistory::default();
        let mut signatures = Vec::new();
        for turn in 1..=3 {
            assert!(history.record(&root, CONTEXT).unwrap());
            assert!(!history.record(&root, CONTEXT).unwrap());
            let signature = SigningKey::from_root(&root, CONTEXT).unwrap().sign(b"text").unwrap();
            signatures.push((RootVersion(turn), signature));
            root.rotate().unwrap();
        }
        root.retire(RootVersion(1)).unwrap();
        for (version, signature) in &signatures {
            assert_eq!(history.verify(b"text", signature), Ok(*version));
            assert_eq!(history.verify(b"texT", signature), Err(CryptoError::Forged));
            let key = history.key(*version).unwrap();
            assert_eq!(key.verify(b"text", signature), Ok(()));
        }
        // The control: with the newest key alone the first signature is nobody's.
        let mut alone = KeyHistory::default();
        alone.record(&root, CONTEXT).unwrap();
        assert_eq!(alone.verify(b"text", &signatures[0].1), Err(CryptoError::Forged));
        assert_eq!(history.key(RootVersion(4)), None);
    }

    #[test]
    fn another_root_or_an_older_one_is_noticed() {
        let mut root = Root::generate().unwrap();
        let mut history = KeyHistory::default();
        history.record(&root, CONTEXT).unwrap();
        let other = Root::generate().unwrap();
        assert_eq!(history.record(&other, CONTEXT), Err(CryptoError::Forged));
        assert_eq!(history.record(&root, b"another"), Err(CryptoError::Forged));
        let before = history.clone();
        root.rotate().unwrap();
        history.record(&root, CONTEXT).unwrap();
        assert_eq!(history.record(&other, CONTEXT), Err(CryptoError::UnknownVersion));
        assert!(history.continues(&before) && !before.continues(&history));
    }

    #[test]
    fn the_text_form_is_read_back_and_nothing_else_is() {
        let mut root = Root::generate().unwrap();
        let mut history = KeyHistory::default();
        history.record(&root, CONTEXT).unwrap();
        root.rotate().unwrap();
        history.record(&root, CONTEXT).unwrap();
        let text = history.to_string();
        assert_eq!(KeyHistory::parse(&text).unwrap(), history);
        assert_eq!(KeyHistory::parse("").unwrap(), KeyHistory::default());
        let key = "ab".repeat(32);
        for text in [
            "no colon".to_owned(),
            format!("1:{key}\n1:{key}"),
            format!("2:{key}\n1:{key}"),
            format!("+1:{key}"),
            format!("01:{key}"),
            format!("1:{}", key.to_uppercase()),
            format!("1:{}", &key[1..]),
            format!("4294967296:{key}"),
            (1..=1001).map(|version| format!("{version}:{key}\n")).collect(),
        ] {
            assert_eq!(KeyHistory::parse(&text), Err(CryptoError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_history_or_refused(text in "([0-9]{1,3}:[0-9a-f]{63,65}\n?){0,3}") {
            if let Ok(history) = KeyHistory::parse(&text) {
                prop_assert_eq!(KeyHistory::parse(&history.to_string()), Ok(history));
            }
        }
    }
}
