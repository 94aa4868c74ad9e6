use std::sync::Arc;

use evanesce_anonymize::{
    AggregateStore, Epsilon, Folds, ReleaseError, ReleasedWindow, WindowLength,
};
use evanesce_audit::{
    AlertSink, Alerts, AuditError, Log, LoggedAlerts, Origin, Period, Place, ProcessingRecord,
    Publisher, Report, Role, Rules, Summary, Watched, Webhook,
};
use evanesce_consent::{Consents, Notice};
use evanesce_core::{
    Append, Clock, DataClass, Entry, Erasable, ErasureReceipt, Evidence, Granted, Label, Namespace,
    Operation, Outcome, Outgoing, Purpose, Released, Rule, Sanitize, Screen, label,
};
use evanesce_crypto::{RootFile, RootProvider, SigningKey, VerifyingKey};
use evanesce_memory::Ephemeral;
use evanesce_pipeline::{Pipeline, PipelineParts};
use evanesce_purge::{Erasures, ErasuresParts, Resumed};
use evanesce_session::{SessionParts, SessionPolicy, Sessions, Token};
use evanesce_telemetry::{
    Level, LogRecord, LogSink, MetricPoint, MetricSink, Telemetry, TelemetryParts, Value,
};
use zeroize::Zeroizing;

use crate::builder::{Builder, Ports, VolatilePorts};
use crate::checks::{self, Check};
use crate::drill::drill;
use crate::lives::Lives;
use crate::log::{self, LogPlan, Witnessed};
use crate::record::record;
use crate::retained::{Retained, enforce};
use crate::session::Session;
use crate::tasks::{Stopped, Tasks};
use crate::{ServiceError, StartError};

/// The largest session: a newsletter of 35 kB fits many times.
const MAX_SESSION: usize = 768 * 1024;
/// How long a window of aggregates is.
const WINDOW: WindowLength = WindowLength::hours(1);
/// What a window may spend on all its tables together.
const BUDGET: Epsilon = Epsilon::micros(4_000_000);
/// How many records, and how many points, wait for their store at most.
const QUEUE: usize = 10_000;

/// A running service. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct Evanesce(pub(crate) Arc<House>);

pub(crate) struct House {
    name: Namespace,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<Log>,
    /// The same log, whose entries are checked against the rules on their way in.
    pub(crate) audit: Arc<dyn Append>,
    rules: Rules,
    alerts: Arc<dyn AlertSink>,
    /// The keys that signed the log before the present one.
    earlier: Vec<VerifyingKey>,
    pub(crate) witness: Option<Witnessed>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) webhooks: Vec<Arc<Webhook>>,
    pub(crate) sessions: Sessions,
    pub(crate) volatile: VolatilePorts,
    pub(crate) session_keys: Option<Arc<RootFile>>,
    pub(crate) aggregates: Arc<dyn AggregateStore>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) metrics: Arc<dyn MetricSink>,
    pub(crate) pipeline: Pipeline,
    consents: Consents,
    pub(crate) folds: Folds,
    screen: Arc<dyn Screen>,
    pub(crate) erasures: Erasures,
    pub(crate) telemetry: Telemetry,
    pub(crate) lives: Lives,
    sanitize: Arc<dyn Sanitize>,
    record: ProcessingRecord,
    /// One of each kind and class, by which the journal knows them.
    pub(crate) stores: Vec<Arc<dyn Erasable>>,
    /// Every store, for what is checked and reported.
    checked: Vec<Arc<dyn Erasable>>,
    declared: Vec<Evidence>,
    tasks: Tasks,
}

impl Evanesce {
    /// Begins to put a service together. `name` keeps its data apart from that of
    /// others: 1 to 32 of `a-z 0-9 -`.
    #[must_use]
    pub fn builder(name: &str, root: impl evanesce_crypto::RootProvider + 'static) -> Builder {
        Builder::new(name, root)
    }

