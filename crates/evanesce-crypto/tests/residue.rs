//! After an operation neither plaintext nor keys are left in the memory of the process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod aes;

use std::{fmt::Write, fs, os::unix::fs::PermissionsExt};

use evanesce_crypto::{
    Algorithms, Padding, Recipient, Root, SigningKey, derive,
    hazmat::{hmac_sha256, open_aes_256_gcm, seal_aes_256_gcm},
    random_secret, seal, unseal, unwrap, wrap,
};
use evanesce_memory::{
    SecretBytes, Wiped, assert_no_residue,
    residue::{Needle, scan_process},
    scrub_stack, scrub_stack_deeply,
};
use ring::{
    aead::{AES_256_GCM, LessSafeKey, UnboundKey},
    signature::Ed25519KeyPair,
};

/// A value that is known to the needle and to the secret alone.
fn planted(len: usize) -> (Needle, SecretBytes) {
    let mut value = vec![0; len];
    let needle = Needle::random(&mut value).unwrap();
    (needle, SecretBytes::from_slice(&mut value).unwrap())
}

/// A needle for the bytes of a secret that was not chosen here.
fn needle_of(secret: &SecretBytes) -> Needle {
    let mut copy = secret.try_clone().unwrap();
    copy.expose_mut(|bytes| Needle::from_slice(bytes).unwrap())
}

/// The round keys that a cipher works with, but for the first two, which are the key itself.
#[inline(never)]
fn round_keys(key: &SecretBytes) -> Needle {
    let mut schedule = SecretBytes::zeroed(240).unwrap();
    key.expose(|key| schedule.expose_mut(|schedule| aes::expand_key(key, schedule)));
    let needle = schedule.expose_mut(|bytes| Needle::from_slice(&mut bytes[208..]).unwrap());
    drop(schedule);
    scrub_stack_deeply();
    needle
}

fn found(needle: &Needle) -> usize {
    scan_process(needle).unwrap().findings.len()
}

/// ring's own types leave a key and what was expanded from it in freed memory: the control of
/// every other test here, and the reason for `Wiped`.
#[test]
fn a_key_that_is_not_wiped_is_found_and_one_in_guarded_memory_is_not() {
    let cipher = |key: &[u8]| LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let (needle, key) = planted(32);
    let expanded = round_keys(&key);
    assert_eq!((found(&needle), found(&expanded)), (0, 0));
    let left = key.expose(|key| Box::new(cipher(key)));
    assert!(found(&needle) > 0);
    drop(left);
    scrub_stack_deeply();
    // On the heap, where no scrubbing reaches: both the key and its last round keys.
    assert!(found(&needle) > 0);
    #[cfg(target_arch = "x86_64")]
    assert!(!std::arch::is_x86_feature_detected!("aes") || found(&expanded) > 0);

    let (needle, key) = planted(32);
    let expanded = round_keys(&key);
    let wiped = key.expose(|key| Wiped::build(|| cipher(key))).unwrap();
    drop((wiped, key));
    assert_no_residue!(needle);
    assert_no_residue!(expanded);
}

#[test]
fn round_keys_are_gone_after_every_use_of_a_cipher() {
    let (needle, key) = planted(32);
    let expanded = round_keys(&key);
    let (_, plain) = planted(100);
    let sealed = seal_aes_256_gcm(&key, [7; 12], b"place", &plain).unwrap();
    assert_no_residue!(expanded);
    assert!(open_aes_256_gcm(&key, [7; 12], b"place", &sealed).unwrap().ct_eq(&plain));
    assert!(open_aes_256_gcm(&key, [7; 12], b"elsewhere", &sealed).is_err());
    drop(key);
    assert_no_residue!(needle);
    assert_no_residue!(expanded);

    // An envelope's own key, which is derived from another.
    let key = random_secret(32).unwrap();
    let sealed = seal(&key, b"place", &plain, Padding::Classes).unwrap();
    let salt = &sealed.as_bytes()[1..33];
    let derived = derive(&key, salt, b"evanesce envelope v1", 76).unwrap();
    let mut own = SecretBytes::zeroed(32).unwrap();
    derived.expose(|bytes| own.expose_mut(|own| own.copy_from_slice(&bytes[..32])));
    let expanded = round_keys(&own);
    drop((own, derived));
    assert!(unseal(&key, b"place", &sealed).unwrap().ct_eq(&plain));
    assert!(unseal(&key, b"elsewhere", &sealed).is_err());
    assert_no_residue!(expanded);
}

