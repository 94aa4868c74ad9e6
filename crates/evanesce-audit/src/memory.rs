use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use evanesce_core::{BoxFuture, Digest, Error, ErrorKind, Incarnation, StoreKind};
use evanesce_crypto::random;

use crate::tilefiles::WIDTH;
use crate::{AuditStore, CheckpointBody, CheckpointKeeper, StoredLeaf, leaf_hash};

/// A log in memory: it ends with the process, which is what tests and short-lived
/// tools want. A service keeps its log in a folder or in PostgreSQL.
#[derive(Default)]
pub struct MemoryAudit {
    log: Mutex<Contents>,
    incarnation: OnceLock<Digest>,
}

#[derive(Clone, Default)]
struct Contents {
    leaves: Vec<StoredLeaf>,
    checkpoint: Option<String>,
}

impl MemoryAudit {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a backup of this log is after it was restored: the same leaves in
    /// another incarnation.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { log: Mutex::new(self.contents().clone()), incarnation: OnceLock::new() }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> Result<Digest, Error> {
        if let Some(digest) = self.incarnation.get() {
            return Ok(*digest);
        }
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        Ok(*self.incarnation.get_or_init(|| Digest::new(bytes)))
    }

    fn add(&self, expected: u64, leaves: &[Vec<u8>], checkpoint: &str) -> Result<(), Error> {
        let mut log = self.contents();
        if log.leaves.len() as u64 != expected {
            return Err(conflict(StoreKind::Memory));
        }
        let stored =
            |bytes: &Vec<u8>| StoredLeaf { hash: leaf_hash(bytes), bytes: Some(bytes.clone()) };
        log.leaves.extend(leaves.iter().map(stored));
        log.checkpoint = Some(checkpoint.to_owned());
        Ok(())
    }

    fn read(&self, start: u64, limit: usize) -> Vec<StoredLeaf> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        self.contents().leaves.iter().skip(start).take(limit).cloned().collect()
    }

    fn forget(&self, index: u64) -> u64 {
        let mut log = self.contents();
        let whole = index.min(log.leaves.len() as u64) / WIDTH * WIDTH;
        let index = usize::try_from(whole).unwrap_or(usize::MAX);
        let taken = log.leaves.iter_mut().take(index).filter_map(|leaf| leaf.bytes.take());
        taken.count() as u64
    }
}

impl AuditStore for MemoryAudit {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        let identity = self.identity();
        Box::pin(async move { Ok(Incarnation::new(StoreKind::Memory, identity?)) })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async { Ok(self.contents().leaves.len() as u64) })
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.add(expected, leaves, checkpoint) })
    }

    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>> {
        Box::pin(async move { Ok(self.read(start, limit)) })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(self.contents().checkpoint.clone()) })
    }

    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { Ok(self.forget(index)) })
    }
}

/// A checkpoint kept in memory: as far from the store as another process's
/// memory is, and gone with it.
#[derive(Default)]
pub struct MemoryKeeper(Mutex<Option<String>>);

impl MemoryKeeper {
    /// A keeper that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl CheckpointKeeper for MemoryKeeper {
    fn newest(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()) })
    }

    fn keep<'a>(&'a self, checkpoint: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if is_newer(checkpoint, kept.as_deref(), StoreKind::Memory)? {
                *kept = Some(checkpoint.to_owned());
            }
            Ok(())
        })
    }
}

/// Whether a checkpoint covers more than the kept one; several nodes may share a
/// keeper, and their checkpoints may arrive out of order.
pub(crate) fn is_newer(
    checkpoint: &str,
    kept: Option<&str>,
    store: StoreKind,
) -> Result<bool, Error> {
    let size = |text: &str| {
        CheckpointBody::peek(text).map(|body| body.size).map_err(|error| error.into_port(store))
    };
    let new = size(checkpoint)?;
    kept.map_or(Ok(true), |kept| Ok(new > size(kept)?))
}

pub(crate) const fn conflict(store: StoreKind) -> Error {
    Error::new(ErrorKind::Conflict, store, "another node appended to the audit log first")
}
