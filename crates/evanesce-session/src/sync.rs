//! The lock of the in-memory store, which `loom` replaces by its own to try every order.

#[cfg(loom)]
use loom::sync as from;
#[cfg(not(loom))]
use std::sync as from;
use std::sync::PoisonError;

pub(crate) use from::{Mutex, MutexGuard};

/// Takes a lock, also after a panic under it: what lies behind is whole at every moment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
