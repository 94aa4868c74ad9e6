//! Sealing: 1 KiB in and out of an envelope, and through the hybrid channel.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::time::Duration;

use benches::SESSION;
use benches::turns::{Side, in_turns, side};
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_core::Timestamp;
use evanesce_crypto::{
    Algorithms, Binding, Padding, Prekey, Recipient, SigningKey, random_secret, seal, seal_to,
    unseal,
};
use evanesce_memory::SecretBytes;

criterion_group!(crypto, sealed, opened, channel, message);
criterion_main!(crypto);

const EACH: Duration = Duration::from_millis(200);
const PLACE: &[u8] = b"a place";

/// Ours derives key, nonce and commitment for each envelope and reads from guarded memory;
/// the peers have their key at hand and a nonce that must never repeat, read from the heap, and
/// commit to no key.
fn sealed(criterion: &mut Criterion) {
    let (key, text) = (random_secret(32).expect("a key"), secret());
    let mut sides: Vec<Side<'_>> =
        vec![side("ours", || seal(&key, PLACE, &text, Padding::Classes).expect("an envelope"))];
    #[cfg(feature = "peers")]
    sides.extend(peers::seal(&PLAIN));
    in_turns(criterion, "crypto/seal-1KiB", &mut sides, EACH);
}

fn opened(criterion: &mut Criterion) {
    let key = random_secret(32).expect("a key");
    let envelope = seal(&key, PLACE, &secret(), Padding::Classes).expect("an envelope");
    let mut sides: Vec<Side<'_>> =
        vec![side("ours", || unseal(&key, PLACE, &envelope).expect("a text"))];
    #[cfg(feature = "peers")]
    sides.extend(peers::open(&PLAIN));
    in_turns(criterion, "crypto/open-1KiB", &mut sides, EACH);
}

/// A key pair for one message, the message, and its opening: X-Wing on both sides.
fn channel(criterion: &mut Criterion) {
    let text = secret();
    let mut sides: Vec<Side<'_>> = vec![side("ours", || {
        let recipient = Recipient::generate().expect("a key pair");
        let message = seal_to(recipient.public(), b"bench", PLACE, &text).expect("a message");
        recipient.open(b"bench", PLACE, &message).expect("a text")
    })];
    #[cfg(feature = "peers")]
    sides.push(side("hpke", || peers::channel(&PLAIN)));
    in_turns(criterion, "crypto/channel-1KiB", &mut sides, EACH);
}

/// A message of a channel that stands, sealed at one end and opened at the other. Ours takes a
/// step of the ratchet at each end, pads, and wipes the stack twice; the peer has one key.
fn message(criterion: &mut Criterion) {
    let (text, until) = (secret(), Timestamp::from_millis(2));
    let (algorithms, signer) = (Algorithms::standard(), SigningKey::generate().expect("a key"));
    let binding = Binding::new("bench", "a token").expect("a binding");
    let (prekey, offer) =
        Prekey::offer(&algorithms, &binding, 1, until, &signer).expect("an offer");
    let (key, now) = (signer.verifying_key(), Timestamp::from_millis(1));
    let (mut client, first) =
        offer.begin(&algorithms, &binding, &key, now, (PLACE, &text)).expect("a first message");
    let (mut server, _) =
        prekey.accept(&algorithms, &binding, now, PLACE, &first).expect("a channel");
    let mut sides: Vec<Side<'_>> = vec![side("ours", || {
        let message = client.seal(PLACE, &text).expect("a message");
        server.open(PLACE, &message).expect("a text")
    })];
    #[cfg(feature = "peers")]
    sides.push(peers::message(&PLAIN));
    in_turns(criterion, "crypto/message-1KiB", &mut sides, EACH);
}

const PLAIN: [u8; SESSION] = [b'v'; SESSION];

fn secret() -> SecretBytes {
    SecretBytes::from_slice(&mut PLAIN.to_vec()).expect("guarded memory")
}

