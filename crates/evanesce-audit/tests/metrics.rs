//! Each metric and each line of the checklist can be shown green and can be shown red, and
//! the forms of the report agree about it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Fault, Faulty, ORIGIN, key, open, parts};
use evanesce_audit::{
    Activity, ENCRYPTED, FOUND, Item, Log, Measure, MemoryAudit, MemoryKeeper, Metric, PLANTED,
    Period, ProcessingRecord, Report, Retained, Rules, Summary,
};
use evanesce_core::{
    Append, Basis, DataClass, Digest, Entry, Erasure, ErasureReason, ErasureReceipt, Evidence,
    FnProbe, Incarnation, Label, Operation, Outcome, Presence, PurposeId, Reading, Retention, Rule,
    StoreErasure, StoreKind, Timestamp,
};
use evanesce_crypto::{commit, sha256};
use evanesce_testkit::ManualClock;

const HOUR: u64 = 3_600_000;

fn period() -> Period {
    let from = Timestamp::from_millis(1_767_225_600_000);
    Period { from, to: from.plus(Duration::from_secs(2 * 3600)) }
}

fn report() -> Report {
    Report::new(Label::new("Newsletter, January"), period())
}

fn entry(operation: Operation, class: DataClass) -> Entry {
    Entry::new(period().from, operation, class)
}

fn entries(entries: impl IntoIterator<Item = Entry>) -> Report {
    let mut summary = Summary::new(Rules::standard());
    entries.into_iter().for_each(|entry| summary.add(&entry));
    report().entries(summary)
}

async fn told(store: StoreKind, fact: &'static str, reading: Reading) -> Evidence {
    let probe =
        FnProbe::new(store, Label::new(fact), Label::new("asked"), move || Ok(reading.clone()));
    Evidence::measure(&ManualClock::new(), &probe).await
}

async fn retained(class: DataClass, hours: u64) -> Report {
    let ceiling = told(StoreKind::Redis, "maximum age", Reading::Millis(hours * HOUR)).await;
    let oldest = told(StoreKind::Redis, "oldest record", Reading::Millis(0)).await;
    let setting = Label::new("save");
    report().retention(vec![Retained { store: StoreKind::Redis, class, ceiling, setting, oldest }])
}

async fn drilled(found: u64) -> Report {
    let facts = [(PLANTED, 4), (FOUND, found)];
    let mut evidence = Vec::new();
    for (fact, count) in facts {
        evidence.push(told(StoreKind::Memory, fact, Reading::Count(count)).await);
    }
    report().evidence(evidence)
}

async fn memory(damaged: u64) -> Report {
    let canaries =
        told(StoreKind::Memory, "damaged canaries in guarded memory", Reading::Count(damaged));
    report().evidence(vec![canaries.await])
}

// An emergency that took so many minutes, with a receipt of its own log.
async fn emergency(minutes: u64) -> Report {
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    let requested = period().from;
    let erasure = Erasure {
        reason: ErasureReason::Emergency,
        requested,
        completed: requested.plus(Duration::from_secs(60 * minutes)),
        stores: vec![StoreErasure {
            store: StoreKind::Redis,
            incarnation: Incarnation::new(StoreKind::Redis, sha256(b"run id")),
            before: Presence::Present,
            removed: 1,
            after: Presence::Absent,
        }],
    };
    let salt = Digest::new([3; 32]);
    let commitment = commit(&salt, &serde_json::to_vec(&erasure).unwrap());
    let entry = entry(Operation::EmergencyPurged, DataClass::Ephemeral).with_commitment(commitment);
    let incorporated = log.append(entry.clone()).await.unwrap();
    let receipt = ErasureReceipt { erasure, salt, entry, incorporated };
    report().receipts(vec![receipt], &[key()], ORIGIN)
}

// A log whose store never answered about a counted operation.
async fn losing() -> Log {
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
    log.count(entry(Operation::SessionRead, DataClass::Ephemeral));
    faulty.once(Fault::WrittenUnanswered);
    assert!(log.flush().await.is_err());
    log
}

fn declared(purpose: &'static str) -> Report {
    let activity = Activity {
        purpose: PurposeId::new(purpose),
        sentence: "Which topics are popular".into(),
        basis: Basis::Consent,
        keep: Retention::Months(12),
        events: vec![],
    };
    let counted =
        entry(Operation::Folded, DataClass::Aggregate).with_purpose(PurposeId::new("usage"));
    let record = ProcessingRecord::new(Label::new("newsletter"), vec![activity], vec![]);
    entries([counted]).processing(record)
}

