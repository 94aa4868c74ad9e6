//! A store with a gate before each command, so that a test decides which operation goes on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use evanesce_core::{BoxFuture, Ceiling, Error, Incarnation, StoreKind, Timestamp};
use evanesce_session::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, Record,
    SessionStore, Swept, Tag, Version, Write,
};

/// Where operations stop: before each command that they send, as long as it is closed.
#[derive(Clone, Default)]
pub struct Gate(Arc<AtomicU8>);

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const REACHED: u8 = 2;

impl Gate {
    /// From now on operations stop.
    pub fn close(&self) {
        self.0.store(CLOSED, Ordering::SeqCst);
    }

    /// From now on they run through.
    pub fn open(&self) {
        self.0.store(OPEN, Ordering::SeqCst);
    }

    /// Stops once, if the gate is closed.
    pub fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        Pass { gate: self.clone(), stopped: false }
    }

    /// Lets `operation` send one command and come to the next, or to its end.
    pub async fn step<T>(
        &self,
        operation: &mut Pin<Box<dyn Future<Output = T> + '_>>,
    ) -> Option<T> {
        std::future::poll_fn(|context| {
            self.close();
            match operation.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if self.0.load(Ordering::SeqCst) == REACHED => Poll::Ready(None),
                // It waits for a server's answer.
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

struct Pass {
    gate: Gate,
    stopped: bool,
}

impl Future for Pass {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.stopped || self.gate.0.load(Ordering::SeqCst) == OPEN {
            return Poll::Ready(());
        }
        self.stopped = true;
        self.gate.0.store(REACHED, Ordering::SeqCst);
        Poll::Pending
    }
}

/// A store with a gate before each command.
pub struct Stepping {
    /// The store of sessions behind it.
    pub sessions: Arc<dyn SessionStore>,
    /// The store of epochs behind it.
    pub epochs: Arc<dyn EpochStore>,
    /// The gate.
    pub gate: Gate,
}

macro_rules! stepping {
    ($port:ident: $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        $(fn $name<'a>(&'a self, $($arg: $type),*) -> BoxFuture<'a, Result<$out, Error>> {
            Box::pin(async move {
                self.gate.pass().await;
                self.$port.$name($($arg),*).await
            })
        })*
    };
}

impl SessionStore for Stepping {
    fn store(&self) -> StoreKind {
        self.sessions.store()
    }

    stepping! { sessions:
        incarnation() -> Incarnation;
        insert(id: &'a LookupId, record: &'a Record) -> Inserted;
        fetch(id: &'a LookupId) -> Fetched;
        fetch_pair(first: &'a LookupId, second: &'a LookupId) -> FetchedPair;
        replace(id: &'a LookupId, version: Version, record: &'a Record) -> Write;
        rename(from: &'a LookupId, version: Version, to: &'a LookupId, record: &'a Record) -> Write;
        remove(id: &'a LookupId) -> Write;
        take(id: &'a LookupId) -> Fetched;
        sweep(limit: usize) -> Swept;
        reclaim_observed(removed: &'a (dyn Fn(u64) + Send + Sync)) -> u64;
        unreadable() -> u64;
        ceiling() -> Ceiling;
    }
}

impl EpochStore for Stepping {
    stepping! { epochs:
        epochs(tag: Tag) -> Epochs;
        begin(tag: Tag, after: u64, next: &'a EpochRecord, drain: Timestamp) -> Write;
        end() -> u64;
    }
}
