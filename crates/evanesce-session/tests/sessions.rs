//! The session layer on the in-memory store, with a clock that is moved by hand.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use evanesce_core::{Clock, Erasable, Namespace, Operation, Outcome, Presence, Timestamp};
use evanesce_crypto::{CryptoError, Root, Sealed};
use evanesce_session::{
    Change, Compartment, Destroyed, EpochStore, Failed, MemoryStore, Record, SessionError,
    SessionPolicy, SessionStore, Sessions, Snapshot, Tag, Token, Version,
};
use evanesce_testkit::ManualClock;
use support::{HOUR, House, Stepping, parts, policy, poll_once, run};

const CONSENT: Compartment = Compartment::new("consent");
const CLAIMS: Compartment = Compartment::new("claims");

async fn read(sessions: &Sessions, token: &Token) -> Result<String, SessionError> {
    sessions.read(token, |text: &String| text.clone()).await
}

async fn opened(house: &House) -> Token {
    house.sessions.open(&String::from("somebody")).await.unwrap()
}

fn copy(token: &Token) -> Token {
    Token::parse(&token.to_text()).unwrap()
}

#[tokio::test]
async fn a_session_is_opened_read_updated_and_destroyed() {
    let house = House::new();
    let token = opened(&house).await;
    assert_eq!(read(&house.sessions, &token).await.unwrap(), "somebody");
    let length = house.sessions.update(&token, |text: &mut String| {
        text.push('!');
        text.len()
    });
    assert_eq!(length.await.unwrap(), 9);
    assert_eq!(read(&house.node(), &token).await.unwrap(), "somebody!");
    let again = copy(&token);
    assert_eq!(house.sessions.destroy(token).await.unwrap(), Destroyed::Removed);
    assert!(matches!(read(&house.sessions, &again).await, Err(SessionError::Absent)));
    assert_eq!(house.sessions.destroy(again).await.unwrap(), Destroyed::Absent);
}

#[tokio::test]
async fn a_token_that_was_never_minted_finds_nothing() {
    let house = House::new();
    let stranger = opened(&House::new()).await;
    let update = house.sessions.update(&stranger, |_: &mut String| ()).await;
    assert!(matches!(update, Err(SessionError::Absent)));
    assert!(matches!(read(&house.sessions, &stranger).await, Err(SessionError::Absent)));
    assert_eq!(house.store.snapshot().records().count(), 0, "and makes nothing");
}

#[tokio::test]
async fn every_operation_is_audited_with_its_outcome() {
    let house = House::new();
    let token = opened(&house).await;
    read(&house.sessions, &token).await.unwrap();
    house.sessions.update(&token, |_: &mut String| ()).await.unwrap();
    house.sessions.renew(&token).await.unwrap();
    let token = house.sessions.rotate(token).await.unwrap();
    let second = opened(&house).await;
    drop(house.sessions.take::<String>(second).await.unwrap());
    let again = copy(&token);
    house.sessions.destroy(token).await.unwrap();
    assert!(read(&house.sessions, &again).await.is_err());
    house.sessions.end_epochs().await.unwrap();
    let done = |operation| house.audit.count_of(operation, Outcome::Done);
    assert_eq!(done(Operation::SessionOpened), 2);
    assert_eq!(done(Operation::SessionRead), 1);
    assert_eq!(done(Operation::SessionUpdated), 1);
    assert_eq!(done(Operation::SessionRenewed), 1);
    assert_eq!(done(Operation::SessionRotated), 1);
    assert_eq!(done(Operation::SessionTaken), 1);
    assert_eq!(done(Operation::SessionDestroyed), 1);
    assert!(done(Operation::EpochEnded) > 0);
    assert_eq!(house.audit.count_of(Operation::SessionRead, Outcome::Refused), 1);
}

#[tokio::test]
async fn rotation_moves_the_session_and_kills_the_old_token() {
    let house = House::new();
    let token = house.sessions.open_with(&String::from("x"), &[(CONSENT, b"yes")]).await.unwrap();
    let old = copy(&token);
    let new = house.sessions.rotate(token).await.unwrap();
    assert!(matches!(read(&house.sessions, &old).await, Err(SessionError::Absent)));
    assert_eq!(read(&house.sessions, &new).await.unwrap(), "x");
    let consent = house.sessions.compartment(&new, CONSENT).await.unwrap().unwrap();
    consent.expose(|bytes| assert_eq!(bytes, b"yes"));
    assert_eq!(house.store.snapshot().records().count(), 1);
}

