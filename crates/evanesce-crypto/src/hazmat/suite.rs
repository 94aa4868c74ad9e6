use evanesce_memory::{SecretBytes, scrub_stack_deeply};
use hpke::{
    Deserializable, Kem, OpModeR, PskBundle,
    aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305, ExportOnlyAead},
    kdf::{HkdfSha256, HkdfSha384, HkdfSha512, Kdf, KdfShake128, KdfShake256},
    kem::{MlKem768, MlKem1024, X25519HkdfSha256, XWing},
    setup_receiver,
};

use super::{Mechanism, mechanism::private_key};
use crate::CryptoError;

/// The key derivation of an HPKE suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Derivation {
    /// HKDF-SHA256, number 1.
    HkdfSha256,
    /// HKDF-SHA384, number 2.
    HkdfSha384,
    /// HKDF-SHA512, number 3.
    HkdfSha512,
    /// SHAKE128 in one step (draft-ietf-hpke-pq), number 16.
    Shake128,
    /// SHAKE256 in one step (draft-ietf-hpke-pq), number 17.
    Shake256,
}

/// The cipher of an HPKE suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cipher {
    /// AES-128-GCM, number 1.
    Aes128Gcm,
    /// AES-256-GCM, number 2.
    Aes256Gcm,
    /// ChaCha20-Poly1305, number 3.
    ChaCha20Poly1305,
    /// None: only keys are exported, number 65535.
    ExportOnly,
}

/// A suite of HPKE (RFC 9180).
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
    /// What is known of the sender.
    pub sender: Sender<'a>,
}

/// What a receiver knows of the sender: the mode (RFC 9180, section 5.1).
#[derive(Clone, Copy, Default)]
pub struct Sender<'a> {
    /// Their public key, which only X25519 authenticates.
    pub public: Option<&'a [u8]>,
    /// A secret that both have.
    pub preshared: Option<Preshared<'a>>,
}

/// A secret that both sides have, and its name.
#[derive(Clone, Copy)]
pub struct Preshared<'a> {
    /// Its name, which is not secret.
    pub name: &'a [u8],
    /// The secret, which should have at least 32 bytes of entropy (RFC 9180, section 9.5).
    pub secret: &'a SecretBytes,
}

impl Suite {
    /// Opens messages in the order in which they were sealed: associated data and ciphertext of
    /// each.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for a message that does not open, besides those of
    /// [`Mechanism::decapsulate`]; [`CryptoError::UnknownAlgorithm`] without a cipher, and for a
    /// mechanism or a mode that HPKE does not give this suite; [`CryptoError::KeyLength`] for a
    /// preshared secret without a name, or the other way round.
    pub fn open(
        self,
        received: Received<'_>,
        messages: &[(&[u8], &[u8])],
    ) -> Result<Vec<SecretBytes>, CryptoError> {
        if self.cipher == Cipher::ExportOnly {
            return Err(CryptoError::UnknownAlgorithm);
        }
        self.run(&Exchange { received, messages, export: None })
    }

    /// Exports a secret of `len` bytes (RFC 9180, section 5.3).
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for more than the derivation gives, besides those of
    /// [`Suite::open`].
    pub fn export(
        self,
        received: Received<'_>,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        let export = Some((context, len));
        let exported = self.run(&Exchange { received, messages: &[], export })?;
        exported.into_iter().next().ok_or(CryptoError::KeyLength)
    }

    fn run(self, exchange: &Exchange<'_>) -> Result<Vec<SecretBytes>, CryptoError> {
        match self.cipher {
            Cipher::Aes128Gcm => self.with_cipher::<AesGcm128>(exchange),
            Cipher::Aes256Gcm => self.with_cipher::<AesGcm256>(exchange),
            Cipher::ChaCha20Poly1305 => self.with_cipher::<ChaCha20Poly1305>(exchange),
            Cipher::ExportOnly => self.with_cipher::<ExportOnlyAead>(exchange),
        }
    }

