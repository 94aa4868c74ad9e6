use evanesce_core::Timestamp;
use zeroize::Zeroize;

use crate::insight::Insight;
use crate::topic::Topic;

/// What a reader can do with one issue of a newsletter, and until when.
///
/// It is made of the reader's own text and choices, and so it is personal data
/// until it is released: no `Debug`, no `Serialize`, wiped when dropped. What
/// leaves is what [`Self::render`] writes.
pub struct Template {
    pub(crate) title: String,
    pub(crate) insights: Vec<Insight>,
    pub(crate) steps: Vec<Step>,
    pub(crate) generated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Template {
    /// The title of the newsletter, or a neutral one.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// All insights; what fits the goals comes first, then what weighs most.
    #[must_use]
    pub fn insights(&self) -> &[Insight] {
        &self.insights
    }

    /// What to do, the quickest first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What most of its steps are about, the first of equals.
    #[must_use]
    pub fn topic(&self) -> Topic {
        let mut votes = [0_usize; Topic::ALL.len()];
        for insight in self.steps.iter().filter_map(|step| self.insights.get(step.from)) {
            votes[insight.topic().index()] += 1;
        }
        let most = votes.iter().copied().max().unwrap_or(0);
        Topic::ALL.into_iter().find(|t| votes[t.index()] == most).unwrap_or(Topic::Other)
    }

    /// When it was made.
    #[must_use]
    pub fn generated_at(&self) -> Timestamp {
        self.generated_at
    }

    /// From when on it must not be shown any more.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether it may still be shown at an instant.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        self.title.zeroize();
    }
}

/// One thing to do.
pub struct Step {
    pub(crate) number: usize,
    pub(crate) action: String,
    pub(crate) why: String,
    pub(crate) effort: Effort,
    pub(crate) from: usize,
}

impl Step {
    /// Its number, from 1 on.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// What to do, in one sentence.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// What speaks for it.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// How much of it there is to do.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// The place of its insight in [`Template::insights`].
    #[must_use]
    pub fn from(&self) -> usize {
        self.from
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.action.zeroize();
        self.why.zeroize();
    }
}

/// How much time a step takes, as a rule of thumb for its kind.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Effort {
    /// Less than an hour.
    Minutes,
    /// Less than a day.
    Hours,
    /// A day and more.
    Days,
}

impl Effort {
    /// Its name in lower case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Minutes => "minutes",
        }
    }
}
