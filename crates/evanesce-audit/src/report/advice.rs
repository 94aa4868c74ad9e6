use evanesce_core::{Label, Reading, Rule, Standing, StoreKind};
use serde::Serialize;

use super::{Report, Retained};

/// What to do about a fact that is not as it should be, in one closed sentence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Recommendation {
    /// What to do.
    pub sentence: &'static str,
    /// Where.
    pub store: Option<StoreKind>,
    /// The setting to change, or the fact that is not known.
    pub subject: Option<Label>,
}

impl Recommendation {
    const fn new(sentence: &'static str) -> Self {
        Self { sentence, store: None, subject: None }
    }

    fn about(sentence: &'static str, store: StoreKind, subject: &Label) -> Self {
        Self { sentence, store: Some(store), subject: Some(subject.clone()) }
    }
}

/// Whether a store's retention is known and within the policy of its class.
pub(super) fn keeps(row: &Retained) -> Option<bool> {
    let policy = u64::try_from(row.class.ceiling().as_millis()).unwrap_or(u64::MAX);
    let within = |reading: Option<&Reading>| match reading {
        Some(Reading::Millis(ms)) => Some(*ms <= policy),
        // An empty store has no oldest record; a word says what bounds nothing.
        Some(Reading::Word(word)) => Some(word.as_str() == "empty"),
        _ => None,
    };
    match (within(row.ceiling.reading()), within(row.oldest.reading())) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(super) fn recommendations(report: &Report) -> Vec<Recommendation> {
    let mut advice = Vec::new();
    if let Some(summary) = &report.operations {
        for count in summary.checked().iter().filter(|count| count.broken > 0) {
            advice.push(Recommendation::new(of_rule(count.rule)));
        }
        if summary.violations().iter().any(|violation| violation.rules.is_empty()) {
            let sentence = "Find out why entries state a violation without naming a rule.";
            advice.push(Recommendation::new(sentence));
        }
    }
    for row in &report.retention {
        match keeps(row) {
            Some(true) => {}
            Some(false) => advice.push(Recommendation::about(
                "Change this setting: data stays longer than its class allows.",
                row.store,
                &row.setting,
            )),
            None => advice.push(Recommendation::about(
                "Let the service read this setting: how long data stays is not known.",
                row.store,
                &row.setting,
            )),
        }
    }
    for evidence in &report.evidence {
        let sentence = match (evidence.standing(), evidence.reading()) {
            (Standing::Unknown, _) => "Let the service read this fact, or declare it.",
            (_, Some(Reading::Holds(false))) => "Make this fact hold.",
            _ => continue,
        };
        advice.push(Recommendation::about(sentence, evidence.store(), evidence.fact()));
    }
    if report.erasures.iter().any(|row| !row.proven) {
        let sentence = "Repeat the erasures whose receipts do not verify.";
        advice.push(Recommendation::new(sentence));
    }
    if let Some(log) = &report.log {
        if log.lost > 0 {
            let sentence = "Find out why counted operations did not reach the log.";
            advice.push(Recommendation::new(sentence));
        }
        if log.continuity == "unwitnessed" {
            let sentence = "Keep the newest checkpoint outside the store that holds the log.";
            advice.push(Recommendation::new(sentence));
        }
    }
    advice.dedup();
    advice
}

/// What a rule promises.
pub(super) const fn promise(rule: Rule) -> &'static str {
    match rule {
        Rule::Aggregated => "Statistics leave only in groups",
        Rule::Anonymized => "Statistics hold nothing that singles a person out",
        Rule::AutoPurged => "Personal data ends without anybody's doing",
        Rule::ConsentLive => "What needs consent has a live grant",
        Rule::Encrypted => "Personal data is encrypted wherever it lies",
        Rule::NoPersonalData => "Statistics hold no personal data",
        Rule::NoUserContent => "Technical data holds no user content",
        Rule::OperationalOnly => "Technical data comes from technical operations only",
        Rule::RetentionCeiling => "Nothing is older than its policy allows",
        Rule::Screened => "Output passes the screen before it leaves",
        Rule::SessionOnly => "Personal data lies only in sessions",
        _ => "A rule that this version has no sentence for",
    }
}

const fn of_rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Aggregated => "Release statistics as declared tables, not as output.",
        Rule::Anonymized => "Anonymise events before they are stored as statistics.",
        Rule::AutoPurged => "Make the sweeps and erasures that failed succeed, and repeat them.",
        Rule::ConsentLive => "Name a purpose, and ask for its grant, wherever data is used.",
        Rule::Encrypted => "Seal personal data before it is handed to a store.",
        Rule::NoPersonalData => {
            "Erase the personal data found among statistics, and find its way in."
        }
        Rule::NoUserContent => {
            "Erase the user content found in logs or metrics, and find its way in."
        }
        Rule::OperationalOnly => "Keep operations on personal data out of technical data.",
        Rule::RetentionCeiling => "Make the removals by age that failed succeed, and repeat them.",
        Rule::Screened => "Let output out only through the screen.",
        Rule::SessionOnly => "Move personal data that lies outside sessions into sessions.",
        _ => "Look into the violations of this rule.",
    }
}
