use evanesce_memory::{SecretBytes, Wiped, scrub_stack_deeply};
use hpke::{
    Deserializable, Kem, Serializable,
    kem::{X25519HkdfSha256, XWing},
    rand_core::{TryCryptoRng, TryRng},
};
#[allow(deprecated)]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::{
    FromSeed, MlKem512, MlKem768, MlKem1024,
    array::{Array, ArraySize},
    kem::{
        Decapsulate, DecapsulationKey, Decapsulator as _, Encapsulate as _, KeyExport as _,
        TryKeyInit as _,
    },
};

use crate::{CryptoError, Encapsulated};

/// A key encapsulation mechanism with known inputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mechanism {
    /// Kyber768 of round 3, without a second mechanism beside it. Private key: the seed `d ‖ z`
    /// of 64 bytes; randomness: 32. See [`KyberRound3`](crate::KyberRound3) for its advisories.
    #[cfg(feature = "kyber-round3")]
    Kyber768,
    /// ML-KEM-1024 (FIPS 203). Private key: the seed `d ‖ z` of 64 bytes; randomness: `m`, 32.
    MlKem1024,
    /// ML-KEM-512 (FIPS 203). Private key: the seed `d ‖ z` of 64 bytes; randomness: `m`, 32.
    MlKem512,
    /// ML-KEM-768 (FIPS 203). Private key: the seed `d ‖ z` of 64 bytes; randomness: `m`, 32.
    MlKem768,
    /// DHKEM(X25519, HKDF-SHA256) (RFC 9180, section 4.1). Private key: 32 bytes; randomness:
    /// the key material of the ephemeral key, 32.
    X25519,
    /// X-Wing (draft-connolly-cfrg-xwing-kem). Private key: the seed of 32 bytes; randomness: 64.
    XWing,
}

impl Mechanism {
    /// The public key of a private one.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for a private key of another length.
    pub fn public_key(self, private: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
        match self {
            #[cfg(feature = "kyber-round3")]
            Self::Kyber768 => crate::kyber::known::public_key(private),
            Self::MlKem1024 => lattice_public_key::<MlKem1024>(private),
            Self::MlKem512 => lattice_public_key::<MlKem512>(private),
            Self::MlKem768 => lattice_public_key::<MlKem768>(private),
            Self::X25519 => public_key::<X25519HkdfSha256>(private),
            Self::XWing => public_key::<XWing>(private),
        }
    }

    /// Encapsulates with the randomness given, which must be as long as the mechanism draws.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for bytes that are no public key (FIPS 203, section 7.2), and
    /// [`CryptoError::KeyLength`] for randomness of another length.
    pub fn encapsulate(
        self,
        public: &[u8],
        randomness: &SecretBytes,
    ) -> Result<Encapsulated, CryptoError> {
        match self {
            #[cfg(feature = "kyber-round3")]
            Self::Kyber768 => crate::kyber::known::encapsulate(public, randomness),
            Self::MlKem1024 => lattice_encapsulate::<MlKem1024>(public, randomness),
            Self::MlKem512 => lattice_encapsulate::<MlKem512>(public, randomness),
            Self::MlKem768 => lattice_encapsulate::<MlKem768>(public, randomness),
            Self::X25519 => encapsulate::<X25519HkdfSha256>(public, randomness, None),
            Self::XWing => encapsulate::<XWing>(public, randomness, None),
        }
    }

    /// As [`encapsulate`](Self::encapsulate), and the holder of `private` is authenticated to
    /// the receiver: `AuthEncap` (RFC 9180, section 4.1), which only X25519 has.
    ///
    /// # Errors
    /// [`CryptoError::UnknownAlgorithm`] for another mechanism, besides those of
    /// [`encapsulate`](Self::encapsulate).
    pub fn encapsulate_from(
        self,
        private: &SecretBytes,
        public: &[u8],
        randomness: &SecretBytes,
    ) -> Result<Encapsulated, CryptoError> {
        match self {
            Self::X25519 => encapsulate::<X25519HkdfSha256>(public, randomness, Some(private)),
            _ => Err(CryptoError::UnknownAlgorithm),
        }
    }

