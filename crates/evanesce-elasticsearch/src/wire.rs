//! One request and its answer, with every failure made of closed words.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::headers::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::response::Response;
use elasticsearch::http::transport::Transport;
use elasticsearch::http::{Method, Url};
use evanesce_core::{Code, Error, ErrorKind, StoreKind};
use evanesce_tls::handshake_error;
use serde_json::Value;

/// The longest answer that is read, where the server says its length.
const MAX_ANSWER: u64 = 64 << 20;
/// What a server may ask a client to wait, at most.
const MAX_WAIT: u64 = 300;
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// What a request does, which decides what a lost answer means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    Reads,
    Writes,
}

/// A request that did not succeed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// How long to wait, if the server is merely busy.
    pub(crate) busy: Option<Duration>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The client, and the only address that it may be answered from.
pub(crate) struct Wire {
    transport: Transport,
    url: Url,
    /// In the place of the client's own.
    pub(crate) timeout: Option<Duration>,
}

impl Wire {
    pub(crate) const fn new(transport: Transport, url: Url) -> Self {
        Self { transport, url, timeout: None }
    }

    /// Whether what is sent is encrypted on the way.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Sends JSON, or nothing.
    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        effect: Effect,
    ) -> Result<Value, Failure> {
        let body = body.map(|value| Bytes::from(value.to_string()));
        self.send(method, path, "application/json", body, effect).await
    }

    /// Sends lines of JSON.
    pub(crate) async fn bulk(&self, body: Bytes) -> Result<Value, Failure> {
        self.send(Method::Post, "_bulk", "application/x-ndjson", Some(body), Effect::Writes).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Option<Bytes>,
        effect: Effect,
    ) -> Result<Value, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        // An answer that unpacks to a thousand times its length has no bound.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = self
            .transport
            .send(method, path, headers, None::<&()>, body, self.timeout)
            .await
            .map_err(|error| lost(&error, effect))?;
        self.require_elasticsearch(&response)?;
        let status = response.status_code().as_u16();
        if !(200..300).contains(&status) {
            return Err(refusal(status, retry_after(&response)));
        }
        if response.content_length().is_some_and(|length| length > MAX_ANSWER) {
            return Err(failure(ErrorKind::Exhausted, "the answer is longer than is read"));
        }
        let bytes = response.bytes().await.map_err(|error| lost(&error, effect))?;
        serde_json::from_slice(&bytes).map_err(|_| match effect {
            Effect::Reads => failure(ErrorKind::Corrupt, "the answer is not JSON"),
            Effect::Writes => failure(ErrorKind::Unconfirmed, "the answer is not JSON"),
        })
    }

    fn require_elasticsearch(&self, response: &Response) -> Result<(), Failure> {
        let from = response.url();
        let same = from.scheme() == self.url.scheme()
            && from.host() == self.url.host()
            && from.port_or_known_default() == self.url.port_or_known_default();
        let product = response.headers().get("x-elastic-product");
        // A server refuses a stranger's request before it says what it is.
        let unauthorized = response.status_code().as_u16() == 401;
        if !same {
            return Err(failure(ErrorKind::Foreign, "the answer came from another address"));
        }
        if !unauthorized && product.is_none_or(|name| name != "Elasticsearch") {
            return Err(failure(
                ErrorKind::Foreign,
                "the server does not say that it is Elasticsearch",
            ));
        }
        Ok(())
    }
}

pub(crate) const fn failure(kind: ErrorKind, sentence: &'static str) -> Failure {
    Failure { error: Error::new(kind, StoreKind::Elasticsearch, sentence), busy: None }
}

fn refusal(status: u16, wait: Option<Duration>) -> Failure {
    let (kind, sentence) = match status {
        401 => (ErrorKind::Authentication, "user and password were not accepted"),
        403 => (ErrorKind::Authentication, "the user lacks a privilege"),
        404 => (ErrorKind::Missing, "there is no such index"),
        409 => (ErrorKind::Conflict, "another operation came first"),
        413 => (ErrorKind::Invalid, "the request is larger than the server takes"),
        429 => (ErrorKind::Exhausted, "the server is busy"),
        400..=499 => (ErrorKind::Invalid, "the server refused the request"),
        _ => (ErrorKind::Unavailable, "the server could not answer"),
    };
    let busy = matches!(status, 429 | 503).then(|| wait.unwrap_or(USUAL_WAIT));
    let error = Error::new(kind, StoreKind::Elasticsearch, sentence).with_code(Code::Http(status));
    Failure { error, busy }
}

// RFC 9110, section 10.2.3; the form with a date is not used by Elasticsearch.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_WAIT)))
}

/// What a request without an answer means.
fn lost(error: &elasticsearch::Error, effect: Effect) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut connecting = false;
    while let Some(current) = cause {
        if let Some(error) = handshake_error(current, StoreKind::Elasticsearch) {
            return Failure { error, busy: None };
        }
        if let Some(hyper) = current.downcast_ref::<hyper_util::client::legacy::Error>() {
            connecting |= hyper.is_connect();
        }
        cause = current.source();
    }
    match effect {
        _ if connecting => failure(ErrorKind::Unavailable, "the server cannot be reached"),
        Effect::Reads if error.is_timeout() => {
            failure(ErrorKind::Timeout, "no answer within the time allowed")
        }
        Effect::Reads => failure(ErrorKind::Unavailable, "the connection broke off"),
        Effect::Writes => {
            failure(ErrorKind::Unconfirmed, "the request was sent and no answer came")
        }
    }
}
