use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Error, Fence, Label, Lease, Operation, Outcome,
    StoreKind,
};
use evanesce_crypto::random;

use crate::erasures::lock;

/// Something that removes what is too old.
///
/// # Contract
/// A run may be repeated and may be dropped at any await.
pub trait SweepJob: Send + Sync {
    /// Its name, which is also that of its lease.
    fn name(&self) -> Label;

    /// The store that it sweeps.
    fn store(&self) -> StoreKind;

    /// The class of data that lies there.
    fn class(&self) -> DataClass;

    /// For whom one run does the work: for every node where the store is a server that
    /// they share, for one where it is this process's memory or a folder.
    fn reach(&self) -> Reach {
        match self.store() {
            StoreKind::Folder | StoreKind::Memory => Reach::Node,
            _ => Reach::Service,
        }
    }

    /// Looks for what is too old, and removes it.
    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>>;
}

/// For whom a run of a job does the work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// For its own node: each node runs it.
    Node,
    /// For all nodes: whoever holds its lease runs it.
    Service,
}

/// What one run found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SweepReport {
    /// How many records were looked at.
    pub examined: u64,
    /// How many were too old, and were removed.
    pub removed: u64,
    /// By how much the oldest of them was too old.
    pub overdue: Option<Duration>,
}

/// One run of one job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SweepRun {
    /// The job.
    pub name: Label,
    /// The store that it swept.
    pub store: StoreKind,
    /// The number that its lease was given under, which grows with every holder; `None`
    /// where it ran without one.
    pub fence: Option<Fence>,
    /// How it ended.
    pub outcome: SweepOutcome,
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SweepOutcome {
    /// It went through.
    Done(SweepReport),
    /// The store failed; the job is due again after its interval.
    Failed(Error),
    /// Another node holds the lease and does the job; it is due here again by the time
    /// that the lease may lapse.
    HeldElsewhere,
}

/// Runs jobs each at its interval, and writes each run into the audit log.
pub struct Sweeper {
    parts: SweeperParts,
    schedules: Mutex<Vec<Schedule>>,
    observe: Option<Box<Observe>>,
}

type Observe = dyn Fn(&SweepRun) + Send + Sync;

/// What a sweeper works with.
pub struct SweeperParts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The audit log.
    pub append: Arc<dyn Append>,
    /// By which one of several nodes does a job of [`Reach::Service`]; `None` where there
    /// is one node.
    pub lease: Option<Arc<dyn Lease>>,
}

#[derive(Clone)]
struct Schedule {
    id: usize,
    interval: Duration,
    job: Arc<dyn SweepJob>,
    // In the clock's monotonic time.
    due: Duration,
}

impl Sweeper {
    /// The usual interval for sessions.
    pub const SESSIONS: Duration = Duration::from_secs(15 * 60);
    /// The usual interval for temporary files.
    pub const TEMPORARY_FILES: Duration = Duration::from_secs(60 * 60);
    /// The usual interval for partitions, indices and buckets.
    pub const PARTITIONS: Duration = Duration::from_secs(24 * 60 * 60);

    /// A sweeper without jobs.
    #[must_use]
    pub const fn new(parts: SweeperParts) -> Self {
        Self { parts, schedules: Mutex::new(Vec::new()), observe: None }
    }

    /// Hands every run to `observe` once it has ended: to count, to log, to show. It must
    /// not block.
    #[must_use]
    pub fn observed_by(mut self, observe: impl Fn(&SweepRun) + Send + Sync + 'static) -> Self {
        self.observe = Some(Box::new(observe));
        self
    }

    /// Adds a job. It is due at once, because nobody knows when it last ran, and
    /// then each time after the interval less up to a tenth of it, by chance, so
    /// that nodes do not all sweep at the same moment.
    #[must_use]
    pub fn every(self, interval: Duration, job: Arc<dyn SweepJob>) -> Self {
        let due = self.parts.clock.monotonic();
        let mut schedules = lock(&self.schedules);
        let id = schedules.len();
        schedules.push(Schedule { id, interval, job, due });
        drop(schedules);
        self
    }

