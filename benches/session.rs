//! Sessions in the memory of this process: one visit of 1 KiB, opened, read and destroyed.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_audit::{Log, LogParts, MemoryAudit, MemoryKeeper, Origin};
use evanesce_core::{Clock, Namespace, SystemClock};
use evanesce_crypto::{Root, SigningKey};
use evanesce_session::{MemoryStore, SessionParts, SessionPolicy, Sessions};
use tokio::runtime::{Builder, Runtime};

const LENGTH: usize = 1024;

criterion_group!(session, visit, read);
criterion_main!(session);

/// Against tower-sessions' MemoryStore, which keeps plaintext and audits nothing: what sealing,
/// guarded memory and a signed log cost together.
fn visit(criterion: &mut Criterion) {
    let (runtime, value) = (runtime(), "v".repeat(LENGTH));
    let mut group = criterion.benchmark_group("session/visit");
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30);
    let sessions = runtime.block_on(sessions());
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let token = sessions.open(&value).await.expect("a session");
                sessions
                    .read(&token, |text: &String| black_box(text.len()))
                    .await
                    .expect("its data");
                sessions.destroy(token).await.map_err(|failed| failed.error).expect("its end");
            });
        });
    });
    #[cfg(feature = "peers")]
    {
        let store = tower_sessions::MemoryStore::default();
        group.bench_function("peer", |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let id = peers::open(&store, &value).await;
                    black_box(peers::read(&store, &id).await);
                    peers::destroy(&store, &id).await;
                });
            });
        });
    }
    group.finish();
}

/// The same for a read alone, which is what most requests do.
fn read(criterion: &mut Criterion) {
    let (runtime, value) = (runtime(), "v".repeat(LENGTH));
    let mut group = criterion.benchmark_group("session/read");
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30);
    let sessions = runtime.block_on(sessions());
    let token = runtime.block_on(sessions.open(&value)).expect("a session");
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            let read = sessions.read(&token, |text: &String| black_box(text.len()));
            runtime.block_on(read).expect("its data")
        });
    });
    #[cfg(feature = "peers")]
    {
        let store = tower_sessions::MemoryStore::default();
        let id = runtime.block_on(peers::open(&store, &value));
        group.bench_function("peer", |bencher| {
            bencher.iter(|| black_box(runtime.block_on(peers::read(&store, &id))));
        });
    }
    group.finish();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

async fn sessions() -> Sessions {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)).expect("a store"));
    let log = Log::open(LogParts {
        store: Arc::new(MemoryAudit::new()),
        keeper: Arc::new(MemoryKeeper::new()),
        signer: SigningKey::generate().expect("a key"),
        origin: Origin::new("example.org/bench").expect("a name"),
        clock: Arc::clone(&clock),
    });
    let parts = SessionParts {
        namespace: Namespace::new("bench").expect("a name"),
        store: Arc::clone(&store) as _,
        epochs: store,
        root: Arc::new(Root::generate().expect("a root")),
        clock,
        audit: Arc::new(log.await.expect("a log")),
    };
    Sessions::new(parts, SessionPolicy::default())
}

#[cfg(feature = "peers")]
mod peers {
    use tower_sessions::cookie::time::{Duration, OffsetDateTime};
    use tower_sessions::session::{Id, Record};
    use tower_sessions::{MemoryStore, SessionStore};

    pub(crate) async fn open(store: &MemoryStore, value: &str) -> Id {
        let expiry_date = OffsetDateTime::now_utc() + Duration::hours(4);
        let data = [("visit".to_owned(), value.into())].into();
        let mut record = Record { id: Id::default(), data, expiry_date };
        store.create(&mut record).await.expect("a session");
        record.id
    }

    pub(crate) async fn read(store: &MemoryStore, id: &Id) -> usize {
        let record = store.load(id).await.expect("the store").expect("its data");
        record.data["visit"].as_str().map_or(0, str::len)
    }

    pub(crate) async fn destroy(store: &MemoryStore, id: &Id) {
        store.delete(id).await.expect("its end");
    }
}