    fn with_cipher<A: Aead>(
        self,
        exchange: &Exchange<'_>,
    ) -> Result<Vec<SecretBytes>, CryptoError> {
        match self.derivation {
            Derivation::HkdfSha256 => self.with_derivation::<A, HkdfSha256>(exchange),
            Derivation::HkdfSha384 => self.with_derivation::<A, HkdfSha384>(exchange),
            Derivation::HkdfSha512 => self.with_derivation::<A, HkdfSha512>(exchange),
            Derivation::Shake128 => self.with_derivation::<A, KdfShake128>(exchange),
            Derivation::Shake256 => self.with_derivation::<A, KdfShake256>(exchange),
        }
    }

    fn with_derivation<A: Aead, D: Kdf>(
        self,
        exchange: &Exchange<'_>,
    ) -> Result<Vec<SecretBytes>, CryptoError> {
        let authenticated = exchange.received.sender.public.is_some();
        match self.mechanism {
            Mechanism::X25519 => receive::<A, D, X25519HkdfSha256>(exchange),
            // Their encapsulation authenticates nobody.
            _ if authenticated => Err(CryptoError::UnknownAlgorithm),
            Mechanism::MlKem1024 => receive::<A, D, MlKem1024>(exchange),
            Mechanism::MlKem768 => receive::<A, D, MlKem768>(exchange),
            Mechanism::XWing => receive::<A, D, XWing>(exchange),
            _ => Err(CryptoError::UnknownAlgorithm),
        }
    }
}

struct Exchange<'a> {
    received: Received<'a>,
    messages: &'a [(&'a [u8], &'a [u8])],
    export: Option<(&'a [u8], usize)>,
}

fn receive<A: Aead, D: Kdf, K: Kem>(
    exchange: &Exchange<'_>,
) -> Result<Vec<SecretBytes>, CryptoError> {
    let private = private_key::<K>(exchange.received.private)?;
    let done = match exchange.received.sender.preshared {
        None => run::<A, D, K>(exchange, &private, None),
        Some(Preshared { name, secret }) => secret.expose(|secret| {
            let bundle = PskBundle::new(secret, name).map_err(|_| CryptoError::KeyLength)?;
            run::<A, D, K>(exchange, &private, Some(bundle))
        }),
    };
    scrub_stack_deeply();
    done
}

#[inline(never)]
fn run<A: Aead, D: Kdf, K: Kem>(
    exchange: &Exchange<'_>,
    private: &K::PrivateKey,
    preshared: Option<PskBundle<'_>>,
) -> Result<Vec<SecretBytes>, CryptoError> {
    let Received { encapsulated, info, sender, .. } = exchange.received;
    let malformed = |_| CryptoError::Malformed;
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(malformed)?;
    let sender = sender.public.map(K::PublicKey::from_bytes).transpose().map_err(malformed)?;
    let mode = match (sender, preshared) {
        (None, None) => OpModeR::Base,
        (None, Some(secret)) => OpModeR::Psk(secret),
        (Some(public), None) => OpModeR::Auth(public),
        (Some(public), Some(secret)) => OpModeR::AuthPsk(public, secret),
    };
    let mut context =
        setup_receiver::<A, D, K>(&mode, private, &encapsulated, info).map_err(malformed)?;
    if let Some((name, len)) = exchange.export {
        let mut secret = SecretBytes::zeroed(len)?;
        secret
            .expose_mut(|bytes| context.export(name, bytes))
            .map_err(|_| CryptoError::KeyLength)?;
        return Ok(vec![secret]);
    }
    let open = |(associated, sealed): &(&[u8], &[u8])| {
        let mut plain = context.open(sealed, associated).map_err(|_| CryptoError::Forged)?;
        Ok(SecretBytes::from_slice(&mut plain)?)
    };
    exchange.messages.iter().map(open).collect()
}
