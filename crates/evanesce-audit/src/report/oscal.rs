//! The report as OSCAL assessment results (NIST, Open Security Controls Assessment
//! Language 1.1, model `assessment-results`): each metric and each line of the
//! checklist is an observation, and each that was measured is a finding.

use evanesce_crypto::sha256;
use serde_json::{Value, json};

use super::{Measure, Report};

const VERSION: &str = "1.1.2";

pub(super) fn write(report: &Report) -> Value {
    let (mut observations, mut findings, mut controls) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects(report) {
        let observation = uuid(report, &["observation", &subject.id]);
        observations.push(json!({
            "uuid": observation,
            "title": subject.title,
            "description": describe(subject.measure),
            "methods": [subject.method()],
            "collected": report.period.to.to_string(),
        }));
        controls.push(json!({ "control-id": subject.id }));
        let Some(holds) = subject.measure.holds() else { continue };
        findings.push(json!({
            "uuid": uuid(report, &["finding", &subject.id]),
            "title": subject.title,
            "description": describe(subject.measure),
            "target": {
                "type": "objective-id",
                "target-id": format!("{}_obj", subject.id),
                "status": { "state": if holds { "satisfied" } else { "not-satisfied" } },
            },
            "related-observations": [{ "observation-uuid": observation }],
        }));
    }
    let mut result = json!({
        "uuid": uuid(report, &["result"]),
        "title": report.title,
        "description": "Counted from log entries, read by probes, and verified from receipts.",
        "start": report.period.from.to_string(),
        "end": report.period.to.to_string(),
        "reviewed-controls": { "control-selections": [{ "include-controls": controls }] },
        "observations": observations,
    });
    // The schema wants no empty list.
    if !findings.is_empty() {
        result["findings"] = Value::Array(findings);
    }
    json!({ "assessment-results": {
        "uuid": uuid(report, &["results"]),
        "metadata": {
            "title": report.title,
            "last-modified": report.period.to.to_string(),
            "version": "1",
            "oscal-version": VERSION,
        },
        "import-ap": { "href": "docs/compliance/audit-calendar.md" },
        "results": [result],
    }})
}

struct Subject {
    id: String,
    title: &'static str,
    measure: Measure,
}

impl Subject {
    const fn method(&self) -> &'static str {
        match self.measure {
            Measure::Counted { .. } => "TEST",
            Measure::Duty { .. } => "INTERVIEW",
            Measure::Unmeasured { .. } => "EXAMINE",
        }
    }
}

fn subjects(report: &Report) -> Vec<Subject> {
    let metrics = report.metrics();
    let items = report.checklist();
    let metrics = metrics.iter().enumerate().map(|(at, metric)| Subject {
        id: format!("metric-{}", at + 1),
        title: metric.name,
        measure: metric.measure,
    });
    let items = items.iter().enumerate().map(|(at, item)| Subject {
        id: format!("checklist-{}", at + 1),
        title: item.line,
        measure: item.measure,
    });
    metrics.chain(items).collect()
}

fn describe(measure: Measure) -> String {
    match measure {
        Measure::Counted { kept, of } => format!("{kept} of {of}"),
        Measure::Duty { template } => format!("A duty of the organisation; see {template}."),
        Measure::Unmeasured { needs } => format!("Not measured: the report was not given {needs}."),
    }
}

// The same report gives the same identifiers, so that two documents can be compared: the
// form of version 4, filled from SHA-256 over the report and the name of the part.
fn uuid(report: &Report, path: &[&str]) -> String {
    let period = format!("{} {}", report.period.from, report.period.to);
    let name = format!("{}\n{period}\n{}", report.title, path.join("\n"));
    let mut bytes = *sha256(name.as_bytes()).as_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
