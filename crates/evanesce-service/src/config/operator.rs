use std::sync::Arc;

use evanesce_audit::{AuditError, Log, Period, Report, Rules, Summary};
use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Erasable, ErasureReason, ErasureReceipt, Error,
    ErrorKind, Incorporated, Label, Operation, Outcome, StoreKind,
};
use evanesce_crypto::Root;
use evanesce_pipeline::Limits;
use evanesce_purge::{
    EmergencyError, EmergencyReport, EmergencyStep, EraseError, ErasureJournal, Erasures,
    ErasuresParts, SweepReport, Target,
};
use evanesce_session::{MemoryStore, SessionError, SessionParts, SessionPolicy, Sessions, Token};
use evanesce_telemetry::{LogSink, MetricSink};

use super::adapters::{self, DurablePorts, Setup};
use super::logged::{OPERATOR, unusable};
use super::purge::{self, Unreached};
use super::{Config, ConfigError};
use crate::builder::VolatilePorts;
use crate::checks::Check;
use crate::log;
use crate::retained::{Retained, age};

/// What an operator does beside a running service, or while none runs: the stores, the keys
/// and the log are those of the configuration.
///
/// Each store is opened by itself. One that does not answer keeps no other from being
/// purged.
pub struct Operator {
    config: Config,
    clock: Arc<dyn Clock>,
    volatile: Option<Result<VolatilePorts, ConfigError>>,
    durable: Option<Result<DurablePorts, ConfigError>>,
    logs: Option<Result<Arc<dyn LogSink>, ConfigError>>,
    metrics: Option<Result<Arc<dyn MetricSink>, ConfigError>>,
}

/// Who is told of each step as it begins, and in which store. It must not block.
pub type Began<'a> = dyn Fn(&'static str, StoreKind) + Send + Sync + 'a;

