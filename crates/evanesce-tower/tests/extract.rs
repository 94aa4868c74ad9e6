//! `Visitor` as an extractor, with axum-core alone.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::convert::Infallible;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use common::{Ground, Visit, cookie};
use evanesce_session::EpochStore;
use evanesce_tower::{Failure, NoVisitor, ScreenLayer, Session, SessionLayer, Visitor};
use http::StatusCode;
use http::header::{COOKIE, SET_COOKIE};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

/// What a router does with a handler that takes a visitor.
async fn handle(request: Request) -> Result<Response, Infallible> {
    let (mut parts, _) = request.into_parts();
    Ok(match Visitor::<Visit>::from_request_parts(&mut parts, &()).await {
        Ok(visitor) => greet(visitor).await.into_response(),
        Err(rejection) => rejection.into_response(),
    })
}

async fn greet(visitor: Visitor<Visit>) -> String {
    match visitor.session() {
        Some(session) => {
            let number = session.update(|visit| {
                visit.number += 1;
                visit.number
            });
            format!("visit {}", number.await.unwrap())
        }
        None => {
            visitor.open(&Visit { number: 1 }).await.unwrap();
            "visit 1".to_owned()
        }
    }
}

/// The same with a handler that takes a session, and one that takes it if there is one.
async fn handle_session(request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let (mut parts, _) = request.into_parts();
    if path == "/optional" {
        let session =
            <Session<Visit> as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &());
        return Ok(match session.await {
            Ok(session) => if session.is_some() { "somebody" } else { "nobody" }.into_response(),
            Err(rejection) => rejection.into_response(),
        });
    }
    let session = <Session<Visit> as FromRequestParts<()>>::from_request_parts(&mut parts, &());
    Ok(match session.await {
        Ok(session) => number(session).await.into_response(),
        Err(rejection) => rejection.into_response(),
    })
}

async fn number(session: Session<Visit>) -> Result<String, Failure> {
    Ok(session.process(|visit, _| visit.number).await?.into_parts().0.to_string())
}

fn carrying(cookie: &str, path: &str) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    request
}

async fn text(body: impl http_body::Body<Data = bytes::Bytes, Error: std::fmt::Debug>) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_takes_its_visitor() {
    let ground = Ground::new().await;
    let service = ScreenLayer::new(ground.house.clone()).layer(service_fn(handle));
    let service = SessionLayer::<Visit>::new(ground.house.clone()).layer(service);
    let response = service.clone().oneshot(Request::new(Body::empty())).await.unwrap();
    let cookie = cookie(response.headers()).unwrap();
    assert_eq!(text(response.into_body()).await, "visit 1");
    for expected in ["visit 2", "visit 3"] {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(text(response.into_body()).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_takes_its_session_or_is_not_reached() {
    let ground = Ground::new().await;
    let layer = SessionLayer::<Visit>::new(ground.house.clone());
    let service = layer.clone().layer(service_fn(handle));
    let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
    let cookie = cookie(response.headers()).unwrap();

    let service = layer.layer(service_fn(handle_session));
    let before = ground.sessions.calls();
    let response = service.clone().oneshot(carrying(&cookie, "/optional")).await.unwrap();
    assert_eq!(text(response.into_body()).await, "somebody");
    assert_eq!(ground.sessions.calls(), before, "to take a session is not to look it up");
    let response = service.clone().oneshot(carrying(&cookie, "/")).await.unwrap();
    assert_eq!(text(response.into_body()).await, "1");
    assert_eq!(ground.sessions.calls(), before + 1);

    let response = service.clone().oneshot(carrying("a=b", "/optional")).await.unwrap();
    assert_eq!(text(response.into_body()).await, "nobody");
    let response = service.clone().oneshot(carrying("a=b", "/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(text(response.into_body()).await, "");

    // A session that has ended: the same status, and the cookie is taken back.
    ground.sessions.end().await.unwrap();
    let response = service.oneshot(carrying(&cookie, "/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));

    for path in ["/", "/optional"] {
        let response = handle_session(carrying(&cookie, path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "without a layer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_layer_a_visitor_is_refused() {
    let response = handle(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response.into_body()).await, "");

    // Nor is the visitor of another kind of session one.
    #[derive(evanesce_macros::Ephemeral)]
    struct Other {
        number: u64,
    }
    let ground = Ground::new().await;
    let service = SessionLayer::<Other>::new(ground.house.clone()).layer(service_fn(handle));
    let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(NoVisitor.to_string(), "the route is not behind a session layer");
    assert_eq!(Other { number: 1 }.number, 1);
}
