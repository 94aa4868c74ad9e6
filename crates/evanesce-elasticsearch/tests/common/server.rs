//! The real server, and a client of its own for what the sink does not say.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(dead_code, reason = "each test binary uses its part")]

use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use evanesce_core::Namespace;
use evanesce_elasticsearch::ElasticsearchSink;
use evanesce_tls::Tls;
use serde_json::Value;

/// A setting of the real server; without it a test fails and says so.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask services up elasticsearch` and source its env")
    })
}

pub(crate) fn tls() -> Tls {
    Tls::builder().ca_file(variable("EVANESCE_TLS_CA")).build().unwrap()
}

pub(crate) fn url() -> String {
    variable("EVANESCE_ELASTICSEARCH_URL")
}

/// User, password and `host:port` of the server.
pub(crate) fn parts() -> (String, String, String) {
    let url = Url::parse(&url()).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    // Neither needs percent-encoding in the test services.
    (url.username().into(), url.password().unwrap().into(), host)
}

pub(crate) async fn started_in(namespace: &Namespace) -> ElasticsearchSink {
    let sink = ElasticsearchSink::connect(&url(), &tls(), namespace).unwrap();
    sink.start().await.unwrap();
    sink
}

pub(crate) fn transport() -> Transport {
    let (user, password, host) = parts();
    let ca = Certificate::from_pem(tls().ca_pem().unwrap()).unwrap();
    let url = Url::parse(&format!("https://{host}")).unwrap();
    TransportBuilder::new(SingleNodeConnectionPool::new(url))
        .disable_proxy()
        .cert_validation(CertificateValidation::Full(ca))
        .auth(Credentials::Basic(user, password))
        .build()
        .unwrap()
}

/// Sends JSON and answers with the status and the JSON that came.
pub(crate) async fn send(
    transport: &Transport,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let body = body.map(|body| body.to_string());
    let sent = transport.send(method, path, HeaderMap::new(), None::<&()>, body, None);
    let response = sent.await.unwrap();
    (response.status_code().as_u16(), response.json().await.unwrap())
}
