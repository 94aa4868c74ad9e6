//! What an entry's bytes may hold, over everything from which an entry can be made.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::time::Duration;

use evanesce_audit::{Role, decode_as, encode, encode_as};
use evanesce_core::{
    DataClass, Digest, Entry, Operation, Outcome, PurposeId, Rule, StoreKind, Timestamp,
};
use evanesce_crypto::commit;
use proptest::prelude::*;
use serde_json::Value;

const ROLES: [Role; 2] = [Role::new("operator"), Role::new("privacy-officer")];
const PURPOSES: [PurposeId; 2] = [PurposeId::new("usage"), PurposeId::new("a_b-1")];

/// Every word of a closed list, found by asking for all of them.
fn all<T: serde::de::DeserializeOwned>(words: &[&str]) -> Vec<T> {
    words.iter().map(|word| serde_json::from_value(Value::from(*word)).unwrap()).collect()
}

fn operations() -> Vec<Operation> {
    all(&[
        "access-blocked",
        "budget-spent",
        "consent-asked",
        "consent-given",
        "consent-refused",
        "consent-withdrawn",
        "emergency-purged",
        "epoch-ended",
        "erased",
        "erasure-requested",
        "folded",
        "heartbeat",
        "incarnation-changed",
        "key-rotated",
        "leak-found",
        "output-blocked",
        "output-released",
        "policy-overridden",
        "processed",
        "retention-enforced",
        "service-started",
        "service-stopped",
        "session-destroyed",
        "session-opened",
        "session-read",
        "session-renewed",
        "session-rotated",
        "session-taken",
        "session-updated",
        "store-seen",
        "swept",
        "table-released",
        "telemetry-written",
    ])
}

fn outcomes() -> Vec<Outcome> {
    all(&["done", "failed", "refused", "unconfirmed", "violation"])
}

fn stores() -> Vec<StoreKind> {
    all(&["elasticsearch", "folder", "influxdb", "memory", "postgres", "redis"])
}

fn rules() -> Vec<Rule> {
    let classes = [DataClass::Ephemeral, DataClass::Aggregate, DataClass::Operational];
    classes.iter().flat_map(|class| Rule::of(*class).to_vec()).collect()
}

/// Names, addresses, numbers and sentences of persons, and any text at all.
fn personal() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{2,8}\\.[a-z]{2,8}@example\\.(org|com)",
        "\\+[0-9]{2} [0-9]{3} [0-9]{7}",
        "[A-Z]{2}[0-9]{2}( [0-9]{4}){4}",
        "[A-Z][a-zäöüß]{2,10} [A-Z][a-zäöüß]{2,10}",
        "\"[a-z]{3}\":\"[a-z]{3}\",",
        "(?s).{0,80}",
    ]
}

/// Every entry that the constructor and its methods can make, but for the commitment.
fn entries() -> impl Strategy<Value = (Entry, Option<Role>)> {
    let classes = [DataClass::Ephemeral, DataClass::Aggregate, DataClass::Operational];
    let made = (
        0..=Timestamp::MAX.as_millis(),
        prop::sample::select(operations()),
        prop::sample::select(classes.to_vec()),
        prop::sample::select(outcomes()),
        any::<u64>(),
        prop::option::of(prop::sample::select(stores())),
        prop::option::of(prop::sample::select(PURPOSES.to_vec())),
        prop::option::of(prop::sample::select(rules())),
        prop::option::of(any::<u64>()),
        prop::option::of(prop::sample::select(ROLES.to_vec())),
    );
    made.prop_map(|(at, operation, class, outcome, count, store, purpose, rule, overdue, role)| {
        let mut entry = Entry::new(Timestamp::from_millis(at), operation, class)
            .with_outcome(outcome)
            .with_count(count);
        if let Some(store) = store {
            entry = entry.with_store(store);
        }
        if let Some(purpose) = purpose {
            entry = entry.with_purpose(purpose);
        }
        if let Some(rule) = rule {
            entry = entry.with_rule(rule);
        }
        if let Some(overdue) = overdue {
            entry = entry.with_overdue(Duration::from_secs(overdue));
        }
        (entry, role)
    })
}

