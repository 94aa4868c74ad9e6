//! Owned bytes that lie in guarded memory from birth to wiping.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    fmt,
    io::{ErrorKind, Read},
    ptr::NonNull,
    slice,
};

use subtle::ConstantTimeEq;

use crate::{MemoryError, MemoryPolicy, Rung, os, slab};

/// Secret bytes of a fixed length in guarded memory, wiped when dropped, also in a panic.
///
/// Up to 68 KiB a secret shares locked pages with others of its size; a larger one has pages of
/// its own. Either lies between guard pages. Where the lock limit is reached, the next weaker
/// [`Rung`] is taken, down to what the [`MemoryPolicy`] accepts.
///
/// There is no `Clone`, `Display` or `Serialize`, and `Debug` prints the length only.
///
/// In a forked child a secret of the two upper rungs is gone: [`SecretBytes::expose`] then hands
/// out an empty slice, whatever [`SecretBytes::len`] says.
pub struct SecretBytes {
    len: usize,
    generation: u64,
    place: Place,
}

impl SecretBytes {
    /// `len` zero bytes under the default policy.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] when memory is exhausted, or the minimum of the process can't be met.
    pub fn zeroed(len: usize) -> Result<Self, MemoryError> {
        Self::zeroed_under(MemoryPolicy::default(), len)
    }

    /// `len` zero bytes on the strongest rung available that `policy` accepts.
    ///
    /// # Errors
    ///
    /// [`MemoryError::LockLimit`] or [`MemoryError::Unsupported`] when only weaker rungs are to
    /// be had, [`MemoryError::Exhausted`] when memory is.
    pub fn zeroed_under(policy: MemoryPolicy, len: usize) -> Result<Self, MemoryError> {
        let (at_least, generation) = (policy.effective(), os::generation());
        if let Some(slot) = slab::Slot::from_cache(len, at_least, generation) {
            return Ok(Self { len, generation, place: Place::Slot(slot) });
        }
        Ok(Self { len, generation, place: Place::find(len, at_least)? })
    }

    /// Moves bytes into guarded memory: copies them, then wipes the source.
    ///
    /// # Errors
    ///
    /// As [`SecretBytes::zeroed`]; the source is then left as it was.
    pub fn from_slice(source: &mut [u8]) -> Result<Self, MemoryError> {
        let mut secret = Self::zeroed(source.len())?;
        secret.expose_mut(|bytes| bytes.copy_from_slice(source));
        crate::wipe_slice(source);
        Ok(secret)
    }

    /// A second copy, in guarded memory of at least the same rung.
    ///
    /// # Errors
    ///
    /// As [`SecretBytes::zeroed_under`]; [`MemoryError::Gone`] in a forked child.
    pub fn try_clone(&self) -> Result<Self, MemoryError> {
        if self.is_gone() {
            return Err(MemoryError::Gone);
        }
        let policy = MemoryPolicy::at_least(self.rung());
        self.expose(|bytes| {
            let mut copy = Self::zeroed_under(policy, bytes.len())?;
            copy.expose_mut(|into| into.copy_from_slice(bytes));
            Ok(copy)
        })
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rung that this secret lies on.
    #[must_use]
    pub fn rung(&self) -> Rung {
        self.place.rung()
    }

    /// Lends the bytes for the length of a closure.
    pub fn expose<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        if self.is_gone() {
            return read(&[]);
        }
        // SAFETY: the place holds at least `len` initialised bytes and is not gone; `&self`
        // keeps it alive and excludes writers.
        read(unsafe { slice::from_raw_parts(self.place.data().as_ptr(), self.len) })
    }

    /// Lends the bytes for writing, for the length of a closure.
    pub fn expose_mut<R>(&mut self, write: impl FnOnce(&mut [u8]) -> R) -> R {
        if self.is_gone() {
            return write(&mut []);
        }
        // SAFETY: as in `expose`; `&mut self` excludes every other access.
        write(unsafe { slice::from_raw_parts_mut(self.place.data().as_ptr(), self.len) })
    }