/// What became of one step of [`Operator::expired`].
#[derive(Debug)]
pub struct Swept {
    /// What was looked for.
    pub step: &'static str,
    /// Where.
    pub store: StoreKind,
    /// What was found and removed.
    pub outcome: Result<SweepReport, OperatorError>,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The audit log does not open: it is held by another process, was rolled back, or
    /// does not verify.
    #[error("the audit log does not open")]
    Audit(#[from] AuditError),
    /// The configuration cannot be used.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The emergency purge has no receipt.
    #[error("the emergency purge has no receipt")]
    Emergency(#[from] EmergencyError),
    /// The erasure has no receipt.
    #[error("the erasure has no receipt")]
    Erase(#[from] EraseError),
    /// What was read is not a session's token.
    #[error("this is not the token of a session")]
    Token(#[from] SessionError),
    /// A store failed.
    #[error("a store failed")]
    Store(#[from] Error),
    /// The log has entries, and no checkpoint of it was kept outside its store.
    #[error("the audit log has entries and audit.checkpoint_file is not there; put it back")]
    Unwitnessed,
}

impl Operator {
    /// Opens every store that the configuration names, as far as it answers.
    ///
    /// # Errors
    /// [`ConfigError::Tls`].
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let tls = config.tls()?;
        let mut operator = Self {
            config: config.clone(),
            clock,
            volatile: None,
            durable: None,
            logs: None,
            metrics: None,
        };
        if let Some(plan) = &config.redis {
            let opened = adapters::redis(config, plan, &tls).await;
            operator.volatile = Some(opened.map(|opened| opened.ports));
        }
        if let Some(address) = &config.postgres {
            let opened = adapters::postgres(config, address, &tls).await;
            operator.durable = Some(opened.map(|opened| opened.ports));
        }
        if let Some(address) = &config.elasticsearch {
            let opened = adapters::elasticsearch(config, address, &tls, Setup::Leave).await;
            operator.logs = Some(opened.map(|opened| opened.ports));
        }
        if let Some(plan) = &config.influxdb {
            let opened = adapters::influxdb(config, plan, &tls, Setup::Leave).await;
            operator.metrics = Some(opened.map(|opened| opened.ports));
        }
        Ok(operator)
    }

    /// Removes what is over its age, store by store, forgets what the audit log kept long
    /// enough, and takes up erasures that were not finished.
    pub async fn expired(&self, began: &Began<'_>) -> Vec<Swept> {
        let log = self.log().await;
        let mut swept = Vec::new();
        if let Some(volatile) = &self.volatile {
            began("expired sessions", StoreKind::Redis);
            let outcome = match volatile {
                Ok(ports) => purge::sessions(&*ports.store).await.map_err(Into::into),
                Err(error) => Err(error.clone().into()),
            };
            swept.push(Swept { step: "expired sessions", store: StoreKind::Redis, outcome });
        }
        let now = self.clock.now();
        macro_rules! too_old {
            ($port:expr, $step:literal, $store:expr, $class:expr) => {
                if let Some(port) = $port {
                    began($step, $store);
                    let before = now.minus(age($class));
                    let outcome = match port {
                        Ok(store) => {
                            let (oldest, removed) = (store.oldest(), store.enforce(before));
                            purge::too_old(oldest, removed, before).await
                        }
                        Err(error) => Err(error.into()),
                    };
                    swept.push(Swept { step: $step, store: $store, outcome });
                }
            };
        }
        let aggregates = self.durable.clone().map(|it| it.map(|ports| ports.aggregates));
        too_old!(aggregates, "old aggregates", StoreKind::Postgres, DataClass::Aggregate);
        let logs = self.logs.clone();
        too_old!(logs, "old logs", StoreKind::Elasticsearch, DataClass::Operational);
        let metrics = self.metrics.clone();
        too_old!(metrics, "old metrics", StoreKind::InfluxDb, DataClass::Operational);
        if self.config.keeps_a_log() {
            swept.extend(self.entries_and_erasures(&log, began).await);
        }
        if let Ok(log) = &log {
            self.tell(log, &swept).await;
        }
        swept
    }

    async fn entries_and_erasures(
        &self,
        log: &Result<Arc<Log>, OperatorError>,
        began: &Began<'_>,
    ) -> Vec<Swept> {
        let store = self.config.log_store();
        let Ok(log) = log else {
            // What needs the log is said once, with why it does not open.
            began("open erasures", store);
            let outcome = self.log().await.map(|_| SweepReport::default());
            return vec![Swept { step: "open erasures", store, outcome }];
        };
        began("old audit entries", store);
        let pruned = log.enforce(age(DataClass::Operational)).await;
        let outcome = pruned
            .map(|done| SweepReport { examined: done.pruned, removed: done.pruned, overdue: None })
            .map_err(OperatorError::Audit);
        let entries = Swept { step: "old audit entries", store, outcome };
        began("open erasures", store);
        let outcome = self.resume(log).await;
        vec![entries, Swept { step: "open erasures", store, outcome }]
    }

    async fn resume(&self, log: &Arc<Log>) -> Result<SweepReport, OperatorError> {
        let erasures = self.erasures(Arc::new(log.acting(&OPERATOR)?))?;
        let stores: Vec<_> = self.erasables();
        let resumed = erasures.resume(&stores).await?;
        let removed = resumed.receipts.len() as u64;
        match resumed.open.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(SweepReport { examined: removed, removed, overdue: None }),
        }
    }

    async fn tell(&self, log: &Arc<Log>, swept: &[Swept]) {
        let Ok(acting) = log.acting(&OPERATOR) else { return };
        for step in swept {
            let class = match step.store {
                StoreKind::Redis => DataClass::Ephemeral,
                StoreKind::Postgres if step.step == "old aggregates" => DataClass::Aggregate,
                _ => DataClass::Operational,
            };
            let (outcome, removed) = match &step.outcome {
                Ok(report) => (Outcome::Done, report.removed),
                Err(_) => (Outcome::Failed, 0),
            };
            let entry = Entry::new(self.clock.now(), Operation::Swept, class);
            acting.count(entry.with_store(step.store).with_outcome(outcome).with_count(removed));
        }
        // What the log cannot take it counts as lost, and the next report says so.
        log.flush().await.ok();
    }

    /// Makes every session unreadable at once, retires the session keys, removes what lay
    /// there and reads back. A log that cannot be reached keeps nothing from being purged,
    /// and there is no receipt then; where the sessions' store cannot be reached, the keys
    /// are retired all the same.
    ///
    /// Running nodes see the end with their next read; what they hold in memory besides is
    /// theirs to forget (`Evanesce::purge_everything`). The longest operation that is
    /// waited for is the default of [`Limits`].
    ///
    /// # Errors
    /// [`OperatorError::Config`] where no sessions are configured;
    /// [`OperatorError::Emergency`]. It may be repeated.
    pub async fn emergency(
        &self,
        observe: &(dyn Fn(EmergencyStep) + Send + Sync),
    ) -> Result<EmergencyReport, OperatorError> {
        let missing = || ConfigError::Missing { key: "redis".to_owned() };
        let sessions = self.volatile.clone().ok_or_else(missing)?;
        let keys = self.config.session_keys.as_deref().map(purge::retiring);
        let append = self.appending().await;
        let deadline = Limits::default().deadline;
        let clock = Arc::clone(&self.clock);
        let parts = purge::emergency_parts(sessions, keys, append, clock, deadline);
        Ok(evanesce_purge::emergency_observed(&parts, observe).await?)
    }

    /// Erases the session of a token, reads every store back, and gives the receipt. The
    /// receipt tells whether there was one.
    ///
    /// # Errors
    /// [`OperatorError::Token`] for a text that is none; [`OperatorError::Config`] without
    /// root or journal, [`OperatorError::Erase`]. Unless the journal refused it, the erasure
    /// is remembered, and [`Self::expired`] or the service takes it up again.
    pub async fn erase(&self, token: &str) -> Result<ErasureReceipt, OperatorError> {
        let token = Token::parse(token)?;
        let append = self.appending().await;
        let sessions = self.sessions(Arc::clone(&append))?;
        let mut targets = Vec::new();
        for erasable in self.erasables() {
            targets.push(Target { erasable, subject: sessions.subject(&token)? });
        }
        let erasures = self.erasures(append)?;
        Ok(erasures.erase(ErasureReason::Requested, targets).await?)
    }

    /// The report over a period, made of what the stores and the log say. What only the
    /// program knows is not in it: its purposes, and what its own memory is like.
    ///
    /// # Errors
    /// [`OperatorError`] where the log does not open or cannot be read.
    pub async fn report(
        &self,
        title: Label,
        period: Period,
        receipts: Vec<ErasureReceipt>,
    ) -> Result<Report, OperatorError> {
        let log = self.log().await?;
        let summary = Summary::read(&log, Rules::standard(), period).await?;
        let (signer, earlier) = log::keys(&self.config.root()?, Vec::new()).map_err(unusable)?;
        let keys: Vec<_> = std::iter::once(signer.verifying_key()).chain(earlier).collect();
        let surveys = self.config.survey(Arc::clone(&self.clock)).await?;
        let mut report = Report::new(title, period);
        let mut retention = Vec::new();
        for survey in surveys {
            let facts = survey.facts.into_iter().map(|judged| judged.evidence);
            report = report.evidence(facts.collect());
            retention.extend(survey.retention.map(Check::into_retained));
        }
        Ok(report
            .log(&log)
            .entries(summary)
            .receipts(receipts, &keys, log.origin().as_str())
            .retention(retention))
    }

    // One target of each store that is named, whether or not it could be opened.
    fn erasables(&self) -> Vec<Arc<dyn Erasable>> {
        let clock = &self.clock;
        let mut all: Vec<Arc<dyn Erasable>> = Vec::new();
        let down = |store, class, error: &ConfigError| -> Arc<dyn Erasable> {
            Arc::new(Unreached::new(store, class, error))
        };
        match &self.volatile {
            Some(Ok(ports)) => all.push(Arc::clone(&ports.erasable)),
            Some(Err(error)) => all.push(down(StoreKind::Redis, DataClass::Ephemeral, error)),
            None => {}
        }
        match &self.durable {
            Some(Ok(ports)) => {
                all.push(Arc::new(Retained::new(&ports.aggregates, DataClass::Aggregate, clock)));
            }
            Some(Err(error)) => all.push(down(StoreKind::Postgres, DataClass::Aggregate, error)),
            None => {}
        }
        let operational = DataClass::Operational;
        match &self.logs {
            Some(Ok(sink)) => all.push(Arc::new(Retained::new(sink, operational, clock))),
            Some(Err(error)) => all.push(down(StoreKind::Elasticsearch, operational, error)),
            None => {}
        }
        match &self.metrics {
            Some(Ok(sink)) => all.push(Arc::new(Retained::new(sink, operational, clock))),
            Some(Err(error)) => all.push(down(StoreKind::InfluxDb, operational, error)),
            None => {}
        }
        all
    }

    // Only where a session lies is asked of it, which needs no store.
    fn sessions(&self, audit: Arc<dyn Append>) -> Result<Sessions, OperatorError> {
        let store = Arc::new(MemoryStore::new(Arc::clone(&self.clock))?);
        let parts = SessionParts {
            namespace: self.config.name().clone(),
            store: Arc::clone(&store) as _,
            epochs: store,
            root: Arc::new(self.config.root()?),
            clock: Arc::clone(&self.clock),
            audit,
        };
        Ok(Sessions::new(parts, SessionPolicy::default()))
    }

    fn erasures(&self, append: Arc<dyn Append>) -> Result<Erasures, OperatorError> {
        let root: Arc<Root> = Arc::new(self.config.root()?);
        let clock = Arc::clone(&self.clock);
        Ok(Erasures::new(ErasuresParts { journal: self.journal()?, append, root, clock }))
    }

    fn journal(&self) -> Result<Arc<dyn ErasureJournal>, ConfigError> {
        if let Some(journal) = self.config.journal_folder()? {
            return Ok(journal);
        }
        let missing = || ConfigError::Missing { key: "erasures.journal_folder".to_owned() };
        Ok(self.durable.clone().ok_or_else(missing)??.journal)
    }

    async fn log(&self) -> Result<Arc<Log>, OperatorError> {
        let durable = self.durable.clone().map(|opened| opened.map(|ports| ports.audit));
        self.config.open_log(durable, &self.clock).await
    }

    // The log, or what says that there is none: an operation that must be done is done
    // without it, and has no receipt.
    async fn appending(&self) -> Arc<dyn Append> {
        match self.log().await.and_then(|log| Ok(log.acting(&OPERATOR)?)) {
            Ok(acting) => Arc::new(acting),
            Err(_) => Arc::new(Silent(self.config.log_store())),
        }
    }
}

/// A log that could not be opened.
struct Silent(StoreKind);

impl Append for Silent {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        const SENTENCE: &str = "the audit log could not be opened; evanesce report says why";
        let error = Error::new(ErrorKind::Unavailable, self.0, SENTENCE);
        Box::pin(std::future::ready(Err(error)))
    }

    fn count(&self, _: Entry) {}
}
