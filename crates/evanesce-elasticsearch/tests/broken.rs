//! The real server behind a way that breaks, a server that is full, and servers whose
//! certificates are worth nothing.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use common::{fresh_namespace, record};
use elasticsearch::http::Method;
use evanesce_core::{Clock, Error, ErrorKind, Namespace, SystemClock};
use evanesce_elasticsearch::ElasticsearchSink;
use evanesce_telemetry::{ItemOutcome, LogRecord, LogSink};
use evanesce_tls::Tls;
use proxy::{Break, Proxy, Wrong, paused, server_with};
use serde_json::json;
use server::{parts, send, started_in, tls, transport};

const DAY: &str = "2026-11-24T10:15:30Z";

/// A sink that reaches the real server through a proxy.
fn through(proxy: &Proxy, namespace: &Namespace) -> ElasticsearchSink {
    let (user, password, _) = parts();
    let url = format!("https://{user}:{password}@localhost:{}", proxy.port);
    ElasticsearchSink::connect(&url, &tls(), namespace).unwrap()
}

fn batch(records: usize) -> Vec<LogRecord> {
    vec![record(DAY, "a.event"); records]
}

fn assert_discreet(error: Error) {
    let (_, password, host) = parts();
    let printed = format!("{error} {error:?}");
    assert!(!printed.contains(&password) && !printed.contains(&host), "{printed}");
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_bulk_that_is_cut_off_half_way_is_stored_once() {
    let (namespace, (_, _, host)) = (fresh_namespace(), parts());
    let direct = started_in(&namespace).await;
    // A batch of 400 takes about 60 kB.
    let proxy = Proxy::to(&host, 1, Break::Cut(30_000));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(400)).await.unwrap().outcomes, [ItemOutcome::Stored; 400]);
    assert_eq!(proxy.broken(), 1, "it was cut off");
    assert_eq!(direct.count("a.event").await.unwrap(), 400);
    // Where every attempt is cut off, nothing is said to be stored.
    let proxy = Proxy::to(&host, usize::MAX, Break::Cut(30_000));
    let error = through(&proxy, &namespace).write(&batch(400)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    assert_discreet(error);
    assert_eq!(proxy.broken(), 2);
    assert_eq!(direct.count("a.event").await.unwrap(), 400);
    assert_eq!(direct.remove().await.unwrap(), 400);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_bulk_whose_answer_is_lost_is_stored_once() {
    let (namespace, (_, _, host)) = (fresh_namespace(), parts());
    let direct = started_in(&namespace).await;
    let proxy = Proxy::to(&host, 1, Break::Deaf(30_000));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(400)).await.unwrap().outcomes, [ItemOutcome::Stored; 400]);
    assert_eq!(proxy.broken(), 1, "the first answer was lost");
    assert_eq!(direct.count("a.event").await.unwrap(), 400, "stored twice is stored once");
    assert_eq!(direct.remove().await.unwrap(), 400);
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_slow_way_takes_its_time_and_loses_nothing() {
    let (namespace, (_, _, host)) = (fresh_namespace(), parts());
    let direct = started_in(&namespace).await;
    let proxy = Proxy::to(&host, 0, Break::Slow(Duration::from_millis(20)));
    let sink = through(&proxy, &namespace);
    assert_eq!(sink.write(&batch(100)).await.unwrap().outcomes, [ItemOutcome::Stored; 100]);
    assert!(proxy.broken() > 1);
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
    let url = format!("http://user:hunter2@{address}");
    let tls = Tls::plaintext_loopback().unwrap();
    let sink = ElasticsearchSink::connect(&url, &tls, &fresh_namespace()).unwrap();
    let sink = sink.with_timeout(Duration::from_millis(200));
    let start = SystemClock.monotonic();
    let error = sink.count("a.event").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(sink.write(&batch(2)).await.unwrap_err().kind(), ErrorKind::Unconfirmed);
    assert!(SystemClock.monotonic() - start < Duration::from_secs(5));
    assert!(!format!("{error} {error:?} {sink:?}").contains("hunter2"));
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_full_disk_keeps_records_for_later() {
    let (namespace, server) = (fresh_namespace(), transport());
    let sink = started_in(&namespace).await;
    assert_eq!(sink.write(&batch(1)).await.unwrap().outcomes, [ItemOutcome::Stored]);
    // What the server does to an index by itself at the flood-stage watermark.
    let path = format!("{namespace}-logs-2026.11.24/_settings");
    let block = |on: Option<bool>| Some(json!({ "index.blocks.read_only_allow_delete": on }));
    assert_eq!(send(&server, Method::Put, &path, block(Some(true))).await.0, 200);
    let full = sink.write(&batch(3)).await.unwrap();
    assert!(full.outcomes.iter().all(|it| matches!(it, ItemOutcome::Retry(_))), "{full:?}");
    // What is too old can be removed even so: a full disk hinders no erasure.
    let other = [record("2026-08-01T00:00:00Z", "a.event")];
    assert_eq!(sink.write(&other).await.unwrap().outcomes, [ItemOutcome::Stored]);
    assert_eq!(sink.enforce("2026-08-01T00:00:00Z".parse().unwrap()).await.unwrap(), 1);
    assert_eq!(send(&server, Method::Put, &path, block(None)).await.0, 200);
    assert_eq!(sink.write(&batch(3)).await.unwrap().outcomes, [ItemOutcome::Stored; 3]);
    assert_eq!(sink.count("a.event").await.unwrap(), 4);
    assert_eq!(send(&server, Method::Put, &path, block(Some(true))).await.0, 200);
    assert_eq!(sink.remove().await.unwrap(), 4, "and so can the whole");
}

#[tokio::test]
async fn an_expired_or_foreign_certificate_is_not_spoken_with() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nx-elastic-product: Elasticsearch\r\ncontent-length: 37\r\n\r\n{\"_shards\":{\"failed\":0},\"count\":1000}";
    for (wrong, kind) in [
        (Wrong::Expired, Some(ErrorKind::Authentication)),
        (Wrong::Foreign, Some(ErrorKind::Authentication)),
        (Wrong::Nothing, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (port, file) = server_with(wrong, folder.path(), ANSWER);
        let tls = Tls::builder().ca_file(file).build().unwrap();
        let url = format!("https://user:hunter2@localhost:{port}");
        let sink = ElasticsearchSink::connect(&url, &tls, &fresh_namespace()).unwrap();
        let answer = sink.count("a.event").await;
        assert_eq!(answer.err().map(|error| error.kind()), kind, "{wrong:?}");
    }
}