    pub(crate) async fn start(builder: Builder, ports: Ports) -> Result<Self, StartError> {
        if builder.protect {
            evanesce_memory::protect_process()?;
        }
        let house = House::assemble(builder, ports).await?;
        // Before anything is read from a store that was put back.
        house.recognise().await.map_err(StartError::Store)?;
        let house = Self(Arc::new(house));
        house.finish_erasures().await.map_err(StartError::Erasures)?;
        let started = Operation::ServiceStarted;
        house.0.audit.append(Entry::new(house.clock().now(), started, started.class())).await?;
        house.0.tasks.spawn(&house.0);
        Ok(house)
    }

    /// Opens a session for data, under a token that nobody else has.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn open<T: Ephemeral>(&self, data: &T) -> Result<Session<T>, ServiceError> {
        let token = self.sessions().open(data).await?;
        self.note(Level::Info, "session.opened");
        Ok(Session::new(self.clone(), token))
    }

    /// The session of a token that a client sent. Whether it still stands, its first use
    /// tells.
    ///
    /// # Errors
    /// [`ServiceError::Session`] for a text that is no token.
    pub fn session<T: Ephemeral>(&self, token: &str) -> Result<Session<T>, ServiceError> {
        Ok(Session::new(self.clone(), Token::parse(token)?))
    }

    /// Screens a value on its way out. The audit log knows of it before it leaves; while
    /// the log cannot be reached, nothing leaves.
    ///
    /// # Errors
    /// [`ServiceError::Blocked`] and [`ServiceError::Audit`].
    pub async fn release<T: Outgoing>(&self, value: T) -> Result<Released<T>, ServiceError> {
        let screened = Released::screen(value, &*self.0.screen);
        let (operation, outcome) = match &screened {
            Ok(_) => (Operation::OutputReleased, Outcome::Done),
            Err(_) => (Operation::OutputBlocked, Outcome::Refused),
        };
        let entry = Entry::new(self.clock().now(), operation, DataClass::Ephemeral)
            .with_outcome(outcome)
            .with_rule(Rule::Screened);
        if screened.is_err() {
            self.note(Level::Warn, "output.blocked");
        }
        self.0.audit.append(entry).await.map_err(ServiceError::Audit)?;
        screened.map_err(ServiceError::Blocked)
    }

    /// As [`release`](Self::release), for what may leave only under a grant, which is
    /// checked again.
    ///
    /// # Errors
    /// [`ServiceError::NotGranted`], and those of `release`.
    pub async fn release_under<T: Outgoing, P: Purpose>(
        &self,
        value: T,
        granted: &Granted<P>,
    ) -> Result<Released<T>, ServiceError> {
        granted.recheck().await?;
        self.release(value).await
    }

    /// What people are told, with every purpose and its lawful basis.
    #[must_use]
    pub fn notice(&self) -> &Arc<Notice> {
        self.0.consents.notice()
    }

    /// Releases the windows that have ended, each with its noise or thresholds and its
    /// debit. The background tasks do this too; a window that they, or another node,
    /// release first is left out.
    ///
    /// # Errors
    /// The first [`ReleaseError`], after every window was tried.
    pub async fn release_windows(&self) -> Result<Vec<ReleasedWindow>, ReleaseError> {
        let (released, failed) = self.0.release_due().await?;
        failed.map_or(Ok(released), Err)
    }

    /// How long each store keeps what it holds: computed from its settings, and measured.
    pub async fn check(&self) -> Vec<Check> {
        checks::checks(&*self.0.clock, &self.0.checked).await
    }

    /// The report over a period, made of evidence, log entries and receipts alone.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the log cannot be read.
    pub async fn report(
        &self,
        title: Label,
        period: Period,
        receipts: Vec<ErasureReceipt>,
        evidence: Vec<Evidence>,
    ) -> Result<Report, ServiceError> {
        let log = &self.0.log;
        // What was counted is in the log once its sums are stored; a store that is down
        // keeps no report back.
        self.0.folds.flush().await.ok();
        log.flush().await?;
        let summary = Summary::read(log, self.0.rules.clone(), period)
            .await
            .map_err(|error| error.into_port(evanesce_core::StoreKind::Memory))?;
        let retention = self.check().await.into_iter().map(Check::into_retained).collect();
        let receipts = receipts.into_iter().chain(self.0.lives.receipts()).collect();
        Ok(Report::new(title, period)
            .evidence(self.0.declared.clone())
            .evidence(checks::process(self.clock()).await)
            .evidence(drill(self.clock(), &self.0.screen, &self.0.sanitize).await)
            .evidence(evidence)
            .log(log)
            .entries(summary)
            .receipts(receipts, &self.log_keys(), log.origin().as_str())
            .retention(retention)
            .processing(self.0.record.clone()))
    }

    /// What this program does with data (GDPR, Article 30), from the purposes, events and
    /// stores that it declares. Keep its Markdown form beside the code, and compare it in
    /// a test.
    #[must_use]
    pub fn processing_record(&self) -> &ProcessingRecord {
        &self.0.record
    }

    /// The key that verifies the audit log and every receipt.
    #[must_use]
    pub fn log_key(&self) -> VerifyingKey {
        self.0.log.verifying_key()
    }

    /// The keys that signed the log before, newest first: receipts from then verify under
    /// them.
    #[must_use]
    pub fn earlier_log_keys(&self) -> &[VerifyingKey] {
        &self.0.earlier
    }

    /// The newest checkpoint that the witness cosigned, with its cosignature: what it covers
    /// is in the log that the witness sees too.
    #[must_use]
    pub fn cosigned_checkpoint(&self) -> Option<String> {
        self.0.witness.as_ref()?.cosigned()
    }

    /// The audit log for what is done in a declared role, checked against the rules as
    /// everything else.
    ///
    /// # Errors
    /// [`AuditError::Role`] for a role that the builder was not told.
    pub fn acting(&self, role: &Role) -> Result<impl Append + use<>, AuditError> {
        let acting = Arc::new(self.0.log.acting(role)?);
        Ok(Watched::new(acting, self.0.rules.clone(), Arc::clone(&self.0.alerts)))
    }

    /// The name under which the audit log is signed.
    #[must_use]
    pub fn log_origin(&self) -> &Origin {
        self.0.log.origin()
    }

    /// The key that verifies the receipts of consent.
    #[must_use]
    pub fn consent_key(&self) -> VerifyingKey {
        self.0.consents.verifying_key()
    }

    /// Logs and metrics; its layer is the sink for `tracing`.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Where input is processed.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.0.pipeline
    }

    /// The receipts of what this process erased anew because a store had been put back.
    #[must_use]
    pub fn receipts_of_restored(&self) -> Vec<ErasureReceipt> {
        self.0.lives.receipts()
    }

    /// The name that keeps this service's data apart.
    #[must_use]
    pub fn name(&self) -> &Namespace {
        &self.0.name
    }

    /// Takes up erasures that were not finished, for instance because a store was down.
    ///
    /// # Errors
    /// [`ServiceError::Erase`] when the journal cannot be read.
    pub async fn finish_erasures(&self) -> Result<Resumed, ServiceError> {
        Ok(self.0.erasures.resume(&self.0.stores).await?)
    }

    /// Ends when the process is asked to end (SIGINT or SIGTERM), for a server's graceful
    /// shutdown.
    pub async fn shutdown_signal(self) {
        self.0.tasks.signal().await;
    }

    /// Ends in order: background tasks, sums, telemetry, the log's last entry.
    ///
    /// # Errors
    /// [`ServiceError`] of the first step that failed; the others are done all the same.
    pub async fn stop(self) -> Result<Stopped, ServiceError> {
        self.0.tasks.stop(&self.0).await
    }

    fn log_keys(&self) -> Vec<VerifyingKey> {
        std::iter::once(self.log_key()).chain(self.0.earlier.iter().copied()).collect()
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn consents(&self) -> &Consents {
        &self.0.consents
    }

    pub(crate) fn folds(&self) -> &Folds {
        &self.0.folds
    }

    pub(crate) fn erasures(&self) -> &Erasures {
        &self.0.erasures
    }

    pub(crate) fn stores(&self) -> &[Arc<dyn Erasable>] {
        &self.0.stores
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// As [`House::note`].
    pub(crate) fn note(&self, level: Level, event: &'static str) {
        self.0.note(level, event);
    }
}

impl House {
    /// Writes an operational record and counts it; neither waits.
    pub(crate) fn note(&self, level: Level, event: &'static str) {
        let now = self.clock.now();
        let record = LogRecord::new(now, level, event);
        self.telemetry.log(record.with("service", Value::Word(self.name_label())));
        self.telemetry.measure(
            MetricPoint::new(now, "evanesce").tag("event", event_label(event)).field("count", 1.0),
        );
    }

    fn name_label(&self) -> Label {
        Label::parse(self.name.as_str()).unwrap_or(label!("service"))
    }

    /// Releases every window that is due. One that fails keeps no other one back: a
    /// window whose budget is exhausted is due until its key dies.
    pub(crate) async fn release_due(
        &self,
    ) -> Result<(Vec<ReleasedWindow>, Option<ReleaseError>), ReleaseError> {
        let (mut released, mut failed) = (Vec::new(), None);
        for window in self.folds.due().await? {
            match self.folds.release(window).await {
                Ok(window) => released.push(window),
                // Somebody else came first.
                Err(ReleaseError::AlreadyReleased | ReleaseError::Conflict) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Ok((released, failed))
    }

    async fn assemble(builder: Builder, ports: Ports) -> Result<Self, StartError> {
        let name = Namespace::new(&builder.name)?;
        let (clock, root) = (builder.clock, builder.root);
        let checked = every(&ports, &clock);
        let origin = Origin::new(&format!("evanesce/{name}"))?;
        let LogPlan { options, earlier, witness, publisher } = builder.log;
        let (signer, earlier) = log::keys(&*root, earlier)?;
        let log = log::open(options, &ports, (signer, &earlier), origin, &clock).await?;
        let post = |post| Arc::new(Webhook::new(post, Arc::clone(&clock)));
        let webhooks: Vec<_> = builder.posts.into_iter().map(post).collect();
        let mut sinks = builder.alerts;
        sinks.extend(webhooks.iter().map(|webhook| Arc::clone(webhook) as Arc<dyn AlertSink>));
        sinks.push(Arc::new(LoggedAlerts::new(Arc::clone(&log) as _)));
        let alerts: Arc<dyn AlertSink> = Arc::new(Alerts::new(sinks));
        let audit: Arc<dyn Append> = Arc::new(Watched::new(
            Arc::clone(&log) as _,
            builder.rules.clone(),
            Arc::clone(&alerts),
        ));
        checks::continuity(builder.mode, &*clock, &log).await?;
        if let Some(witness) = &witness {
            witness.ask_at_start(builder.mode, &*clock, &log).await?;
        }
        // A copy that was put back may be over its age; what is left is checked after.
        let aging = (&ports.aggregates, &ports.logs, &ports.metrics);
        enforce(aging, &clock, &*audit, None).await.ok();
        let lives = Lives::recall(&log, checked.len()).await?;
        checks::enforce(builder.mode, &*clock, &checked, &*audit).await?;
        let sessions = Sessions::new(
            SessionParts {
                namespace: name.clone(),
                store: Arc::clone(&ports.volatile.store),
                epochs: Arc::clone(&ports.volatile.epochs),
                root: match &builder.session_keys {
                    Some(keys) => Arc::clone(keys) as Arc<dyn RootProvider>,
                    None => Arc::clone(&root),
                },
                clock: Arc::clone(&clock),
                audit: Arc::clone(&audit),
            },
            SessionPolicy {
                lifetime: builder.lifetime,
                idle: builder.lifetime.min(SessionPolicy::default().idle),
                max_bytes: MAX_SESSION,
                ..SessionPolicy::default()
            },
        );
        let mut notice = Notice::new(name.as_str())?;
        for purpose in builder.purposes {
            notice = purpose(notice)?;
        }
        let consents = Consents::new(
            Arc::new(notice),
            SigningKey::from_root(&*root, b"evanesce consent receipts")?,
            root.derive(root.current(), b"evanesce consent challenges", 32)?,
            Arc::clone(&clock),
            Arc::clone(&audit),
        );
        let places =
            checked.iter().map(|store| Place { store: store.store(), class: store.class() });
        let record = record(
            Label::parse(name.as_str()).unwrap_or(label!("service")),
            consents.notice(),
            &builder.recorded,
            places.collect(),
        );
        let mut folds = Folds::new(
            Arc::clone(&ports.aggregates),
            Arc::clone(&audit),
            Arc::clone(&clock),
            builder.window.unwrap_or(WINDOW),
            BUDGET,
        );
        if let Some(keeper) = builder.spending {
            folds = folds.with_spending(keeper);
        }
        for event in builder.events {
            folds = event(folds)?;
        }
        Ok(Self {
            pipeline: Pipeline::new(PipelineParts {
                clock: Arc::clone(&clock),
                audit: Arc::clone(&audit),
                limits: builder.limits,
            }),
            telemetry: Telemetry::new(TelemetryParts {
                logs: Arc::clone(&ports.logs),
                metrics: Arc::clone(&ports.metrics),
                sanitize: Arc::clone(&builder.sanitize),
                clock: Arc::clone(&clock),
                capacity: QUEUE,
            }),
            erasures: Erasures::new(ErasuresParts {
                journal: ports.journal,
                append: Arc::clone(&audit),
                root,
                clock: Arc::clone(&clock),
            }),
            name,
            clock,
            log,
            audit,
            rules: builder.rules,
            alerts,
            earlier,
            witness,
            publisher,
            webhooks,
            sessions,
            volatile: ports.volatile,
            session_keys: builder.session_keys,
            lives,
            aggregates: ports.aggregates,
            logs: ports.logs,
            metrics: ports.metrics,
            consents,
            folds,
            record,
            sanitize: builder.sanitize,
            screen: ports.screen,
            stores: one_of_each(&checked),
            checked,
            declared: builder.declared,
            tasks: Tasks::default(),
        })
    }
}

fn every(ports: &Ports, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn Erasable>> {
    vec![
        Arc::clone(&ports.volatile.erasable),
        Arc::new(Retained::new(&ports.aggregates, DataClass::Aggregate, clock)),
        Arc::new(Retained::new(&ports.logs, DataClass::Operational, clock)),
        Arc::new(Retained::new(&ports.metrics, DataClass::Operational, clock)),
    ]
}

// An erasure remembers a store by its kind and class; two sinks of one server, or of
// this process, are one place for it.
fn one_of_each(all: &[Arc<dyn Erasable>]) -> Vec<Arc<dyn Erasable>> {
    let mut stores: Vec<Arc<dyn Erasable>> = Vec::new();
    for store in all {
        let is_new = |known: &Arc<dyn Erasable>| {
            (known.store(), known.class()) != (store.store(), store.class())
        };
        if stores.iter().all(is_new) {
            stores.push(Arc::clone(store));
        }
    }
    stores
}

fn event_label(event: &'static str) -> Label {
    Label::parse(event).unwrap_or(label!("other"))
}

/// The token's own text as what a challenge is bound to, wiped when dropped.
pub(crate) fn binding(token: &Token) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(token.to_text().as_bytes().to_vec())
}
