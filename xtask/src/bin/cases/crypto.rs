//! Rows of test vectors, answered by what evanesce-crypto has in public: signatures and
//! derivation as they are, the mechanisms under channel and envelope through its module
//! `hazmat`, which takes every input from outside.

use evanesce_crypto::{
    Signature, VerifyingKey, derive,
    hazmat::{
        Cipher, Derivation, Mechanism, Preshared, Received, Sender, Suite, hmac_sha256,
        open_aes_256_gcm, seal_aes_256_gcm, x25519,
    },
};
use evanesce_memory::SecretBytes;
use serde_json::Value;

use crate::row::{hex, hex_of, judged, text, unclaimed};

const EXPANDED: &str = "private keys of ML-KEM are read in their expanded form, and never written";
const GCM: &str = "AES-GCM has keys of 32 bytes, nonces of 12 and tags of 16";
const HYBRIDS: &str = "of hybrid mechanisms there is X-Wing, which is MLKEM768X25519";
const ROUND_3: &str = "of Kyber there is Kyber768";
const SUITES: &str = "HPKE has no NIST curve";
const TAG: &str = "HMAC-SHA256 has tags of 32 bytes";

/// None for an algorithm that is not public here.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    if row["result"].is_string() {
        wycheproof(row)
    } else if row["kem_id"].is_u64() {
        Some(hpke(row))
    } else {
        key_encapsulation(row)
    }
}

/// What cannot be read of a row is no answer to it, and so a fail.
fn is(right: Option<bool>, why: &str) -> Value {
    judged(right.unwrap_or(false), why)
}

fn wycheproof(row: &Value) -> Option<Value> {
    let result = text(row, "result")?;
    let group = &row["group"];
    let (accepted, why) = match text(row, "alg")? {
        "AES-GCM"
            if group["keySize"] != 256 || group["ivSize"] != 96 || group["tagSize"] != 128 =>
        {
            return Some(unclaimed(GCM));
        }
        "AES-GCM" => (aes_gcm(row), "seal_aes_256_gcm and open_aes_256_gcm"),
        "EDDSA" => (ed25519(row), "VerifyingKey::verify"),
        "HKDF-SHA-256" => (hkdf(row), "derive"),
        "HMACSHA256" if hex(row, "tag")?.len() != 32 => return Some(unclaimed(TAG)),
        "HMACSHA256" => (hmac(row), "hmac_sha256"),
        "ML-KEM" => {
            let set = ml_kem(text(group, "parameterSet")?)?;
            match text(group, "type")? {
                "MLKEMTest" => (decapsulated(row, set), "Mechanism::decapsulate"),
                "MLKEMEncapsTest" => (encapsulated(row, set, "m", "K"), "Mechanism::encapsulate"),
                "MLKEMKeyGen" => (public_key(row, set, hex(row, "seed")), "Mechanism::public_key"),
                "MLKEMDecapsValidationTest" => {
                    (expanded(row, set, row, "K"), "Mechanism::decapsulate_expanded")
                }
                _ => return None,
            }
        }
        "XDH" if group["curve"] == "curve25519" => (agreed(row), "x25519"),
        _ => return None,
    };
    let right = accepted.map(|accepted| match result {
        "acceptable" => true,
        _ => accepted == (result == "valid"),
    });
    Some(is(right, why))
}

fn key_encapsulation(row: &Value) -> Option<Value> {
    let kind = text(row, "kind");
    match kind {
        Some("MLKEM768X25519") => return Some(is(x_wing(row), "Mechanism::XWing, each step")),
        Some("accumulated") => return Some(unclaimed(EXPANDED)),
        Some(other) if row["randomness"].is_string() && other.contains("KEM") => {
            return Some(unclaimed(HYBRIDS));
        }
        _ => {}
    }
    let scheme = text(&row["group"], "parameterSet").or_else(|| text(row, "scheme"))?;
    if scheme.starts_with("kyber_") && scheme != "kyber_768" {
        return Some(unclaimed(ROUND_3));
    }
    let set = ml_kem(scheme)?;
    let (right, why) = match (text(row, "mode"), kind) {
        (Some("keyGen"), _) => {
            let seed = hex(row, "d").zip(hex(row, "z")).map(|(d, z)| [d, z].concat());
            (public_key(row, set, seed), "Mechanism::public_key")
        }
        (Some("encapDecap"), _) if row["m"].is_string() => {
            (encapsulated(row, set, "m", "k"), "Mechanism::encapsulate")
        }
        (Some("encapDecap"), _) => {
            (expanded(row, set, &row["group"], "k"), "Mechanism::decapsulate_expanded")
        }
        (None, Some("modulus")) => (modulus(row, set), "Mechanism::encapsulate"),
        (None, None) if row["pk"].is_string() => (known_answer(row, set), "each step"),
        (None, None) => (hashed_answer(row, set), "each step"),
        _ => return None,
    };
    Some(is(right, why))
}

