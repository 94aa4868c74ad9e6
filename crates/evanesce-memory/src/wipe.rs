//! Wiping what lies outside guarded memory: decoded values, boxes of foreign types, dead stack.

use std::{
    collections::BTreeMap,
    mem::{self, ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
};

use crate::{MemoryError, SecretBytes, os};

/// Overwrites a value in place so that nothing of it can be read afterwards.
///
/// Containers are left empty, numbers zero. `#[derive(Ephemeral)]` implements it field by field.
pub trait Wipe {
    /// Overwrites the value, with stores that the compiler may not leave out.
    fn wipe(&mut self);
}

/// Overwrites bytes with zero.
pub fn wipe_slice(bytes: &mut [u8]) {
    // SAFETY: an exclusive slice is valid for writes of its length.
    unsafe { os::wipe(bytes.as_mut_ptr(), bytes.len()) };
}

/// Overwrites the stack below the caller, where finished calls may have left key material.
///
/// It reaches 16 KiB down; what a deeper call left is out of its reach. Unoptimised code has larger
/// frames and more copies, so there it reaches four times as far.
#[inline(never)]
pub fn scrub_stack() {
    if !DEFERRED.get() {
        scrub::<{ 16 * 1024 * FRAMES }>();
    }
}

/// Runs work of several steps that each scrub the stack, and scrubs once, at its end, twice as
/// far as [`scrub_stack`]: what the steps leave lies there until then and no longer, also when
/// the work panics.
///
/// ```
/// let sum = evanesce_memory::scrubbed(|| [1, 2, 3].iter().sum::<u32>());
/// assert_eq!(sum, 6);
/// ```
pub fn scrubbed<R>(work: impl FnOnce() -> R) -> R {
    struct Outermost;
    impl Drop for Outermost {
        #[inline(never)]
        fn drop(&mut self) {
            DEFERRED.set(false);
            scrub::<{ 32 * 1024 * FRAMES }>();
        }
    }
    if DEFERRED.replace(true) {
        return work();
    }
    let _outermost = Outermost;
    work()
}

thread_local! {
    // Whether somebody further out scrubs for all.
    static DEFERRED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// As [`scrub_stack`], eight times as far: after post-quantum arithmetic, which needs deep frames.
#[inline(never)]
pub fn scrub_stack_deeply() {
    scrub::<{ 128 * 1024 * FRAMES }>();
}

const FRAMES: usize = if cfg!(debug_assertions) { 4 } else { 1 };

#[inline(always)]
fn scrub<const DEPTH: usize>() {
    let mut below = MaybeUninit::<[u8; DEPTH]>::uninit();
    // SAFETY: the array is owned by this frame, and any bytes are valid for `MaybeUninit`.
    unsafe { os::wipe(below.as_mut_ptr().cast(), DEPTH) };
}

/// A value of a foreign type in guarded memory, whose storage is wiped after the value was
/// dropped. Made for types that hold keys and do not wipe them, such as those of `ring`.
///
/// What the value owns elsewhere (on the heap) is not reached.
pub struct Wiped<T> {
    storage: SecretBytes,
    value: NonNull<T>,
}

// SAFETY: the value is owned like in a `Box`; sending the box sends the value.
unsafe impl<T: Send> Send for Wiped<T> {}
// SAFETY: sharing the box shares the value.
unsafe impl<T: Sync> Sync for Wiped<T> {}

impl<T> Wiped<T> {
    /// Builds the value, moves it into guarded memory and scrubs the stack it was built on.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] when there is no guarded memory.
    pub fn build(make: impl FnOnce() -> T) -> Result<Self, MemoryError> {
        Self::try_build(|| Ok(make()))
    }

    /// Like [`Wiped::build`], for a value that may fail to be made.
    ///
    /// # Errors
    ///
    /// What `make` returns, or [`MemoryError`] when there is no guarded memory.
    pub fn try_build<E: From<MemoryError>>(make: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let align = mem::align_of::<T>();
        let room = mem::size_of::<T>().checked_add(align).ok_or(MemoryError::TooLarge)?;
        let storage = SecretBytes::zeroed(room)?;
        let start = storage.data();
        let offset = start.align_offset(align);
        if offset >= align {
            return Err(MemoryError::TooLarge.into());
        }
        // SAFETY: the storage is one alignment longer than the value, so the aligned place
        // still has room for it.
        let value = unsafe { start.add(offset).cast::<T>() };
        let made = place(value, make);
        scrub_stack();
        made?;
        Ok(Self { storage, value })
    }
}

impl<T> Wiped<T> {
    /// Moves the value out into `consume`, for foreign types that are used up by value; then
    /// wipes the storage and scrubs the stack that the value passed over.
    pub fn consume<R>(self, consume: impl FnOnce(T) -> R) -> R {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value and then the storage are read out once; `this` drops neither.
        let (result, storage) = unsafe { (take(this.value, consume), ptr::read(&this.storage)) };
        drop(storage);
        scrub_stack();
        result
    }
}

/// # Safety
///
/// `from` must hold a value that is not used or dropped afterwards.
#[inline(never)]
unsafe fn take<T, R>(from: NonNull<T>, consume: impl FnOnce(T) -> R) -> R {
    // SAFETY: the caller gives the value up.
    consume(unsafe { from.read() })
}

/// In a frame of its own, so that the temporary lies below the caller and can be scrubbed.
#[inline(never)]
fn place<T, E>(at: NonNull<T>, make: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
    let value = make()?;
    // SAFETY: the caller passes an aligned place of sufficient size that nobody else uses.
    unsafe { at.write(value) };
    Ok(())
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value was written by `place` and lives until `drop`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `&mut self` excludes other access.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        if !self.storage.is_gone() {
            // SAFETY: the value is initialised and dropped only here; the storage is wiped when
            // the field is dropped afterwards, also when this panics.
            unsafe { self.value.drop_in_place() };
        }
    }
}

/// Zeroes the part of a vector's memory that no element occupies.
pub(crate) fn wipe_spare<T>(vector: &mut Vec<T>) {
    let spare = vector.spare_capacity_mut();
    // SAFETY: spare capacity is exclusively borrowed, and any bytes are valid for `MaybeUninit`.
    unsafe { os::wipe(spare.as_mut_ptr().cast(), mem::size_of_val(spare)) };
}

macro_rules! wipe_numbers {
    ($($number:ty),*) => {$(
        impl Wipe for $number {
            fn wipe(&mut self) {
                // SAFETY: the number is exclusively borrowed, and zero is one of its values.
                unsafe { os::wipe(std::ptr::from_mut(self).cast(), mem::size_of::<Self>()) };
            }
        }
    )*};
}

wipe_numbers!(bool, i8, i16, i32, i64, i128, u8, u16, u32, u64, u128);

impl<T: Wipe> Wipe for [T] {
    fn wipe(&mut self) {
        self.iter_mut().for_each(Wipe::wipe);
    }
}

impl Wipe for str {
    fn wipe(&mut self) {
        // SAFETY: the text is exclusively borrowed, and zeros are UTF-8.
        unsafe { os::wipe(self.as_mut_ptr(), self.len()) };
    }
}

impl<T: Wipe + ?Sized> Wipe for Box<T> {
    fn wipe(&mut self) {
        (**self).wipe();
    }
}

impl Wipe for () {
    fn wipe(&mut self) {}
}

impl Wipe for String {
    fn wipe(&mut self) {
        let mut bytes = mem::take(self).into_bytes();
        bytes.clear();
        wipe_spare(&mut bytes);
    }
}

impl<T: Wipe> Wipe for Vec<T> {
    fn wipe(&mut self) {
        self.iter_mut().for_each(Wipe::wipe);
        self.clear();
        wipe_spare(self);
    }
}

impl<T: Wipe> Wipe for Option<T> {
    fn wipe(&mut self) {
        if let Some(value) = self {
            value.wipe();
        }
        *self = None;
    }
}

impl<const N: usize> Wipe for [u8; N] {
    fn wipe(&mut self) {
        wipe_slice(self);
    }
}

impl<A: Wipe, B: Wipe> Wipe for (A, B) {
    fn wipe(&mut self) {
        self.0.wipe();
        self.1.wipe();
    }
}

impl<T: Wipe> Wipe for BTreeMap<String, T> {
    fn wipe(&mut self) {
        // First in place: a node that is freed still holds its values' bytes.
        self.values_mut().for_each(Wipe::wipe);
        while let Some((mut key, _)) = self.pop_first() {
            key.wipe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_gone_after_wiping() {
        // Also what was cut off before, up to the whole capacity.
        let mut text = String::with_capacity(512);
        text.push_str(&"someone@example.org ".repeat(20));
        text.truncate(5);
        let address = text.as_ptr().expose_provenance();
        let mut seen = [0; 512];
        assert!(os::read_own_memory(address, &mut seen).is_some());
        assert_eq!(&seen[380..400], b"someone@example.org ");
        text.wipe();
        assert!(text.is_empty());
        // The block is free now, and its first bytes belong to the allocator's lists.
        assert!(os::read_own_memory(address, &mut seen).is_some());
        assert_eq!(seen[32..], [0; 480]);
    }

    #[test]
    fn containers_end_empty() {
        let mut value = (
            Some(vec![String::from("a"), String::from("b")]),
            BTreeMap::from([(String::from("k"), 7_u64)]),
        );
        value.wipe();
        assert!(value.0.is_none());
        assert!(value.1.is_empty());
        let mut numbers = [9_u8; 4];
        numbers.wipe();
        assert_eq!(numbers, [0; 4]);
    }

    #[test]
    fn values_behind_a_pointer_are_zeroed_in_place() {
        let mut bytes: Box<[u8]> = vec![9; 33].into();
        bytes.wipe();
        assert_eq!(bytes[..], [0; 33]);
        let mut text: Box<str> = "someone".into();
        text.wipe();
        assert_eq!(&*text, "\0".repeat(7));
        // A shared value is wiped by its last owner alone.
        let mut shared: std::sync::Arc<[u8]> = vec![9; 9].into();
        let second = std::sync::Arc::clone(&shared);
        assert!(std::sync::Arc::get_mut(&mut shared).is_none());
        drop(second);
        std::sync::Arc::get_mut(&mut shared).unwrap().wipe();
        assert_eq!(shared[..], [0; 9]);

        struct Seen(std::rc::Rc<std::cell::Cell<u64>>, u64);
        impl Wipe for Seen {
            fn wipe(&mut self) {
                self.1.wipe();
                self.0.set(self.1);
            }
        }
        let seen = std::rc::Rc::new(std::cell::Cell::new(5));
        let mut any: Box<dyn Wipe> = Box::new(Seen(seen.clone(), 7));
        any.wipe();
        assert_eq!(seen.get(), 0);
    }

    #[test]
    fn a_box_drops_its_value_once_and_wipes_its_storage() {
        use std::sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        };
        struct Key([u64; 12], Arc<AtomicU32>);
        impl Drop for Key {
            fn drop(&mut self) {
                assert_eq!(self.0, [0x5EC2_E7E5; 12]);
                self.1.fetch_add(1, Ordering::SeqCst);
            }
        }
        let drops = Arc::new(AtomicU32::new(0));
        let key = Wiped::build(|| Key([0x5EC2_E7E5; 12], Arc::clone(&drops))).unwrap();
        assert_eq!(key.0[11], 0x5EC2_E7E5);
        drop(key);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        let key = Wiped::build(|| Key([0x5EC2_E7E5; 12], Arc::clone(&drops))).unwrap();
        assert_eq!(key.consume(|key| key.0[0]), 0x5EC2_E7E5);
        assert_eq!(drops.load(Ordering::SeqCst), 2);
        let failed: Result<Wiped<Key>, MemoryError> =
            Wiped::try_build(|| Err(MemoryError::Unsupported));
        assert!(failed.is_err());
        assert_eq!(drops.load(Ordering::SeqCst), 2);
    }
}