    /// Shortens the secret to `len` bytes and wipes the rest. A greater length changes nothing.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.expose_mut(|bytes| {
                if let Some(tail) = bytes.get_mut(len..) {
                    crate::wipe_slice(tail);
                }
            });
            self.len = len;
        }
    }

    /// Copies as many bytes as fit to the place `at`, and says how many those were.
    #[must_use = "what does not fit is left out"]
    pub fn copy_at(&mut self, at: usize, source: &[u8]) -> usize {
        self.expose_mut(|bytes| {
            let room = bytes.get_mut(at..).unwrap_or_default();
            let fits = room.len().min(source.len());
            room[..fits].copy_from_slice(&source[..fits]);
            fits
        })
    }

    /// Reads from `source` until the secret is full, straight into guarded memory.
    ///
    /// # Errors
    ///
    /// [`MemoryError::ShortRead`] when the source ends before, and
    /// [`MemoryError::SourceUnreadable`] when it fails. The secret is then as long as what was
    /// read; [`MemoryError::Gone`] in a forked child.
    pub fn fill_from(&mut self, source: &mut dyn Read) -> Result<(), MemoryError> {
        if self.is_gone() {
            return Err(MemoryError::Gone);
        }
        let (filled, result) = self.expose_mut(|bytes| {
            let mut filled = 0;
            while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
                match source.read(room) {
                    Ok(0) => return (filled, Err(MemoryError::ShortRead)),
                    Ok(more) => filled += more.min(room.len()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return (filled, Err(MemoryError::SourceUnreadable)),
                }
            }
            (filled, Ok(()))
        });
        self.truncate(filled);
        result
    }

    /// Compares in a time that depends on the lengths alone. A secret that is gone equals none,
    /// so that in a forked child no comparison of two absent secrets passes for a match.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        if self.is_gone() || other.is_gone() {
            return false;
        }
        self.expose(|mine| other.expose(|theirs| mine.ct_eq(theirs).into()))
    }

    /// Where the bytes lie, for evidence and for [`crate::Wiped`].
    pub(crate) fn data(&self) -> NonNull<u8> {
        self.place.data()
    }

    /// Whether the pages were left behind in a parent process.
    pub(crate) fn is_gone(&self) -> bool {
        self.rung() != Rung::Wiped && self.generation != os::generation()
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        let now = os::generation();
        if self.rung() == Rung::Wiped || self.generation == now {
            self.place.wipe_and_release(now);
        }
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretBytes").field("len", &self.len).finish_non_exhaustive()
    }
}

// A tag of a whole word, so that a secret in a slot is moved without partial stores.
#[repr(usize)]
enum Place {
    Slot(slab::Slot),
    Mapping { mapping: os::Mapping, data: NonNull<u8> },
    Heap { data: NonNull<u8>, layout: Layout },
}

// SAFETY: a heap block is plain memory without thread affinity; the other places are `Send`.
unsafe impl Send for Place {}
// SAFETY: a shared place hands out its address only; `SecretBytes` governs access by borrowing.
unsafe impl Sync for Place {}

impl Place {
    #[cold]
    fn find(len: usize, at_least: Rung) -> Result<Self, MemoryError> {
        let own = || {
            let mapping = slab::strongest_mapping(len, at_least)?;
            let data = mapping.against_the_end(len);
            Ok(Self::Mapping { mapping, data })
        };
        let guarded = match slab::Slot::from_pool(len, at_least) {
            Ok(slot) => Ok(Self::Slot(slot)),
            // Too long for a slab, or the lock limit has no room for a whole one.
            Err(_) => own(),
        };
        match guarded {
            Err(_) if at_least == Rung::Wiped => Self::on_the_heap(len),
            place => place,
        }
    }

    fn on_the_heap(len: usize) -> Result<Self, MemoryError> {
        let layout = Layout::from_size_align(len.max(1), 16).map_err(|_| MemoryError::TooLarge)?;
        // SAFETY: the layout has a size above zero.
        let data = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(MemoryError::Exhausted)?;
        Ok(Self::Heap { data, layout })
    }

    fn data(&self) -> NonNull<u8> {
        match self {
            Self::Slot(slot) => slot.data(),
            Self::Mapping { data, .. } | Self::Heap { data, .. } => *data,
        }
    }

