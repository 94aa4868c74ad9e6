//! Speaking with an API key, and where the security trail lies.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;
#[path = "common/server.rs"]
mod server;

use common::fresh_namespace;
use elasticsearch::http::Method;
use evanesce_core::{Clock, ErrorKind, SystemClock, Timestamp};
use evanesce_elasticsearch::ElasticsearchSink;
use evanesce_telemetry::{ItemOutcome, Level, LogRecord, LogSink};
use evanesce_testkit::peer::{Peer, Reply};
use evanesce_tls::Tls;
use serde_json::json;
use server::{send, started_in, transport};

// The test distribution lacks the module that the server's own index of keys needs, so that
// a peer shows what is sent, and what is made of the answers.
#[tokio::test]
async fn an_api_key_is_sent_in_the_place_of_a_password() {
    const PRODUCT: &str = "x-elastic-product: Elasticsearch\r\n";
    let stored = r#"{"errors":false,"items":[{"create":{"status":201}}]}"#;
    let peer = Peer::start(vec![
        Reply::Http(200, PRODUCT, stored.into()),
        Reply::Http(401, PRODUCT, "{}".into()),
    ]);
    let (url, tls) = (format!("http://{}", peer.address), Tls::plaintext_loopback().unwrap());
    let key = "aWQ6aHVudGVyMg==";
    let sink = ElasticsearchSink::connect_with_key(&url, key, &tls, &fresh_namespace()).unwrap();
    let record = [LogRecord::new(SystemClock.now(), Level::Info, "a.event")];
    assert_eq!(sink.write(&record).await.unwrap().outcomes, [ItemOutcome::Stored]);
    let error = sink.write(&record).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(!format!("{sink:?} {error:?} {error}").contains(key));
    let requests = peer.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(
        requests.iter().all(|request| request.contains(&format!("authorization: ApiKey {key}")))
    );
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn the_security_trail_lies_in_an_index_of_its_own() {
    let (namespace, server) = (fresh_namespace(), transport());
    let sink = started_in(&namespace).await;
    let at: Timestamp = "2026-08-01T10:00:00Z".parse().unwrap();
    let batch = [
        LogRecord::new(at, Level::Info, "a.event"),
        LogRecord::security(at, Level::Warn, "password.refused"),
        LogRecord::security(SystemClock.now(), Level::Warn, "password.refused"),
    ];
    assert_eq!(sink.write(&batch).await.unwrap().outcomes, [ItemOutcome::Stored; 3]);
    let count = async |index: &str| {
        let (status, answer) = send(&server, Method::Get, &format!("{index}/_count"), None).await;
        (status == 200).then(|| answer["count"].as_u64().unwrap())
    };
    // Reading through the sink makes what was written visible.
    assert_eq!(sink.count("password.refused").await.unwrap(), 2);
    assert_eq!(sink.occurrences("refused").await.unwrap(), 2);
    assert_eq!(count(&format!("{namespace}-logs")).await, Some(1));
    assert_eq!(count(&format!("{namespace}-security")).await, Some(2));
    assert_eq!(count(&format!("{namespace}-security-2026.08.01")).await, Some(1));
    // Its mapping is as strict, and its age is counted as that of the other.
    let unknown = json!({ "@timestamp": "2026-08-01T10:00:00Z", "unknown": "x" });
    let path = format!("{namespace}-security-2026.08.01/_doc");
    let (status, answer) = send(&server, Method::Post, &path, Some(unknown)).await;
    assert_eq!(
        (status, &answer["error"]["type"]),
        (400, &json!("strict_dynamic_mapping_exception"))
    );
    assert_eq!(sink.oldest().await.unwrap(), Some(at));
    assert_eq!(sink.enforce("2026-08-01T00:00:00Z".parse().unwrap()).await.unwrap(), 2);
    assert_eq!(count(&format!("{namespace}-security-2026.08.01")).await, None);
    assert_eq!(sink.remove().await.unwrap(), 1);
}