fn ml_kem(set: &str) -> Option<Mechanism> {
    Some(match set {
        "ML-KEM-512" | "mlkem_512" => Mechanism::MlKem512,
        "ML-KEM-768" | "mlkem_768" => Mechanism::MlKem768,
        "ML-KEM-1024" | "mlkem_1024" => Mechanism::MlKem1024,
        "kyber_768" => Mechanism::Kyber768,
        _ => return None,
    })
}

fn secret(mut bytes: Vec<u8>) -> Option<SecretBytes> {
    SecretBytes::from_slice(&mut bytes).ok()
}

fn equals(secret: &SecretBytes, bytes: &[u8]) -> bool {
    secret.expose(|own| own == bytes)
}

fn aes_gcm(row: &Value) -> Option<bool> {
    let (key, message) = (secret(hex(row, "key")?)?, secret(hex(row, "msg")?)?);
    let (associated, sealed) = (hex(row, "aad")?, [hex(row, "ct")?, hex(row, "tag")?].concat());
    let nonce = hex(row, "iv")?.try_into().ok()?;
    let opens = open_aes_256_gcm(&key, nonce, &associated, &sealed)
        .is_ok_and(|opened| opened.ct_eq(&message));
    let made = seal_aes_256_gcm(&key, nonce, &associated, &message).ok()?;
    Some(opens && made == sealed)
}

fn hmac(row: &Value) -> Option<bool> {
    let (key, message, tag) = (hex(row, "key")?, hex(row, "msg")?, hex(row, "tag")?);
    Some(hmac_sha256(&secret(key)?, &message).ok()?[..] == tag)
}

fn hkdf(row: &Value) -> Option<bool> {
    let (ikm, salt, info) = (hex(row, "ikm")?, hex(row, "salt")?, hex(row, "info")?);
    let (expected, size) = (hex(row, "okm")?, usize::try_from(row["size"].as_u64()?).ok()?);
    let derived = derive(&secret(ikm)?, &salt, &info, size);
    Some(derived.is_ok_and(|derived| equals(&derived, &expected)))
}

fn ed25519(row: &Value) -> Option<bool> {
    let public = &row["group"]["publicKey"];
    if public["curve"] != "edwards25519" {
        return None;
    }
    let (public, message, signature) =
        (hex_of(public["pk"].as_str()?)?, hex(row, "msg")?, hex(row, "sig")?);
    // The types hold no other length: that is a refusal as well.
    let Ok(public) = public.try_into() else { return Some(false) };
    let Ok(signature) = signature.try_into() else { return Some(false) };
    Some(VerifyingKey::new(public).verify(&message, &Signature::new(signature)).is_ok())
}

fn public_key(row: &Value, set: Mechanism, seed: Option<Vec<u8>>) -> Option<bool> {
    let public = set.public_key(&secret(seed?)?);
    Some(public.is_ok_and(|public| hex(row, "ek").is_some_and(|expected| public == expected)))
}

fn encapsulated(row: &Value, set: Mechanism, randomness: &str, key: &str) -> Option<bool> {
    let (public, randomness) = (hex(row, "ek")?, secret(hex(row, randomness)?)?);
    let (expected, key) = (hex(row, "c")?, hex(row, key)?);
    let made = set.encapsulate(&public, &randomness);
    Some(made.is_ok_and(|made| made.bytes == expected && equals(&made.key, &key)))
}

fn decapsulated(row: &Value, set: Mechanism) -> Option<bool> {
    let (seed, encapsulated, key) = (secret(hex(row, "seed")?)?, hex(row, "c")?, hex(row, "K")?);
    let fits = match hex(row, "ek") {
        None => true,
        Some(public) => set.public_key(&seed).is_ok_and(|own| own == public),
    };
    let opened = set.decapsulate(&seed, &encapsulated);
    Some(fits && opened.is_ok_and(|opened| equals(&opened, &key)))
}

