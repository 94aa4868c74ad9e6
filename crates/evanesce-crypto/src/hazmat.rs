//! The mechanisms under channel and envelope with every input chosen by the caller: for known
//! answers, and for peers that speak the plain standards.
//!
//! Nothing here commits to a key, pads, draws randomness or keeps a nonce from being used twice.
//! Where [`seal()`](crate::seal()) or [`seal_to`](crate::seal_to) will do, use those.

use evanesce_memory::{SecretBytes, Wiped, scrub_stack, scrub_stack_deeply};
use hpke::{
    Deserializable, Kem, OpModeR, Serializable,
    aead::{Aead, AesGcm128, AesGcm256, ExportOnlyAead},
    kdf::{HkdfSha256, HkdfSha512, Kdf as KdfTrait},
    kem::{MlKem768, X25519HkdfSha256, XWing},
    rand_core::{TryCryptoRng, TryRng},
    setup_receiver,
};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use crate::{CryptoError, Encapsulated};

/// A key encapsulation mechanism with known inputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mechanism {
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
            Self::MlKem768 => public_key::<MlKem768>(private),
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
            Self::MlKem768 => encapsulate::<MlKem768>(public, randomness),
            Self::X25519 => encapsulate::<X25519HkdfSha256>(public, randomness),
            Self::XWing => encapsulate::<XWing>(public, randomness),
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
            Self::MlKem768 => decapsulate::<MlKem768>(private, encapsulated),
            Self::X25519 => decapsulate::<X25519HkdfSha256>(private, encapsulated),
            Self::XWing => decapsulate::<XWing>(private, encapsulated),
        }
    }
}

/// The key derivation of an HPKE suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Derivation {
    /// HKDF-SHA256, number 1.
    HkdfSha256,
    /// HKDF-SHA512, number 3.
    HkdfSha512,
}

/// The cipher of an HPKE suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-128-GCM, number 1.
    Aes128Gcm,
    /// AES-256-GCM, number 2.
    Aes256Gcm,
    /// None: only keys are exported, number 65535.
    ExportOnly,
}

/// A suite of HPKE (RFC 9180), in base mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Suite {
    /// The key encapsulation.
    pub mechanism: Mechanism,
    /// The key derivation.
    pub derivation: Derivation,
    /// The cipher.
    pub cipher: Cipher,
}

/// What a receiver has of HPKE before the first message.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The sender's encapsulation.
    pub encapsulated: &'a [u8],
    /// What both sides say the exchange is for.
    pub info: &'a [u8],
    /// The private key of the receiver.
    pub private: &'a SecretBytes,
}

impl Suite {
    /// Opens messages in the order in which they were sealed: associated data and ciphertext of
    /// each.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for a message that does not open, besides those of
    /// [`Mechanism::decapsulate`]; [`CryptoError::UnknownAlgorithm`] without a cipher.
    pub fn open(
        self,
        received: Received<'_>,
        messages: &[(&[u8], &[u8])],
    ) -> Result<Vec<SecretBytes>, CryptoError> {
        match self.cipher {
            Cipher::Aes128Gcm => self.opened::<AesGcm128>(received, messages),
            Cipher::Aes256Gcm => self.opened::<AesGcm256>(received, messages),
            Cipher::ExportOnly => Err(CryptoError::UnknownAlgorithm),
        }
    }

    /// Exports a secret of `len` bytes (RFC 9180, section 5.3).
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for more than the derivation gives, besides those of
    /// [`Mechanism::decapsulate`].
    pub fn export(
        self,
        received: Received<'_>,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        match self.cipher {
            Cipher::Aes128Gcm => self.exported::<AesGcm128>(received, context, len),
            Cipher::Aes256Gcm => self.exported::<AesGcm256>(received, context, len),
            Cipher::ExportOnly => self.exported::<ExportOnlyAead>(received, context, len),
        }
    }

    fn opened<A: Aead>(
        self,
        received: Received<'_>,
        messages: &[(&[u8], &[u8])],
    ) -> Result<Vec<SecretBytes>, CryptoError> {
        use Derivation::{HkdfSha256 as Short, HkdfSha512 as Long};
        match (self.mechanism, self.derivation) {
            (Mechanism::MlKem768, Short) => open::<A, HkdfSha256, MlKem768>(received, messages),
            (Mechanism::MlKem768, Long) => open::<A, HkdfSha512, MlKem768>(received, messages),
            (Mechanism::X25519, Short) => {
                open::<A, HkdfSha256, X25519HkdfSha256>(received, messages)
            }
            (Mechanism::X25519, Long) => {
                open::<A, HkdfSha512, X25519HkdfSha256>(received, messages)
            }
            (Mechanism::XWing, Short) => open::<A, HkdfSha256, XWing>(received, messages),
            (Mechanism::XWing, Long) => open::<A, HkdfSha512, XWing>(received, messages),
        }
    }

    fn exported<A: Aead>(
        self,
        received: Received<'_>,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        use Derivation::{HkdfSha256 as Short, HkdfSha512 as Long};
        match (self.mechanism, self.derivation) {
            (Mechanism::MlKem768, Short) => {
                export::<A, HkdfSha256, MlKem768>(received, context, len)
            }
            (Mechanism::MlKem768, Long) => {
                export::<A, HkdfSha512, MlKem768>(received, context, len)
            }
            (Mechanism::X25519, Short) => {
                export::<A, HkdfSha256, X25519HkdfSha256>(received, context, len)
            }
            (Mechanism::X25519, Long) => {
                export::<A, HkdfSha512, X25519HkdfSha256>(received, context, len)
            }
            (Mechanism::XWing, Short) => export::<A, HkdfSha256, XWing>(received, context, len),
            (Mechanism::XWing, Long) => export::<A, HkdfSha512, XWing>(received, context, len),
        }
    }
}

