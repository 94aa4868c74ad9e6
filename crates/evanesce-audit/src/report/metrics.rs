use std::time::Duration;

use evanesce_core::{
    DataClass, ErasureReason, Evidence, Operation, Outcome, Reading, Rule, Standing, StoreKind,
};
use serde::Serialize;

use super::Report;
use super::advice::keeps;

/// One of the twelve metrics by which a service is judged: how many of how many kept
/// the promise, and the parts of the report that the two figures were counted in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Metric {
    /// Whom it is for.
    pub group: Group,
    /// Its name.
    pub name: &'static str,
    /// What is promised.
    pub promise: &'static str,
    /// What was found.
    pub measure: Measure,
    /// The ids of the parts of the report that hold the evidence.
    pub evidence: &'static [&'static str],
}

/// Whom a metric is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Data protection.
    Privacy,
    /// Security.
    Security,
    /// The people whose data it is.
    Trust,
}

impl Group {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Privacy => "Privacy",
            Self::Security => "Security",
            Self::Trust => "Trust",
        }
    }
}

/// What was found of a promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Counted: it holds when all kept it, and for none of none nothing is said.
    Counted {
        /// How many kept the promise.
        kept: u64,
        /// Of how many.
        of: u64,
    },
    /// No software can measure it: the organisation's own duty.
    Duty {
        /// The template to fill in.
        template: &'static str,
    },
    /// This report was not given what it takes.
    Unmeasured {
        /// What it takes.
        needs: &'static str,
    },
}

impl Measure {
    /// Whether the promise was kept, where that was measured.
    #[must_use]
    pub const fn holds(self) -> Option<bool> {
        match self {
            Self::Counted { of: 0, .. } | Self::Duty { .. } | Self::Unmeasured { .. } => None,
            Self::Counted { kept, of } => Some(kept == of),
        }
    }
}

/// How long an incident may last from the alarm until everything was read back.
pub(super) const INCIDENT: Duration = Duration::from_secs(15 * 60);

pub(super) fn metrics(report: &Report) -> [Metric; 12] {
    use Group::{Privacy, Security, Trust};
    let metric = |group, name, promise, measure, evidence| Metric {
        group,
        name,
        promise,
        measure,
        evidence,
    };
    [
        metric(
            Privacy,
            "Zero data retention",
            "No store keeps a class of data longer than its policy",
            retention(report, None),
            &["retention"],
        ),
        metric(
            Privacy,
            "Session purging",
            "Every round that removes what has expired succeeds",
            purging(report),
            &["operations"],
        ),
        metric(
            Privacy,
            "Consent compliance",
            "What needs consent names a purpose with a live grant",
            consent(report),
            &["promises", "operations"],
        ),
        metric(
            Privacy,
            "Anonymisation success",
            "Statistics are counted and released without singling anybody out",
            anonymisation(report),
            &["promises", "operations"],
        ),
        metric(
            Security,
            "Encryption coverage",
            "Every connection to a store is encrypted",
            encryption(report, None),
            &["stores"],
        ),
        metric(
            Security,
            "Access control",
            "Nobody reads what is not theirs",
            access(report),
            &["operations", "violations"],
        ),
        metric(
            Security,
            "Violation detection",
            "What is planted is found",
            detection(report),
            &["stores"],
        ),
        metric(
            Security,
            "Incident response",
            "From the alarm until everything is gone, at most 15 minutes",
            incidents(report),
            &["erasures"],
        ),
        metric(
            Trust,
            "Privacy transparency",
            "Every purpose in use is in the record of processing",
            transparency(report),
            &["processing"],
        ),
        metric(
            Trust,
            "User control",
            "Every choice that people make takes effect",
            control(report),
            &["operations"],
        ),
        metric(
            Trust,
            "Data deletion",
            "Every erasure that was asked for is done, read back and proven",
            deletion(report),
            &["operations", "erasures"],
        ),
        metric(
            Trust,
            "Trust score",
            "People who were asked trust the service",
            Measure::Duty { template: "docs/compliance/trust-survey.md" },
            &[],
        ),
    ]
}

