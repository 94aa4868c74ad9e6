//! Small secrets share locked pages, because a mapping for each would exhaust the lock limit
//! and cost several system calls.
//!
//! A slab is one guarded mapping cut into equal slots. Behind each slot lies a canary that
//! depends on its address and is compared when the slot comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{MemoryError, Rung, os};

/// The sizes of slots. Secrets above the last one get a mapping of their own. The last one holds
/// the longest value that `Ephemeral` encodes by default, sealed.
const CLASSES: [usize; 12] =
    [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16 * 1024, 32 * 1024, 68 * 1024];
const CANARY: usize = 16;
const SMALLEST_SLAB: usize = 16 * 1024;
const FEWEST_SLOTS: usize = 4;

static POOL: [Mutex<Class>; CLASSES.len()] = [const { Mutex::new(Class::new()) }; CLASSES.len()];
static VIOLATIONS: AtomicU64 = AtomicU64::new(0);

/// How many canaries were found damaged when their slot was given back. Anything but zero
/// means that some `unsafe` code in the process writes out of bounds.
#[must_use]
pub fn canary_violations() -> u64 {
    VIOLATIONS.load(Ordering::Relaxed)
}

/// One slot, owned until it is given back.
pub(crate) struct Slot {
    data: NonNull<u8>,
    rung: Rung,
    class: usize,
    slab: usize,
}

// SAFETY: a slot is plain memory without thread affinity.
unsafe impl Send for Slot {}
// SAFETY: a shared slot hands out its address only; its owner governs access.
unsafe impl Sync for Slot {}

impl Slot {
    /// A zeroed slot for at least `len` bytes on the strongest rung available, which is never
    /// below `at_least` nor below [`Rung::Locked`].
    pub(crate) fn take(len: usize, at_least: Rung) -> Result<Self, MemoryError> {
        let class = CLASSES.iter().position(|size| *size >= len).ok_or(MemoryError::TooLarge)?;
        let mut pool = lock(class);
        pool.forget_if_forked();
        let strongest = pool.roomy.last().copied();
        let (rung, slab) = match strongest {
            Some((rung, slab)) if rung >= at_least => (rung, slab),
            _ => pool.grow(CLASSES[class], at_least)?,
        };
        let data = pool.take_from(rung, slab).ok_or(MemoryError::Exhausted)?;
        Ok(Self { data, rung, class, slab })
    }

    /// Wipes the slot and returns it to its slab. To be called once, at the end.
    pub(crate) fn give_back(&mut self) {
        let size = CLASSES[self.class];
        let mut pool = lock(self.class);
        // SAFETY: the slot is `size` bytes followed by its canary, inside a slab that stays
        // mapped while one of its slots is out; the owner gives it back and reads it no more.
        unsafe {
            let intact = canary_at(self.data).is_none_or(|expected| {
                self.data.add(size).cast::<[u8; CANARY]>().read() == expected
            });
            if !intact {
                VIOLATIONS.fetch_add(1, Ordering::Relaxed);
            }
            os::wipe(self.data.as_ptr(), size);
            write_canary(self.data, size);
        }
        pool.give_back(self.rung, self.slab, self.data);
    }

    pub(crate) fn data(&self) -> NonNull<u8> {
        self.data
    }

    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }
}

struct Slab {
    mapping: os::Mapping,
    free: Vec<usize>,
    slots: usize,
}

struct Class {
    slabs: BTreeMap<usize, Slab>,
    /// Slabs with a free slot; the last one is of the strongest rung.
    roomy: BTreeSet<(Rung, usize)>,
    generation: u64,
}

impl Class {
    const fn new() -> Self {
        Self { slabs: BTreeMap::new(), roomy: BTreeSet::new(), generation: 0 }
    }

    /// A forked child has none of its parent's pages, so it starts with an empty pool.
    fn forget_if_forked(&mut self) {
        let now = os::generation();
        if self.generation != now {
            self.slabs.clear();
            self.roomy.clear();
            self.generation = now;
        }
    }

