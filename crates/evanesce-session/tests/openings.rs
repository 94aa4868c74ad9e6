//! How often the store is asked, what is prepared for openings to come, and their quota.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, ErrorKind, Operation, Outcome, Timestamp};
use evanesce_session::{
    Destroyed, EpochStore, Failed, OpeningQuota, SessionError, SessionPolicy, Sessions, Tag, Token,
};
use support::{HOUR, House, Watched, parts};

fn watched() -> (House, Sessions, Arc<Watched>) {
    let house = House::new();
    let store = Arc::new(Watched::new(Arc::clone(&house.store)));
    let parts = parts(Arc::clone(&store), &house.clock, &house.root, &house.audit);
    (house, Sessions::new(parts, SessionPolicy::default()), store)
}

fn tag(sessions: &Sessions, token: &Token) -> u8 {
    sessions.subject(token).unwrap().handle()[0]
}

/// Opens until each of the 256 tags was met.
async fn meet_every_tag(sessions: &Sessions) -> Vec<Token> {
    let (mut met, mut tokens) = (HashSet::new(), Vec::new());
    while met.len() < 256 {
        let token = sessions.open(&7_u64).await.unwrap();
        if met.insert(tag(sessions, &token)) {
            tokens.push(token);
        }
        assert!(met.len() < 256 || tokens.len() == 256);
    }
    tokens
}

#[tokio::test]
async fn each_operation_asks_the_store_as_rarely_as_can_be() {
    let (house, sessions, store) = watched();
    meet_every_tag(&sessions).await;
    store.calls();
    for _ in 0..2000 {
        sessions.open(&7_u64).await.unwrap();
    }
    let calls = store.calls();
    assert_eq!(calls.len(), 2000, "one for each opening, and none for what is prepared");
    assert!(calls.iter().all(|call| *call == "insert"));

    let token = sessions.open(&7_u64).await.unwrap();
    store.calls();
    sessions.read(&token, |_: &u64| ()).await.unwrap();
    assert_eq!(store.calls(), ["fetch"]);
    sessions.update(&token, |value: &mut u64| *value += 1).await.unwrap();
    assert_eq!(store.calls(), ["fetch", "replace"]);
    sessions.update(&token, |_: &mut u64| ()).await.unwrap();
    assert_eq!(store.calls(), ["fetch"], "what changes nothing is not written");
    sessions.renew(&token).await.unwrap();
    assert_eq!(store.calls(), ["fetch", "replace"]);
    let token = sessions.rotate(token).await.unwrap();
    assert_eq!(store.calls(), ["fetch", "rename"]);
    sessions.export::<u64>(&token).await.unwrap();
    assert_eq!(store.calls(), ["fetch"]);
    house.clock.advance(HOUR / 2);
    sessions.read(&token, |_: &u64| ()).await.unwrap();
    assert_eq!(
        store.calls(),
        ["fetch", "replace"],
        "a use is noted once in a tenth of the idle time"
    );
    sessions.read(&token, |_: &u64| ()).await.unwrap();
    assert_eq!(store.calls(), ["fetch"]);

    let child = sessions.open_child(&token, &1_u64).await.unwrap();
    assert_eq!(store.calls()[..2], ["fetch", "replace"], "the first makes its parent a parent");
    sessions.open_child(&token, &1_u64).await.unwrap();
    assert_eq!(store.calls(), ["fetch", "insert"]);
    sessions.read_child(&token, &child, |_: &u64| ()).await.unwrap();
    assert_eq!(store.calls(), ["fetch_pair"]);
    sessions.update_child(&token, &child, |value: &mut u64| *value += 1).await.unwrap();
    assert_eq!(store.calls(), ["fetch_pair", "replace"]);
    sessions.destroy_child(child).await.unwrap();
    assert_eq!(store.calls(), ["remove"]);

    let other = sessions.open(&7_u64).await.unwrap();
    store.calls();
    sessions.destroy(token).await.unwrap();
    assert_eq!(store.calls(), ["remove"]);
    sessions.take::<u64>(other).await.unwrap();
    assert_eq!(store.calls(), ["take"]);
}

#[tokio::test]
async fn the_first_opening_of_a_tag_begins_its_epoch() {
    let (_, sessions, store) = watched();
    sessions.open(&7_u64).await.unwrap();
    assert_eq!(store.calls(), ["epochs", "begin", "insert"]);
}

#[tokio::test]
async fn no_two_records_have_the_same_share() {
    let (house, sessions, _) = watched();
    for _ in 0..2000 {
        sessions.open(&7_u64).await.unwrap();
    }
    let snapshot = house.store.snapshot();
    let salts: HashSet<[u8; 16]> =
        snapshot.records().map(|(_, record)| record.sealed.half_salt()).collect();
    assert_eq!(salts.len(), 2000);
}

