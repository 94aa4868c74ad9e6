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
use evanesce_redis::{RedisStore, Timeouts};
use evanesce_session::{
    EpochStore, LookupId, SessionError, SessionStore, Sessions, Tag, Token, Write,
};
use evanesce_testkit::session::{self as suite, Restorable};
use evanesce_tls::Tls;
use support::{Monitor, Own, fresh_namespace, sessions, stores};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(200) };

async fn opened(sessions: &Sessions) -> Token {
    sessions.open(&String::from("somebody")).await.unwrap()
}

async fn read(sessions: &Sessions, token: &Token) -> Result<String, SessionError> {
    sessions.read(token, |text: &String| text.clone()).await
}

fn copy(token: &Token) -> Token {
    Token::parse(&token.to_text()).unwrap()
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_write_without_an_answer_is_unconfirmed_and_a_read_has_timed_out() {
    let own = Own::start().await;
    let store = own.store_within(SHORT).await;
    let sessions = sessions(&store);
    let token = opened(&sessions).await;
    let _: String = own.ask(&["CLIENT", "PAUSE", "600", "ALL"]).await;
    assert_eq!(kind(read(&sessions, &token).await), ErrorKind::Timeout);
    let failed = sessions.destroy(token).await.unwrap_err();
    assert_eq!(kind::<()>(Err(failed.error)), ErrorKind::Unconfirmed);
    tokio::time::sleep(Duration::from_millis(700)).await;
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
async fn every_session_operation_is_one_round_trip() {
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
    sessions.update(&token, |_: &mut String| ()).await.unwrap();
    mark("fetch-and-rename").await;
    let token = sessions.rotate(token).await.unwrap();
    mark("take").await;
    drop(sessions.take::<String>(token).await.unwrap());
    mark("end").await;
    let _ = store.end().await.unwrap();
    mark("finished").await;
    let seen = monitor.until("\"finished\"").await;
    let ours = |line: &&str| {
        !line.contains("[0 lua]") && !line.contains("\"PING\"") && !line.contains("\"CLIENT\"")
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
    assert_eq!(trips("end", "finished"), 1, "every tag at once");
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
    assert_eq!(store.ceiling().await.unwrap().worst, Some(day));
    let _: String = own.ask(&["CONFIG", "SET", "save", "60 1"]).await;
    let saved = store.ceiling().await.unwrap();
    assert_eq!((saved.worst, saved.setting.as_str()), (None, "save"));
    let _: String = own.ask(&["CONFIG", "SET", "save", ""]).await;
    let _: String = own.ask(&["CONFIG", "SET", "appendonly", "yes"]).await;
    let appended = store.ceiling().await.unwrap();
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
    let ceiling = store.ceiling().await.unwrap();
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
    let _: String = own.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let _: String = own.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let _: String = own.ask(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]).await;
    let refused = sessions.update(&token, |text: &mut String| text.push('!')).await;
    let Err(SessionError::Store(error)) = refused else { panic!("a replica wrote") };
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unavailable, Some(Code::Redis("READONLY")))
    );
    let _: String = own.ask(&["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(read(&sessions, &token).await.unwrap(), "somebody");
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
