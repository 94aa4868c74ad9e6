use std::time::Duration;

use evanesce_audit::Post;
use evanesce_core::{BoxFuture, Error, ErrorKind, StoreKind};
use evanesce_tls::{Tls, handshake_error};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long an attempt may take, so that a second one is made within a second.
const ATTEMPT: Duration = Duration::from_millis(400);

/// Sends alerts to one address over HTTPS; the address may hold a secret, and is never
/// shown.
///
/// It knows no proxy and follows no redirect. For
/// [`Builder::alerts_to`](crate::Builder::alerts_to).
pub struct HttpsPost {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    to: Uri,
}

impl HttpsPost {
    /// To `https://host:port/path`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an address that cannot be used, [`ErrorKind::Refused`]
    /// where it is not https and `tls` does not permit plaintext to that host.
    pub fn new(url: &str, tls: &Tls) -> Result<Self, Error> {
        let invalid = || error(ErrorKind::Invalid, "the address for alerts cannot be used");
        let to: Uri = url.parse().map_err(|_| invalid())?;
        let host = to.host().ok_or_else(invalid)?;
        let reachable = match to.scheme_str() {
            Some("https") => tls.permits_tls(),
            Some("http") => tls.permits_plaintext(host),
            _ => false,
        };
        if !reachable {
            let error = error(ErrorKind::Refused, "alerts are sent over https only");
            return Err(error.with_setting("the address for alerts"));
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
}

impl Post for HttpsPost {
    fn post<'a>(&'a self, body: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let request = Request::post(self.to.clone())
                .header("content-type", "application/json")
                .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
                .map_err(|_| error(ErrorKind::Invalid, "the alert cannot be sent"))?;
            let answer = timeout(ATTEMPT, self.client.request(request)).await;
            let answer = answer
                .map_err(|_| error(ErrorKind::Timeout, "nobody took the alert in time"))?
                .map_err(|failed| {
                    handshake_error(&failed, StoreKind::Memory).unwrap_or(UNAVAILABLE)
                })?;
            if answer.status().is_success() { Ok(()) } else { Err(UNAVAILABLE) }
        })
    }
}

const UNAVAILABLE: Error = error(ErrorKind::Unavailable, "the server did not take the alert");

const fn error(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Memory, sentence)
}