#[cfg(feature = "peers")]
mod peers {
    use aes_gcm::aead::{Aead, Payload};
    use aes_gcm::{Aes256Gcm, KeyInit};
    use benches::turns::{Side, side};
    use hpke::aead::AesGcm256;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::XWing;
    use hpke::{Kem, OpModeR, OpModeS, single_shot_open, single_shot_seal};
    use orion::aead;
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use ring::rand::{SecureRandom, SystemRandom};

    use super::PLACE;

    pub(crate) fn seal(plain: &[u8]) -> Vec<Side<'_>> {
        let (ring, gcm) = (ring_key(), aes_gcm());
        let orion = aead::SecretKey::generate().expect("a key");
        vec![
            side("ring", move || ring_seal(&ring, plain)),
            side("aes-gcm", move || aes_gcm_seal(&gcm, plain)),
            side("orion", move || aead::seal(&orion, plain).expect("a ciphertext")),
        ]
    }

    pub(crate) fn open(plain: &[u8]) -> Vec<Side<'_>> {
        let (ring, gcm) = (ring_key(), aes_gcm());
        let orion = aead::SecretKey::generate().expect("a key");
        let of_ring = ring_seal(&ring, plain);
        let of_gcm = aes_gcm_seal(&gcm, plain);
        let of_orion = aead::seal(&orion, plain).expect("a ciphertext");
        vec![
            side("ring", move || {
                let mut bytes = of_ring.1.clone();
                let nonce = Nonce::assume_unique_for_key(of_ring.0);
                ring.open_in_place(nonce, Aad::from(PLACE), &mut bytes).expect("a text").len()
            }),
            side("aes-gcm", move || {
                let payload = Payload { msg: &of_gcm.1, aad: PLACE };
                gcm.decrypt(&of_gcm.0.into(), payload).expect("a text")
            }),
            side("orion", move || aead::open(&orion, &of_orion).expect("a text")),
        ]
    }

    pub(crate) fn message(plain: &[u8]) -> Side<'_> {
        let ring = ring_key();
        side("ring", move || {
            let (nonce, mut bytes) = ring_seal(&ring, plain);
            let nonce = Nonce::assume_unique_for_key(nonce);
            ring.open_in_place(nonce, Aad::from(PLACE), &mut bytes).expect("a text").len()
        })
    }

    pub(crate) fn channel(plain: &[u8]) -> Vec<u8> {
        let (private, public) = XWing::gen_keypair();
        let (encapped, ciphertext) = single_shot_seal::<AesGcm256, HkdfSha256, XWing>(
            &OpModeS::Base,
            &public,
            b"bench",
            plain,
            PLACE,
        )
        .expect("a message");
        single_shot_open::<AesGcm256, HkdfSha256, XWing>(
            &OpModeR::Base,
            &private,
            &encapped,
            b"bench",
            &ciphertext,
            PLACE,
        )
        .expect("a text")
    }

    type Sealed = ([u8; 12], Vec<u8>);

    fn ring_key() -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &drawn::<32>()).expect("a key"))
    }

    fn ring_seal(key: &LessSafeKey, plain: &[u8]) -> Sealed {
        let (nonce, mut bytes) = (drawn(), plain.to_vec());
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(PLACE), &mut bytes).expect("a ciphertext");
        (nonce, bytes)
    }

    fn aes_gcm() -> Aes256Gcm {
        Aes256Gcm::new(&drawn::<32>().into())
    }

    fn aes_gcm_seal(key: &Aes256Gcm, plain: &[u8]) -> Sealed {
        let nonce = drawn();
        let payload = Payload { msg: plain, aad: PLACE };
        (nonce, key.encrypt(&nonce.into(), payload).expect("a ciphertext"))
    }

    fn drawn<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        SystemRandom::new().fill(&mut bytes).expect("randomness");
        bytes
    }
}
