//! Servers that refuse, lie or fall silent. These need no InfluxDB.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use common::{fresh_namespace, minutes_ago};
use evanesce_core::{Clock, Code, Error, ErrorKind, Label, StoreKind, SystemClock, Timestamp};
use evanesce_influxdb::InfluxSink;
use evanesce_telemetry::{ItemOutcome, MetricPoint, MetricSink};
use evanesce_testkit::peer::{Peer, Reply};
use evanesce_tls::Tls;

const PRODUCT: &str = "x-influxdb-version: v2\r\n";

fn sink(address: &str) -> InfluxSink {
    let tls = Tls::plaintext_loopback().unwrap();
    let url = format!("http://{address}?org=o&bucket=b");
    InfluxSink::connect(&url, "hunter2", &tls, &fresh_namespace()).unwrap()
}

fn batch(points: usize) -> Vec<MetricPoint> {
    vec![MetricPoint::new(minutes_ago(1), "m").field("f", 1.0); points]
}

fn http(status: u16) -> Reply {
    Reply::Http(status, PRODUCT, r#"{"message":"leaked"}"#.into())
}

fn assert_discreet(error: Error) {
    let printed = format!("{error} {error:?}");
    for secret in ["hunter2", "127.0.0.1", "http://", "leaked"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn the_point_that_the_server_refuses_is_found_in_halves() {
    // All four, the first two, the last two, the third, the fourth.
    let script = [422, 204, 422, 400, 204].map(http).to_vec();
    let peer = Peer::start(script);
    let written = sink(&peer.address).write(&batch(4)).await.unwrap();
    let (stored, refused) = (ItemOutcome::Stored, ItemOutcome::Refused);
    assert_eq!(written.outcomes, [stored, stored, refused, stored]);
    let requests = peer.requests.lock().unwrap();
    let lines: Vec<Vec<String>> = requests
        .iter()
        .map(|request| request.split_once("\n\n").unwrap().1.lines().map(str::to_owned).collect())
        .collect();
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 2, 1, 1]);
    assert_eq!(lines[0][..2], lines[1], "the same points at the same times");
    assert_eq!(lines[0][3..], lines[4]);
}

#[tokio::test]
async fn a_busy_server_is_given_the_time_it_asks_for() {
    for (status, header, wait) in [
        (429, "x-influxdb-version: v2\r\nretry-after: 7\r\n", 7),
        (503, "x-influxdb-version: v2\r\nretry-after: 86400\r\n", 300),
        (503, PRODUCT, 1),
    ] {
        let peer = Peer::start(vec![Reply::Http(status, header, String::new())]);
        let written = sink(&peer.address).write(&batch(2)).await.unwrap();
        assert_eq!(written.outcomes, [ItemOutcome::Retry(Duration::from_secs(wait)); 2]);
    }
}

#[tokio::test]
async fn a_server_that_fails_after_a_part_was_stored_has_the_rest_sent_again() {
    let peer = Peer::start([422, 204, 500].map(http).to_vec());
    let written = sink(&peer.address).write(&batch(2)).await.unwrap();
    let retry = ItemOutcome::Retry(Duration::from_secs(1));
    assert_eq!(written.outcomes, [ItemOutcome::Stored, retry]);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_asked_for_once_more_with_the_same_points() {
    let peer = Peer::start(vec![Reply::Nothing, http(204)]);
    let written = sink(&peer.address).write(&batch(2)).await.unwrap();
    assert_eq!(written.outcomes, [ItemOutcome::Stored; 2]);
    let requests = peer.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].split_once("\n\n"), requests[1].split_once("\n\n"));

    let peer = Peer::start(vec![Reply::Nothing]);
    let error = sink(&peer.address).write(&batch(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    assert_discreet(error);
}

#[tokio::test]
async fn every_refusal_of_the_server_has_its_kind() {
    for (status, kind) in [
        (302, ErrorKind::Foreign),
        (401, ErrorKind::Authentication),
        (403, ErrorKind::Authentication),
        (404, ErrorKind::Missing),
        (500, ErrorKind::Unavailable),
        (507, ErrorKind::Unavailable),
    ] {
        let peer = Peer::start(vec![http(status)]);
        let sink = sink(&peer.address);
        for error in [sink.write(&batch(1)).await.unwrap_err(), sink.count("m").await.unwrap_err()]
        {
            assert_eq!((error.kind(), error.store()), (kind, StoreKind::InfluxDb), "{status}");
            assert_eq!(error.code(), Some(Code::Http(status)));
            assert_discreet(error);
        }
    }
}

#[tokio::test]
async fn another_product_is_not_spoken_with() {
    let peer = Peer::start(vec![Reply::Http(200, "", "{}".into())]);
    let sink = sink(&peer.address);
    assert_eq!(sink.start().await.unwrap_err().kind(), ErrorKind::Foreign);
    assert_eq!(sink.write(&batch(1)).await.unwrap_err().kind(), ErrorKind::Foreign);
}

#[tokio::test]
async fn garbage_is_corrupt_and_not_shown() {
    for body in ["leaked", "a,b\r\nleaked\r\n", "_value\r\nleaked\r\n"] {
        let peer = Peer::start(vec![Reply::Http(200, PRODUCT, body.into())]);
        let error = sink(&peer.address).count("m").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{body}");
        assert_discreet(error);
    }
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
async fn what_cannot_be_written_is_not_sent() {
    let peer = Peer::start(vec![Reply::Nothing]);
    let sink = sink(&peer.address);
    let batch = [
        MetricPoint::new(minutes_ago(1), "m\nother f=1"),
        MetricPoint::new(minutes_ago(1), "m\nother f=1").field("f", 1.0),
        MetricPoint::new(minutes_ago(1), "no.field").field("f", f64::NAN),
        MetricPoint::new(minutes_ago(1), "m").tag("namespace", Label::new("x")).field("f", 1.0),
        MetricPoint::new(SystemClock.now().plus(Duration::from_secs(2 * 86_400)), "m")
            .field("f", 1.0),
    ];
    assert_eq!(sink.write(&batch).await.unwrap().outcomes, [ItemOutcome::Refused; 5]);
    assert_eq!(sink.write(&[]).await.unwrap().outcomes, []);
    assert!(peer.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_clock_that_is_given_says_what_lies_in_the_future() {
    struct Epoch;
    impl Clock for Epoch {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, duration: Duration) -> evanesce_core::BoxFuture<'static, ()> {
            SystemClock.sleep(duration)
        }
    }
    let peer = Peer::start(vec![http(204)]);
    let sink = sink(&peer.address).with_clock(Arc::new(Epoch));
    assert_eq!(sink.write(&batch(1)).await.unwrap().outcomes, [ItemOutcome::Refused]);
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_and_nothing_is_shown() {
    let tls = Tls::plaintext_loopback().unwrap();
    let url = "http://127.0.0.1:1?org=o";
    for token in ["", "hunter2\r\nx: y", "hunter2\n"] {
        let error = InfluxSink::connect(url, token, &tls, &fresh_namespace()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_discreet(error);
    }
    assert!(!format!("{:?}", sink("127.0.0.1:1")).contains("hunter2"));
}