#[tokio::test]
async fn ending_the_epochs_drops_what_was_prepared() {
    let (_, sessions, store) = watched();
    let old = meet_every_tag(&sessions).await;
    assert!(sessions.prepared_openings() >= 256);
    sessions.end_epochs().await.unwrap();
    assert_eq!(sessions.prepared_openings(), 0);
    // Also where the store could not be reached: nothing is lost but a round trip.
    meet_every_tag(&sessions).await;
    store.fail("end", ErrorKind::Unavailable);
    assert!(sessions.end_epochs().await.is_err());
    assert_eq!(sessions.prepared_openings(), 0);
    let read = sessions.read(&old[0], |_: &u64| ()).await;
    assert!(matches!(read, Err(SessionError::EpochEnded)));
}

/// What a node prepared before another ended the epochs opens nothing: the store refuses
/// it, and says in the same answer what to seal under instead.
#[tokio::test]
async fn what_was_prepared_before_another_node_ended_everything_is_refused() {
    let (house, sessions, store) = watched();
    let old = meet_every_tag(&sessions).await;
    house.node().end_epochs().await.unwrap();
    assert!(sessions.prepared_openings() > 0, "this node has not heard of it");
    store.calls();
    let token = sessions.open(&8_u64).await.unwrap();
    assert_eq!(store.calls(), ["insert", "begin", "insert"]);
    assert_eq!(sessions.read(&token, |value: &u64| *value).await.unwrap(), 8);
    for token in &old {
        assert!(sessions.read(token, |_: &u64| ()).await.is_err());
    }
}

#[tokio::test]
async fn a_newer_epoch_drops_what_was_prepared_for_the_one_before() {
    let (house, sessions, _) = watched();
    let tokens = meet_every_tag(&sessions).await;
    let prepared = sessions.prepared_openings();
    assert!(prepared >= 256);
    house.node().rotate_epochs().await.unwrap();
    for token in &tokens {
        sessions.read(token, |_: &u64| ()).await.unwrap();
    }
    assert_eq!(sessions.prepared_openings(), 0);
}

#[tokio::test]
async fn another_incarnation_drops_what_was_prepared() {
    let (house, sessions, _) = watched();
    let tokens = meet_every_tag(&sessions).await;
    house.store.restore(&house.store.snapshot()).unwrap();
    for token in &tokens {
        let read = sessions.read(token, |_: &u64| ()).await;
        assert!(matches!(read, Err(SessionError::EpochEnded)));
    }
    assert_eq!(sessions.prepared_openings(), 0);
}

/// An hour-old dump has an epoch of the same number that takes the record: it is noticed in
/// the answer, the epoch is ended, and the session opened under the next.
#[tokio::test]
async fn an_opening_into_a_restored_dump_is_opened_anew() {
    let (house, sessions, _) = watched();
    meet_every_tag(&sessions).await;
    let dump = house.store.snapshot();
    let records = dump.records().count();
    house.store.restore(&dump).unwrap();
    let token = sessions.open(&9_u64).await.unwrap();
    assert_eq!(sessions.read(&token, |value: &u64| *value).await.unwrap(), 9);
    assert_eq!(house.store.snapshot().records().count(), records + 1, "and lies there once");
    let epochs = house.store.epochs(Tag(tag(&sessions, &token))).await.unwrap();
    assert_eq!(epochs.current.unwrap().incarnation, epochs.incarnation.unwrap());
}

#[tokio::test]
async fn what_was_prepared_is_dropped_after_a_quarter_of_an_hour() {
    let (house, sessions, store) = watched();
    meet_every_tag(&sessions).await;
    house.clock.advance(Duration::from_secs(15 * 60));
    store.calls();
    sessions.open(&7_u64).await.unwrap();
    assert_eq!(store.calls(), ["epochs", "insert"]);
    assert!(sessions.prepared_openings() <= 16, "those of the other tags went with it");
}

fn with_quota(per_minute: u32, burst: u32) -> (House, Sessions) {
    let house = House::new();
    let [per_minute, burst] = [per_minute, burst].map(|n| NonZeroU32::new(n).unwrap());
    let openings = Some(OpeningQuota { per_minute, burst });
    let parts = parts(Arc::clone(&house.store), &house.clock, &house.root, &house.audit);
    let sessions = Sessions::new(parts, SessionPolicy { openings, ..SessionPolicy::default() });
    (house, sessions)
}

