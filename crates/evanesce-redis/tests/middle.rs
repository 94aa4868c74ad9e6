//! A server that breaks while an operation is on its way to it: every operation, and each
//! request of an update, with every way of breaking.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reports by panicking, in its helpers too, and says what it tried"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, SystemClock};
use evanesce_redis::{RedisStore, Timeouts};
use evanesce_session::{SessionError, Sessions, Token};
use support::{Fault, Own, Proxy, copy, patiently, read, sessions};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(250) };
/// How long a request is on its way, and when the server breaks meanwhile.
const LATE: Duration = Duration::from_millis(90);
const BREAKS: Duration = Duration::from_millis(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Break {
    Full,
    Killed,
    Paused,
    ReadOnly,
    Restored,
}

const BREAKS_ALL: [Break; 5] =
    [Break::Full, Break::Killed, Break::Paused, Break::ReadOnly, Break::Restored];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Destroy,
    Open,
    Read,
    Renew,
    Rotate,
    Take,
    Update,
    /// The second request of an update: what was changed is on its way.
    Write,
}

const STEPS: [Step; 8] = [
    Step::Destroy,
    Step::Open,
    Step::Read,
    Step::Renew,
    Step::Rotate,
    Step::Take,
    Step::Update,
    Step::Write,
];

/// What came of an operation: the token under which the session now is, if there is one.
struct Outcome {
    token: Option<Token>,
    error: Option<SessionError>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_that_breaks_in_the_middle_brings_nothing_back_and_loses_nothing_silently() {
    let (mut tried, mut failed, mut back, mut lost) = (0, 0, 0, 0);
    for how in BREAKS_ALL {
        let own = Own::start().await;
        let proxy = Proxy::to(own.port()).await;
        let store: RedisStore = support::builder(SHORT).connect(&proxy.url()).await.unwrap();
        let sessions = sessions(&Arc::new(store));
        for step in STEPS {
            let destroyed = open(&sessions).await;
            let gone = copy(&destroyed);
            own.dump().await;
            sessions.destroy(destroyed).await.unwrap();
            let token = open(&sessions).await;
            let held = copy(&token);
            if step != Step::Write {
                proxy.arm(Fault::Late(LATE));
            }
            let breaking = async {
                tokio::time::sleep(BREAKS).await;
                happens(&own, how).await;
            };
            let ((outcome, ()), took) =
                timed(async { tokio::join!(operate(&sessions, &proxy, step, token), breaking) })
                    .await;
            assert!(took < Duration::from_secs(8), "{step:?} when {how:?} took {took:?}");
            ends(&own, how).await;
            failed += usize::from(outcome.error.is_some());
            tried += 1;
            let what = format!("{step:?} when {how:?}: {:?}", outcome.error);
            let again = patiently(async || read(&sessions, &gone).await).await;
            back += usize::from(again.is_ok());
            lost += after(&sessions, how, step, (&held, outcome), &what).await;
        }
    }
    println!(
        "breaks in the middle: {tried} tried, {failed} told, {back} came back, {lost} lost unsaid"
    );
    assert_eq!((back, lost), (0, 0));
    assert_eq!(tried, BREAKS_ALL.len() * STEPS.len());
    assert!(failed > tried / 2, "most of them are noticed: {failed}");
}

// What must hold of the session once the server is whole again; says how many were lost
// without an error.
async fn after(
    sessions: &Sessions,
    how: Break,
    step: Step,
    (held, outcome): (&Token, Outcome),
    what: &str,
) -> usize {
    let mut lost = 0;
    let seen = patiently(async || read(sessions, held).await).await;
    let consumed = matches!(step, Step::Destroy | Step::Rotate | Step::Take);
    if consumed && outcome.error.is_none() {
        assert!(seen.is_err(), "a consumed token opens: {what}");
    }
    // The process and its memory stayed the same, and so does what was not consumed.
    let same = matches!(how, Break::Full | Break::Paused);
    lost += usize::from(same && !consumed && seen.is_err());
    if let Err(error) = &seen {
        assert!(
            matches!(error, SessionError::Absent | SessionError::EpochEnded),
            "{what}, then {error:?}"
        );
    }
    if let Some(token) = outcome.token {
        let fresh = patiently(async || read(sessions, &token).await).await;
        assert!(!(fresh.is_ok() && seen.is_ok() && consumed), "two sessions of one: {what}");
        lost += usize::from(same && fresh.is_err());
    }
    lost
}

async fn operate(sessions: &Sessions, proxy: &Proxy, step: Step, token: Token) -> Outcome {
    let done = |result: Result<Option<Token>, SessionError>| match result {
        Ok(token) => Outcome { token, error: None },
        Err(error) => Outcome { token: None, error: Some(error) },
    };
    match step {
        Step::Destroy => done(sessions.destroy(token).await.map(|_| None).map_err(|f| f.error)),
        Step::Open => done(sessions.open(&String::from("another")).await.map(Some)),
        Step::Read => done(read(sessions, &token).await.map(|_| None)),
        Step::Renew => done(sessions.renew(&token).await.map(|_| None)),
        Step::Rotate => done(sessions.rotate(token).await.map(Some).map_err(|f| f.error)),
        Step::Take => done(sessions.take::<String>(token).await.map(|_| None).map_err(|f| f.error)),
        Step::Update => {
            let change = |text: &mut String| text.push('!');
            done(sessions.update(&token, change).await.map(|()| None))
        }
        Step::Write => {
            let change = |text: &mut String| {
                proxy.arm(Fault::Late(LATE));
                text.push('!');
            };
            done(sessions.update(&token, change).await.map(|()| None))
        }
    }
}

async fn happens(own: &Own, how: Break) {
    match how {
        Break::Full => set(own, "maxmemory", "1").await,
        Break::Killed => own.kill().await,
        Break::Paused => own.freeze().await,
        Break::ReadOnly => {
            let _: String = own.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
        }
        Break::Restored => {
            own.kill().await;
            own.start_again().await;
        }
    }
}

async fn ends(own: &Own, how: Break) {
    match how {
        Break::Full => set(own, "maxmemory", "0").await,
        Break::Killed => own.start_again().await,
        Break::Paused => own.thaw().await,
        Break::ReadOnly => {
            let _: String = own.ask(&["REPLICAOF", "NO", "ONE"]).await;
        }
        Break::Restored => {}
    }
}

async fn set(own: &Own, setting: &str, value: &str) {
    let _: String = own.ask(&["CONFIG", "SET", setting, value]).await;
}

async fn open(sessions: &Sessions) -> Token {
    let opened = patiently(async || sessions.open(&String::from("somebody")).await).await;
    opened.unwrap()
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let before = SystemClock.monotonic();
    let done = work.await;
    (done, SystemClock.monotonic().saturating_sub(before))
}