/// The private key is in the expanded form, which is checked where it is read.
fn expanded(row: &Value, set: Mechanism, keys: &Value, key: &str) -> Option<bool> {
    let (private, encapsulated) = (secret(hex(keys, "dk")?)?, hex(row, "c")?);
    let opened = set.decapsulate_expanded(&private, &encapsulated);
    Some(opened.is_ok_and(|opened| hex(row, key).is_some_and(|key| equals(&opened, &key))))
}

/// Zeros are an answer as well: that of a point of small order.
fn agreed(row: &Value) -> Option<bool> {
    let (private, shared) = (secret(hex(row, "private")?)?, hex(row, "shared")?);
    let Ok(public) = hex(row, "public")?.try_into() else { return Some(false) };
    Some(x25519(&private, public).is_ok_and(|own| equals(&own, &shared)))
}

/// A key with a coefficient that is not reduced is no key (FIPS 203, section 7.2).
fn modulus(row: &Value, set: Mechanism) -> Option<bool> {
    let made = set.encapsulate(&hex(row, "ek")?, &secret(vec![7; 32])?);
    Some(made.is_ok() == row["valid"].as_bool()?)
}

fn known_answer(row: &Value, set: Mechanism) -> Option<bool> {
    let seed = secret([hex(row, "d")?, hex(row, "z")?].concat())?;
    let public = set.public_key(&seed).ok()?;
    let made = set.encapsulate(&public, &secret(hex(row, "msg")?)?).ok()?;
    let (agreed, refused) = (hex(row, "ss")?, hex(row, "ss_n")?);
    let open = |bytes: &[u8]| set.decapsulate(&seed, bytes).ok();
    Some(
        public == hex(row, "pk")?
            && made.bytes == hex(row, "ct")?
            && equals(&made.key, &agreed)
            && equals(&open(&made.bytes)?, &agreed)
            && equals(&open(&hex(row, "ct_n")?)?, &refused),
    )
}

/// The private key's hash is that of its expanded form, which is not public here.
fn hashed_answer(row: &Value, set: Mechanism) -> Option<bool> {
    let seed = secret(hex(row, "key_generation_seed")?)?;
    let public = set.public_key(&seed).ok()?;
    let randomness = secret(hex(row, "encapsulation_seed")?)?;
    let made = set.encapsulate(&public, &randomness).ok()?;
    let agreed = hex(row, "shared_secret")?;
    let opened = set.decapsulate(&seed, &made.bytes).ok()?;
    Some(
        sha3_256(&public)[..] == hex(row, "sha3_256_hash_of_public_key")?
            && sha3_256(&made.bytes)[..] == hex(row, "sha3_256_hash_of_ciphertext")?
            && equals(&made.key, &agreed)
            && equals(&opened, &agreed),
    )
}

fn x_wing(row: &Value) -> Option<bool> {
    let (seed, agreed) = (secret(hex(row, "sk")?)?, hex(row, "ss")?);
    let public = Mechanism::XWing.public_key(&seed).ok()?;
    let made = Mechanism::XWing.encapsulate(&public, &secret(hex(row, "randomness")?)?).ok()?;
    let opened = Mechanism::XWing.decapsulate(&seed, &made.bytes).ok()?;
    Some(
        public == hex(row, "pk")?
            && made.bytes == hex(row, "ct")?
            && equals(&made.key, &agreed)
            && equals(&opened, &agreed),
    )
}

fn hpke(row: &Value) -> Value {
    let mechanism = match row["kem_id"].as_u64() {
        Some(0x20) => Mechanism::X25519,
        Some(0x41) => Mechanism::MlKem768,
        Some(0x42) => Mechanism::MlKem1024,
        Some(0x647A) => Mechanism::XWing,
        _ => return unclaimed(SUITES),
    };
    let derivation = match row["kdf_id"].as_u64() {
        Some(1) => Derivation::HkdfSha256,
        Some(2) => Derivation::HkdfSha384,
        Some(3) => Derivation::HkdfSha512,
        Some(16) => Derivation::Shake128,
        Some(17) => Derivation::Shake256,
        _ => return unclaimed(SUITES),
    };
    let cipher = match row["aead_id"].as_u64() {
        Some(1) => Cipher::Aes128Gcm,
        Some(2) => Cipher::Aes256Gcm,
        Some(3) => Cipher::ChaCha20Poly1305,
        Some(0xFFFF) => Cipher::ExportOnly,
        _ => return unclaimed(SUITES),
    };
    is(exchanged(row, Suite { mechanism, derivation, cipher }), "Mechanism and Suite")
}

