use std::collections::{BTreeMap, BTreeSet};

use evanesce_core::{DataClass, Entry, Operation, Outcome, PurposeId, Rule, StoreKind, Timestamp};
use serde::Serialize;

use super::{Period, word};
use crate::{AuditError, Log, Rules, Verdict};

/// What the entries of a period add up to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    #[serde(skip)]
    rules: Rules,
    entries: u64,
    operations: u64,
    violating: u64,
    pruned: u64,
    lines: BTreeMap<String, Line>,
    checked: Vec<RuleCount>,
    violations: Vec<Violation>,
    #[serde(serialize_with = "names")]
    purposes: BTreeSet<PurposeId>,
    /// The minutes with an entry.
    #[serde(skip)]
    minutes: BTreeSet<u64>,
}

/// How many of one operation ended in which way.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Line {
    pub(super) class: DataClass,
    pub(super) operation: Operation,
    pub(super) outcomes: BTreeMap<String, u64>,
    /// How many named their purpose.
    pub(super) purposed: u64,
}

/// How often a rule was broken, among how many entries of its class.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RuleCount {
    /// The class of data.
    pub class: DataClass,
    /// The rule.
    pub rule: Rule,
    /// Entries that break it.
    pub broken: u64,
    /// Entries of the class.
    pub of: u64,
}

/// Entries that break the same rules in the same way.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// The class of data.
    pub class: DataClass,
    /// The operation.
    pub operation: Operation,
    /// Where it happened.
    pub store: Option<StoreKind>,
    /// The broken rules.
    pub rules: Vec<Rule>,
    /// The minute of the first.
    pub first: Timestamp,
    /// The minute of the last.
    pub last: Timestamp,
    /// How many entries.
    pub entries: u64,
    /// How many operations they stand for.
    pub operations: u64,
}

