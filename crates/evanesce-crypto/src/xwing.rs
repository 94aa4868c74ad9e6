use evanesce_memory::{SecretBytes, Wiped, scrub_stack_deeply};
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ExportOnlyAead,
    kdf::HkdfSha256, kem::XWing as Suite, setup_receiver, setup_sender,
};

use crate::{
    AlgorithmId, CryptoError, Decapsulate, Encapsulated, Kem, KeyPair, random, random_secret,
};

type PublicKey = <Suite as hpke::Kem>::PublicKey;
type PrivateKey = <Suite as hpke::Kem>::PrivateKey;
type EncappedKey = <Suite as hpke::Kem>::EncappedKey;

const SEED: usize = 32;
const PUBLIC: usize = 1216;
const ENCAPSULATED: usize = 1120;
const KEY: usize = 32;
/// The exporter context (RFC 9180, section 5.3).
const EXPORT: &[u8] = b"evanesce channel key v1";
/// HPKE allows less than 2^16 bytes with its own labels.
const LONGEST_CONTEXT: usize = 60_000;

/// HPKE (RFC 9180) in base mode with X-Wing, HKDF-SHA256 and the export-only AEAD: its
/// exported secret is the key. The private key is a seed of 32 bytes in guarded memory.
#[derive(Clone, Copy, Debug)]
pub struct XWing;

impl Kem for XWing {
    fn id(&self) -> AlgorithmId {
        AlgorithmId::X_WING
    }

    fn public_len(&self) -> usize {
        PUBLIC
    }

    fn encapsulated_len(&self) -> usize {
        ENCAPSULATED
    }

    fn generate(&self) -> Result<KeyPair, CryptoError> {
        let seed = random_secret(SEED)?;
        let public = public_of(&seed)?;
        Ok(KeyPair { private: Box::new(Private { seed }), public })
    }

    fn encapsulate(&self, public: &[u8], context: &[u8]) -> Result<Encapsulated, CryptoError> {
        if context.len() > LONGEST_CONTEXT {
            return Err(CryptoError::ContextTooLong);
        }
        let public = PublicKey::from_bytes(public).map_err(|_| CryptoError::Malformed)?;
        // The suite draws its own randomness and would panic where there is none.
        random(&mut [0; 32])?;
        let mut key = SecretBytes::zeroed(KEY)?;
        let bytes = key.expose_mut(|key| send(&public, context, key));
        scrub_stack_deeply();
        Ok(Encapsulated { bytes: bytes?, key })
    }
}

struct Private {
    seed: SecretBytes,
}

impl Decapsulate for Private {
    fn decapsulate(
        self: Box<Self>,
        encapsulated: &[u8],
        context: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        if context.len() > LONGEST_CONTEXT {
            return Err(CryptoError::ContextTooLong);
        }
        let encapsulated =
            EncappedKey::from_bytes(encapsulated).map_err(|_| CryptoError::Malformed)?;
        let private = private_of(&self.seed)?;
        let mut key = SecretBytes::zeroed(KEY)?;
        let received = key.expose_mut(|key| receive(&private, &encapsulated, context, key));
        scrub_stack_deeply();
        received.map(|()| key)
    }
}

pub(crate) fn public_of(seed: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
    let private = private_of(seed)?;
    let public = Suite::sk_to_pk(&private).to_bytes().to_vec();
    scrub_stack_deeply();
    Ok(public)
}

/// For vectors: a private key of a known seed.
#[cfg(test)]
pub(crate) fn pair_of(seed: SecretBytes) -> Result<KeyPair, CryptoError> {
    let public = public_of(&seed)?;
    Ok(KeyPair { private: Box::new(Private { seed }), public })
}

fn private_of(seed: &SecretBytes) -> Result<Wiped<PrivateKey>, CryptoError> {
    seed.expose(|seed| {
        Wiped::try_build(|| PrivateKey::from_bytes(seed).map_err(|_| CryptoError::KeyLength))
    })
}

#[inline(never)]
fn send(public: &PublicKey, context: &[u8], key: &mut [u8]) -> Result<Vec<u8>, CryptoError> {
    let (encapsulated, sender) =
        setup_sender::<ExportOnlyAead, HkdfSha256, Suite>(&OpModeS::Base, public, context)
            .map_err(|_| CryptoError::Malformed)?;
    sender.export(EXPORT, key).map_err(|_| CryptoError::KeyLength)?;
    Ok(encapsulated.to_bytes().to_vec())
}

#[inline(never)]
fn receive(
    private: &PrivateKey,
    encapsulated: &EncappedKey,
    context: &[u8],
    key: &mut [u8],
) -> Result<(), CryptoError> {
    let receiver = setup_receiver::<ExportOnlyAead, HkdfSha256, Suite>(
        &OpModeR::Base,
        private,
        encapsulated,
        context,
    )
    .map_err(|_| CryptoError::Forged)?;
    receiver.export(EXPORT, key).map_err(|_| CryptoError::KeyLength)
}

#[cfg(test)]
mod tests {
    use evanesce_memory::{assert_no_residue, residue::Needle};

    use super::*;

    fn needle_of(secret: &SecretBytes) -> Needle {
        let mut copy = secret.try_clone().unwrap();
        copy.expose_mut(|bytes| Needle::from_slice(bytes).unwrap())
    }

    #[test]
    fn seeds_and_keys_are_gone_after_use() {
        let seed = random_secret(SEED).unwrap();
        let seed_needle = needle_of(&seed);
        let pair = pair_of(seed).unwrap();
        assert_no_residue!(seed_needle);
        let made = XWing.encapsulate(&pair.public, b"context").unwrap();
        let key_needle = needle_of(&made.key);
        assert_no_residue!(key_needle);
        let key = pair.private.decapsulate(&made.bytes, b"context").unwrap();
        assert!(key.ct_eq(&made.key));
        drop((key, made));
        assert_no_residue!(seed_needle);
        assert_no_residue!(key_needle);
    }
}
