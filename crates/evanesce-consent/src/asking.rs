use std::collections::BTreeSet;

use evanesce_core::{Digest, PurposeId};

use crate::{ConsentRecord, Notice};

/// When a person who may have answered before is asked, and when not.
///
/// Asking too often wears people down until they agree; asking too seldom goes on
/// with an answer to another question. What counts, from top to bottom:
///
/// | | asked |
/// |---|---|
/// | asking is switched off, or the person opens the question by herself | no |
/// | nothing is asked about | no |
/// | another layer has decided | no |
/// | she never answered | yes |
/// | she answered another version | yes |
/// | a browser's signal answered for her | yes |
/// | she answered in a way after which the service asks again | yes |
/// | a purpose is asked about that she did not decide | yes |
/// | else | no |
///
/// For an advertising framework's string only the version counts, and one without a
/// version is asked for each time; without a vendor nobody is asked.
///
/// ```
/// use evanesce_consent::{Analytics, Asking, LastAnswer, Method};
/// use evanesce_core::Purpose;
/// let asking = Asking::new([Analytics::id()]);
/// assert!(asking.is_due(None));
/// let refused = LastAnswer::new(Method::Refused, [Analytics::id()]);
/// assert!(!asking.is_due(Some(&refused)));
/// assert!(asking.again_after(Method::Refused).is_due(Some(&refused)));
/// ```
#[derive(Clone)]
pub struct Asking {
    asked: BTreeSet<PurposeId>,
    surface: Surface,
    version: Option<Digest>,
    again_after: BTreeSet<Method>,
    is_decided_elsewhere: bool,
}

/// How the question reaches the person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Surface {
    /// The service shows it unasked.
    Banner,
    /// A question of an advertising framework, about this many vendors.
    Framework {
        /// How many vendors there are, if it is known.
        vendors: Option<u32>,
    },
    /// The program asks in its own way, and knows itself when.
    Headless,
    /// The person opens it, or it stands there from the start.
    Modal,
    /// Nothing is shown.
    Off,
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Method {
    /// Everything was accepted.
    Accepted,
    /// Purpose by purpose.
    Chosen,
    /// The question was closed without an answer, which is a refusal.
    Dismissed,
    /// Everything was refused.
    Refused,
    /// A browser's signal stood for an answer.
    Signalled,
}

/// What is known of the last answer.
#[derive(Clone)]
pub struct LastAnswer {
    method: Option<Method>,
    decided: BTreeSet<PurposeId>,
    version: Option<Digest>,
}

impl LastAnswer {
    /// An answer that decided these purposes, either way.
    #[must_use]
    pub fn new(method: Method, decided: impl IntoIterator<Item = PurposeId>) -> Self {
        Self { method: Some(method), decided: decided.into_iter().collect(), version: None }
    }

    /// To this version of the question.
    #[must_use]
    pub const fn to_version(mut self, version: Digest) -> Self {
        self.version = Some(version);
        self
    }

    /// What a session's record knows of the notice's purposes, `None` if it knows of
    /// none of them. If it has answers to several versions, one that is not the
    /// notice's counts.
    #[must_use]
    pub fn of(record: &ConsentRecord, notice: &Notice) -> Option<Self> {
        let answers = notice.asked().filter_map(|offer| {
            Some((offer.purpose.clone(), record.answered_version(&offer.purpose)?))
        });
        let answers: Vec<(PurposeId, Digest)> = answers.collect();
        let (_, first) = answers.first()?;
        let other = answers.iter().map(|(_, version)| version).find(|it| **it != notice.version());
        let version = Some(*other.unwrap_or(first));
        let decided = answers.iter().map(|(purpose, _)| purpose.clone()).collect();
        Some(Self { method: None, decided, version })
    }
}

impl Asking {
    /// About these purposes, on a banner, never again after an answer.
    #[must_use]
    pub fn new(asked: impl IntoIterator<Item = PurposeId>) -> Self {
        Self {
            asked: asked.into_iter().collect(),
            surface: Surface::Banner,
            version: None,
            again_after: BTreeSet::new(),
            is_decided_elsewhere: false,
        }
    }

    /// About what a notice asks, in its version.
    #[must_use]
    pub fn about(notice: &Notice) -> Self {
        Self::new(notice.asked().map(|offer| offer.purpose.clone())).in_version(notice.version())
    }

    /// In this version of the question; an answer to another one does not count.
    #[must_use]
    pub const fn in_version(mut self, version: Digest) -> Self {
        self.version = Some(version);
        self
    }

