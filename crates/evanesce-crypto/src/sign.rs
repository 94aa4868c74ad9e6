use std::fmt;

use evanesce_core::Digest;
use evanesce_memory::{SecretBytes, Wiped, scrub_stack};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::{CryptoError, RootProvider, RootVersion, random_secret};

/// An Ed25519 signing key (RFC 8032), held in guarded memory. ring's own key pair is
/// built for each signature and wiped after.
pub struct SigningKey {
    seed: SecretBytes,
    public: VerifyingKey,
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] and [`CryptoError::Memory`].
    pub fn generate() -> Result<Self, CryptoError> {
        Self::from_seed(random_secret(32)?)
    }

    /// The key for `context` under the root's current version: the same in every process
    /// that has the root.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn from_root(provider: &dyn RootProvider, context: &[u8]) -> Result<Self, CryptoError> {
        Self::from_root_at(provider, provider.current(), context)
    }

    /// The same under an older version of the root, as long as the provider has it.
    ///
    /// # Errors
    /// [`CryptoError::UnknownVersion`] otherwise, besides those of the provider.
    pub fn from_root_at(
        provider: &dyn RootProvider,
        version: RootVersion,
        context: &[u8],
    ) -> Result<Self, CryptoError> {
        Self::from_seed(provider.derive(version, context, 32)?)
    }

    /// From a seed of 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for another length.
    pub fn from_seed(seed: SecretBytes) -> Result<Self, CryptoError> {
        let pair = pair(&seed)?;
        let mut public = [0; 32];
        let bytes = pair.public_key().as_ref();
        if bytes.len() != public.len() {
            return Err(CryptoError::KeyLength);
        }
        public.copy_from_slice(bytes);
        Ok(Self { seed, public: VerifyingKey(public) })
    }

    /// Signs.
    ///
    /// # Errors
    /// [`CryptoError::Memory`].
    pub fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = pair(&self.seed)?.sign(message);
        scrub_stack();
        let bytes = signature.as_ref().try_into().map_err(|_| CryptoError::Malformed)?;
        Ok(Signature(bytes))
    }

    /// The key that verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.public
    }
}

/// The public half of a [`SigningKey`], written as 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// From its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Verifies.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for any other message, key or signature.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, &signature.0)
            .map_err(|_| CryptoError::Forged)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest::new(self.0).fmt(f)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// From its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

fn pair(seed: &SecretBytes) -> Result<Wiped<Ed25519KeyPair>, CryptoError> {
    seed.expose(|seed| {
        Wiped::try_build(|| {
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::KeyLength)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Root,
        vectors::{hex, secret},
    };

    /// RFC 8032, section 7.1, tests 1 to 3.
    #[test]
    fn vectors() {
        let cases = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ];
        for (seed, public, message, signature) in cases {
            let key = SigningKey::from_seed(secret(&hex(seed))).unwrap();
            assert_eq!(key.verifying_key().as_bytes()[..], hex(public));
            let made = key.sign(&hex(message)).unwrap();
            assert_eq!(made.as_bytes()[..], hex(signature));
            assert_eq!(key.verifying_key().verify(&hex(message), &made), Ok(()));
        }
    }

    #[test]
    fn nothing_else_verifies() {
        let key = SigningKey::generate().unwrap();
        let signature = key.sign(b"checkpoint").unwrap();
        assert!(key.verifying_key().verify(b"checkpoinT", &signature).is_err());
        let other = SigningKey::generate().unwrap().verifying_key();
        assert_eq!(other.verify(b"checkpoint", &signature), Err(CryptoError::Forged));
        for at in 0..64 {
            let mut bytes = *signature.as_bytes();
            bytes[at] ^= 1;
            assert!(key.verifying_key().verify(b"checkpoint", &Signature::new(bytes)).is_err());
        }
    }

    #[test]
    fn a_root_gives_the_same_key_for_a_context_and_another_for_another() {
        let root = Root::generate().unwrap();
        let key = |context| SigningKey::from_root(&root, context).unwrap().verifying_key();
        assert!(key(b"audit") == key(b"audit") && key(b"audit") != key(b"other"));
        assert_eq!(SigningKey::from_seed(secret(&[1; 31])).err(), Some(CryptoError::KeyLength));
    }
}