    fn rung(&self) -> Rung {
        match self {
            Self::Slot(slot) => slot.rung(),
            Self::Mapping { mapping, .. } => mapping.rung(),
            Self::Heap { .. } => Rung::Wiped,
        }
    }

    fn wipe_and_release(&mut self, generation: u64) {
        match self {
            Self::Slot(slot) => slot.give_back(generation),
            // SAFETY: the whole mapping is writable and owned; dropping it unmaps it afterwards.
            Self::Mapping { mapping, .. } => unsafe {
                os::wipe(mapping.data().as_ptr(), mapping.data_len());
            },
            // SAFETY: the block was allocated with this layout and is released only here, as
            // the owner calls this once, from its own `drop`.
            Self::Heap { data, layout } => unsafe {
                os::wipe(data.as_ptr(), layout.size());
                dealloc(data.as_ptr(), *layout);
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_around_every_boundary() {
        for len in [0, 1, 31, 32, 33, 1024, 1025, 16384, 16385, 69_632, 69_633, 100_000, 3_000_000]
        {
            let mut secret = SecretBytes::zeroed(len).unwrap();
            assert_eq!(secret.len(), len);
            assert_eq!(secret.is_empty(), len == 0);
            secret.expose(|bytes| assert!(bytes.iter().all(|byte| *byte == 0)));
            secret.expose_mut(|bytes| bytes.fill(0xA5));
            secret.expose(|bytes| {
                assert_eq!(bytes.len(), len);
                assert!(bytes.iter().all(|byte| *byte == 0xA5));
            });
        }
    }

    #[test]
    fn source_is_wiped() {
        let mut source = *b"a secret of some length";
        let secret = SecretBytes::from_slice(&mut source).unwrap();
        assert_eq!(source, [0; 23]);
        secret.expose(|bytes| assert_eq!(bytes, b"a secret of some length"));
    }

    #[test]
    fn truncating_wipes_the_tail() {
        let mut secret = SecretBytes::from_slice(&mut [9; 40]).unwrap();
        secret.truncate(50);
        assert_eq!(secret.len(), 40);
        secret.truncate(8);
        assert_eq!(secret.len(), 8);
        // SAFETY: the slot is 64 bytes long and owned by `secret`.
        let all = unsafe { slice::from_raw_parts(secret.data().as_ptr(), 40) };
        assert_eq!(all[..8], [9; 8]);
        assert_eq!(all[8..], [0; 32]);
    }

    #[test]
    fn comparison_and_copy() {
        let one = SecretBytes::from_slice(&mut [1, 2, 3]).unwrap();
        let two = one.try_clone().unwrap();
        assert!(one.ct_eq(&two));
        assert!(one.rung() <= two.rung());
        let other = SecretBytes::from_slice(&mut [1, 2, 4]).unwrap();
        assert!(!one.ct_eq(&other));
        let shorter = SecretBytes::from_slice(&mut [1, 2]).unwrap();
        assert!(!one.ct_eq(&shorter));
    }

    #[test]
    fn copying_never_goes_past_the_end() {
        let mut secret = SecretBytes::from_slice(&mut [1; 40]).unwrap();
        assert_eq!(secret.copy_at(0, &[2; 10]), 10);
        assert_eq!(secret.copy_at(35, &[3; 10]), 5);
        assert_eq!(secret.copy_at(40, &[4; 10]), 0);
        assert_eq!(secret.copy_at(usize::MAX, &[4; 10]), 0);
        assert_eq!(secret.copy_at(12, &[]), 0);
        secret.expose(|bytes| {
            assert_eq!(bytes[..10], [2; 10]);
            assert_eq!(bytes[10..35], [1; 25]);
            assert_eq!(bytes[35..], [3; 5]);
        });
        let before = crate::canary_violations();
        drop(secret);
        assert_eq!(crate::canary_violations(), before);
    }

    #[test]
    fn a_source_that_ends_early_leaves_what_it_gave() {
        let mut secret = SecretBytes::zeroed(10).unwrap();
        assert_eq!(secret.fill_from(&mut &[7; 10][..]), Ok(()));
        assert_eq!(secret.len(), 10);
        assert_eq!(secret.fill_from(&mut &[8; 4][..]), Err(MemoryError::ShortRead));
        secret.expose(|bytes| assert_eq!(bytes, [8; 4]));
        assert_eq!(secret.fill_from(&mut std::io::empty()), Err(MemoryError::ShortRead));
        assert!(secret.is_empty());

        /// Gives three bytes, is interrupted, gives three more, and fails.
        struct Failing(u8);
        impl Read for Failing {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 | 3 => {
                        into[..3].fill(9);
                        Ok(3)
                    }
                    2 => Err(ErrorKind::Interrupted.into()),
                    _ => Err(ErrorKind::BrokenPipe.into()),
                }
            }
        }
        let mut secret = SecretBytes::zeroed(10).unwrap();
        assert_eq!(secret.fill_from(&mut Failing(0)), Err(MemoryError::SourceUnreadable));
        secret.expose(|bytes| assert_eq!(bytes, [9; 6]));
    }

    #[test]
    fn a_thread_takes_a_secret_along_and_brings_it_back() {
        for len in [40, 100_000] {
            let policy = MemoryPolicy::at_least(Rung::Locked);
            let mut secret = SecretBytes::zeroed_under(policy, len).unwrap();
            secret.expose_mut(|bytes| bytes.fill(6));
            let secret = std::thread::spawn(move || {
                secret.expose(|bytes| assert!(bytes.iter().all(|byte| *byte == 6)));
                assert!(crate::flags(&secret).unwrap().locked);
                secret
            })
            .join()
            .unwrap();
            secret.expose(|bytes| assert!(bytes.len() == len && bytes.iter().all(|b| *b == 6)));
            assert!(crate::flags(&secret).unwrap().locked);
        }
    }

    /// A secret that was left behind is inert: nothing that is done with it panics, changes
    /// anything, or passes for a match.
    #[test]
    fn in_a_child_a_secret_is_inert() {
        let policy = MemoryPolicy::at_least(Rung::Locked);
        let mut secret = SecretBytes::zeroed_under(policy, 40).unwrap();
        let other = SecretBytes::zeroed_under(policy, 40).unwrap();
        assert!(secret.ct_eq(&other));
        let status = os::tests::in_child(|| {
            let unread = secret.expose(<[u8]>::is_empty) && secret.expose_mut(|b| b.is_empty());
            let uncopied = secret.copy_at(0, &[1; 4]) == 0;
            let unfilled = secret.fill_from(&mut &[1; 40][..]) == Err(MemoryError::Gone);
            secret.truncate(3);
            let unequal = !secret.ct_eq(&other) && !secret.ct_eq(&secret);
            let uncloned = secret.try_clone().is_err_and(|error| error == MemoryError::Gone);
            unread && uncopied && unfilled && unequal && uncloned
        });
        assert_eq!(status, 0);
        assert!(secret.ct_eq(&other) && secret.len() == 40);
    }

    #[test]
    fn debug_says_the_length_only() {
        let secret = SecretBytes::from_slice(&mut [77; 5]).unwrap();
        assert_eq!(format!("{secret:?}"), "SecretBytes { len: 5, .. }");
    }

    #[test]
    fn a_policy_that_cannot_be_met_is_an_error() {
        let policy = MemoryPolicy::at_least(Rung::Locked);
        let error = SecretBytes::zeroed_under(policy, usize::MAX / 2).unwrap_err();
        assert_eq!(error, MemoryError::TooLarge);
        let error = SecretBytes::zeroed(usize::MAX / 2).unwrap_err();
        assert!(matches!(error, MemoryError::Exhausted | MemoryError::TooLarge));
    }

    #[test]
    fn a_panic_wipes_too() {
        let seen = std::sync::Mutex::new(None);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let secret = SecretBytes::from_slice(&mut [0xEE; 120_000]).unwrap();
            *seen.lock().unwrap() = Some(secret.data().as_ptr().addr());
            secret.expose(|_| panic!("on purpose"));
        }));
        assert!(result.is_err());
        let address = seen.lock().unwrap().take().unwrap();
        let mut now = [0; 16];
        // Unmapped, or mapped anew by another test: in no case the old bytes.
        if os::read_own_memory(address, &mut now).is_some() {
            assert_ne!(now, [0xEE; 16]);
        }
    }
}