/// Rows of the retention table that keep their policy; what is not known does not.
pub(super) fn retention(report: &Report, class: Option<DataClass>) -> Measure {
    let rows = report.retention.iter().filter(|row| class.is_none_or(|class| class == row.class));
    let (kept, of) = share(rows.map(|row| keeps(row) == Some(true)));
    known(kept, of, "the retention of each store")
}

pub(super) fn purging(report: &Report) -> Measure {
    outcomes(report, &[Operation::EmergencyPurged, Operation::RetentionEnforced, Operation::Swept])
}

pub(super) fn anonymisation(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let counted = [Operation::Folded, Operation::LeakFound, Operation::TableReleased];
    let rules = [Rule::Aggregated, Rule::Anonymized, Rule::NoPersonalData];
    let of = summary.count(DataClass::Aggregate, &counted);
    let broken = summary.broken(DataClass::Aggregate, &rules);
    Measure::Counted { kept: of.saturating_sub(broken), of: of.max(broken) }
}

/// Facts about connections that were measured to be encrypted, of those that a store
/// tells; what could not be measured is not encrypted.
pub(super) fn encryption(report: &Report, store: Option<StoreKind>) -> Measure {
    let told = report.evidence.iter().filter(|evidence| {
        ENCRYPTED.contains(&(evidence.store(), evidence.fact().as_str()))
            && store.is_none_or(|store| store == evidence.store())
    });
    let (kept, of) = share(told.map(|evidence| {
        evidence.standing() == Standing::Measured
            && matches!(evidence.reading(), Some(Reading::Holds(true)))
    }));
    known(kept, of, "what the stores tell of their connections")
}

/// The facts that say whether a connection is encrypted, by the store that tells them.
pub const ENCRYPTED: [(StoreKind, &str); 4] = [
    (StoreKind::Elasticsearch, "connection encrypted"),
    (StoreKind::InfluxDb, "connection encrypted"),
    (StoreKind::Postgres, "TLS on this connection"),
    (StoreKind::Redis, "connection encrypted"),
];

/// The fact that says how many leaks were planted for a drill.
pub const PLANTED: &str = "planted leaks";
/// The fact that says how many of them were found.
pub const FOUND: &str = "planted leaks that were found";

pub(super) fn detection(report: &Report) -> Measure {
    let total = |fact: &str| -> u64 {
        let told = report.evidence.iter().filter(|evidence| evidence.fact().as_str() == fact);
        told.filter_map(count).sum()
    };
    known(total(FOUND), total(PLANTED), "a drill with planted leaks")
}

pub(super) fn incidents(report: &Report) -> Measure {
    let emergencies =
        report.erasures.iter().filter(|row| row.receipt.erasure.reason == ErasureReason::Emergency);
    let (kept, of) = share(emergencies.map(|row| {
        let erasure = &row.receipt.erasure;
        row.proven && erasure.completed.since(erasure.requested) <= INCIDENT
    }));
    known(kept, of, "an emergency purge, or a drill of one")
}

pub(super) fn control(report: &Report) -> Measure {
    outcomes(
        report,
        &[Operation::ConsentGiven, Operation::ConsentRefused, Operation::ConsentWithdrawn],
    )
}

/// Erasures that were done, of those that were asked for; one whose receipt does not
/// verify counts as not done.
pub(super) fn deletion(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let asked = summary.count(DataClass::Ephemeral, &[Operation::ErasureRequested]);
    let done = summary.ended(DataClass::Ephemeral, &[Operation::Erased], Outcome::Done).min(asked);
    let unproven = report.erasures.iter().filter(|row| !row.proven).count() as u64;
    Measure::Counted { kept: done.saturating_sub(unproven), of: asked.max(unproven) }
}

