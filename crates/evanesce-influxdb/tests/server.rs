//! The sink against the real server.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use bytes::Bytes;
use common::{fresh_namespace, minutes_ago};
use evanesce_core::{Clock, DataClass, ErrorKind, Label, Namespace, Reading, SystemClock};
use evanesce_influxdb::InfluxSink;
use evanesce_telemetry::{ItemOutcome, MetricPoint, MetricSink};
use evanesce_testkit::telemetry as suite;
use evanesce_tls::Tls;
use http::Request;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use server::{started_in, tls, token, url, variable};

async fn started() -> InfluxSink {
    started_in(&fresh_namespace()).await
}

/// Runs functions of the contract suite, each in a namespace and a bucket of its own.
macro_rules! contract {
    ($($name:ident($($argument:expr),*)),+ $(,)?) => {
        $(
            #[tokio::test]
            #[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
            async fn $name() {
                let sink = started().await;
                suite::$name(&sink, $($argument),*).await;
                sink.remove().await.unwrap();
            }
        )+
    };
}

contract! {
    metric_begins_empty(),
    metric_bounds_its_ceiling(),
    metric_counts_what_is_stored(SystemClock.now()),
    metric_enforces_by_age(SystemClock.now()),
    metric_finds_occurrences(SystemClock.now()),
    metric_tells_the_oldest(SystemClock.now()),
}

/// Writes one line to a namespace's own bucket. The sink writes floating-point numbers
/// only, so the point that another type conflicts with comes from elsewhere.
async fn write_line(namespace: &Namespace, line: String) {
    let url = url();
    let (base, query) = url.split_once('?').unwrap();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls().client_config().as_ref().clone())
        .https_only()
        .enable_http1()
        .build();
    let request = Request::post(format!("{base}/api/v2/write?{query}&bucket={namespace}-metrics"))
        .header("authorization", format!("Token {}", token()))
        .body(Full::new(Bytes::from(line)))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    assert_eq!(client.request(request).await.unwrap().status(), 204);
}

