//! Secrets that nobody can touch between two uses, not even this process.

use std::{
    fmt,
    ptr::NonNull,
    slice,
    sync::{Mutex, PoisonError},
};

use crate::{
    MemoryError, MemoryPolicy, Rung, SecretBytes,
    os::{self, Access},
    slab::strongest_mapping,
};

/// A long-lived secret on pages of its own, which are closed between uses: a stray pointer, or
/// an overread elsewhere in the process, faults there instead of leaking.
///
/// [`ClosedBytes::expose`] makes the pages readable for the length of a closure and
/// [`ClosedBytes::expose_mut`] writable; they close again when the last closure ends, also in a
/// panic. Each costs two system calls, so that short-lived secrets are better off as
/// [`SecretBytes`]. While one thread reads, the pages are readable to every thread.
///
/// It lies on [`Rung::Kernel`] or [`Rung::Locked`] and never below. In a forked child it is gone
/// and exposes as an empty slice.
pub struct ClosedBytes {
    mapping: os::Mapping,
    len: usize,
    readers: Mutex<usize>,
    generation: u64,
}

impl ClosedBytes {
    /// Moves a secret onto closed pages; what held it before is wiped.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Gone`] for a secret that a parent process kept, [`MemoryError::LockLimit`]
    /// or [`MemoryError::Unsupported`] when no guarded pages are to be had. The secret is wiped
    /// in any case.
    pub fn new(secret: SecretBytes) -> Result<Self, MemoryError> {
        if secret.is_gone() {
            return Err(MemoryError::Gone);
        }
        let len = secret.len();
        let at_least = MemoryPolicy::at_least(Rung::Locked).effective();
        let mapping = strongest_mapping(len, at_least)?;
        let mut closed =
            Self { mapping, len, readers: Mutex::new(0), generation: os::generation() };
        secret.expose(|bytes| closed.expose_mut(|into| into.copy_from_slice(bytes)))?;
        Ok(closed)
    }

    /// Lends the bytes for the length of a closure.
    ///
    /// # Errors
    ///
    /// [`MemoryError::ProcessRefused`] when the kernel does not open the pages.
    pub fn expose<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, MemoryError> {
        if self.is_gone() {
            return Ok(read(&[]));
        }
        let _opened = Reading::of(self)?;
        // SAFETY: the pages are readable while `_opened` lives, hold `len` initialised bytes, and
        // `&self` excludes writers.
        Ok(read(unsafe { slice::from_raw_parts(self.data().as_ptr(), self.len) }))
    }

    /// Lends the bytes for writing, for the length of a closure.
    ///
    /// # Errors
    ///
    /// As [`ClosedBytes::expose`].
    pub fn expose_mut<R>(&mut self, write: impl FnOnce(&mut [u8]) -> R) -> Result<R, MemoryError> {
        if self.is_gone() {
            return Ok(write(&mut []));
        }
        let (data, len) = (self.data(), self.len);
        self.mapping.protect(Access::Write)?;
        let _opened = Writing(&self.mapping);
        // SAFETY: as in `expose`; the pages are writable, and `&mut self` excludes others.
        Ok(write(unsafe { slice::from_raw_parts_mut(data.as_ptr(), len) }))
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
        self.mapping.rung()
    }

    fn data(&self) -> NonNull<u8> {
        self.mapping.against_the_end(self.len)
    }

    fn is_gone(&self) -> bool {
        self.generation != os::generation()
    }
}

impl Drop for ClosedBytes {
    fn drop(&mut self) {
        if !self.is_gone() && self.mapping.protect(Access::Write).is_ok() {
            // SAFETY: the whole mapping is writable now, owned, and unmapped afterwards.
            unsafe { os::wipe(self.mapping.data().as_ptr(), self.mapping.data_len()) };
        }
    }
}

impl fmt::Debug for ClosedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedBytes").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Keeps the pages readable until the last reader goes.
struct Reading<'a>(&'a ClosedBytes);

impl<'a> Reading<'a> {
    fn of(closed: &'a ClosedBytes) -> Result<Self, MemoryError> {
        let mut readers = closed.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if *readers == 0 {
            closed.mapping.protect(Access::Read)?;
        }
        *readers += 1;
        Ok(Self(closed))
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        *readers -= 1;
        if *readers == 0 {
            // Closing pages that were open before needs nothing that the kernel could lack.
            let _ = self.0.mapping.protect(Access::Nothing);
        }
    }
}