impl Summary {
    /// A summary of nothing yet, under these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let mut checked: Vec<RuleCount> = Vec::new();
        for line in rules.requirements() {
            let count = RuleCount { class: line.class, rule: line.rule, broken: 0, of: 0 };
            if !checked.contains(&count) {
                checked.push(count);
            }
        }
        Self {
            rules,
            entries: 0,
            operations: 0,
            violating: 0,
            pruned: 0,
            lines: BTreeMap::new(),
            checked,
            violations: Vec::new(),
            purposes: BTreeSet::new(),
            minutes: BTreeSet::new(),
        }
    }

    /// Reads the log's entries of a period.
    ///
    /// # Errors
    /// As [`Log::entries`].
    pub async fn read(log: &Log, rules: Rules, period: Period) -> Result<Self, AuditError> {
        let mut summary = Self::new(rules);
        let (mut at, end) = (0, log.size());
        while at < end {
            let logged = log.entries(at..end).await?;
            at += logged.len() as u64;
            for logged in logged {
                match logged.entry {
                    Some(entry) if period.contains(entry.at()) => summary.add(&entry),
                    Some(_) => {}
                    None => summary.pruned += 1,
                }
            }
        }
        Ok(summary)
    }

    /// Adds an entry.
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.operations = self.operations.saturating_add(entry.count());
        let key = format!("{} {}", entry.class().name(), word(&entry.operation()));
        let line = self.lines.entry(key).or_insert_with(|| Line {
            class: entry.class(),
            operation: entry.operation(),
            outcomes: BTreeMap::new(),
            purposed: 0,
        });
        let outcome = line.outcomes.entry(word(&entry.outcome())).or_default();
        *outcome = outcome.saturating_add(entry.count());
        self.minutes.insert(entry.at().as_millis() / MINUTE);
        if let Some(purpose) = entry.purpose() {
            line.purposed = line.purposed.saturating_add(entry.count());
            self.purposes.insert(purpose.clone());
        }
        let verdict = self.rules.check(entry);
        let broken = match &verdict {
            Verdict::Clear => &[][..],
            Verdict::Violated(rules) => rules,
        };
        for count in self.checked.iter_mut().filter(|count| count.class == entry.class()) {
            count.of += 1;
            count.broken += u64::from(broken.contains(&count.rule));
        }
        if let Verdict::Violated(rules) = verdict {
            self.violating += 1;
            self.note(entry, rules);
        }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.entries
    }

    /// How many operations they stand for.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// How many entries break a rule.
    #[must_use]
    pub const fn violating(&self) -> u64 {
        self.violating
    }

    /// How many leaves had no bytes any more, whatever their time was.
    #[must_use]
    pub const fn pruned(&self) -> u64 {
        self.pruned
    }

    /// Entries without a violation among all, in ten-thousandths rounded down, so
    /// that 100 % is shown only for none; `None` without entries.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        let clear = u128::from(self.entries - self.violating);
        let rate = (clear * 10_000).checked_div(u128::from(self.entries))?;
        u64::try_from(rate).ok()
    }

    /// Each rule with its count.
    #[must_use]
    pub fn checked(&self) -> &[RuleCount] {
        &self.checked
    }

    /// What broke rules.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The purposes that entries name.
    pub fn purposes(&self) -> impl Iterator<Item = &PurposeId> {
        self.purposes.iter()
    }

    /// How many of these operations there were in a class, however they ended.
    pub(super) fn count(&self, class: DataClass, operations: &[Operation]) -> u64 {
        let lines = self.lines().filter(|line| line.class == class);
        total(lines.filter(|line| operations.contains(&line.operation)).flat_map(Line::counts))
    }

    /// How many of these operations there were in all classes.
    pub(super) fn count_all(&self, operations: &[Operation]) -> u64 {
        let lines = self.lines().filter(|line| operations.contains(&line.operation));
        total(lines.flat_map(Line::counts))
    }

    /// How many of these operations ended so.
    pub(super) fn ended(
        &self,
        class: DataClass,
        operations: &[Operation],
        outcome: Outcome,
    ) -> u64 {
        let lines = self.lines().filter(|line| line.class == class);
        let lines = lines.filter(|line| operations.contains(&line.operation));
        total(lines.filter_map(|line| line.outcomes.get(&word(&outcome)).copied()))
    }

    /// How many of these operations named their purpose.
    pub(super) fn purposed(&self, operations: &[Operation]) -> u64 {
        let lines = self.lines().filter(|line| operations.contains(&line.operation));
        total(lines.map(|line| line.purposed))
    }

    /// How many operations of a class broke one of these rules.
    pub(super) fn broken(&self, class: DataClass, rules: &[Rule]) -> u64 {
        let broke = |violation: &&Violation| {
            violation.class == class && violation.rules.iter().any(|rule| rules.contains(rule))
        };
        total(self.violations.iter().filter(broke).map(|violation| violation.operations))
    }

    /// In how many hours of a period, counted from its beginning, there is an entry.
    pub(super) fn hours(&self, period: Period) -> u64 {
        // Entries know their minute only, and the first may have begun before the period.
        let from = period.from.as_millis() / MINUTE;
        let hours = self.minutes.iter().map(|minute| minute.saturating_sub(from) / 60);
        hours.collect::<BTreeSet<_>>().len() as u64
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    fn note(&mut self, entry: &Entry, rules: Vec<Rule>) {
        let same = |v: &&mut Violation| {
            v.class == entry.class()
                && v.operation == entry.operation()
                && v.store == entry.store()
                && v.rules == rules
        };
        if let Some(known) = self.violations.iter_mut().find(same) {
            known.entries += 1;
            known.operations = known.operations.saturating_add(entry.count());
            known.first = known.first.min(entry.at());
            known.last = known.last.max(entry.at());
        } else {
            self.violations.push(Violation {
                class: entry.class(),
                operation: entry.operation(),
                store: entry.store(),
                rules,
                first: entry.at(),
                last: entry.at(),
                entries: 1,
                operations: entry.count(),
            });
        }
    }
}

const MINUTE: u64 = 60_000;

impl Line {
    fn counts(&self) -> impl Iterator<Item = u64> {
        self.outcomes.values().copied()
    }
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn names<S: serde::Serializer>(
    purposes: &BTreeSet<PurposeId>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(purposes.iter().map(PurposeId::as_str))
}
