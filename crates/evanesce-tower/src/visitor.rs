use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_consent::Signals;
use evanesce_memory::Ephemeral;
use evanesce_service::{Evanesce, ServiceError};
use zeroize::Zeroizing;

use crate::Session;

/// The route is not behind a [`SessionLayer`](crate::SessionLayer).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the route is not behind a session layer")]
pub struct NoVisitor;

/// Who sent the request, as far as the service knows: perhaps a session, which is not
/// looked up until somebody uses it.
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

struct State {
    token: Option<Zeroizing<String>>,
    /// Whether the client sent one, and so has something to be taken back.
    client: Client,
    outcome: Outcome,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Client {
    Carries,
    HasNone,
}

/// What the response has to tell the client about its token.
#[derive(Clone, Default)]
pub(crate) enum Outcome {
    /// Nothing, but somebody asked whether there is a session.
    Asked,
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
        let client = if token.is_some() { Client::Carries } else { Client::HasNone };
        let state = State { token, client, outcome: Outcome::default() };
        Self { house, state: Arc::new(Mutex::new(state)), signals, data: std::marker::PhantomData }
    }

    /// The session of the token that the request carried, or of the one opened since.
    /// Whether it still stands, its first use tells.
    #[must_use]
    pub fn session(&self) -> Option<Session<T>> {
        let mut state = self.state();
        if matches!(state.outcome, Outcome::Unchanged) {
            state.outcome = Outcome::Asked;
        }
        let session = self.house.session::<T>(state.token.as_ref()?).ok()?;
        if matches!(state.outcome, Outcome::Asked) {
            state.outcome = Outcome::Used;
        }
        drop(state);
        Some(Session::new(session.with_signals(self.signals), self.clone()))
    }

    /// Opens a session, whose token goes out with the response. A token that the request
    /// carried is never adopted for it.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn open(&self, data: &T) -> Result<Session<T>, ServiceError> {
        let session = self.house.open(data).await?.with_signals(self.signals);
        self.give(session.token());
        Ok(Session::new(session, self.clone()))
    }
}

impl<T> Visitor<T> {
    pub(crate) fn outcome(&self) -> Outcome {
        self.state().outcome.clone()
    }

    pub(crate) fn give(&self, token: Zeroizing<String>) {
        let mut state = self.state();
        state.outcome = Outcome::Given(token.clone());
        state.token = Some(token);
    }

    /// A token that never left has nothing to be taken back.
    pub(crate) fn take(&self) {
        let mut state = self.state();
        state.token = None;
        state.outcome = match state.client {
            Client::Carries => Outcome::Taken,
            Client::HasNone => Outcome::Used,
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
