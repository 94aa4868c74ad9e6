use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_core::{BoxFuture, Error, GrantState, Liveness, PurposeId};

use crate::{ConsentRecord, Notice, Signals};

/// One session's consent in this process, for tests and examples. A service keeps
/// the record in the session and asks it there.
#[derive(Clone)]
pub struct MemoryConsent {
    notice: Arc<Notice>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    record: ConsentRecord,
    signals: Signals,
}

impl MemoryConsent {
    /// A session that was never asked.
    #[must_use]
    pub fn new(notice: Arc<Notice>) -> Self {
        Self { notice, inner: Arc::default() }
    }

    /// Replaces the record.
    pub fn put(&self, record: ConsentRecord) {
        self.inner().record = record;
    }

    /// What the browser says from now on.
    pub fn signal(&self, signals: Signals) {
        self.inner().signals = signals;
    }

    /// Lends the record.
    pub fn with<R>(&self, change: impl FnOnce(&mut ConsentRecord) -> R) -> R {
        change(&mut self.inner().record)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Liveness for MemoryConsent {
    fn grant(&self, purpose: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
        let inner = self.inner();
        let state = inner.record.state(purpose, &self.notice, &inner.signals);
        Box::pin(std::future::ready(Ok(state)))
    }
}
