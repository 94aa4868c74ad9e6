//! Our sessions with everything on: sealing, epochs, compare-and-set, and an audit log that is
//! signed and flushed each second, as the service does it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use evanesce_audit::{Log, LogParts, MemoryAudit, MemoryKeeper, Origin};
use evanesce_core::{Clock, Namespace, SystemClock};
use evanesce_crypto::{Root, SigningKey};
use evanesce_redis::RedisStore;
use evanesce_session::{
    EpochStore, MemoryStore, OpeningQuota, SessionParts, SessionPolicy, SessionStore, Sessions,
};
use evanesce_tls::Tls;

/// The namespace of all benches.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn namespace() -> Namespace {
    Namespace::new("bench").expect("a name")
}

/// The Redis store on this server, without TLS, as the peers have it.
///
/// # Panics
/// When it does not connect.
pub async fn redis(url: &str) -> Arc<RedisStore> {
    let tls = Tls::plaintext_loopback().expect("a configuration");
    let store = RedisStore::connect(url, &tls, &namespace()).await;
    Arc::new(store.unwrap_or_else(|error| panic!("no connection: {error}")))
}

/// The store in this process.
///
/// # Panics
/// When there is no randomness.
#[must_use]
pub fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(SystemClock)).expect("a store"))
}

/// Sessions in this store.
///
/// # Panics
/// When the log does not open.
pub async fn sessions<S: SessionStore + EpochStore + 'static>(store: &Arc<S>) -> Sessions {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = LogParts {
        store: Arc::new(MemoryAudit::new()),
        keeper: Arc::new(MemoryKeeper::new()),
        signer: SigningKey::generate().expect("a key"),
        origin: Origin::new("example.org/bench").expect("a name"),
        clock: Arc::clone(&clock),
    };
    let log = Arc::new(Log::open(parts).await.unwrap_or_else(|error| panic!("no log: {error}")));
    let flushed = Arc::downgrade(&log);
    tokio::spawn(async move {
        while let Some(log) = flushed.upgrade() {
            log.flush().await.unwrap_or_else(|error| panic!("the log fails: {error}"));
            drop(log);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let parts = SessionParts {
        namespace: namespace(),
        store: Arc::clone(store) as _,
        epochs: Arc::clone(store) as _,
        root: Arc::new(Root::generate().expect("a root")),
        clock,
        audit: log,
    };
    Sessions::new(parts, policy())
}

// The quota is counted, but a bench may open as many as it can.
fn policy() -> SessionPolicy {
    let quota = OpeningQuota { per_minute: NonZeroU32::MAX, burst: NonZeroU32::MAX };
    SessionPolicy { openings: Some(quota), ..SessionPolicy::default() }
}
