//! Servers that are killed, paused, restored, filled and made replicas; each test has
//! one of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{BoxFuture, Code, ErrorKind, Standing, SystemClock};
use evanesce_crypto::{RootFile, RootVersion};
use evanesce_redis::{RedisStore, Timeouts, Verdict};
use evanesce_session::{
    EpochStore, LookupId, SessionError, SessionStore, Sessions, Tag, Token, Version, Write,
};
use evanesce_testkit::session::{self as suite, Restorable};
use evanesce_tls::Tls;
use support::{
    Fault, Monitor, Own, Proxy, copy, fresh_namespace, patiently, read, sessions, sessions_under,
    stores,
};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(200) };

async fn opened(sessions: &Sessions) -> Token {
    sessions.open(&String::from("somebody")).await.unwrap()
}

fn kind<T>(result: Result<T, SessionError>) -> ErrorKind {
    match result {
        Err(SessionError::Store(error)) => error.kind(),
        Err(other) => panic!("not of the store: {other}"),
        Ok(_) => panic!("it went well"),
    }
}

struct Dump(Own);

impl Restorable for Dump {
    fn save(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { drop(self.0.dump().await) })
    }

    fn restore(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.0.kill().await;
            self.0.start_again().await;
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_restored_copy_is_another_incarnation() {
    let own = Own::start().await;
    let store = own.store().await;
    suite::a_restored_copy_is_another_incarnation(&stores(&store), &Dump(own)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn what_was_destroyed_does_not_come_back_with_an_old_dump() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    let (destroyed, kept) = (opened(&sessions).await, opened(&sessions).await);
    own.dump().await;
    let again = copy(&destroyed);
    sessions.destroy(destroyed).await.unwrap();
    own.kill().await;
    own.start_again().await;
    let keys: Vec<String> = own.ask(&["KEYS", "*:s:*"]).await;
    assert_eq!(keys.len(), 2, "the server has the records again");
    for token in [&again, &kept] {
        assert!(matches!(read(&sessions, token).await, Err(SessionError::EpochEnded)));
    }
    let fresh = opened(&sessions).await;
    assert_eq!(read(&sessions, &fresh).await.unwrap(), "somebody");
}

/// After an emergency the dump of an hour ago and a token of then open nothing, neither for
/// the node that purged nor for one that starts then: the epoch is of another life of the
/// server, and the key that wrapped it is retired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn what_an_emergency_purged_does_not_come_back_with_an_old_dump() {
    let own = Own::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.keys");
    RootFile::create(&path).unwrap();
    let keys = Arc::new(RootFile::open(&path).unwrap());
    let (tls, namespace) = (Tls::plaintext_loopback().unwrap(), fresh_namespace());
    let connect =
        async || Arc::new(RedisStore::connect(&own.url(), &tls, &namespace).await.unwrap());
    let sessions = sessions_under(&connect().await, keys.clone());
    let token = opened(&sessions).await;
    own.dump().await;
    let tag = sessions.subject(&token).unwrap().handle()[0];
    let name = format!("{{{}:{tag:02x}}}:e:c", namespace.as_str());
    let asked = ["GET", &name];
    let wrapped: Vec<u8> = own.ask(&asked).await;
    assert!(!wrapped.is_empty());
    sessions.end_epochs().await.unwrap();
    keys.retire_all().unwrap();
    own.kill().await;
    own.start_again().await;
    assert_eq!(own.ask::<Vec<u8>>(&asked).await, wrapped, "the server has the epoch again");
    let started = sessions_under(&connect().await, Arc::new(RootFile::open(&path).unwrap()));
    for sessions in [&sessions, &started] {
        let refused = read(sessions, &token).await.unwrap_err();
        assert!(matches!(refused, SessionError::EpochEnded), "{refused:?}");
    }
    // What a thief of dump and token has beside them, the retired version, is in no file.
    let kept = keys.versions().unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0] > RootVersion(1));
    let fresh = opened(&started).await;
    assert_eq!(read(&sessions, &fresh).await.unwrap(), "somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_write_without_an_answer_is_unconfirmed_and_a_read_has_timed_out() {
    let own = Own::start().await;
    let store = own.store_within(SHORT).await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    let _: String = own.ask(&["CLIENT", "PAUSE", "1500", "ALL"]).await;
    let again = copy(&token);
    let (read_late, destroyed) = tokio::join!(read(&sessions, &again), sessions.destroy(token));
    assert_eq!(kind(read_late), ErrorKind::Timeout);
    let failed = destroyed.unwrap_err();
    assert_eq!(kind::<()>(Err(failed.error)), ErrorKind::Unconfirmed);
    tokio::time::sleep(Duration::from_millis(1700)).await;
    // The token came back, so that it can be destroyed for certain.
    let again = copy(&failed.token);
    sessions.destroy(failed.token).await.unwrap();
    assert!(matches!(read(&sessions, &again).await, Err(SessionError::Absent)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_killed_in_the_middle_of_a_write_leaves_it_unconfirmed() {
    let own = Own::start().await;
    let store = own.store().await;
    let _ = sessions(&store).ensure_epoch(Tag(1)).await.unwrap();
    let _: String = own.ask(&["CLIENT", "PAUSE", "60000", "ALL"]).await;
    let id = LookupId::new(Tag(1), [7; 32]);
    let cut = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        own.kill().await;
    };
    let (removed, ()) = tokio::join!(store.remove(&id), cut);
    assert_eq!(removed.unwrap_err().kind(), ErrorKind::Unconfirmed);
    let away = store.fetch(&id).await.unwrap_err();
    assert!([ErrorKind::Unavailable, ErrorKind::Timeout].contains(&away.kind()));
    // Within the pause that follows, no further attempt is made, and none is waited for.
    let refused = tokio::time::timeout(Duration::from_millis(40), store.fetch(&id)).await;
    assert_eq!(refused.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    own.start_again().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(store.fetch(&id).await.unwrap().record.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_connection_that_is_cut_is_made_again_under_the_same_incarnation() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    let before = store.epochs(Tag(0)).await.unwrap().incarnation;
    for _ in 0..3 {
        let _: u64 = own.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        assert_eq!(read(&sessions, &token).await.unwrap(), "somebody");
    }
    assert_eq!(store.epochs(Tag(0)).await.unwrap().incarnation, before);
    let _: String = own.ask(&["SCRIPT", "FLUSH"]).await;
    sessions.update(&token, |text: &mut String| text.push('!')).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_read_is_one_command_and_a_change_two() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    sessions.update(&token, |_: &mut String| ()).await.unwrap();
    let token = sessions.rotate(token).await.unwrap();
    drop(sessions.take::<String>(token).await.unwrap());
    let token = opened(&sessions).await;
    // Every script is loaded by now. Each operation is between two marks.
    let monitor = Monitor::in_plain(&own).await;
    let mark = async |name: &str| own.ask::<String>(&["PING", name]).await;
    mark("fetch").await;
    read(&sessions, &token).await.unwrap();
    mark("fetch-and-replace").await;
    sessions.update(&token, |text: &mut String| text.push('!')).await.unwrap();
    mark("fetch-and-rename").await;
    let token = sessions.rotate(token).await.unwrap();
    mark("take").await;
    drop(sessions.take::<String>(token).await.unwrap());
    mark("end").await;
    let _ = store.end().await.unwrap();
    mark("finished").await;
    let seen = monitor.until("\"finished\"").await;
    let ours = |line: &&str| {
        ["[0 lua]", "\"PING\"", "\"CLIENT\"", "\"INFO\""].iter().all(|other| !line.contains(other))
    };
    let trips = |from: &str, to: &str| {
        let between = seen.split(&format!("\"{from}\"")).nth(1).unwrap();
        let between = between.split(&format!("\"{to}\"")).next().unwrap();
        between.lines().filter(|line| line.contains('[')).filter(ours).count()
    };
    assert_eq!(trips("fetch", "fetch-and-replace"), 1);
    assert_eq!(trips("fetch-and-replace", "fetch-and-rename"), 2);
    assert_eq!(trips("fetch-and-rename", "take"), 2);
    assert_eq!(trips("take", "end"), 1);
    assert_eq!(trips("end", "finished"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn every_key_has_an_expiry_and_no_session_more_than_a_day() {
    let own = Own::start().await;
    let store = own.store().await;
    let stores = stores(&store);
    suite::fetch_gives_back_what_was_inserted(&stores).await;
    let other = own.store().await;
    let far = support::stores(&other);
    // The suite writes a record with three days to live, and would wait one out.
    let waiting = suite::no_record_is_kept_longer_than_a_day(&far);
    let _ = tokio::time::timeout(Duration::from_millis(300), waiting).await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    sessions.renew(&token).await.unwrap();
    let _ = sessions.rotate(token).await.unwrap();
    let keys: Vec<String> = own.ask(&["KEYS", "*"]).await;
    let mut longest = 0;
    for key in &keys {
        let lives: i64 = own.ask(&["PTTL", key]).await;
        assert!(lives > 0, "it has an expiry");
        if key.contains(":s:") {
            longest = longest.max(lives);
        }
    }
    assert!((86_000_000..=86_400_000).contains(&longest), "cut to a day: {longest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_sweep_removes_what_lies_without_an_expiry_and_leaves_other_namespaces() {
    let own = Own::start().await;
    let (store, other) = (own.store().await, own.store().await);
    let (ours, theirs) = (sessions(&store), sessions(&other));
    let (token, kept) = (opened(&ours).await, opened(&theirs).await);
    let live = opened(&ours).await;
    let subject = ours.subject(&token).unwrap();
    let id = LookupId::from_subject(&subject, store_kind()).unwrap();
    let keys: Vec<String> = own.ask(&["KEYS", "*:s:*"]).await;
    assert_eq!(keys.len(), 3);
    for key in &keys {
        let _: u64 = own.ask(&["PERSIST", key]).await;
    }
    // One of ours is renewed after it was found without an expiry, and stays.
    let found = store.fetch(&id).await.unwrap().record.unwrap();
    ours.renew(&live).await.unwrap();
    let swept = store.sweep(100).await.unwrap();
    assert_eq!((swept.examined, swept.without_expiry, swept.expired), (2, 1, 0));
    assert!(matches!(read(&ours, &token).await, Err(SessionError::Absent)));
    assert!(read(&ours, &live).await.is_ok());
    assert!(read(&theirs, &kept).await.is_ok());
    // A key that outlives the record's own expiry is overdue.
    let late = opened(&ours).await;
    let late_id = LookupId::from_subject(&ours.subject(&late).unwrap(), store_kind()).unwrap();
    let mut record = store.fetch(&late_id).await.unwrap().record.unwrap();
    record.version = evanesce_session::Version(record.version.0 + 1);
    record.expiry = evanesce_core::Clock::now(&SystemClock).plus(Duration::from_millis(50));
    let before = evanesce_session::Version(record.version.0 - 1);
    assert_eq!(store.replace(&late_id, before, &record).await.unwrap(), Write::Applied);
    for key in own.ask::<Vec<String>>(&["KEYS", "*:s:*"]).await {
        let _: u64 = own.ask(&["EXPIRE", &key, "1000"]).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let swept = store.sweep(100).await.unwrap();
    assert_eq!((swept.expired, swept.without_expiry), (1, 0));
    assert!(swept.overdue >= Duration::from_millis(40));
    let _ = store.reclaim().await.unwrap();
    assert!(read(&theirs, &kept).await.is_ok(), "reclaiming touches nobody else's");
    drop(found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_stolen_dump_holds_no_plaintext_and_no_token() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    let mark = "plaintext-that-is-looked-for-in-a-dump-of-the-server";
    let token = sessions.open(&mark.to_owned()).await.unwrap();
    let _: String = own.ask(&["SET", "control", "a-control-that-lies-in-the-dump"]).await;
    let dump = own.dump().await;
    let holds = |needle: &[u8]| dump.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"a-control-that-lies-in-the-dump"));
    let text = token.to_text();
    assert!(!holds(mark.as_bytes()) && !holds(mark.as_bytes()[..16].as_ref()));
    assert!(!holds(text.as_bytes()) && !holds(&text.as_bytes()[8..50]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn the_ceiling_is_none_where_the_server_keeps_copies() {
    let own = Own::start().await;
    let store = own.store().await;
    let day = Duration::from_secs(86_400);
    assert_eq!(SessionStore::ceiling(&*store).await.unwrap().worst, Some(day));
    let _: String = own.ask(&["CONFIG", "SET", "save", "60 1"]).await;
    let saved = SessionStore::ceiling(&*store).await.unwrap();
    assert_eq!((saved.worst, saved.setting.as_str()), (None, "save"));
    let _: String = own.ask(&["CONFIG", "SET", "save", ""]).await;
    let _: String = own.ask(&["CONFIG", "SET", "appendonly", "yes"]).await;
    let appended = SessionStore::ceiling(&*store).await.unwrap();
    assert_eq!((appended.worst, appended.setting.as_str()), (None, "appendonly"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn what_the_user_may_not_ask_is_unknown_or_refused_by_name() {
    let own = Own::start().await;
    let limited = ["ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-@dangerous"];
    let _: String = own.ask(&[&limited[..], &["+info"]].concat()).await;
    let tls = Tls::plaintext_loopback().unwrap();
    let url = own.url().replace("redis://", "redis://limited:pw@");
    let store = RedisStore::connect(&url, &tls, &fresh_namespace()).await.unwrap();
    let ceiling = SessionStore::ceiling(&store).await.unwrap();
    assert_eq!(ceiling.worst, None);
    assert_eq!(ceiling.setting.as_str(), "CONFIG GET is not permitted");
    let checks = store.checks(&SystemClock).await;
    let standing = |fact: &str| {
        checks.iter().find(|evidence| evidence.fact().as_str() == fact).unwrap().standing()
    };
    assert_eq!(standing("save"), Standing::Unknown);
    assert_eq!(standing("server version"), Standing::Measured);
    let _: String = own.ask(&["ACL", "SETUSER", "limited", "-info"]).await;
    let refused = RedisStore::connect(&url, &tls, &fresh_namespace()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(refused.setting(), Some("the ACL of the user: +info"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_full_or_read_only_server_is_a_typed_error_and_loses_nothing() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    let _: String = own.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let full = sessions.update(&token, |text: &mut String| text.push('!')).await;
    let Err(SessionError::Store(error)) = full else { panic!("a full server wrote") };
    assert_eq!((error.kind(), error.code()), (ErrorKind::Exhausted, Some(Code::Redis("OOM"))));
    let open = sessions.open(&String::from("other")).await;
    let Err(SessionError::Store(error)) = open else { panic!("a full server wrote") };
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    let _: String = own.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let _: String = own.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let refused = sessions.update(&token, |text: &mut String| text.push('!')).await;
    let Err(SessionError::Store(error)) = refused else { panic!("it wrote without a replica") };
    assert_eq!(error.code(), Some(Code::Redis("NOREPLICAS")));
    let _: String = own.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    assert_eq!(read(&sessions, &token).await.unwrap(), "somebody");
}

/// Each operation with its request cut in half, and with its answer lost: what writes is
/// unconfirmed and has happened whole or not at all, what reads is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_connection_cut_in_the_middle_of_each_operation_leaves_it_whole_or_undone() {
    let own = Own::start().await;
    let proxy = Proxy::to(own.port()).await;
    let store = support::builder(Timeouts::default()).connect(&proxy.url()).await.unwrap();
    let store = Arc::new(store);
    let sessions = sessions(&store);
    let direct = own.admin().await;
    for fault in [Fault::CutRequest, Fault::LoseAnswer] {
        let happened = fault == Fault::LoseAnswer;
        let cut = |result: Result<(), evanesce_core::Error>| {
            assert!(!proxy.is_armed(), "the fault came");
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unconfirmed);
        };
        let token = opened(&sessions).await;
        let id = LookupId::from_subject(&sessions.subject(&token).unwrap(), store_kind()).unwrap();
        let first = store.fetch(&id).await.unwrap();
        let record = first.record.unwrap();
        let mut next = record.clone();
        next.version = Version(record.version.0 + 1);
        let other = LookupId::new(id.tag(), [u8::from(happened) * 2 + 10; 32]);
        proxy.arm(fault);
        assert!(store.fetch(&id).await.unwrap().record.is_some(), "a read is made again");
        proxy.arm(fault);
        assert!(store.fetch_pair(&id, &other).await.unwrap().first.is_some());
        proxy.arm(fault);
        cut(store.insert(&other, &record).await.map(drop));
        assert_eq!(store.fetch(&other).await.unwrap().record.is_some(), happened);
        proxy.arm(fault);
        cut(store.replace(&id, record.version, &next).await.map(drop));
        let version = store.fetch(&id).await.unwrap().record.unwrap().version;
        assert_eq!(version == next.version, happened);
        let moved = LookupId::new(id.tag(), [u8::from(happened) * 2 + 11; 32]);
        next.version = Version(version.0 + 1);
        proxy.arm(fault);
        cut(store.rename(&id, version, &moved, &next).await.map(drop));
        let (old, new) = (store.fetch(&id).await.unwrap(), store.fetch(&moved).await.unwrap());
        assert_eq!((old.record.is_some(), new.record.is_some()), (!happened, happened));
        let there = if happened { moved } else { id };
        proxy.arm(fault);
        cut(store.remove(&there).await.map(drop));
        assert_eq!(store.fetch(&there).await.unwrap().record.is_none(), happened);
        let last = opened(&sessions).await;
        let last = LookupId::from_subject(&sessions.subject(&last).unwrap(), store_kind()).unwrap();
        proxy.arm(fault);
        cut(store.take(&last).await.map(drop));
        assert_eq!(store.fetch(&last).await.unwrap().record.is_none(), happened);
        proxy.arm(fault);
        cut(store.end().await.map(drop));
        let stands = store.epochs(id.tag()).await.unwrap().current.is_some();
        assert!(!happened || !stands, "what was answered has ended");
        store.end().await.unwrap();
    }
    drop(direct);
    // The records that are left each have an expiry.
    for key in own.ask::<Vec<String>>(&["KEYS", "*"]).await {
        assert!(own.ask::<i64>(&["PTTL", &key]).await > 0);
    }
}

/// Over a line that delays each write, the time tells the round trips.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn every_store_operation_is_one_round_trip() {
    const EACH: Duration = Duration::from_millis(120);
    let own = Own::start().await;
    let proxy = Proxy::to(own.port()).await;
    let store = support::builder(Timeouts::default()).connect(&proxy.url()).await.unwrap();
    let store = Arc::new(store);
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    let id = LookupId::from_subject(&sessions.subject(&token).unwrap(), store_kind()).unwrap();
    let record = store.fetch(&id).await.unwrap().record.unwrap();
    let mut next = record.clone();
    next.version = Version(record.version.0 + 1);
    let [other, third] = [1, 2].map(|byte| LookupId::new(id.tag(), [byte; 32]));
    proxy.arm(Fault::Slow(EACH));
    let clock = SystemClock;
    let mut taken = Vec::new();
    let mut lap = evanesce_core::Clock::monotonic(&clock);
    let mut note = |what: &'static str| {
        let now = evanesce_core::Clock::monotonic(&clock);
        taken.push((what, now - lap));
        lap = now;
    };
    assert_eq!(store.insert(&other, &record).await.unwrap().write, Write::Applied);
    note("insert");
    store.fetch(&id).await.unwrap();
    note("fetch");
    store.fetch_pair(&id, &other).await.unwrap();
    note("fetch_pair");
    assert_eq!(store.replace(&id, record.version, &next).await.unwrap(), Write::Applied);
    note("replace");
    assert_eq!(store.rename(&other, record.version, &third, &next).await.unwrap(), Write::Applied);
    note("rename");
    assert_eq!(store.remove(&third).await.unwrap(), Write::Applied);
    note("remove");
    assert!(store.take(&id).await.unwrap().record.is_some());
    note("take");
    assert!(store.end().await.unwrap() > 0);
    note("end");
    for (what, time) in taken {
        assert!((EACH..2 * EACH).contains(&time), "{what} took {time:?}");
    }
}

/// Reclaiming removes what cannot be read any more, in whatever tag, and leaves what was
/// opened since; more than one gathering of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn reclaiming_leaves_what_was_opened_since_and_removes_what_is_no_record() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = sessions(&store);
    support::several(&sessions, 9_000).await;
    sessions.end_epochs().await.unwrap();
    let since = support::several(&sessions, 50).await;
    let key = own.ask::<Vec<String>>(&["KEYS", "*:s:*"]).await.remove(0);
    let _: u64 = own.ask(&["DEL", &key]).await;
    let _: u64 = own.ask(&["LPUSH", &key, "no record"]).await;
    let removed = store.reclaim().await.unwrap();
    let left: Vec<String> = own.ask(&["KEYS", "*:s:*"]).await;
    let mut readable = 0;
    for token in &since {
        readable += usize::from(read(&sessions, token).await.is_ok());
    }
    // The key that was spoilt may have been one of either kind.
    assert!(readable >= 49 && left.len() == readable, "{readable} of {}", left.len());
    assert_eq!(removed + readable as u64, 9_050);
}

/// Each setting that breaks a promise is refused by its name, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_that_breaks_a_promise_is_refused_with_the_setting_to_change() {
    let own = Own::start().await;
    let store = own.store().await;
    let findings = store.findings(&SystemClock).await;
    let verdict = |findings: &[evanesce_redis::Finding], fact: &str| {
        findings.iter().find(|f| f.evidence.fact().as_str() == fact).unwrap().verdict
    };
    assert_eq!(verdict(&findings, "connection encrypted"), Verdict::Broken);
    assert_eq!(verdict(&findings, "open to whoever shows no password"), Verdict::Broken);
    assert_eq!(verdict(&findings, "save"), Verdict::Kept);
    assert_eq!(verdict(&findings, "maxmemory-policy"), Verdict::Kept);
    let watching = |findings: &[evanesce_redis::Finding]| {
        let found = findings
            .iter()
            .find(|f| f.evidence.fact().as_str() == "watching with MONITOR")
            .unwrap();
        found.evidence.reading().unwrap().to_string()
    };
    assert_eq!(watching(&findings), "0");
    let _monitor = Monitor::in_plain(&own).await;
    for (setting, value) in [("save", "60 1"), ("maxmemory-policy", "allkeys-lru")] {
        let _: String = own.ask(&["CONFIG", "SET", setting, value]).await;
    }
    let findings = store.findings(&SystemClock).await;
    assert_eq!(watching(&findings), "1");
    assert_eq!(verdict(&findings, "save"), Verdict::Broken);
    assert_eq!(verdict(&findings, "maxmemory-policy"), Verdict::Broken);
    let refused = store.demand(&SystemClock).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(refused.setting(), Some("rediss:// in the address"));
}

/// A frozen server neither answers nor hangs up: every operation ends in time, and the
/// session is there when it thaws.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_frozen_server_is_given_up_in_time() {
    let own = Own::start().await;
    let store = own.store_within(SHORT).await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    own.freeze().await;
    let limit = 2 * (SHORT.connect + SHORT.response);
    for _ in 0..3 {
        let failed = tokio::time::timeout(limit, read(&sessions, &token)).await.unwrap();
        assert!([ErrorKind::Timeout, ErrorKind::Unavailable].contains(&kind(failed)));
    }
    own.thaw().await;
    assert_eq!(patiently(async || read(&sessions, &token).await).await.unwrap(), "somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn futures_dropped_at_any_moment_leave_the_connection_and_the_session_whole() {
    let own = Own::start().await;
    let store = own.store().await;
    let sessions = Arc::new(sessions(&store));
    let token = Arc::new(opened(&sessions).await);
    for pause in 0..60 {
        let (sessions, token) = (Arc::clone(&sessions), Arc::clone(&token));
        let update = async move {
            let _ = sessions.update(&token, |text: &mut String| text.push('!')).await;
        };
        let _ = tokio::time::timeout(Duration::from_micros(pause * 20), update).await;
    }
    let text = read(&sessions, &token).await.unwrap();
    assert!(text.starts_with("somebody") && text[8..].chars().all(|mark| mark == '!'));
}

const fn store_kind() -> evanesce_core::StoreKind {
    evanesce_core::StoreKind::Redis
}