    /// Runs the jobs that are due now, one after another.
    pub async fn run_due(&self) -> Vec<SweepRun> {
        let mut runs = Vec::new();
        while let Some(schedule) = self.next_due() {
            let run = self.one(&schedule).await;
            self.record(&schedule, &run.outcome);
            if let Some(observe) = &self.observe {
                observe(&run);
            }
            runs.push(run);
        }
        runs
    }

    /// Runs the jobs until `shutdown` ends. A run that has begun is finished first.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        loop {
            self.run_due().await;
            let mut sleep = self.parts.clock.sleep(self.wait());
            let ended = poll_fn(|context| {
                if shutdown.as_mut().poll(context).is_ready() {
                    return Poll::Ready(true);
                }
                sleep.as_mut().poll(context).map(|()| false)
            });
            if ended.await {
                return;
            }
        }
    }

    async fn one(&self, schedule: &Schedule) -> SweepRun {
        let job = &schedule.job;
        let run =
            |fence, outcome| SweepRun { name: job.name(), store: job.store(), fence, outcome };
        let lease = self.parts.lease.as_ref().filter(|_| job.reach() == Reach::Service);
        let mut held = None;
        if let Some(lease) = lease {
            // It lapses before the next run is due, and keeps the other nodes from
            // repeating the job until then.
            match lease.acquire(&job.name(), schedule.interval * 3 / 4).await {
                Ok(Some(fence)) => held = Some((lease, fence)),
                Ok(None) => {
                    self.look_again(schedule);
                    return run(None, SweepOutcome::HeldElsewhere);
                }
                // A run too many does no harm; a run too few leaves data behind.
                Err(_) => {}
            }
        }
        let fence = held.map(|(_, fence)| fence);
        match job.run().await {
            Ok(report) => run(fence, SweepOutcome::Done(report)),
            Err(error) => {
                if let Some((lease, fence)) = held {
                    // Another node may fare better. If this fails too, the lease lapses.
                    let _ = lease.release(&job.name(), fence).await;
                }
                run(fence, SweepOutcome::Failed(error))
            }
        }
    }

    // The holder may stop before its next run. Its lease has lapsed after three quarters of
    // the interval, and whoever looks each quarter keeps the interval as the ceiling.
    fn look_again(&self, schedule: &Schedule) {
        let soon = self.parts.clock.monotonic().saturating_add(schedule.interval / 4);
        let mut schedules = lock(&self.schedules);
        if let Some(own) = schedules.iter_mut().find(|own| own.id == schedule.id) {
            own.due = own.due.min(soon);
        }
    }

    fn record(&self, schedule: &Schedule, outcome: &SweepOutcome) {
        let (result, report) = match outcome {
            SweepOutcome::Done(report) => (Outcome::Done, *report),
            SweepOutcome::Failed(_) => (Outcome::Failed, SweepReport::default()),
            SweepOutcome::HeldElsewhere => return,
        };
        let now = self.parts.clock.now();
        let entry = Entry::new(now, Operation::Swept, schedule.job.class())
            .with_store(schedule.job.store())
            .with_outcome(result)
            .with_count(report.removed);
        self.parts.append.count(match report.overdue {
            Some(overdue) => entry.with_overdue(overdue),
            None => entry,
        });
    }

    // Takes the job that is longest due, and sets its next time before it runs, so
    // that two callers do not run it both.
    fn next_due(&self) -> Option<Schedule> {
        let now = self.parts.clock.monotonic();
        let mut schedules = lock(&self.schedules);
        let next = schedules.iter_mut().filter(|s| s.due <= now).min_by_key(|s| s.due)?;
        let taken = next.clone();
        next.due = now.saturating_add(next.interval.saturating_sub(jitter(next.interval)));
        // An interval of nothing would never let the others run.
        next.due = next.due.max(now.saturating_add(Duration::from_millis(1)));
        Some(taken)
    }

    fn wait(&self) -> Duration {
        let now = self.parts.clock.monotonic();
        let due = lock(&self.schedules).iter().map(|schedule| schedule.due).min();
        due.map_or(Self::PARTITIONS, |due| due.saturating_sub(now))
    }
}

// Up to a tenth. Without randomness every node sweeps at the same moment, no worse.
fn jitter(interval: Duration) -> Duration {
    let mut byte = [0];
    let chance = random(&mut byte).map_or(0, |()| u32::from(byte[0]));
    interval / 10 * chance / 256
}
