//! The screen layer: what passes, what is held back, and with what.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use common::{ADDRESS, Body, Ground, Visit, answer, cookie, request, visitor};
use evanesce_tower::{ScreenLayer, SessionLayer};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

const LIMIT: usize = 4 * 1024 * 1024;

async fn send<C>(ground: &Ground, response: Response<C>) -> (http::response::Parts, Bytes)
where
    C: http_body::Body + Clone + Send + 'static,
    C::Data: Send,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handler = service_fn(move |_: Request<Body>| {
        std::future::ready(Ok::<_, Infallible>(response.clone()))
    });
    let service = ScreenLayer::new(ground.house.clone()).layer(handler);
    let (head, body) = service.oneshot(request(&[])).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}

fn page(text: impl Into<Bytes>, headers: &[(HeaderName, &str)]) -> Response<Body> {
    let mut response = answer(text).unwrap();
    *response.status_mut() = StatusCode::CREATED;
    for (name, value) in headers {
        response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    response
}

fn assert_held_back((head, body): (http::response::Parts, Bytes)) {
    assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(head.headers.is_empty(), "{:?}", head.headers);
    assert!(body.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_page_passes_as_it_is() {
    let ground = Ground::new().await;
    let text = "Six topics, in four steps.";
    let length = text.len().to_string();
    let headers = [
        (CONTENT_LENGTH, length.as_str()),
        (CONTENT_TYPE, "text/plain"),
        (CONTENT_ENCODING, "Identity"),
    ];
    let (head, body) = send(&ground, page(text, &headers)).await;
    assert_eq!((head.status, &body[..]), (StatusCode::CREATED, text.as_bytes()));
    assert_eq!(head.headers, *page(text, &headers).headers());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_whole_and_no_longer_chunked() {
    let ground = Ground::new().await;
    let (head, body) = send(&ground, page("a page", &[(TRANSFER_ENCODING, "chunked")])).await;
    assert!(!head.headers.contains_key(TRANSFER_ENCODING));
    assert_eq!(&body[..], b"a page");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_held_back_with_all_its_headers() {
    let ground = Ground::new().await;
    let text = format!("Write to {ADDRESS} for more.");
    let length = text.len().to_string();
    let headers = [(CONTENT_LENGTH, length.as_str()), (CONTENT_TYPE, "text/plain")];
    assert_held_back(send(&ground, page(text, &headers)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_no_page_leaves() {
    let ground = Ground::new().await;
    ground.audit.fail();
    assert_held_back(send(&ground, page("a page", &[])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_to_be_read_is_held_back() {
    let ground = Ground::new().await;
    let (head, body) = send(&ground, page(vec![b' '; LIMIT], &[])).await;
    assert_eq!((head.status, body.len()), (StatusCode::CREATED, LIMIT));
    assert_held_back(send(&ground, page(vec![b' '; LIMIT + 1], &[])).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encoded_cannot_be_read_and_is_held_back() {
    let ground = Ground::new().await;
    for coding in ["gzip", "identity, gzip", "br", ""] {
        assert_held_back(send(&ground, page("a page", &[(CONTENT_ENCODING, coding)])).await);
    }
    let twice = [(CONTENT_ENCODING, "identity"), (CONTENT_ENCODING, "gzip")];
    assert_held_back(send(&ground, page("a page", &twice)).await);
}

/// Gives its parts one after another, and then an error instead of an end.
#[derive(Clone)]
struct Broken(Vec<&'static str>);

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = match self.0.pop() {
            Some(part) => Ok(Frame::data(Bytes::from_static(part.as_bytes()))),
            None => Err(io::Error::other("the connection was lost")),
        };
        Poll::Ready(Some(frame))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_held_back() {
    let ground = Ground::new().await;
    assert_held_back(send(&ground, Response::new(Broken(vec!["two", "one"]))).await);
    assert_held_back(send(&ground, Response::new(Broken(Vec::new()))).await);
}

/// An address in two frames.
#[derive(Clone)]
struct Split(usize);

impl http_body::Body for Split {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        let half = ADDRESS.len() / 2;
        let part = match self.0 {
            1 => &ADDRESS[..half],
            2 => &ADDRESS[half..],
            _ => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(part.as_bytes())))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_two_frames_is_found() {
    let ground = Ground::new().await;
    assert_held_back(send(&ground, Response::new(Split(0))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_of_the_session_layer_a_held_back_page_loses_no_token() {
    let ground = Ground::new().await;
    let handler = service_fn(async |request: Request<Body>| {
        visitor(&request).open(&Visit { number: 1 }).await.unwrap();
        answer(ADDRESS)
    });
    let service = ScreenLayer::new(ground.house.clone()).layer(handler);
    let service = SessionLayer::<Visit>::new(ground.house.clone()).layer(service);
    let response: Response<Full<Bytes>> = service.oneshot(request(&[])).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(cookie(response.headers()).is_some());
}
