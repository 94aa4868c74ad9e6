use std::sync::Arc;

use evanesce_anonymize::{
    AggregateStore, Epsilon, Event, Folds, Gate, MemoryAggregates, RegisterError, SpendingKeeper,
    WindowLength,
};
use evanesce_audit::{
    AlertSink, AuditStore, CheckpointKeeper, MemoryAudit, MemoryKeeper, Post, Rules,
};
use evanesce_consent::{Notice, NoticeError};
use evanesce_core::{
    Clock, Erasable, Evidence, Lease, Lifetime, Purpose, Sanitize, Screen, SystemClock,
};
use evanesce_crypto::{RootFile, RootProvider};
use evanesce_detect::{EgressScreen, Scanner};
use evanesce_pipeline::Limits;
use evanesce_purge::{ErasureJournal, MemoryJournal};
use evanesce_session::{EpochStore, MemoryStore, SessionStore};
use evanesce_telemetry::{LogSink, MemoryLogSink, MemoryMetricSink, MetricSink};

use crate::StartError;
use crate::house::Evanesce;
use crate::log::LogPlan;
use crate::record::Declared;

/// The noise of an event that is declared without a gate of its own: epsilon 1, shown
/// from a noisy count of 20.
const GATE: Gate = Gate::differential(Epsilon::micros(1_000_000), 20);

type DeclarePurpose = Box<dyn FnOnce(Notice) -> Result<Notice, NoticeError> + Send>;
type DeclareEvent = Box<dyn FnOnce(Folds) -> Result<Folds, RegisterError> + Send>;

/// What to do with a configuration that cannot keep a promise.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// Starts all the same, and says so in the audit log and in every report.
    ReportOnly,
    /// Refuses to start, and names the setting to change.
    #[default]
    Strict,
}

/// A store that serves Class 1: sessions, their epochs, erasure, and the leases by which
/// one of several nodes does what is done once for all.
pub trait Volatile: SessionStore + EpochStore + Erasable + Lease + 'static {}

impl<S: SessionStore + EpochStore + Erasable + Lease + 'static> Volatile for S {}

/// A store that serves what has to be durable: aggregates, the audit log and the
/// erasure journal.
pub trait Durable: AggregateStore + AuditStore + ErasureJournal + 'static {}

impl<S: AggregateStore + AuditStore + ErasureJournal + 'static> Durable for S {}

/// Puts a service together. Whatever is not named stays in this process's memory, and
/// is gone with it.
pub struct Builder {
    pub(crate) name: String,
    pub(crate) root: Arc<dyn RootProvider>,
    pub(crate) session_keys: Option<Arc<RootFile>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) lifetime: Lifetime,
    pub(crate) purposes: Vec<DeclarePurpose>,
    pub(crate) events: Vec<DeclareEvent>,
    pub(crate) recorded: Vec<Declared>,
    pub(crate) window: Option<WindowLength>,
    pub(crate) spending: Option<Arc<dyn SpendingKeeper>>,
    pub(crate) declared: Vec<Evidence>,
    pub(crate) protect: bool,
    pub(crate) rules: Rules,
    pub(crate) alerts: Vec<Arc<dyn AlertSink>>,
    pub(crate) posts: Vec<Arc<dyn Post>>,
    pub(crate) sanitize: Arc<dyn Sanitize>,
    pub(crate) log: LogPlan,
    screen: Option<Arc<dyn Screen>>,
    pub(crate) volatile: Option<VolatilePorts>,
    pub(crate) aggregates: Option<Arc<dyn AggregateStore>>,
    pub(crate) audit: Option<Arc<dyn AuditStore>>,
    pub(crate) keeper: Option<Arc<dyn CheckpointKeeper>>,
    pub(crate) journal: Option<Arc<dyn ErasureJournal>>,
    pub(crate) logs: Option<Arc<dyn LogSink>>,
    pub(crate) metrics: Option<Arc<dyn MetricSink>>,
}

/// Every port, with what was not named in memory.
pub(crate) struct Ports {
    pub(crate) screen: Arc<dyn Screen>,
    pub(crate) volatile: VolatilePorts,
    pub(crate) aggregates: Arc<dyn AggregateStore>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) keeper: Arc<dyn CheckpointKeeper>,
    pub(crate) journal: Arc<dyn ErasureJournal>,
    pub(crate) logs: Arc<dyn LogSink>,
    pub(crate) metrics: Arc<dyn MetricSink>,
}

