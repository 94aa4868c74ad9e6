use evanesce_memory::SecretBytes;
use hpke::kem::MlKem1024 as Suite;

use crate::{AlgorithmId, CryptoError, Decapsulate, Encapsulated, Kem, KeyPair, hpke_kem};

const SEED: usize = 64;
const PUBLIC: usize = 1568;
const ENCAPSULATED: usize = 1568;

/// HPKE (RFC 9180) in base mode with ML-KEM-1024 (FIPS 203) alone, otherwise as
/// [`XWing`](crate::XWing): what a program turns to when X-Wing's kill switch is pulled, since
/// it shares neither the curve nor the parameters. It has no second mechanism behind it, so it
/// is no member of [`Algorithms::standard`](crate::Algorithms::standard).
#[derive(Clone, Copy, Debug)]
pub struct MlKem1024;

impl Kem for MlKem1024 {
    fn id(&self) -> AlgorithmId {
        AlgorithmId::ML_KEM_1024
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
