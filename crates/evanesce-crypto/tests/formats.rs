//! The vector in docs/formats.md, recomputed from what that page says: by this test, step by step
//! and with a cipher of its own, and by a script for which the Python standard library is enough.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod aes;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use evanesce_crypto::{Padding, Sealed, derive, seal, unseal};
use evanesce_memory::SecretBytes;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md");

fn hex(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(&mut bytes.to_vec()).unwrap()
}

/// The fields of the page's first vector: digits of a name go on until the next.
fn vector() -> BTreeMap<String, Vec<u8>> {
    let page = fs::read_to_string(PAGE).unwrap();
    let section = page.split("## Envelope").nth(1).unwrap();
    let block = section.split("### Vector").nth(1).unwrap().split("```").nth(1).unwrap();
    let mut digits: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in block.lines().skip(1) {
        let value = match line.split_once('=') {
            Some((new, value)) => {
                if !new.trim().is_empty() {
                    name = new.trim().to_owned();
                }
                value
            }
            None => line,
        };
        if value.trim().bytes().all(|byte| byte.is_ascii_hexdigit()) {
            digits.entry(name.clone()).or_default().push_str(value.trim());
        }
    }
    digits.into_iter().map(|(name, digits)| (name, hex(&digits))).collect()
}

#[test]
fn the_vector_of_the_page_follows_from_the_page() {
    let vector = vector();
    let (key, salt) = (secret(&vector["key"]), &vector["salt"]);
    let derived = derive(&key, salt, b"evanesce envelope v1", 76).unwrap();
    derived.expose(|bytes| assert_eq!(bytes, vector["derived"]));
    let (derived, envelope) = (&vector["derived"], &vector["envelope"]);

    // Length, content, and zeros up to the class of 64 bytes.
    let mut plain = [&8_u32.to_be_bytes()[..], b"evanesce"].concat();
    plain.resize(4 + 64, 0);
    let body = gcm(&derived[..32], &derived[32..44], &vector["associated"], &plain);
    let expected = [&[1][..], salt, &derived[44..], &body].concat();
    assert_eq!(expected, *envelope);

    let sealed = Sealed::from_bytes(envelope.clone()).unwrap();
    let opened = unseal(&key, &vector["associated"], &sealed).unwrap();
    opened.expose(|bytes| assert_eq!(bytes, b"evanesce"));
    // The file that the page names has the same.
    let file = include_str!("vectors/envelope-v1.txt");
    let line = file.lines().find_map(|line| line.strip_prefix("envelope = ")).unwrap();
    assert_eq!(hex(line), *envelope);
}

#[test]
#[ignore = "needs python3 on the path"]
fn a_stranger_computes_the_same_with_python() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/envelope.py");
    let run = Command::new("python3").arg(script).arg(PAGE).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout), "envelope: as computed\n");
}

/// AES-256-GCM by SP 800-38D, with the cipher of these tests.
fn gcm(key: &[u8], nonce: &[u8], associated: &[u8], plain: &[u8]) -> Vec<u8> {
    let counter = |number: u32| {
        let block = [nonce, &number.to_be_bytes()].concat();
        aes::encrypt_block(key, block.try_into().unwrap())
    };
    let mut sealed = plain.to_vec();
    for (number, block) in (2..).zip(sealed.chunks_mut(16)) {
        block.iter_mut().zip(counter(number)).for_each(|(byte, stream)| *byte ^= stream);
    }
    let point = u128::from_be_bytes(aes::encrypt_block(key, [0; 16]));
    let bits = [associated.len() as u64 * 8, sealed.len() as u64 * 8].map(u64::to_be_bytes);
    let mut sum = 0;
    for block in associated.chunks(16).chain(sealed.chunks(16)).chain([&bits.concat()[..]]) {
        let mut padded = [0; 16];
        padded[..block.len()].copy_from_slice(block);
        sum = aes::multiply(sum ^ u128::from_be_bytes(padded), point);
    }
    let tag = sum ^ u128::from_be_bytes(counter(1));
    sealed.extend_from_slice(&tag.to_be_bytes());
    sealed
}

/// FIPS 197, appendix C.3, and an inverse times its element.
#[test]
fn the_cipher_of_these_tests_is_that_of_the_standard() {
    let key: Vec<u8> = (0..32).collect();
    let block = std::array::from_fn(|at| at as u8 * 0x11);
    assert_eq!(aes::encrypt_block(&key, block)[..], hex("8ea2b7ca516745bfeafc49904b496089"));
    let element = 0x0123_4567_89AB_CDEF_0011_2233_4455_6677;
    assert_eq!(aes::multiply(element, aes::invert(element)), 1 << 127);
}

/// The table of the README: a class costs less than a quarter beyond 512 bytes, and the length of
/// an envelope says one of 51 things.
#[test]
fn lengths_tell_their_class_alone() {
    let key = secret(&[1; 32]);
    let class_of = |len: usize| {
        let sealed = seal(&key, b"", &SecretBytes::zeroed(len).unwrap(), Padding::Classes).ok()?;
        Some(sealed.as_bytes().len() - Sealed::MIN)
    };
    let rows = [
        (0..=64, 64),
        (65..=128, 128),
        (449..=512, 512),
        (513..=640, 640),
        (897..=1024, 1024),
        (1025..=1280, 1280),
        (3585..=4096, 4096),
        (57_345..=65_536, 65_536),
    ];
    for (lengths, class) in rows {
        assert_eq!(class_of(*lengths.start()), Some(class));
        assert_eq!(class_of(*lengths.end()), Some(class));
        assert!(class_of(*lengths.end() + 1) > Some(class));
    }
    let (mut classes, mut len) = (0, 0);
    while let Some(class) = class_of(len) {
        assert!(len <= 512 || class - len < len / 4, "{len}");
        classes += 1;
        len = class + 1;
    }
    assert_eq!(classes, 51);
    // Nothing shorter than the largest class is refused.
    assert!(len > Sealed::MAX - Sealed::MAX / 8);
}
