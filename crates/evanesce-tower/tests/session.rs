//! The session layer, from request to response.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Body, Ground, Usage, Visit, answer, cookie, request, visitor, with_cookie};
use evanesce_consent::Choices;
use evanesce_core::{GrantState, NotGranted, Presence, Purpose};
use evanesce_service::ServiceError;
use evanesce_session::{EpochStore, SessionError};
use evanesce_tower::{Carrier, CrossSite, Failure, SessionLayer};
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceExt, service_fn};

const CLEAR: &str = "clear-site-data";

fn layer(ground: &Ground) -> SessionLayer<Visit> {
    SessionLayer::new(ground.house.clone())
}

/// Sends one request through the layer to `handler`.
fn send<F, H>(
    layer: &SessionLayer<Visit>,
    request: Request<Body>,
    handler: H,
) -> impl Future<Output = Response<Body>> + use<F, H>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    H: FnMut(Request<Body>) -> F + Clone,
{
    let sent = layer.layer(service_fn(handler)).oneshot(request);
    async move { sent.await.unwrap() }
}

async fn open(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    visitor(&request).open(&Visit { number: 1 }).await.unwrap();
    answer("opened")
}

/// Answers with the session's number, or with why there is none.
async fn look(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let Some(session) = visitor(&request).session() else { return answer("nobody") };
    match session.process(|visit, _| visit.number).await {
        Ok(processed) => answer(processed.into_parts().0.to_string()),
        Err(ServiceError::Session(SessionError::Absent)) => answer("absent"),
        Err(_) => answer("another error"),
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn opened(ground: &Ground) -> String {
    let response = send(&layer(ground), request(&[]), open).await;
    cookie(response.headers()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_asks_for_no_session_costs_no_lookup() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let before = ground.sessions.calls();
    let untouched = async |request: Request<Body>| {
        let _ = visitor(&request);
        answer("a page")
    };
    let response = send(&layer(&ground), with_cookie(&cookie), untouched).await;
    assert_eq!(ground.sessions.calls(), before);
    assert!(response.headers().is_empty(), "{:?}", response.headers());
    let response = send(&layer(&ground), with_cookie(&cookie), look).await;
    assert_eq!(ground.sessions.calls(), before + 1);
    assert_eq!(text(response).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_session_goes_out_in_a_guarded_cookie() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), open).await;
    assert_eq!(response.headers().get_all(SET_COOKIE).iter().count(), 1);
    let value = response.headers()[SET_COOKIE].clone();
    assert!(value.is_sensitive());
    let value = value.to_str().unwrap();
    let mut parts: Vec<&str> = value.split("; ").collect();
    assert!(parts.remove(0).starts_with("__Host-evanesce=ev1_"));
    parts.sort_unstable();
    // Without Max-Age, Expires and Domain: for the browser's session and this host.
    assert_eq!(parts, ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let response = send(&layer(&ground), with_cookie(&cookie(response.headers()).unwrap()), look);
    assert_eq!(text(response.await).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_session_is_not_cached_and_an_unused_one_may_be() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let cached = |request: Request<Body>, uses: bool| async move {
        if uses {
            visitor(&request).session().unwrap();
        }
        let mut response = answer("a page").unwrap();
        let forever = HeaderValue::from_static("public, max-age=31536000");
        response.headers_mut().insert(CACHE_CONTROL, forever);
        Ok(response)
    };
    let used = send(&layer(&ground), with_cookie(&cookie), move |r| cached(r, true)).await;
    assert_eq!(used.headers().get_all(CACHE_CONTROL).iter().count(), 1);
    assert_eq!(used.headers()[CACHE_CONTROL], "no-store");
    assert!(!used.headers().contains_key(SET_COOKIE));
    let unused = send(&layer(&ground), with_cookie(&cookie), move |r| cached(r, false)).await;
    assert_eq!(unused.headers()[CACHE_CONTROL], "public, max-age=31536000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_somebody_else_is_never_adopted() {
    let (ground, elsewhere) = (Ground::new().await, Ground::new().await);
    let foreign = opened(&elsewhere).await;
    let response = send(&layer(&ground), with_cookie(&foreign), look).await;
    assert_eq!(text(response).await, "absent");
    // What is opened then gets a token of its own.
    let response = send(&layer(&ground), with_cookie(&foreign), open).await;
    let given = cookie(response.headers()).unwrap();
    assert_ne!(given, foreign);
    let response = send(&layer(&ground), with_cookie(&foreign), look).await;
    assert_eq!(text(response).await, "absent");
    let response = send(&layer(&ground), with_cookie(&given), look).await;
    assert_eq!(text(response).await, "1");

    let before = ground.sessions.calls();
    for malformed in ["__Host-evanesce=", "__Host-evanesce=ev1_AAAA", "__Host-evanesce", "x=y"] {
        let response = send(&layer(&ground), with_cookie(malformed), look).await;
        assert_eq!(response.headers().len(), 1, "{:?}", response.headers());
        assert_eq!(response.headers()[VARY], "cookie", "asked for, and so not everybody's");
        assert_eq!(text(response).await, "nobody");
    }
    assert_eq!(ground.sessions.calls(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opened_in_a_request_is_there_for_the_rest_of_it() {
    let ground = Ground::new().await;
    let response = send(&layer(&ground), request(&[]), async |request: Request<Body>| {
        let visitor = visitor(&request);
        assert!(visitor.session().is_none());
        visitor.open(&Visit { number: 3 }).await.unwrap();
        let session = visitor.session().unwrap();
        let number = session.process(|visit, _| visit.number).await.unwrap();
        answer(number.into_parts().0.to_string())
    });
    let response = response.await;
    assert!(cookie(response.headers()).is_some());
    assert_eq!(text(response).await, "3");
}

async fn forget(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let visitor = visitor(&request);
    let erased = visitor.session().unwrap().erase().await;
    assert!(visitor.session().is_none() || erased.is_err());
    match erased {
        Ok(receipt) if receipt.erasure.stores[0].before == Presence::Present => answer("erased"),
        Ok(_) => answer("nothing to erase"),
        Err(_) => answer("without a receipt"),
    }
}

fn assert_taken(response: &Response<Body>) {
    let headers = response.headers();
    assert_eq!(headers[CLEAR], "\"cache\", \"cookies\", \"storage\"");
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    let cookie = headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-evanesce=;") && cookie.contains("Max-Age=0"), "{cookie}");
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "a browser ignores a removal without {part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_session_takes_its_cookie_along() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let response = send(&layer(&ground), with_cookie(&cookie), forget).await;
    assert_taken(&response);
    assert_eq!(text(response).await, "erased");
    assert_eq!(ground.sessions.records(), 0);
    let response = send(&layer(&ground), with_cookie(&cookie), look).await;
    assert_eq!(text(response).await, "absent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_only_lacks_its_receipt_takes_the_cookie_too() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    ground.audit.fail();
    let response = send(&layer(&ground), with_cookie(&cookie), forget).await;
    assert_taken(&response);
    assert_eq!(text(response).await, "without a receipt");
    assert_eq!(ground.sessions.records(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_session_has_a_new_cookie_and_the_old_token_is_dead() {
    let ground = Ground::new().await;
    let old = opened(&ground).await;
    let response = send(&layer(&ground), with_cookie(&old), async |request: Request<Body>| {
        let mut session = visitor(&request).session().unwrap();
        session.rotate().await.unwrap();
        assert_eq!(session.process(|visit, _| visit.number).await.unwrap().into_parts().0, 1);
        answer("rotated")
    });
    let response = response.await;
    let new = cookie(response.headers()).unwrap();
    assert_ne!(new, old);
    assert!(!response.headers().contains_key(CLEAR));
    let response = send(&layer(&ground), with_cookie(&old), look).await;
    assert_eq!(text(response).await, "absent");
    let response = send(&layer(&ground), with_cookie(&new), look).await;
    assert_eq!(text(response).await, "1");
    assert_eq!(ground.sessions.records(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knew_the_token_before_signing_in_never_has_the_privilege() {
    let ground = Ground::new().await;
    let planted = opened(&ground).await;
    let response = send(&layer(&ground), with_cookie(&planted), async |request: Request<Body>| {
        let mut session = visitor(&request).session().unwrap();
        let before = session.elevate(|visit| std::mem::replace(&mut visit.number, 7)).await;
        answer(before.unwrap().to_string())
    });
    let response = response.await;
    let fresh = cookie(response.headers()).unwrap();
    assert_ne!(fresh, planted);
    assert_eq!(text(response).await, "1");
    let response = send(&layer(&ground), with_cookie(&planted), look).await;
    assert_eq!(text(response).await, "absent");
    let response = send(&layer(&ground), with_cookie(&fresh), look).await;
    assert_eq!(text(response).await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trip_for_a_read_and_two_for_read_and_write() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let before = ground.sessions.calls();
    let response = send(&layer(&ground), with_cookie(&cookie), look).await;
    assert_eq!((text(response).await.as_str(), ground.sessions.calls()), ("1", before + 1));
    let response = send(&layer(&ground), with_cookie(&cookie), async |request: Request<Body>| {
        let session = visitor(&request).session().unwrap();
        answer(
            session
                .update(|visit| std::mem::replace(&mut visit.number, 2))
                .await
                .unwrap()
                .to_string(),
        )
    });
    let response = response.await;
    assert_eq!((text(response).await.as_str(), ground.sessions.calls()), ("1", before + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_tells_no_more_than_its_status_and_takes_a_dead_cookie_back() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let read = async |request: Request<Body>| {
        let read = async {
            let session = visitor(&request).session().ok_or(Failure::NoSession)?;
            Ok::<_, Failure>(session.process(|visit, _| visit.number).await?.into_parts().0)
        };
        match read.await {
            Ok(number) => answer(number.to_string()),
            Err(failure) => Ok(failure.response()),
        }
    };
    let response = send(&layer(&ground), request(&[]), read).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(!response.headers().contains_key(SET_COOKIE), "there is none to take back");

    ground.sessions.end().await.unwrap();
    let response = send(&layer(&ground), with_cookie(&cookie), read).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert!(!response.headers().contains_key(CLEAR), "what the page keeps is not gone with it");
    let taken = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(taken.starts_with("__Host-evanesce=;") && taken.contains("Max-Age=0"), "{taken}");
    assert_eq!(text(response).await, "");

    let layer = layer(&ground).with_carrier(Carrier::Bearer);
    let response = send(&layer, request(&[]), read).await;
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privacy_signal_takes_an_older_grant_back() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    send(&layer(&ground), with_cookie(&cookie), async |request: Request<Body>| {
        let session = visitor(&request).session().unwrap();
        let challenge = session.ask().unwrap();
        session.answer(challenge.text(), &Choices::new().accept(Usage::id())).await.unwrap();
        answer("agreed")
    })
    .await;
    let ask = async |request: Request<Body>| {
        let session = visitor(&request).session().unwrap();
        match session.granted::<Usage>().await {
            Ok(_) => answer("granted"),
            Err(NotGranted::State(GrantState::Withdrawn)) => answer("withdrawn"),
            Err(_) => answer("another answer"),
        }
    };
    for (signal, expected) in [(None, "granted"), (Some("0"), "granted"), (Some("1"), "withdrawn")]
    {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(signal.map(|value| ("sec-gpc", value)));
        let response = send(&layer(&ground), request(&headers), &ask).await;
        assert_eq!(text(response).await, expected, "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_is_handed_out_by_the_program_alone() {
    let ground = Ground::new().await;
    let layer = layer(&ground).with_carrier(Carrier::Bearer);
    let response = send(&layer, request(&[]), async |request: Request<Body>| {
        answer(visitor(&request).open(&Visit { number: 5 }).await.unwrap().token().to_string())
    });
    let response = response.await;
    assert!(!response.headers().contains_key(SET_COOKIE));
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let token = text(response).await;
    let authorization = format!("Bearer {token}");
    let response = send(&layer, request(&[("authorization", &authorization)]), look).await;
    assert_eq!(text(response).await, "5");
    // No cookie opens it, and no browser sends it by itself: other origins may ask.
    let as_cookie = with_cookie(&format!("__Host-evanesce={token}"));
    assert_eq!(text(send(&layer, as_cookie, look).await).await, "nobody");
    let cross = [("authorization", authorization.as_str()), ("sec-fetch-site", "cross-site")];
    let mut cross = request(&cross);
    *cross.method_mut() = Method::POST;
    assert_eq!(text(send(&layer, cross, look).await).await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsafe_request_of_another_site_never_reaches_the_service() {
    let ground = Ground::new().await;
    let cookie = opened(&ground).await;
    let reached = Arc::new(AtomicU64::new(0));
    let before = ground.sessions.calls();
    let counting = {
        let reached = Arc::clone(&reached);
        move |request: Request<Body>| {
            reached.fetch_add(1, Ordering::SeqCst);
            look(request)
        }
    };
    let post = |site: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", site),
            ("origin", "https://app.example.org"),
        ];
        let mut request = request(&headers);
        *request.method_mut() = Method::POST;
        request
    };
    for site in ["cross-site", "same-site"] {
        let response = send(&layer(&ground), post(site), counting.clone()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.extensions().get::<CrossSite>(), Some(&CrossSite));
        assert!(response.headers().is_empty());
        assert_eq!(text(response).await, "");
    }
    assert_eq!((reached.load(Ordering::SeqCst), ground.sessions.calls()), (0, before));
    let response = send(&layer(&ground), post("same-origin"), counting.clone()).await;
    assert_eq!(text(response).await, "1");
    let origin = HeaderValue::from_static("https://app.example.org");
    let trusting = layer(&ground).with_trusted_origin(origin);
    let response = send(&trusting, post("same-site"), counting.clone()).await;
    assert_eq!(text(response).await, "1");
    assert_eq!(reached.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_service_is_passed_on() {
    let ground = Ground::new().await;
    let failing = service_fn(async |_: Request<Body>| Err::<Response<Body>, _>("no service"));
    let mut service = layer(&ground).layer(failing);
    let error = service.ready().await.unwrap().call(request(&[])).await.err();
    assert_eq!(error, Some("no service"));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_do_not_share_a_visitor() {
    let ground = Ground::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16 {
        let layer = layer(&ground);
        tasks.spawn(async move {
            let response = send(&layer, request(&[]), move |request: Request<Body>| async move {
                visitor(&request).open(&Visit { number }).await.unwrap();
                answer("opened")
            });
            let cookie = cookie(response.await.headers()).unwrap();
            let response = send(&layer, with_cookie(&cookie), look).await;
            assert_eq!(text(response).await, number.to_string());
        });
    }
    tasks.join_all().await;
    assert_eq!(ground.sessions.records(), 16);
}
