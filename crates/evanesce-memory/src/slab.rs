//! Small secrets share locked pages, because a mapping for each would exhaust the lock limit
//! and cost several system calls.
//!
//! A slab is one guarded mapping cut into equal slots. Before and behind the bytes that were
//! asked for lies a canary that depends on its address and is compared when the slot comes back.
//! Slots of up to 4 KiB come back to a cache of their thread first, which takes no lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{MemoryError, Rung, cache, os};

/// The sizes of slots. Secrets above the last one get a mapping of their own. The last one holds
/// the longest value that `Ephemeral` encodes by default, sealed.
pub(crate) const CLASSES: [usize; 12] =
    [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16 * 1024, 32 * 1024, 68 * 1024];
const CANARY: usize = 16;
const SMALLEST_SLAB: usize = 16 * 1024;
const FEWEST_SLOTS: usize = 4;
/// How many bytes of each class stay mapped without being used, or one slab if it is larger.
/// Work that comes in waves would map and unmap with each otherwise, which every other thread
/// of the process waits for.
const KEPT: usize = 128 * 1024;

static POOL: [Mutex<Class>; CLASSES.len()] = [const { Mutex::new(Class::new()) }; CLASSES.len()];
static VIOLATIONS: AtomicU64 = AtomicU64::new(0);

/// How many secrets had a damaged canary when they were dropped. Anything but zero means that
/// some `unsafe` code in the process writes out of bounds.
#[must_use]
pub fn canary_violations() -> u64 {
    VIOLATIONS.load(Ordering::Relaxed)
}

/// A free, wiped slot: where its data begins, its slab, and the slab's rung.
pub(crate) type Free = (NonNull<u8>, usize, Rung);

/// One slot, owned until it is given back.
pub(crate) struct Slot {
    data: NonNull<u8>,
    len: usize,
    slab: usize,
    kind: Kind,
}

/// Class and rung in one word: a slot of whole words is moved without partial stores, on which
/// the processor would stall.
#[derive(Clone, Copy)]
struct Kind(usize);

impl Kind {
    fn of(class: usize, rung: Rung) -> Self {
        Self(class << 2 | rung as usize)
    }

    fn class(self) -> usize {
        self.0 >> 2
    }

    fn rung(self) -> Rung {
        match self.0 & 3 {
            0 => Rung::Wiped,
            1 => Rung::Locked,
            _ => Rung::Kernel,
        }
    }
}

// SAFETY: a slot is plain memory without thread affinity.
unsafe impl Send for Slot {}
// SAFETY: a shared slot hands out its address only; its owner governs access.
unsafe impl Sync for Slot {}

impl Slot {
    /// A zeroed slot for `len` bytes that this thread kept, if there is one on `at_least`.
    #[inline]
    pub(crate) fn from_cache(len: usize, at_least: Rung, generation: u64) -> Option<Self> {
        let class = class_of(len)?;
        let (data, slab, rung) = cache::take(class, at_least, generation)?;
        let mut slot = Self { data, len, slab, kind: Kind::of(class, rung) };
        slot.begin(len);
        Some(slot)
    }

    /// A zeroed slot for `len` bytes on the strongest rung available, which is never below
    /// `at_least` nor below [`Rung::Locked`].
    pub(crate) fn from_pool(len: usize, at_least: Rung) -> Result<Self, MemoryError> {
        let class = class_of(len).ok_or(MemoryError::TooLarge)?;
        let mut pool = lock(class);
        pool.forget_if_forked();
        let strongest = pool.roomy.last().copied();
        let (rung, slab) = match strongest {
            Some((rung, slab)) if rung >= at_least => (rung, slab),
            _ => pool.grow(class, at_least)?,
        };
        let data = pool.take_from(rung, slab).ok_or(MemoryError::Exhausted)?;
        let mut slot = Self { data, len: 0, slab, kind: Kind::of(class, rung) };
        slot.begin(len);
        Ok(slot)
    }

    /// Writes the canaries around the bytes that were asked for.
    fn begin(&mut self, len: usize) {
        self.len = len;
        let [front, behind] = self.canaries();
        // SAFETY: the slot is owned; a canary's width lies before its data and behind it.
        unsafe {
            self.data.sub(CANARY).cast::<[u8; CANARY]>().write(front);
            self.data.add(len).cast::<[u8; CANARY]>().write(behind);
        }
    }

    /// Wipes the slot and gives it back. To be called once, at the end.
    #[inline]
    pub(crate) fn give_back(&mut self, generation: u64) {
        let [front, behind] = self.canaries();
        // SAFETY: the slot with its canaries lies inside a slab that stays mapped while one of
        // its slots is out; the owner gives it back and reads it no more.
        unsafe {
            let start = self.data.sub(CANARY);
            let intact = start.cast::<[u8; CANARY]>().read() == front
                && self.data.add(self.len).cast::<[u8; CANARY]>().read() == behind;
            if !intact {
                VIOLATIONS.fetch_add(1, Ordering::Relaxed);
            }
            os::wipe(start.as_ptr(), stride(self.kind.class()));
        }
        let (class, rung) = (self.kind.class(), self.kind.rung());
        if !cache::put(class, (self.data, self.slab, rung), generation) {
            to_pool(class, (self.data, self.slab, rung));
        }
    }

    /// What has to stand before and behind the data: a random value of the process, mixed with
    /// the address.
    fn canaries(&self) -> [[u8; CANARY]; 2] {
        static VALUE: OnceLock<u128> = OnceLock::new();
        // Without random bytes the addresses remain, which address randomisation hides.
        let value = *VALUE.get_or_init(|| u128::from_ne_bytes(os::random().unwrap_or_default()));
        let address = self.data.as_ptr().addr() as u128;
        [value ^ address, !value ^ (address << 64) ^ self.len as u128].map(u128::to_ne_bytes)
    }

