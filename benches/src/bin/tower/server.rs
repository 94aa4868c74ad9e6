//! One server: prints its port, and then its processor time whenever it is asked by a line.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use benches::{figure, ours, peers, runtime, text};
use evanesce_core::Lifetime;
use evanesce_crypto::Root;
use evanesce_macros::Ephemeral;
use evanesce_redis::RedisStore;
use evanesce_service::{Evanesce, Mode};
use evanesce_tls::Tls;
use evanesce_tower::{SessionLayer, Visitor};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tower_sessions_0_14::{Session, SessionManagerLayer};

#[derive(Ephemeral)]
struct Visit {
    text: String,
}

pub(crate) fn serve(side: &str, redis: &str) {
    runtime().block_on(async {
        let router = match side {
            "ours" => ours(redis).await,
            "tower-sessions" => tower_sessions(redis).await,
            "bare" => bare(),
            _ => panic!("{side} is not a side"),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        figure::answer(&listener.local_addr().expect("its number").port());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(_)) = lines.next_line().await {
            figure::answer(&figure::processor_time());
        }
    });
}

fn bare() -> Router {
    let page = || async { benches::SESSION.to_string() };
    Router::new().route("/open", get(page)).route("/", get(page))
}

async fn ours(redis: &str) -> Router {
    let tls = Tls::plaintext_loopback().expect("a configuration");
    let store = RedisStore::connect(redis, &tls, &ours::namespace()).await;
    let store = store.unwrap_or_else(|error| panic!("no connection: {error}"));
    let house = Evanesce::builder("bench", Root::generate().expect("a root"))
        .sessions(store, const { Lifetime::hours(4) })
        // Redis without TLS would be refused.
        .mode(Mode::ReportOnly)
        .start()
        .await
        .unwrap_or_else(|error| panic!("no service: {error}"));
    let open = |visitor: Visitor<Visit>| async move {
        let session = visitor.open(&Visit { text: text() }).await;
        session.unwrap_or_else(|error| panic!("no session: {error}"));
    };
    let read = |visitor: Visitor<Visit>| async move {
        let session = visitor.session().expect("a token");
        let read = session.process(|visit, _| visit.text.len()).await;
        read.unwrap_or_else(|error| panic!("no data: {error}")).into_parts().0.to_string()
    };
    Router::new()
        .route("/open", get(open))
        .route("/", get(read))
        .layer(SessionLayer::<Visit>::new(house))
}

async fn tower_sessions(redis: &str) -> Router {
    let store = Arc::new(peers::tower_sessions_redis(redis).await);
    let open = |session: Session| async move {
        session.insert("visit", text()).await.expect("a session");
    };
    let read = |session: Session| async move {
        let visit: Option<String> = session.get("visit").await.expect("the store");
        visit.expect("its data").len().to_string()
    };
    Router::new()
        .route("/open", get(open))
        .route("/", get(read))
        .layer(SessionManagerLayer::new((*store).clone()))
}