struct Writing<'a>(&'a os::Mapping);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let _ = self.0.protect(Access::Nothing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::tests::{in_child, killed_by};

    fn closed() -> ClosedBytes {
        ClosedBytes::new(
            SecretBytes::from_slice(&mut *b"a root key".to_owned().as_mut_slice()).unwrap(),
        )
        .unwrap()
    }

    /// The address, for the raw accesses that safe code can't express.
    fn address(closed: &ClosedBytes) -> *mut u8 {
        closed.data().as_ptr()
    }

    /// Reads one byte in a forked child that still has the pages: secret pages are left behind,
    /// so the child reads another kind of absence. The parent reads for itself elsewhere.
    fn reading_is_fatal(at: *mut u8) -> bool {
        // SAFETY: the read is meant to be fatal to the child, which does nothing else.
        killed_by(in_child(|| unsafe { at.read_volatile() } == 255), libc::SIGSEGV)
    }

    fn kernel_reads(at: *mut u8) -> bool {
        let mut one = [0];
        // write(2) from the address answers EFAULT where this process may not read.
        let mut ends = [0; 2];
        // SAFETY: pipe fills the array; the other calls take descriptors that it opened, and the
        // kernel checks the address itself.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            let wrote = libc::write(ends[1], at.cast(), 1) == 1;
            if wrote {
                assert_eq!(libc::read(ends[0], one.as_mut_ptr().cast(), 1), 1);
            }
            libc::close(ends[0]);
            libc::close(ends[1]);
            wrote
        }
    }

    #[test]
    fn closed_pages_fault_when_read() {
        let closed = closed();
        let at = address(&closed);
        assert!(reading_is_fatal(at));
        assert!(!kernel_reads(at));
        // The control: readable while it is exposed, and no longer after.
        closed
            .expose(|bytes| {
                assert_eq!(bytes, b"a root key");
                assert!(kernel_reads(at));
            })
            .unwrap();
        assert!(!kernel_reads(at));
    }

    #[test]
    fn exposed_pages_are_frozen_until_they_are_melted() {
        let mut closed = closed();
        let at = address(&closed);
        let readable_and_writable = |at: *mut u8| {
            // read(2) of nothing into the address answers EFAULT where it can't be written.
            let zero = std::fs::File::open("/dev/zero").unwrap();
            // SAFETY: the kernel checks the address itself; what it writes there is zero.
            let got = unsafe { libc::read(std::os::fd::AsRawFd::as_raw_fd(&zero), at.cast(), 1) };
            got == 1
        };
        // Frozen, twice over: readable, the same value, not writable.
        for _ in 0..2 {
            closed
                .expose(|bytes| {
                    assert_eq!(bytes, b"a root key");
                    assert!(!readable_and_writable(at));
                })
                .unwrap();
        }
        // Melted, twice over: writable again.
        for letter in *b"bc" {
            closed
                .expose_mut(|bytes| {
                    assert!(readable_and_writable(at));
                    bytes[0] = letter;
                })
                .unwrap();
        }
        closed.expose(|bytes| assert_eq!(bytes, b"c root key")).unwrap();
        assert!(!kernel_reads(at));
    }

    #[test]
    fn closing_consumes_the_secret_and_keeps_its_bytes() {
        let secret = SecretBytes::from_slice(&mut [7; 5000]).unwrap();
        let closed = ClosedBytes::new(secret).unwrap();
        assert!(closed.rung() >= Rung::Locked);
        assert_eq!((closed.len(), closed.is_empty()), (5000, false));
        closed.expose(|bytes| assert!(bytes.iter().all(|byte| *byte == 7))).unwrap();
        let empty = ClosedBytes::new(SecretBytes::zeroed(0).unwrap()).unwrap();
        assert!(empty.is_empty());
        empty.expose(|bytes| assert!(bytes.is_empty())).unwrap();
        assert_eq!(format!("{closed:?}"), "ClosedBytes { len: 5000, .. }");
    }

    #[test]
    fn readers_overlap_and_the_last_one_closes() {
        let closed = closed();
        let at = address(&closed);
        closed
            .expose(|_| {
                std::thread::scope(|scope| {
                    for _ in 0..8 {
                        scope.spawn(|| {
                            for _ in 0..200 {
                                closed.expose(|bytes| assert_eq!(bytes, b"a root key")).unwrap();
                            }
                        });
                    }
                });
                assert!(kernel_reads(at));
            })
            .unwrap();
        assert!(!kernel_reads(at));
    }

    #[test]
    fn a_panic_closes_too() {
        let mut closed = closed();
        let at = address(&closed);
        for writing in [false, true] {
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if writing {
                    closed.expose_mut(|_| panic!("on purpose"))
                } else {
                    closed.expose(|_| panic!("on purpose"))
                }
            }));
            assert!(caught.is_err());
            assert!(!kernel_reads(at));
        }
        closed.expose(|bytes| assert_eq!(bytes, b"a root key")).unwrap();
    }

    #[test]
    fn a_child_has_neither_the_bytes_nor_can_close_what_is_gone() {
        let closed = closed();
        let secret = SecretBytes::zeroed_under(MemoryPolicy::at_least(Rung::Locked), 8).unwrap();
        let status = in_child(|| {
            let gone = closed.expose(<[u8]>::is_empty) == Ok(true);
            gone && ClosedBytes::new(secret).err() == Some(MemoryError::Gone)
        });
        assert_eq!(status, 0);
    }
}
