use std::sync::Arc;

use evanesce_core::{
    Append, BoxFuture, DataClass, Entry, Error, Incorporated, Operation, Outcome, Rule, StoreKind,
};

use crate::AlertSink;

/// One line of the rules: which class it binds, which rule it is part of, and
/// what breaks it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requirement {
    /// The class of data.
    pub class: DataClass,
    /// The rule.
    pub rule: Rule,
    /// What breaks it.
    pub breach: Breach,
}

/// What breaks a rule, as it shows in an entry of the rule's class.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Breach {
    /// The operation itself, by one that was done.
    Done(Vec<Operation>),
    /// Whoever checked this rule wrote that it was violated.
    Flagged,
    /// The operation failed or was never confirmed.
    Missed(Vec<Operation>),
    /// The operation was done outside the stores where it belongs.
    OutsideOf(Vec<Operation>, Vec<StoreKind>),
    /// The operation was done without naming its purpose.
    PurposeMissing(Vec<Operation>),
    /// The operation was done without checking this rule.
    Unchecked(Vec<Operation>),
}

/// What the rules say of an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// No rule is broken.
    Clear,
    /// These rules are broken; none if the entry says so without naming one.
    Violated(Vec<Rule>),
}

/// The rules that entries are checked against, as data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules(Vec<Requirement>);

impl Rules {
    /// Rules of one's own choice. A violation that an entry states itself counts
    /// under any of them.
    #[must_use]
    pub const fn new(requirements: Vec<Requirement>) -> Self {
        Self(requirements)
    }

    /// The rules of the three classes.
    #[must_use]
    pub fn standard() -> Self {
        let mut all = Vec::new();
        for class in CLASSES {
            for rule in Rule::of(class) {
                all.push(Requirement { class, rule: *rule, breach: Breach::Flagged });
                for breach in breaches(class, *rule) {
                    all.push(Requirement { class, rule: *rule, breach });
                }
            }
        }
        Self(all)
    }

    /// The lines.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Checks an entry.
    #[must_use]
    pub fn check(&self, entry: &Entry) -> Verdict {
        let mut broken: Vec<Rule> = self
            .0
            .iter()
            .filter(|line| line.class == entry.class() && line.breach.shows_in(entry, line.rule))
            .map(|line| line.rule)
            .collect();
        broken.sort_unstable();
        broken.dedup();
        if broken.is_empty() && entry.outcome() != Outcome::Violation {
            Verdict::Clear
        } else {
            Verdict::Violated(broken)
        }
    }
}

impl Breach {
    fn shows_in(&self, entry: &Entry, rule: Rule) -> bool {
        let operation = entry.operation();
        let done = matches!(entry.outcome(), Outcome::Done | Outcome::Unconfirmed);
        match self {
            Self::Done(operations) => done && operations.contains(&operation),
            Self::Flagged => entry.outcome() == Outcome::Violation && entry.rule() == Some(rule),
            Self::Missed(operations) => {
                matches!(entry.outcome(), Outcome::Failed | Outcome::Unconfirmed)
                    && operations.contains(&operation)
            }
            Self::OutsideOf(operations, stores) => {
                done && operations.contains(&operation)
                    && entry.store().is_some_and(|store| !stores.contains(&store))
            }
            Self::PurposeMissing(operations) => {
                done && operations.contains(&operation) && entry.purpose().is_none()
            }
            Self::Unchecked(operations) => {
                done && operations.contains(&operation) && entry.rule() != Some(rule)
            }
        }
    }
}

/// A violation: the entry, and the rules that it breaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alert {
    /// The entry.
    pub entry: Entry,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A log whose entries are checked on their way in. Each violation is told to the
/// sink before the entry is written, so that an unreachable log hides nothing.
pub struct Watched {
    log: Arc<dyn Append>,
    rules: Rules,
    sink: Arc<dyn AlertSink>,
}

impl Watched {
    /// Watches a log.
    #[must_use]
    pub fn new(log: Arc<dyn Append>, rules: Rules, sink: Arc<dyn AlertSink>) -> Self {
        Self { log, rules, sink }
    }

    fn watch(&self, entry: &Entry) {
        if let Verdict::Violated(rules) = self.rules.check(entry) {
            self.sink.alert(&Alert { entry: entry.clone(), rules });
        }
    }
}

impl Append for Watched {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        self.watch(&entry);
        self.log.append(entry)
    }

    fn count(&self, entry: Entry) {
        self.watch(&entry);
        self.log.count(entry);
    }
}

const CLASSES: [DataClass; 3] =
    [DataClass::Ephemeral, DataClass::Aggregate, DataClass::Operational];

