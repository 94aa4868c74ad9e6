//! The report: a reading of evidence, entries and receipts, and nothing else.

mod advice;
mod chart;
mod checklist;
mod document;
mod html;
mod markdown;
mod metrics;
mod oscal;
mod processing;
mod summary;

use evanesce_core::{DataClass, ErasureReceipt, Evidence, Label, StoreKind, Timestamp};
use evanesce_crypto::VerifyingKey;
use serde::Serialize;

pub use self::advice::Recommendation;
pub use self::checklist::{Item, Part};
pub use self::metrics::{ENCRYPTED, FOUND, Group, Measure, Metric, PLANTED};
pub use self::processing::{Activity, Counted, Place, ProcessingRecord};
pub use self::summary::{RuleCount, Summary, Violation};
use crate::{Continuity, Log, verify_receipt};

/// What a service did with data in a period, for whoever has to answer for it.
///
/// Every figure is counted from log entries, read by a probe, or verified from a
/// receipt; no method takes a result.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    title: Label,
    period: Period,
    evidence: Vec<Evidence>,
    log: Option<LogFacts>,
    operations: Option<Summary>,
    erasures: Vec<ErasureRow>,
    retention: Vec<Retained>,
    processing: Option<ProcessingRecord>,
}

/// From the first instant to the last.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Period {
    /// The first instant.
    pub from: Timestamp,
    /// The instant after the last.
    pub to: Timestamp,
}

impl Period {
    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// How long a store keeps a class of data: as computed from its configuration,
/// and as its oldest record shows.
#[derive(Clone, Debug, Serialize)]
pub struct Retained {
    /// The store.
    pub store: StoreKind,
    /// The class of data.
    pub class: DataClass,
    /// The computed worst case, in milliseconds.
    pub ceiling: Evidence,
    /// What decides it, such as `default-ttl`.
    pub setting: Label,
    /// The age of the oldest record, in milliseconds.
    pub oldest: Evidence,
}

#[derive(Clone, Debug, Serialize)]
struct LogFacts {
    origin: String,
    key: String,
    size: u64,
    lost: u64,
    continuity: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct ErasureRow {
    receipt: ErasureReceipt,
    proven: bool,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub const fn new(title: Label, period: Period) -> Self {
        Self {
            title,
            period,
            evidence: Vec::new(),
            log: None,
            operations: None,
            erasures: Vec::new(),
            retention: Vec::new(),
            processing: None,
        }
    }

    /// Adds what probes found out and what the operator declares.
    #[must_use]
    pub fn evidence(mut self, evidence: Vec<Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Adds what the log says of itself.
    #[must_use]
    pub fn log(mut self, log: &Log) -> Self {
        self.log = Some(LogFacts {
            origin: log.origin().as_str().to_owned(),
            key: log.verifying_key().to_string(),
            size: log.size(),
            lost: log.lost(),
            continuity: match log.continuity() {
                Continuity::Fresh => "fresh",
                Continuity::Proven => "proven",
                Continuity::Unwitnessed => "unwitnessed",
            },
        });
        self
    }

    /// Adds what was counted from the log's entries.
    #[must_use]
    pub fn entries(mut self, summary: Summary) -> Self {
        self.operations = Some(summary);
        self
    }

    /// Adds erasures, each verified here against the log's name and the keys that it has and
    /// had.
    #[must_use]
    pub fn receipts(
        mut self,
        receipts: Vec<ErasureReceipt>,
        keys: &[VerifyingKey],
        origin: &str,
    ) -> Self {
        self.erasures.extend(receipts.into_iter().map(|receipt| ErasureRow {
            proven: keys.iter().any(|key| verify_receipt(&receipt, key, origin).is_ok()),
            receipt,
        }));
        self
    }

    /// Adds how long each store keeps what.
    #[must_use]
    pub fn retention(mut self, rows: Vec<Retained>) -> Self {
        self.retention.extend(rows);
        self
    }

    /// Adds what the program declares to do with data, against which the purposes in the
    /// log are held.
    #[must_use]
    pub fn processing(mut self, record: ProcessingRecord) -> Self {
        self.processing = Some(record);
        self
    }

    /// The twelve metrics, each with what was counted.
    #[must_use]
    pub fn metrics(&self) -> [Metric; 12] {
        metrics::metrics(self)
    }

    /// The checklist of a private service, line by line.
    #[must_use]
    pub fn checklist(&self) -> [Item; 24] {
        checklist::checklist(self)
    }

    /// What follows from the facts that are not as they should be.
    #[must_use]
    pub fn recommendations(&self) -> Vec<Recommendation> {
        advice::recommendations(self)
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let body = serde_json::json!({
            "version": 2,
            "report": self,
            "metrics": self.metrics(),
            "checklist": self.checklist().to_vec(),
            "recommendations": self.recommendations(),
        });
        format!("{body:#}\n")
    }

    /// The report as OSCAL assessment results, for tools that compare assessments: NIST
    /// OSCAL 1.1, model `assessment-results`, in JSON.
    #[must_use]
    pub fn to_oscal(&self) -> String {
        format!("{:#}\n", oscal::write(self))
    }

    /// The report as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::write(&document::of(self))
    }

    /// The report as one HTML file that loads nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(&document::of(self))
    }
}

/// The word by which a closed enum is written in entries.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
