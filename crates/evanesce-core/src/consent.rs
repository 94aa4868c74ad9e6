use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::{Basis, BoxFuture, Error, Purpose, PurposeId};

/// The port that answers whether one session's consent is live now.
///
/// # Contract
/// An implementation stands for one session. It asks the session's store each
/// time; what it cannot find out is an error, and an error is no consent.
pub trait Liveness: Send + Sync {
    /// The state of the grant for `purpose`.
    fn grant(&self, purpose: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>>;
}

/// What a session says about one purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GrantState {
    /// The person was never asked, or did not answer.
    Absent,
    /// Given, and standing.
    Live,
    /// The notice has changed since: ask again.
    Outdated,
    /// Said no.
    Refused,
    /// Was given and taken back, by the person or by a browser signal.
    Withdrawn,
}

/// Witness that consent for the purpose `P` was live when it was checked. The
/// only constructor performs the check, and [`recheck`](Self::recheck) repeats it
/// each time that data leaves.
pub struct Granted<P> {
    liveness: Arc<dyn Liveness>,
    purpose: PhantomData<fn() -> P>,
}

impl<P: Purpose> Granted<P> {
    /// Asks whether consent is live. A purpose on another basis than consent
    /// needs none, and gets no witness of one either.
    ///
    /// # Errors
    /// [`NotGranted`] for every state but [`GrantState::Live`], and where the
    /// state could not be found out.
    pub async fn check(liveness: Arc<dyn Liveness>) -> Result<Self, NotGranted> {
        let granted = Self { liveness, purpose: PhantomData };
        granted.recheck().await?;
        Ok(granted)
    }

    /// Asks again.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn recheck(&self) -> Result<(), NotGranted> {
        if P::BASIS != Basis::Consent {
            return Err(NotGranted::OtherBasis);
        }
        match self.liveness.grant(&P::id()).await? {
            GrantState::Live => Ok(()),
            state => Err(NotGranted::State(state)),
        }
    }

    /// The purpose's name.
    #[must_use]
    pub fn purpose(&self) -> PurposeId {
        P::id()
    }
}

impl<P> fmt::Debug for Granted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Granted")
    }
}

/// Why there is no grant.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotGranted {
    /// The purpose stands on another lawful basis.
    #[error("this purpose does not stand on consent")]
    OtherBasis,
    /// The session says something else than yes.
    #[error("there is no live consent for this purpose")]
    State(GrantState),
    /// It could not be found out, which is no consent.
    #[error("consent could not be checked")]
    Unknown(#[from] Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Retention, StoreKind};

    struct Usage;
    impl Purpose for Usage {
        const NAME: &'static str = "usage";
        const NOTICE: &'static str = "Which topics are popular";
        const BASIS: Basis = Basis::Consent;
        const KEEP: Retention = Retention::Months(12);
    }

    struct Answer(Result<GrantState, Error>);
    impl Liveness for Answer {
        fn grant(&self, _: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
            Box::pin(std::future::ready(self.0))
        }
    }

    fn check(answer: Result<GrantState, Error>) -> Result<(), NotGranted> {
        let mut future = Box::pin(Granted::<Usage>::check(Arc::new(Answer(answer))));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(result) => result.map(drop),
            std::task::Poll::Pending => panic!("the answer is ready"),
        }
    }

    #[test]
    fn only_a_live_grant_makes_a_witness() {
        assert_eq!(check(Ok(GrantState::Live)), Ok(()));
        for state in
            [GrantState::Absent, GrantState::Outdated, GrantState::Refused, GrantState::Withdrawn]
        {
            assert_eq!(check(Ok(state)), Err(NotGranted::State(state)));
        }
    }

    #[test]
    fn what_cannot_be_found_out_is_no_consent() {
        let error = Error::new(ErrorKind::Timeout, StoreKind::Redis, "no answer in time");
        assert_eq!(check(Err(error)), Err(NotGranted::Unknown(error)));
    }
}
