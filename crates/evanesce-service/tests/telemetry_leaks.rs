//! Personal data planted through `tracing` and through panics does not reach a store.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::fmt;
use std::sync::Arc;

use evanesce_core::{Clock, label};
use evanesce_detect::Scanner;
use evanesce_telemetry::{
    Level, LogSink, MemoryLogSink, MemoryMetricSink, Telemetry, TelemetryParts, Value,
    install_panic_hook,
};
use evanesce_testkit::ManualClock;
use tracing::{Level as TracingLevel, debug, error, info, info_span, span, warn};
use tracing_subscriber::layer::SubscriberExt;

const MAIL: &str = "reader.of.letters@example.org";
const IBAN: &str = "GB29NWBK60161331926819";
const CARD: u64 = 4_111_111_111_111_111;

struct Scene {
    logs: Arc<MemoryLogSink>,
    telemetry: Telemetry,
}

fn scene() -> Scene {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let logs = Arc::new(MemoryLogSink::new(clock.clone()));
    let telemetry = Telemetry::new(TelemetryParts {
        logs: logs.clone(),
        metrics: Arc::new(MemoryMetricSink::new(clock.clone())),
        sanitize: Arc::new(Scanner::default()),
        clock,
        capacity: 1000,
    });
    Scene { logs, telemetry }
}

impl Scene {
    // What the store has after `act` ran under the layer.
    async fn after(&self, act: impl FnOnce()) -> Vec<evanesce_telemetry::LogRecord> {
        let subscriber = tracing_subscriber::registry().with(self.telemetry.layer());
        tracing::subscriber::with_default(subscriber, act);
        self.telemetry.flush().await;
        self.logs.records()
    }

    async fn holds(&self, needle: &str) -> bool {
        self.logs.occurrences(needle).await.unwrap() > 0
    }
}

#[derive(Debug)]
struct Upstream;

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate key (mail)=({MAIL})")
    }
}

impl std::error::Error for Upstream {}

#[derive(Debug)]
#[allow(dead_code, reason = "it is there to be printed")]
struct Visit {
    mail: &'static str,
    account: &'static str,
}

