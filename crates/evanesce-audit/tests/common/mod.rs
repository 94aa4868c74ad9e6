//! A store that fails when it is told to, and what the tests share.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use evanesce_audit::{
    AuditError, AuditStore, CheckpointKeeper, Log, LogParts, MemoryAudit, MemoryKeeper, Origin,
    StoredLeaf,
};
use evanesce_core::{
    BoxFuture, DataClass, Digest, Entry, Error, ErrorKind, Incarnation, Operation, StoreKind,
    Timestamp,
};
use evanesce_crypto::{SigningKey, VerifyingKey, sha256};
use evanesce_memory::SecretBytes;
use evanesce_testkit::ManualClock;

pub(crate) const ORIGIN: &str = "example.org/audit";

pub(crate) fn signer() -> SigningKey {
    SigningKey::from_seed(SecretBytes::from_slice(&mut [7; 32]).unwrap()).unwrap()
}

pub(crate) fn key() -> VerifyingKey {
    signer().verifying_key()
}

pub(crate) fn parts(store: Arc<dyn AuditStore>, keeper: Arc<dyn CheckpointKeeper>) -> LogParts {
    LogParts {
        store,
        keeper,
        signer: signer(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(ManualClock::new()),
    }
}

pub(crate) async fn open(
    store: &Arc<MemoryAudit>,
    keeper: &Arc<MemoryKeeper>,
) -> Result<Log, AuditError> {
    Log::open(parts(store.clone(), keeper.clone())).await
}

/// An entry that others may be equal to.
pub(crate) fn entry(count: u64) -> Entry {
    let at = Timestamp::from_millis(1_767_225_600_000);
    Entry::new(at, Operation::SessionOpened, DataClass::Ephemeral)
        .with_store(StoreKind::Redis)
        .with_count(count)
}

/// An entry that no other is equal to.
pub(crate) fn unique(n: u64) -> Entry {
    let commitment: Digest = sha256(&n.to_be_bytes());
    entry(1).with_commitment(commitment)
}

/// A folder in memory where that can be had: the disk's own speed is no part of the tests.
pub(crate) fn folder() -> tempfile::TempDir {
    let fast = std::path::Path::new("/dev/shm");
    let folder = if fast.is_dir() { tempfile::tempdir_in(fast) } else { tempfile::tempdir() };
    folder.unwrap()
}

/// Copies a folder with what is in it, but for the lock.
pub(crate) fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing is written, and it says so.
    Down,
    /// The store panics before it writes.
    Panics,
    /// Nothing is written, and no answer comes.
    UnwrittenUnanswered,
    /// No answer comes, and the write lands just before the next one.
    WrittenLate,
    /// It is written, and no answer comes.
    WrittenUnanswered,
}

type Late = (u64, Vec<Vec<u8>>, String);

/// A store in memory with faults.
pub(crate) struct Faulty {
    inner: Mutex<Arc<MemoryAudit>>,
    next: Mutex<Option<Fault>>,
    late: Mutex<Option<Late>>,
    pending: usize,
    writes: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        Self::slow(0)
    }

    /// Each append is pending so many times before it writes.
    pub(crate) fn slow(pending: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Arc::new(MemoryAudit::new())),
            next: Mutex::new(None),
            late: Mutex::new(None),
            pending,
            writes: AtomicUsize::new(0),
        })
    }

    pub(crate) fn once(&self, fault: Fault) {
        *self.next.lock().unwrap() = Some(fault);
    }

    pub(crate) fn replace(&self, store: MemoryAudit) {
        *self.inner.lock().unwrap() = Arc::new(store);
    }

    pub(crate) fn inner(&self) -> Arc<MemoryAudit> {
        self.inner.lock().unwrap().clone()
    }

    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

fn failed<T>(kind: ErrorKind) -> Result<T, Error> {
    Err(Error::new(kind, StoreKind::Memory, "a planted fault"))
}

impl AuditStore for Faulty {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async { self.inner().incarnation().await })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async { self.inner().size().await })
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for _ in 0..self.pending {
                tokio::task::yield_now().await;
            }
            self.writes.fetch_add(1, Ordering::SeqCst);
            let inner = self.inner();
            let late = self.late.lock().unwrap().take();
            if let Some((expected, leaves, checkpoint)) = late {
                inner.append(expected, &leaves, &checkpoint).await?;
            }
            let fault = self.next.lock().unwrap().take();
            match fault {
                None => inner.append(expected, leaves, checkpoint).await,
                Some(Fault::Down) => failed(ErrorKind::Unavailable),
                Some(Fault::Panics) => panic!("a planted panic"),
                Some(Fault::UnwrittenUnanswered) => failed(ErrorKind::Unconfirmed),
                Some(Fault::WrittenLate) => {
                    let late = (expected, leaves.to_vec(), checkpoint.to_owned());
                    *self.late.lock().unwrap() = Some(late);
                    failed(ErrorKind::Unconfirmed)
                }
                Some(Fault::WrittenUnanswered) => {
                    inner.append(expected, leaves, checkpoint).await?;
                    failed(ErrorKind::Unconfirmed)
                }
            }
        })
    }

    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>> {
        Box::pin(async move { self.inner().leaves(start, limit).await })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { self.inner().checkpoint().await })
    }

    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { self.inner().prune(index).await })
    }
}