    pub(crate) fn data(&self) -> NonNull<u8> {
        self.data
    }

    pub(crate) fn rung(&self) -> Rung {
        self.kind.rung()
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
    /// How many bytes the slabs have of which no slot is out.
    unused: usize,
    generation: u64,
}

impl Class {
    const fn new() -> Self {
        Self { slabs: BTreeMap::new(), roomy: BTreeSet::new(), unused: 0, generation: 0 }
    }

    /// A forked child has none of its parent's pages, so it starts with an empty pool.
    fn forget_if_forked(&mut self) {
        let now = os::generation();
        if self.generation != now {
            self.slabs.clear();
            self.roomy.clear();
            self.unused = 0;
            self.generation = now;
        }
    }

    fn grow(&mut self, class: usize, at_least: Rung) -> Result<(Rung, usize), MemoryError> {
        let stride = stride(class);
        let len = SMALLEST_SLAB.max(FEWEST_SLOTS * stride);
        let mapping = strongest_mapping(len, at_least)?;
        let slots = mapping.data_len() / stride;
        let (rung, base) = (mapping.rung(), mapping.data().as_ptr().addr());
        let free = (0..slots).rev().map(|index| index * stride + CANARY).collect();
        self.unused += mapping.data_len();
        self.slabs.insert(base, Slab { mapping, free, slots });
        self.roomy.insert((rung, base));
        Ok((rung, base))
    }

    fn take_from(&mut self, rung: Rung, base: usize) -> Option<NonNull<u8>> {
        let slab = self.slabs.get_mut(&base)?;
        if slab.free.len() == slab.slots {
            self.unused -= slab.mapping.data_len();
        }
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
        self.roomy.insert((rung, base));
        if slab.free.len() < slab.slots {
            return;
        }
        let size = slab.mapping.data_len();
        if self.unused > 0 && self.unused + size > KEPT {
            self.roomy.remove(&(rung, base));
            self.slabs.remove(&base);
        } else {
            self.unused += size;
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

/// Returns a wiped slot to its slab.
#[cold]
pub(crate) fn to_pool(class: usize, (data, slab, rung): Free) {
    lock(class).give_back(rung, slab, data);
}

/// The smallest size of slots that has room for `len` bytes.
#[inline]
fn class_of(len: usize) -> Option<usize> {
    CLASSES.iter().position(|size| *size >= len)
}

/// How far slots lie apart: the canary before the data, the data, and the canary behind it.
fn stride(class: usize) -> usize {
    CLASSES[class] + 2 * CANARY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(len: usize) -> Result<Slot, MemoryError> {
        Slot::from_cache(len, Rung::Locked, os::generation())
            .map_or_else(|| Slot::from_pool(len, Rung::Locked), Ok)
    }

    /// Changes one byte at an offset from the start of a secret of 100 bytes, and says how many
    /// more violations are counted once it is dropped. The tests run one after another.
    fn violations_after(offset: isize) -> u64 {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let before = canary_violations();
        let mut slot = take(100).unwrap();
        // SAFETY: the byte belongs to the slot or to one of its canaries.
        unsafe {
            let byte = slot.data().offset(offset);
            byte.write(byte.read() ^ 1);
        }
        slot.give_back(os::generation());
        canary_violations() - before
    }

    #[test]
    fn damaged_canary_is_counted() {
        // The very byte behind the data, though the slot itself has 128.
        assert_eq!(violations_after(100), 1);
        assert_eq!(violations_after(115), 1);
        assert_eq!(violations_after(99), 0);
    }

    #[test]
    fn an_underflow_is_counted() {
        assert_eq!(violations_after(-1), 1);
        assert_eq!(violations_after(-16), 1);
        assert_eq!(violations_after(0), 0);
    }

    #[test]
    fn slots_come_back_zeroed_and_distinct() {
        for len in [64, 2000] {
            let mut slots: Vec<Slot> = (0..2000).map(|_| take(len).unwrap()).collect();
            let mut addresses: Vec<usize> =
                slots.iter().map(|slot| slot.data().as_ptr().addr()).collect();
            addresses.sort_unstable();
            assert!(addresses.windows(2).all(|pair| pair[1] - pair[0] >= len + 2 * CANARY));
            for slot in &mut slots {
                // SAFETY: the slot is owned by this test and `len` bytes long.
                unsafe { slot.data().write_bytes(7, len) };
                slot.give_back(os::generation());
            }
            for _ in 0..100 {
                let mut again = take(len).unwrap();
                // SAFETY: as above.
                let bytes = unsafe { std::slice::from_raw_parts(again.data().as_ptr(), len) };
                assert!(bytes.iter().all(|byte| *byte == 0));
                again.give_back(os::generation());
            }
        }
    }

    #[test]
    fn slots_that_threads_exchange_are_never_handed_out_twice() {
        let (sender, receiver) = std::sync::mpsc::sync_channel::<(Slot, u8)>(64);
        let producers: Vec<_> = (1..=4_u8)
            .map(|mark| {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    for _ in 0..5000 {
                        let slot = take(48).unwrap();
                        // SAFETY: the slot is owned and at least 48 bytes long.
                        unsafe {
                            assert_eq!(slot.data().cast::<[u8; 48]>().read(), [0; 48]);
                            slot.data().write_bytes(mark, 48);
                        }
                        sender.send((slot, mark)).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        for (mut slot, mark) in receiver {
            // SAFETY: as above; the slot came over to this thread.
            assert_eq!(unsafe { slot.data().cast::<[u8; 48]>().read() }, [mark; 48]);
            slot.give_back(os::generation());
        }
        for producer in producers {
            producer.join().unwrap();
        }
    }
}