    /// Decapsulates. A changed encapsulation of the right length gives another key, not an
    /// error, where the mechanism rejects implicitly.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for bytes that are no encapsulation, and
    /// [`CryptoError::KeyLength`] for a private key of another length.
    pub fn decapsulate(
        self,
        private: &SecretBytes,
        encapsulated: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        match self {
            #[cfg(feature = "kyber-round3")]
            Self::Kyber768 => crate::kyber::known::decapsulate(private, encapsulated),
            Self::MlKem1024 => lattice_decapsulate::<MlKem1024>(private, encapsulated),
            Self::MlKem512 => lattice_decapsulate::<MlKem512>(private, encapsulated),
            Self::MlKem768 => lattice_decapsulate::<MlKem768>(private, encapsulated),
            Self::X25519 => decapsulate::<X25519HkdfSha256>(private, encapsulated),
            Self::XWing => decapsulate::<XWing>(private, encapsulated),
        }
    }

    /// As [`decapsulate`](Self::decapsulate), with the private key of ML-KEM in the expanded
    /// form of FIPS 203, which older peers keep. Prefer seeds: they are short and always valid.
    ///
    /// # Errors
    /// [`CryptoError::UnknownAlgorithm`] for a mechanism without such a form,
    /// [`CryptoError::KeyLength`] for a key that is none (FIPS 203, section 7.3), and
    /// [`CryptoError::Malformed`] for bytes that are no encapsulation.
    pub fn decapsulate_expanded(
        self,
        private: &SecretBytes,
        encapsulated: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        match self {
            Self::MlKem1024 => expanded_decapsulate::<MlKem1024>(private, encapsulated),
            Self::MlKem512 => expanded_decapsulate::<MlKem512>(private, encapsulated),
            Self::MlKem768 => expanded_decapsulate::<MlKem768>(private, encapsulated),
            _ => Err(CryptoError::UnknownAlgorithm),
        }
    }
}

pub(super) fn private_key<K: Kem>(
    private: &SecretBytes,
) -> Result<Wiped<K::PrivateKey>, CryptoError> {
    private.expose(|bytes| {
        Wiped::try_build(|| K::PrivateKey::from_bytes(bytes).map_err(|_| CryptoError::KeyLength))
    })
}

fn public_key<K: Kem>(private: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
    let public = K::sk_to_pk(&*private_key::<K>(private)?).to_bytes().to_vec();
    scrub_stack_deeply();
    Ok(public)
}

fn encapsulate<K: Kem>(
    public: &[u8],
    randomness: &SecretBytes,
    sender: Option<&SecretBytes>,
) -> Result<Encapsulated, CryptoError> {
    let public = K::PublicKey::from_bytes(public).map_err(|_| CryptoError::Malformed)?;
    let sender = sender.map(private_key::<K>).transpose()?;
    let own = sender.as_ref().map(|private| K::sk_to_pk(private));
    let pair = sender.as_deref().zip(own.as_ref());
    let made = given(randomness, |source| {
        let (mut shared, bytes) =
            K::encap_with_rng(&public, pair, source).map_err(|_| CryptoError::Malformed)?;
        Ok((SecretBytes::from_slice(&mut shared.0)?, bytes.to_bytes().to_vec()))
    });
    scrub_stack_deeply();
    made.map(|(key, bytes)| Encapsulated { bytes, key })
}

fn decapsulate<K: Kem>(
    private: &SecretBytes,
    encapsulated: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let private = private_key::<K>(private)?;
    let encapsulated =
        K::EncappedKey::from_bytes(encapsulated).map_err(|_| CryptoError::Malformed)?;
    let shared = K::decap(&private, None, &encapsulated)
        .map_err(|_| CryptoError::Malformed)
        .and_then(|mut shared| Ok(SecretBytes::from_slice(&mut shared.0)?));
    scrub_stack_deeply();
    shared
}

