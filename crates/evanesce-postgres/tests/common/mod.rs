//! A namespace of its own for each test, and a client beside the store.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it, and reports by panicking"
)]

pub mod proxy;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

use evanesce_core::Namespace;
use evanesce_postgres::PostgresStore;
use evanesce_tls::Tls;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls_improved::MakeRustlsConnect;

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask services up postgres` and load what it prints")
    })
}

pub struct House {
    pub url: String,
    pub tls: Tls,
    pub namespace: Namespace,
    pub schema: String,
}

impl House {
    fn new() -> Self {
        let mut id = [0; 8];
        evanesce_crypto::random(&mut id).unwrap();
        let namespace = Namespace::new(&format!("t-{:016x}", u64::from_be_bytes(id))).unwrap();
        Self {
            url: variable("EVANESCE_POSTGRES_URL"),
            tls: Tls::builder().ca_file(variable("EVANESCE_TLS_CA")).build().unwrap(),
            schema: format!("evanesce_{namespace}"),
            namespace,
        }
    }

    pub async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.url, &self.tls, &self.namespace).await.unwrap()
    }

    /// A connection that is no store's, with the namespace's schema before it.
    pub async fn client(&self) -> Client {
        self.client_of("EVANESCE_POSTGRES_URL").await
    }

    /// The same for the role that a variable names.
    pub async fn client_of(&self, name: &str) -> Client {
        let config: Config = variable(name).parse().unwrap();
        let tls = MakeRustlsConnect::new(self.tls.client_config().as_ref().clone());
        let (client, connection) = config.connect(tls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path TO \"{}\"", self.schema)).await.unwrap();
        client
    }
}

/// Runs a test in a namespace of its own and drops its schema, whatever came of it.
pub async fn with_house<F: Future<Output = ()>>(test: impl FnOnce(Arc<House>) -> F) {
    let house = Arc::new(House::new());
    let mut test = Box::pin(test(Arc::clone(&house)));
    let outcome = poll_fn(|context| {
        let poll = || test.as_mut().poll(context);
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await;
    let drop = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", house.schema);
    house.client().await.batch_execute(&drop).await.unwrap();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// The process that waits for what `holder` holds; this waits for real.
pub async fn waiting_for(observer: &Client, holder: i32) -> i32 {
    let sql = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))";
    for _ in 0..400 {
        if let Some(row) = observer.query_opt(sql, &[&holder]).await.unwrap() {
            return row.get(0);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("nobody waits for {holder}");
}

pub async fn pid(client: &Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}
