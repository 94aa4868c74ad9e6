//! Servers that refuse, lie or fall silent. These need no Elasticsearch.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::{fresh_namespace, record};
use evanesce_core::{Code, Error, ErrorKind, StoreKind};
use evanesce_elasticsearch::ElasticsearchSink;
use evanesce_telemetry::{ItemOutcome, LogRecord, LogSink};
use evanesce_testkit::peer::{Peer, Reply};
use evanesce_tls::Tls;

const PRODUCT: &str = "x-elastic-product: Elasticsearch\r\n";

fn sink(address: &str) -> ElasticsearchSink {
    let tls = Tls::plaintext_loopback().unwrap();
    let url = format!("http://user:hunter2@{address}");
    ElasticsearchSink::connect(&url, &tls, &fresh_namespace()).unwrap()
}

fn batch(records: usize) -> Vec<LogRecord> {
    vec![record("2026-11-24T22:38:00Z", "a.event"); records]
}

fn items(statuses: &[u16]) -> String {
    let items: Vec<_> =
        statuses.iter().map(|status| format!(r#"{{"create":{{"status":{status}}}}}"#)).collect();
    format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(","))
}

fn assert_discreet(error: Error) {
    let printed = format!("{error} {error:?}");
    for secret in ["hunter2", "127.0.0.1", "http://", "leaked"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn each_document_has_its_own_outcome() {
    let peer = Peer::start(vec![Reply::Http(200, PRODUCT, items(&[201, 429, 400, 409, 503, 500]))]);
    let written = sink(&peer.address).write(&batch(6)).await.unwrap();
    let retry = ItemOutcome::Retry(Duration::from_secs(1));
    let (stored, refused) = (ItemOutcome::Stored, ItemOutcome::Refused);
    assert_eq!(written.outcomes, [stored, retry, refused, stored, retry, retry]);
}

#[tokio::test]
async fn a_busy_server_is_given_the_time_it_asks_for() {
    for (status, header, wait) in [
        (429, "x-elastic-product: Elasticsearch\r\nretry-after: 7\r\n", 7),
        (503, "x-elastic-product: Elasticsearch\r\nretry-after: 86400\r\n", 300),
        (503, PRODUCT, 1),
    ] {
        let peer = Peer::start(vec![Reply::Http(status, header, "{}".into())]);
        let written = sink(&peer.address).write(&batch(2)).await.unwrap();
        assert_eq!(written.outcomes, [ItemOutcome::Retry(Duration::from_secs(wait)); 2]);
    }
}

#[tokio::test]
async fn a_lost_acknowledgement_is_asked_for_once_more_with_the_same_ids() {
    let peer = Peer::start(vec![Reply::Nothing, Reply::Http(200, PRODUCT, items(&[409, 201]))]);
    let written = sink(&peer.address).write(&batch(2)).await.unwrap();
    assert_eq!(written.outcomes, [ItemOutcome::Stored; 2]);
    let requests = peer.requests.lock().unwrap();
    let bodies: Vec<_> =
        requests.iter().map(|request| request.split_once("\n\n").unwrap().1).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    assert!(bodies[0].contains("_id"));
}

#[tokio::test]
async fn a_write_that_nobody_acknowledges_is_unconfirmed() {
    for reply in [
        Reply::Nothing,
        Reply::Http(200, PRODUCT, items(&[201])),
        Reply::Http(200, PRODUCT, "leaked {".into()),
        Reply::Http(200, PRODUCT, r#"{"items":[{"create":{}},{"create":{}}]}"#.into()),
    ] {
        let peer = Peer::start(vec![reply]);
        let error = sink(&peer.address).write(&batch(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unconfirmed);
        assert_discreet(error);
    }
}

#[tokio::test]
async fn every_refusal_of_the_server_has_its_kind() {
    for (status, kind) in [
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::Authentication),
        (413, ErrorKind::Invalid),
        (500, ErrorKind::Unavailable),
    ] {
        let body = r#"{"error":{"reason":"leaked"}}"#;
        let peer = Peer::start(vec![Reply::Http(status, PRODUCT, body.into())]);
        let sink = sink(&peer.address);
        for error in [sink.write(&batch(1)).await.unwrap_err(), sink.start().await.unwrap_err()] {
            assert_eq!((error.kind(), error.store()), (kind, StoreKind::Elasticsearch), "{status}");
            assert_eq!(error.code(), Some(Code::Http(status)));
            assert_discreet(error);
        }
    }
}

#[tokio::test]
async fn a_user_who_may_write_nothing_is_not_told_that_the_records_are_bad() {
    let peer = Peer::start(vec![Reply::Http(200, PRODUCT, items(&[403, 403]))]);
    let error = sink(&peer.address).write(&batch(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
}

#[tokio::test]
async fn another_product_is_not_spoken_with() {
    for headers in ["", "x-elastic-product: Other\r\n"] {
        let peer = Peer::start(vec![Reply::Http(200, headers, "{}".into())]);
        let sink = sink(&peer.address);
        assert_eq!(sink.start().await.unwrap_err().kind(), ErrorKind::Foreign);
        assert_eq!(sink.count("a.event").await.unwrap_err().kind(), ErrorKind::Foreign);
    }
}

#[tokio::test]
async fn an_answer_from_another_address_is_refused() {
    let other = Peer::start(vec![Reply::Http(200, PRODUCT, "{}".into())]);
    let location: &'static str =
        format!("location: http://{}/_search\r\n{PRODUCT}", other.address).leak();
    let peer = Peer::start(vec![Reply::Http(307, location, String::new())]);
    let error = sink(&peer.address).oldest().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Foreign);
    let password = other.requests.lock().unwrap().iter().any(|r| r.contains("authorization"));
    assert!(!password, "the password follows no redirect to another address");
}

#[tokio::test]
async fn an_answer_of_some_shards_is_no_answer() {
    let body = r#"{"_shards":{"total":2,"successful":1,"failed":1},"count":3}"#;
    let peer = Peer::start(vec![Reply::Http(200, PRODUCT, body.into())]);
    let error = sink(&peer.address).count("a.event").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_closed_port_is_unavailable() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sink = sink(&address.to_string());
    for error in [sink.write(&batch(1)).await.unwrap_err(), sink.start().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_discreet(error);
    }
}

#[tokio::test]
async fn nothing_that_is_sent_describes_this_program() {
    let peer = Peer::start(vec![Reply::Http(200, PRODUCT, items(&[201]))]);
    let sink = sink(&peer.address);
    sink.write(&batch(1)).await.unwrap();
    assert!(!format!("{sink:?}").contains("hunter2"));
    let requests = peer.requests.lock().unwrap();
    assert!(!requests[0].to_lowercase().contains("x-elastic-client-meta"), "{}", requests[0]);
}

#[tokio::test]
async fn an_empty_batch_is_not_sent() {
    let peer = Peer::start(vec![Reply::Nothing]);
    assert_eq!(sink(&peer.address).write(&[]).await.unwrap().outcomes, []);
    assert!(peer.requests.lock().unwrap().is_empty());
}
