use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_consent::Signals;
use evanesce_core::ErasureReceipt;
use evanesce_memory::Ephemeral;
use evanesce_purge::EraseError;
use evanesce_service::{Evanesce, ServiceError, Session};
use zeroize::Zeroizing;

/// Who sent the request, as far as the service knows: perhaps a session, which is not
/// looked up until somebody asks for it.
pub struct Visitor<T> {
    house: Evanesce,
    state: Arc<Mutex<State>>,
    signals: Signals,
    data: std::marker::PhantomData<fn() -> T>,
}

impl<T> Clone for Visitor<T> {
    fn clone(&self) -> Self {
        Self {
            house: self.house.clone(),
            state: Arc::clone(&self.state),
            signals: self.signals,
            data: std::marker::PhantomData,
        }
    }
}

#[derive(Default)]
struct State {
    token: Option<Zeroizing<String>>,
    outcome: Outcome,
}

/// What the response has to tell the client about its token.
#[derive(Clone, Default)]
pub(crate) enum Outcome {
    /// A new token.
    Given(Zeroizing<String>),
    /// The token leads nowhere now, and what the browser keeps may go.
    Taken,
    /// Nothing.
    #[default]
    Unchanged,
    /// Nothing, but somebody looked into the session.
    Used,
}

impl<T: Ephemeral> Visitor<T> {
    pub(crate) fn new(house: Evanesce, token: Option<Zeroizing<String>>, signals: Signals) -> Self {
        let state = State { token, outcome: Outcome::default() };
        Self { house, state: Arc::new(Mutex::new(state)), signals, data: std::marker::PhantomData }
    }

    /// The session of the token that the request carried, or of the one opened since.
    /// Whether it still stands, its first use tells.
    #[must_use]
    pub fn session(&self) -> Option<Session<T>> {
        let mut state = self.state();
        let session = self.house.session::<T>(state.token.as_ref()?).ok()?;
        if matches!(state.outcome, Outcome::Unchanged) {
            state.outcome = Outcome::Used;
        }
        Some(session.with_signals(self.signals))
    }

    /// Opens a session, whose token goes out with the response. A token that the request
    /// carried is never adopted for it.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn open(&self, data: &T) -> Result<Session<T>, ServiceError> {
        let session = self.house.open(data).await?.with_signals(self.signals);
        self.give(session.token());
        Ok(session)
    }

    /// Moves the session to a fresh token, as after a change of privilege.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn rotate(&self, session: &mut Session<T>) -> Result<(), ServiceError> {
        session.rotate().await?;
        self.give(session.token());
        Ok(())
    }

    /// Erases the session. The response takes the token back and asks the browser to
    /// clear what it keeps, also where only the receipt is missing.
    ///
    /// # Errors
    /// [`ServiceError::Erase`].
    pub async fn erase(&self, session: Session<T>) -> Result<ErasureReceipt, ServiceError> {
        let erased = session.erase().await;
        let unreceipted =
            matches!(&erased, Err(ServiceError::Erase(EraseError::Unreceipted { .. })));
        if erased.is_ok() || unreceipted {
            let mut state = self.state();
            state.token = None;
            state.outcome = Outcome::Taken;
        }
        erased
    }

    fn give(&self, token: Zeroizing<String>) {
        let mut state = self.state();
        state.outcome = Outcome::Given(token.clone());
        state.token = Some(token);
    }
}

impl<T> Visitor<T> {
    pub(crate) fn outcome(&self) -> Outcome {
        self.state().outcome.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
