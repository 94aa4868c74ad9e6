use evanesce_core::{DataClass, StoreKind};
use serde::Serialize;

use super::{Measure, Report, metrics};

/// One line of the checklist of a private service: what was measured of it, or whose
/// duty it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Item {
    /// Which part of the checklist it belongs to.
    pub part: Part,
    /// What has to be done.
    pub line: &'static str,
    /// What was found.
    pub measure: Measure,
    /// The id of the part of the report that holds the evidence, where there is any.
    pub evidence: Option<&'static str>,
}

/// The parts of the checklist.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// What an authority asks for.
    Compliance,
    /// What people do again and again.
    Operation,
    /// What is built and configured.
    Technical,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Compliance => "Compliance",
            Self::Operation => "Operation",
            Self::Technical => "Technical",
        }
    }
}

pub(super) fn checklist(report: &Report) -> [Item; 24] {
    use Part::{Compliance, Operation, Technical};
    let sessions = metrics::retention(report, Some(DataClass::Ephemeral));
    let redis = metrics::encryption(report, Some(StoreKind::Redis));
    [
        measured(Technical, "Sessions in Redis are reached through TLS", redis, "stores"),
        measured(Technical, "Sessions expire by themselves", sessions, "retention"),
        measured(
            Technical,
            "Statistics are anonymised",
            metrics::anonymisation(report),
            "operations",
        ),
        measured(Technical, "Compliance is monitored", metrics::logged(report), "overview"),
        measured(
            Technical,
            "What has expired is purged without anybody's doing",
            metrics::purging(report),
            "operations",
        ),
        measured(
            Technical,
            "Violations of privacy are detected",
            metrics::detection(report),
            "stores",
        ),
        measured(Technical, "Secrets lie in guarded memory", metrics::memory(report), "stores"),
        measured(Technical, "Channels are encrypted", metrics::encryption(report, None), "stores"),
        measured(
            Compliance,
            "Operations are audited against the rules of their class",
            metrics::rules(report),
            "promises",
        ),
        measured(
            Compliance,
            "Retention is verified",
            metrics::retention(report, None),
            "retention",
        ),
        measured(
            Compliance,
            "Choices of people are tested to take effect",
            metrics::control(report),
            "operations",
        ),
        measured(Compliance, "Deletion is verified", metrics::deletion(report), "erasures"),
        duty(Compliance, "Impact on privacy is assessed", "docs/compliance/dpia.md"),
        duty(Compliance, "Security is tested by attack", "docs/compliance/penetration-test.md"),
        duty(
            Compliance,
            "The documentation is reviewed",
            "docs/compliance/documentation-review.md",
        ),
        duty(Compliance, "The legal basis is validated", "docs/compliance/legal-review.md"),
        duty(Operation, "The privacy team is trained", "docs/compliance/training.md"),
        measured(
            Operation,
            "Incidents are answered within 15 minutes",
            metrics::incidents(report),
            "erasures",
        ),
        duty(Operation, "Audits are held regularly", "docs/compliance/audit-calendar.md"),
        duty(Operation, "People are told how to use it", "docs/compliance/user-education.md"),
        duty(Operation, "Vendors are bound by agreements", "docs/compliance/vendor-agreement.md"),
        duty(Operation, "A breach has its plan", "docs/compliance/breach-notice.md"),
        duty(
            Operation,
            "Changes are reviewed for privacy by design",
            "docs/compliance/privacy-by-design-review.md",
        ),
        measured(
            Operation,
            "Monitoring never falls silent",
            metrics::monitoring(report),
            "operations",
        ),
    ]
}

const fn measured(
    part: Part,
    line: &'static str,
    measure: Measure,
    evidence: &'static str,
) -> Item {
    Item { part, line, measure, evidence: Some(evidence) }
}

const fn duty(part: Part, line: &'static str, template: &'static str) -> Item {
    Item { part, line, measure: Measure::Duty { template }, evidence: None }
}
