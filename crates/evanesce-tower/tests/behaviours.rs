//! What the suites of other session layers ask for over HTTP, one test for each behaviour.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use common::{Body, Counted, Ground, Visit, answer, cookie, request, visitor, with_cookie};
use evanesce_core::{ErrorKind, Lifetime};
use evanesce_crypto::Root;
use evanesce_service::Evanesce;
use evanesce_testkit::ManualClock;
use evanesce_tower::{Carrier, CookiePath, Failure, SessionLayer};
use http::header::SET_COOKIE;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

type Answer = Result<Response<Body>, Infallible>;

async fn open(request: Request<Body>) -> Answer {
    visitor(&request).open(&Visit { number: 42 }).await.unwrap();
    answer("opened")
}

async fn look(request: Request<Body>) -> Answer {
    let read = async {
        let session = visitor(&request).session().ok_or(Failure::NoSession)?;
        Ok::<_, Failure>(session.process(|visit, _| visit.number).await?.into_parts().0)
    };
    match read.await {
        Ok(number) => answer(number.to_string()),
        Err(failure) => Ok(failure.response()),
    }
}

fn send<F, H>(
    layer: &SessionLayer<Visit>,
    request: Request<Body>,
    handler: H,
) -> impl Future<Output = Response<Body>> + use<F, H>
where
    F: Future<Output = Answer> + Send + 'static,
    H: FnMut(Request<Body>) -> F + Clone,
{
    let sent = layer.layer(service_fn(handler)).oneshot(request);
    async move { sent.await.unwrap() }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn layer(ground: &Ground) -> SessionLayer<Visit> {
    SessionLayer::new(ground.house.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_request_stored_the_next_one_reads() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), open).await;
    let cookie = cookie(response.headers()).unwrap();
    let response = send(&layer(&ground), with_cookie(&cookie), look).await;
    assert_eq!(text(response).await, "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_has_the_path_of_its_service_and_its_session_the_time() {
    let clock = ManualClock::new();
    let store = Counted::new(&clock);
    let short = Lifetime::new(Duration::from_secs(100)).unwrap();
    let house = Evanesce::builder("tests", Root::generate().unwrap()).clock(clock.clone());
    let house = house.sessions(store.clone(), short).start().await.unwrap();
    let path = const { CookiePath::new("/test/") };
    let layer = SessionLayer::new(house).with_carrier(Carrier::CookieUnder(path));
    let response = send(&layer, request(&[]), async |request: Request<Body>| {
        visitor(&request).open(&Visit { number: 100 }).await.unwrap();
        answer("opened")
    });
    let response = response.await;
    let given = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(given.split("; ").any(|part| part == "Path=/test/"), "{given}");
    let carried = cookie(response.headers()).unwrap();
    let response = send(&layer, with_cookie(&carried), look).await;
    assert_eq!(text(response).await, "100");
    assert_eq!(store.lifetime(), Duration::from_secs(100));
    clock.advance(Duration::from_secs(100));
    let response = send(&layer, with_cookie(&carried), look).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_opens_no_session_gets_no_cookie_and_stores_nothing() {
    let ground = Ground::new().await;
    let before = ground.sessions.calls();
    let response = send(&layer(&ground), request(&[]), async |_| answer("index")).await;
    assert!(response.headers().is_empty(), "{:?}", response.headers());
    let response = send(&layer(&ground), request(&[]), look).await;
    assert!(!response.headers().contains_key(SET_COOKIE));
    assert_eq!((ground.sessions.records(), ground.sessions.calls()), (0, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_tells_the_client_nothing() {
    for (kind, expected) in [
        (ErrorKind::Corrupt, StatusCode::INTERNAL_SERVER_ERROR),
        // The client may come again, and keeps its cookie for that.
        (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let ground = Ground::new().await;
        let response = send(&layer(&ground), request(&[]), open).await;
        let cookie = cookie(response.headers()).unwrap();
        ground.sessions.fail(kind);
        let response = send(&layer(&ground), with_cookie(&cookie), look).await;
        assert_eq!(response.status(), expected);
        let headers: Vec<_> = response.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(headers, ["cache-control"]);
        assert_eq!(text(response).await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_session_is_gone_at_once_and_its_cookie_with_the_same_attributes() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), open).await;
    let given = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let cookie = cookie(response.headers()).unwrap();
    let response = send(&layer(&ground), with_cookie(&cookie), async |request: Request<Body>| {
        let visitor = visitor(&request);
        visitor.session().unwrap().erase().await.unwrap();
        answer(if visitor.session().is_none() { "gone" } else { "still there" })
    });
    let response = response.await;
    let taken = response.headers()[SET_COOKIE].to_str().unwrap();
    let attributes = |cookie: &str| {
        let (_, attributes) = cookie.split_once("; ").unwrap();
        attributes.to_owned()
    };
    assert_eq!(attributes(taken), format!("{}; Max-Age=0", attributes(&given)));
    assert_eq!(text(response).await, "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opened_and_destroyed_in_one_request_leaves_no_cookie() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), async |request: Request<Body>| {
        visitor(&request).open(&Visit { number: 1 }).await.unwrap().erase().await.unwrap();
        answer("done")
    });
    assert!(!response.await.headers().contains_key(SET_COOKIE));
    assert_eq!(ground.sessions.records(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_stored_before_its_response_is_there() {
    let ground = Ground::new().await;
    let held = ground.sessions.hold().await;
    let layer = layer(&ground);
    let mut response = Box::pin(send(&layer, request(&[]), open));
    for _ in 0..50 {
        assert!(futures_poll(&mut response).await.is_pending(), "answered before it was stored");
    }
    assert_eq!(ground.sessions.records(), 0);
    drop(held);
    let response = response.await;
    assert!(cookie(response.headers()).is_some());
    assert_eq!(ground.sessions.records(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ends_after_a_destruction_brings_nothing_back() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), open).await;
    let cookie = cookie(response.headers()).unwrap();
    let layer = layer(&ground);
    let (arrived, has_arrived) = tokio::sync::oneshot::channel();
    let (go, may_go) = tokio::sync::oneshot::channel::<()>();
    let slow = layer.layer(service_fn({
        let both = Arc::new(std::sync::Mutex::new(Some((arrived, may_go))));
        move |request: Request<Body>| {
            let (arrived, may_go) = both.lock().unwrap().take().unwrap();
            async move {
                let session = visitor(&request).session().unwrap();
                session.process(|_, _| ()).await.unwrap();
                arrived.send(()).unwrap();
                may_go.await.unwrap();
                let late = session.update(|visit| visit.number += 1).await;
                match late {
                    Ok(()) => answer("written"),
                    Err(error) => Ok(Failure::from(error).response()),
                }
            }
        }
    }));
    let slow = tokio::spawn(slow.oneshot(with_cookie(&cookie)));
    has_arrived.await.unwrap();
    send(&layer, with_cookie(&cookie), async |request: Request<Body>| {
        visitor(&request).session().unwrap().erase().await.unwrap();
        answer("erased")
    })
    .await;
    go.send(()).unwrap();
    let late = slow.await.unwrap().unwrap();
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ground.sessions.records(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_before_the_root_was_rotated_is_read_and_goes_on() {
    let folder = std::env::temp_dir().join(format!("evanesce-tower-{}", std::process::id()));
    let _ = std::fs::remove_file(&folder);
    let clock = ManualClock::new();
    let store = Counted::new(&clock);
    let house = |root: Root| {
        let house = Evanesce::builder("tests", root).clock(clock.clone());
        house.sessions(store.clone(), const { Lifetime::hours(4) }).start()
    };
    let before = house(Root::create_file(&folder).unwrap()).await.unwrap();
    let response = send(&SessionLayer::new(before), request(&[]), open).await;
    let cookie = cookie(response.headers()).unwrap();
    let mut root = Root::from_file(&folder).unwrap();
    root.rotate().unwrap();
    let layer = SessionLayer::<Visit>::new(house(root).await.unwrap());
    let response = send(&layer, with_cookie(&cookie), look).await;
    assert_eq!(text(response).await, "42");
    let response = send(&layer, with_cookie(&cookie), async |request: Request<Body>| {
        visitor(&request).session().unwrap().update(|visit| visit.number += 1).await.unwrap();
        answer("written")
    });
    assert_eq!(text(response.await).await, "written");
    let response = send(&layer, with_cookie(&cookie), look).await;
    assert_eq!(text(response).await, "43");
    std::fs::remove_file(&folder).unwrap();
}

/// Polls once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    tokio::task::yield_now().await;
    std::future::poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *future).poll(context)))
        .await
}
