use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, DataClass, Entry, Error, ErrorKind, Incarnation, Label, Operation, StoreKind, label,
};
use evanesce_crypto::RootFile;
use evanesce_purge::{
    EndEpochs, Forget, Reach, Reclaim, Removed, RetireKeys, SweepJob, SweepOutcome, SweepReport,
    SweepRun, Sweeper, SweeperParts,
};
use evanesce_session::{SessionError, Sessions};
use evanesce_telemetry::{Level, MetricPoint};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ServiceError;
use crate::builder::VolatilePorts;
use crate::house::House;
use crate::retained::{ENFORCEMENT, age, too_old};

/// How often counted entries, sums and telemetry are carried to their stores.
const FLUSH: Duration = Duration::from_secs(1);
/// How often ended windows are released and unfinished erasures are taken up.
const MINUTE: Duration = Duration::from_secs(60);
/// How often the log says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15 * 60);
/// How often fresh epochs follow those that are current. At the start of a process too: a
/// tag whose last epoch drains still is left alone, so that restarts renew nothing twice.
const EPOCH: Duration = Duration::from_secs(24 * 3600);
/// How many expired sessions one sweep removes at a time.
const BATCH: usize = 10_000;

/// The background tasks of one service.
#[derive(Default)]
pub(crate) struct Tasks {
    ending: CancellationToken,
    running: Mutex<JoinSet<()>>,
}

/// What was lost until the end, each in its own unit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stopped {
    /// Counted operations that never reached the audit log.
    pub lost_entries: u64,
    /// Log records and metric points that never reached their stores.
    pub dropped_telemetry: u64,
}

impl Tasks {
    pub(crate) fn spawn(&self, house: &Arc<House>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.spawn(repeat(house, self.ending.clone(), FLUSH, |house| {
            Box::pin(async move { drop(flush(&house).await) })
        }));
        running.spawn(repeat(house, self.ending.clone(), HEARTBEAT, |house| {
            // One that does not arrive shows as a gap, which is what it is for.
            Box::pin(async move {
                drop(house.log.heartbeat().await);
                // A store that does not answer shows as a gap too.
                house.telemetry.report_ages().await.ok();
                house.cosign().await;
            })
        }));
        if house.publisher.is_some() {
            running.spawn(repeat(house, self.ending.clone(), MINUTE, |house| {
                Box::pin(async move {
                    if house.publish().await.is_err() {
                        house.note(Level::Warn, "log.unpublished");
                    }
                })
            }));
        }
        for webhook in &house.webhooks {
            let (ending, webhook) = (self.ending.clone(), Arc::clone(webhook));
            running.spawn(async move {
                tokio::select! {
                    () = webhook.run() => {}
                    () = ending.cancelled() => {}
                }
            });
        }
        let ending = self.ending.clone();
        let sweeper = sweeper(house);
        running.spawn(async move { sweeper.run(ending.cancelled()).await });
    }

    /// Ends when the process is asked to end, or the service is.
    pub(crate) async fn signal(&self) {
        let interrupt = tokio::signal::ctrl_c();
        tokio::select! {
            _ = interrupt => {}
            () = terminated() => {}
            () = self.ending.cancelled() => {}
        }
    }

    pub(crate) async fn stop(&self, house: &House) -> Result<Stopped, ServiceError> {
        self.ending.cancel();
        let mut running =
            std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        while running.join_next().await.is_some() {}
        // What has ended is released now, because the keys of this process end with it.
        // A failure hinders no other step.
        house.release_due().await.ok();
        let flushed = flush(house).await;
        let ended = Operation::ServiceStopped;
        let entry = Entry::new(house.clock.now(), ended, ended.class());
        let logged = house.audit.append(entry).await.map_err(ServiceError::Audit);
        let published = house.publish().await;
        flushed?;
        logged?;
        published.map_err(|error| ServiceError::Audit(error.into_port(StoreKind::Folder)))?;
        let dropped_telemetry = house.telemetry.dropped() + house.telemetry.refused();
        Ok(Stopped { lost_entries: house.log.lost(), dropped_telemetry })
    }
}

// Does something at once and then each time that the interval has passed, as long as the
// house is there.
fn repeat(
    house: &Arc<House>,
    ending: CancellationToken,
    interval: Duration,
    step: fn(Arc<House>) -> BoxFuture<'static, ()>,
) -> impl Future<Output = ()> + use<> {
    let house = Arc::downgrade(house);
    async move {
        while let Some(house) = house.upgrade() {
            let sleep = house.clock.sleep(interval);
            step(house).await;
            tokio::select! {
                () = sleep => {}
                () = ending.cancelled() => return,
            }
        }
    }
}

async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

