use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Clock, Error, Label, StoreKind, Timestamp};

/// A fact with the way and the time in which it was found out.
///
/// Reports and receipts are made of nothing else. There is no constructor that
/// takes a result: [`Evidence::measure`] asks a [`Probe`], and what somebody only
/// says is [`Evidence::declared`] and stays marked so. For the same reason it is
/// written to documents and never read from one.
///
/// ```
/// # use evanesce_core::{Evidence, FnProbe, Label, Reading, Standing, StoreKind, SystemClock};
/// let probe = FnProbe::new(
///     StoreKind::Memory,
///     Label::new("open sessions"),
///     Label::new("length of the map"),
///     || Ok(Reading::Count(0)),
/// );
/// let evidence = pollster(Evidence::measure(&SystemClock, &probe));
/// assert_eq!(evidence.standing(), Standing::Measured);
/// # fn pollster<T>(future: impl Future<Output = T>) -> T {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Evidence {
    store: StoreKind,
    fact: Label,
    reading: Option<Reading>,
    standing: Standing,
    method: Label,
    at: Timestamp,
}

impl Evidence {
    /// Asks the probe now. A probe that fails gives [`Standing::Unknown`], never
    /// a guess.
    pub async fn measure(clock: &dyn Clock, probe: &dyn Probe) -> Self {
        let reading = probe.read().await.ok();
        Self {
            store: probe.store(),
            fact: probe.fact(),
            standing: if reading.is_some() { Standing::Measured } else { Standing::Unknown },
            reading,
            method: probe.method(),
            at: clock.now(),
        }
    }

    /// What an operator says and nobody measured, such as disk encryption.
    #[must_use]
    pub fn declared(clock: &dyn Clock, store: StoreKind, fact: Label, reading: Reading) -> Self {
        Self {
            store,
            fact,
            reading: Some(reading),
            standing: Standing::Declared,
            method: Label::new("declared by the operator"),
            at: clock.now(),
        }
    }

    /// The store that it is about; [`StoreKind::Memory`] for this process.
    #[must_use]
    pub const fn store(&self) -> StoreKind {
        self.store
    }

    /// What was asked.
    #[must_use]
    pub const fn fact(&self) -> &Label {
        &self.fact
    }

    /// The answer, unless the probe failed.
    #[must_use]
    pub const fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    /// How far the answer can be relied on.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// How it was found out.
    #[must_use]
    pub const fn method(&self) -> &Label {
        &self.method
    }

    /// When it was found out.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

/// How far a piece of evidence can be relied on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Somebody says so.
    Declared,
    /// It was read.
    Measured,
    /// It could not be read.
    Unknown,
}

impl Standing {
    /// The name as it is written in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Measured => "measured",
            Self::Unknown => "unknown",
        }
    }
}

/// What a probe read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reading {
    /// A number of things.
    Count(u64),
    /// Whether the fact holds.
    Holds(bool),
    /// A duration in milliseconds.
    Millis(u64),
    /// One word of a closed set, such as the value of a setting.
    Word(Label),
}

impl Reading {
    /// A duration as a reading.
    #[must_use]
    pub fn duration(duration: Duration) -> Self {
        Self::Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Holds(true) => f.write_str("yes"),
            Self::Holds(false) => f.write_str("no"),
            Self::Millis(ms) if *ms < 10_000 => write!(f, "{ms} ms"),
            Self::Millis(ms) if *ms < 7_200_000 => write!(f, "{} s", ms / 1000),
            Self::Millis(ms) if *ms < 172_800_000 => write!(f, "{} h", ms / 3_600_000),
            Self::Millis(ms) => write!(f, "{} days", ms / 86_400_000),
            Self::Word(word) => f.write_str(word.as_str()),
        }
    }
}

/// Something that can find out one fact.
pub trait Probe: Send + Sync {
    /// The store that is asked.
    fn store(&self) -> StoreKind;
    /// What is asked.
    fn fact(&self) -> Label;
    /// How it is found out.
    fn method(&self) -> Label;
    /// Finds it out.
    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>>;
}

/// A probe from a closure that needs no await.
pub struct FnProbe<F> {
    store: StoreKind,
    fact: Label,
    method: Label,
    read: F,
}

impl<F> FnProbe<F>
where
    F: Fn() -> Result<Reading, Error> + Send + Sync,
{
    /// A probe that calls `read`.
    #[must_use]
    pub const fn new(store: StoreKind, fact: Label, method: Label, read: F) -> Self {
        Self { store, fact, method, read }
    }
}

impl<F> fmt::Debug for FnProbe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnProbe").field("fact", &self.fact).finish_non_exhaustive()
    }
}

impl<F> Probe for FnProbe<F>
where
    F: Fn() -> Result<Reading, Error> + Send + Sync,
{
    fn store(&self) -> StoreKind {
        self.store
    }

    fn fact(&self) -> Label {
        self.fact.clone()
    }

    fn method(&self) -> Label {
        self.method.clone()
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(std::future::ready((self.read)()))
    }
}

/// A probe from a closure whose answer has to be waited for, such as a question to a
/// server.
pub struct AskProbe<'a, F> {
    store: StoreKind,
    fact: Label,
    method: Label,
    ask: F,
    asked: PhantomData<&'a ()>,
}

impl<'a, F> AskProbe<'a, F>
where
    F: Fn() -> BoxFuture<'a, Result<Reading, Error>> + Send + Sync,
{
    /// A probe that calls `ask`.
    #[must_use]
    pub const fn new(store: StoreKind, fact: Label, method: Label, ask: F) -> Self {
        Self { store, fact, method, ask, asked: PhantomData }
    }
}

impl<F> fmt::Debug for AskProbe<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskProbe").field("fact", &self.fact).finish_non_exhaustive()
    }
}

impl<'a, F> Probe for AskProbe<'a, F>
where
    F: Fn() -> BoxFuture<'a, Result<Reading, Error>> + Send + Sync,
{
    fn store(&self) -> StoreKind {
        self.store
    }

    fn fact(&self) -> Label {
        self.fact.clone()
    }

    fn method(&self) -> Label {
        self.method.clone()
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        (self.ask)()
    }
}
