use evanesce_core::GrantState;

const NAMESPACE: &str = "https://w3id.org/dpv#";
const PREFIX: &str = "dpv:";

/// The state of a consent in the words of the Data Privacy Vocabulary (version 2,
/// module *Consent Status*), for documents that others read.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ConsentStatus {
    /// It was given for a time that is over.
    Expired,
    /// It was given.
    Given,
    /// Something else than the person ended it, such as a court.
    Invalidated,
    /// It was asked for and refused.
    Refused,
    /// It was given again, as an instance of its own.
    RenewedGiven,
    /// The question was put off without an answer.
    RequestDeferred,
    /// It was asked for.
    Requested,
    /// The service or an authority took it back.
    Revoked,
    /// Nobody knows.
    Unknown,
    /// The person took it back.
    Withdrawn,
}

impl ConsentStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Expired,
        Self::Given,
        Self::Invalidated,
        Self::Refused,
        Self::RenewedGiven,
        Self::RequestDeferred,
        Self::Requested,
        Self::Revoked,
        Self::Unknown,
        Self::Withdrawn,
    ];

    /// The term, such as `dpv:ConsentGiven`.
    #[must_use]
    pub const fn term(self) -> &'static str {
        match self {
            Self::Expired => "dpv:ConsentExpired",
            Self::Given => "dpv:ConsentGiven",
            Self::Invalidated => "dpv:ConsentInvalidated",
            Self::Refused => "dpv:ConsentRefused",
            Self::RenewedGiven => "dpv:RenewedConsentGiven",
            Self::RequestDeferred => "dpv:ConsentRequestDeferred",
            Self::Requested => "dpv:ConsentRequested",
            Self::Revoked => "dpv:ConsentRevoked",
            Self::Unknown => "dpv:ConsentUnknown",
            Self::Withdrawn => "dpv:ConsentWithdrawn",
        }
    }

    /// From a term with its prefix, or from the whole IRI; `None` for anything else.
    #[must_use]
    pub fn parse(term: &str) -> Option<Self> {
        let name = term.strip_prefix(PREFIX).or_else(|| term.strip_prefix(NAMESPACE))?;
        Self::ALL.into_iter().find(|status| status.term().strip_prefix(PREFIX) == Some(name))
    }

    /// Whether data may be processed on it: the vocabulary has each status under
    /// `ConsentStatusValidForProcessing` or `ConsentStatusInvalidForProcessing`. An
    /// unknown consent is none.
    #[must_use]
    pub const fn is_valid_for_processing(self) -> bool {
        matches!(self, Self::Given | Self::RenewedGiven)
    }

    /// Whether a consent in this state may be next in that one. A refusal, or an end of
    /// any kind, comes to life again only by a new question and its answer, never by
    /// itself.
    ///
    /// ```
    /// use evanesce_consent::ConsentStatus;
    /// assert!(ConsentStatus::Given.may_become(ConsentStatus::Withdrawn));
    /// assert!(!ConsentStatus::Withdrawn.may_become(ConsentStatus::RenewedGiven));
    /// ```
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use ConsentStatus as S;
        match self {
            S::Unknown => matches!(next, S::Requested),
            S::Requested => matches!(next, S::Given | S::Refused | S::RequestDeferred),
            S::RequestDeferred => matches!(next, S::Requested | S::Given | S::Refused),
            S::Given | S::RenewedGiven => matches!(
                next,
                S::Expired
                    | S::Invalidated
                    | S::RenewedGiven
                    | S::Revoked
                    | S::Unknown
                    | S::Withdrawn
            ),
            S::Expired | S::Invalidated | S::Refused | S::Revoked | S::Withdrawn => {
                matches!(next, S::Requested)
            }
        }
    }
}

impl From<GrantState> for ConsentStatus {
    /// What the library knows of a session, said to others. An outdated grant is one
    /// that the service itself no longer takes.
    fn from(state: GrantState) -> Self {
        match state {
            GrantState::Absent => Self::Unknown,
            GrantState::Live => Self::Given,
            GrantState::Outdated => Self::Invalidated,
            GrantState::Refused => Self::Refused,
            GrantState::Withdrawn => Self::Withdrawn,
            // A state of a later version is not known here, and so no consent.
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_and_its_iri_are_read_back() {
        for status in ConsentStatus::ALL {
            assert_eq!(ConsentStatus::parse(status.term()), Some(status));
            let iri = status.term().replace("dpv:", "https://w3id.org/dpv#");
            assert_eq!(ConsentStatus::parse(&iri), Some(status));
        }
        for wrong in ["ConsentGiven", "dpv:consentgiven", "dpv:", "ex:ConsentGiven", ""] {
            assert_eq!(ConsentStatus::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_live_grant_is_valid_for_processing() {
        let states = [
            GrantState::Absent,
            GrantState::Live,
            GrantState::Outdated,
            GrantState::Refused,
            GrantState::Withdrawn,
        ];
        for state in states {
            let is_valid = ConsentStatus::from(state).is_valid_for_processing();
            assert_eq!(is_valid, state == GrantState::Live, "{state:?}");
        }
    }

    #[test]
    fn nothing_but_an_answer_makes_a_consent() {
        for from in ConsentStatus::ALL {
            for to in ConsentStatus::ALL.into_iter().filter(|to| to.is_valid_for_processing()) {
                let is_answered =
                    matches!(from, ConsentStatus::Requested | ConsentStatus::RequestDeferred);
                assert!(
                    !from.may_become(to) || is_answered || from.is_valid_for_processing(),
                    "{from:?} {to:?}"
                );
            }
        }
        // Everything can be asked about, sooner or later, and everything can end.
        for from in ConsentStatus::ALL {
            let ends = ConsentStatus::ALL.into_iter().filter(|to| from.may_become(*to));
            assert!(ends.count() >= 1, "{from:?}");
        }
    }
}
