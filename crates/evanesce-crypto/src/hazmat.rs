//! The mechanisms under channel and envelope with every input chosen by the caller: for known
//! answers, and for peers that speak the plain standards.
//!
//! Nothing here commits to a key, pads, draws randomness or keeps a nonce from being used twice.
//! Where [`seal()`](crate::seal()) or [`seal_to`](crate::seal_to) will do, use those.

mod mechanism;
mod suite;

use evanesce_memory::{SecretBytes, Wiped, scrub_stack, scrub_stack_deeply};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

pub use mechanism::Mechanism;
pub use suite::{Cipher, Derivation, Preshared, Received, Sender, Suite};

use crate::CryptoError;

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

/// X25519 (RFC 7748): the x-coordinate that both sides share. A point of small order gives
/// zeros, which the caller must not take for a key.
///
/// # Errors
/// [`CryptoError::KeyLength`] for a private key of other than 32 bytes, and
/// [`CryptoError::Memory`].
pub fn x25519(private: &SecretBytes, public: [u8; 32]) -> Result<SecretBytes, CryptoError> {
    let mut shared = private.expose(|private| {
        let private = private.try_into().map_err(|_| CryptoError::KeyLength)?;
        Ok::<_, CryptoError>(x25519_dalek::x25519(private, public))
    })?;
    let shared = SecretBytes::from_slice(&mut shared);
    scrub_stack_deeply();
    Ok(shared?)
}

fn cipher(key: &SecretBytes) -> Result<Wiped<LessSafeKey>, CryptoError> {
    key.expose(|key| {
        Wiped::try_build(|| {
            let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| CryptoError::KeyLength)?;
            Ok(LessSafeKey::new(unbound))
        })
    })
}

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
        let received =
            Received { encapsulated: &made.bytes, info, private: &seed, sender: Sender::default() };
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
            #[cfg(feature = "kyber-round3")]
            (Mechanism::Kyber768, 64, 32),
            (Mechanism::MlKem1024, 64, 32),
            (Mechanism::MlKem512, 64, 32),
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

    /// RFC 9180, section 5.1: what is known of the sender goes into the key.
    #[test]
    fn a_sender_is_authenticated_by_key_and_by_secret() {
        let (own, theirs, random) = (secret(&[3; 32]), secret(&[4; 32]), secret(&[5; 32]));
        let [public, sender] =
            [&own, &theirs].map(|key| Mechanism::X25519.public_key(key).unwrap());
        let made = Mechanism::X25519.encapsulate_from(&theirs, &public, &random).unwrap();
        let suite = Suite {
            mechanism: Mechanism::X25519,
            derivation: Derivation::HkdfSha256,
            cipher: Cipher::ChaCha20Poly1305,
        };
        let word = secret(b"thirty-two bytes that both know.");
        let preshared = Some(Preshared { name: b"word", secret: &word });
        let export = |public: Option<&[u8]>, preshared| {
            let sender = Sender { public, preshared };
            let received = Received { encapsulated: &made.bytes, info: b"", private: &own, sender };
            suite.export(received, b"", 32)
        };
        let modes = [
            (None, None),
            (None, preshared),
            (Some(&sender[..]), None),
            (Some(&sender), preshared),
        ];
        let keys = modes.map(|(public, preshared)| export(public, preshared).unwrap());
        for (at, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| !key.ct_eq(other)), "mode {at}");
        }
        let nameless = Some(Preshared { name: b"", secret: &word });
        assert_eq!(export(None, nameless).err(), Some(CryptoError::KeyLength));
        let none = Some(CryptoError::UnknownAlgorithm);
        let wing = Suite { mechanism: Mechanism::XWing, ..suite };
        let sender = Sender { public: Some(&sender), preshared: None };
        let received = Received { encapsulated: &made.bytes, info: b"", private: &own, sender };
        assert_eq!(wing.export(received, b"", 32).err(), none);
        assert_eq!(Mechanism::XWing.encapsulate_from(&theirs, &public, &random).err(), none);
    }

    /// RFC 7748, section 5.2.
    #[test]
    fn curve_points_are_those_of_the_standard() {
        let hex = crate::vectors::hex;
        let agreed = |private: &str, public: &str| {
            let shared = x25519(&secret(&hex(private)), hex(public).try_into().unwrap()).unwrap();
            shared.expose(<[u8]>::to_vec)
        };
        assert_eq!(
            agreed(
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            ),
            hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
        );
        assert_eq!(x25519(&secret(&[1; 31]), [9; 32]).err(), Some(CryptoError::KeyLength));
        assert!(x25519(&secret(&[1; 32]), [0; 32]).unwrap().ct_eq(&secret(&[0; 32])));
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
