//! The test vectors of Project Wycheproof, through this crate and the parts of ring it uses.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use evanesce_crypto::{Signature, VerifyingKey, derive};
use evanesce_memory::SecretBytes;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use wycheproof::{TestResult, aead, eddsa, hkdf};

#[test]
fn hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let ikm = SecretBytes::from_slice(&mut test.ikm.to_vec()).unwrap();
        let derived = derive(&ikm, &test.salt, &test.info, test.size);
        // What this crate refuses beyond the standard: an empty secret.
        if test.result == TestResult::Invalid || test.ikm.is_empty() {
            assert!(derived.is_err(), "test {}", test.tc_id);
        } else {
            derived.unwrap().expose(|okm| assert_eq!(okm, &test.okm[..], "test {}", test.tc_id));
        }
        tried += 1;
    }
    assert_eq!(tried, set.number_of_tests);
}

#[test]
fn aes_256_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours = |group: &&aead::TestGroup| {
        (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)
    };
    let mut tried = 0;
    for test in set.test_groups.iter().filter(ours).flat_map(|group| &group.tests) {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &test.key).unwrap());
        let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
        let mut sealed = [&test.ct[..], &test.tag].concat();
        let opened = key.open_in_place(nonce(), Aad::from(&test.aad[..]), &mut sealed);
        if test.result == TestResult::Invalid {
            assert!(opened.is_err(), "test {}", test.tc_id);
        } else {
            assert_eq!(opened.unwrap(), &test.pt[..], "test {}", test.tc_id);
            let mut plain = test.pt.to_vec();
            let tag = key
                .seal_in_place_separate_tag(nonce(), Aad::from(&test.aad[..]), &mut plain)
                .unwrap();
            assert_eq!((&plain[..], tag.as_ref()), (&test.ct[..], &test.tag[..]));
        }
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let key = VerifyingKey::new(group.key.pk[..].try_into().unwrap());
        for test in &group.tests {
            // A signature of another length can't even be written down as one.
            let verified = <[u8; 64]>::try_from(&test.sig[..])
                .is_ok_and(|bytes| key.verify(&test.msg, &Signature::new(bytes)).is_ok());
            assert_eq!(verified, test.result == TestResult::Valid, "test {}", test.tc_id);
            tried += 1;
        }
    }
    assert_eq!(tried, set.number_of_tests);
}