fn breaches(class: DataClass, rule: Rule) -> Vec<Breach> {
    use Operation as O;
    let sessions = || {
        vec![
            O::SessionOpened,
            O::SessionRead,
            O::SessionRenewed,
            O::SessionRotated,
            O::SessionTaken,
            O::SessionUpdated,
        ]
    };
    match (class, rule) {
        (DataClass::Ephemeral, Rule::SessionOnly) => vec![
            Breach::OutsideOf(sessions(), vec![StoreKind::Memory, StoreKind::Redis]),
            Breach::Done(vec![O::LeakFound, O::TelemetryWritten, O::TableReleased]),
        ],
        (DataClass::Ephemeral, Rule::AutoPurged) => vec![Breach::Missed(vec![
            O::EmergencyPurged,
            O::EpochEnded,
            O::Erased,
            O::RetentionEnforced,
            O::SessionDestroyed,
            O::Swept,
        ])],
        (DataClass::Ephemeral, Rule::ConsentLive) => {
            vec![Breach::PurposeMissing(vec![O::Folded])]
        }
        (DataClass::Ephemeral, Rule::Screened) => vec![Breach::Unchecked(vec![O::OutputReleased])],
        (DataClass::Aggregate, Rule::Anonymized) => {
            let mut personal = sessions();
            personal.push(O::Processed);
            vec![Breach::Done(personal)]
        }
        (DataClass::Aggregate, Rule::Aggregated) => vec![Breach::Done(vec![O::OutputReleased])],
        (DataClass::Aggregate, Rule::NoPersonalData)
        | (DataClass::Operational, Rule::NoUserContent) => {
            vec![Breach::Done(vec![O::LeakFound])]
        }
        (DataClass::Aggregate | DataClass::Operational, Rule::RetentionCeiling) => {
            vec![Breach::Missed(vec![O::RetentionEnforced, O::Swept])]
        }
        (DataClass::Operational, Rule::OperationalOnly) => {
            let mut personal = sessions();
            personal.extend([O::Folded, O::OutputReleased, O::Processed]);
            vec![Breach::Done(personal)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use evanesce_core::{PurposeId, Timestamp};

    use super::*;

    fn entry(operation: Operation, class: DataClass) -> Entry {
        Entry::new(Timestamp::from_millis(0), operation, class)
    }

    // One entry for each line of the rules that breaks it and no other rule.
    fn red() -> Vec<(DataClass, Rule, Entry)> {
        use DataClass::{Aggregate, Ephemeral, Operational};
        use Operation as O;
        let mut red = vec![
            (
                Ephemeral,
                Rule::SessionOnly,
                entry(O::SessionOpened, Ephemeral).with_store(StoreKind::Folder),
            ),
            (Ephemeral, Rule::SessionOnly, entry(O::LeakFound, Ephemeral)),
            (Ephemeral, Rule::AutoPurged, entry(O::Swept, Ephemeral).with_outcome(Outcome::Failed)),
            (Ephemeral, Rule::ConsentLive, entry(O::Folded, Ephemeral)),
            (Ephemeral, Rule::Screened, entry(O::OutputReleased, Ephemeral)),
            (Aggregate, Rule::Anonymized, entry(O::SessionRead, Aggregate)),
            (Aggregate, Rule::Aggregated, entry(O::OutputReleased, Aggregate)),
            (Aggregate, Rule::NoPersonalData, entry(O::LeakFound, Aggregate)),
            (
                Aggregate,
                Rule::RetentionCeiling,
                entry(O::RetentionEnforced, Aggregate).with_outcome(Outcome::Failed),
            ),
            (Operational, Rule::OperationalOnly, entry(O::Processed, Operational)),
            (Operational, Rule::NoUserContent, entry(O::LeakFound, Operational)),
            (
                Operational,
                Rule::RetentionCeiling,
                entry(O::RetentionEnforced, Operational).with_outcome(Outcome::Unconfirmed),
            ),
        ];
        for class in CLASSES {
            for rule in Rule::of(class) {
                let flagged =
                    entry(O::Heartbeat, class).with_rule(*rule).with_outcome(Outcome::Violation);
                red.push((class, *rule, flagged));
            }
        }
        red
    }

    #[test]
    fn every_line_of_the_rules_turns_red_alone() {
        let rules = Rules::standard();
        let red = red();
        for (class, rule, entry) in &red {
            assert_eq!(rules.check(entry), Verdict::Violated(vec![*rule]), "{class} {rule:?}");
        }
        for line in rules.requirements() {
            let shown = red.iter().any(|(class, rule, entry)| {
                (line.class, line.rule) == (*class, *rule) && line.breach.shows_in(entry, *rule)
            });
            assert!(shown, "no entry turns {line:?} red");
        }
    }

    #[test]
    fn what_a_service_does_in_order_is_clear() {
        use DataClass::{Aggregate, Ephemeral, Operational};
        use Operation as O;
        let rules = Rules::standard();
        for entry in [
            entry(O::SessionOpened, Ephemeral).with_store(StoreKind::Redis),
            entry(O::SessionRead, Ephemeral).with_outcome(Outcome::Failed),
            entry(O::Erased, Ephemeral).with_store(StoreKind::Elasticsearch),
            entry(O::OutputReleased, Ephemeral).with_rule(Rule::Screened),
            entry(O::OutputBlocked, Ephemeral).with_outcome(Outcome::Refused),
            entry(O::Folded, Aggregate).with_purpose(PurposeId::new("usage")),
            entry(O::TableReleased, Aggregate),
            entry(O::RetentionEnforced, Operational).with_count(0),
            entry(O::TelemetryWritten, Operational),
        ] {
            assert_eq!(rules.check(&entry), Verdict::Clear, "{entry:?}");
        }
    }

    #[test]
    fn a_stated_violation_counts_without_a_rule_too() {
        let stated =
            entry(Operation::Heartbeat, DataClass::Operational).with_outcome(Outcome::Violation);
        assert_eq!(Rules::new(vec![]).check(&stated), Verdict::Violated(vec![]));
    }

    #[test]
    fn a_violation_is_told_even_if_the_log_is_down() {
        struct Down;
        impl Append for Down {
            fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
                let error =
                    Error::new(evanesce_core::ErrorKind::Unavailable, StoreKind::Folder, "down");
                Box::pin(std::future::ready(Err(error)))
            }
            fn count(&self, _: Entry) {}
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let watched = Watched::new(
            Arc::new(Down),
            Rules::standard(),
            Arc::new(move |alert: &Alert| sink.lock().unwrap().push(alert.rules.clone())),
        );
        drop(watched.append(entry(Operation::LeakFound, DataClass::Operational)));
        watched.count(entry(Operation::TelemetryWritten, DataClass::Operational));
        assert_eq!(*seen.lock().unwrap(), vec![vec![Rule::NoUserContent]]);
    }
}
