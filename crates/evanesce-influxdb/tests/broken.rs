//! The real server behind a way that breaks, and servers whose certificates are worth nothing.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;
#[path = "../../evanesce-elasticsearch/tests/common/proxy.rs"]
mod proxy;
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use common::{fresh_namespace, minutes_ago};
use evanesce_core::{Clock, Error, ErrorKind, Namespace, SystemClock};
use evanesce_influxdb::InfluxSink;
use evanesce_telemetry::{ItemOutcome, MetricPoint, MetricSink};
use evanesce_tls::Tls;
use proxy::{Break, Proxy, Wrong, paused, server_with};
use server::{host, started_in, tls, token, url};

/// A sink that reaches the real server through a proxy.
fn through(proxy: &Proxy, namespace: &Namespace) -> InfluxSink {
    let url = url().replace(&host(), &format!("localhost:{}", proxy.port));
    InfluxSink::connect(&url, &token(), &tls(), namespace).unwrap()
}

fn batch(points: usize) -> Vec<MetricPoint> {
    vec![MetricPoint::new(minutes_ago(1), "sessions").field("open", 1.0); points]
}

fn assert_discreet(error: Error) {
    let printed = format!("{error} {error:?}");
    assert!(!printed.contains(&token()) && !printed.contains(&host()), "{printed}");
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_batch_that_is_cut_off_half_way_is_stored_once() {
    let namespace = fresh_namespace();
    let direct = started_in(&namespace).await;
    // A batch of 600 takes about 45 kB.
    let proxy = Proxy::to(&host(), 1, Break::Cut(20_000));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(600)).await.unwrap().outcomes, [ItemOutcome::Stored; 600]);
    assert_eq!(proxy.broken(), 1, "it was cut off");
    assert_eq!(direct.count("sessions").await.unwrap(), 600);
    // Where every attempt is cut off, nothing is said to be stored.
    let proxy = Proxy::to(&host(), usize::MAX, Break::Cut(20_000));
    let error = through(&proxy, &namespace).write(&batch(600)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    assert_discreet(error);
    assert_eq!(proxy.broken(), 2);
    assert_eq!(direct.count("sessions").await.unwrap(), 600);
    assert_eq!(direct.remove().await.unwrap(), 600);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_batch_whose_answer_is_lost_is_stored_once() {
    let namespace = fresh_namespace();
    let direct = started_in(&namespace).await;
    let proxy = Proxy::to(&host(), 1, Break::Deaf(20_000));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(600)).await.unwrap().outcomes, [ItemOutcome::Stored; 600]);
    assert_eq!(proxy.broken(), 1, "the first answer was lost");
    assert_eq!(direct.count("sessions").await.unwrap(), 600, "stored twice is stored once");
    assert_eq!(direct.remove().await.unwrap(), 600);
}

#[tokio::test]
#[ignore = "needs InfluxDB: cargo xtask services up influxdb"]
async fn a_slow_way_takes_its_time_and_loses_nothing() {
    let namespace = fresh_namespace();
    let direct = started_in(&namespace).await;
    let proxy = Proxy::to(&host(), 0, Break::Slow(Duration::from_millis(20)));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(100)).await.unwrap().outcomes, [ItemOutcome::Stored; 100]);
    assert!(proxy.broken() > 1);
    assert_eq!(direct.count("sessions").await.unwrap(), 100);
    // Slower than is waited for, it may have been stored, and nobody says that it was.
    let sink = through(&proxy, &namespace).with_timeout(Duration::from_millis(30));
    let error = sink.write(&batch(100)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unconfirmed | ErrorKind::Unavailable), "{error}");
    assert_discreet(error);
    direct.remove().await.unwrap();
}

#[tokio::test]
async fn a_paused_server_is_not_waited_for_longer_than_is_allowed() {
    let (address, _listener) = paused();
    let tls = Tls::plaintext_loopback().unwrap();
    let url = format!("http://{address}?org=o&bucket=b");
    let sink = InfluxSink::connect(&url, "hunter2", &tls, &fresh_namespace()).unwrap();
    let sink = sink.with_timeout(Duration::from_millis(200));
    let start = SystemClock.monotonic();
    let error = sink.count("m").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(sink.write(&batch(2)).await.unwrap_err().kind(), ErrorKind::Unconfirmed);
    assert!(SystemClock.monotonic() - start < Duration::from_secs(5));
    assert!(!format!("{error} {error:?} {sink:?}").contains("hunter2"));
}

#[tokio::test]
async fn an_expired_or_foreign_certificate_is_not_spoken_with() {
    const ANSWER: &str =
        "HTTP/1.1 204 No Content\r\nx-influxdb-version: v2\r\ncontent-length: 0\r\n\r\n";
    for (wrong, kind) in [
        (Wrong::Expired, Some(ErrorKind::Authentication)),
        (Wrong::Foreign, Some(ErrorKind::Authentication)),
        (Wrong::Nothing, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (port, file) = server_with(wrong, folder.path(), ANSWER);
        let tls = Tls::builder().ca_file(file).build().unwrap();
        let url = format!("https://localhost:{port}?org=o&bucket=b");
        let sink = InfluxSink::connect(&url, "hunter2", &tls, &fresh_namespace()).unwrap();
        let answer = sink.write(&batch(1)).await;
        assert_eq!(answer.err().map(|error| error.kind()), kind, "{wrong:?}");
    }
}
