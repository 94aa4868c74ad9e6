//! Settings of the whole process, and what the kernel says about a piece of memory.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use crate::{MemoryError, SecretBytes, os};

/// What was read back after [`protect_process`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProcessProtection {
    /// The largest core file in bytes (`RLIMIT_CORE`); zero means none.
    pub core_limit: u64,
    /// Whether the kernel may dump the process or let others trace it (`PR_GET_DUMPABLE`).
    pub dumpable: bool,
}

/// Forbids core dumps and tracing by the same user, for the life of the process, and returns
/// what the kernel says afterwards.
///
/// # Errors
///
/// [`MemoryError::ProcessRefused`] when the kernel refuses.
pub fn protect_process() -> Result<ProcessProtection, MemoryError> {
    os::forbid_dumps()?;
    process_protection()
}

/// What the kernel says now, without changing it.
///
/// # Errors
///
/// [`MemoryError::ProcessRefused`] when the kernel does not answer.
pub fn process_protection() -> Result<ProcessProtection, MemoryError> {
    let (dumpable, core_limit) = os::dump_settings()?;
    Ok(ProcessProtection { core_limit, dumpable })
}

/// The flags of the pages that a secret lies in, as the kernel reports them
/// (`VmFlags` in `/proc/self/smaps`, see proc(5)).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MemoryFlags {
    /// `dc`: absent in a forked child.
    pub absent_after_fork: bool,
    /// `lo`: never swapped.
    pub locked: bool,
    /// `dd`: not in a core dump.
    pub not_dumped: bool,
    /// `wf`: zero in a forked child.
    pub wiped_on_fork: bool,
}

/// Asks the kernel how the pages of `secret` are protected.
///
/// # Errors
///
/// [`MemoryError::MapUnreadable`] when `/proc/self/smaps` can't be read.
pub fn flags(secret: &SecretBytes) -> Result<MemoryFlags, MemoryError> {
    flags_at(secret.data().as_ptr().addr())
}

fn flags_at(address: usize) -> Result<MemoryFlags, MemoryError> {
    let smaps = File::open("/proc/self/smaps").map_err(|_| MemoryError::MapUnreadable)?;
    let mut inside = false;
    for line in BufReader::new(smaps).lines() {
        let line = line.map_err(|_| MemoryError::MapUnreadable)?;
        if let Some((start, end)) = range(&line) {
            inside = (start..end).contains(&address);
        } else if let Some(found) = line.strip_prefix("VmFlags:").filter(|_| inside) {
            return Ok(parse_flags(found));
        }
    }
    Err(MemoryError::MapUnreadable)
}

fn parse_flags(line: &str) -> MemoryFlags {
    let mut flags = MemoryFlags::default();
    for flag in line.split_ascii_whitespace() {
        match flag {
            "dc" => flags.absent_after_fork = true,
            "dd" => flags.not_dumped = true,
            "lo" => flags.locked = true,
            "wf" => flags.wiped_on_fork = true,
            _ => {}
        }
    }
    flags
}

/// The addresses at the head of a line of `maps` or `smaps`.
pub(crate) fn range(line: &str) -> Option<(usize, usize)> {
    let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryPolicy, Rung};

    fn flags_of(rung: Rung) -> MemoryFlags {
        let mapping = os::Mapping::new(1, rung).unwrap();
        flags_at(mapping.data().as_ptr().addr()).unwrap()
    }

    #[test]
    fn the_kernel_confirms_locked_pages() {
        let flags = flags_of(Rung::Locked);
        assert!(flags.locked && flags.not_dumped && flags.wiped_on_fork, "{flags:?}");
    }

    #[test]
    fn the_kernel_confirms_secret_pages() {
        let flags = flags_of(Rung::Kernel);
        assert!(flags.locked && flags.not_dumped && flags.absent_after_fork, "{flags:?}");
    }

    #[test]
    fn secrets_of_every_size_lie_in_locked_pages() {
        for len in [1, 500, 16_384, 150_000] {
            let policy = MemoryPolicy::at_least(Rung::Locked);
            let secret = SecretBytes::zeroed_under(policy, len).unwrap();
            let flags = flags(&secret).unwrap();
            assert!(flags.locked && flags.not_dumped, "{len}: {flags:?}");
        }
    }

    #[test]
    fn ordinary_memory_has_none_of_it() {
        let ordinary = Box::new([0_u8; 64]);
        let flags = flags_at(ordinary.as_ptr().addr()).unwrap();
        assert_eq!(flags, MemoryFlags::default());
    }
}
