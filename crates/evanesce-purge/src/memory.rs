use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use evanesce_core::{BoxFuture, Digest, Error, Incarnation, StoreKind, Timestamp};
use evanesce_crypto::random;

use crate::{ErasureJournal, SealedJob};

/// A journal in memory. Open jobs end with the process, so that a service that
/// promises erasures keeps its journal in a folder or in PostgreSQL.
#[derive(Default)]
pub struct MemoryJournal {
    jobs: Mutex<BTreeMap<(Timestamp, Digest), Vec<u8>>>,
    incarnation: OnceLock<Digest>,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<(Timestamp, Digest), Vec<u8>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: &SealedJob) {
        let mut jobs = self.jobs();
        if !jobs.keys().any(|(_, id)| *id == job.id) {
            jobs.insert((job.requested, job.id), job.sealed.clone());
        }
    }

    fn identity(&self) -> Result<Digest, Error> {
        if let Some(digest) = self.incarnation.get() {
            return Ok(*digest);
        }
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        Ok(*self.incarnation.get_or_init(|| Digest::new(bytes)))
    }
}

impl ErasureJournal for MemoryJournal {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async { Ok(Incarnation::new(StoreKind::Memory, self.identity()?)) })
    }

    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.add(job);
            Ok(())
        })
    }

    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>> {
        Box::pin(async move {
            let job = |((requested, id), sealed): (&(Timestamp, Digest), &Vec<u8>)| SealedJob {
                id: *id,
                requested: *requested,
                sealed: sealed.clone(),
            };
            Ok(self.jobs().iter().take(limit).map(job).collect())
        })
    }

    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.jobs().retain(|(_, known), _| known != id);
            Ok(())
        })
    }
}
