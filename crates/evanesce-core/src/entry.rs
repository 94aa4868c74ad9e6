use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DataClass, Digest, Grain, PurposeId, StoreKind, Timestamp};

/// One line of the audit log: what was done to which class of data, and how it
/// ended. It has no free text and names no person, session or token; what must
/// be recognised later is a salted commitment, whose salt can be forgotten.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    at: Timestamp,
    operation: Operation,
    class: DataClass,
    outcome: Outcome,
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    store: Option<StoreKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<PurposeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overdue: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commitment: Option<Digest>,
}

impl Entry {
    /// An entry for one operation that was done. Its time is coarsened to the
    /// minute here, so that no caller can forget to.
    #[must_use]
    pub const fn new(at: Timestamp, operation: Operation, class: DataClass) -> Self {
        Self {
            at: at.coarse(Grain::Minute),
            operation,
            class,
            outcome: Outcome::Done,
            count: 1,
            store: None,
            purpose: None,
            rule: None,
            overdue: None,
            commitment: None,
        }
    }

    /// How it ended.
    #[must_use]
    pub const fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// How many things it concerned.
    #[must_use]
    pub const fn with_count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Where.
    #[must_use]
    pub const fn with_store(mut self, store: StoreKind) -> Self {
        self.store = Some(store);
        self
    }

    /// For which purpose.
    #[must_use]
    pub fn with_purpose(mut self, purpose: PurposeId) -> Self {
        self.purpose = Some(purpose);
        self
    }

