//! Records about a person's own requests, failures by their fingerprint, and what a sibling
//! layer prints.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evanesce_core::{
    Basis, BoxFuture, Clock, Error, GrantState, Granted, Liveness, NotGranted, Purpose, PurposeId,
    Retention, Sanitize, label,
};
use evanesce_telemetry::{
    Access, MemoryLogSink, MemoryMetricSink, Method, Telemetry, TelemetryParts, Value,
};
use evanesce_testkit::ManualClock;
use tracing_subscriber::layer::SubscriberExt;

const MAIL: &str = "reader.of.letters@example.org";

struct Performance;

impl Purpose for Performance {
    const NAME: &'static str = "performance";
    const NOTICE: &'static str = "How fast your own requests are answered";
    const BASIS: Basis = Basis::Consent;
    const KEEP: Retention = Retention::Months(3);
}

/// A session whose answer changes.
struct Session(Mutex<GrantState>);

impl Liveness for Session {
    fn grant(&self, _: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
        let state = *self.0.lock().unwrap();
        Box::pin(std::future::ready(Ok(state)))
    }
}

struct Replaces;

impl Sanitize for Replaces {
    fn sanitize(&self, text: &str) -> String {
        text.replace(MAIL, "<EMAIL_ADDRESS>")
    }
}

fn scene() -> (Arc<MemoryLogSink>, Telemetry) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let logs = Arc::new(MemoryLogSink::new(clock.clone()));
    let telemetry = Telemetry::new(TelemetryParts {
        logs: logs.clone(),
        metrics: Arc::new(MemoryMetricSink::new(clock.clone())),
        sanitize: Arc::new(Replaces),
        clock,
        capacity: 100,
    });
    (logs, telemetry)
}

fn access() -> Access {
    Access {
        method: Method::named("GET"),
        route: label!("/letters/:id"),
        status: 200,
        took: Duration::from_micros(37_411),
    }
}

#[tokio::test]
async fn an_access_is_written_while_the_grant_lives_and_never_after() {
    let (logs, telemetry) = scene();
    let session = Arc::new(Session(Mutex::new(GrantState::Live)));
    let grant = Granted::<Performance>::check(session.clone()).await.unwrap();
    telemetry.access(access(), &grant).await.unwrap();
    *session.0.lock().unwrap() = GrantState::Withdrawn;
    let withdrawn = NotGranted::State(GrantState::Withdrawn);
    assert_eq!(telemetry.access(access(), &grant).await, Err(withdrawn));
    telemetry.flush().await;
    let records = logs.records();
    assert_eq!(records.len(), 1);
    // Everything that an access record has: no address, no query, no exact duration.
    assert_eq!(
        records[0].fields(),
        [
            ("method", Value::Word(label!("GET"))),
            ("route", Value::Word(label!("/letters/:id"))),
            ("status", Value::Integer(200)),
            ("took", Value::Word(label!("up to 50 ms"))),
        ]
    );
    assert_eq!(records[0].at().as_millis() % 60_000, 0);
}

#[test]
fn a_method_that_a_client_makes_up_is_other() {
    for name in ["get", "", MAIL, "PROPFIND", "other"] {
        assert_eq!(Method::named(name), Method::Other, "{name}");
    }
    for (name, method) in [("PATCH", Method::Patch), ("HEAD", Method::Head)] {
        assert_eq!(Method::named(name), method);
    }
}

#[test]
fn only_the_performance_grant_builds() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/performance_grant.rs");
    cases.compile_fail("tests/ui/other_grant.rs");
}

#[derive(Debug)]
struct Upstream(String);

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate key (mail)=({})", self.0)
    }
}

impl std::error::Error for Upstream {}

#[tokio::test]
async fn a_failure_is_known_by_its_type_and_place_and_not_by_what_it_says() {
    let (logs, telemetry) = scene();
    let fail = |text: &str| telemetry.failure(&Upstream(text.to_owned()));
    let (one, same) = (fail(MAIL), fail("somebody else"));
    let elsewhere = telemetry.failure(&Upstream(MAIL.to_owned()));
    let other = telemetry.failure(&fmt::Error);
    assert_eq!(one, same);
    assert!(one != elsewhere && elsewhere != other && one != other);
    telemetry.flush().await;
    let records = logs.records();
    assert_eq!(records.len(), 4);
    let printed = format!("{records:?}");
    assert!(!printed.contains("duplicate") && !printed.contains("example.org"), "{printed}");
    assert!(printed.contains(&one.to_string()) && printed.contains("own::Upstream"));
    assert!(!printed.contains("tests/own.rs"), "where it was built stays out: {printed}");
}

/// Where a layer prints in a test.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn speak() {
    let outer = tracing::info_span!("outer", mail = MAIL, later = tracing::field::Empty);
    let _outer = outer.enter();
    outer.record("later", format!("to {MAIL}"));
    tracing::info!(user = %MAIL, rows = 3, "mail from {MAIL}\nand a second line");
    tracing::warn!(password = "correct horse", raw = MAIL.as_bytes(), "\u{1b}[31mred");
    tracing::error!(error = &Upstream(MAIL.into()) as &dyn std::error::Error, "failed");
}

#[test]
fn a_sibling_made_here_prints_what_the_stores_get() {
    let (_, telemetry) = scene();
    let (ours, theirs) = (Paper::default(), Paper::default());
    let (clean, plain) = (ours.clone(), theirs.clone());
    let subscriber = tracing_subscriber::registry()
        .with(telemetry.layer())
        .with(telemetry.printed(move || clean.clone()))
        .with(tracing_subscriber::fmt::layer().with_writer(move || plain.clone()));
    tracing::subscriber::with_default(subscriber, speak);
    let printed = ours.text();
    for needle in
        ["reader.of", "example.org", "correct horse", "duplicate key", "114, 101", "\u{1b}"]
    {
        assert!(!printed.contains(needle), "{needle}: {printed}");
    }
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 3, "an event is a line: {printed}");
    assert!(lines[0].contains(" info own: outer{mail=<EMAIL_ADDRESS> later=to <EMAIL_ADDRESS>}: "));
    assert!(
        lines[0]
            .ends_with("mail from <EMAIL_ADDRESS>\\nand a second line user=<EMAIL_ADDRESS> rows=3")
    );
    assert!(lines[1].contains("password=<withheld> raw=<bytes>"), "{printed}");
    assert!(
        lines[0].starts_with("20") && lines[0][..20].ends_with(":00Z"),
        "the minute: {printed}"
    );
    // A `fmt` layer of one's own prints them, so the test can fail.
    assert!(theirs.text().contains(MAIL) && theirs.text().contains("correct horse"));
}
