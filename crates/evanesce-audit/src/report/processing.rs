use evanesce_core::{Basis, DataClass, Date, Label, PurposeId, Retention, StoreKind};
use serde::Serialize;

/// A record of processing activities (GDPR, Article 30), generated from what the
/// program itself declares: its purposes, its events and its stores.
///
/// Who is responsible, and to whom data is disclosed, no program knows: those lines
/// name the template that the organisation fills in. Keep the Markdown form beside the
/// code and compare it in the tests, so that a new purpose cannot go unrecorded:
///
/// ```
/// use evanesce_audit::ProcessingRecord;
/// use evanesce_core::label;
/// let record = ProcessingRecord::new(label!("newsletter"), vec![], vec![]);
/// let kept = record.to_markdown();
/// assert_eq!(record.drift(&kept), None);
/// assert_eq!(record.drift("# Another"), Some(1));
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ProcessingRecord {
    service: Label,
    activities: Vec<Activity>,
    stores: Vec<Place>,
}

/// What is done for one purpose.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Activity {
    /// The purpose.
    pub purpose: PurposeId,
    /// The sentence that people read.
    pub sentence: String,
    /// The lawful basis.
    pub basis: Basis,
    /// How long what comes of it is kept.
    #[serde(serialize_with = "written")]
    pub keep: Retention,
    /// What is counted for it.
    pub events: Vec<Counted>,
}

/// An event that is counted for a purpose.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Counted {
    /// The table's name.
    pub name: String,
    /// Who in the organisation answers for it.
    pub owner: String,
    /// The last day on which it is counted.
    #[serde(serialize_with = "written")]
    pub until: Date,
    /// What of an event is kept: each dimension with the number of its categories.
    pub dimensions: Vec<(String, usize)>,
}

/// Where a class of data lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Place {
    /// The store.
    pub store: StoreKind,
    /// The class.
    pub class: DataClass,
}

impl ProcessingRecord {
    /// A record of these activities and stores, each in a fixed order.
    #[must_use]
    pub fn new(service: Label, mut activities: Vec<Activity>, mut stores: Vec<Place>) -> Self {
        activities.sort_by(|one, two| one.purpose.cmp(&two.purpose));
        for activity in &mut activities {
            activity.events.sort_by(|one, two| one.name.cmp(&two.name));
        }
        stores.sort_by_key(|place| (place.class.name(), place.store.name()));
        stores.dedup();
        Self { service, activities, stores }
    }

    /// Whether a purpose is in it.
    #[must_use]
    pub fn has(&self, purpose: &PurposeId) -> bool {
        self.activities.iter().any(|activity| activity.purpose == *purpose)
    }

    /// The activities, by the names of their purposes.
    #[must_use]
    pub fn activities(&self) -> &[Activity] {
        &self.activities
    }

    /// The places, by class.
    #[must_use]
    pub fn stores(&self) -> &[Place] {
        &self.stores
    }

    /// The record as Markdown, the same for the same declarations.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# Record of processing: {}\n\n{INTRODUCTION}\n", self.service);
        for activity in &self.activities {
            out.push_str(&activity.to_markdown());
        }
        out.push_str("\n## Where data lies\n\n| Class | Store | Kept at most |\n|---|---|---|\n");
        for Place { store, class } in &self.stores {
            let hours = class.ceiling().as_secs() / 3600;
            out.push_str(&format!("| {} | {} | {hours} hours |\n", class.name(), store.name()));
        }
        out.push_str(DUTIES);
        out
    }

    /// The first line, counted from 1, in which a kept Markdown form differs from this
    /// record; `None` when they agree.
    #[must_use]
    pub fn drift(&self, kept: &str) -> Option<usize> {
        let current = self.to_markdown();
        if current == kept {
            return None;
        }
        let same = current.lines().zip(kept.lines()).take_while(|(one, two)| one == two).count();
        Some(same + 1)
    }
}

impl Activity {
    fn to_markdown(&self) -> String {
        let mut out = format!(
            "\n## {}\n\n{}\n\n- Lawful basis: {}\n- Kept: {}\n",
            self.purpose,
            self.sentence,
            super::word(&self.basis),
            self.keep
        );
        for event in &self.events {
            let kept: Vec<String> =
                event.dimensions.iter().map(|(name, size)| format!("{name} ({size})")).collect();
            out.push_str(&format!(
                "- Counted in groups as `{}` until {}, answered for by {}: {}\n",
                event.name,
                event.until,
                event.owner,
                kept.join(", ")
            ));
        }
        out
    }
}

const INTRODUCTION: &str = "Generated from the purposes, events and stores that the program declares. \
    A number in brackets says into how many categories a value is sorted.";

const DUTIES: &str = "
## What the organisation adds

- Controller, representative and data protection officer: docs/compliance/record-of-processing.md
- Recipients and vendors: docs/compliance/vendor-agreement.md
- Transfers to third countries: docs/compliance/record-of-processing.md
";

fn written<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
