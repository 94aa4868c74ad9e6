use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Error, Operation, Outcome, PurposeId, Rule,
    StoreKind, Timestamp,
};
use serde::Serialize;

use crate::Alert;

/// Told of each violation when it is written. A closure is one; [`Alerts`] tells
/// several, [`LoggedAlerts`] writes into a log, [`Webhook`] sends to a server.
pub trait AlertSink: Send + Sync {
    /// Takes an alert. It must not block.
    fn alert(&self, alert: &Alert);
}

impl<F: Fn(&Alert) + Send + Sync> AlertSink for F {
    fn alert(&self, alert: &Alert) {
        self(alert);
    }
}

/// Several sinks, told one after another.
pub struct Alerts(Vec<Arc<dyn AlertSink>>);

impl Alerts {
    /// These sinks.
    #[must_use]
    pub fn new(sinks: Vec<Arc<dyn AlertSink>>) -> Self {
        Self(sinks)
    }
}

impl AlertSink for Alerts {
    fn alert(&self, alert: &Alert) {
        self.0.iter().for_each(|sink| sink.alert(alert));
    }
}

/// Writes into a log which rule an entry broke, as an entry of outcome `violation`
/// for each rule that the entry does not state itself. Give it the log behind
/// [`Watched`](crate::Watched), not the watched one.
pub struct LoggedAlerts(Arc<dyn Append>);

impl LoggedAlerts {
    /// Into this log.
    #[must_use]
    pub fn new(log: Arc<dyn Append>) -> Self {
        Self(log)
    }
}

impl AlertSink for LoggedAlerts {
    fn alert(&self, alert: &Alert) {
        let entry = &alert.entry;
        for rule in &alert.rules {
            if entry.outcome() == Outcome::Violation && entry.rule() == Some(*rule) {
                continue;
            }
            let broken = Entry::new(entry.at(), entry.operation(), entry.class());
            let broken = broken.with_outcome(Outcome::Violation).with_rule(*rule);
            let store = entry.store();
            self.0.count(store.map_or(broken.clone(), |store| broken.with_store(store)));
        }
    }
}

/// What carries an alert to its server: one HTTP POST of a JSON body, over TLS where
/// it leaves the machine. This crate has no HTTP client.
pub trait Post: Send + Sync {
    /// Sends a body, and answers when the server took it (a status of 200 to 299).
    ///
    /// # Errors
    /// Anything else; it is sent again.
    fn post<'a>(&'a self, body: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

// How many alerts wait; the oldest give way.
const WAITING: usize = 1024;
// Half a second and twice as much each time, at most a minute, a quarter of an hour in all.
const ATTEMPTS: u32 = 20;
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60);

/// Sends alerts to a server, again and again until it takes them: at once, after a
/// quarter of a second, after half a second, and so on, up to a minute apart and 20
/// times in all. So an alert is there within a second even if two attempts fail.
///
/// A body is one JSON object of closed words: `version` (1), `at`, `operation`,
/// `class`, `outcome`, `count`, `rules`, and `store` and `purpose` where there is one.
pub struct Webhook {
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    lost: AtomicU64,
}

#[derive(Default)]
struct Queue {
    bodies: VecDeque<String>,
    waker: Option<Waker>,
}

#[derive(Serialize)]
struct Body<'a> {
    version: u8,
    at: Timestamp,
    operation: Operation,
    class: DataClass,
    outcome: Outcome,
    count: u64,
    rules: &'a [Rule],
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a PurposeId>,
}

impl Webhook {
    /// A webhook. Nothing is sent before [`Webhook::run`] is polled.
    #[must_use]
    pub fn new(post: Arc<dyn Post>, clock: Arc<dyn Clock>) -> Self {
        Self { post, clock, queue: Mutex::default(), lost: AtomicU64::new(0) }
    }

    /// Sends what comes, for ever: a task of the embedding program.
    pub async fn run(&self) {
        loop {
            let body = self.next().await;
            self.deliver(&body).await;
        }
    }

    /// How many alerts no server took, and that will not be sent again.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    async fn deliver(&self, body: &str) {
        let mut pause = FIRST;
        for _ in 1..ATTEMPTS {
            if self.post.post(body).await.is_ok() {
                return;
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
        if self.post.post(body).await.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn next(&self) -> String {
        poll_fn(|context| {
            let mut queue = self.queue();
            match queue.bodies.pop_front() {
                Some(body) => Poll::Ready(body),
                None => {
                    queue.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertSink for Webhook {
    fn alert(&self, alert: &Alert) {
        let entry = &alert.entry;
        let body = serde_json::to_string(&Body {
            version: 1,
            at: entry.at(),
            operation: entry.operation(),
            class: entry.class(),
            outcome: entry.outcome(),
            count: entry.count(),
            rules: &alert.rules,
            store: entry.store(),
            purpose: entry.purpose(),
        });
        let Ok(body) = body else {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let waker = {
            let mut queue = self.queue();
            if queue.bodies.len() == WAITING && queue.bodies.pop_front().is_some() {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            queue.bodies.push_back(body);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
