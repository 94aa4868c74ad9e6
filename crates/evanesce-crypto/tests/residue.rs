//! After an operation neither plaintext nor keys are left in the memory of the process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{fmt::Write, fs, os::unix::fs::PermissionsExt};

use evanesce_crypto::{
    Algorithms, Padding, Recipient, Root, SigningKey, derive, random_secret, seal, unseal, unwrap,
    wrap,
};
use evanesce_memory::{
    SecretBytes, assert_no_residue,
    residue::{Needle, scan_process},
    scrub_stack,
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
