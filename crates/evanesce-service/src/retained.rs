use std::sync::Arc;
use std::time::Duration;

use evanesce_anonymize::AggregateStore;
use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Erasable, Error, Incarnation, Presence, StoreKind,
    Subject,
};
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
