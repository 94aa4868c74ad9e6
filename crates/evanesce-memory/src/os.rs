//! Every call into the operating system, and nothing else.

use std::{
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{MemoryError, Rung};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "evanesce-memory needs Linux: memfd_secret, mlock2 and madvise have no equal elsewhere"
);

/// Pages between two guard pages. Unmapping does not wipe: the owner does, while it still may.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    total: usize,
    data: NonNull<u8>,
    data_len: usize,
    rung: Rung,
    generation: u64,
}

/// What this process may do with the pages of a mapping.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Nothing,
    Read,
    Write,
}

// SAFETY: a mapping is plain memory without thread affinity; access is governed by its owner.
unsafe impl Send for Mapping {}
// SAFETY: a shared `Mapping` hands out addresses only; reading and writing is the owner's affair.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps at least `len` bytes on exactly `rung`, which must not be [`Rung::Wiped`].
    pub(crate) fn new(len: usize, rung: Rung) -> Result<Self, MemoryError> {
        let page = page_size();
        let data_len = len.max(1).checked_next_multiple_of(page).ok_or(MemoryError::TooLarge)?;
        let total = data_len
            .checked_add(2 * page)
            .filter(|total| isize::try_from(*total).is_ok())
            .ok_or(MemoryError::TooLarge)?;
        let base = reserve(total)?;
        // From here on dropping the mapping unmaps what was reserved.
        let mapping = Self {
            base,
            total,
            // SAFETY: `total` is at least two pages longer than `page`, so this stays inside.
            data: unsafe { base.add(page) },
            data_len,
            rung,
            generation: generation(),
        };
        match rung {
            Rung::Kernel => mapping.back_with_secret_pages()?,
            _ => mapping.back_with_locked_pages()?,
        }
        Ok(mapping)
    }

    pub(crate) fn data(&self) -> NonNull<u8> {
        self.data
    }

    pub(crate) fn data_len(&self) -> usize {
        self.data_len
    }

    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }

    /// Where `len` bytes begin that end at the guard page, at a multiple of 16.
    pub(crate) fn against_the_end(&self, len: usize) -> NonNull<u8> {
        let used = len.next_multiple_of(16).min(self.data_len);
        // SAFETY: the offset is at most the length of the mapping.
        unsafe { self.data.add(self.data_len - used) }
    }

    /// Changes what the process may do with the pages; their contents stay.
    pub(crate) fn protect(&self, access: Access) -> Result<(), MemoryError> {
        let protection = match access {
            Access::Nothing => libc::PROT_NONE,
            Access::Read => libc::PROT_READ,
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: the range lies inside the reservation that `self` owns; the owner lends the
        // bytes only while they may be accessed.
        match unsafe { libc::mprotect(self.data.as_ptr().cast(), self.data_len, protection) } {
            0 => Ok(()),
            _ => Err(MemoryError::ProcessRefused),
        }
    }

    fn back_with_secret_pages(&self) -> Result<(), MemoryError> {
        // SAFETY: memfd_secret takes one flag word and returns a descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let fd = i32::try_from(fd).map_err(|_| MemoryError::Unsupported)?;
        if fd < 0 {
            return Err(refusal());
        }
        let result = self.map_descriptor(fd);
        // SAFETY: `fd` was just opened here and is used nowhere else; the mapping keeps the file.
        unsafe { libc::close(fd) };
        result?;
        self.advise(libc::MADV_DONTFORK)
    }

    fn map_descriptor(&self, fd: i32) -> Result<(), MemoryError> {
        let len = i64::try_from(self.data_len).map_err(|_| MemoryError::TooLarge)?;
        // SAFETY: `fd` is an open memfd_secret descriptor.
        if unsafe { libc::ftruncate(fd, len) } != 0 {
            return Err(refusal());
        }
        // SAFETY: the range lies inside the reservation that `self` owns, and nothing points
        // into it yet; MAP_FIXED replaces exactly these pages.
        let mapped = unsafe {
            libc::mmap(
                self.data.as_ptr().cast(),
                self.data_len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_FIXED,
                fd,
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            return Err(refusal());
        }
        Ok(())
    }

    fn back_with_locked_pages(&self) -> Result<(), MemoryError> {
        let (data, len) = (self.data.as_ptr().cast(), self.data_len);
        // SAFETY: the range lies inside the reservation that `self` owns.
        if unsafe { libc::mprotect(data, len, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(refusal());
        }
        self.advise(libc::MADV_DONTDUMP)?;
        self.advise(libc::MADV_WIPEONFORK)?;
        // SAFETY: as above; mlock2 without flags faults the pages in and pins them.
        if unsafe { libc::syscall(libc::SYS_mlock2, data, len, 0) } != 0 {
            return Err(refusal());
        }
        Ok(())
    }

    fn advise(&self, advice: i32) -> Result<(), MemoryError> {
        // SAFETY: the range lies inside the reservation that `self` owns; none of the advices
        // used here changes its contents in this process.
        match unsafe { libc::madvise(self.data.as_ptr().cast(), self.data_len, advice) } {
            0 => Ok(()),
            _ => Err(MemoryError::Unsupported),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // In a forked child the pages are gone, and something else may lie at their address.
        if self.generation == generation() {
            // SAFETY: the range was mapped by `new` in this process and is unmapped only here.
            unsafe { libc::munmap(self.base.as_ptr().cast(), self.total) };
        }
    }
}

fn reserve(total: usize) -> Result<NonNull<u8>, MemoryError> {
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            total,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(MemoryError::Exhausted);
    }
    NonNull::new(base.cast()).ok_or(MemoryError::Exhausted)
}

/// What the last failed call means for a caller.
fn refusal() -> MemoryError {
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM | libc::EPERM) => MemoryError::LockLimit,
        Some(libc::EMFILE | libc::ENFILE) => MemoryError::Exhausted,
        _ => MemoryError::Unsupported,
    }
}

