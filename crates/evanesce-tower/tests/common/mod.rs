//! A house in memory whose session store counts how often it is called.
#![allow(dead_code, reason = "not every test uses everything")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use evanesce_audit::{AuditStore, MemoryAudit, StoredLeaf};
use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Erasable, Error, ErrorKind, Fence, Incarnation, Label, Lease,
    Lifetime, Presence, StoreKind, Subject, Timestamp,
};
use evanesce_crypto::Root;
use evanesce_macros::{Ephemeral, Purpose};
use evanesce_service::Evanesce;
use evanesce_session::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, MemoryStore, Record,
    SessionStore, Swept, Tag, Version, Write,
};
use evanesce_testkit::ManualClock;
use evanesce_tower::Visitor;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) const ADDRESS: &str = "ada.lovelace@example.org";

pub(crate) type Body = Full<Bytes>;

#[derive(Ephemeral)]
pub(crate) struct Visit {
    pub(crate) number: u64,
}

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
pub(crate) struct Usage;

/// The flush, the heartbeat and the sweeper.
const BACKGROUND: usize = 3;

/// A house, and what its stores were asked.
pub(crate) struct Ground {
    pub(crate) house: Evanesce,
    pub(crate) sessions: Counted,
    pub(crate) audit: Audit,
}

impl Ground {
    /// With a clock that stands still, so that no background task interferes.
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::new();
        let sessions = Counted::new(&clock);
        let audit = Audit::default();
        let house = Evanesce::builder("tests", Root::generate().unwrap())
            .clock(clock.clone())
            .sessions(sessions.clone(), const { Lifetime::hours(4) })
            .audit(audit.clone())
            .purpose::<Usage>()
            .start()
            .await
            .unwrap();
        while clock.sleepers() < BACKGROUND {
            tokio::task::yield_now().await;
        }
        Self { house, sessions, audit }
    }
}

pub(crate) fn visitor<B>(request: &Request<B>) -> Visitor<Visit> {
    request.extensions().get::<Visitor<Visit>>().unwrap().clone()
}

pub(crate) fn answer(text: impl Into<Bytes>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Full::from(text.into())))
}

pub(crate) fn request(headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::new(Body::default());
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

pub(crate) fn with_cookie(cookie: &str) -> Request<Body> {
    request(&[(COOKIE.as_str(), &format!("theme=dark; {cookie}; last=1"))])
}

/// `name=value` of the cookie that was set, as a browser sends it back.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookie = headers.get(SET_COOKIE)?.to_str().ok()?;
    Some(cookie.split(';').next()?.to_owned())
}

type Reply<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Sessions in memory; every reading and writing of one is counted. It can be out of reach
/// for reading, and hold openings back.
#[derive(Clone)]
pub(crate) struct Counted {
    inner: Arc<MemoryStore>,
    calls: Arc<AtomicU64>,
    failure: Arc<OnceLock<ErrorKind>>,
    openings: Arc<Semaphore>,
}

/// How many openings may be under way at once.
const OPENINGS: usize = 1_000;

/// What a store that is out of reach says; no client may see it.
pub(crate) const DETAIL: &str = "the cache at 10.0.0.7 is out of reach";

impl Counted {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let inner = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
        let openings = Arc::new(Semaphore::new(OPENINGS));
        Self { inner, calls: Arc::default(), failure: Arc::default(), openings }
    }

    pub(crate) fn fail(&self, kind: ErrorKind) {
        self.failure.set(kind).unwrap();
    }

    /// Holds every opening back until what is returned is dropped.
    pub(crate) async fn hold(&self) -> SemaphorePermit<'_> {
        self.openings.acquire_many(OPENINGS as u32).await.unwrap()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn records(&self) -> usize {
        self.inner.snapshot().records().count()
    }

    /// How long the one session lives at most.
    pub(crate) fn lifetime(&self) -> Duration {
        let kept = self.inner.snapshot();
        let (_, record) = kept.records().next().unwrap();
        record.absolute.since(record.opened)
    }

    fn called(&self) -> &MemoryStore {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &self.inner
    }
}