#[tokio::test]
async fn neither_messages_nor_fields_nor_spans_carry_a_person() {
    let scene = scene();
    let records = scene
        .after(|| {
            let outer = info_span!("outer", mail = MAIL, later = tracing::field::Empty);
            let _outer = outer.enter();
            outer.record("later", format!("then {IBAN}"));
            let _inner =
                span!(TracingLevel::WARN, "inner", visit = ?Visit { mail: MAIL, account: IBAN })
                    .entered();
            info!("mail from {MAIL} about {IBAN}");
            warn!(%MAIL, account = %IBAN, "plain");
            error!(error = &Upstream as &dyn std::error::Error, "failed");
            error!(failure = %Upstream, "failed");
            debug!(card = CARD, ssn = 536_221_234, "numbers");
            debug!(wide = u128::from(CARD), float = CARD as f64, "wider numbers");
            info!(url = "https://example.org/?to=reader.of.letters%40example.org", "encoded");
            info!(raw = MAIL.as_bytes(), "bytes");
        })
        .await;
    assert_eq!(records.len(), 8);
    let card = CARD.to_string();
    for needle in [MAIL, IBAN, "reader.of", "letters%40", "NWBK", &card, "536221234"] {
        assert!(!scene.holds(needle).await, "{needle}");
    }
    // It is the sanitiser that did it, and it left the rest.
    assert!(scene.holds("mail from <EMAIL_ADDRESS> about <IBAN_CODE>").await);
    // The fields of both spans stand in each record.
    for record in &records {
        for name in ["mail", "later", "visit"] {
            assert!(record.fields().iter().any(|(n, _)| *n == name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_that_says_what_the_value_is_is_heard() {
    let scene = scene();
    let records = scene
        .after(|| {
            info!(password = "correct horse battery", "a");
            info!(Db_Password_2 = ?"correct horse", "b");
            info!(api_key = "q8Z1v0Lk2Xw9Rt5b", phone = "5550123456", "c");
        })
        .await;
    for needle in ["correct", "horse", "battery", "q8Z1v0Lk2Xw9Rt5b", "5550123456"] {
        assert!(!scene.holds(needle).await, "{needle}");
    }
    assert_eq!(records[0].fields()[1], ("password", Value::Word(label!("withheld"))));
}

#[tokio::test]
async fn what_is_no_ones_passes_as_it_is() {
    let scene = scene();
    let records = scene
        .after(|| {
            warn!(rows = 42, ratio = 0.5, done = true, big = 123_456_789_u64, "kept {}", "as is")
        })
        .await;
    let [record] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!((record.level(), record.event()), (Level::Warn, "telemetry_leaks"));
    assert_eq!(record.at().as_millis() % 60_000, 0);
    let field = |name| record.fields().iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
    assert_eq!(field("rows"), Some(Value::Integer(42)));
    assert_eq!(field("ratio"), Some(Value::Float(0.5)));
    assert_eq!(field("done"), Some(Value::Flag(true)));
    assert_eq!(field("big"), Some(Value::Integer(123_456_789)));
    assert!(matches!(field("message"), Some(Value::Text(text)) if text.as_str() == "kept as is"));
}

#[tokio::test]
async fn a_record_has_a_size() {
    let scene = scene();
    let long = "harmless words ".repeat(10_000);
    let part = "harmless words ".repeat(250);
    let records = scene
        .after(|| {
            info!(long, "too long");
            info!(debugged = ?long, "too long");
            info!(a = part, b = part, c = part, d = part, e = part, f = part, "much");
        })
        .await;
    let too_long = Value::Word(label!("too long"));
    assert_eq!(records[0].fields()[1].1, too_long);
    assert_eq!(records[1].fields()[1].1, too_long);
    let text: usize = records[2]
        .fields()
        .iter()
        .map(|(_, value)| if let Value::Text(text) = value { text.as_str().len() } else { 0 })
        .sum();
    assert!(text <= 16 * 1024);
    assert!(records[2].fields().iter().any(|(_, v)| *v == Value::Word(label!("left out"))));
}

#[tokio::test]
async fn a_panic_leaves_its_place_and_no_word_of_its_message() {
    let scene = scene();
    let before = std::panic::take_hook();
    install_panic_hook(&scene.telemetry);
    let caught = std::panic::catch_unwind(|| panic!("no letter for {MAIL}"));
    std::panic::set_hook(before);
    assert!(caught.is_err());
    scene.telemetry.flush().await;
    let records = scene.logs.records();
    let [record] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!((record.event(), record.level()), ("panic", Level::Error));
    assert_eq!(record.fields()[0], ("file", Value::Word(label!("telemetry_leaks.rs"))));
    assert!(matches!(record.fields()[1], ("line", Value::Integer(line)) if line > 0));
    assert!(!scene.holds("letter").await && !scene.holds(MAIL).await);
}

// Run by the test after it, in a process of its own whose output is read.
#[test]
#[ignore = "run by what_a_panic_prints in a process of its own"]
fn panics_with_a_message() {
    let scene = scene();
    install_panic_hook(&scene.telemetry);
    let _ = std::thread::spawn(|| panic!("no letter for {MAIL}")).join();
}

#[test]
fn what_a_panic_prints() {
    let run = |hook: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([hook, "--exact", "--include-ignored", "--nocapture"])
            .output()
            .unwrap();
        assert!(output.status.success());
        let (out, err) = (output.stdout, output.stderr);
        String::from_utf8([out, err].concat()).unwrap()
    };
    assert!(!run("panics_with_a_message").contains(MAIL));
    // Without the hook the message is there, so the test can fail.
    assert!(run("panics_without_the_hook").contains(MAIL));
}

#[test]
#[ignore = "run by what_a_panic_prints in a process of its own"]
fn panics_without_the_hook() {
    let _ = std::thread::spawn(|| panic!("no letter for {MAIL}")).join();
}
