//! `Visitor` as an extractor, with axum-core alone.
#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::convert::Infallible;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use common::{Ground, Visit, cookie};
use evanesce_tower::{NoVisitor, ScreenLayer, SessionLayer, Visitor};
use http::StatusCode;
use http::header::COOKIE;
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