/// One store of Class 1 by the ports that it serves.
#[derive(Clone)]
pub(crate) struct VolatilePorts {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) epochs: Arc<dyn EpochStore>,
    pub(crate) erasable: Arc<dyn Erasable>,
    pub(crate) lease: Arc<dyn Lease>,
}

impl VolatilePorts {
    fn new<S: Volatile>(store: S) -> Self {
        Self::shared(Arc::new(store))
    }

    pub(crate) fn shared<S: Volatile>(store: Arc<S>) -> Self {
        Self {
            store: Arc::clone(&store) as _,
            epochs: Arc::clone(&store) as _,
            erasable: Arc::clone(&store) as _,
            lease: store,
        }
    }
}

impl Builder {
    pub(crate) fn new(name: &str, root: impl RootProvider + 'static) -> Self {
        Self {
            name: name.to_owned(),
            root: Arc::new(root),
            session_keys: None,
            clock: Arc::new(SystemClock),
            mode: Mode::default(),
            limits: Limits::default(),
            lifetime: Lifetime::default(),
            purposes: Vec::new(),
            events: Vec::new(),
            recorded: Vec::new(),
            window: None,
            spending: None,
            declared: Vec::new(),
            protect: false,
            rules: Rules::standard(),
            alerts: Vec::new(),
            posts: Vec::new(),
            log: LogPlan::default(),
            screen: None,
            sanitize: Arc::new(Scanner::default()),
            volatile: None,
            aggregates: None,
            audit: None,
            keeper: None,
            journal: None,
            logs: None,
            metrics: None,
        }
    }

    /// Where sessions lie, and how long they live: `const { Lifetime::hours(4) }`.
    #[must_use]
    pub fn sessions<S: Volatile>(mut self, store: S, lifetime: Lifetime) -> Self {
        self.volatile = Some(VolatilePorts::new(store));
        self.lifetime = lifetime;
        self
    }

    /// Keys of their own for sessions, which an emergency purge can retire without touching
    /// those that sign the log: then an old dump of the store opens nothing, even beside an
    /// old token. Keep the file outside the store and its backups, and give it to every node
    /// of this machine. Without it epochs are wrapped under the root, which no purge retires.
    #[must_use]
    pub fn session_keys(mut self, keys: RootFile) -> Self {
        self.session_keys = Some(Arc::new(keys));
        self
    }

    /// One store for aggregates, the audit log and the erasure journal.
    #[must_use]
    pub fn aggregates_and_audit<S: Durable>(mut self, store: S) -> Self {
        let store = Arc::new(store);
        self.aggregates = Some(Arc::clone(&store) as _);
        self.audit = Some(Arc::clone(&store) as _);
        self.journal = Some(store);
        self
    }

    /// Where aggregates lie.
    #[must_use]
    pub fn aggregates(mut self, store: impl AggregateStore + 'static) -> Self {
        self.aggregates = Some(Arc::new(store));
        self
    }

    /// Where the audit log lies.
    #[must_use]
    pub fn audit(mut self, store: impl AuditStore + 'static) -> Self {
        self.audit = Some(Arc::new(store));
        self
    }

    /// Where the newest checkpoint is held outside the log's own store.
    #[must_use]
    pub fn checkpoint_keeper(mut self, keeper: impl CheckpointKeeper + 'static) -> Self {
        self.keeper = Some(Arc::new(keeper));
        self
    }

    /// Where requests to erase are remembered.
    #[must_use]
    pub fn journal(mut self, journal: impl ErasureJournal + 'static) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Where sanitised logs go.
    #[must_use]
    pub fn logs(mut self, sink: impl LogSink + 'static) -> Self {
        self.logs = Some(Arc::new(sink));
        self
    }

    /// Where metrics go.
    #[must_use]
    pub fn metrics(mut self, sink: impl MetricSink + 'static) -> Self {
        self.metrics = Some(Arc::new(sink));
        self
    }

    /// A purpose that people are asked about.
    #[must_use]
    pub fn purpose<P: Purpose>(mut self) -> Self {
        self.purposes.push(Box::new(Notice::purpose::<P>));
        self
    }

    /// An event that is counted; its purpose appears in the notice. Its table is released
    /// with differential privacy: epsilon 1 in each window, shown from a noisy count of 20.
    #[must_use]
    pub fn event<E: Event + 'static>(self) -> Self {
        self.event_through::<E>(GATE)
    }

