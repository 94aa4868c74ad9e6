use evanesce_memory::SecretBytes;
use hpke::kem::XWing as Suite;

use crate::{AlgorithmId, CryptoError, Decapsulate, Encapsulated, Kem, KeyPair, hpke_kem};

const SEED: usize = 32;
const PUBLIC: usize = 1216;
const ENCAPSULATED: usize = 1120;

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
        hpke_kem::generate::<Suite>(SEED)
    }

    fn encapsulate(&self, public: &[u8], context: &[u8]) -> Result<Encapsulated, CryptoError> {
        hpke_kem::encapsulate::<Suite>(public, context)
    }

    fn restore(&self, kept: &SecretBytes) -> Result<Box<dyn Decapsulate>, CryptoError> {
        hpke_kem::restore::<Suite>(kept, SEED)
    }
}

/// For vectors: a private key of a known seed.
#[cfg(test)]
pub(crate) fn pair_of(seed: SecretBytes) -> Result<KeyPair, CryptoError> {
    hpke_kem::pair_of::<Suite>(seed)
}

#[cfg(test)]
mod tests {
    use evanesce_memory::{assert_no_residue, residue::Needle};

    use super::*;
    use crate::random_secret;

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
