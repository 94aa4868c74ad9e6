//! What these tests share: an audit log that remembers, a store that stops before each
//! command, and sessions on both.
#![allow(dead_code, unreachable_pub, reason = "each test file uses another part")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Ceiling, Entry, Error, ErrorKind, Incarnation, Incorporated, Lifetime,
    Namespace, Operation, Outcome, StoreKind, Timestamp,
};
use evanesce_crypto::Root;
use evanesce_session::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, MemoryStore, Record,
    SessionParts, SessionPolicy, SessionStore, Sessions, Swept, Tag, Version, Write,
};
use evanesce_testkit::ManualClock;

pub const HOUR: Duration = Duration::from_secs(3600);

pub struct House {
    pub clock: ManualClock,
    pub store: Arc<MemoryStore>,
    pub audit: Arc<Ledger>,
    pub root: Arc<Root>,
    pub sessions: Sessions,
}

impl House {
    /// 4 hours, 1 hour idle.
    pub fn new() -> Self {
        Self::with(|store| store)
    }

    pub fn with<S: SessionStore + EpochStore + 'static>(
        wrap: impl Fn(Arc<MemoryStore>) -> Arc<S>,
    ) -> Self {
        let clock = ManualClock::new();
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
        let (audit, root) = (Arc::new(Ledger::default()), Arc::new(Root::generate().unwrap()));
        let wrapped = wrap(Arc::clone(&store));
        let parts = parts(wrapped, &clock, &root, &audit);
        let sessions = Sessions::new(parts, SessionPolicy::default());
        Self { clock, store, audit, root, sessions }
    }

    /// Another node of the same service.
    pub fn node(&self) -> Sessions {
        let store = Arc::clone(&self.store);
        let parts = parts(store, &self.clock, &self.root, &self.audit);
        Sessions::new(parts, SessionPolicy::default())
    }
}

pub fn parts<S: SessionStore + EpochStore + 'static>(
    store: Arc<S>,
    clock: &ManualClock,
    root: &Arc<Root>,
    audit: &Arc<Ledger>,
) -> SessionParts {
    SessionParts {
        namespace: Namespace::new("tests").unwrap(),
        store: Arc::clone(&store) as Arc<dyn SessionStore>,
        epochs: store,
        root: Arc::clone(root) as _,
        clock: Arc::new(clock.clone()),
        audit: Arc::clone(audit) as _,
    }
}

pub fn policy(lifetime: u64, idle: u64, max_bytes: usize) -> SessionPolicy {
    let (lifetime, idle) = (Lifetime::hours(lifetime), Lifetime::hours(idle));
    SessionPolicy { lifetime, idle, max_bytes, openings: None }
}

#[derive(Default)]
pub struct Ledger(Mutex<Vec<Entry>>);

impl Ledger {
    pub fn count_of(&self, operation: Operation, outcome: Outcome) -> u64 {
        let entries = self.0.lock().unwrap();
        let alike = |e: &&Entry| e.operation() == operation && e.outcome() == outcome;
        entries.iter().filter(alike).map(Entry::count).sum()
    }
}

impl Append for Ledger {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        // It remembers, and says that it could not: what must not depend on the log does not.
        self.0.lock().unwrap().push(entry);
        let none = Error::new(ErrorKind::Unavailable, StoreKind::Memory, "the log is away");
        Box::pin(async move { Err(none) })
    }

    fn count(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }
}

pub struct Pause(bool);

pub fn pause() -> Pause {
    Pause(false)
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

pub fn poll_once<T>(future: &mut Pin<Box<dyn Future<Output = T> + '_>>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// For futures that wait for nothing but [`Pause`].
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(future);
    loop {
        if let Poll::Ready(value) = poll_once(&mut future) {
            return value;
        }
    }
}

/// Returns `Pending` once before each command, so that a poll is one command.
pub struct Stepping(pub Arc<MemoryStore>);

impl Stepping {
    async fn before(&self, _: &'static str) -> Result<(), Error> {
        pause().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }
}

/// Returns `Pending` once before and once after each command: there a future may be dropped.
pub struct Halting(pub Arc<MemoryStore>);

impl Halting {
    async fn before(&self, _: &'static str) -> Result<(), Error> {
        pause().await;
        Ok(())
    }

    async fn after(&self, _: &'static str) -> Result<(), Error> {
        pause().await;
        Ok(())
    }
}

/// Notes each command, and fails one where a test says so.
pub struct Watched {
    pub inner: Arc<MemoryStore>,
    calls: Mutex<Vec<&'static str>>,
    fails: Mutex<Option<(&'static str, ErrorKind)>>,
}

impl Watched {
    pub fn new(inner: Arc<MemoryStore>) -> Self {
        Self { inner, calls: Mutex::default(), fails: Mutex::default() }
    }

    /// What was called since this was asked last.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// The next `command` fails before it is carried out.
    pub fn fail(&self, command: &'static str, kind: ErrorKind) {
        *self.fails.lock().unwrap() = Some((command, kind));
    }

    async fn before(&self, name: &'static str) -> Result<(), Error> {
        self.calls.lock().unwrap().push(name);
        match self.fails.lock().unwrap().take_if(|(command, _)| *command == name) {
            Some((_, kind)) => Err(Error::new(kind, StoreKind::Memory, "as the test wants it")),
            None => Ok(()),
        }
    }

    async fn after(&self, _: &'static str) -> Result<(), Error> {
        Ok(())
    }
}

macro_rules! commands {
    ($store:tt: $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $type),*) -> BoxFuture<'a, Result<$out, Error>> {
            Box::pin(async move {
                self.before(stringify!($name)).await?;
                let answer = self.$store.$name($($arg),*).await;
                self.after(stringify!($name)).await?;
                answer
            })
        })*
    };
}

macro_rules! through {
    ($type:ty, $store:tt) => {
        impl SessionStore for $type {
            fn store(&self) -> StoreKind {
                StoreKind::Memory
            }

            fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
                SessionStore::incarnation(&*self.$store)
            }

            fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
                SessionStore::ceiling(&*self.$store)
            }

            commands! { $store:
                insert(id: &'a LookupId, record: &'a Record) -> Inserted;
                fetch(id: &'a LookupId) -> Fetched;
                fetch_pair(first: &'a LookupId, second: &'a LookupId) -> FetchedPair;
                replace(id: &'a LookupId, version: Version, record: &'a Record) -> Write;
                rename(from: &'a LookupId, version: Version, to: &'a LookupId, record: &'a Record)
                    -> Write;
                remove(id: &'a LookupId) -> Write;
                take(id: &'a LookupId) -> Fetched;
                sweep(limit: usize) -> Swept;
                reclaim_observed(removed: &'a (dyn Fn(u64) + Send + Sync)) -> u64;
                unreadable() -> u64;
            }
        }

        impl EpochStore for $type {
            commands! { $store:
                epochs(tag: Tag) -> Epochs;
                begin(tag: Tag, after: u64, next: &'a EpochRecord, drain: Timestamp) -> Write;
                end() -> u64;
            }
        }
    };
}

through!(Halting, 0);
through!(Stepping, 0);
through!(Watched, inner);
