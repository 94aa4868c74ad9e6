//! The sink against the real server.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use common::{fresh_namespace, record};
use elasticsearch::http::Method;
use evanesce_core::{
    Clock, ErrorKind, Label, Namespace, Reading, Sanitize, SystemClock, Timestamp,
};
use evanesce_elasticsearch::ElasticsearchSink;
use evanesce_telemetry::{ItemOutcome, Level, LogRecord, LogSink, Sanitized, Value};
use evanesce_testkit::telemetry as suite;
use evanesce_tls::Tls;
use serde_json::json;
use server::{send, started_in, tls, transport, url, variable};

struct Plain;

impl Sanitize for Plain {
    fn sanitize(&self, text: &str) -> String {
        text.to_owned()
    }
}

async fn started() -> ElasticsearchSink {
    started_in(&fresh_namespace()).await
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Runs functions of the contract suite, each in a namespace of its own.
macro_rules! contract {
    ($($name:ident($($argument:expr),*)),+ $(,)?) => {
        $(
            #[tokio::test]
            #[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
            async fn $name() {
                let sink = started().await;
                suite::$name(&sink, $($argument),*).await;
                sink.remove().await.unwrap();
            }
        )+
    };
}

contract! {
    log_begins_empty(),
    log_bounds_its_ceiling(),
    log_counts_what_is_stored(SystemClock.now()),
    log_enforces_by_age(SystemClock.now()),
    log_finds_occurrences(SystemClock.now()),
    log_tells_the_oldest(SystemClock.now()),
}

/// Makes the index of the day as one that knew no messages would have it. The sink
/// refuses nothing that its own mapping takes, so the server has to differ.
async fn make_index_without_messages(namespace: &Namespace, day: Timestamp) {
    let (year, month, day) = day.date().parts();
    let alias = format!("{namespace}-logs");
    let body = json!({
        "aliases": { alias.as_str(): {} },
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "@timestamp": { "type": "date" },
                "level": { "type": "keyword" },
                "event": { "type": "keyword" },
            },
        },
    });
    let path = format!("{alias}-{year:04}.{month:02}.{day:02}");
    let (status, _) = send(&transport(), Method::Put, &path, Some(body)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn log_refuses_by_item() {
    let (namespace, now) = (fresh_namespace(), SystemClock.now());
    make_index_without_messages(&namespace, now).await;
    let sink = ElasticsearchSink::connect(&url(), &tls(), &namespace).unwrap();
    sink.start().await.unwrap();
    let message = Value::Text(Sanitized::new("words", &Plain));
    let bad = LogRecord::new(now, Level::Info, "suite.bad").with("message", message);
    suite::log_refuses_by_item(&sink, now, bad).await;
    assert_eq!(sink.remove().await.unwrap(), 2);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn what_is_stored_is_counted_and_found() {
    let sink = started().await;
    assert_eq!(sink.count("a.event").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
    let text = |text: &str| Value::Text(Sanitized::new(text, &Plain));
    let batch = [
        record("2026-11-24T10:15:30Z", "a.event").with("message", text("planted-in \"message\"")),
        record("2026-11-24T10:16:00Z", "a.event").with("detail", text("planted-in\ndetail ü")),
        record("2026-11-23T23:59:59Z", "a.event.more")
            .with("word", Value::Word(Label::new("planted-in word")))
            .with("millis", Value::Integer(4_111_111)),
    ];
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(written.outcomes, [ItemOutcome::Stored; 3]);
    assert_eq!(sink.count("a.event").await.unwrap(), 2, "the exact name only");
    assert_eq!(sink.count("a.event.more").await.unwrap(), 1);
    for (needle, times) in [
        ("planted-in", 3),
        ("in \"message\"", 1),
        ("in\ndetail ü", 1),
        ("4111111", 1),
        ("millis", 1),
        ("not there", 0),
    ] {
        assert_eq!(sink.occurrences(needle).await.unwrap(), times, "{needle}");
    }
    assert_eq!(sink.occurrences("").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(sink.oldest().await.unwrap(), Some(instant("2026-11-23T23:59:00Z")));
    assert_eq!(sink.remove().await.unwrap(), 3);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_whole_day_goes_when_its_first_instant_is_old_enough() {
    let sink = started().await;
    let batch = [
        record("2026-08-01T00:00:00Z", "a.event"),
        record("2026-08-01T23:59:00Z", "a.event"),
        record("2026-08-02T00:00:00Z", "a.event"),
    ];
    sink.write(&batch).await.unwrap();
    assert_eq!(sink.enforce(instant("2026-07-31T23:59:59Z")).await.unwrap(), 0);
    assert_eq!(sink.count("a.event").await.unwrap(), 3);
    assert_eq!(sink.enforce(instant("2026-08-01T00:00:00Z")).await.unwrap(), 2);
    assert_eq!(sink.count("a.event").await.unwrap(), 1);
    assert_eq!(sink.oldest().await.unwrap(), Some(instant("2026-08-02T00:00:00Z")));
    assert_eq!(sink.enforce(instant("2026-08-01T00:00:00Z")).await.unwrap(), 0);
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_record_from_the_future_does_not_outlive_the_policy() {
    let sink = started().await;
    sink.write(&[record("9998-01-01T00:00:00Z", "a.event")]).await.unwrap();
    // The server's own clock says when the index was made, so this holds from now on.
    let later = instant("9000-01-01T00:00:00Z");
    assert_eq!(sink.enforce(later).await.unwrap(), 1);
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_namespace_does_not_touch_another_that_begins_alike() {
    let name = fresh_namespace();
    let longer = evanesce_core::Namespace::new(&format!("{name}-logs")).unwrap();
    let short = ElasticsearchSink::connect(&url(), &tls(), &name).unwrap();
    let long = ElasticsearchSink::connect(&url(), &tls(), &longer).unwrap();
    short.start().await.unwrap();
    long.start().await.unwrap();
    long.write(&[record("2026-11-24T10:15:30Z", "a.event")]).await.unwrap();
    assert_eq!(short.count("a.event").await.unwrap(), 0);
    assert_eq!(short.remove().await.unwrap(), 0);
    assert_eq!(long.remove().await.unwrap(), 1);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn an_index_that_takes_unknown_fields_is_not_started_upon() {
    let name = fresh_namespace();
    let sink = ElasticsearchSink::connect(&url(), &tls(), &name).unwrap();
    // Written before the template was there, so that the server guessed a mapping.
    sink.write(&[record("2026-11-24T10:15:30Z", "a.event")]).await.unwrap();
    let error = sink.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.setting(), Some("dynamic mapping of the existing index"));
    assert_eq!(sink.remove().await.unwrap(), 1);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_large_batch_is_stored_and_read_through_in_pages() {
    let sink = started().await;
    let batch = vec![record("2026-11-24T10:15:30Z", "a.event"); 1203];
    assert_eq!(sink.write(&batch).await.unwrap().outcomes, [ItemOutcome::Stored; 1203]);
    assert_eq!(sink.count("a.event").await.unwrap(), 1203);
    assert_eq!(sink.occurrences("a.event").await.unwrap(), 1203);
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn the_incarnation_stays_while_the_server_runs() {
    let sink = started().await;
    assert_eq!(sink.incarnation().await.unwrap(), sink.incarnation().await.unwrap());
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn the_checks_tell_the_connection_and_the_version() {
    let sink = started().await;
    let checks = sink.checks(&SystemClock).await;
    let told: Vec<_> =
        checks.iter().map(|check| (check.fact().as_str(), check.reading())).collect();
    assert_eq!(told[0], ("connection encrypted", Some(&Reading::Holds(true))));
    assert!(matches!(told[1], ("server version", Some(Reading::Word(_)))), "{told:?}");
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn the_ceiling_is_age_and_one_interval() {
    let sink = started().await;
    let (age, interval) = (Duration::from_secs(89 * 86_400), Duration::from_secs(86_400));
    let ceiling = sink.ceiling(age, interval).await.unwrap();
    assert_eq!(ceiling.worst, Some(Duration::from_secs(90 * 86_400)));
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_wrong_password_is_authentication_and_is_not_shown() {
    let url = url();
    let (user, rest) = url.split_once("://").unwrap().1.split_once(':').unwrap();
    let host = rest.split_once('@').unwrap().1;
    let wrong = format!("https://{user}:hunter2@{host}");
    let sink = ElasticsearchSink::connect(&wrong, &tls(), &fresh_namespace()).unwrap();
    for error in [
        sink.start().await.unwrap_err(),
        sink.write(&[record("2026-11-24T10:15:30Z", "a.event")]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let printed = format!("{error} {error:?} {sink:?}");
        assert!(!printed.contains("hunter2") && !printed.contains(host), "{printed}");
    }
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_server_of_an_unknown_ca_is_not_spoken_with() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let path = folder.path().join("ca.crt");
    std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
    let foreign = Tls::builder().ca_file(path).build().unwrap();
    let sink = ElasticsearchSink::connect(&url(), &foreign, &fresh_namespace()).unwrap();
    let error = sink.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.sentence(), "the server's certificate is not trusted");
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_client_identity_goes_together_with_a_password() {
    for name in ["EVANESCE_TLS_CERT", "EVANESCE_TLS_KEY"] {
        variable(name);
    }
    let tls = Tls::from_env().unwrap();
    assert!(tls.identity_pem().is_some());
    let sink = ElasticsearchSink::connect(&url(), &tls, &fresh_namespace()).unwrap();
    sink.start().await.unwrap();
    sink.remove().await.unwrap();
}