#[tokio::test]
async fn take_reads_and_destroys() {
    let house = House::new();
    let token = opened(&house).await;
    let again = copy(&token);
    let taken = house.sessions.take::<String>(token).await.unwrap();
    assert_eq!(*taken, "somebody");
    let Err(Failed { token, error }) = house.sessions.take::<String>(again).await else {
        panic!("taken twice")
    };
    assert!(matches!(error, SessionError::Absent));
    assert!(read(&house.sessions, &token).await.is_err());
}

#[tokio::test]
async fn another_type_or_schema_is_refused_and_changes_nothing() {
    let house = House::new();
    let token = opened(&house).await;
    let other = house.sessions.read(&token, |_: &Vec<u64>| ()).await;
    assert!(matches!(other, Err(SessionError::Schema(_))));
    let update = house.sessions.update(&token, |_: &mut Vec<u64>| ()).await;
    assert!(matches!(update, Err(SessionError::Schema(_))));
    assert_eq!(read(&house.sessions, &token).await.unwrap(), "somebody");
}

#[tokio::test]
async fn sizes_over_the_limit_are_refused_and_change_nothing() {
    let house = House::new();
    let parts = parts(house.store.clone(), &house.clock, &house.root, &house.audit);
    let sessions = Sessions::new(parts, policy(4, 1, 200));
    let large = "x".repeat(300);
    assert!(matches!(sessions.open(&large).await, Err(SessionError::TooLarge)));
    let token = sessions.open(&String::from("small")).await.unwrap();
    let grown = sessions.update(&token, |text: &mut String| text.push_str(&large)).await;
    assert!(matches!(grown, Err(SessionError::TooLarge)));
    let put = |_: Option<&[u8]>| (Change::Put(vec![0; 300]), ());
    let grown = sessions.update_compartment(&token, CLAIMS, put).await;
    assert!(matches!(grown, Err(SessionError::TooLarge)));
    assert_eq!(read(&sessions, &token).await.unwrap(), "small");
}

#[tokio::test]
async fn compartments_change_beside_the_data() {
    let house = House::new();
    let token = opened(&house).await;
    let sessions = &house.sessions;
    assert!(sessions.compartment(&token, CONSENT).await.unwrap().is_none());
    let first = |held: Option<&[u8]>| (Change::Put(b"1".to_vec()), held.is_none());
    assert!(sessions.update_compartment(&token, CLAIMS, first).await.unwrap());
    assert!(!sessions.update_compartment(&token, CLAIMS, first).await.unwrap());
    let before = house.store.snapshot().records().next().unwrap().1.version;
    let keep = |_: Option<&[u8]>| (Change::Keep, ());
    sessions.update_compartment(&token, CLAIMS, keep).await.unwrap();
    assert_eq!(house.store.snapshot().records().next().unwrap().1.version, before);
    sessions.update(&token, |text: &mut String| text.clear()).await.unwrap();
    let claims = sessions.compartment(&token, CLAIMS).await.unwrap().unwrap();
    claims.expose(|bytes| assert_eq!(bytes, b"1"));
    sessions.update_compartment(&token, CLAIMS, |_| (Change::Remove, ())).await.unwrap();
    assert!(sessions.compartment(&token, CLAIMS).await.unwrap().is_none());
    assert_eq!(read(sessions, &token).await.unwrap(), "");
}

#[tokio::test]
async fn of_many_claims_at_once_one_is_first() {
    let house = House::new();
    let token = Arc::new(opened(&house).await);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (sessions, token) = (house.sessions.clone(), Arc::clone(&token));
            tokio::spawn(async move {
                let claim = |held: Option<&[u8]>| (Change::Put(vec![1]), held.is_none());
                sessions.update_compartment(&token, CLAIMS, claim).await.unwrap()
            })
        })
        .collect();
    let mut firsts = 0;
    for task in tasks {
        firsts += u32::from(task.await.unwrap());
    }
    assert_eq!(firsts, 1);
}

