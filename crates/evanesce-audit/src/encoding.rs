use evanesce_core::Entry;

use crate::{AuditError, Role};

/// The most bytes that a leaf may have; the longest entry there can be is shorter.
pub const MAX_LEAF: usize = 1024;

// What every leaf of this version begins with. Another layout gets another word.
const VERSION: &[u8] = b"v1 ";
// What the last member begins with, where there is one.
const ACTOR: &[u8] = b",\"actor\":\"";

/// The bytes of an entry as a leaf: `v1 `, then one JSON object without spaces,
/// members in the order of [`Entry`], absent ones left out. One entry has one
/// encoding.
///
/// # Errors
/// [`AuditError::Malformed`] if the entry, read from a foreign document, has a
/// time that is not coarsened to the minute.
pub fn encode(entry: &Entry) -> Result<Vec<u8>, AuditError> {
    encode_as(entry, None)
}

/// The same with the role in which it was done, as the last member `actor`.
///
/// # Errors
/// As [`encode`].
pub fn encode_as(entry: &Entry, actor: Option<&Role>) -> Result<Vec<u8>, AuditError> {
    if !entry.at().as_millis().is_multiple_of(60_000) {
        return Err(AuditError::Malformed);
    }
    let mut leaf = Vec::with_capacity(224);
    leaf.extend_from_slice(VERSION);
    serde_json::to_writer(&mut leaf, entry).map_err(|_| AuditError::Malformed)?;
    if let Some(actor) = actor {
        // A role has no character that JSON would escape.
        leaf.pop();
        leaf.extend_from_slice(ACTOR);
        leaf.extend_from_slice(actor.as_str().as_bytes());
        leaf.extend_from_slice(b"\"}");
    }
    Ok(leaf)
}

/// Reads a leaf. Only what [`encode_as`] writes is read, byte for byte.
///
/// # Errors
/// [`AuditError::Malformed`] for any other bytes, and for an operation, outcome
/// or rule that this version does not know.
pub fn decode(leaf: &[u8]) -> Result<Entry, AuditError> {
    decode_as(leaf).map(|(entry, _)| entry)
}

/// The same with the role, where the leaf tells one.
///
/// # Errors
/// As [`decode`].
pub fn decode_as(leaf: &[u8]) -> Result<(Entry, Option<Role>), AuditError> {
    if leaf.len() > MAX_LEAF {
        return Err(AuditError::Malformed);
    }
    let json = leaf.strip_prefix(VERSION).ok_or(AuditError::Malformed)?;
    let entry = serde_json::from_slice(json).map_err(|_| AuditError::Malformed)?;
    // The rest is what the entry alone would not have written.
    let rest = leaf.get(encode(&entry)?.len() - 1..).ok_or(AuditError::Malformed)?;
    let actor = match rest.strip_prefix(ACTOR).and_then(|rest| rest.strip_suffix(b"\"}")) {
        None => None,
        Some(name) => {
            let name = std::str::from_utf8(name).map_err(|_| AuditError::Malformed)?;
            Some(Role::parse(name)?)
        }
    };
    if encode_as(&entry, actor.as_ref())? == leaf {
        Ok((entry, actor))
    } else {
        Err(AuditError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evanesce_core::{
        DataClass, Digest, Operation, Outcome, PurposeId, Rule, StoreKind, Timestamp,
    };
    use proptest::prelude::*;

    use super::*;

    fn full(count: u64) -> Entry {
        let at = Timestamp::from_millis(1_767_225_660_000);
        Entry::new(at, Operation::Erased, DataClass::Ephemeral)
            .with_outcome(Outcome::Done)
            .with_count(count)
            .with_store(StoreKind::Redis)
            .with_purpose(PurposeId::new("usage"))
            .with_rule(Rule::AutoPurged)
            .with_overdue(Duration::from_secs(count))
            .with_commitment(Digest::new([0xab; 32]))
    }

    #[test]
    fn the_bytes_are_those_of_the_documentation() {
        let at = Timestamp::from_millis(1_767_225_660_000);
        let entry = Entry::new(at, Operation::SessionOpened, DataClass::Ephemeral)
            .with_store(StoreKind::Redis);
        assert_eq!(
            String::from_utf8(encode(&entry).unwrap()).unwrap(),
            "v1 {\"at\":\"2026-01-01T00:01:00Z\",\"operation\":\"session-opened\",\
             \"class\":\"ephemeral\",\"outcome\":\"done\",\"count\":1,\"store\":\"redis\"}"
        );
    }

    #[test]
    fn the_longest_entry_fits() {
        let long = PurposeId::parse(&"p".repeat(32)).unwrap();
        let role = Role::parse(&"r".repeat(32)).unwrap();
        let leaf = encode_as(&full(u64::MAX).with_purpose(long), Some(&role)).unwrap();
        assert!(leaf.len() < MAX_LEAF, "{}", leaf.len());
    }

    #[test]
    fn a_time_with_seconds_is_not_encoded() {
        let mut json = serde_json::to_value(full(1)).unwrap();
        json["at"] = "2026-01-01T00:01:02Z".into();
        let smuggled: Entry = serde_json::from_value(json).unwrap();
        assert_eq!(encode(&smuggled), Err(AuditError::Malformed));
    }

    #[test]
    fn another_spelling_of_the_same_entry_is_refused() {
        let leaf = encode(&full(1)).unwrap();
        let text = String::from_utf8(leaf.clone()).unwrap();
        assert_eq!(decode(&leaf), Ok(full(1)));
        let acting = encode_as(&full(1), Some(&Role::new("operator"))).unwrap();
        assert_eq!(decode_as(&acting), Ok((full(1), Some(Role::new("operator")))));
        let acting = String::from_utf8(acting).unwrap();
        for other in [
            acting.replace("operator", "Anna"),
            acting.replace("operator", ""),
            acting.replace("operator", "a\",\"b\":\"c"),
            acting.replace(",\"actor\"", ", \"actor\""),
            acting.replace("\"}", "\" }"),
        ] {
            assert_ne!(other, acting);
            assert_eq!(decode(other.as_bytes()), Err(AuditError::Malformed), "{other}");
        }
        for other in [
            text.replace("v1", "v2"),
            text.replace(',', ", "),
            text.replace("\"count\":1", "\"count\":1,\"note\":\"anna@example.org\""),
            text.replace("\"outcome\":\"done\",\"count\":1", "\"count\":1,\"outcome\":\"done\""),
            text.replace("erased", "unheard-of"),
        ] {
            assert_ne!(other, text);
            assert_eq!(decode(other.as_bytes()), Err(AuditError::Malformed), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(count: u64) {
            prop_assert_eq!(decode(&encode(&full(count)).unwrap()), Ok(full(count)));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let _ = decode(&bytes);
            let mut leaf = encode(&full(1)).unwrap();
            leaf.truncate(cut);
            prop_assert!(cut >= encode(&full(1)).unwrap().len() || decode(&leaf).is_err());
        }
    }
}
