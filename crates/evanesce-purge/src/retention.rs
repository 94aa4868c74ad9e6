use std::sync::{Arc, OnceLock};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Clock, DataClass, Erasable, Error, Evidence, Label, Probe, Reading, StoreKind,
};

/// How long a store keeps a class of data: as computed from how it is configured
/// now, and as its oldest record shows.
#[derive(Clone, Debug)]
pub struct RetentionRow {
    /// The store.
    pub store: StoreKind,
    /// The class of data.
    pub class: DataClass,
    /// The longest that the class may be kept.
    pub policy: Duration,
    /// The computed worst case in milliseconds, or the word `unbounded`.
    pub ceiling: Evidence,
    /// What decides it, or the word `unknown` where it could not be read.
    pub setting: Label,
    /// The age of the oldest record in milliseconds, or the word `empty`.
    pub oldest: Evidence,
}

impl RetentionRow {
    /// Whether the store keeps the policy, by computation and by measurement;
    /// `None` where one of them is not known and the other breaks nothing.
    #[must_use]
    pub fn keeps(&self) -> Option<bool> {
        let policy = u64::try_from(self.policy.as_millis()).unwrap_or(u64::MAX);
        let within = |evidence: &Evidence| match evidence.reading() {
            Some(Reading::Millis(ms)) => Some(*ms <= policy),
            Some(Reading::Word(word)) => Some(*word == EMPTY),
            _ => None,
        };
        match (within(&self.ceiling), within(&self.oldest)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

const EMPTY: Label = Label::new("empty");
const UNBOUNDED: Label = Label::new("unbounded");
const UNKNOWN: Label = Label::new("unknown");

/// Asks each store how long it keeps what it holds.
pub async fn retention(clock: &dyn Clock, stores: &[Arc<dyn Erasable>]) -> Vec<RetentionRow> {
    let mut rows = Vec::new();
    for store in stores {
        let ceiling = CeilingProbe { of: store, setting: OnceLock::new() };
        let evidence = Evidence::measure(clock, &ceiling).await;
        rows.push(RetentionRow {
            store: store.store(),
            class: store.class(),
            policy: store.class().ceiling(),
            ceiling: evidence,
            setting: ceiling.setting.into_inner().unwrap_or(UNKNOWN),
            oldest: Evidence::measure(clock, &OldestProbe(store)).await,
        });
    }
    rows
}

struct CeilingProbe<'a> {
    of: &'a Arc<dyn Erasable>,
    setting: OnceLock<Label>,
}

impl Probe for CeilingProbe<'_> {
    fn store(&self) -> StoreKind {
        self.of.store()
    }

    fn fact(&self) -> Label {
        const { Label::new("longest that a record may exist") }
    }

    fn method(&self) -> Label {
        const { Label::new("computed from the settings of the store") }
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(async {
            let ceiling = self.of.ceiling().await?;
            // A probe is read once; a second reading would only repeat the name.
            let _ = self.setting.set(ceiling.setting);
            Ok(ceiling.worst.map_or(Reading::Word(UNBOUNDED), Reading::duration))
        })
    }
}

struct OldestProbe<'a>(&'a Arc<dyn Erasable>);

impl Probe for OldestProbe<'_> {
    fn store(&self) -> StoreKind {
        self.0.store()
    }

    fn fact(&self) -> Label {
        const { Label::new("age of the oldest record") }
    }

    fn method(&self) -> Label {
        const { Label::new("read from the store") }
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(async {
            let oldest = self.0.oldest_age().await?;
            Ok(oldest.map_or(Reading::Word(EMPTY), Reading::duration))
        })
    }
}