pub(crate) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: sysconf reads a constant of the system.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096).max(4096)
    })
}

/// A number that changes in a forked child: secrets of the parent are absent there.
///
/// One page with `MADV_WIPEONFORK` holds the number; a child reads zero and takes the next.
pub(crate) fn generation() -> u64 {
    static MARK: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let Some(mark) = MARK.get_or_init(map_mark) else {
        return u64::from(std::process::id());
    };
    match mark.load(Ordering::Acquire) {
        0 => {
            let next = NEXT.fetch_add(1, Ordering::AcqRel);
            mark.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire)
                .map_or_else(|seen| seen, |_| next)
        }
        seen => seen,
    }
}

fn map_mark() -> Option<&'static AtomicU64> {
    let page = page_size();
    let base = reserve(page).ok()?;
    // SAFETY: the page was just reserved and is never unmapped; it is private and anonymous,
    // as MADV_WIPEONFORK demands.
    let ready = unsafe {
        libc::mprotect(base.as_ptr().cast(), page, libc::PROT_READ | libc::PROT_WRITE) == 0
            && libc::madvise(base.as_ptr().cast(), page, libc::MADV_WIPEONFORK) == 0
    };
    // SAFETY: the page is writable, zeroed, aligned, lives as long as the process, and is only
    // ever reached through this atomic.
    ready.then(|| unsafe { &*base.as_ptr().cast::<AtomicU64>() })
}

/// Overwrites `len` bytes with zero in a way that the compiler may not leave out.
///
/// # Safety
///
/// `data` must be valid for writes of `len` bytes.
pub(crate) unsafe fn wipe(data: *mut u8, len: usize) {
    // SAFETY: the caller vouches for the range.
    unsafe { libc::explicit_bzero(data.cast(), len) };
}

/// Random bytes of the kernel (`getrandom(2)`), for canaries and masks.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the buffer is writable for its whole length.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    (usize::try_from(got) == Ok(N)).then_some(bytes)
}

/// Reads memory of this process by address; absent pages are an answer, not a fault.
pub(crate) fn read_own_memory(address: usize, into: &mut [u8]) -> Option<()> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote =
        libc::iovec { iov_base: ptr::with_exposed_provenance_mut(address), iov_len: into.len() };
    // SAFETY: `local` describes a writable buffer; the kernel checks the remote range itself
    // and returns an error where nothing is mapped.
    let got = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    (usize::try_from(got) == Ok(into.len())).then_some(())
}

/// Forbids core dumps and `ptrace` by the same user.
pub(crate) fn forbid_dumps() -> Result<(), MemoryError> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take plain values and change settings of this process only.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) != 0
            || libc::setrlimit(libc::RLIMIT_CORE, &none) != 0
    };
    if refused {
        return Err(MemoryError::ProcessRefused);
    }
    Ok(())
}

/// Forks a child that dies at once in `folder` and leaves a core dump there; whether it did.
pub(crate) fn dump_in_child(folder: &std::ffi::CStr) -> bool {
    // SAFETY: between fork and its end the child makes system calls only.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: every call takes plain values or memory that the child owns.
        unsafe {
            if libc::chdir(folder.as_ptr()) == 0 && allow_dumps() {
                let mut all = std::mem::zeroed();
                libc::sigemptyset(&mut all);
                libc::sigaddset(&mut all, libc::SIGABRT);
                libc::signal(libc::SIGABRT, libc::SIG_DFL);
                libc::sigprocmask(libc::SIG_UNBLOCK, &all, ptr::null_mut());
                libc::kill(libc::getpid(), libc::SIGABRT);
            }
            libc::_exit(1);
        }
    }
    let mut status = 0;
    // SAFETY: `status` is writable, and `child` is a child of this process or -1.
    while child > 0 && unsafe { libc::waitpid(child, &mut status, 0) } < 0 {
        let interrupted = std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
        if !interrupted {
            return false;
        }
    }
    child > 0 && libc::WIFSIGNALED(status) && libc::WCOREDUMP(status)
}

/// Raises the core limit as far as it may be raised, and makes the process dumpable.
fn allow_dumps() -> bool {
    let mut core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit fills the struct given, setrlimit reads it, prctl takes plain values.
    unsafe {
        libc::getrlimit(libc::RLIMIT_CORE, &mut core) == 0
            && core.rlim_max > 0
            && {
                core.rlim_cur = core.rlim_max;
                libc::setrlimit(libc::RLIMIT_CORE, &core) == 0
            }
            && libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) == 0
    }
}