impl SessionStore for Counted {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> Reply<'_, Incarnation> {
        SessionStore::incarnation(&*self.inner)
    }

    fn insert<'a>(&'a self, id: &'a LookupId, record: &'a Record) -> Reply<'a, Inserted> {
        Box::pin(async move {
            drop(self.openings.acquire().await);
            self.called().insert(id, record).await
        })
    }

    fn fetch_pair<'a>(
        &'a self,
        first: &'a LookupId,
        second: &'a LookupId,
    ) -> Reply<'a, FetchedPair> {
        self.called().fetch_pair(first, second)
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> Reply<'a, Fetched> {
        if let Some(kind) = self.failure.get() {
            return Box::pin(ready(Err(Error::new(*kind, StoreKind::Redis, DETAIL))));
        }
        self.called().fetch(id)
    }

    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> Reply<'a, Write> {
        self.called().replace(id, version, record)
    }

    fn rename<'a>(
        &'a self,
        from: &'a LookupId,
        version: Version,
        to: &'a LookupId,
        record: &'a Record,
    ) -> Reply<'a, Write> {
        self.called().rename(from, version, to, record)
    }

    fn remove<'a>(&'a self, id: &'a LookupId) -> Reply<'a, Write> {
        self.called().remove(id)
    }

    fn take<'a>(&'a self, id: &'a LookupId) -> Reply<'a, Fetched> {
        self.called().take(id)
    }

    fn sweep(&self, limit: usize) -> Reply<'_, Swept> {
        self.inner.sweep(limit)
    }

    fn unreadable(&self) -> Reply<'_, u64> {
        self.inner.unreadable()
    }

    fn reclaim_observed<'a>(&'a self, removed: &'a (dyn Fn(u64) + Send + Sync)) -> Reply<'a, u64> {
        self.inner.reclaim_observed(removed)
    }

    fn ceiling(&self) -> Reply<'_, Ceiling> {
        SessionStore::ceiling(&*self.inner)
    }
}

impl Lease for Counted {
    fn acquire<'a>(&'a self, name: &'a Label, duration: Duration) -> Reply<'a, Option<Fence>> {
        self.inner.acquire(name, duration)
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> Reply<'a, ()> {
        self.inner.release(name, fence)
    }
}

impl EpochStore for Counted {
    fn epochs(&self, tag: Tag) -> Reply<'_, Epochs> {
        self.called().epochs(tag)
    }

    fn begin<'a>(
        &'a self,
        tag: Tag,
        after: u64,
        next: &'a EpochRecord,
        drain: Timestamp,
    ) -> Reply<'a, Write> {
        self.called().begin(tag, after, next, drain)
    }

    fn end(&self) -> Reply<'_, u64> {
        self.called().end()
    }
}

impl Erasable for Counted {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn incarnation(&self) -> Reply<'_, Incarnation> {
        Erasable::incarnation(&*self.inner)
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> Reply<'a, Presence> {
        self.called().presence(subject)
    }

    fn erase<'a>(&'a self, subject: &'a Subject) -> Reply<'a, u64> {
        self.called().erase(subject)
    }

    fn oldest_age(&self) -> Reply<'_, Option<Duration>> {
        self.inner.oldest_age()
    }

    fn ceiling(&self) -> Reply<'_, Ceiling> {
        Erasable::ceiling(&*self.inner)
    }
}

/// An audit log that can be out of reach for writing.
#[derive(Clone, Default)]
pub(crate) struct Audit {
    inner: Arc<MemoryAudit>,
    is_down: Arc<AtomicBool>,
}

impl Audit {
    pub(crate) fn fail(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }
}

impl AuditStore for Audit {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> Reply<'_, Incarnation> {
        self.inner.incarnation()
    }

    fn size(&self) -> Reply<'_, u64> {
        self.inner.size()
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> Reply<'a, ()> {
        if self.is_down.load(Ordering::SeqCst) {
            let down = Error::new(ErrorKind::Unavailable, StoreKind::Memory, "the log is down");
            return Box::pin(ready(Err(down)));
        }
        self.inner.append(expected, leaves, checkpoint)
    }

    fn leaves(&self, start: u64, limit: usize) -> Reply<'_, Vec<StoredLeaf>> {
        self.inner.leaves(start, limit)
    }

    fn checkpoint(&self) -> Reply<'_, Option<String>> {
        self.inner.checkpoint()
    }

    fn prune(&self, index: u64) -> Reply<'_, u64> {
        self.inner.prune(index)
    }
}
