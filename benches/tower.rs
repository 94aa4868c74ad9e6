//! The session layer around a handler that does not ask for its session.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::convert::Infallible;
use std::time::Duration;

use benches::runtime;
use benches::turns::{in_turns, side};
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_core::Lifetime;
use evanesce_crypto::Root;
use evanesce_macros::Ephemeral;
use evanesce_service::{Evanesce, Mode};
use evanesce_session::MemoryStore;
use evanesce_tower::{SessionLayer, Visitor};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_sessions::SessionManagerLayer;

criterion_group!(tower_layer, unused);
criterion_main!(tower_layer);

const EACH: Duration = Duration::from_millis(200);

#[derive(Ephemeral)]
struct Visit {
    number: u64,
}

type Body = Full<Bytes>;

/// A request with a cookie of a session that stands, to a page that does not look at it.
fn unused(criterion: &mut Criterion) {
    let runtime = runtime();
    let house = runtime.block_on(house());
    let layer = SessionLayer::<Visit>::new(house);
    let opened = runtime.block_on(layer.layer(service_fn(open)).oneshot(request(None)));
    let cookie = cookie(&opened.expect("an answer"));
    let ours = layer.layer(service_fn(page));

    let theirs = SessionManagerLayer::new(tower_sessions::MemoryStore::default());
    let stored = theirs.layer(service_fn(store)).oneshot(request(None));
    let stored = self::cookie(&runtime.block_on(stored).expect("an answer"));
    let peer = theirs.layer(service_fn(page));

    let mut sides = vec![
        side("ours", || runtime.block_on(ours.clone().oneshot(request(Some(&cookie))))),
        side("tower-sessions", || {
            runtime.block_on(peer.clone().oneshot(request(Some(&stored)))).expect("an answer")
        }),
    ];
    in_turns(criterion, "tower/unused", &mut sides, EACH);
}

async fn open(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let visitor = request.extensions().get::<Visitor<Visit>>().expect("a visitor");
    let session = visitor.open(&Visit { number: 1 }).await;
    session.unwrap_or_else(|error| panic!("no session: {error}"));
    Ok(Response::default())
}

async fn store(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let session = request.extensions().get::<tower_sessions::Session>().expect("a session");
    session.insert("number", 1).await.expect("a value");
    Ok(Response::default())
}

async fn page(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::default())
}

fn request(cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::default());
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.parse().expect("a cookie"));
    }
    request
}

fn cookie(response: &Response<Body>) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().expect("a cookie");
    cookie.split(';').next().expect("its first part").to_owned()
}

async fn house() -> Evanesce {
    Evanesce::builder("bench", Root::generate().expect("a root"))
        .sessions(
            MemoryStore::new(std::sync::Arc::new(evanesce_core::SystemClock)).expect("a store"),
            const { Lifetime::hours(4) },
        )
        .mode(Mode::ReportOnly)
        .start()
        .await
        .unwrap_or_else(|error| panic!("no service: {error}"))
}