async fn flush(house: &House) -> Result<(), ServiceError> {
    let folded = house.folds.flush().await;
    let flushed = house.telemetry.flush().await;
    if flushed.stored > 0 {
        let written = Operation::TelemetryWritten;
        let entry = Entry::new(house.clock.now(), written, written.class());
        house.audit.count(entry.with_count(flushed.stored).with_store(house.logs.store()));
    }
    house.log.flush().await.map_err(ServiceError::Audit)?;
    folded?;
    Ok(())
}

fn sweeper(house: &Arc<House>) -> Sweeper {
    let parts = SweeperParts {
        clock: Arc::clone(&house.clock),
        append: Arc::clone(&house.audit),
        lease: Some(Arc::clone(&house.volatile.lease)),
    };
    let observed = Arc::downgrade(house);
    let sweeper = Sweeper::new(parts)
        .observed_by(move |run| {
            if let Some(house) = observed.upgrade() {
                tell(&house, run);
            }
        })
        .every(Sweeper::SESSIONS, Arc::new(Expired(house.volatile.clone())))
        .every(ENFORCEMENT, Arc::new(OldEntries(Arc::downgrade(house))))
        .every(EPOCH, Arc::new(Epochs(house.sessions.clone(), house.volatile.store.store())))
        .every(MINUTE, Arc::new(Windows(Arc::downgrade(house))))
        .every(MINUTE, Arc::new(OpenErasures(Arc::downgrade(house))))
        .every(MINUTE, Arc::new(Replaced(Arc::downgrade(house))))
        .every(EPOCH, Arc::new(Seen(Arc::downgrade(house))));
    let stores = (&house.aggregates, &house.logs, &house.metrics);
    let old = too_old(stores, &house.clock).into_iter();
    old.fold(sweeper, |sweeper, job| sweeper.every(ENFORCEMENT, job))
}

/// A metric of each run, and a log record of what is out of the ordinary.
fn tell(house: &House, run: &SweepRun) {
    let now = house.clock.now();
    let point = |outcome: &'static str| {
        MetricPoint::new(now, "evanesce_sweeps")
            .tag("job", run.name.clone())
            .tag("outcome", Label::new(outcome))
            .field("count", 1.0)
    };
    let point = match &run.outcome {
        SweepOutcome::Done(report) => {
            let overdue = report.overdue.unwrap_or_default();
            point("done")
                .field("removed", report.removed as f64)
                .field("overdue_seconds", overdue.as_secs_f64())
        }
        SweepOutcome::Failed(_) => {
            house.note(Level::Warn, "sweep.failed");
            point("failed")
        }
        SweepOutcome::HeldElsewhere => return,
    };
    house.telemetry.measure(point);
}

/// Expired sessions, which their store hides by itself: here they are measured and go.
struct Expired(VolatilePorts);

impl SweepJob for Expired {
    fn name(&self) -> Label {
        label!("expired sessions")
    }

    fn store(&self) -> StoreKind {
        self.0.store.store()
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let mut report = SweepReport::default();
            loop {
                let swept = self.0.store.sweep(BATCH).await?;
                let removed = swept.expired + swept.without_expiry;
                report.examined += swept.examined;
                report.removed += removed;
                if swept.expired > 0 {
                    report.overdue = report.overdue.max(Some(swept.overdue));
                }
                if removed < BATCH as u64 {
                    return Ok(report);
                }
            }
        })
    }
}

/// Epochs that have been current for long.
struct Epochs(Sessions, StoreKind);

impl SweepJob for Epochs {
    fn name(&self) -> Label {
        label!("epochs to renew")
    }

    fn store(&self) -> StoreKind {
        self.1
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let begun = self.0.rotate_epochs().await.map_err(|error| match error {
                SessionError::Store(error) => error,
                _ => Error::new(ErrorKind::Unavailable, self.store(), "no epoch could be begun"),
            })?;
            Ok(SweepReport { examined: begun, removed: 0, overdue: None })
        })
    }
}

/// Servers that were restored, replaced or promoted: what lies there is erased anew.
struct Replaced(std::sync::Weak<House>);

impl SweepJob for Replaced {
    fn name(&self) -> Label {
        label!("replaced stores")
    }

    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn class(&self) -> DataClass {
        DataClass::Operational
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let Some(house) = self.0.upgrade() else { return Ok(SweepReport::default()) };
            let removed = house.recognise().await?;
            let examined = house.stores.len() as u64;
            Ok(SweepReport { examined, removed, overdue: None })
        })
    }
}

/// Which lives the stores are in, written down where the next start finds them.
struct Seen(std::sync::Weak<House>);

impl SweepJob for Seen {
    fn name(&self) -> Label {
        label!("stores seen")
    }

    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn class(&self) -> DataClass {
        DataClass::Operational
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let Some(house) = self.0.upgrade() else { return Ok(SweepReport::default()) };
            let examined = house.restate().await?;
            Ok(SweepReport { examined, removed: 0, overdue: None })
        })
    }
}

