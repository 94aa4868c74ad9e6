use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{BoxFuture, Clock, DataClass, Error, ErrorKind, StoreKind};
use evanesce_crypto::{Padding, Sealed, random_secret, seal, unseal};
use evanesce_memory::SecretBytes;

use crate::{WindowId, WindowLength};

/// The keys under which windows are sealed until they are released.
///
/// A key never leaves its keeper. It is born with a window's first event and dies
/// with [`end`](Self::end), or 24 hours after the window began, whichever comes
/// first; from then on what was sealed under it is ciphertext without a key, on
/// every disk and in every backup.
///
/// # Contract
/// A window whose key has died never gets another one.
///
/// # Errors
/// `Expired` once a key has died or its latest moment has passed, `Missing` for a
/// window without a key, `Corrupt` for what was not sealed under it in this place.
pub trait WindowKeys: Send + Sync {
    /// Makes sure that the window has a key.
    fn begin(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>>;

    /// Seals under the window's key.
    fn seal<'a>(
        &'a self,
        window: WindowId,
        associated: &'a [u8],
        plaintext: &'a SecretBytes,
    ) -> BoxFuture<'a, Result<Sealed, Error>>;

    /// Opens what was sealed.
    fn unseal<'a>(
        &'a self,
        window: WindowId,
        associated: &'a [u8],
        sealed: &'a Sealed,
    ) -> BoxFuture<'a, Result<SecretBytes, Error>>;

    /// Ends the window's key now. It is wiped before this returns.
    fn end(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>>;

    /// Ends all keys whose latest moment has come, and names their windows.
    fn end_overdue(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>>;

    /// Ends every key that lives, for an emergency, and names their windows.
    fn end_all(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>>;
}

/// Window keys in guarded memory of this process.
///
/// Another process cannot open what was sealed here, nor can this one after a
/// restart: such partial sums are counted as unreadable and lost. So each process
/// that uses these keys needs an aggregate store, or a schema in it, of its own.
pub struct LocalKeys {
    clock: Arc<dyn Clock>,
    length: WindowLength,
    keys: Mutex<BTreeMap<WindowId, State>>,
}

enum State {
    Ended { at: Duration },
    Living { key: Arc<SecretBytes>, born: Duration },
}

impl LocalKeys {
    /// Keys for windows of this length.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, length: WindowLength) -> Self {
        Self { clock, length, keys: Mutex::new(BTreeMap::new()) }
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<WindowId, State>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the wall clock, and by the steady one in case that the former is set back.
    fn is_overdue(&self, window: WindowId, born: Duration) -> bool {
        let age = self.clock.monotonic().saturating_sub(born);
        age >= DataClass::Ephemeral.ceiling() || self.clock.now() >= self.length.deadline(window)
    }

    fn ended(&self) -> State {
        State::Ended { at: self.clock.monotonic() }
    }

    fn begin_now(&self, window: WindowId) -> Result<(), Error> {
        let born = self.clock.monotonic();
        if self.is_overdue(window, born) {
            return Err(expired());
        }
        let mut keys = self.keys();
        match keys.get(&window) {
            Some(State::Ended { .. }) => Err(expired()),
            Some(State::Living { born, .. }) if self.is_overdue(window, *born) => Err(expired()),
            Some(State::Living { .. }) => Ok(()),
            None => {
                let key = Arc::new(random_secret(32)?);
                keys.insert(window, State::Living { key, born });
                Ok(())
            }
        }
    }

    fn key(&self, window: WindowId) -> Result<Arc<SecretBytes>, Error> {
        match self.keys().get(&window) {
            Some(State::Living { key, born }) if !self.is_overdue(window, *born) => {
                Ok(Arc::clone(key))
            }
            Some(_) => Err(expired()),
            None => Err(Error::new(ErrorKind::Missing, StoreKind::Memory, "no key for the window")),
        }
    }

    fn end_overdue_now(&self) -> Vec<WindowId> {
        let now = self.clock.monotonic();
        // An ended window is remembered until the wall clock alone refuses it, with
        // a day to spare for a clock that is set back.
        let memory = 2 * DataClass::Ephemeral.ceiling();
        self.keys().retain(
            |_, state| !matches!(state, State::Ended { at } if now.saturating_sub(*at) > memory),
        );
        self.end_those(|window, born| self.is_overdue(window, born))
    }

    fn end_those(&self, ends: impl Fn(WindowId, Duration) -> bool) -> Vec<WindowId> {
        let mut windows = Vec::new();
        for (window, state) in self.keys().iter_mut() {
            if matches!(state, State::Living { born, .. } if ends(*window, *born)) {
                *state = self.ended();
                windows.push(*window);
            }
        }
        windows
    }
}

impl WindowKeys for LocalKeys {
    fn begin(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.begin_now(window) })
    }

    fn seal<'a>(
        &'a self,
        window: WindowId,
        associated: &'a [u8],
        plaintext: &'a SecretBytes,
    ) -> BoxFuture<'a, Result<Sealed, Error>> {
        Box::pin(async move {
            let key = self.key(window)?;
            Ok(seal(&key, associated, plaintext, Padding::Classes)?)
        })
    }

    fn unseal<'a>(
        &'a self,
        window: WindowId,
        associated: &'a [u8],
        sealed: &'a Sealed,
    ) -> BoxFuture<'a, Result<SecretBytes, Error>> {
        Box::pin(async move {
            let key = self.key(window)?;
            Ok(unseal(&key, associated, sealed)?)
        })
    }

    fn end(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let ended = self.ended();
            self.keys().insert(window, ended);
            Ok(())
        })
    }

    fn end_overdue(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>> {
        Box::pin(async move { Ok(self.end_overdue_now()) })
    }

    fn end_all(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>> {
        Box::pin(async move { Ok(self.end_those(|_, _| true)) })
    }
}

fn expired() -> Error {
    Error::new(ErrorKind::Expired, StoreKind::Memory, "the window's key has died")
}