/// The encapsulation, every message up to the first gap in their numbers, and every export.
fn exchanged(row: &Value, suite: Suite) -> Option<bool> {
    let private = secret(hex(row, "skRm")?)?;
    let (info, encapsulated) = (hex(row, "info")?, hex(row, "enc")?);
    let public = suite.mechanism.public_key(&private).ok()?;
    let random = secret(hex(row, "ikmE")?)?;
    let (with_secret, with_key) = match row["mode"].as_u64()? {
        0 => (false, false),
        1 => (true, false),
        2 => (false, true),
        3 => (true, true),
        _ => return None,
    };
    let sender = if with_key { Some(secret(hex(row, "skSm")?)?) } else { None };
    let made = match &sender {
        None => suite.mechanism.encapsulate(&public, &random),
        Some(sender) => suite.mechanism.encapsulate_from(sender, &public, &random),
    }
    .ok()?;
    let sender = sender.map(|sender| suite.mechanism.public_key(&sender)).transpose().ok()?;
    let fits = match &sender {
        None => true,
        Some(public) => *public == hex(row, "pkSm")?,
    };
    let word =
        if with_secret { Some((secret(hex(row, "psk")?)?, hex(row, "psk_id")?)) } else { None };
    let preshared = word.as_ref().map(|(secret, name)| Preshared { name, secret });
    let sender = Sender { public: sender.as_deref(), preshared };
    let begun = fits
        && public == hex(row, "pkRm")?
        && made.bytes == encapsulated
        && equals(&made.key, &hex(row, "shared_secret")?);
    let received = Received { encapsulated: &encapsulated, info: &info, private: &private, sender };
    let in_order = row["encryptions"].as_array()?.iter().zip(0_u64..);
    let in_order = in_order.take_while(|(one, at)| one["seq"].is_null() || one["seq"] == *at);
    let messages: Option<Vec<_>> = in_order
        .map(|(one, _)| Some((hex(one, "aad")?, hex(one, "ct")?, hex(one, "pt")?)))
        .collect();
    let messages = messages?;
    let sealed: Vec<(&[u8], &[u8])> =
        messages.iter().map(|(aad, sealed, _)| (&aad[..], &sealed[..])).collect();
    let opened = if sealed.is_empty() { Vec::new() } else { suite.open(received, &sealed).ok()? };
    let same = opened.iter().zip(&messages).all(|(own, (.., plain))| equals(own, plain));
    let exports: Option<Vec<bool>> = row["exports"]
        .as_array()?
        .iter()
        .map(|one| {
            let (context, expected) = (hex(one, "exporter_context")?, hex(one, "exported_value")?);
            let len = usize::try_from(one["L"].as_u64()?).ok()?;
            Some(equals(&suite.export(received, &context, len).ok()?, &expected))
        })
        .collect();
    Some(begun && same && exports?.into_iter().all(|right| right))
}

/// SHA3-256 (FIPS 202), in which some rows give long values.
fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    const RATE: usize = 136;
    let mut padded = bytes.to_vec();
    padded.push(6);
    padded.resize(padded.len().next_multiple_of(RATE), 0);
    if let Some(last) = padded.last_mut() {
        *last |= 0x80;
    }
    let mut state = [0_u64; 25];
    for block in padded.chunks(RATE) {
        for (lane, word) in state.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane ^= u64::from_le_bytes(*word);
        }
        keccak(&mut state);
    }
    let mut digest = [0; 32];
    for (to, lane) in digest.chunks_mut(8).zip(state) {
        to.copy_from_slice(&lane.to_le_bytes());
    }
    digest
}