#[tokio::test]
async fn a_session_ends_when_it_lies_idle_and_at_its_absolute_end() {
    let house = House::new();
    let (idle, used) = (opened(&house).await, opened(&house).await);
    for _ in 0..7 {
        house.clock.advance(HOUR / 2);
        read(&house.sessions, &used).await.unwrap();
    }
    assert!(read(&house.sessions, &idle).await.is_err());
    house.clock.advance(HOUR / 2);
    assert!(read(&house.sessions, &used).await.is_err(), "used all the time, and 4 hours old");
}

#[tokio::test]
async fn a_read_notes_a_use_once_in_a_tenth_of_the_idle_time() {
    let house = House::new();
    let token = opened(&house).await;
    let version = || house.store.snapshot().records().next().unwrap().1.version;
    for _ in 0..5 {
        house.clock.advance(HOUR / 60);
        read(&house.sessions, &token).await.unwrap();
    }
    assert_eq!(version(), Version(1), "five minutes are less than a tenth of an hour");
    house.clock.advance(HOUR / 60);
    for _ in 0..5 {
        read(&house.sessions, &token).await.unwrap();
    }
    assert_eq!(version(), Version(2));
}

#[tokio::test]
async fn renewal_never_goes_beyond_a_day() {
    let house = House::new();
    let token = opened(&house).await;
    let day = house.clock.now().plus(24 * HOUR);
    let first = house.sessions.renew(&token).await.unwrap();
    assert_eq!(first, house.clock.now().plus(4 * HOUR));
    for _ in 0..47 {
        house.clock.advance(HOUR / 2);
        assert!(house.sessions.renew(&token).await.unwrap() <= day);
    }
    house.clock.advance(HOUR / 2);
    assert!(house.sessions.renew(&token).await.is_err());
    assert!(read(&house.sessions, &token).await.is_err());
}

/// A store that forgets nothing and keeps what it is told to.
fn put_back(house: &House, snapshot: Snapshot, change: impl Fn(&mut Record)) {
    let records: Vec<_> = snapshot.records().map(|(id, record)| (id, record.clone())).collect();
    let mut changed = snapshot;
    for (id, mut record) in records {
        change(&mut record);
        changed = changed.with_record(&id, &record);
    }
    house.store.rewind(&changed);
}

#[tokio::test]
async fn an_expired_session_is_expired_even_if_the_store_still_has_it() {
    let house = House::new();
    let token = opened(&house).await;
    // The store's own expiry is outside the seal's reach only in this test's hands.
    house.clock.advance(2 * HOUR);
    let kept = house.store.snapshot();
    put_back(&house, kept, |record| record.expiry = Timestamp::MAX);
    assert!(matches!(read(&house.sessions, &token).await, Err(SessionError::Expired)));
    let kept = house.store.snapshot();
    put_back(&house, kept, |record| {
        record.last_seen = house.clock.now();
        record.absolute = house.clock.now().plus(HOUR);
    });
    let forged = read(&house.sessions, &token).await;
    assert!(matches!(forged, Err(SessionError::Crypto(CryptoError::Forged))));
}

#[tokio::test]
async fn a_clock_that_steps_back_gives_no_session_more_time() {
    let house = House::new();
    let start = house.clock.now();
    let token = opened(&house).await;
    house.clock.advance(HOUR / 2);
    house.clock.step_to(start.minus(10 * HOUR));
    assert_eq!(read(&house.sessions, &token).await.unwrap(), "somebody");
    house.clock.advance(HOUR);
    assert!(read(&house.sessions, &token).await.is_err());
    let token = opened(&house).await;
    let end = house.sessions.renew(&token).await.unwrap();
    assert_eq!(end, start.plus(HOUR * 3 / 2 + 4 * HOUR));
}

#[tokio::test]
async fn a_session_from_the_future_is_not_believed() {
    let house = House::new();
    let real = house.clock.now();
    house.clock.step_to(real.plus(1000 * HOUR));
    let token = opened(&house).await;
    assert!(read(&house.sessions, &token).await.is_ok());
    house.clock.step_to(real);
    assert!(matches!(read(&house.sessions, &token).await, Err(SessionError::Expired)));
}