    /// An event with a gate of its own.
    #[must_use]
    pub fn event_through<E: Event + 'static>(mut self, gate: Gate) -> Self {
        self.events.push(Box::new(move |folds| folds.register::<E>(gate)));
        self.recorded.push(Declared::of::<E>());
        self.purpose::<E::Purpose>()
    }

    /// How long a window of aggregates is; otherwise one hour.
    #[must_use]
    pub const fn window(mut self, length: WindowLength) -> Self {
        self.window = Some(length);
        self
    }

    /// Where what is spent of budgets is noted outside of the aggregates' store: with it a
    /// store that went back in time releases nothing that was released before. All nodes
    /// of one service share it.
    #[must_use]
    pub fn spending(mut self, keeper: impl SpendingKeeper + 'static) -> Self {
        self.spending = Some(Arc::new(keeper));
        self
    }

    /// Evidence for every report, such as what the operator declares or an adapter read
    /// of its server's settings.
    #[must_use]
    pub fn evidence(mut self, evidence: Vec<Evidence>) -> Self {
        self.declared.extend(evidence);
        self
    }

    /// The rules that operations are checked against when they happen; otherwise
    /// [`Rules::standard`].
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Who is told of each operation that breaks a rule, at the moment it is written. It
    /// must not block. The audit log is told always.
    #[must_use]
    pub fn alerts(mut self, sink: impl AlertSink + 'static) -> Self {
        self.alerts.push(Arc::new(sink));
        self
    }

    /// Where alerts are sent, again and again until somebody takes them; `HttpsPost` of the
    /// feature `webhook` is one way.
    #[must_use]
    pub fn alerts_to(mut self, post: impl Post + 'static) -> Self {
        self.posts.push(Arc::new(post));
        self
    }

    /// The screen for output; otherwise the leak detector with nothing allowed.
    #[must_use]
    pub fn screen(mut self, screen: impl Screen + 'static) -> Self {
        self.screen = Some(Arc::new(screen));
        self
    }

    /// The limits of processing.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Forbids core dumps of this process and its tracing by the same user, for its whole
    /// life, before anything is read from a store. The report says what the kernel
    /// answered, whether or not this was chosen: a debugger or a profiler that attaches
    /// cannot be used with it.
    #[must_use]
    pub const fn protect_process(mut self) -> Self {
        self.protect = true;
        self
    }

    /// What to do with a configuration that cannot keep a promise.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The clock; a manual one in tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks every promise against the stores as they are configured now, verifies the
    /// audit log, takes up erasures that were not finished, and starts the background
    /// tasks.
    ///
    /// # Errors
    /// [`StartError`], which names the store and the setting to change.
    pub async fn start(mut self) -> Result<Evanesce, StartError> {
        let ports = self.ports()?;
        Evanesce::start(self, ports).await
    }

    fn ports(&mut self) -> Result<Ports, StartError> {
        let clock = Arc::clone(&self.clock);
        let volatile = match self.volatile.take() {
            Some(ports) => ports,
            None => VolatilePorts::new(MemoryStore::new(Arc::clone(&clock))?),
        };
        let aggregates = match self.aggregates.take() {
            Some(store) => store,
            None => Arc::new(MemoryAggregates::new(Arc::clone(&clock))?),
        };
        let logs = || Arc::new(MemoryLogSink::new(Arc::clone(&clock)));
        let metrics = || Arc::new(MemoryMetricSink::new(Arc::clone(&clock)));
        let screen = || Arc::new(EgressScreen::new(Scanner::default()));
        Ok(Ports {
            volatile,
            aggregates,
            audit: self.audit.take().unwrap_or_else(|| Arc::new(MemoryAudit::new())),
            keeper: self.keeper.take().unwrap_or_else(|| Arc::new(MemoryKeeper::new())),
            journal: self.journal.take().unwrap_or_else(|| Arc::new(MemoryJournal::new())),
            logs: self.logs.take().unwrap_or_else(|| logs()),
            metrics: self.metrics.take().unwrap_or_else(|| metrics()),
            screen: self.screen.take().unwrap_or_else(|| screen()),
        })
    }
}
