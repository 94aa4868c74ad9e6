use std::sync::Arc;
use std::time::Duration;

use evanesce_anonymize::AggregateStore;
use evanesce_core::{
    Append, BoxFuture, Ceiling, Clock, DataClass, Entry, Erasable, Error, Incarnation, Label,
    Operation, Presence, StoreKind, Subject, Timestamp, label,
};
use evanesce_purge::{SweepJob, SweepReport};
use evanesce_telemetry::{LogSink, MetricSink};

/// How often the service removes what is too old. It is part of every computed
/// ceiling, since between two rounds something may already be over its age.
pub(crate) const ENFORCEMENT: Duration = Duration::from_secs(15 * 60);

/// The age at which data of a class is removed, so that one round later it is
/// still within the class's ceiling.
pub(crate) const fn age(class: DataClass) -> Duration {
    Duration::from_secs(class.ceiling().as_secs() - ENFORCEMENT.as_secs())
}

/// A store of Class 2 or 3 as a purge sees it: it cannot address a person, and says
/// how old its data is.
pub(crate) struct Retained<S: ?Sized> {
    store: Arc<S>,
    class: DataClass,
    clock: Arc<dyn Clock>,
}

impl<S: ?Sized> Retained<S> {
    pub(crate) fn new(store: &Arc<S>, class: DataClass, clock: &Arc<dyn Clock>) -> Self {
        Self { store: Arc::clone(store), class, clock: Arc::clone(clock) }
    }
}

macro_rules! retained {
    ($port:ident) => {
        impl Erasable for Retained<dyn $port> {
            fn store(&self) -> StoreKind {
                self.store.store()
            }

            fn class(&self) -> DataClass {
                self.class
            }

            fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
                self.store.incarnation()
            }

            fn presence<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
                Box::pin(std::future::ready(Ok(Presence::NotAddressable)))
            }

            fn erase<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
                Box::pin(std::future::ready(Ok(0)))
            }

            fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
                Box::pin(async {
                    let oldest = self.store.oldest().await?;
                    Ok(oldest.map(|at| self.clock.now().since(at)))
                })
            }

            fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
                self.store.ceiling(age(self.class), ENFORCEMENT)
            }
        }
    };
}

retained!(AggregateStore);
retained!(LogSink);
retained!(MetricSink);

/// Every store that ages, as the service knows it.
pub(crate) type Aging<'a> =
    (&'a Arc<dyn AggregateStore>, &'a Arc<dyn LogSink>, &'a Arc<dyn MetricSink>);

/// What removes the data that is over its age, store by store.
pub(crate) fn too_old(
    (aggregates, logs, metrics): Aging<'_>,
    clock: &Arc<dyn Clock>,
) -> [Arc<dyn SweepJob>; 3] {
    [
        Arc::new(TooOld::new(aggregates, DataClass::Aggregate, clock)),
        Arc::new(TooOld::new(logs, DataClass::Operational, clock)),
        Arc::new(TooOld::new(metrics, DataClass::Operational, clock)),
    ]
}

/// Removes now what is over its age, from the stores of one class or of all, and writes down
/// what was removed.
///
/// # Errors
/// The first failure, after every store was tried.
pub(crate) async fn enforce(
    stores: Aging<'_>,
    clock: &Arc<dyn Clock>,
    append: &dyn Append,
    only: Option<DataClass>,
) -> Result<(), Error> {
    let mut failed = None;
    for job in too_old(stores, clock) {
        if only.is_some_and(|class| class != job.class()) {
            continue;
        }
        let enforced = async {
            let report = job.run().await?;
            if report.removed > 0 {
                let entry = Entry::new(clock.now(), Operation::RetentionEnforced, job.class())
                    .with_store(job.store())
                    .with_count(report.removed)
                    .with_overdue(report.overdue.unwrap_or_default());
                append.append(entry).await?;
            }
            Ok(())
        };
        failed = failed.or(enforced.await.err());
    }
    failed.map_or(Ok(()), Err)
}

/// Everything of one store that is over its class's age.
struct TooOld<S: ?Sized> {
    store: Arc<S>,
    class: DataClass,
    clock: Arc<dyn Clock>,
}

impl<S: ?Sized> TooOld<S> {
    fn new(store: &Arc<S>, class: DataClass, clock: &Arc<dyn Clock>) -> Self {
        Self { store: Arc::clone(store), class, clock: Arc::clone(clock) }
    }

    fn before(&self) -> Timestamp {
        self.clock.now().minus(age(self.class))
    }
}

macro_rules! too_old {
    ($port:ident, $name:literal) => {
        impl SweepJob for TooOld<dyn $port> {
            fn name(&self) -> Label {
                label!($name)
            }

            fn store(&self) -> StoreKind {
                self.store.store()
            }

            fn class(&self) -> DataClass {
                self.class
            }

            fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
                Box::pin(async {
                    let before = self.before();
                    let oldest = self.store.oldest().await?;
                    let removed = self.store.enforce(before).await?;
                    let overdue = oldest.filter(|at| *at < before).map(|at| before.since(at));
                    Ok(SweepReport { examined: removed, removed, overdue })
                })
            }
        }
    };
}

too_old!(AggregateStore, "old aggregates");
too_old!(LogSink, "old logs");
too_old!(MetricSink, "old metrics");