// Each metric and line by a word of its name, with a report that shows it green and one
// that shows it red.
async fn twins() -> Vec<(&'static str, Report, Report)> {
    use DataClass::{Aggregate, Ephemeral, Operational};
    use Operation as O;
    let of = |operation| entry(operation, Ephemeral);
    let failed = |operation| of(operation).with_outcome(Outcome::Failed);
    let folded = || entry(O::Folded, Aggregate);
    let usage = || folded().with_purpose(PurposeId::new("usage"));
    let swept = || entries([of(O::Swept)]);
    let missed = || entries([of(O::Swept), failed(O::Swept)]);
    let anonymous = || entries([entry(O::TableReleased, Aggregate)]);
    let personal = || entries([entry(O::TableReleased, Aggregate), entry(O::LeakFound, Aggregate)]);
    let encrypted = |holds| told(ENCRYPTED[3].0, ENCRYPTED[3].1, Reading::Holds(holds));
    let chosen = || entries([of(O::ConsentWithdrawn)]);
    let ignored = || entries([of(O::ConsentWithdrawn), failed(O::ConsentWithdrawn)]);
    let erased = || entries([of(O::ErasureRequested), of(O::Erased)]);
    let forgotten = || entries([of(O::ErasureRequested)]);
    let later =
        Entry::new(period().from.plus(Duration::from_secs(3700)), O::Heartbeat, Operational);
    let beating = entries([entry(O::Heartbeat, Operational), later]);
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    log.heartbeat().await.unwrap();
    vec![
        ("Zero data retention", retained(Ephemeral, 23).await, retained(Ephemeral, 25).await),
        ("Session purging", swept(), missed()),
        ("Consent compliance", entries([usage()]), entries([usage(), folded()])),
        ("Anonymisation success", anonymous(), personal()),
        (
            "Encryption coverage",
            report().evidence(vec![encrypted(true).await]),
            report().evidence(vec![encrypted(true).await, encrypted(false).await]),
        ),
        (
            "Access control",
            entries([of(O::SessionRead), of(O::AccessBlocked).with_outcome(Outcome::Refused)]),
            entries([of(O::SessionRead), of(O::AccessBlocked).with_outcome(Outcome::Violation)]),
        ),
        ("Violation detection", drilled(4).await, drilled(3).await),
        ("Incident response", emergency(14).await, emergency(16).await),
        ("Privacy transparency", declared("usage"), declared("another")),
        ("User control", chosen(), ignored()),
        ("Data deletion", erased(), forgotten()),
        (
            "Sessions in Redis are reached",
            report().evidence(vec![encrypted(true).await]),
            report().evidence(vec![encrypted(false).await]),
        ),
        ("Sessions expire", retained(Ephemeral, 23).await, retained(Ephemeral, 25).await),
        ("Statistics are anonymised", anonymous(), personal()),
        ("What has expired is purged", swept(), missed()),
        ("Violations of privacy are detected", drilled(4).await, drilled(0).await),
        ("Secrets lie in guarded memory", memory(0).await, memory(1).await),
        (
            "Channels are encrypted",
            report().evidence(vec![encrypted(true).await]),
            report().evidence(vec![encrypted(false).await]),
        ),
        ("Operations are audited", swept(), entries([of(O::LeakFound)])),
        (
            "Retention is verified",
            retained(Operational, 2159).await,
            retained(Operational, 2161).await,
        ),
        ("Choices of people", chosen(), ignored()),
        ("Deletion is verified", erased(), forgotten()),
        ("Incidents are answered", emergency(15).await, emergency(16).await),
        ("Monitoring never falls silent", beating, entries([of(O::Heartbeat)])),
        ("Compliance is monitored", report().log(&log), report().log(&losing().await)),
    ]
}

fn measure(report: &Report, name: &str) -> Measure {
    let metrics = report.metrics();
    let items = report.checklist();
    let metric = |metric: &Metric| metric.name.starts_with(name).then_some(metric.measure);
    let item = |item: &Item| item.line.starts_with(name).then_some(item.measure);
    let found = metrics.iter().find_map(metric).or_else(|| items.iter().find_map(item));
    found.unwrap_or_else(|| panic!("nothing is called {name}"))
}

#[tokio::test]
async fn each_metric_and_line_is_green_once_and_red_once() {
    let twins = twins().await;
    for (name, green, red) in &twins {
        assert_eq!(measure(green, name).holds(), Some(true), "{name} green");
        assert_eq!(measure(red, name).holds(), Some(false), "{name} red");
        assert!(red.to_html().contains("class=\"bad\""), "{name}");
    }
    let duty = |measure: &Measure| matches!(measure, Measure::Duty { .. });
    let (metrics, items) = (report().metrics(), report().checklist());
    let shown = |name: &str| twins.iter().any(|(shown, ..)| name.starts_with(shown));
    for (name, measure) in metrics
        .iter()
        .map(|metric| (metric.name, metric.measure))
        .chain(items.iter().map(|item| (item.line, item.measure)))
    {
        assert!(duty(&measure) || shown(name), "{name} was never shown");
    }
}

