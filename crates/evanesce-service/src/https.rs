//! One address over HTTPS: for alerts and for witnesses.

use std::time::Duration;

use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_tls::{Tls, handshake_error};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// The most that an answer may have.
const LONGEST: usize = 64 * 1024;

/// Knows no proxy, follows no redirect, and never shows its address.
pub(crate) struct Address {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    to: Uri,
}

/// What an address is for, in the sentences of its errors.
pub(crate) struct Purpose {
    pub(crate) setting: &'static str,
    pub(crate) malformed: &'static str,
    pub(crate) plaintext: &'static str,
}

impl Address {
    pub(crate) fn new(url: &str, tls: &Tls, purpose: &Purpose) -> Result<Self, Error> {
        let invalid = || error(ErrorKind::Invalid, purpose.malformed);
        let to: Uri = url.parse().map_err(|_| invalid())?;
        let host = to.host().ok_or_else(invalid)?;
        let reachable = match to.scheme_str() {
            Some("https") => tls.permits_tls(),
            Some("http") => tls.permits_plaintext(host),
            _ => false,
        };
        if !reachable {
            let error = error(ErrorKind::Refused, purpose.plaintext);
            return Err(error.with_setting(purpose.setting));
        }
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.client_config().as_ref().clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), to })
    }

    /// Sends a body, and gives the status and the text of the answer.
    pub(crate) async fn post(
        &self,
        body: &str,
        content_type: &'static str,
        within: Duration,
    ) -> Result<(u16, String), Error> {
        let request = Request::post(self.to.clone())
            .header("content-type", content_type)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(|_| error(ErrorKind::Invalid, "the request cannot be sent"))?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|failed| {
                let unavailable = error(ErrorKind::Unavailable, "the server is out of reach");
                handshake_error(&failed, StoreKind::Memory).unwrap_or(unavailable)
            })?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), LONGEST).collect().await;
            let text = body.ok().and_then(|body| String::from_utf8(body.to_bytes().into()).ok());
            text.map(|text| (status, text)).ok_or(CORRUPT)
        };
        let answered = timeout(within, exchange).await;
        answered.map_err(|_| error(ErrorKind::Timeout, "no answer came in time"))?
    }
}

const CORRUPT: Error = error(ErrorKind::Corrupt, "the answer is no text, or too long");

const fn error(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Memory, sentence)
}