    fn grow(&mut self, size: usize, at_least: Rung) -> Result<(Rung, usize), MemoryError> {
        let stride = size + CANARY;
        let len = SMALLEST_SLAB.max(FEWEST_SLOTS * stride);
        let mapping = strongest_mapping(len, at_least)?;
        let slots = mapping.data_len() / stride;
        for index in 0..slots {
            // SAFETY: `slots * stride` fits into the mapping, which nobody else uses yet.
            unsafe { write_canary(mapping.data().add(index * stride), size) };
        }
        let (rung, base) = (mapping.rung(), mapping.data().as_ptr().addr());
        let free = (0..slots).rev().map(|index| index * stride).collect();
        self.slabs.insert(base, Slab { mapping, free, slots });
        self.roomy.insert((rung, base));
        Ok((rung, base))
    }

    fn take_from(&mut self, rung: Rung, base: usize) -> Option<NonNull<u8>> {
        let slab = self.slabs.get_mut(&base)?;
        let offset = slab.free.pop()?;
        if slab.free.is_empty() {
            self.roomy.remove(&(rung, base));
        }
        // SAFETY: offsets in `free` lie inside the mapping.
        Some(unsafe { slab.mapping.data().add(offset) })
    }

    fn give_back(&mut self, rung: Rung, base: usize, data: NonNull<u8>) {
        let Some(slab) = self.slabs.get_mut(&base) else {
            return;
        };
        slab.free.push(data.as_ptr().addr() - base);
        let unused = slab.free.len() == slab.slots;
        self.roomy.insert((rung, base));
        // One empty slab stays, so that a single secret made and dropped in a loop maps once.
        if unused && self.roomy.len() > 1 {
            self.roomy.remove(&(rung, base));
            self.slabs.remove(&base);
        }
    }
}

/// The strongest locked mapping that can be had.
pub(crate) fn strongest_mapping(len: usize, at_least: Rung) -> Result<os::Mapping, MemoryError> {
    match os::Mapping::new(len, Rung::Kernel) {
        Err(error) if at_least == Rung::Kernel => Err(error),
        Err(_) => os::Mapping::new(len, Rung::Locked),
        mapping => mapping,
    }
}

fn lock(class: usize) -> MutexGuard<'static, Class> {
    POOL[class].lock().unwrap_or_else(PoisonError::into_inner)
}

/// The canary behind a slot: a random value of the process, mixed with the address.
fn canary_at(data: NonNull<u8>) -> Option<[u8; CANARY]> {
    static VALUE: OnceLock<Option<[u8; CANARY]>> = OnceLock::new();
    let mut canary = (*VALUE.get_or_init(os::random))?;
    for (byte, address) in canary.iter_mut().zip(data.as_ptr().addr().to_ne_bytes()) {
        *byte ^= address;
    }
    Some(canary)
}

/// # Safety
///
/// `data` must be the start of a slot: `size` bytes and a canary, valid for writes.
unsafe fn write_canary(data: NonNull<u8>, size: usize) {
    if let Some(canary) = canary_at(data) {
        // SAFETY: the caller vouches for the slot.
        unsafe { data.add(size).cast::<[u8; CANARY]>().write(canary) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_canary_is_counted() {
        let before = canary_violations();
        let mut slot = Slot::take(100, Rung::Locked).unwrap();
        // SAFETY: the byte behind the slot is its canary, which lies in the same mapping.
        unsafe {
            let canary = slot.data().add(CLASSES[slot.class]);
            canary.write(canary.read() ^ 1);
        }
        slot.give_back();
        assert_eq!(canary_violations(), before + 1);
    }

    #[test]
    fn slots_come_back_zeroed_and_distinct() {
        let mut slots: Vec<Slot> =
            (0..2000).map(|_| Slot::take(64, Rung::Locked).unwrap()).collect();
        let mut addresses: Vec<usize> =
            slots.iter().map(|slot| slot.data().as_ptr().addr()).collect();
        addresses.sort_unstable();
        assert!(addresses.windows(2).all(|pair| pair[1] - pair[0] >= 64));
        for slot in &mut slots {
            // SAFETY: the slot is owned by this test and 64 bytes long.
            unsafe { slot.data().write_bytes(7, 64) };
            slot.give_back();
        }
        let mut again = Slot::take(64, Rung::Locked).unwrap();
        // SAFETY: as above.
        let bytes = unsafe { again.data().cast::<[u8; 64]>().read() };
        assert_eq!(bytes, [0; 64]);
        again.give_back();
    }
}
