use evanesce_core::{Basis, Digest, Namespace, Purpose, PurposeId, Retention};
use evanesce_crypto::{AssociatedData, sha256};

use crate::NoticeError;

const MOST: usize = 64;

/// What the person is told and asked: the purposes of a service, each in one
/// sentence with its basis and how long what comes of it is kept.
///
/// ```
/// use evanesce_consent::{Analytics, Essential, Notice};
/// # fn main() -> Result<(), evanesce_consent::NoticeError> {
/// let notice = Notice::new("newsletter")?.purpose::<Essential>()?.purpose::<Analytics>()?;
/// assert_eq!(notice.purposes().len(), 2);
/// assert_eq!(notice.asked().count(), 1); // nobody is asked about what the contract needs
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    name: Namespace,
    offers: Vec<Offer>,
    version: Digest,
}

/// One purpose as it is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The purpose.
    pub purpose: PurposeId,
    /// The sentence that the person reads.
    pub sentence: &'static str,
    /// The lawful basis.
    pub basis: Basis,
    /// How long what comes of it is kept.
    pub keep: Retention,
}

impl Offer {
    /// Whether the person is asked, which is for the basis consent only.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.basis == Basis::Consent
    }
}

impl Notice {
    /// A notice without purposes.
    ///
    /// # Errors
    /// [`NoticeError::Name`].
    pub fn new(name: &str) -> Result<Self, NoticeError> {
        let name = Namespace::new(name).map_err(|_| NoticeError::Name)?;
        let version = version(&name, &[]);
        Ok(Self { name, offers: Vec::new(), version })
    }

    /// Adds a purpose. One that is in the notice already, word by word, is not
    /// added twice, because several uses may share a purpose.
    ///
    /// # Errors
    /// [`NoticeError`] but for `Name`.
    pub fn purpose<P: Purpose>(mut self) -> Result<Self, NoticeError> {
        let purpose = PurposeId::parse(P::NAME).map_err(|_| NoticeError::Purpose)?;
        let is_sentence = (1..=400).contains(&P::NOTICE.len());
        if !is_sentence || P::NOTICE.chars().any(char::is_control) {
            return Err(NoticeError::Sentence);
        }
        let offer = Offer { purpose, sentence: P::NOTICE, basis: P::BASIS, keep: P::KEEP };
        match self.offer(&offer.purpose) {
            Some(known) if *known == offer => return Ok(self),
            Some(_) => return Err(NoticeError::Conflict),
            None if self.offers.len() >= MOST => return Err(NoticeError::TooMany),
            None => self.offers.push(offer),
        }
        self.version = version(&self.name, &self.offers);
        Ok(self)
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &Namespace {
        &self.name
    }

    /// SHA-256 over the name and every word of every purpose. A grant is for one
    /// version, so that a changed notice asks again; the order of the purposes is no
    /// part of it.
    #[must_use]
    pub const fn version(&self) -> Digest {
        self.version
    }

    /// The purposes, in the order in which they were added.
    #[must_use]
    pub fn purposes(&self) -> &[Offer] {
        &self.offers
    }

    /// The purposes that the person is asked about.
    pub fn asked(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(|offer| offer.is_asked())
    }

    /// What is told of a purpose, if anything.
    #[must_use]
    pub fn offer(&self, purpose: &PurposeId) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.purpose == *purpose)
    }
}

/// A basis as it is written in receipts.
pub(crate) const fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Consent => "consent",
        Basis::Contract => "contract",
        Basis::LegalObligation => "legal-obligation",
        Basis::LegitimateInterests => "legitimate-interests",
        Basis::PublicTask => "public-task",
        Basis::VitalInterests => "vital-interests",
        _ => "other",
    }
}

fn version(name: &Namespace, offers: &[Offer]) -> Digest {
    let mut sorted: Vec<&Offer> = offers.iter().collect();
    sorted.sort_by(|one, two| one.purpose.cmp(&two.purpose));
    let text = AssociatedData::new("evanesce notice v1").field(name.as_str().as_bytes());
    let text = sorted.into_iter().fold(text, |text, offer| {
        text.field(offer.purpose.as_str().as_bytes())
            .field(offer.sentence.as_bytes())
            .field(basis_name(offer.basis).as_bytes())
            .field(offer.keep.to_string().as_bytes())
    });
    sha256(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analytics, Essential, Performance};

    fn notice() -> Notice {
        Notice::new("newsletter").unwrap()
    }

    #[test]
    fn the_version_follows_every_word_and_no_order() {
        let one = notice().purpose::<Analytics>().unwrap().purpose::<Performance>().unwrap();
        let two = notice().purpose::<Performance>().unwrap().purpose::<Analytics>().unwrap();
        assert_eq!(one.version(), two.version());
        let other = Notice::new("shop").unwrap().purpose::<Analytics>().unwrap();
        let fewer = notice().purpose::<Analytics>().unwrap();
        assert_ne!(one.version(), fewer.version());
        assert_ne!(fewer.version(), other.version());

        struct Reworded;
        impl Purpose for Reworded {
            const NAME: &'static str = Analytics::NAME;
            const NOTICE: &'static str = "Statistics";
            const BASIS: Basis = Analytics::BASIS;
            const KEEP: Retention = Analytics::KEEP;
        }
        struct Longer;
        impl Purpose for Longer {
            const NAME: &'static str = Analytics::NAME;
            const NOTICE: &'static str = Analytics::NOTICE;
            const BASIS: Basis = Analytics::BASIS;
            const KEEP: Retention = Retention::Months(6);
        }
        struct OtherBasis;
        impl Purpose for OtherBasis {
            const NAME: &'static str = Analytics::NAME;
            const NOTICE: &'static str = Analytics::NOTICE;
            const BASIS: Basis = Basis::LegitimateInterests;
            const KEEP: Retention = Analytics::KEEP;
        }
        for changed in [
            notice().purpose::<Reworded>(),
            notice().purpose::<Longer>(),
            notice().purpose::<OtherBasis>(),
        ] {
            assert_ne!(changed.unwrap().version(), fewer.version());
        }
        assert_eq!(fewer.purpose::<Reworded>(), Err(NoticeError::Conflict));
    }

    #[test]
    fn a_purpose_that_two_uses_share_is_told_once() {
        let notice = notice().purpose::<Analytics>().unwrap().purpose::<Analytics>().unwrap();
        assert_eq!(notice.purposes().len(), 1);
    }

    #[test]
    fn what_the_contract_needs_is_told_and_not_asked() {
        let notice = notice().purpose::<Essential>().unwrap();
        assert_eq!(notice.purposes().len(), 1);
        assert_eq!(notice.asked().count(), 0);
    }

    #[test]
    fn names_and_sentences_are_checked() {
        struct Silent;
        impl Purpose for Silent {
            const NAME: &'static str = "silent";
            const NOTICE: &'static str = "";
            const BASIS: Basis = Basis::Consent;
            const KEEP: Retention = Retention::Days(1);
        }
        struct Nameless;
        impl Purpose for Nameless {
            const NAME: &'static str = "no name";
            const NOTICE: &'static str = "Something";
            const BASIS: Basis = Basis::Consent;
            const KEEP: Retention = Retention::Days(1);
        }
        assert_eq!(Notice::new("News letter"), Err(NoticeError::Name));
        assert_eq!(notice().purpose::<Silent>(), Err(NoticeError::Sentence));
        assert_eq!(notice().purpose::<Nameless>(), Err(NoticeError::Purpose));
    }
}
