use std::fmt;

use evanesce_memory::{SecretBytes, Wiped, scrub_stack_deeply};
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa65, Seed, SigningKey, VerifyingKey};

use crate::{CryptoError, RootProvider, random_secret};

const SEED: usize = 32;

/// An ML-DSA-65 signing key (FIPS 204), for a second signature beside Ed25519 that a
/// quantum computer does not forge. Only the seed is kept, in guarded memory; the key is
/// expanded for each signature and wiped after.
///
/// Signatures are deterministic (FIPS 204, section 3.4).
pub struct MlDsaSigningKey {
    seed: SecretBytes,
    public: MlDsaVerifyingKey,
}

impl MlDsaSigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::Random`] and [`CryptoError::Memory`].
    pub fn generate() -> Result<Self, CryptoError> {
        Self::from_seed(random_secret(SEED)?)
    }

    /// The key for `context` under the root's current version.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn from_root(provider: &dyn RootProvider, context: &[u8]) -> Result<Self, CryptoError> {
        Self::from_seed(provider.derive(provider.current(), context, SEED)?)
    }

    /// From a seed of 32 bytes.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for another length.
    pub fn from_seed(seed: SecretBytes) -> Result<Self, CryptoError> {
        let key = expand(&seed)?;
        let public = MlDsaVerifyingKey(key.expanded_key().verifying_key().encode().to_vec());
        drop(key);
        scrub_stack_deeply();
        Ok(Self { seed, public })
    }

    /// Signs with the empty context.
    ///
    /// # Errors
    /// [`CryptoError::Memory`].
    pub fn sign(&self, message: &[u8]) -> Result<MlDsaSignature, CryptoError> {
        let key = expand(&self.seed)?;
        let signature = key.expanded_key().sign_deterministic(message, &[]);
        drop(key);
        scrub_stack_deeply();
        let signature = signature.map_err(|_| CryptoError::ContextTooLong)?;
        Ok(MlDsaSignature(signature.encode().to_vec()))
    }

    /// The key that verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> &MlDsaVerifyingKey {
        &self.public
    }
}

/// The public half of an [`MlDsaSigningKey`].
#[derive(Clone, Eq, PartialEq)]
pub struct MlDsaVerifyingKey(Vec<u8>);

impl MlDsaVerifyingKey {
    /// How many bytes it has.
    pub const LEN: usize = 1952;

    /// From its bytes.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() == Self::LEN {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(CryptoError::Malformed)
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Verifies.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for any other message, key or signature.
    pub fn verify(&self, message: &[u8], signature: &MlDsaSignature) -> Result<(), CryptoError> {
        let key = EncodedVerifyingKey::<MlDsa65>::try_from(self.0.as_slice())
            .map_err(|_| CryptoError::Malformed)?;
        let encoded = EncodedSignature::<MlDsa65>::try_from(signature.0.as_slice())
            .map_err(|_| CryptoError::Forged)?;
        let signature = ml_dsa::Signature::decode(&encoded).ok_or(CryptoError::Forged)?;
        if VerifyingKey::<MlDsa65>::decode(&key).verify_with_context(message, &[], &signature) {
            Ok(())
        } else {
            Err(CryptoError::Forged)
        }
    }
}

impl fmt::Debug for MlDsaVerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MlDsaVerifyingKey")
    }
}

/// An ML-DSA-65 signature.
#[derive(Clone, Eq, PartialEq)]
pub struct MlDsaSignature(Vec<u8>);

impl MlDsaSignature {
    /// How many bytes it has.
    pub const LEN: usize = 3309;

    /// From its bytes.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        if bytes.len() == Self::LEN {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(CryptoError::Malformed)
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for MlDsaSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MlDsaSignature")
    }
}

fn expand(seed: &SecretBytes) -> Result<Wiped<SigningKey<MlDsa65>>, CryptoError> {
    seed.expose(|seed| {
        Wiped::try_build(|| {
            let seed = Seed::try_from(seed).map_err(|_| CryptoError::KeyLength)?;
            Ok(SigningKey::from_seed(&seed))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_verify_and_nothing_else_does() {
        let key =
            MlDsaSigningKey::from_seed(SecretBytes::from_slice(&mut [7; 32]).unwrap()).unwrap();
        let signature = key.sign(b"checkpoint").unwrap();
        assert_eq!(signature, key.sign(b"checkpoint").unwrap());
        let public = MlDsaVerifyingKey::from_bytes(key.verifying_key().as_bytes()).unwrap();
        let same = MlDsaSignature::from_bytes(signature.as_bytes()).unwrap();
        assert_eq!(public.verify(b"checkpoint", &same), Ok(()));
        assert_eq!(public.verify(b"checkpoinT", &same), Err(CryptoError::Forged));
        for at in [0, 100, 2000, 3308] {
            let mut bytes = signature.as_bytes().to_vec();
            bytes[at] ^= 1;
            let changed = MlDsaSignature::from_bytes(&bytes).unwrap();
            assert_eq!(public.verify(b"checkpoint", &changed), Err(CryptoError::Forged), "{at}");
        }
        let other = MlDsaSigningKey::generate().unwrap();
        assert_eq!(other.verifying_key().verify(b"checkpoint", &same), Err(CryptoError::Forged));
        assert!(MlDsaSigningKey::from_seed(SecretBytes::zeroed(31).unwrap()).is_err());
        assert!(MlDsaSignature::from_bytes(&[0; 3308]).is_err());
        assert!(MlDsaVerifyingKey::from_bytes(&[0; 1953]).is_err());
    }

    /// Computed with another implementation, from the seed of the bytes 0 to 31.
    #[test]
    fn the_known_answer_is_reproduced() {
        let seed = crate::vectors::secret(&(0..32).collect::<Vec<u8>>());
        let key = MlDsaSigningKey::from_seed(seed).unwrap();
        let is = |bytes: &[u8], digest: &str| {
            assert_eq!(crate::sha256(bytes).as_bytes()[..], crate::vectors::hex(digest));
        };
        is(
            key.verifying_key().as_bytes(),
            "d666806e11cee19a7c989f7445f90dd419cf4d2d51db8c0fdb4c0f0a542238c9",
        );
        is(
            key.sign(b"checkpoint").unwrap().as_bytes(),
            "edbfb65678449cfb97ad5c1132c3ad5038a10fc391246fd95b3931a63e4def84",
        );
    }

    #[test]
    fn a_seed_is_gone_after_signing() {
        let mut seed = [0; 32];
        let needle = evanesce_memory::residue::Needle::random(&mut seed).unwrap();
        let key = MlDsaSigningKey::from_seed(SecretBytes::from_slice(&mut seed).unwrap()).unwrap();
        key.sign(b"checkpoint").unwrap();
        drop(key);
        evanesce_memory::assert_no_residue!(needle);
    }
}