/// Keys of ML-KEM wipe what they hold on the heap when they are dropped; the rest is here.
fn lattice_key<K: FromSeed>(
    private: &SecretBytes,
) -> Result<Wiped<DecapsulationKey<K>>, CryptoError> {
    private.expose(|bytes| Wiped::try_build(|| Ok(K::from_seed(&array(bytes)?).0)))
}

fn lattice_public_key<K: FromSeed>(private: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
    let public = lattice_key::<K>(private)?.encapsulation_key().to_bytes().to_vec();
    scrub_stack_deeply();
    Ok(public)
}

fn lattice_encapsulate<K: ml_kem::Kem>(
    public: &[u8],
    randomness: &SecretBytes,
) -> Result<Encapsulated, CryptoError> {
    let public = K::EncapsulationKey::new_from_slice(public).map_err(|_| CryptoError::Malformed)?;
    let made = given(randomness, |source| {
        let (bytes, mut key) = public.encapsulate_with_rng(source);
        Ok((SecretBytes::from_slice(&mut key)?, bytes.to_vec()))
    });
    scrub_stack_deeply();
    made.map(|(key, bytes)| Encapsulated { bytes, key })
}

fn lattice_decapsulate<K: FromSeed>(
    private: &SecretBytes,
    encapsulated: &[u8],
) -> Result<SecretBytes, CryptoError>
where
    DecapsulationKey<K>: Decapsulate,
{
    opened(&*lattice_key::<K>(private)?, encapsulated)
}

#[allow(deprecated)]
fn expanded_decapsulate<K: ml_kem::Kem>(
    private: &SecretBytes,
    encapsulated: &[u8],
) -> Result<SecretBytes, CryptoError>
where
    DecapsulationKey<K>: Decapsulate + ExpandedKeyEncoding,
{
    let key: Wiped<DecapsulationKey<K>> = private.expose(|bytes| {
        Wiped::try_build(|| {
            ExpandedKeyEncoding::from_expanded_bytes(&array(bytes)?)
                .map_err(|_| CryptoError::KeyLength)
        })
    })?;
    opened(&*key, encapsulated)
}

fn opened(key: &impl Decapsulate, encapsulated: &[u8]) -> Result<SecretBytes, CryptoError> {
    let shared = key
        .decapsulate_slice(encapsulated)
        .map_err(|_| CryptoError::Malformed)
        .and_then(|mut shared| Ok(SecretBytes::from_slice(&mut shared)?));
    scrub_stack_deeply();
    shared
}

fn array<N: ArraySize>(bytes: &[u8]) -> Result<Array<u8, N>, CryptoError> {
    bytes.try_into().map_err(|_| CryptoError::KeyLength)
}

/// Runs `make` with the caller's randomness, all of which it must draw, and no more.
fn given<T>(
    randomness: &SecretBytes,
    make: impl FnOnce(&mut Given<'_>) -> Result<T, CryptoError>,
) -> Result<T, CryptoError> {
    randomness.expose(|bytes| {
        let mut source = Given { rest: bytes, short: false };
        let made = make(&mut source)?;
        if source.rest.is_empty() && !source.short { Ok(made) } else { Err(CryptoError::KeyLength) }
    })
}

/// The caller's randomness, each byte once.
struct Given<'a> {
    rest: &'a [u8],
    short: bool,
}

impl TryRng for Given<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Self::Error> {
        match self.rest.split_at_checked(into.len()) {
            Some((taken, rest)) => {
                into.copy_from_slice(taken);
                self.rest = rest;
            }
            // Seen by the caller, who then gives no key.
            None => self.short = true,
        }
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}