/// Keccak-f\[1600\] (FIPS 202, section 3.3); the constants come from its shift register.
fn keccak(state: &mut [u64; 25]) {
    let mut register = 1_u8;
    for _ in 0..24 {
        let parity: [u64; 5] =
            std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ state[x + 5 * y]));
        for (at, lane) in state.iter_mut().enumerate() {
            *lane ^= parity[(at + 4) % 5] ^ parity[(at + 1) % 5].rotate_left(1);
        }
        let (mut x, mut y, mut moved) = (1, 0, state[1]);
        for step in 1..=24 {
            (x, y) = (y, (2 * x + 3 * y) % 5);
            let turned = moved.rotate_left(step * (step + 1) / 2 % 64);
            moved = std::mem::replace(&mut state[x + 5 * y], turned);
        }
        for row in state.chunks_mut(5) {
            let old: [u64; 5] = std::array::from_fn(|x| row[x]);
            for (x, lane) in row.iter_mut().enumerate() {
                *lane = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        for bit in 0..7 {
            state[0] ^= u64::from(register & 1) << ((1_u32 << bit) - 1);
            register = register << 1 ^ if register & 0x80 == 0 { 0 } else { 0x71 };
        }
    }
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::SigningKey;
    use serde_json::json;

    use super::*;

    fn outcome(row: &Value) -> Option<String> {
        answer(row).map(|answer| answer["outcome"].as_str().unwrap().to_owned())
    }

    // What the row expects, and what the library's answer is then worth.
    fn both(mut row: Value, accepted: bool) {
        for (result, expected) in [("valid", accepted), ("invalid", !accepted)] {
            row["result"] = json!(result);
            let expected = if expected { "pass" } else { "fail" };
            assert_eq!(outcome(&row).as_deref(), Some(expected), "{row}");
        }
    }

    // RFC 5869, appendix A.2, cut to its first block; HKDF's output is a prefix of the longer one.
    #[test]
    fn keys_are_derived() {
        let bytes =
            |range: std::ops::Range<u8>| range.map(|b| format!("{b:02x}")).collect::<String>();
        let mut row = json!({
            "alg": "HKDF-SHA-256",
            "ikm": bytes(0..0x50),
            "salt": bytes(0x60..0xb0),
            "info": (0xb0..=0xff_u8).map(|b| format!("{b:02x}")).collect::<String>(),
            "size": 32,
            "okm": "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
        });
        both(row.clone(), true);
        row["okm"] = json!("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97d");
        both(row.clone(), false);
        row["size"] = json!(8161);
        both(row.clone(), false);
        row["ikm"] = Value::Null;
        row["result"] = json!("invalid");
        assert_eq!(outcome(&row).as_deref(), Some("fail"), "an unread row is no refusal");
    }

    #[test]
    fn signatures_are_verified() {
        let key = SigningKey::generate().unwrap();
        let digits = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let row = |signature: &[u8]| {
            let public = digits(key.verifying_key().as_bytes());
            json!({
                "alg": "EDDSA",
                "group": { "publicKey": { "curve": "edwards25519", "pk": public } },
                "msg": "00ff",
                "sig": digits(signature),
            })
        };
        both(row(key.sign(&[0, 255]).unwrap().as_bytes()), true);
        both(row(key.sign(&[0, 254]).unwrap().as_bytes()), false);
        both(row(&key.sign(&[0, 255]).unwrap().as_bytes()[..63]), false);
    }

    #[test]
    fn a_tag_has_one_length() {
        let tag = evanesce_crypto::commit(&evanesce_core::Digest::new([7; 32]), b"").to_string();
        let row = |key: &str, tag: &str| json!({ "alg": "HMACSHA256", "key": key, "msg": "", "tag": tag });
        both(row(&"07".repeat(32), &tag), true);
        both(row(&"08".repeat(32), &tag), false);
        let mut short = row(&"07".repeat(32), &tag[..32]);
        short["result"] = json!("invalid");
        assert_eq!(outcome(&short).as_deref(), Some("unclaimed"));
        assert_eq!(outcome(&json!({ "alg": "AES-GCM-SIV", "result": "valid" })), None);
    }

    // FIPS 202, and the message of one byte more than a block needs padding of its own.
    #[test]
    fn hashes_are_those_of_the_standard() {
        let digits = |bytes: &[u8]| {
            sha3_256(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(digits(b""), "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
        assert_eq!(
            digits(b"abc"),
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
        assert_eq!(
            digits(&[0xA3; 200]),
            "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"
        );
    }

    #[test]
    fn a_key_exchange_is_judged_by_every_step() {
        let digits = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (seed, random) = (secret(vec![3; 64]).unwrap(), secret(vec![4; 32]).unwrap());
        let public = Mechanism::MlKem768.public_key(&seed).unwrap();
        let made = Mechanism::MlKem768.encapsulate(&public, &random).unwrap();
        let key = made.key.expose(digits);
        let group = json!({ "parameterSet": "ML-KEM-768", "type": "MLKEMTest" });
        let row = json!({
            "alg": "ML-KEM", "group": group, "seed": "03".repeat(64), "ek": digits(&public),
            "c": digits(&made.bytes), "K": key,
        });
        both(row.clone(), true);
        let mut changed = row.clone();
        changed["K"] = json!("00".repeat(32));
        both(changed, false);
        let mut other = row;
        other["group"]["parameterSet"] = json!("ML-KEM-1024");
        both(other, false);
    }
}