#[tokio::test]
async fn ending_the_epochs_ends_every_session_at_once() {
    let house = House::new();
    let (one, two) = (opened(&house).await, opened(&house).await);
    let node = house.node();
    assert!(read(&node, &one).await.is_ok());
    assert!(house.sessions.end_epochs().await.unwrap() >= 1);
    for sessions in [&house.sessions, &node] {
        for token in [&one, &two] {
            assert!(matches!(read(sessions, token).await, Err(SessionError::EpochEnded)));
        }
    }
    let Err(failed) = house.sessions.take::<String>(one).await else { panic!("taken") };
    assert!(matches!(failed.error, SessionError::EpochEnded));
    let Err(failed) = house.sessions.rotate(two).await else { panic!("rotated") };
    assert!(matches!(failed.error, SessionError::EpochEnded));
    let fresh = opened(&house).await;
    assert!(read(&node, &fresh).await.is_ok());
}

#[tokio::test]
async fn rotating_epochs_is_noticed_by_no_session() {
    let house = House::new();
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(opened(&house).await);
    }
    let begun = house.sessions.rotate_epochs().await.unwrap();
    assert!(begun >= 1);
    assert_eq!(house.sessions.rotate_epochs().await.unwrap(), 0, "they are draining still");
    for token in &tokens {
        assert!(read(&house.sessions, token).await.is_ok());
    }
    let newest: Vec<_> = house.store.snapshot().epochs().map(|(t, e)| (t, e.number)).collect();
    for (id, record) in house.store.snapshot().records() {
        let current = newest.iter().filter(|(tag, _)| *tag == id.tag()).map(|(_, n)| *n).max();
        assert_eq!(Some(record.epoch), current, "a use moves a session to the current epoch");
    }
}

#[tokio::test]
async fn what_was_destroyed_does_not_come_back_with_a_backup() {
    let house = House::new();
    let (destroyed, kept) = (opened(&house).await, opened(&house).await);
    let node = house.node();
    assert!(read(&node, &kept).await.is_ok());
    let backup = house.store.snapshot();
    let copy = copy(&destroyed);
    house.sessions.destroy(destroyed).await.unwrap();
    house.store.restore(&backup).unwrap();
    assert_eq!(house.store.snapshot().records().count(), 2, "the records are back");
    for sessions in [&house.sessions, &node, &house.node()] {
        for token in [&copy, &kept] {
            assert!(matches!(read(sessions, token).await, Err(SessionError::EpochEnded)));
        }
    }
    assert!(house.audit.count_of(Operation::IncarnationChanged, Outcome::Done) >= 1);
    let fresh = opened(&house).await;
    assert!(read(&node, &fresh).await.is_ok());
}

#[tokio::test]
async fn a_node_refuses_an_epoch_older_than_one_it_has_seen() {
    let house = House::new();
    let token = opened(&house).await;
    let backup = house.store.snapshot();
    house.sessions.end_epochs().await.unwrap();
    // The hostile store hands everything back, under the same incarnation.
    house.store.rewind(&backup);
    assert!(matches!(read(&house.sessions, &token).await, Err(SessionError::EpochEnded)));
    let node = house.node();
    let tag = house.store.snapshot().records().next().unwrap().0.tag();
    let number = house.sessions.ensure_epoch(tag).await.unwrap();
    assert!(number > 2, "above the one that was ended");
    assert!(matches!(read(&node, &token).await, Err(SessionError::EpochEnded)));
}

#[tokio::test]
async fn a_stolen_store_with_the_root_but_without_a_token_opens_nothing() {
    let house = House::new();
    let _token = opened(&house).await;
    let stolen = house.store.snapshot();
    // The thief runs the whole service on what was stolen, and guesses tokens.
    let thief = MemoryStore::new(Arc::new(house.clock.clone())).unwrap();
    thief.rewind(&stolen);
    let parts = parts(Arc::new(thief), &house.clock, &house.root, &house.audit);
    let sessions = Sessions::new(parts, SessionPolicy::default());
    let guess = opened(&House::new()).await;
    assert!(matches!(read(&sessions, &guess).await, Err(SessionError::Absent)));
    // And a record that is moved under the guess's own id does not open there.
    let (id, record) = stolen.records().next().unwrap();
    let subject = sessions.subject(&guess).unwrap();
    let own =
        evanesce_session::LookupId::from_subject(&subject, SessionStore::store(&*house.store));
    let moved = evanesce_session::LookupId::new(id.tag(), *own.unwrap().id());
    house.store.rewind(&stolen.clone().with_record(&moved, &record));
    assert!(read(&house.sessions, &guess).await.is_err());
}