    /// On another surface.
    #[must_use]
    pub const fn on(mut self, surface: Surface) -> Self {
        self.surface = surface;
        self
    }

    /// Asks again after an answer of this kind. For a refusal that is pressure, and a
    /// service that does it should say so.
    #[must_use]
    pub fn again_after(mut self, method: Method) -> Self {
        self.again_after.insert(method);
        self
    }

    /// Another layer has decided for this person already, such as an app around a page.
    #[must_use]
    pub const fn decided_elsewhere(mut self) -> Self {
        self.is_decided_elsewhere = true;
        self
    }

    /// Whether the person is asked now.
    #[must_use]
    pub fn is_due(&self, last: Option<&LastAnswer>) -> bool {
        match self.surface {
            Surface::Headless | Surface::Modal | Surface::Off => false,
            Surface::Framework { vendors: Some(0) } => false,
            _ if self.asked.is_empty() || self.is_decided_elsewhere => false,
            Surface::Framework { .. } => match (self.version, last.map(|last| last.version)) {
                (Some(version), Some(answered)) => answered != Some(version),
                _ => true,
            },
            Surface::Banner => last.is_none_or(|last| self.is_stale(last)),
        }
    }

    fn is_stale(&self, last: &LastAnswer) -> bool {
        let is_other = match (self.version, last.version) {
            (Some(asked), Some(answered)) => asked != answered,
            (None, _) | (_, None) => false,
        };
        let is_asked_after =
            last.method.is_some_and(|it| it == Method::Signalled || self.again_after.contains(&it));
        is_other || is_asked_after || !self.asked.is_subset(&last.decided)
    }
}

#[cfg(test)]
mod tests {
    use evanesce_core::{Purpose, Timestamp};

    use super::*;
    use crate::{Analytics, Performance, Signals};

    fn both() -> [PurposeId; 2] {
        [Analytics::id(), Performance::id()]
    }

    #[test]
    fn a_framework_is_asked_by_its_version() {
        let (one, two) = (Digest::new([1; 32]), Digest::new([2; 32]));
        let framework = Surface::Framework { vendors: None };
        let asking = Asking::new(both()).on(framework);
        let answered = LastAnswer::new(Method::Accepted, both()).to_version(one);
        assert!(asking.is_due(Some(&answered)));
        assert!(!asking.clone().in_version(one).is_due(Some(&answered)));
        assert!(asking.clone().in_version(two).is_due(Some(&answered)));
        assert!(asking.clone().in_version(two).is_due(None));
        assert!(!asking.clone().decided_elsewhere().is_due(None));
        let none = Surface::Framework { vendors: Some(0) };
        assert!(!asking.on(none).is_due(None));
    }

    #[test]
    fn who_answered_everything_is_left_alone() {
        for method in [Method::Accepted, Method::Chosen, Method::Dismissed, Method::Refused] {
            let last = LastAnswer::new(method, both());
            assert!(!Asking::new(both()).is_due(Some(&last)), "{method:?}");
            assert!(Asking::new(both()).again_after(method).is_due(Some(&last)));
        }
        let signalled = LastAnswer::new(Method::Signalled, both());
        assert!(Asking::new(both()).is_due(Some(&signalled)));
        assert!(!Asking::new(both()).decided_elsewhere().is_due(Some(&signalled)));
        let part = LastAnswer::new(Method::Chosen, [Analytics::id()]);
        assert!(Asking::new(both()).is_due(Some(&part)));
    }

    #[test]
    fn nobody_is_asked_where_nothing_is_asked_or_shown() {
        assert!(!Asking::new([]).is_due(None));
        for surface in [Surface::Headless, Surface::Modal, Surface::Off] {
            assert!(!Asking::new(both()).on(surface).is_due(None), "{surface:?}");
        }
    }

    #[test]
    fn a_session_is_asked_again_after_the_notice_changed() {
        let notice = Notice::new("newsletter").unwrap().purpose::<Analytics>().unwrap();
        let mut record = ConsentRecord::new();
        assert!(LastAnswer::of(&record, &notice).is_none());
        let at = Timestamp::from_millis(0);
        record.decide(Analytics::id(), false, notice.version(), &Signals::none(), at);
        let last = LastAnswer::of(&record, &notice).unwrap();
        assert!(!Asking::about(&notice).is_due(Some(&last)));
        let wider = notice.purpose::<Performance>().unwrap();
        let last = LastAnswer::of(&record, &wider).unwrap();
        assert!(Asking::about(&wider).is_due(Some(&last)));
    }
}
