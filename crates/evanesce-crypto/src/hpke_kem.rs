//! What the mechanisms of HPKE have in common: base mode, HKDF-SHA256 and the export-only AEAD.

use std::marker::PhantomData;

use evanesce_memory::{SecretBytes, Wiped, scrub_stack_deeply};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::ExportOnlyAead, kdf::HkdfSha256,
    setup_receiver, setup_sender,
};

use crate::{CryptoError, Decapsulate, Encapsulated, KeyPair, random, random_secret};

const KEY: usize = 32;
/// The exporter context (RFC 9180, section 5.3).
const EXPORT: &[u8] = b"evanesce channel key v1";
/// HPKE allows less than 2^16 bytes with its own labels.
const LONGEST_CONTEXT: usize = 60_000;

/// A private key as a seed in guarded memory.
struct Private<K> {
    seed: SecretBytes,
    kem: PhantomData<fn() -> K>,
}

impl<K: Kem> Decapsulate for Private<K> {
    fn decapsulate(
        self: Box<Self>,
        encapsulated: &[u8],
        context: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        if context.len() > LONGEST_CONTEXT {
            return Err(CryptoError::ContextTooLong);
        }
        let encapsulated =
            K::EncappedKey::from_bytes(encapsulated).map_err(|_| CryptoError::Malformed)?;
        let private = private_of::<K>(&self.seed)?;
        let mut key = SecretBytes::zeroed(KEY)?;
        let received = key.expose_mut(|key| receive::<K>(&private, &encapsulated, context, key));
        scrub_stack_deeply();
        received.map(|()| key)
    }

    fn keep(&self) -> Result<SecretBytes, CryptoError> {
        Ok(self.seed.try_clone()?)
    }
}

pub(crate) fn generate<K: Kem + 'static>(seed: usize) -> Result<KeyPair, CryptoError> {
    pair_of::<K>(random_secret(seed)?)
}

pub(crate) fn pair_of<K: Kem + 'static>(seed: SecretBytes) -> Result<KeyPair, CryptoError> {
    let private = private_of::<K>(&seed)?;
    let public = K::sk_to_pk(&private).to_bytes().to_vec();
    drop(private);
    scrub_stack_deeply();
    Ok(KeyPair { private: Box::new(Private::<K> { seed, kem: PhantomData }), public })
}

/// A kept key: its seed, of the length that the mechanism has.
pub(crate) fn restore<K: Kem + 'static>(
    kept: &SecretBytes,
    seed: usize,
) -> Result<Box<dyn Decapsulate>, CryptoError> {
    if kept.len() != seed {
        return Err(CryptoError::KeyLength);
    }
    Ok(Box::new(Private::<K> { seed: kept.try_clone()?, kem: PhantomData }))
}

pub(crate) fn encapsulate<K: Kem>(
    public: &[u8],
    context: &[u8],
) -> Result<Encapsulated, CryptoError> {
    if context.len() > LONGEST_CONTEXT {
        return Err(CryptoError::ContextTooLong);
    }
    let public = K::PublicKey::from_bytes(public).map_err(|_| CryptoError::Malformed)?;
    // The suite draws its own randomness and would panic where there is none.
    random(&mut [0; 32])?;
    let mut key = SecretBytes::zeroed(KEY)?;
    let bytes = key.expose_mut(|key| send::<K>(&public, context, key));
    scrub_stack_deeply();
    Ok(Encapsulated { bytes: bytes?, key })
}

fn private_of<K: Kem>(seed: &SecretBytes) -> Result<Wiped<K::PrivateKey>, CryptoError> {
    seed.expose(|seed| {
        Wiped::try_build(|| K::PrivateKey::from_bytes(seed).map_err(|_| CryptoError::KeyLength))
    })
}

#[inline(never)]
fn send<K: Kem>(
    public: &K::PublicKey,
    context: &[u8],
    key: &mut [u8],
) -> Result<Vec<u8>, CryptoError> {
    let (encapsulated, sender) =
        setup_sender::<ExportOnlyAead, HkdfSha256, K>(&OpModeS::Base, public, context)
            .map_err(|_| CryptoError::Malformed)?;
    sender.export(EXPORT, key).map_err(|_| CryptoError::KeyLength)?;
    Ok(encapsulated.to_bytes().to_vec())
}

#[inline(never)]
fn receive<K: Kem>(
    private: &K::PrivateKey,
    encapsulated: &K::EncappedKey,
    context: &[u8],
    key: &mut [u8],
) -> Result<(), CryptoError> {
    let receiver = setup_receiver::<ExportOnlyAead, HkdfSha256, K>(
        &OpModeR::Base,
        private,
        encapsulated,
        context,
    )
    .map_err(|_| CryptoError::Forged)?;
    receiver.export(EXPORT, key).map_err(|_| CryptoError::KeyLength)
}