#[tokio::test]
async fn without_evidence_nothing_is_green() {
    let empty = report();
    let metrics = empty.metrics();
    let items = empty.checklist();
    assert!(metrics.iter().all(|metric| metric.measure.holds().is_none()));
    assert!(items.iter().all(|item| item.measure.holds().is_none()));
    assert!(!empty.to_html().contains("<td role=\"cell\" data-head=\"Measured\" class=\"good\""));
    let quiet = entries([]);
    assert!(quiet.metrics().iter().all(|metric| metric.measure.holds() != Some(true)));
}

#[tokio::test]
async fn every_template_that_is_named_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (metrics, items) = (report().metrics(), report().checklist());
    let measures = metrics.iter().map(|m| m.measure).chain(items.iter().map(|item| item.measure));
    let mut duties = 0;
    for measure in measures {
        if let Measure::Duty { template } = measure {
            duties += 1;
            assert!(root.join(template).is_file(), "{template}");
        }
    }
    assert_eq!(duties, 11, "one metric and ten lines are an organisation's own");
}

#[tokio::test]
async fn oscal_says_what_the_report_says() {
    let red = entries([entry(Operation::LeakFound, DataClass::Ephemeral)]);
    let document: serde_json::Value = serde_json::from_str(&red.to_oscal()).unwrap();
    let results = &document["assessment-results"];
    assert_eq!(results["metadata"]["oscal-version"], "1.1.2");
    let result = &results["results"][0];
    assert_eq!(result["observations"].as_array().unwrap().len(), 36);
    let findings = result["findings"].as_array().unwrap();
    let judged = red.metrics().iter().filter(|m| m.measure.holds().is_some()).count()
        + red.checklist().iter().filter(|item| item.measure.holds().is_some()).count();
    assert_eq!(findings.len(), judged);
    let audited =
        findings.iter().find(|finding| finding["target"]["target-id"] == "checklist-9_obj");
    assert_eq!(audited.unwrap()["target"]["status"]["state"], "not-satisfied");
    let mut uuids: Vec<&str> = Vec::new();
    for part in [result, results]
        .into_iter()
        .chain(findings)
        .chain(result["observations"].as_array().unwrap())
    {
        uuids.push(part["uuid"].as_str().unwrap());
    }
    for uuid in &uuids {
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((groups, &uuid[14..15]), (vec![8, 4, 4, 4, 12], "4"), "{uuid}");
    }
    uuids.sort_unstable();
    let all = uuids.len();
    uuids.dedup();
    assert_eq!(uuids.len(), all, "each part has its own");
    assert_eq!(red.to_oscal(), red.to_oscal(), "the same report gives the same document");
    // For whoever wants to validate it with a tool of theirs.
    if let Some(folder) = std::env::var_os("EVANESCE_REPORT") {
        let file = std::path::Path::new(&folder).join("assessment-results.json");
        std::fs::write(file, red.to_oscal()).unwrap();
    }
}

#[test]
fn a_record_of_processing_drifts_with_each_declaration() {
    let activity = |name: &'static str| Activity {
        purpose: PurposeId::new(name),
        sentence: "Why".into(),
        basis: Basis::Consent,
        keep: Retention::Months(12),
        events: vec![],
    };
    let service = || Label::new("newsletter");
    let one = ProcessingRecord::new(service(), vec![activity("a"), activity("b")], vec![]);
    let other = ProcessingRecord::new(service(), vec![activity("b"), activity("a")], vec![]);
    assert_eq!(one.drift(&other.to_markdown()), None, "the order of declaring is no difference");
    let more = ProcessingRecord::new(service(), vec![activity("a"), activity("c")], vec![]);
    let line = more.drift(&one.to_markdown()).unwrap();
    assert_eq!(one.to_markdown().lines().nth(line - 1), Some("## b"));
    assert!(one.drift(&format!("{}\n", one.to_markdown())).is_some());
}

#[test]
fn an_unlogged_rule_is_never_counted_as_kept() {
    let flagged = entry(Operation::Folded, DataClass::Ephemeral)
        .with_purpose(PurposeId::new("usage"))
        .with_rule(Rule::ConsentLive)
        .with_outcome(Outcome::Violation);
    assert_eq!(measure(&entries([flagged]), "Consent compliance").holds(), Some(false));
}
