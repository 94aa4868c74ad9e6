//! A house over stores that a test can look into, fail and slow down.
#![allow(dead_code, reason = "not every test uses everything")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

pub(crate) mod stores;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use evanesce_audit::decode;
use evanesce_consent::Choices;
use evanesce_core::{Entry, Granted, Lifetime, Operation, Purpose};
use evanesce_crypto::Root;
use evanesce_macros::{Category, Ephemeral, Event, Purpose};
use evanesce_service::{Builder, Evanesce, Session};
use evanesce_testkit::ManualClock;
use tokio::task::JoinHandle;

use self::stores::{Aggregates, Audit, Journal, Keeper, Logs, Metrics, SharedRoot, Volatiles};

pub(crate) const ADDRESS: &str = "ada.lovelace@example.org";
pub(crate) const SECRET: &str = "the garden party is on Thursday";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

#[derive(Ephemeral)]
pub(crate) struct Visit {
    pub(crate) address: String,
    pub(crate) text: String,
    pub(crate) number: u64,
}

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
pub(crate) struct Usage;

#[derive(Purpose)]
#[purpose(notice = "Which newsletters are read", basis = "consent", keep = "12 months")]
pub(crate) struct Marketing;

#[derive(Category, Clone, Copy)]
pub(crate) enum Topic {
    Energy,
    Travel,
    Other,
}

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
pub(crate) struct Composed {
    pub(crate) topic: Topic,
}

/// Everything that a house of a test stands on; it outlives the house, as servers do.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) clock: ManualClock,
    pub(crate) root: SharedRoot,
    pub(crate) volatiles: Volatiles,
    pub(crate) aggregates: Aggregates,
    pub(crate) audit: Audit,
    pub(crate) keeper: Keeper,
    pub(crate) journal: Journal,
    pub(crate) logs: Logs,
    pub(crate) metrics: Metrics,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        Self {
            root: SharedRoot(Arc::new(Root::generate().unwrap())),
            volatiles: Volatiles::new(&clock),
            aggregates: Aggregates::new(&clock),
            audit: Audit::new(),
            keeper: Keeper::new(),
            journal: Journal::new(),
            logs: Logs::new(&clock),
            metrics: Metrics::new(&clock),
            clock,
        }
    }

    pub(crate) fn builder(&self) -> Builder {
        Evanesce::builder("tests", self.root.clone())
            .clock(self.clock.clone())
            .sessions(self.volatiles.clone(), const { Lifetime::hours(4) })
            .aggregates(self.aggregates.clone())
            .audit(self.audit.clone())
            .checkpoint_keeper(self.keeper.clone())
            .journal(self.journal.clone())
            .logs(self.logs.clone())
            .metrics(self.metrics.clone())
            .event::<Composed>()
            .purpose::<Marketing>()
    }

    /// A house whose background tasks have made their first round.
    pub(crate) async fn start(&self) -> Evanesce {
        let house = self.builder().start().await.unwrap();
        self.settled(3).await;
        house
    }

    /// Waits until so many tasks sleep: three of the house, and those of the test.
    pub(crate) async fn settled(&self, sleepers: usize) {
        while self.clock.sleepers() < sleepers {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass, and waits until the background tasks have done what is due.
    pub(crate) async fn pass(&self, duration: Duration) {
        self.settled(3).await;
        self.clock.advance(duration);
        self.settled(3).await;
    }

    /// Lets time pass until a task has ended, second by second.
    pub(crate) async fn ended<T>(&self, task: JoinHandle<T>) -> T {
        while !task.is_finished() {
            self.clock.advance(Duration::from_secs(1));
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        task.await.unwrap()
    }

    /// Everything that the audit log holds.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.audit.leaves().iter().map(|leaf| decode(leaf).unwrap()).collect()
    }

    pub(crate) fn count(&self, operation: Operation) -> u64 {
        let entries = self.entries();
        entries.iter().filter(|e| e.operation() == operation).map(Entry::count).sum()
    }
}

pub(crate) fn visit(number: u64) -> Visit {
    Visit { address: ADDRESS.to_owned(), text: SECRET.to_owned(), number }
}

pub(crate) async fn opened(house: &Evanesce) -> Session<Visit> {
    house.open(&visit(1)).await.unwrap()
}

pub(crate) async fn agreed(session: &Session<Visit>) -> Granted<Usage> {
    let challenge = session.ask().unwrap();
    let choices = Choices::new().accept(Usage::id());
    session.answer(challenge.text(), &choices).await.unwrap();
    session.granted::<Usage>().await.unwrap()
}

/// The number that a session holds, if it can be read.
pub(crate) async fn number(session: &Session<Visit>) -> Option<u64> {
    let processed = session.process(|visit, _| visit.number).await.ok()?;
    Some(processed.into_parts().0)
}

/// Drives a future for so many steps, and drops it at the await where it then stands.
pub(crate) async fn cut<F: Future>(future: F, steps: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), steps);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