/// AES-256-GCM (SP 800-38D) under a key and a nonce that the caller chooses: ciphertext, then a
/// tag of 16 bytes. Two messages under one nonce give both away.
///
/// # Errors
/// [`CryptoError::KeyLength`] for a key of other than 32 bytes.
pub fn seal_aes_256_gcm(
    key: &SecretBytes,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &SecretBytes,
) -> Result<Vec<u8>, CryptoError> {
    let cipher = cipher(key)?;
    let mut buffer = plaintext.try_clone()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let sealed = buffer.expose_mut(|buffer| {
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(associated), buffer);
        tag.map(|tag| [buffer, tag.as_ref()].concat()).map_err(|_| CryptoError::TooLarge)
    });
    drop(cipher);
    scrub_stack();
    sealed
}

/// Opens what [`seal_aes_256_gcm`] made. A ciphertext may open under more than one key.
///
/// # Errors
/// [`CryptoError::Forged`], and [`CryptoError::KeyLength`] for a key of other than 32 bytes.
pub fn open_aes_256_gcm(
    key: &SecretBytes,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    sealed: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let cipher = cipher(key)?;
    let mut buffer = SecretBytes::zeroed(sealed.len())?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = buffer.expose_mut(|buffer| {
        buffer.copy_from_slice(sealed);
        cipher.open_in_place(nonce, Aad::from(associated), buffer).map(|plain| plain.len())
    });
    drop(cipher);
    scrub_stack();
    buffer.truncate(opened.map_err(|_| CryptoError::Forged)?);
    Ok(buffer)
}

/// HMAC-SHA256 (RFC 2104) under a key of any length.
///
/// # Errors
/// [`CryptoError::KeyLength`] in a forked child, where the key is gone, and
/// [`CryptoError::Memory`].
pub fn hmac_sha256(key: &SecretBytes, message: &[u8]) -> Result<[u8; 32], CryptoError> {
    // ring's key is the hash state of the padded key, which it does not wipe.
    let keyed = key.expose(|bytes| {
        if bytes.len() != key.len() {
            return Err(CryptoError::KeyLength);
        }
        Ok(Wiped::build(|| hmac::Key::new(hmac::HMAC_SHA256, bytes))?)
    })?;
    let tag = hmac::sign(&keyed, message);
    drop(keyed);
    scrub_stack();
    tag.as_ref().try_into().map_err(|_| CryptoError::KeyLength)
}

fn cipher(key: &SecretBytes) -> Result<Wiped<LessSafeKey>, CryptoError> {
    key.expose(|key| {
        Wiped::try_build(|| {
            let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| CryptoError::KeyLength)?;
            Ok(LessSafeKey::new(unbound))
        })
    })
}

