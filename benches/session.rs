//! Sessions in Redis: one visit of 1 KiB, opened, read and destroyed. TLS is off for all sides,
//! and each has one multiplexed connection.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::redis_server::RedisServer;
use benches::turns::{Side, in_turns};
use benches::{TASKS, ours, peers, runtime, text};
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_session::Sessions;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

criterion_group!(session, redis_64_tasks, redis_one_at_a_time);
criterion_main!(session);

const EACH: Duration = Duration::from_millis(700);

/// 64 tasks at once: the time for each visit is what a server needs for it under load.
fn redis_64_tasks(criterion: &mut Criterion) {
    measure(criterion, "session/redis-64", TASKS);
}

/// One at a time: the time that one request waits.
fn redis_one_at_a_time(criterion: &mut Criterion) {
    measure(criterion, "session/redis-1", 1);
}

fn measure(criterion: &mut Criterion, name: &str, tasks: usize) {
    let (runtime, server) = (runtime(), RedisServer::start());
    let url = server.url();
    let value: Arc<str> = text().into();
    let sessions = runtime.block_on(async { ours::sessions(&ours::redis(&url).await).await });
    let connection = runtime.block_on(peers::redis(&url));
    let store = runtime.block_on(peers::tower_sessions_redis(&url));
    let mut sides: Vec<Side<'_>> = vec![
        side("ours", &runtime, tasks, {
            let value = Arc::new(value.to_string());
            move || visit(sessions.clone(), Arc::clone(&value))
        }),
        side("redis", &runtime, tasks, {
            let value = Arc::clone(&value);
            move || plain(connection.clone(), Arc::clone(&value))
        }),
        side("tower-sessions-redis-store", &runtime, tasks, move || {
            let (store, value) = (store.clone(), Arc::clone(&value));
            async move {
                let id = peers::redis_store::open(&store, &value).await;
                black_box(peers::redis_store::read(&store, &id).await);
                peers::redis_store::destroy(&store, &id).await;
            }
        }),
    ];
    in_turns(criterion, name, &mut sides, EACH);
}

async fn visit(sessions: Sessions, value: Arc<String>) {
    let token = sessions.open(&*value).await.expect("a session");
    let read = sessions.read(&token, |text: &String| black_box(text.len())).await;
    assert_eq!(read.expect("its data"), value.len());
    sessions.destroy(token).await.map_err(|failed| failed.error).expect("its end");
}

async fn plain(mut connection: MultiplexedConnection, value: Arc<str>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let key = format!("session:{:032x}", NEXT.fetch_add(1, Ordering::Relaxed));
    assert_eq!(peers::set_get_del(&mut connection, &key, &value).await, value.len());
}

// So many tasks share the times among them; what counts is when the last has ended.
fn side<'a, F>(
    name: &'a str,
    runtime: &'a Runtime,
    tasks: usize,
    work: impl Fn() -> F + Clone + Send + 'static,
) -> Side<'a>
where
    F: Future<Output = ()> + Send + 'static,
{
    let run = move |times: u64| {
        let left = Arc::new(AtomicU64::new(times));
        let work = work.clone();
        runtime.block_on(async move {
            let start = Instant::now();
            let mut running = tokio::task::JoinSet::new();
            for _ in 0..tasks {
                let (left, work) = (Arc::clone(&left), work.clone());
                running.spawn(async move {
                    let one_less = |left: u64| left.checked_sub(1);
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
                    {
                        work().await;
                    }
                });
            }
            running.join_all().await;
            start.elapsed()
        })
    };
    (name, Box::new(run))
}
