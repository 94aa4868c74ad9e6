use std::marker::PhantomData;
use std::sync::Arc;

use evanesce_anonymize::Event;
use evanesce_consent::{Challenge, Choices, ConsentError, ConsentReceipt, ConsentRecord, Signals};
use evanesce_core::{
    Contribution, ErasureReason, ErasureReceipt, Granted, Liveness, NotGranted, Purpose,
};
use evanesce_memory::Ephemeral;
use evanesce_pipeline::{Deadline, Processed};
use evanesce_purge::Target;
use evanesce_session::{Change, Token};
use evanesce_telemetry::Level;
use zeroize::Zeroizing;

use crate::ServiceError;
use crate::grant::{CONSENT, SessionAllowance, SessionConsent};
use crate::house::{Evanesce, binding};

/// One person's session, opened by the token that only that person keeps.
///
/// It is a handle: the data lies sealed in the session store, and each call reads it
/// there. [`erase`](Self::erase) consumes the handle.
pub struct Session<T> {
    house: Evanesce,
    token: Arc<Token>,
    signals: Signals,
    data: PhantomData<fn() -> T>,
}

impl<T: Ephemeral> Session<T> {
    pub(crate) fn new(house: Evanesce, token: Token) -> Self {
        Self { house, token: Arc::new(token), signals: Signals::default(), data: PhantomData }
    }

    /// The same session with the signals that the browser sent on this request.
    #[must_use]
    pub fn with_signals(mut self, signals: Signals) -> Self {
        self.signals = signals;
        self
    }

    /// The token in the form that the client keeps. It is the one way in: the server
    /// stores neither the token nor anything that it could be computed from.
    #[must_use]
    pub fn token(&self) -> Zeroizing<String> {
        self.token.to_text()
    }

    /// Lends the data to `work` in guarded memory, for the length of the closure and
    /// until its deadline.
    ///
    /// # Errors
    /// [`ServiceError::Session`] when the session is gone, [`ServiceError::Pipeline`]
    /// for work that was late or panicked.
    pub async fn process<R: Send>(
        &self,
        work: impl FnOnce(&T, &Deadline<'_>) -> R + Send,
    ) -> Result<Processed<R>, ServiceError> {
        let pipeline = self.house.pipeline();
        let timed =
            self.house.sessions().read(&self.token, |data| pipeline.time(|d| work(data, d)));
        Ok(pipeline.conclude(timed.await??).await)
    }

    /// Changes the data. The closure may run again when another request came first.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn update<R: Send>(
        &self,
        change: impl FnMut(&mut T) -> R + Send,
    ) -> Result<R, ServiceError> {
        Ok(self.house.sessions().update(&self.token, change).await?)
    }

    /// Starts the idle time anew. The absolute end stays.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn renew(&self) -> Result<(), ServiceError> {
        self.house.sessions().renew(&self.token).await?;
        Ok(())
    }

    /// Asks for consent: what the person is shown, and a challenge to answer with.
    ///
    /// # Errors
    /// [`ServiceError::Consent`] when there is no randomness.
    pub fn ask(&self) -> Result<Challenge, ServiceError> {
        Ok(self.house.consents().ask(&binding(&self.token))?)
    }

    /// Takes the answer. What is not named is refused. The receipt is the person's, and
    /// the service keeps none.
    ///
    /// # Errors
    /// [`ServiceError::Consent`] for a challenge that is too old or another notice's.
    pub async fn answer(
        &self,
        challenge: &str,
        choices: &Choices,
    ) -> Result<ConsentReceipt, ServiceError> {
        let bound = binding(&self.token);
        let answer = self.house.consents().answer(challenge, &bound, choices, &self.signals);
        let (record, receipt) = answer.await?;
        let bytes = record.to_bytes();
        self.house
            .sessions()
            .update_compartment(&self.token, CONSENT, |_| (Change::Put(bytes.to_vec()), ()))
            .await?;
        Ok(receipt)
    }

    /// Takes consent back. It holds with the next check, on every node.
    ///
    /// # Errors
    /// [`ServiceError::Session`] and [`ServiceError::Consent`].
    pub async fn withdraw<P: Purpose>(&self) -> Result<(), ServiceError> {
        let now = self.house.clock().now();
        let changed = self
            .house
            .sessions()
            .update_compartment(&self.token, CONSENT, |bytes| {
                let Some(Ok(mut record)) = bytes.map(ConsentRecord::from_bytes) else {
                    return (Change::Keep, false);
                };
                if !record.withdraw(&P::id(), now) {
                    return (Change::Keep, false);
                }
                (Change::Put(record.to_bytes().to_vec()), true)
            })
            .await?;
        if !changed {
            return Err(ConsentError::NotGiven.into());
        }
        // The withdrawal stands already; the log is told of it.
        Ok(self.house.consents().withdrawn(&P::id()).await?)
    }

    /// A witness that consent for `P` is live now.
    ///
    /// # Errors
    /// [`NotGranted`], also where it could not be found out.
    pub async fn granted<P: Purpose>(&self) -> Result<Granted<P>, NotGranted> {
        let liveness: Arc<dyn Liveness> = Arc::new(SessionConsent {
            sessions: self.house.sessions().clone(),
            token: Arc::clone(&self.token),
            notice: Arc::clone(self.house.notice()),
            signals: self.signals,
        });
        Granted::check(liveness).await
    }

    /// Counts an event, at most once for each window and cell of this session.
    ///
    /// # Errors
    /// [`ServiceError::Fold`] when consent is gone, the metric has expired, or the
    /// session cannot remember.
    pub async fn fold<E: Event>(
        &self,
        event: E,
        granted: &Granted<E::Purpose>,
    ) -> Result<Contribution, ServiceError> {
        let allowance = SessionAllowance {
            sessions: self.house.sessions().clone(),
            token: Arc::clone(&self.token),
        };
        Ok(self.house.folds().fold(event, granted, &allowance).await?)
    }

    /// Erases the session, reads every store back, and gives the receipt.
    ///
    /// # Errors
    /// [`ServiceError::Erase`]; the request is then remembered and goes on.
    pub async fn erase(self) -> Result<ErasureReceipt, ServiceError> {
        let mut targets = Vec::new();
        for erasable in self.house.stores() {
            let subject = self.house.sessions().subject(&self.token)?;
            targets.push(Target { erasable: Arc::clone(erasable), subject });
        }
        let receipt = self.house.erasures().erase(ErasureReason::Requested, targets).await?;
        self.house.note(Level::Info, "session.erased");
        Ok(receipt)
    }

    /// Moves the session to a fresh token, as after a change of privilege. The old token
    /// is dead at once; grants that were checked under it are gone with it.
    ///
    /// # Errors
    /// [`ServiceError::Session`]; the handle then keeps the token that it had.
    pub async fn rotate(&mut self) -> Result<(), ServiceError> {
        let token = Token::parse(&self.token.to_text())?;
        let fresh = self.house.sessions().rotate(token).await.map_err(|failed| failed.error)?;
        self.token = Arc::new(fresh);
        Ok(())
    }
}
