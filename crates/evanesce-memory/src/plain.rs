//! Decoded personal data, lent out for the length of a closure.

use std::{
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    ptr,
};

use crate::{
    DecodeError, EncodeError, Ephemeral, MemoryError, MemoryPolicy, SecretBytes,
    ephemeral::secret_under, export::json_under, from_secret, os, to_json, to_secret,
};

/// A decoded value that is wiped when dropped: first field by field, then its own storage.
///
/// It is neither `Send` nor `Sync`, so that a future which holds it across an await can't be
/// spawned, and it has no `Clone`, `Debug` or `Serialize`.
///
/// The value's own parts lie on the heap while it lives; see [`crate::heap_is_wiped`].
pub struct Plain<T: Ephemeral> {
    value: Box<ManuallyDrop<T>>,
    on_one_thread: PhantomData<*const ()>,
}

impl<T: Ephemeral> Plain<T> {
    /// Takes a value into custody.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: Box::new(ManuallyDrop::new(value)), on_one_thread: PhantomData }
    }

    /// Takes a value into custody where it is made: in a frame of its own, which is scrubbed.
    pub fn build(make: impl FnOnce() -> T) -> Self {
        let plain = in_own_frame(|| Self::new(make()));
        crate::scrub_stack();
        plain
    }

    /// Decodes from guarded memory.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are no such value.
    pub fn from_secret(secret: &SecretBytes) -> Result<Self, DecodeError> {
        let plain = in_own_frame(|| from_secret(secret).map(Self::new));
        crate::scrub_stack();
        plain
    }

    /// Encodes into guarded memory.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] as of [`to_secret`].
    pub fn to_secret(&self) -> Result<SecretBytes, EncodeError> {
        to_secret::<T>(self)
    }

    /// Writes the value for the person whom it is about, as JSON in guarded memory.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] as of [`to_json`].
    pub fn to_json(&self) -> Result<SecretBytes, EncodeError> {
        to_json::<T>(self)
    }
}

/// Keeps temporaries out of the caller's frame, so that scrubbing reaches them.
#[inline(never)]
fn in_own_frame<R>(work: impl FnOnce() -> R) -> R {
    work()
}

impl<T: Ephemeral> Deref for Plain<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Ephemeral> DerefMut for Plain<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Ephemeral> Drop for Plain<T> {
    fn drop(&mut self) {
        self.value.wipe();
        let storage: *mut MaybeUninit<T> = ptr::from_mut(&mut *self.value).cast();
        // SAFETY: the value is dropped only here and not used afterwards; its storage stays
        // allocated until the box, which no longer drops the value, is freed.
        unsafe {
            ManuallyDrop::drop(&mut self.value);
            os::wipe(storage.cast(), size_of::<T>());
        }
    }
}

/// The place where plaintext may be touched: a closure with a memory policy.
///
/// The closure is synchronous, and what it is lent can't leave it:
///
/// ```
/// use evanesce_memory::{MemoryPolicy, SecureContext};
///
/// let length = SecureContext::with(MemoryPolicy::default(), |memory| {
///     let secret = memory.seal(&String::from("someone@example.org"))?;
///     memory.open::<String, _>(&secret, |text| text.len())
///         .map_err(Box::<dyn std::error::Error>::from)
/// })?;
/// assert_eq!(length, 19);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SecureContext {
    policy: MemoryPolicy,
    on_one_thread: PhantomData<*const ()>,
}

impl SecureContext {
    /// Runs `work` with memory under `policy`.
    pub fn with<R>(policy: MemoryPolicy, work: impl FnOnce(&Self) -> R) -> R {
        work(&Self { policy, on_one_thread: PhantomData })
    }

    /// `len` zero bytes under the context's policy.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] when the policy can't be met.
    pub fn zeroed(&self, len: usize) -> Result<SecretBytes, MemoryError> {
        SecretBytes::zeroed_under(self.policy, len)
    }

    /// Encodes a value into guarded memory under the context's policy.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] as of [`to_secret`], and when the policy can't be met.
    pub fn seal<T: Ephemeral>(&self, value: &T) -> Result<SecretBytes, EncodeError> {
        secret_under(self.policy, value)
    }

    /// Writes a value as JSON, for the person whom it is about, under the context's policy.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] as of [`to_json`], and when the policy can't be met.
    pub fn export<T: Ephemeral>(&self, value: &T) -> Result<SecretBytes, EncodeError> {
        json_under(self.policy, value)
    }

    /// Decodes a value, lends it to `work`, and wipes it, also when `work` panics.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are no such value.
    pub fn open<T: Ephemeral, R>(
        &self,
        secret: &SecretBytes,
        work: impl FnOnce(&mut Plain<T>) -> R,
    ) -> Result<R, DecodeError> {
        let mut plain = Plain::from_secret(secret)?;
        Ok(work(&mut plain))
    }
}
