//! A person's own copy: what JSON it is, whatever the texts in it say, and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeMap;

use evanesce_memory::{
    EncodeError, Ephemeral, MemoryPolicy, Plain, SecureContext, assert_no_residue, residue::Needle,
    scrub_stack, to_json,
};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Ephemeral)]
struct Visit {
    email: String,
    goals: Vec<Goal>,
    tags: BTreeMap<String, u64>,
    picture: Option<Vec<u8>>,
    pair: (bool, i64),
    salt: [u8; 2],
    nothing: (),
    wrapped: Wrapped,
    r#type: Kind,
}

#[derive(Ephemeral)]
enum Goal {
    Unknown,
    Page(u16),
    Read(u16, u32),
    Write { words: u64, r#in: String },
}

#[derive(Ephemeral)]
struct Wrapped(i8);

#[derive(Ephemeral)]
struct Kind;

#[derive(Ephemeral)]
struct Tree {
    below: Vec<Tree>,
}

#[derive(Ephemeral)]
#[ephemeral(max = 12)]
struct Short(String);

fn text(value: &impl Ephemeral) -> String {
    to_json(value).unwrap().expose(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

fn read(value: &impl Ephemeral) -> Value {
    serde_json::from_str(&text(value)).unwrap()
}

#[test]
fn every_field_is_there_under_its_name() {
    let visit = Visit {
        email: "someone@example.org".into(),
        goals: vec![
            Goal::Unknown,
            Goal::Page(3),
            Goal::Read(1, 2),
            Goal::Write { words: 7, r#in: "a day".into() },
        ],
        tags: BTreeMap::from([("one".into(), 1), ("two".into(), 2)]),
        picture: Some(b"any carnal pleas".to_vec()),
        pair: (true, -2),
        salt: [0xFF, 0xEF],
        nothing: (),
        wrapped: Wrapped(-128),
        r#type: Kind,
    };
    let expected = json!({
        "email": "someone@example.org",
        "goals": [
            "Unknown",
            { "Page": 3 },
            { "Read": [1, 2] },
            { "Write": { "words": 7, "in": "a day" } },
        ],
        "tags": { "one": 1, "two": 2 },
        "picture": "YW55IGNhcm5hbCBwbGVhcw==",
        "pair": [true, -2],
        "salt": "/+8=",
        "nothing": null,
        "wrapped": -128,
        "type": null,
    });
    assert_eq!(read(&visit), expected);
    // In the order of the fields, so that people find what they know from the form.
    assert!(text(&visit).starts_with(r#"{"email":"someone@example.org","goals":["Unknown""#));
}

#[test]
fn integers_that_readers_would_round_are_texts() {
    assert_eq!(text(&9_007_199_254_740_991_u64), "9007199254740991");
    assert_eq!(text(&-9_007_199_254_740_991_i64), "-9007199254740991");
    assert_eq!(text(&9_007_199_254_740_992_u64), "\"9007199254740992\"");
    assert_eq!(text(&i64::MIN), "\"-9223372036854775808\"");
    assert_eq!(text(&u128::MAX), format!("\"{}\"", u128::MAX));
    assert_eq!(text(&i128::MIN), format!("\"{}\"", i128::MIN));
    assert_eq!((text(&0_u8), text(&0_i8)), ("0".into(), "0".into()));
}

#[test]
fn hostile_texts_and_keys_stay_inside_their_quotes() {
    let hostile = "\",\"admin\":true,\"x\":\"\\\u{0}\u{7f}\u{2028}\u{2029}</script><!--&\r\n\t🦀";
    let written = text(&hostile.to_owned());
    assert_eq!(
        written,
        "\"\\\",\\\"admin\\\":true,\\\"x\\\":\\\"\\\\\\u0000\\u007f\\u2028\\u2029\\u003c/script\\u003e\\u003c!--\\u0026\\r\\n\\t🦀\"",
    );
    assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    let map = BTreeMap::from([(hostile.to_owned(), hostile.to_owned())]);
    let object = read(&map);
    assert_eq!(object.as_object().unwrap().len(), 1);
    assert_eq!(object[hostile], hostile);
}

#[test]
fn what_may_not_be_stored_is_not_exported() {
    assert_eq!(to_json(&Short("too long".into())).err(), Some(EncodeError::TooLarge));
    assert_eq!(text(&Short("fits".into())), "\"fits\"");
    let nested =
        |depth| (0..depth).fold(Tree { below: vec![] }, |tree, _| Tree { below: vec![tree] });
    assert_eq!(to_json(&nested(40)).err(), Some(EncodeError::TooDeep));
    assert!(serde_json::from_str::<Value>(&text(&nested(20))).is_ok());
}

#[test]
fn an_export_leaves_nothing_behind() {
    let mut value = vec![0; 40];
    let needle = Needle::random(&mut value).unwrap();
    let plain = Plain::build(|| (String::from_utf8(value.clone()).unwrap(), value.clone()));
    // The control: it is there, and it is the text that was meant.
    let json = plain.to_json().unwrap();
    json.expose(|json| assert_eq!(json[2..42], value));
    let again = SecureContext::with(MemoryPolicy::default(), |memory| {
        memory.export::<(String, Vec<u8>)>(&plain).unwrap()
    });
    assert!(again.ct_eq(&json));
    drop((json, again, plain));
    evanesce_memory::wipe_slice(&mut value);
    scrub_stack();
    assert_no_residue!(needle);
}

proptest! {
    #[test]
    fn any_value_is_json_that_reads_back(
        entries in proptest::collection::btree_map(any::<String>(), any::<Option<String>>(), 0..6),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        numbers in any::<(u32, i16)>(),
    ) {
        let value = ((entries.clone(), bytes), (numbers.0, numbers.1));
        let json = read(&value);
        prop_assert_eq!(&json[1], &json!([numbers.0, numbers.1]));
        let expected: serde_json::Map<String, Value> =
            entries.into_iter().map(|(key, value)| (key, json!(value))).collect();
        prop_assert_eq!(&json[0][0], &Value::Object(expected));
    }
}