/// The leaf of an entry that commits to some personal data under a salt.
fn leaf(entry: &Entry, role: Option<&Role>, salt: [u8; 32], data: &str) -> Vec<u8> {
    let commitment = commit(&Digest::new(salt), data.as_bytes());
    encode_as(&entry.clone().with_commitment(commitment), role).unwrap()
}

fn without_commitment(leaf: &[u8]) -> String {
    let text = String::from_utf8(leaf.to_vec()).unwrap();
    let (head, rest) = text.split_once(",\"commitment\":\"").unwrap();
    let (digits, tail) = rest.split_once('"').unwrap();
    assert!(
        digits.len() == 64
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    );
    format!("{head}{tail}")
}

/// Whether every member is a word of its closed list, a declared name or a number.
fn is_closed(leaf: &[u8]) -> bool {
    let json: Value = serde_json::from_slice(leaf.strip_prefix(b"v1 ").unwrap()).unwrap();
    json.as_object().unwrap().iter().all(|(name, value)| match &**name {
        "at" => serde_json::from_value::<Timestamp>(value.clone())
            .is_ok_and(|at| at.as_millis().is_multiple_of(60_000)),
        "class" => ["ephemeral", "aggregate", "operational"].iter().any(|word| value == word),
        "operation" => operations().iter().any(|word| *value == serde_json::json!(word)),
        "outcome" => outcomes().iter().any(|word| *value == serde_json::json!(word)),
        "store" => stores().iter().any(|word| *value == serde_json::json!(word)),
        "rule" => rules().iter().any(|word| *value == serde_json::json!(word)),
        "purpose" => PURPOSES.iter().any(|purpose| value == purpose.as_str()),
        "actor" => ROLES.iter().any(|role| value == role.as_str()),
        "count" | "overdue" => value.is_u64(),
        "commitment" => serde_json::from_value::<Digest>(value.clone()).is_ok(),
        _ => false,
    })
}

proptest! {
    #[test]
    fn personal_data_changes_nothing_beyond_the_commitment(
        (entry, role) in entries(),
        one in personal(),
        other in personal(),
        salts in any::<[[u8; 32]; 2]>(),
    ) {
        let first = leaf(&entry, role.as_ref(), salts[0], &one);
        let second = leaf(&entry, role.as_ref(), salts[1], &other);
        prop_assert_eq!(first.len(), second.len());
        prop_assert_eq!(without_commitment(&first), without_commitment(&second));
        prop_assert!(is_closed(&first));
        let plain = encode_as(&entry, role.as_ref()).unwrap();
        prop_assert_eq!(without_commitment(&first).into_bytes(), plain);
        // A fresh salt: two commitments to the same data do not tell that it is the same.
        if salts[0] != salts[1] {
            prop_assert_ne!(leaf(&entry, role.as_ref(), salts[1], &one), first.clone());
        }
        let (read, actor) = decode_as(&first).unwrap();
        prop_assert_eq!(encode_as(&read, actor.as_ref()).unwrap(), first);
        prop_assert_eq!(actor, role);
    }

    #[test]
    fn a_document_cannot_smuggle_a_member_or_a_word_into_an_entry(
        (entry, _) in entries(),
        name in "[a-z]{1,8}",
        value in personal(),
    ) {
        let mut json = serde_json::to_value(&entry).unwrap();
        json[&name] = Value::from(value);
        if let Ok(read) = serde_json::from_value::<Entry>(json)
            && let Ok(leaf) = encode(&read)
        {
            let purpose = read.purpose().is_none_or(|purpose| PURPOSES.contains(purpose));
            prop_assert!(!purpose || is_closed(&leaf));
        }
    }
}

#[test]
fn the_lists_of_words_are_whole() {
    // One more operation than these is asked for here, so that the property covers it.
    let source = include_str!("../../evanesce-core/src/entry.rs");
    let body = |name: &str| {
        let (_, rest) = source.split_once(&format!("pub enum {name} {{")).unwrap();
        let (body, _) = rest.split_once("\n}").unwrap();
        body.lines().filter(|line| line.trim_end().ends_with(',')).count()
    };
    assert_eq!(body("Operation"), operations().len());
    assert_eq!(body("Outcome"), outcomes().len());
    let mut rules = rules();
    rules.sort();
    rules.dedup();
    assert_eq!(body("Rule"), rules.len());
}