// A measurement has one type for each field within a shard, whatever the series.
#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn metric_refuses_by_item() {
    let (namespace, now) = (fresh_namespace(), SystemClock.now());
    let sink = InfluxSink::connect(&url(), &token(), &tls(), &namespace).unwrap();
    sink.start().await.unwrap();
    let nanos = now.as_millis() * 1_000_000;
    write_line(&namespace, format!("suite_bad,namespace=other value=1i {nanos}")).await;
    let bad = MetricPoint::new(now, "suite_bad").field("value", 1.5);
    suite::metric_refuses_by_item(&sink, now, bad).await;
    assert_eq!(sink.remove().await.unwrap(), 2);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn what_is_stored_is_counted_and_found() {
    let sink = started().await;
    assert_eq!(sink.count("sessions").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
    let batch = [
        MetricPoint::new(minutes_ago(3), "sessions")
            .tag("store", Label::new("planted a, b"))
            .field("open", 12.0)
            .field("closed", 4_111_111.5),
        MetricPoint::new(minutes_ago(2), "sessions")
            .tag("store", Label::new("redis"))
            .field("open", 1.0),
        MetricPoint::new(minutes_ago(1), "sessions more, \"${1}\"").field("open", 1.0),
        MetricPoint::new(minutes_ago(1), "sessions ${1}=more").field("planted", 1.0),
    ];
    let (stored, refused) = (ItemOutcome::Stored, ItemOutcome::Refused);
    assert_eq!(sink.write(&batch).await.unwrap().outcomes, [stored, stored, refused, stored]);
    for (measurement, points) in
        [("sessions", 2), ("sessions ${1}=more", 1), ("sessions more, \"${1}\"", 0), ("\") //", 0)]
    {
        assert_eq!(sink.count(measurement).await.unwrap(), points, "{measurement}");
    }
    for (needle, points) in [
        ("planted", 2),
        ("planted a, b", 1),
        ("4111111", 1),
        ("closed", 1),
        ("open", 2),
        ("store", 2),
        ("sessions", 3),
        ("namespace", 0),
        ("not there", 0),
    ] {
        assert_eq!(sink.occurrences(needle).await.unwrap(), points, "{needle}");
    }
    assert_eq!(sink.occurrences("").await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(sink.oldest().await.unwrap(), Some(batch[0].at()));
    assert_eq!(sink.remove().await.unwrap(), 3);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn two_points_of_one_series_and_minute_are_two() {
    let sink = started().await;
    let point = MetricPoint::new(minutes_ago(1), "sessions").field("open", 1.0);
    sink.write(&[point.clone(), point.clone()]).await.unwrap();
    sink.write(&[point]).await.unwrap();
    assert_eq!(sink.count("sessions").await.unwrap(), 3);
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn what_is_too_old_for_the_bucket_is_refused_alone() {
    let sink = started().await;
    let old = MetricPoint::new(minutes_ago(200 * 24 * 60), "sessions").field("open", 1.0);
    let new = MetricPoint::new(minutes_ago(1), "sessions").field("open", 1.0);
    let mut batch = vec![new; 7];
    batch[4] = old;
    let outcomes = sink.write(&batch).await.unwrap().outcomes;
    let expected: Vec<_> = (0..7)
        .map(|place| if place == 4 { ItemOutcome::Refused } else { ItemOutcome::Stored })
        .collect();
    assert_eq!(outcomes, expected);
    assert_eq!(sink.count("sessions").await.unwrap(), 6, "halving stored nothing twice");
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn points_at_or_before_the_instant_go_and_no_others() {
    let sink = started().await;
    let at = [minutes_ago(12), minutes_ago(11), minutes_ago(10)];
    let batch = at.map(|at| MetricPoint::new(at, "sessions").field("open", 1.0).field("b", 2.0));
    sink.write(&batch).await.unwrap();
    assert_eq!(sink.enforce(minutes_ago(60)).await.unwrap(), 0);
    assert_eq!(sink.enforce(at[1]).await.unwrap(), 2);
    assert_eq!(sink.count("sessions").await.unwrap(), 1);
    assert_eq!(sink.oldest().await.unwrap(), Some(at[2]));
    assert_eq!(sink.enforce(at[1]).await.unwrap(), 0);
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn namespaces_within_one_bucket_are_apart() {
    let url = variable("EVANESCE_INFLUXDB_URL");
    assert!(url.contains("bucket="), "this test shares the bucket that the URL names");
    let connect = || InfluxSink::connect(&url, &token(), &tls(), &fresh_namespace()).unwrap();
    let (ours, theirs) = (connect(), connect());
    ours.start().await.unwrap();
    let point = MetricPoint::new(minutes_ago(5), "sessions").field("open", 1.0);
    ours.write(std::slice::from_ref(&point)).await.unwrap();
    theirs.write(&[point.clone(), point]).await.unwrap();
    assert_eq!(ours.count("sessions").await.unwrap(), 1);
    assert_eq!(theirs.occurrences("sessions").await.unwrap(), 2);
    assert_eq!(theirs.enforce(minutes_ago(5)).await.unwrap(), 2);
    assert_eq!(ours.count("sessions").await.unwrap(), 1);
    assert_eq!(ours.remove().await.unwrap(), 1);
    assert_eq!(theirs.remove().await.unwrap(), 0);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_bucket_made_here_keeps_its_ceiling() {
    let sink = started().await;
    sink.start().await.unwrap();
    let ceiling = sink.ceiling(Duration::ZERO, Duration::ZERO).await.unwrap();
    assert!(ceiling.keeps(DataClass::Operational.ceiling()), "{ceiling:?}");
    assert!(ceiling.worst.unwrap() > DataClass::Operational.ceiling() - Duration::from_secs(7200));
    sink.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
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
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn an_incarnation_is_a_bucket_while_the_server_runs() {
    let (one, other) = (started().await, started().await);
    let incarnation = one.incarnation().await.unwrap();
    assert_eq!(one.incarnation().await.unwrap(), incarnation);
    assert_ne!(other.incarnation().await.unwrap(), incarnation);
    one.remove().await.unwrap();
    other.remove().await.unwrap();
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_bucket_that_is_not_there_is_missing() {
    let sink = InfluxSink::connect(&url(), &token(), &tls(), &fresh_namespace()).unwrap();
    let point = MetricPoint::new(minutes_ago(1), "sessions").field("open", 1.0);
    assert_eq!(sink.write(&[point]).await.unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(sink.count("sessions").await.unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(sink.incarnation().await.unwrap_err().kind(), ErrorKind::Missing);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_wrong_token_is_authentication_and_is_not_shown() {
    let sink = InfluxSink::connect(&url(), "hunter2", &tls(), &fresh_namespace()).unwrap();
    let point = MetricPoint::new(minutes_ago(1), "sessions").field("open", 1.0);
    for error in [sink.start().await.unwrap_err(), sink.write(&[point]).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let printed = format!("{error} {error:?} {sink:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("localhost"), "{printed}");
    }
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_server_of_an_unknown_ca_is_not_spoken_with() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let path = folder.path().join("ca.crt");
    std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
    let foreign = Tls::builder().ca_file(path).build().unwrap();
    let sink = InfluxSink::connect(&url(), &token(), &foreign, &fresh_namespace()).unwrap();
    let error = sink.start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.sentence(), "the server's certificate is not trusted");
}
