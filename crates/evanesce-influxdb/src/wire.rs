//! One request and its answer, with every failure made of closed words.

use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use evanesce_core::{Code, Error, ErrorKind, StoreKind};
use evanesce_tls::{Tls, handshake_error};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::csv::{Row, Tables};

/// For the head of an answer, and for each piece of it.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is not a table.
const MAX_ANSWER: usize = 1 << 20;
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, busy: None }
    }
}

/// The client. It knows no proxy and follows no redirect.
pub(crate) struct Wire {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: Zeroizing<String>,
    pub(crate) timeout: Duration,
}

impl Wire {
    pub(crate) fn new(base: String, token: &str, tls: &Tls) -> Result<Self, Error> {
        let authorization = Zeroizing::new(format!("Token {token}"));
        if token.is_empty() || HeaderValue::from_str(&authorization).is_err() {
            return Err(Error::new(
                ErrorKind::Invalid,
                StoreKind::InfluxDb,
                "the token is empty or has characters that no token has",
            )
            .with_setting("the InfluxDB token"));
        }
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        // Which of the two is spoken was decided when the URL was read.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.client_config().as_ref().clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, base, authorization, timeout: TIMEOUT })
    }

    /// Whether what is sent is encrypted on the way.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// Sends a request whose answer is JSON or nothing.
    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        effect: Effect,
    ) -> Result<Value, Failure> {
        let body = body.map_or_else(Bytes::new, |value| Bytes::from(value.to_string()));
        let response = self.send(method, path, "application/json", body, effect).await?;
        let read = Limited::new(response.into_body(), MAX_ANSWER).collect();
        let bytes =
            in_time(self.timeout, read, effect).await?.map_err(|_| silent(effect))?.to_bytes();
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| match effect {
            Effect::Reads => failure(ErrorKind::Corrupt, "the answer is not JSON"),
            Effect::Writes => failure(ErrorKind::Unconfirmed, "the answer is not JSON"),
        })
    }

    /// Writes lines, and awaits that they are stored.
    pub(crate) async fn lines(&self, path: &str, lines: Bytes) -> Result<(), Failure> {
        self.send(Method::POST, path, "text/plain; charset=utf-8", lines, Effect::Writes).await?;
        Ok(())
    }

    /// Asks a query, and hands over its rows as they arrive.
    pub(crate) async fn query(
        &self,
        path: &str,
        query: String,
        row: &mut (dyn FnMut(Row<'_>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let effect = Effect::Reads;
        let kind = "application/vnd.flux";
        let response = self.send(Method::POST, path, kind, query.into(), effect).await?;
        let mut body = response.into_body();
        let mut tables = Tables::default();
        while let Some(frame) = in_time(self.timeout, body.frame(), effect).await? {
            let frame = frame.map_err(|_| silent(effect))?;
            if let Some(piece) = frame.data_ref() {
                tables.push(piece, row)?;
            }
        }
        tables.finish()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Bytes,
        effect: Effect,
    ) -> Result<Response<Incoming>, Failure> {
        let mut authorization = HeaderValue::from_str(&self.authorization)
            .map_err(|_| failure(ErrorKind::Invalid, "the token is not one"))?;
        authorization.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, HeaderValue::from_static(kind))
            .body(Full::new(body))
            .map_err(|_| failure(ErrorKind::Invalid, "the URL cannot be requested"))?;
        let response = in_time(self.timeout, self.client.request(request), effect)
            .await?
            .map_err(|error| lost(&error, effect))?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(refusal(status, response.headers()));
        }
        if path.starts_with("/api/") && !response.headers().contains_key("x-influxdb-version") {
            return Err(failure(ErrorKind::Foreign, "the server does not say that it is InfluxDB"));
        }
        Ok(response)
    }
}

pub(crate) const fn failure(kind: ErrorKind, sentence: &'static str) -> Failure {
    Failure { error: Error::new(kind, StoreKind::InfluxDb, sentence), busy: None }
}

async fn in_time<T>(
    most: Duration,
    work: impl Future<Output = T>,
    effect: Effect,
) -> Result<T, Failure> {
    tokio::time::timeout(most, work).await.map_err(|_| match effect {
        Effect::Reads => failure(ErrorKind::Timeout, "no answer within the time allowed"),
        Effect::Writes => silent(effect),
    })
}

fn refusal(status: u16, headers: &HeaderMap) -> Failure {
    let (kind, sentence) = match status {
        300..=399 => (ErrorKind::Foreign, "the server sends the request elsewhere"),
        401 => (ErrorKind::Authentication, "the token was not accepted"),
        403 => (ErrorKind::Authentication, "the token lacks a permission"),
        404 => (ErrorKind::Missing, "there is no such organisation or bucket"),
        400 | 413 | 422 => (ErrorKind::Invalid, "the server refused the request"),
        429 => (ErrorKind::Exhausted, "the server is busy"),
        402..=499 => (ErrorKind::Refused, "the server refused the request"),
        _ => (ErrorKind::Unavailable, "the server could not answer"),
    };
    let busy = matches!(status, 429 | 503).then(|| retry_after(headers).unwrap_or(USUAL_WAIT));
    let error = Error::new(kind, StoreKind::InfluxDb, sentence).with_code(Code::Http(status));
    Failure { error, busy }
}

// RFC 9110, section 10.2.3; the form with a date is not used by InfluxDB.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_WAIT)))
}

/// What a request without an answer means.
fn lost(error: &hyper_util::client::legacy::Error, effect: Effect) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(error) = handshake_error(current, StoreKind::InfluxDb) {
            return error.into();
        }
        cause = current.source();
    }
    if error.is_connect() {
        return failure(ErrorKind::Unavailable, "the server cannot be reached");
    }
    silent(effect)
}

const fn silent(effect: Effect) -> Failure {
    match effect {
        Effect::Reads => failure(ErrorKind::Unavailable, "the connection broke off"),
        Effect::Writes => {
            failure(ErrorKind::Unconfirmed, "the request was sent and no answer came")
        }
    }
}
