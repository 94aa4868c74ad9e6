//! Rows of test vectors, answered by what evanesce-crypto has in public. Its
//! ciphers, key encapsulation and X25519 lie inside envelope and channel, which
//! take neither nonce nor private key from outside, and are not asked here.

use evanesce_core::Digest;
use evanesce_crypto::{Signature, VerifyingKey, commit, derive};
use evanesce_memory::SecretBytes;
use serde_json::Value;

use crate::row::{hex, hex_of, judged, text, unclaimed};

const COMMIT: &str = "HMAC-SHA256 is public as a commitment under 32 bytes, with a tag of 32";

/// None for an algorithm that is not public here.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    let result = text(row, "result")?;
    let (accepted, why) = match text(row, "alg")? {
        "EDDSA" => (ed25519(row), "VerifyingKey::verify"),
        "HKDF-SHA-256" => (hkdf(row), "derive"),
        "HMACSHA256" => match hmac(row)? {
            Hmac::Fits(accepted) => (Some(accepted), "commit"),
            Hmac::OtherLengths => return Some(unclaimed(COMMIT)),
        },
        _ => return None,
    };
    // What cannot be read of a row is no answer to it.
    let is_right = accepted.is_some_and(|accepted| match result {
        "acceptable" => true,
        _ => accepted == (result == "valid"),
    });
    Some(judged(is_right, why))
}

enum Hmac {
    Fits(bool),
    OtherLengths,
}

fn hmac(row: &Value) -> Option<Hmac> {
    let (key, message, tag) = (hex(row, "key")?, hex(row, "msg")?, hex(row, "tag")?);
    let Ok(key) = <[u8; 32]>::try_from(key) else { return Some(Hmac::OtherLengths) };
    if tag.len() != 32 {
        return Some(Hmac::OtherLengths);
    }
    Some(Hmac::Fits(commit(&Digest::new(key), &message).as_bytes()[..] == tag))
}

fn hkdf(row: &Value) -> Option<bool> {
    let (mut secret, salt, info) = (hex(row, "ikm")?, hex(row, "salt")?, hex(row, "info")?);
    let (expected, size) = (hex(row, "okm")?, usize::try_from(row["size"].as_u64()?).ok()?);
    let secret = SecretBytes::from_slice(&mut secret).ok()?;
    let derived = derive(&secret, &salt, &info, size);
    Some(derived.is_ok_and(|derived| derived.expose(|bytes| bytes == expected)))
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
    fn a_commitment_has_one_length() {
        let tag = commit(&Digest::new([7; 32]), b"").to_string();
        let row = |key: &str, tag: &str| json!({ "alg": "HMACSHA256", "key": key, "msg": "", "tag": tag });
        both(row(&"07".repeat(32), &tag), true);
        both(row(&"08".repeat(32), &tag), false);
        for (key, tag) in [("07".repeat(16), &tag[..]), ("07".repeat(32), &tag[..32])] {
            let mut row = row(&key, tag);
            row["result"] = json!("invalid");
            assert_eq!(outcome(&row).as_deref(), Some("unclaimed"));
        }
        assert_eq!(outcome(&json!({ "alg": "AES-GCM", "result": "valid" })), None);
    }
}