#[tokio::test]
async fn another_root_opens_nothing() {
    let house = House::new();
    let token = opened(&house).await;
    let other = Arc::new(Root::generate().unwrap());
    let parts = parts(house.store.clone(), &house.clock, &other, &house.audit);
    let sessions = Sessions::new(parts, SessionPolicy::default());
    assert!(matches!(read(&sessions, &token).await, Err(SessionError::Foreign(_))));
}

#[tokio::test]
async fn a_record_opens_only_in_its_place_and_unchanged() {
    let house = House::new();
    let token = opened(&house).await;
    let sound = house.store.snapshot();
    let refused = async |change: &dyn Fn(&mut Record)| {
        put_back(&house, sound.clone(), change);
        assert!(read(&house.sessions, &token).await.is_err());
    };
    refused(&|record| record.version.0 += 1).await;
    refused(&|record| record.epoch += 1).await;
    refused(&|record| record.opened = record.opened.minus(Duration::from_millis(1))).await;
    refused(&|record| record.absolute = record.absolute.plus(Duration::from_millis(1))).await;
    refused(&|record| record.idle += Duration::from_millis(1)).await;
    refused(&|record| record.last_seen = record.last_seen.plus(Duration::from_millis(1))).await;
    let (id, record) = sound.records().next().unwrap();
    let bytes = record.sealed.as_bytes().to_vec();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Ok(sealed) = Sealed::from_bytes(flipped) {
            house
                .store
                .rewind(&sound.clone().with_record(&id, &Record { sealed, ..record.clone() }));
            assert!(read(&house.sessions, &token).await.is_err(), "byte {at}");
        }
    }
    house.store.rewind(&sound);
    assert!(read(&house.sessions, &token).await.is_ok(), "the control opens");
}

#[tokio::test]
async fn the_store_holds_neither_plaintext_nor_token() {
    let house = House::new();
    let mark = "a-plaintext-that-is-looked-for";
    let token = house.sessions.open(&mark.to_owned()).await.unwrap();
    let snapshot = house.store.snapshot();
    let (id, record) = snapshot.records().next().unwrap();
    let epochs = snapshot.epochs().flat_map(|(_, epoch)| epoch.wrapped.to_vec());
    let stored = [&id.id()[..], record.sealed.as_bytes(), &epochs.collect::<Vec<_>>()].concat();
    let text = token.to_text();
    for needle in [mark.as_bytes(), text.as_bytes(), &text.as_bytes()[8..40]] {
        assert!(!stored.windows(needle.len()).any(|window| window == needle));
    }
}

#[tokio::test]
async fn the_subject_of_a_session_is_what_a_purge_erases() {
    let house = House::new();
    let token = opened(&house).await;
    let subject = house.sessions.subject(&token).unwrap();
    assert_eq!(subject.handle().len(), 33);
    assert_eq!(house.store.presence(&subject).await.unwrap(), Presence::Present);
    assert_eq!(house.store.erase(&subject).await.unwrap(), 1);
    assert!(matches!(read(&house.sessions, &token).await, Err(SessionError::Absent)));
}

#[tokio::test]
async fn futures_can_be_spawned() {
    let house = House::new();
    let sessions = house.sessions.clone();
    let task = tokio::spawn(async move {
        let token = sessions.open(&String::from("spawned")).await.unwrap();
        sessions.update(&token, |text: &mut String| text.push('.')).await.unwrap();
        let token = sessions.rotate(token).await.unwrap();
        sessions.renew(&token).await.unwrap();
        let length = sessions.read(&token, String::len).await.unwrap();
        drop(sessions.take::<String>(token).await.unwrap());
        length
    });
    assert_eq!(task.await.unwrap(), 8);
}

