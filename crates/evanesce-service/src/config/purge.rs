//! The steps of a purge from the command line.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Ceiling, Clock, DataClass, Erasable, Error, ErrorKind, Incarnation,
    Presence, StoreKind, Subject, Timestamp,
};
use evanesce_purge::{EmergencyParts, EndEpochs, Reclaim, Removed, RetireKeys, SweepReport};
use evanesce_session::SessionStore;

use super::ConfigError;
use super::open::{Absent, session_keys};
use super::operator::OperatorError;
use crate::builder::VolatilePorts;
use crate::tasks::{Everything, SessionKeys};

/// How many expired sessions are removed at a time.
const BATCH: usize = 10_000;

/// Removes expired sessions, batch after batch, until one finds none.
pub(super) async fn sessions(store: &dyn SessionStore) -> Result<SweepReport, Error> {
    let mut report = SweepReport::default();
    loop {
        let swept = store.sweep(BATCH).await?;
        let removed = swept.expired + swept.without_expiry;
        report.examined = report.examined.max(swept.examined);
        report.removed += removed;
        if swept.expired > 0 {
            report.overdue = report.overdue.max(Some(swept.overdue));
        }
        if removed < BATCH as u64 {
            return Ok(report);
        }
    }
}

/// Removes what is from before an instant, and says by how much the oldest was too old.
pub(super) async fn too_old(
    oldest: impl Future<Output = Result<Option<Timestamp>, Error>>,
    enforced: impl Future<Output = Result<u64, Error>>,
    before: Timestamp,
) -> Result<SweepReport, OperatorError> {
    let oldest = oldest.await?;
    let removed = enforced.await?;
    let overdue = oldest.filter(|at| *at < before).map(|at| before.since(at));
    Ok(SweepReport { examined: removed, removed, overdue })
}

/// The keys that are retired in an emergency, or the reason why they cannot be: epochs end
/// all the same.
pub(super) fn retiring(path: &Path) -> Arc<dyn RetireKeys> {
    match session_keys(path, Absent::Refused) {
        Ok(keys) => Arc::new(SessionKeys(Arc::new(keys))),
        Err(_) => Arc::new(NoKeys),
    }
}

pub(super) fn emergency_parts(
    sessions: Result<VolatilePorts, ConfigError>,
    keys: Option<Arc<dyn RetireKeys>>,
    append: Arc<dyn Append>,
    clock: Arc<dyn Clock>,
    longest_operation: Duration,
) -> EmergencyParts {
    let (epochs, store): (Arc<dyn EndEpochs>, Arc<dyn Reclaim>) = match sessions {
        Ok(ports) => {
            let everything = Arc::new(Everything(ports));
            (Arc::clone(&everything) as _, everything)
        }
        Err(error) => {
            let redis = Unreached::new(StoreKind::Redis, DataClass::Ephemeral, &error);
            let unreached = Arc::new(redis);
            (Arc::clone(&unreached) as _, unreached)
        }
    };
    EmergencyParts {
        epochs: vec![epochs],
        keys: keys.into_iter().collect(),
        // What a node holds is that node's to forget.
        memory: Vec::new(),
        stores: vec![store],
        append,
        clock,
        longest_operation,
        within: Duration::from_secs(15 * 60),
    }
}

struct NoKeys;

impl RetireKeys for NoKeys {
    fn retire(&self) -> BoxFuture<'_, Result<u64, Error>> {
        const SENTENCE: &str = "the file of session keys cannot be opened";
        let error = Error::new(ErrorKind::Unavailable, StoreKind::Folder, SENTENCE)
            .with_setting("keys.session_file");
        Box::pin(std::future::ready(Err(error)))
    }
}

/// A store that could not be opened: an erasure remembers it, and stays open.
pub(super) struct Unreached {
    store: StoreKind,
    class: DataClass,
    error: Error,
}

impl Unreached {
    pub(super) fn new(store: StoreKind, class: DataClass, error: &ConfigError) -> Self {
        const SENTENCE: &str = "the store could not be opened; evanesce check says why";
        let error = match error {
            ConfigError::Store { cause, .. } => *cause,
            _ => Error::new(ErrorKind::Unavailable, store, SENTENCE),
        };
        Self { store, class, error }
    }

    fn failed<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, Error>> {
        Box::pin(std::future::ready(Err(self.error)))
    }
}

impl Erasable for Unreached {
    fn store(&self) -> StoreKind {
        self.store
    }

    fn class(&self) -> DataClass {
        self.class
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.failed()
    }

    fn presence<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        self.failed()
    }

    fn erase<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        self.failed()
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        self.failed()
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        self.failed()
    }
}

impl EndEpochs for Unreached {
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.failed()
    }
}

impl Reclaim for Unreached {
    fn store(&self) -> StoreKind {
        self.store
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.failed()
    }

    fn remaining(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.failed()
    }

    fn reclaim<'a>(&'a self, _: &'a Removed<'a>) -> BoxFuture<'a, Result<u64, Error>> {
        self.failed()
    }
}
