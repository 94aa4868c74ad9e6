use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use evanesce_memory::{SecretBytes, scrubbed};
use zeroize::Zeroizing;

use crate::{AssociatedData, CryptoError, Padding, Sealed, derive, random_secret, seal, unseal};

const KEY: usize = 32;
/// The largest key file that is read: about 200 versions.
const MAX_FILE: u64 = 16 * 1024;

/// Where root keys come from: a file, the environment, or a key service of the
/// embedding program.
///
/// # Contract
/// A version's key never changes. A retired version answers
/// [`CryptoError::UnknownVersion`] from then on, in every process.
pub trait RootProvider: Send + Sync {
    /// The version that new keys are derived under.
    fn current(&self) -> RootVersion;

    /// A key of `len` bytes for `context` under a version.
    ///
    /// # Errors
    /// [`CryptoError::UnknownVersion`] for a version that is not known or retired.
    fn derive(
        &self,
        version: RootVersion,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError>;
}

/// The number of a root key; newer ones are higher.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RootVersion(pub u32);

/// Root keys held in guarded memory, each with its version.
pub struct Root {
    // Ascending and never empty.
    keys: Vec<(RootVersion, SecretBytes)>,
}

impl Root {
    /// A fresh root of version 1 that only this process has: what it seals ends with
    /// the process.
    ///
    /// # Errors
    /// [`CryptoError::Random`] and [`CryptoError::Memory`].
    pub fn generate() -> Result<Self, CryptoError> {
        Ok(Self { keys: vec![(RootVersion(1), random_secret(KEY)?)] })
    }

    /// Makes a key file of mode 0600 with a fresh key of version 1. An existing file is
    /// left alone.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`] when it exists or cannot be written.
    pub fn create_file(path: &Path) -> Result<Self, CryptoError> {
        let root = Self::generate()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|_| CryptoError::KeyFile)?;
        let line = root.lines();
        file.write_all(line.as_bytes()).map_err(|_| CryptoError::KeyFile)?;
        file.sync_all().map_err(|_| CryptoError::KeyFile)?;
        Ok(root)
    }

    /// Reads a key file: one `version:key` to a line, the key of 32 bytes as 64 hexadecimal
    /// digits or as Base64, versions ascending; `#` begins a comment.
    ///
    /// # Errors
    /// [`CryptoError::KeyFileExposed`] when others can read it; [`CryptoError::KeyFile`]
    /// and [`CryptoError::KeyForm`].
    pub fn from_file(path: &Path) -> Result<Self, CryptoError> {
        let mut file = File::open(path).map_err(|_| CryptoError::KeyFile)?;
        let about = file.metadata().map_err(|_| CryptoError::KeyFile)?;
        if about.mode() & 0o077 != 0 {
            return Err(CryptoError::KeyFileExposed);
        }
        if about.len() > MAX_FILE {
            return Err(CryptoError::KeyForm);
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
        let mut limited = Read::by_ref(&mut file).take(MAX_FILE);
        limited.read_to_string(&mut text).map_err(|_| CryptoError::KeyForm)?;
        Self::parse(&text)
    }

    /// Reads the same lines from an environment variable, which other processes of the
    /// same user may read too: a file is better.
    ///
    /// # Errors
    /// [`CryptoError::KeyForm`] when it is missing or malformed.
    pub fn from_env(name: &str) -> Result<Self, CryptoError> {
        let text = Zeroizing::new(std::env::var(name).map_err(|_| CryptoError::KeyForm)?);
        Self::parse(&text)
    }

    /// Adds a fresh key that new wrappings use; old versions go on to unwrap.
    ///
    /// # Errors
    /// [`CryptoError::UnknownVersion`] after the last number, [`CryptoError::Random`] and
    /// [`CryptoError::Memory`].
    pub fn rotate(&mut self) -> Result<RootVersion, CryptoError> {
        let next = self.current().0.checked_add(1).ok_or(CryptoError::UnknownVersion)?;
        let next = RootVersion(next);
        self.keys.push((next, random_secret(KEY)?));
        Ok(next)
    }

    /// Forgets a version: whatever was wrapped under it opens no more with this root. The newest
    /// cannot be retired. A file that the root was read from still has it: [`RootFile`] forgets
    /// there too.
    ///
    /// [`RootFile`]: crate::RootFile
    ///
    /// # Errors
    /// [`CryptoError::UnknownVersion`] when it is not there, or is the newest.
    pub fn retire(&mut self, version: RootVersion) -> Result<(), CryptoError> {
        let at = self.keys.iter().position(|(known, _)| *known == version);
        match at {
            Some(at) if at + 1 < self.keys.len() => {
                self.keys.remove(at);
                Ok(())
            }
            _ => Err(CryptoError::UnknownVersion),
        }
    }

    /// The versions that open, ascending.
    pub fn versions(&self) -> impl Iterator<Item = RootVersion> {
        self.keys.iter().map(|(version, _)| *version)
    }

    fn parse(text: &str) -> Result<Self, CryptoError> {
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (version, digits) = line.split_once(':').ok_or(CryptoError::KeyForm)?;
            let version = RootVersion(version.parse().map_err(|_| CryptoError::KeyForm)?);
            let in_order = keys.last().is_none_or(|(last, _)| *last < version);
            if !in_order {
                return Err(CryptoError::KeyForm);
            }
            keys.push((version, key_of(digits)?));
        }
        if keys.is_empty() { Err(CryptoError::KeyForm) } else { Ok(Self { keys }) }
    }

