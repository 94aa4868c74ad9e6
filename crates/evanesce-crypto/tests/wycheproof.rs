//! The test vectors of Project Wycheproof, through this crate.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use evanesce_crypto::{
    CryptoError, Signature, VerifyingKey, derive,
    hazmat::{Mechanism, hmac_sha256, open_aes_256_gcm, seal_aes_256_gcm},
};
use evanesce_memory::SecretBytes;
use wycheproof::{TestResult, aead, eddsa, hkdf, mac, mlkem};
#[cfg(feature = "ml-dsa")]
use wycheproof::{mldsa_sign, mldsa_verify};

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(&mut bytes.to_vec()).unwrap()
}

/// A field that is left out is empty.
fn bytes<T: std::ops::Deref<Target = Vec<u8>>>(field: Option<&T>) -> Vec<u8> {
    field.map(|bytes| bytes.to_vec()).unwrap_or_default()
}

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
        let (key, plain) = (secret(&test.key), secret(&test.pt));
        let nonce = test.nonce[..].try_into().unwrap();
        let sealed = [&test.ct[..], &test.tag].concat();
        let opened = open_aes_256_gcm(&key, nonce, &test.aad, &sealed);
        if test.result == TestResult::Invalid {
            assert_eq!(opened.err(), Some(CryptoError::Forged), "test {}", test.tc_id);
        } else {
            assert!(opened.unwrap().ct_eq(&plain), "test {}", test.tc_id);
            let made = seal_aes_256_gcm(&key, nonce, &test.aad, &plain).unwrap();
            assert_eq!(made, sealed, "test {}", test.tc_id);
        }
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn hmac_sha256_with_whole_tags() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tried = 0;
    for group in set.test_groups.iter().filter(|group| group.tag_size == 256) {
        for test in &group.tests {
            let made = hmac_sha256(&secret(&test.key), &test.msg).unwrap();
            let valid = test.result == TestResult::Valid;
            assert_eq!(made[..] == test.tag[..], valid, "test {}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 50, "{tried}");
}

/// Decapsulation, with seeds as private keys.
#[test]
fn ml_kem_768() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).unwrap();
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let field = |field: &Option<_>| -> Vec<u8> { bytes(field.as_ref()) };
        let seed = secret(&field(&test.seed));
        let ours = Mechanism::MlKem768
            .public_key(&seed)
            .is_ok_and(|public| test.encaps_key.as_ref().is_none_or(|key| key[..] == public));
        let opened = Mechanism::MlKem768.decapsulate(&seed, &field(&test.ct));
        let accepted =
            ours && opened.is_ok_and(|key| key.expose(|key| key == field(&test.shared_secret)));
        assert_eq!(accepted, test.result == TestResult::Valid, "test {}", test.tc_id);
        tried += 1;
    }
    assert_eq!(tried, set.number_of_tests);
}

/// Encapsulation, with keys whose coefficients are not reduced among them.
#[test]
fn ml_kem_768_encapsulation() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (public, randomness) =
            (bytes(test.encaps_key.as_ref()), secret(&bytes(test.msg.as_ref())));
        let made = Mechanism::MlKem768.encapsulate(&public, &randomness);
        if test.result == TestResult::Valid {
            let made = made.unwrap();
            assert_eq!(made.bytes, bytes(test.ct.as_ref()), "test {}", test.tc_id);
            let key = bytes(test.shared_secret.as_ref());
            made.key.expose(|own| assert_eq!(own, key, "test {}", test.tc_id));
        } else {
            assert_eq!(made.err(), Some(CryptoError::Malformed), "test {}", test.tc_id);
        }
        tried += 1;
    }
    assert_eq!(tried, set.number_of_tests);
}

#[test]
fn ml_kem_768_keys_from_seeds() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768KeyGenSeed).unwrap();
    let mut tried = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let public = Mechanism::MlKem768.public_key(&secret(&bytes(test.seed.as_ref()))).unwrap();
        assert_eq!(public, bytes(test.encaps_key.as_ref()), "test {}", test.tc_id);
        tried += 1;
    }
    assert_eq!(tried, set.number_of_tests);
}

/// Verification with the empty context, which is the only one that this crate has.
#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_65_verification() {
    use evanesce_crypto::{MlDsaSignature, MlDsaVerifyingKey};
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut tried, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = MlDsaVerifyingKey::from_bytes(&group.pubkey);
        for test in &group.tests {
            let signature = MlDsaSignature::from_bytes(&test.sig);
            let verified = match (&key, &signature) {
                (Ok(key), Ok(signature)) => key.verify(&test.msg, signature).is_ok(),
                _ => false,
            };
            let without = test.ctx.as_ref().is_none_or(|context| context.is_empty());
            let valid = without && test.result == TestResult::Valid;
            assert_eq!(verified, valid, "test {}", test.tc_id);
            tried += 1;
            refused += usize::from(!verified);
        }
    }
    assert_eq!(tried, set.number_of_tests);
    assert!(refused > 10 && tried - refused > 10, "{refused} of {tried}");
}

/// Deterministic signatures from seeds.
#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa_65_signatures() {
    use evanesce_crypto::MlDsaSigningKey;
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa65SignSeed).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let seed = secret(&bytes(group.privseed.as_ref()));
        let Ok(key) = MlDsaSigningKey::from_seed(seed) else {
            assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid));
            continue;
        };
        for test in &group.tests {
            let ours = test.ctx.as_ref().is_none_or(|context| context.is_empty())
                && test.rnd.as_ref().is_none_or(|rnd| rnd.iter().all(|byte| *byte == 0))
                && test.result == TestResult::Valid;
            // Of a message that is given by its inner hash alone there is nothing to sign here.
            let Some(message) = test.msg.as_ref().filter(|_| ours) else { continue };
            let signature = key.sign(message).unwrap();
            assert_eq!(signature.as_bytes(), &test.sig[..], "test {}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
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