/// Whole hours of the period in which the log has an entry. A log that fell silent
/// shows here.
pub(super) fn monitoring(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let of = (report.period.to.since(report.period.from).as_secs() / 3600).max(1);
    Measure::Counted { kept: summary.hours(report.period).min(of), of }
}

/// Entries that break no rule.
pub(super) fn rules(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    Measure::Counted { kept: summary.total() - summary.violating(), of: summary.total() }
}

/// Counted operations that reached the log.
pub(super) fn logged(report: &Report) -> Measure {
    let Some(log) = &report.log else {
        return Measure::Unmeasured { needs: "what the log says of itself" };
    };
    Measure::Counted { kept: log.size, of: log.size.saturating_add(log.lost) }
}

/// Facts about this process's memory that are as they should be.
pub(super) fn memory(report: &Report) -> Measure {
    let told = report.evidence.iter().filter(|evidence| evidence.store() == StoreKind::Memory);
    let (kept, of) = share(told.filter_map(|evidence| {
        let is_word = |words: &[&str]| match evidence.reading() {
            Some(Reading::Word(word)) => words.contains(&word.as_str()),
            _ => false,
        };
        match evidence.fact().as_str() {
            "memory for secrets" => Some(is_word(&["hidden from the kernel", "locked"])),
            "damaged canaries in guarded memory" => Some(count(evidence) == Some(0)),
            _ => None,
        }
    }));
    known(kept, of, "what this process tells of its memory")
}

fn consent(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let of = summary.count_all(&[Operation::Folded]);
    let named = summary.purposed(&[Operation::Folded]);
    let broken = summary.broken(DataClass::Ephemeral, &[Rule::ConsentLive]);
    Measure::Counted { kept: named.saturating_sub(broken), of: of.max(broken) }
}

// A token that opens nothing was refused, and is no access; one that was let through
// against a rule is.
fn access(report: &Report) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let accesses = [
        Operation::AccessBlocked,
        Operation::SessionRead,
        Operation::SessionTaken,
        Operation::SessionUpdated,
    ];
    let of = summary.count_all(&accesses);
    let through = accesses
        .iter()
        .map(|access| {
            let classes = [DataClass::Ephemeral, DataClass::Aggregate, DataClass::Operational];
            let ended = |class| summary.ended(class, &[*access], Outcome::Violation);
            classes.into_iter().map(ended).sum::<u64>()
        })
        .sum::<u64>();
    Measure::Counted { kept: of.saturating_sub(through), of }
}

fn transparency(report: &Report) -> Measure {
    let (Some(summary), Some(record)) = (&report.operations, &report.processing) else {
        return Measure::Unmeasured { needs: "the record of processing" };
    };
    let (kept, of) = share(summary.purposes().map(|purpose| record.has(purpose)));
    Measure::Counted { kept, of }
}

const NO_ENTRIES: Measure = Measure::Unmeasured { needs: "the entries of the log" };

fn outcomes(report: &Report, operations: &[Operation]) -> Measure {
    let Some(summary) = &report.operations else { return NO_ENTRIES };
    let classes = [DataClass::Ephemeral, DataClass::Aggregate, DataClass::Operational];
    let done = |class| summary.ended(class, operations, Outcome::Done);
    Measure::Counted {
        kept: classes.into_iter().map(done).sum(),
        of: summary.count_all(operations),
    }
}

fn count(evidence: &Evidence) -> Option<u64> {
    match evidence.reading() {
        Some(Reading::Count(count)) => Some(*count),
        _ => None,
    }
}

fn share(kept: impl Iterator<Item = bool>) -> (u64, u64) {
    kept.fold((0, 0), |(kept, of), holds| (kept + u64::from(holds), of + 1))
}

const fn known(kept: u64, of: u64, needs: &'static str) -> Measure {
    if of == 0 { Measure::Unmeasured { needs } } else { Measure::Counted { kept, of } }
}