    pub(crate) fn lines(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.keys.len() * 80));
        for (version, key) in &self.keys {
            let _ = write!(text, "{}:", version.0);
            key.expose(|bytes| {
                for byte in bytes {
                    let _ = write!(text, "{byte:02x}");
                }
            });
            text.push('\n');
        }
        text
    }
}

impl<P: RootProvider + ?Sized> RootProvider for Arc<P> {
    fn current(&self) -> RootVersion {
        (**self).current()
    }

    fn derive(
        &self,
        version: RootVersion,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        (**self).derive(version, context, len)
    }
}

impl RootProvider for Root {
    fn current(&self) -> RootVersion {
        self.keys.last().map_or(RootVersion(0), |(version, _)| *version)
    }

    fn derive(
        &self,
        version: RootVersion,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let key = self.keys.iter().find(|(known, _)| *known == version);
        let (_, key) = key.ok_or(CryptoError::UnknownVersion)?;
        derive(key, b"evanesce root v1", context, len)
    }
}

/// A key wrapped under a version of the root: 4 bytes of version, big-endian, then
/// an envelope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrapped {
    version: RootVersion,
    sealed: Sealed,
}

impl Wrapped {
    /// The version of the root.
    #[must_use]
    pub const fn version(&self) -> RootVersion {
        self.version
    }

    /// The bytes, to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.version.0.to_be_bytes()[..], self.sealed.as_bytes()].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        let (version, sealed) = bytes.split_first_chunk().ok_or(CryptoError::Malformed)?;
        let version = RootVersion(u32::from_be_bytes(*version));
        Ok(Self { version, sealed: Sealed::from_bytes(sealed.to_vec())? })
    }
}

/// Wraps a secret under the current version of the root, for one context.
///
/// # Errors
/// Those of [`seal`] and of the provider.
pub fn wrap(
    provider: &dyn RootProvider,
    context: &[u8],
    secret: &SecretBytes,
) -> Result<Wrapped, CryptoError> {
    scrubbed(|| {
        let version = provider.current();
        let key = provider.derive(version, context, KEY)?;
        let place = place(version, context);
        Ok(Wrapped { version, sealed: seal(&key, place.as_bytes(), secret, Padding::None)? })
    })
}

/// Opens what [`wrap`] made.
///
/// # Errors
/// [`CryptoError::UnknownVersion`] once the version was retired, and those of [`unseal`].
pub fn unwrap(
    provider: &dyn RootProvider,
    context: &[u8],
    wrapped: &Wrapped,
) -> Result<SecretBytes, CryptoError> {
    scrubbed(|| {
        let key = provider.derive(wrapped.version, context, KEY)?;
        unseal(&key, place(wrapped.version, context).as_bytes(), &wrapped.sealed)
    })
}

/// Wraps again, under the current version of the root, what was wrapped under an older one, so
/// that the older one can be retired.
///
/// # Errors
/// Those of [`unwrap`] and [`wrap`].
pub fn rewrap(
    provider: &dyn RootProvider,
    context: &[u8],
    wrapped: &Wrapped,
) -> Result<Wrapped, CryptoError> {
    wrap(provider, context, &unwrap(provider, context, wrapped)?)
}

fn place(version: RootVersion, context: &[u8]) -> AssociatedData {
    AssociatedData::new("evanesce wrapped key v1").number(u64::from(version.0)).field(context)
}

/// A key of 32 bytes in hexadecimal or in Base64 (RFC 4648, section 4), into guarded memory.
fn key_of(text: &str) -> Result<SecretBytes, CryptoError> {
    let mut key = SecretBytes::zeroed(KEY)?;
    key.expose_mut(|key| match text.len() {
        64 => from_hex(text.as_bytes(), key),
        44 => match Base64::decode(text, key) {
            Ok(bytes) if bytes.len() == KEY => Ok(()),
            _ => Err(CryptoError::KeyForm),
        },
        _ => Err(CryptoError::KeyForm),
    })?;
    Ok(key)
}