fn private_key<K: Kem>(private: &SecretBytes) -> Result<Wiped<K::PrivateKey>, CryptoError> {
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
) -> Result<Encapsulated, CryptoError> {
    let public = K::PublicKey::from_bytes(public).map_err(|_| CryptoError::Malformed)?;
    let made = randomness.expose(|bytes| {
        let mut source = Given { rest: bytes, short: false };
        let made = K::encap_with_rng(&public, None, &mut source);
        let exact = source.rest.is_empty() && !source.short;
        let (mut shared, bytes) = made.map_err(|_| CryptoError::Malformed)?;
        let key = SecretBytes::from_slice(&mut shared.0)?;
        if exact { Ok((key, bytes.to_bytes().to_vec())) } else { Err(CryptoError::KeyLength) }
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

fn open<A: Aead, D: KdfTrait, K: Kem>(
    received: Received<'_>,
    messages: &[(&[u8], &[u8])],
) -> Result<Vec<SecretBytes>, CryptoError> {
    let private = private_key::<K>(received.private)?;
    let encapsulated =
        K::EncappedKey::from_bytes(received.encapsulated).map_err(|_| CryptoError::Malformed)?;
    let mut context =
        setup_receiver::<A, D, K>(&OpModeR::Base, &private, &encapsulated, received.info)
            .map_err(|_| CryptoError::Malformed)?;
    let opened = messages
        .iter()
        .map(|(associated, sealed)| {
            let mut plain = context.open(sealed, associated).map_err(|_| CryptoError::Forged)?;
            Ok(SecretBytes::from_slice(&mut plain)?)
        })
        .collect();
    drop(context);
    scrub_stack_deeply();
    opened
}

fn export<A: Aead, D: KdfTrait, K: Kem>(
    received: Received<'_>,
    context: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    let private = private_key::<K>(received.private)?;
    let encapsulated =
        K::EncappedKey::from_bytes(received.encapsulated).map_err(|_| CryptoError::Malformed)?;
    let receiver =
        setup_receiver::<A, D, K>(&OpModeR::Base, &private, &encapsulated, received.info)
            .map_err(|_| CryptoError::Malformed)?;
    let mut secret = SecretBytes::zeroed(len)?;
    let exported = secret.expose_mut(|bytes| receiver.export(context, bytes));
    drop(receiver);
    scrub_stack_deeply();
    exported.map_err(|_| CryptoError::KeyLength)?;
    Ok(secret)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kem as _, vectors::secret};

    /// The channel's mechanism is what docs/formats.md says it is: HPKE with an exported key.
    #[test]
    fn the_channels_key_is_an_export() {
        let (seed, info) = (secret(&[5; 32]), b"what it is for");
        let pair = crate::xwing::pair_of(secret(&[5; 32])).unwrap();
        assert_eq!(Mechanism::XWing.public_key(&seed).unwrap(), pair.public);
        let made = crate::XWing.encapsulate(&pair.public, info).unwrap();
        let suite = Suite {
            mechanism: Mechanism::XWing,
            derivation: Derivation::HkdfSha256,
            cipher: Cipher::ExportOnly,
        };
        let received = Received { encapsulated: &made.bytes, info, private: &seed };
        let exported = suite.export(received, b"evanesce channel key v1", 32).unwrap();
        assert!(exported.ct_eq(&made.key));
        let other = Received { info: b"another", ..received };
        assert!(!suite.export(other, b"evanesce channel key v1", 32).unwrap().ct_eq(&made.key));
        assert_eq!(suite.open(received, &[]).err(), Some(CryptoError::UnknownAlgorithm));
        assert_eq!(suite.export(received, b"", 8161).err(), Some(CryptoError::KeyLength));
    }

    #[test]
    fn lengths_are_exact_and_bad_points_refused() {
        let all = [
            (Mechanism::MlKem768, 64, 32),
            (Mechanism::X25519, 32, 32),
            (Mechanism::XWing, 32, 64),
        ];
        for (mechanism, seed, random) in all {
            let private = secret(&vec![3; seed]);
            let public = mechanism.public_key(&private).unwrap();
            let made = mechanism.encapsulate(&public, &secret(&vec![4; random])).unwrap();
            let again = mechanism.encapsulate(&public, &secret(&vec![4; random])).unwrap();
            assert!(made.bytes == again.bytes && made.key.ct_eq(&again.key));
            assert!(mechanism.decapsulate(&private, &made.bytes).unwrap().ct_eq(&made.key));
            let short = Some(CryptoError::KeyLength);
            for wrong in [random - 1, random + 1, 0] {
                assert_eq!(mechanism.encapsulate(&public, &secret(&vec![4; wrong])).err(), short);
            }
            assert_eq!(mechanism.public_key(&secret(&vec![3; seed - 1])).err(), short);
            let malformed = Some(CryptoError::Malformed);
            assert_eq!(mechanism.decapsulate(&private, &made.bytes[1..]).err(), malformed);
            let cut = mechanism.encapsulate(&public[1..], &secret(&vec![4; random])).err();
            assert_eq!(cut, malformed);
        }
        let zero = Mechanism::X25519.decapsulate(&secret(&[3; 32]), &[0; 32]).err();
        assert_eq!(zero, Some(CryptoError::Malformed));
    }

    #[test]
    fn a_cipher_opens_what_it_sealed_and_nothing_else() {
        let (key, plain) = (secret(&[1; 32]), secret(b"some text"));
        let sealed = seal_aes_256_gcm(&key, [2; 12], b"place", &plain).unwrap();
        assert_eq!(sealed.len(), 9 + 16);
        assert!(open_aes_256_gcm(&key, [2; 12], b"place", &sealed).unwrap().ct_eq(&plain));
        let forged = Some(CryptoError::Forged);
        assert_eq!(open_aes_256_gcm(&key, [3; 12], b"place", &sealed).err(), forged);
        assert_eq!(open_aes_256_gcm(&key, [2; 12], b"plac", &sealed).err(), forged);
        assert_eq!(open_aes_256_gcm(&key, [2; 12], b"place", &sealed[..15]).err(), forged);
        let short = secret(&[1; 31]);
        let refused = seal_aes_256_gcm(&short, [2; 12], b"", &plain).err();
        assert_eq!(refused, Some(CryptoError::KeyLength));
    }
}
