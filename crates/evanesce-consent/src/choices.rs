use std::collections::BTreeSet;

use evanesce_core::{InvalidLabel, PurposeId};

use crate::Notice;

/// What the person answers. Whatever is not accepted is refused: silence is a
/// refusal, and refusing takes as many words as accepting.
///
/// ```
/// use evanesce_consent::{Analytics, Choices};
/// use evanesce_core::Purpose;
/// let accepted = Choices::new().accept(Analytics::id());
/// let refused = Choices::new().refuse(Analytics::id());
/// assert!(accepted.accepts(&Analytics::id()) && !refused.accepts(&Analytics::id()));
/// ```
#[derive(Clone, Default)]
pub struct Choices {
    accepted: BTreeSet<PurposeId>,
    refused: BTreeSet<PurposeId>,
}

impl Choices {
    /// Nothing is accepted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that the notice asks about is accepted.
    #[must_use]
    pub fn accept_all(notice: &Notice) -> Self {
        notice.asked().fold(Self::new(), |choices, offer| choices.accept(offer.purpose.clone()))
    }

    /// Everything that the notice asks about is refused.
    #[must_use]
    pub fn refuse_all(notice: &Notice) -> Self {
        notice.asked().fold(Self::new(), |choices, offer| choices.refuse(offer.purpose.clone()))
    }

    /// The names of the accepted purposes, as a form sends them.
    ///
    /// # Errors
    /// [`InvalidLabel`] for what is no purpose's name.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidLabel> {
        let accepted: Result<BTreeSet<PurposeId>, InvalidLabel> =
            names.into_iter().map(PurposeId::parse).collect();
        Ok(Self { accepted: accepted?, refused: BTreeSet::new() })
    }

    /// Accepts a purpose.
    #[must_use]
    pub fn accept(mut self, purpose: PurposeId) -> Self {
        self.refused.remove(&purpose);
        self.accepted.insert(purpose);
        self
    }

    /// Refuses a purpose.
    #[must_use]
    pub fn refuse(mut self, purpose: PurposeId) -> Self {
        self.accepted.remove(&purpose);
        self.refused.insert(purpose);
        self
    }

    /// Whether a purpose is accepted.
    #[must_use]
    pub fn accepts(&self, purpose: &PurposeId) -> bool {
        self.accepted.contains(purpose)
    }

    /// Whether the notice asks about all that is named.
    pub(crate) fn fits(&self, notice: &Notice) -> bool {
        let is_asked =
            |purpose: &PurposeId| notice.offer(purpose).is_some_and(crate::Offer::is_asked);
        self.accepted.iter().chain(&self.refused).all(is_asked)
    }
}