    /// Which rule was checked.
    #[must_use]
    pub const fn with_rule(mut self, rule: Rule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// By how much the oldest of them was too old, in whole minutes, rounded up.
    #[must_use]
    pub const fn with_overdue(mut self, overdue: Duration) -> Self {
        let begun = overdue.as_secs().saturating_add((overdue.subsec_nanos() > 0) as u64);
        self.overdue = Some(begun.div_ceil(60));
        self
    }

    /// A commitment under a fresh salt, to something that is shown elsewhere.
    #[must_use]
    pub const fn with_commitment(mut self, commitment: Digest) -> Self {
        self.commitment = Some(commitment);
        self
    }

    /// The minute in which it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What was done.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// To which class of data.
    #[must_use]
    pub const fn class(&self) -> DataClass {
        self.class
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How many things it concerned.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Where it happened.
    #[must_use]
    pub const fn store(&self) -> Option<StoreKind> {
        self.store
    }

    /// For which purpose.
    #[must_use]
    pub const fn purpose(&self) -> Option<&PurposeId> {
        self.purpose.as_ref()
    }

    /// The rule that was checked.
    #[must_use]
    pub const fn rule(&self) -> Option<Rule> {
        self.rule
    }

    /// By how much the oldest was too old, where that was asked.
    #[must_use]
    pub const fn overdue(&self) -> Option<Duration> {
        match self.overdue {
            Some(minutes) => Some(Duration::from_secs(minutes.saturating_mul(60))),
            None => None,
        }
    }

    /// The commitment, where there is one.
    #[must_use]
    pub const fn commitment(&self) -> Option<&Digest> {
        self.commitment.as_ref()
    }

    /// Whether two entries differ in nothing but their count, so that they can be
    /// added up. An entry with a commitment stands for itself.
    #[must_use]
    pub fn adds_to(&self, other: &Self) -> bool {
        let alike = Self { count: other.count, ..self.clone() };
        self.commitment.is_none() && alike == *other
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operation {
    /// A request was refused for its risk.
    AccessBlocked,
    /// A privacy budget was debited.
    BudgetSpent,
    /// Consent was asked for.
    ConsentAsked,
    /// Consent was given.
    ConsentGiven,
    /// Consent was refused.
    ConsentRefused,
    /// Consent was withdrawn.
    ConsentWithdrawn,
    /// Everything of Class 1 was made unreadable at once.
    EmergencyPurged,
    /// An epoch was ended: its sessions are unreadable.
    EpochEnded,
    /// One person's data was erased and read back.
    Erased,
    /// An erasure was asked for.
    ErasureRequested,
    /// An anonymous event was added to a sealed partial sum.
    Folded,
    /// Nothing happened, and the log says so.
    Heartbeat,
    /// A server was found to be another than before: restored, replaced or promoted. The
    /// life that it is in now is the commitment.
    IncarnationChanged,
    /// A key was replaced or retired.
    KeyRotated,
    /// Personal data was found where it should not be.
    LeakFound,
    /// Output was refused by the screen.
    OutputBlocked,
    /// Output was screened and let out.
    OutputReleased,
    /// The embedding program chose a weaker setting by name.
    PolicyOverridden,
    /// Personal data was processed in secure memory.
    Processed,
    /// Old data was removed by the policy's age.
    RetentionEnforced,
    /// A service began.
    ServiceStarted,
    /// A service ended in order.
    ServiceStopped,
    /// A session was destroyed.
    SessionDestroyed,
    /// A session was opened.
    SessionOpened,
    /// A session was read.
    SessionRead,
    /// A session's time was extended.
    SessionRenewed,
    /// A session moved to a new token.
    SessionRotated,
    /// A session was read and destroyed in one step.
    SessionTaken,
    /// A session was changed.
    SessionUpdated,
    /// Which life a server is in was seen, and is the commitment.
    StoreSeen,
    /// Expired data was looked for.
    Swept,
    /// A table was released with noise or thresholds.
    TableReleased,
    /// Logs or metrics were handed to their store.
    TelemetryWritten,
}

impl Operation {
    /// The class of data that an operation concerns by its nature.
    #[must_use]
    pub const fn class(self) -> DataClass {
        match self {
            Self::BudgetSpent | Self::Folded | Self::TableReleased => DataClass::Aggregate,
            Self::Heartbeat
            | Self::IncarnationChanged
            | Self::KeyRotated
            | Self::PolicyOverridden
            | Self::ServiceStarted
            | Self::ServiceStopped
            | Self::StoreSeen
            | Self::TelemetryWritten => DataClass::Operational,
            _ => DataClass::Ephemeral,
        }
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was done and acknowledged.
    Done,
    /// It failed.
    Failed,
    /// A rule forbade it, and it was not done.
    Refused,
    /// It may or may not have happened.
    Unconfirmed,
    /// It was done against a rule.
    Violation,
}

/// The rules that operations are checked against, per class of data.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// Class 2 leaves only in groups.
    Aggregated,
    /// Class 2 holds nothing that singles out.
    Anonymized,
    /// Class 1 ends without anybody's doing.
    AutoPurged,
    /// A purpose with the basis consent has a live grant.
    ConsentLive,
    /// Class 1 is encrypted wherever it lies.
    Encrypted,
    /// Class 2 has no personal data.
    NoPersonalData,
    /// Class 3 has no user content.
    NoUserContent,
    /// Class 3 is technical.
    OperationalOnly,
    /// Nothing is older than the policy's age.
    RetentionCeiling,
    /// Output passed the screen.
    Screened,
    /// Class 1 lies only in sessions.
    SessionOnly,
}

impl Rule {
    /// The rules for a class of data.
    #[must_use]
    pub const fn of(class: DataClass) -> &'static [Self] {
        match class {
            DataClass::Ephemeral => &[
                Self::SessionOnly,
                Self::Encrypted,
                Self::AutoPurged,
                Self::ConsentLive,
                Self::Screened,
            ],
            DataClass::Aggregate => {
                &[Self::Anonymized, Self::Aggregated, Self::NoPersonalData, Self::RetentionCeiling]
            }
            DataClass::Operational => {
                &[Self::OperationalOnly, Self::NoUserContent, Self::RetentionCeiling]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_coarsened_by_the_constructor() {
        let at = Timestamp::from_millis(1_700_000_123_456);
        let entry = Entry::new(at, Operation::SessionOpened, DataClass::Ephemeral);
        assert_eq!(entry.at().as_millis() % 60_000, 0);
    }

    #[test]
    fn only_equal_entries_without_a_commitment_add_up() {
        let entry =
            Entry::new(Timestamp::from_millis(0), Operation::SessionRead, DataClass::Ephemeral);
        assert!(entry.adds_to(&entry.clone().with_count(7)));
        assert!(!entry.adds_to(&entry.clone().with_outcome(Outcome::Failed)));
        let committed = entry.with_commitment(Digest::new([1; 32]));
        assert!(!committed.adds_to(&committed));
    }
}