// Each operation, dropped after every number of polls: what is there afterwards is the
// state before or after it, and never something between.
#[test]
fn a_future_dropped_at_any_await_has_happened_whole_or_not_at_all() {
    type Operation = fn(&House, Token) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;
    let operations: [(&str, Operation); 6] = [
        ("read", |house, token| {
            Box::pin(async move {
                let _ = read(&house.sessions, &token).await;
            })
        }),
        ("update", |house, token| {
            Box::pin(async move {
                let push = |text: &mut String| text.push('!');
                let _ = house.sessions.update(&token, push).await;
            })
        }),
        ("renew", |house, token| {
            Box::pin(async move {
                let _ = house.sessions.renew(&token).await;
            })
        }),
        ("rotate", |house, token| {
            Box::pin(async move {
                let _ = house.sessions.rotate(token).await;
            })
        }),
        ("destroy", |house, token| {
            Box::pin(async move {
                let _ = house.sessions.destroy(token).await;
            })
        }),
        ("take", |house, token| {
            Box::pin(async move {
                let _ = house.sessions.take::<String>(token).await;
            })
        }),
    ];
    let mut dropped = 0;
    for (name, operation) in operations {
        for polls in 0..10 {
            let house = House::with(|store| Arc::new(Stepping(store)));
            let token = run(opened(&house));
            let mut future = operation(&house, copy(&token));
            let finished = (0..polls).any(|_| matches!(poll_once(&mut future), Poll::Ready(())));
            drop(future);
            dropped += u32::from(!finished);
            let records = house.store.snapshot().records().count();
            match run(read(&house.sessions, &token)) {
                Ok(text) => assert!(records == 1 && ["somebody", "somebody!"].contains(&&*text)),
                Err(SessionError::Absent) if name == "rotate" => assert_eq!(records, 1),
                Err(SessionError::Absent) => {
                    assert!(["destroy", "take"].contains(&name));
                    assert_eq!(records, 0);
                }
                Err(error) => panic!("{name} after {polls} polls: {error}"),
            }
        }
    }
    assert!(dropped > 12, "most were dropped while they waited");
}

#[test]
fn an_opening_that_is_dropped_leaves_at_most_a_session_nobody_can_find() {
    for polls in 0..10 {
        let house = House::with(|store| Arc::new(Stepping(store)));
        let mut opening: std::pin::Pin<Box<dyn Future<Output = ()> + '_>> =
            Box::pin(async { drop(opened(&house).await) });
        let _ = (0..polls).any(|_| poll_once(&mut opening).is_ready());
        drop(opening);
        assert!(house.store.snapshot().records().count() <= 1);
        let token = run(opened(&house));
        assert!(run(read(&house.sessions, &token)).is_ok());
    }
}

#[tokio::test]
async fn errors_print_no_data() {
    let house = House::new();
    let token = opened(&house).await;
    let text = token.to_text();
    house.sessions.end_epochs().await.unwrap();
    let Err(failed) = house.sessions.rotate(token).await else { panic!("rotated") };
    let printed = format!("{failed} {failed:?} {}", failed.error);
    assert!(!printed.contains(&text[8..20]));
    assert!(printed.contains("EpochEnded"));
}

#[tokio::test]
async fn a_manual_clock_is_what_the_layer_reads() {
    let clock = ManualClock::new();
    assert_eq!(clock.now(), House::new().clock.now());
    let house = House::new();
    assert_eq!(house.sessions.ensure_epoch(Tag(3)).await.unwrap(), 1);
    assert_eq!(house.store.epochs(Tag(3)).await.unwrap().newest, 1);
}

#[tokio::test]
async fn a_token_leads_to_the_place_of_whoever_asks() {
    let house = House::new();
    let token = opened(&house).await;
    let mut parts = parts(house.store.clone(), &house.clock, &house.root, &house.audit);
    parts.namespace = Namespace::new("others").unwrap();
    let others = Sessions::new(parts, SessionPolicy::default());
    for _ in 0..2 {
        assert!(read(&house.sessions, &token).await.is_ok());
        assert!(matches!(read(&others, &token).await, Err(SessionError::Absent)));
        assert!(read(&house.node(), &token).await.is_ok());
    }
    let handle = |sessions: &Sessions| sessions.subject(&token).unwrap().handle().to_vec();
    assert_ne!(handle(&house.sessions), handle(&others));
}
