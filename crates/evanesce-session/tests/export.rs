//! A person's own copy of what a session keeps.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use evanesce_core::{Operation, Outcome};
use evanesce_memory::residue::Needle;
use evanesce_memory::{Ephemeral, Wipe, assert_no_residue};
use evanesce_session::{Compartment, SessionError, Token};
use serde_json::{Value, json};
use support::{HOUR, House};

const CONSENT: Compartment = Compartment::new("consent");
const CLAIMS: Compartment = Compartment::new("claims");

#[derive(Ephemeral)]
#[ephemeral(schema = 1)]
struct Visit {
    newsletter: String,
    goals: Vec<u16>,
}

fn visit() -> Visit {
    Visit { newsletter: "one \"two\" </script>\u{1F600}".to_owned(), goals: vec![1, 2] }
}

async fn exported(house: &House, token: &Token) -> Value {
    let json = house.sessions.export::<Visit>(token).await.unwrap();
    json.expose(|json| serde_json::from_slice(json).unwrap())
}

#[tokio::test]
async fn everything_that_is_kept_is_exported_and_nothing_else() {
    let house = House::new();
    let rooms: [(Compartment, &[u8]); 2] = [(CONSENT, b"yes"), (CLAIMS, &[255, 0])];
    let token = house.sessions.open_with(&visit(), &rooms).await.unwrap();
    let start = 1_767_225_600_000_u64;
    let expected = |last_used: u64| {
        json!({
            "opened": start,
            "lastUsed": last_used,
            "ends": last_used + 3_600_000,
            "data": { "newsletter": "one \"two\" </script>\u{1F600}", "goals": [1, 2] },
            "compartments": { "consent": "eWVz", "claims": "/wA=" },
        })
    };
    assert_eq!(exported(&house, &token).await, expected(start));
    // The key that a parent keeps for its children is not the person's data.
    house.sessions.open_child(&token, &1_u64).await.unwrap();
    assert_eq!(exported(&house, &token).await, expected(start));
    // An export is a use, and is noted as one.
    house.clock.advance(HOUR / 2);
    exported(&house, &token).await;
    assert_eq!(exported(&house, &token).await, expected(start + 1_800_000));
    assert_eq!(house.audit.count_of(Operation::SessionRead, Outcome::Done), 4);
}

#[tokio::test]
async fn a_session_without_compartments_is_exported_too() {
    let house = House::new();
    let token = house.sessions.open(&visit()).await.unwrap();
    assert_eq!(exported(&house, &token).await["compartments"], json!({}));
}

#[tokio::test]
async fn who_has_no_session_gets_no_export() {
    let house = House::new();
    let token = house.sessions.open(&visit()).await.unwrap();
    let other = house.sessions.export::<u64>(&token).await;
    assert!(matches!(other, Err(SessionError::Schema(_))));
    let again = Token::parse(&token.to_text()).unwrap();
    house.sessions.destroy(token).await.unwrap();
    let gone = house.sessions.export::<Visit>(&again).await;
    assert!(matches!(gone, Err(SessionError::Absent)));
}

#[tokio::test]
async fn an_export_leaves_nothing_behind() {
    let house = House::new();
    let mut bytes = vec![0; 64];
    let needle = Needle::random(&mut bytes).unwrap();
    let mut visit = Visit { newsletter: String::from_utf8(bytes).unwrap(), goals: Vec::new() };
    let token = house.sessions.open(&visit).await.unwrap();
    visit.wipe();
    let json = house.sessions.export::<Visit>(&token).await.unwrap();
    assert!(json.len() > 64);
    assert_no_residue!(needle);
    drop(json);
    assert_no_residue!(needle);
}
