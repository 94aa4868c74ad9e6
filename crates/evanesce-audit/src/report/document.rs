use evanesce_core::{Presence, Reading, Standing};

use super::advice::{keeps, promise};
use super::chart::Bar;
use super::summary::Summary;
use super::{Measure, ProcessingRecord, Report, Retained, word};

/// The report as headings and tables, from which every form is written, so that
/// none of them says more than another.
pub(super) struct Document {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) sections: Vec<Section>,
}

pub(super) struct Section {
    /// What links to it name.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) table: Option<Table>,
    pub(super) points: Vec<String>,
    /// The title of the chart and its bars.
    pub(super) chart: Option<(&'static str, Vec<Bar>)>,
}

pub(super) struct Table {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
    /// The id of the section that holds the evidence.
    pub(super) link: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Bad,
    Good,
    Open,
    Plain,
}

const NOT_PROMISED: [&str; 7] = [
    "Nobody can prove that no copy of something exists. An erasure says what the service read afterwards, and where.",
    "Stores that cannot look a person up say so; there, nothing was read about that person.",
    "What is declared was said by the operator and measured by nobody.",
    "Memory is guarded from the hand-over on. The buffers of the web server, of TLS and of the operating system lie outside.",
    "Entries say what the service did, in its own words. What it does outside this library is not in the log.",
    "Counts of operations that need not be durable before the reply may be a second late, and are lost with a crash within it.",
    "Privacy budgets are counted per session. Several sessions of one person cost several times as much.",
];

pub(super) fn of(report: &Report) -> Document {
    let mut sections = vec![overview(report), metrics(report), checklist(report), evidence(report)];
    if let Some(summary) = &report.operations {
        sections.extend([promises(summary), operations(summary), violations(summary)]);
    }
    sections.extend([erasures(report), retention(report)]);
    sections.extend([processing(report), recommendations(report)]);
    sections.push(Section {
        id: "not-promised",
        title: "What is not promised",
        text: String::new(),
        table: None,
        points: NOT_PROMISED.map(str::to_owned).to_vec(),
        chart: None,
    });
    Document {
        title: report.title.to_string(),
        subtitle: format!("{} to {}", report.period.from, report.period.to),
        sections,
    }
}

fn overview(report: &Report) -> Section {
    let mut rows = Vec::new();
    if let Some(summary) = &report.operations {
        let rate = summary.rate().map_or_else(
            || open("no entries".into()),
            |rate| {
                let percent = format!("{}.{:02} %", rate / 100, rate % 100);
                let clear = summary.total() - summary.violating();
                let text = format!("{clear} of {} ({percent})", summary.total());
                judged(text, summary.violating() == 0)
            },
        );
        rows.push(vec![plain("Entries without a violation"), rate]);
        rows.push(vec![plain("Operations"), plain(summary.operations().to_string())]);
        if summary.pruned() > 0 {
            let pruned = summary.pruned().to_string();
            rows.push(vec![plain("Entries pruned before this reading"), plain(pruned)]);
        }
    }
    if let Some(log) = &report.log {
        let continuity = match log.continuity {
            "proven" => judged("continues the kept checkpoint".into(), true),
            "fresh" => plain("began empty"),
            _ => open("no checkpoint was kept elsewhere".into()),
        };
        rows.push(vec![plain("Log"), plain(log.origin.clone())]);
        rows.push(vec![plain("Key"), plain(log.key.clone())]);
        rows.push(vec![plain("Entries in the log"), plain(log.size.to_string())]);
        rows.push(vec![plain("Past of the log"), continuity]);
        rows.push(vec![
            plain("Counted operations lost"),
            judged(log.lost.to_string(), log.lost == 0),
        ]);
    }
    let text = "Every figure here was counted from log entries, read by a probe, or verified from a receipt.";
    section(("overview", "Overview"), text, &["Fact", "Value"], rows)
}

fn metrics(report: &Report) -> Section {
    let metrics = report.metrics();
    let rows = metrics.iter().map(|metric| {
        vec![
            plain(metric.group.name()),
            plain(metric.name),
            plain(metric.promise),
            found(metric.measure),
            metric.evidence.first().map_or_else(|| plain("-"), |id| linked(id)),
        ]
    });
    let head = ["For", "Metric", "Promise", "Measured", "Evidence"];
    let text = "Each figure is how many kept the promise, of how many.";
    let mut section = section(("metrics", "Metrics"), text, &head, rows.collect());
    let bars = metrics.iter().map(|metric| bar(metric.name, metric.measure)).collect();
    section.chart = Some(("Promises kept", bars));
    section
}

fn checklist(report: &Report) -> Section {
    let rows = report.checklist().into_iter().map(|item| {
        vec![
            plain(item.part.name()),
            plain(item.line),
            found(item.measure),
            item.evidence.map_or_else(|| plain("-"), linked),
        ]
    });
    let head = ["Part", "Line", "Measured", "Evidence"];
    let text =
        "A duty of the organisation is named with the template for it; software cannot measure it.";
    section(("checklist", "Checklist"), text, &head, rows.collect())
}

fn processing(report: &Report) -> Section {
    let activities = report.processing.iter().flat_map(ProcessingRecord::activities);
    let rows = activities.map(|activity| {
        let events: Vec<&str> = activity.events.iter().map(|event| event.name.as_str()).collect();
        vec![
            plain(activity.purpose.as_str()),
            plain(activity.sentence.clone()),
            plain(word(&activity.basis)),
            plain(activity.keep.to_string()),
            plain(if events.is_empty() { "-".into() } else { events.join(", ") }),
        ]
    });
    let head = ["Purpose", "What people read", "Lawful basis", "Kept", "Counted as"];
    section(("processing", "Record of processing"), "", &head, rows.collect())
}

fn found(measure: Measure) -> Cell {
    let text = figure(measure);
    match measure {
        Measure::Counted { .. } => match measure.holds() {
            Some(holds) => judged(text, holds),
            None => open(text),
        },
        Measure::Duty { .. } => plain(text),
        Measure::Unmeasured { .. } => open(text),
    }
}

fn figure(measure: Measure) -> String {
    match measure {
        Measure::Counted { kept: 0, of: 0 } => "none in this period".into(),
        Measure::Counted { kept, of } => format!("{kept} of {of}"),
        Measure::Duty { template } => format!("the organisation's duty: {template}"),
        Measure::Unmeasured { needs } => format!("not measured; it takes {needs}"),
    }
}

fn bar(name: &str, measure: Measure) -> Bar {
    let (share, tone, figure) = match measure {
        Measure::Counted { kept, of } if of > 0 => {
            let tone = if kept == of { Tone::Good } else { Tone::Bad };
            (Some(kept as f64 / of as f64), tone, figure(measure))
        }
        Measure::Counted { .. } => (None, Tone::Open, "none".into()),
        Measure::Duty { .. } => (None, Tone::Plain, "a duty".into()),
        Measure::Unmeasured { .. } => (None, Tone::Open, "not measured".into()),
    };
    Bar { name: name.to_owned(), figure, share, tone }
}

// The computed maximum as a share of the policy's; the bar is full where it is beyond.
fn age(row: &Retained) -> Bar {
    let policy = u64::try_from(row.class.ceiling().as_millis()).unwrap_or(u64::MAX);
    let name = format!("{}, {}", row.store.name(), row.class.name());
    match row.ceiling.reading() {
        Some(Reading::Millis(ms)) => {
            let share = *ms as f64 / policy as f64;
            let tone = if *ms <= policy { Tone::Good } else { Tone::Bad };
            Bar { name, figure: format!("{:.0} %", share * 100.0), share: Some(share), tone }
        }
        _ => Bar { name, figure: "not bounded".into(), share: Some(1.0), tone: Tone::Bad },
    }
}

fn evidence(report: &Report) -> Section {
    let rows = report.evidence.iter().map(|evidence| {
        let value = match evidence.reading() {
            None => open("not known".into()),
            // Only what was measured is shown as good.
            Some(Reading::Holds(true)) if evidence.standing() != Standing::Measured => {
                plain(evidence_text(true))
            }
            Some(Reading::Holds(holds)) => judged(evidence_text(*holds), *holds),
            Some(reading) => plain(reading.to_string()),
        };
        vec![
            plain(evidence.store().name()),
            plain(evidence.fact().as_str()),
            value,
            standing(evidence.standing()),
            plain(evidence.method().as_str()),
            plain(evidence.at().to_string()),
        ]
    });
    let head = ["Store", "Fact", "Value", "Standing", "Method", "Read at"];
    section(("stores", "Service and stores"), "", &head, rows.collect())
}

fn promises(summary: &Summary) -> Section {
    let rows = summary.checked().iter().map(|count| {
        let text = format!("{} of {} entries broke it", count.broken, count.of);
        let value = if count.of == 0 { open(text) } else { judged(text, count.broken == 0) };
        let standing = if count.of == 0 { Standing::Unknown } else { Standing::Measured };
        vec![
            plain(count.class.name()),
            plain(promise(count.rule)),
            plain(word(&count.rule)),
            value,
            self::standing(standing),
        ]
    });
    let head = ["Class", "Promise", "Rule", "Measured", "Standing"];
    section(("promises", "Promises"), "", &head, rows.collect())
}

fn operations(summary: &Summary) -> Section {
    let rows = summary.lines().flat_map(|line| {
        line.outcomes.iter().map(|(outcome, count)| {
            let tone = if outcome == "violation" { Tone::Bad } else { Tone::Plain };
            vec![
                plain(line.class.name()),
                plain(word(&line.operation)),
                Cell { text: outcome.clone(), tone, link: None },
                plain(count.to_string()),
            ]
        })
    });
    section(
        ("operations", "Operations"),
        "",
        &["Class", "Operation", "Outcome", "Count"],
        rows.collect(),
    )
}

fn violations(summary: &Summary) -> Section {
    let rows = summary.violations().iter().map(|violation| {
        let rules: Vec<String> = violation.rules.iter().map(word).collect();
        let rules = if rules.is_empty() { "stated by the entry".into() } else { rules.join(", ") };
        vec![
            plain(violation.class.name()),
            plain(word(&violation.operation)),
            plain(violation.store.map_or("-", |store| store.name())),
            Cell { text: rules, tone: Tone::Bad, link: None },
            plain(violation.entries.to_string()),
            plain(violation.first.to_string()),
            plain(violation.last.to_string()),
        ]
    });
    let head = ["Class", "Operation", "Store", "Rules", "Entries", "First", "Last"];
    section(("violations", "Violations"), "", &head, rows.collect())
}

fn erasures(report: &Report) -> Section {
    let rows = report.erasures.iter().flat_map(|row| {
        let erasure = &row.receipt.erasure;
        erasure.stores.iter().map(|store| {
            vec![
                plain(row.receipt.incorporated.index.to_string()),
                plain(word(&erasure.reason)),
                plain(erasure.requested.to_string()),
                plain(erasure.completed.to_string()),
                plain(store.store.name()),
                plain(presence(store.before)),
                plain(store.removed.to_string()),
                judged(presence(store.after).into(), store.after != Presence::Present),
                judged(if row.proven { "verified" } else { "not verified" }.into(), row.proven),
            ]
        })
    });
    let head =
        ["Entry", "Reason", "Asked", "Done", "Store", "Before", "Removed", "After", "Receipt"];
    section(("erasures", "Erasures"), "", &head, rows.collect())
}

fn retention(report: &Report) -> Section {
    let reading = |evidence: &evanesce_core::Evidence| {
        evidence.reading().map_or_else(|| open("not known".into()), |r| plain(r.to_string()))
    };
    let rows = report.retention.iter().map(|row| {
        let policy = Reading::duration(row.class.ceiling());
        let verdict = match keeps(row) {
            Some(keeps) => judged(if keeps { "kept" } else { "not kept" }.into(), keeps),
            None => open("not known".into()),
        };
        vec![
            plain(row.store.name()),
            plain(row.class.name()),
            plain(policy.to_string()),
            reading(&row.ceiling),
            reading(&row.oldest),
            plain(row.setting.as_str()),
            verdict,
        ]
    });
    let head =
        ["Store", "Class", "Policy", "Computed maximum", "Oldest record", "Setting", "Policy is"];
    let mut section = section(("retention", "Retention"), "", &head, rows.collect());
    let bars: Vec<Bar> = report.retention.iter().map(age).collect();
    section.chart = (!bars.is_empty()).then_some(("Computed maximum age, of the policy's", bars));
    section
}

fn recommendations(report: &Report) -> Section {
    let points: Vec<String> = report
        .recommendations()
        .iter()
        .map(|advice| match (&advice.store, &advice.subject) {
            (Some(store), Some(subject)) => format!("{store}, {subject}: {}", advice.sentence),
            _ => advice.sentence.to_owned(),
        })
        .collect();
    let text = if points.is_empty() { "Nothing follows from the facts above." } else { "" };
    Section {
        id: "recommendations",
        title: "Recommendations",
        text: text.into(),
        table: None,
        points,
        chart: None,
    }
}

fn section(
    (id, title): (&'static str, &'static str),
    text: &str,
    head: &[&'static str],
    rows: Vec<Vec<Cell>>,
) -> Section {
    let text = if rows.is_empty() { "There is nothing to show in this period." } else { text };
    let table = (!rows.is_empty()).then(|| Table { head: head.to_vec(), rows });
    Section { id, title, text: text.to_owned(), table, points: Vec::new(), chart: None }
}

fn standing(standing: Standing) -> Cell {
    let tone = match standing {
        Standing::Unknown => Tone::Open,
        _ => Tone::Plain,
    };
    Cell { text: standing.name().into(), tone, link: None }
}

const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Absent => "absent",
        Presence::NotAddressable => "not addressable",
        Presence::Present => "present",
    }
}

fn evidence_text(holds: bool) -> String {
    Reading::Holds(holds).to_string()
}

fn plain(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone: Tone::Plain, link: None }
}

fn linked(id: &'static str) -> Cell {
    Cell { text: id.into(), tone: Tone::Plain, link: Some(id) }
}

fn open(text: String) -> Cell {
    Cell { text, tone: Tone::Open, link: None }
}

fn judged(text: String, good: bool) -> Cell {
    Cell { text, tone: if good { Tone::Good } else { Tone::Bad }, link: None }
}
