//! Which kind of memory a secret may lie in.

use std::sync::atomic::{AtomicU8, Ordering};

/// How well a piece of memory is protected, from weakest to strongest.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rung {
    /// Plain heap, wiped on drop. May be swapped, dumped, and copied by `fork`.
    Wiped,
    /// Anonymous pages between guard pages, with `mlock2`, `MADV_DONTDUMP` and
    /// `MADV_WIPEONFORK`: not swapped, not in a core dump, zero in a forked child.
    Locked,
    /// Pages of `memfd_secret(2)` between guard pages, with `MADV_DONTFORK`: removed from the
    /// kernel's direct map, so neither `/proc/self/mem` nor another process reads them, and
    /// absent in a forked child. While such a page exists Linux refuses to hibernate.
    Kernel,
}

/// The weakest rung that an allocation accepts; the strongest available one is taken.
///
/// The default accepts [`Rung::Wiped`] unless the program raised the minimum for the whole
/// process with [`MemoryPolicy::require`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryPolicy {
    /// Below this rung an allocation fails instead.
    pub at_least: Rung,
}

static PROCESS_MINIMUM: AtomicU8 = AtomicU8::new(0);

impl MemoryPolicy {
    /// A policy that accepts `rung` and everything stronger.
    #[must_use]
    pub const fn at_least(rung: Rung) -> Self {
        Self { at_least: rung }
    }

    /// Raises the minimum of every later allocation in this process. It never lowers it: a
    /// dependency can't weaken what the program asked for.
    pub fn require(self) {
        PROCESS_MINIMUM.fetch_max(self.at_least as u8, Ordering::AcqRel);
    }

    /// The rung that holds for an allocation: the stronger of this policy and the minimum of
    /// the process.
    pub(crate) fn effective(self) -> Rung {
        let minimum = match PROCESS_MINIMUM.load(Ordering::Acquire) {
            0 => Rung::Wiped,
            1 => Rung::Locked,
            _ => Rung::Kernel,
        };
        self.at_least.max(minimum)
    }
}

impl Default for MemoryPolicy {
    fn default() -> Self {
        Self { at_least: Rung::Wiped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_ordered_by_strength() {
        assert!(Rung::Kernel > Rung::Locked);
        assert!(Rung::Locked > Rung::Wiped);
    }

    #[test]
    fn default_takes_what_there_is() {
        assert_eq!(MemoryPolicy::default().effective(), Rung::Wiped);
        assert_eq!(MemoryPolicy::at_least(Rung::Locked).effective(), Rung::Locked);
    }
}