#[tokio::test]
async fn openings_over_the_quota_are_refused_with_the_time_to_wait() {
    let (house, sessions) = with_quota(60, 3);
    let second = Duration::from_secs(1);
    let token = sessions.open(&1_u64).await.unwrap();
    sessions.open(&2_u64).await.unwrap();
    sessions.open_child(&token, &3_u64).await.unwrap();
    let refused = sessions.open(&4_u64).await;
    assert!(matches!(refused, Err(SessionError::TooMany { retry_after }) if retry_after == second));
    let refused = sessions.open_child(&token, &4_u64).await;
    assert!(matches!(refused, Err(SessionError::TooMany { .. })));
    assert_eq!(house.audit.count_of(Operation::SessionOpened, Outcome::Refused), 2);
    // What is open goes on.
    sessions.update(&token, |value: &mut u64| *value += 1).await.unwrap();
    let token = sessions.rotate(token).await.unwrap();
    sessions.read(&token, |_: &u64| ()).await.unwrap();
    house.clock.advance(second);
    sessions.open(&5_u64).await.unwrap();
    assert!(sessions.open(&6_u64).await.is_err());
    // Neither a step of the wall clock gives more.
    house.clock.step_to(house.clock.now().plus(48 * HOUR));
    assert!(sessions.open(&6_u64).await.is_err());
    house.clock.step_to(Timestamp::from_millis(0));
    assert!(sessions.open(&6_u64).await.is_err());
}

#[tokio::test]
async fn an_ordinary_rush_is_within_the_default_quota() {
    let house = House::new();
    for _ in 0..5000 {
        house.sessions.open(&1_u64).await.unwrap();
    }
}

/// Whoever comes while another takes gets nothing; after a `take` that the store refused,
/// its token may be tried again, and one gets the data.
#[tokio::test]
async fn a_take_that_failed_may_be_tried_again_and_one_gets_the_data() {
    let (_, sessions, store) = watched();
    let token = sessions.open(&7_u64).await.unwrap();
    let again = Token::parse(&token.to_text()).unwrap();
    store.fail("take", ErrorKind::Unavailable);
    let Err(Failed { token, error }) = sessions.take::<u64>(token).await else {
        panic!("the store was away")
    };
    assert!(matches!(error, SessionError::Store(_)));
    assert_eq!(*sessions.take::<u64>(again).await.unwrap(), 7);
    let Err(Failed { token, error }) = sessions.take::<u64>(token).await else {
        panic!("taken twice")
    };
    assert!(matches!(error, SessionError::Absent));
    assert_eq!(sessions.destroy(token).await.unwrap(), Destroyed::Absent);
}

#[tokio::test]
async fn an_update_hands_back_what_was_there_before() {
    let (house, sessions, store) = watched();
    let token = sessions.open(&42_u64).await.unwrap();
    let before = sessions.update(&token, |value: &mut u64| std::mem::replace(value, 7)).await;
    assert_eq!(before.unwrap(), 42);
    assert_eq!(house.node().read(&token, |value: &u64| *value).await.unwrap(), 7);
    store.calls();
    let same = sessions.update(&token, |value: &mut u64| std::mem::replace(value, 7)).await;
    assert_eq!(same.unwrap(), 7);
    assert_eq!(store.calls(), ["fetch"], "the same value again is not written");
}

/// A step back gives no session a minute more, a step forwards ends what is asked for, and
/// one that is taken back leaves no trace on what was not.
#[tokio::test]
async fn a_clock_that_steps_gives_no_session_more_time() {
    let house = House::new();
    let (asked, quiet) =
        (house.sessions.open(&1_u64).await.unwrap(), house.sessions.open(&2_u64).await.unwrap());
    let start = house.clock.now();
    house.clock.step_to(start.minus(48 * HOUR));
    assert_eq!(house.sessions.read(&asked, |value: &u64| *value).await.unwrap(), 1);
    house.clock.step_to(start.plus(5 * HOUR));
    assert!(house.sessions.read(&asked, |_: &u64| ()).await.is_err());
    house.clock.step_to(start);
    assert!(house.sessions.read(&asked, |_: &u64| ()).await.is_err(), "what ended stays so");
    assert_eq!(house.sessions.read(&quiet, |value: &u64| *value).await.unwrap(), 2);
    house.clock.step_to(start.minus(48 * HOUR));
    for _ in 0..7 {
        house.clock.advance(HOUR / 2);
        house.sessions.read(&quiet, |_: &u64| ()).await.unwrap();
    }
    house.clock.advance(HOUR / 2);
    assert!(house.sessions.read(&quiet, |_: &u64| ()).await.is_err(), "its four hours are over");
}