/// The secret scalar of Ed25519 is a hash of the seed: it is what ring keeps, and what a forger
/// needs.
#[test]
fn the_scalar_of_a_signing_key_is_gone_after_signing() {
    let scalar = |seed: &SecretBytes| {
        let mut hash = SecretBytes::zeroed(64).unwrap();
        seed.expose(|seed| {
            let made = Wiped::build(|| ring::digest::digest(&ring::digest::SHA512, seed)).unwrap();
            hash.expose_mut(|hash| hash.copy_from_slice(made.as_ref()));
        });
        scrub_stack_deeply();
        // The second half, the prefix of nonces, is kept as it is.
        let needle = hash.expose_mut(|hash| Needle::from_slice(&mut hash[32..]).unwrap());
        drop(hash);
        needle
    };
    let (_, seed) = planted(32);
    let needle = scalar(&seed);
    assert_eq!(found(&needle), 0);
    let left = seed.expose(|seed| Box::new(Ed25519KeyPair::from_seed_unchecked(seed).unwrap()));
    // The control: ring's own value has it, and it is found there.
    assert!(found(&needle) > 0);
    drop(left);

    let (_, seed) = planted(32);
    let needle = scalar(&seed);
    let key = SigningKey::from_seed(seed).unwrap();
    key.sign(b"checkpoint").unwrap();
    assert_no_residue!(needle);
}

#[test]
fn the_key_of_a_keyed_hash_is_gone_after_use() {
    let (needle, key) = planted(32);
    hmac_sha256(&key, b"message").unwrap();
    derive(&key, b"salt", b"info", 32).unwrap();
    derive(&random_secret(32).unwrap(), b"", b"info", 32).unwrap();
    drop(key);
    assert_no_residue!(needle);
}

#[test]
fn sealing_and_unsealing_leave_no_plaintext() {
    for len in [40, 3_000, 60_000] {
        let (needle, plain) = planted(len);
        let key = random_secret(32).unwrap();
        let sealed = seal(&key, b"place", &plain, Padding::Classes).unwrap();
        let opened = unseal(&key, b"place", &sealed).unwrap();
        assert!(opened.ct_eq(&plain));
        assert!(unseal(&key, b"elsewhere", &sealed).is_err());
        drop((plain, opened));
        assert_no_residue!(needle);
    }
}

#[test]
fn keys_are_gone_after_use() {
    let (needle, key) = planted(32);
    let derived = derive(&key, b"salt", b"context", 64).unwrap();
    let derived_needle = needle_of(&derived);
    let sealed = seal(&derived, b"place", &key, Padding::None).unwrap();
    assert!(unseal(&derived, b"place", &sealed).unwrap().ct_eq(&key));
    drop((key, derived));
    assert_no_residue!(needle);
    assert_no_residue!(derived_needle);
}

#[test]
fn a_signing_seed_is_gone_after_signing() {
    let (needle, seed) = planted(32);
    let key = SigningKey::from_seed(seed).unwrap();
    key.sign(b"checkpoint").unwrap();
    drop(key);
    assert_no_residue!(needle);
}

#[test]
fn a_channel_leaves_no_plaintext() {
    let algorithms = Algorithms::new(vec![
        std::sync::Arc::new(evanesce_crypto::XWing),
        #[cfg(feature = "kyber-round3")]
        std::sync::Arc::new(evanesce_crypto::KyberRound3),
    ]);
    for id in algorithms.available() {
        let (needle, plain) = planted(40);
        let recipient = Recipient::generate_with(&algorithms, id).unwrap();
        let message = algorithms.seal_to(recipient.public(), b"info", b"", &plain).unwrap();
        let opened = recipient.open(b"info", b"", &message).unwrap();
        assert!(opened.ct_eq(&plain));
        drop((plain, opened));
        assert_no_residue!(needle);
    }
}

#[test]
fn reading_a_root_file_leaves_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let (needle, key) = planted(32);
    let mut text = String::with_capacity(128);
    text.push_str("1:");
    key.expose(|bytes| bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap()));
    fs::write(&path, &text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    // The control: the digits are found as long as the test itself holds them.
    assert!(!scan_process(&needle).unwrap().is_clean());
    let mut text = text.into_bytes();
    evanesce_memory::wipe_slice(&mut text);

    let root = Root::from_file(&path).unwrap();
    let wrapped = wrap(&root, b"epoch", &key).unwrap();
    assert!(unwrap(&root, b"epoch", &wrapped).unwrap().ct_eq(&key));
    drop((root, key));
    scrub_stack();
    assert_no_residue!(needle);
}
