//! The real server.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(dead_code, reason = "each test binary uses its part")]

use evanesce_core::Namespace;
use evanesce_influxdb::InfluxSink;
use evanesce_tls::Tls;

/// A setting of the real server; without it a test fails and says so.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask services up influxdb` and source its env")
    })
}

pub(crate) fn tls() -> Tls {
    Tls::builder().ca_file(variable("EVANESCE_TLS_CA")).build().unwrap()
}

pub(crate) fn token() -> String {
    std::fs::read_to_string(variable("EVANESCE_INFLUXDB_TOKEN_FILE")).unwrap().trim().to_owned()
}

/// The server's URL without its bucket, so that each namespace makes its own.
pub(crate) fn url() -> String {
    let url = variable("EVANESCE_INFLUXDB_URL");
    let (base, query) = url.split_once('?').unwrap();
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("bucket=")).collect();
    format!("{base}?{}", kept.join("&"))
}

/// The server's `host:port`.
pub(crate) fn host() -> String {
    let url = url();
    url.split_once("://").unwrap().1.split(['/', '?']).next().unwrap().to_owned()
}

pub(crate) async fn started_in(namespace: &Namespace) -> InfluxSink {
    let sink = InfluxSink::connect(&url(), &token(), &tls(), namespace).unwrap();
    sink.start().await.unwrap();
    sink
}