fn from_hex(digits: &[u8], key: &mut [u8]) -> Result<(), CryptoError> {
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16).ok_or(CryptoError::KeyForm)?;
            *byte = *byte << 4 | value as u8;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use proptest::prelude::*;

    use super::*;
    use crate::vectors::{hex, secret};

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn derived(root: &Root) -> SecretBytes {
        root.derive(root.current(), b"example", 32).unwrap()
    }

    /// Computed apart from this code, with HMAC and SHA-256 of the Python standard library.
    #[test]
    fn a_root_derives_the_known_key() {
        let root = Root::parse(&format!("# made in May\n3:{HEX}\n")).unwrap();
        assert_eq!(root.current(), RootVersion(3));
        derived(&root).expose(|key| {
            assert_eq!(key, hex("427d4d6cb27ceb2e64ee962c548ff1ad1b4c823b260740e6d071e7032589d0e4"))
        });
        let same = Root::parse(&format!("3:{BASE64}")).unwrap();
        assert!(derived(&same).ct_eq(&derived(&root)));
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        let made = Root::create_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(derived(&Root::from_file(&path).unwrap()).ct_eq(&derived(&made)));
        assert_eq!(Root::create_file(&path).err(), Some(CryptoError::KeyFile));
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Root::from_file(&path).err(), Some(CryptoError::KeyFileExposed), "{mode:o}");
        }
        assert!(CryptoError::KeyFileExposed.to_string().contains("0600"));
        assert_eq!(Root::from_file(&folder.path().join("no")).err(), Some(CryptoError::KeyFile));
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!("1:{HEX}00");
        let twice = format!("1:{HEX}\n1:{HEX}");
        let backwards = format!("2:{HEX}\n1:{HEX}");
        let signed = format!("-1:{HEX}");
        let no_hex = format!("1:{}zz", &HEX[2..]);
        let no_base64 = format!("1:{}!", &BASE64[1..]);
        for text in [
            "",
            "# nothing",
            "1",
            "1:",
            "1:00",
            HEX,
            &long,
            &twice,
            &backwards,
            &signed,
            &no_hex,
            &no_base64,
        ] {
            assert_eq!(Root::parse(text).err(), Some(CryptoError::KeyForm), "{text}");
        }
        assert_eq!(Root::from_env("EVANESCE_NO_SUCH_ROOT").err(), Some(CryptoError::KeyForm));
    }

    #[test]
    fn old_versions_unwrap_until_they_are_retired() {
        let mut root = Root::generate().unwrap();
        let wrapped = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert_eq!(wrapped.version(), RootVersion(1));
        assert_eq!(root.retire(RootVersion(1)), Err(CryptoError::UnknownVersion));
        assert_eq!(root.rotate().unwrap(), RootVersion(2));
        assert!(unwrap(&root, b"epoch", &wrapped).unwrap().ct_eq(&secret(b"a secret")));
        let newer = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert_eq!(newer.version(), RootVersion(2));
        root.retire(RootVersion(1)).unwrap();
        assert_eq!(unwrap(&root, b"epoch", &wrapped).err(), Some(CryptoError::UnknownVersion));
        assert!(unwrap(&root, b"epoch", &newer).is_ok());
    }

    #[test]
    fn what_is_wrapped_again_outlives_the_older_version() {
        let mut root = Root::generate().unwrap();
        let old = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        root.rotate().unwrap();
        let new = rewrap(&root, b"epoch", &old).unwrap();
        assert_eq!(rewrap(&root, b"another", &old).err(), Some(CryptoError::Forged));
        root.retire(RootVersion(1)).unwrap();
        assert_eq!(rewrap(&root, b"epoch", &old).err(), Some(CryptoError::UnknownVersion));
        assert!(unwrap(&root, b"epoch", &new).unwrap().ct_eq(&secret(b"a secret")));
        let last = Root::parse(&format!("4294967295:{HEX}")).unwrap().rotate();
        assert_eq!(last, Err(CryptoError::UnknownVersion));
    }

    #[test]
    fn a_wrapped_key_is_bound_to_context_and_version() {
        let mut root = Root::generate().unwrap();
        root.rotate().unwrap();
        let wrapped = wrap(&root, b"epoch 1", &secret(b"a secret")).unwrap();
        let bytes = wrapped.to_bytes();
        assert_eq!(Wrapped::from_bytes(&bytes).unwrap(), wrapped);
        assert_eq!(unwrap(&root, b"epoch 2", &wrapped).err(), Some(CryptoError::Forged));
        let mut other = bytes;
        other[3] = 1;
        let other = Wrapped::from_bytes(&other).unwrap();
        assert_eq!(unwrap(&root, b"epoch 1", &other).err(), Some(CryptoError::Forged));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9]{0,3}:?[0-9a-fA-F+/=]{0,70}\n?){0,3}") {
            let _ = Root::parse(&text);
        }

        #[test]
        fn any_bytes_are_a_wrapped_key_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            if let Ok(wrapped) = Wrapped::from_bytes(&bytes) {
                prop_assert_eq!(wrapped.to_bytes(), bytes);
            }
        }
    }
}