/// Entries of the audit log that are over the age of technical data. Their hashes stay.
struct OldEntries(std::sync::Weak<House>);

impl SweepJob for OldEntries {
    fn name(&self) -> Label {
        label!("old audit entries")
    }

    fn store(&self) -> StoreKind {
        StoreKind::Folder
    }

    fn class(&self) -> DataClass {
        DataClass::Operational
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let Some(house) = self.0.upgrade() else { return Ok(SweepReport::default()) };
            let enforced = house.log.enforce(age(DataClass::Operational)).await;
            let enforced = enforced.map_err(|error| error.into_port(self.store()))?;
            Ok(SweepReport { examined: enforced.pruned, removed: enforced.pruned, overdue: None })
        })
    }
}

/// Windows that have ended: released, or their keys destroyed in time.
struct Windows(std::sync::Weak<House>);

impl SweepJob for Windows {
    fn name(&self) -> Label {
        label!("ended windows")
    }

    fn store(&self) -> StoreKind {
        self.0.upgrade().map_or(StoreKind::Memory, |house| house.aggregates.store())
    }

    fn class(&self) -> DataClass {
        DataClass::Aggregate
    }

    // The keys of windows lie in the node that made them.
    fn reach(&self) -> Reach {
        Reach::Node
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let Some(house) = self.0.upgrade() else { return Ok(SweepReport::default()) };
            let failed = |_| {
                let store = house.aggregates.store();
                Error::new(ErrorKind::Unavailable, store, "a window could not be released")
            };
            // Keys whose time is over die whatever became of the releases.
            let released = house.release_due().await;
            let swept = house.folds.sweep().await.map_err(failed)?;
            let (released, error) = released.map_err(failed)?;
            error.map_or(Ok(()), |error| Err(failed(error)))?;
            let removed = released.len() as u64 + swept.windows;
            Ok(SweepReport { examined: removed, removed, overdue: None })
        })
    }
}

/// Erasures that a failing store or log left open.
struct OpenErasures(std::sync::Weak<House>);

impl SweepJob for OpenErasures {
    fn name(&self) -> Label {
        label!("open erasures")
    }

    fn store(&self) -> StoreKind {
        self.0.upgrade().map_or(StoreKind::Memory, |house| house.erasures.store())
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            let Some(house) = self.0.upgrade() else { return Ok(SweepReport::default()) };
            let resumed = house.erasures.resume(&house.stores).await.map_err(|_| {
                Error::new(ErrorKind::Unavailable, self.store(), "the journal cannot be read")
            })?;
            let removed = resumed.receipts.len() as u64;
            let examined = removed + resumed.open.len() as u64;
            Ok(SweepReport { examined, removed, overdue: None })
        })
    }
}

/// All of Class 1, for an emergency.
pub(crate) struct Everything(pub(crate) VolatilePorts);

impl EndEpochs for Everything {
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.0.epochs.end()
    }
}

impl Reclaim for Everything {
    fn store(&self) -> StoreKind {
        self.0.store.store()
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.0.store.incarnation()
    }

    fn remaining(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.0.store.unreadable()
    }

    fn reclaim<'a>(&'a self, removed: &'a Removed<'a>) -> BoxFuture<'a, Result<u64, Error>> {
        self.0.store.reclaim_observed(removed)
    }
}

/// The keys of open windows, with what was counted under them, for an emergency.
pub(crate) struct OpenWindows(pub(crate) Arc<House>);

impl Forget for OpenWindows {
    fn name(&self) -> Label {
        label!("open windows")
    }

    fn forget(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async {
            let ended = self.0.folds.end_all().await;
            let store = self.0.aggregates.store();
            let failed =
                |_| Error::new(ErrorKind::Unavailable, store, "a window could not be ended");
            Ok(ended.map_err(failed)?.windows)
        })
    }
}

/// Log records and metrics that wait for their stores, for an emergency.
pub(crate) struct Waiting(pub(crate) Arc<House>);

impl Forget for Waiting {
    fn name(&self) -> Label {
        label!("waiting telemetry")
    }

    fn forget(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(std::future::ready(Ok(self.0.telemetry.discard())))
    }
}

/// The keys that wrap the epochs of sessions, for an emergency.
pub(crate) struct SessionKeys(pub(crate) Arc<RootFile>);

impl RetireKeys for SessionKeys {
    fn retire(&self) -> BoxFuture<'_, Result<u64, Error>> {
        let retired = || {
            let before = self.0.versions()?.len() as u64;
            self.0.retire_all()?;
            Ok(before)
        };
        let retired: Result<u64, evanesce_crypto::CryptoError> = retired();
        Box::pin(std::future::ready(retired.map_err(|_| KEYS)))
    }
}

const KEYS: Error =
    Error::new(ErrorKind::Unavailable, StoreKind::Folder, "the file of keys cannot be changed");