/// Whether the process may be dumped, and the largest core file in bytes.
pub(crate) fn dump_settings() -> Result<(bool, u64), MemoryError> {
    let mut core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: prctl with PR_GET_DUMPABLE takes no pointer; getrlimit fills the struct given.
    let (dumpable, read) = unsafe {
        (
            libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0),
            libc::getrlimit(libc::RLIMIT_CORE, &mut core),
        )
    };
    if dumpable < 0 || read != 0 {
        return Err(MemoryError::ProcessRefused);
    }
    Ok((dumpable != 0, core.rlim_cur))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs `check` in a forked child and returns its exit status. The child may only read
    /// memory and make system calls, since other threads of the test run are missing there.
    pub(crate) fn in_child(check: impl FnOnce() -> bool) -> i32 {
        // SAFETY: the child does nothing but `check` and leaves without running destructors.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the struct is read; a child that dies on purpose leaves no core file.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
            let code = i32::from(!check());
            // SAFETY: `_exit` ends the child at once.
            unsafe { libc::_exit(code) };
        }
        let mut status = -1;
        // SAFETY: `status` is writable, and `child` is a child of this process.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        status
    }

    /// For a process that dies on purpose: a dump is written, unless it was protected.
    pub(crate) fn allow_dumps_unless_protected() {
        if dump_settings().unwrap().0 {
            assert!(allow_dumps());
        }
    }

    pub(crate) fn killed_by(status: i32, signal: i32) -> bool {
        libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == signal
    }

    fn filled(rung: Rung) -> Mapping {
        let mapping = Mapping::new(4096, rung).unwrap();
        // SAFETY: the mapping is at least 4096 bytes long and owned by the test.
        unsafe { mapping.data().write_bytes(0xC5, 4096) };
        mapping
    }

    #[test]
    fn a_child_reads_locked_pages_as_zero() {
        let mapping = filled(Rung::Locked);
        let parent = generation();
        let status = in_child(|| {
            // SAFETY: private pages stay mapped in a child; the kernel zeroed them.
            let bytes = unsafe { mapping.data().cast::<[u8; 4096]>().read_volatile() };
            bytes == [0; 4096] && generation() != parent
        });
        assert_eq!(status, 0);
        assert_eq!(generation(), parent);
    }

    #[test]
    fn a_child_has_no_secret_pages() {
        let mapping = filled(Rung::Kernel);
        let address = mapping.data().as_ptr().addr();
        // msync answers ENOMEM where nothing is mapped, without touching the page.
        let is_mapped = || {
            // SAFETY: msync only asks about the range and changes nothing.
            let answer = unsafe {
                libc::msync(ptr::with_exposed_provenance_mut(address), 4096, libc::MS_ASYNC)
            };
            answer == 0
        };
        assert!(is_mapped());
        assert_eq!(in_child(|| !is_mapped()), 0);
    }

    /// Why the two rungs protect themselves from a fork in two ways.
    #[test]
    fn secret_pages_can_be_left_behind_but_not_wiped_in_a_child() {
        let secret = filled(Rung::Kernel);
        assert_eq!(secret.advise(libc::MADV_WIPEONFORK), Err(MemoryError::Unsupported));
        assert_eq!(secret.advise(libc::MADV_DONTFORK), Ok(()));
        assert_eq!(filled(Rung::Locked).advise(libc::MADV_WIPEONFORK), Ok(()));
    }

    #[test]
    fn guard_pages_on_both_sides() {
        let mapping = filled(Rung::Locked);
        let mut one = [0];
        let start = mapping.data().as_ptr().addr();
        assert!(read_own_memory(start, &mut one).is_some());
        assert!(read_own_memory(start + mapping.data_len() - 1, &mut one).is_some());
        assert!(read_own_memory(start - 1, &mut one).is_none());
        assert!(read_own_memory(start + mapping.data_len(), &mut one).is_none());
    }

    #[test]
    fn one_byte_too_far_is_fatal() {
        let mapping = filled(Rung::Locked);
        let end = mapping.data().as_ptr().wrapping_add(mapping.data_len());
        for stray in [end, mapping.data().as_ptr().wrapping_sub(8)] {
            // SAFETY: the store is meant to be fatal to the child, which does nothing else.
            let status = in_child(|| unsafe {
                stray.write_volatile(1);
                true
            });
            assert!(killed_by(status, libc::SIGSEGV));
        }
        // The control: the last byte may be written, and the child lives.
        // SAFETY: the byte lies inside the mapping.
        let status = in_child(|| unsafe {
            end.wrapping_sub(1).write_volatile(1);
            true
        });
        assert_eq!(status, 0);
    }

    #[test]
    fn secret_pages_are_not_readable_by_address() {
        let mapping = filled(Rung::Kernel);
        let mut one = [0];
        assert!(read_own_memory(mapping.data().as_ptr().addr(), &mut one).is_none());
    }
}
