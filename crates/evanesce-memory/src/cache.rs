//! Free slots that a thread keeps for itself, so that taking one and giving it back needs no
//! lock. What lies here is wiped.

use std::{cell::RefCell, ptr::NonNull};

use crate::{
    Rung, os,
    slab::{Free, to_pool},
};

/// Slots of the smaller classes, up to 4 KiB, are kept; larger ones are mostly wiping.
const CLASSES: usize = 8;
/// How many of each class: together at most 34 KiB a thread.
const DEPTH: usize = 4;

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

/// A free slot of at least the rung asked for. None when there is none, or the thread ends.
#[inline]
pub(crate) fn take(class: usize, at_least: Rung, generation: u64) -> Option<Free> {
    if class >= CLASSES {
        return None;
    }
    let found = CACHE.try_with(|cache| {
        let cache = &mut *cache.try_borrow_mut().ok()?;
        cache.forget_unless(generation);
        cache.shelves[class].take(at_least)
    });
    found.ok().flatten()
}

/// Keeps a wiped slot, if there is room.
#[inline]
pub(crate) fn put(class: usize, slot: Free, generation: u64) -> bool {
    if class >= CLASSES {
        return false;
    }
    let kept = CACHE.try_with(|cache| {
        cache.try_borrow_mut().is_ok_and(|mut cache| {
            cache.forget_unless(generation);
            cache.shelves[class].put(slot)
        })
    });
    kept.unwrap_or(false)
}

struct Cache {
    shelves: [Shelf; CLASSES],
    generation: u64,
}

/// Slots of one class. Each part has an array of its own, so that they are read word by word as
/// they were written.
#[derive(Clone, Copy)]
struct Shelf {
    held: usize,
    data: [NonNull<u8>; DEPTH],
    slabs: [usize; DEPTH],
    rungs: [Rung; DEPTH],
}

impl Cache {
    const fn new() -> Self {
        Self { shelves: [Shelf::EMPTY; CLASSES], generation: 0 }
    }

    /// In a forked child the parent's slots do not exist.
    #[inline]
    fn forget_unless(&mut self, generation: u64) {
        if self.generation != generation {
            self.shelves = [Shelf::EMPTY; CLASSES];
            self.generation = generation;
        }
    }
}

impl Shelf {
    const EMPTY: Self = Self {
        held: 0,
        data: [NonNull::dangling(); DEPTH],
        slabs: [0; DEPTH],
        rungs: [Rung::Locked; DEPTH],
    };

    #[inline]
    fn take(&mut self, at_least: Rung) -> Option<Free> {
        let last = self.held.checked_sub(1).filter(|last| *last < DEPTH)?;
        if self.rungs[last] < at_least {
            return None;
        }
        self.held = last;
        Some((self.data[last], self.slabs[last], self.rungs[last]))
    }

    #[inline]
    fn put(&mut self, (data, slab, rung): Free) -> bool {
        let free = self.held;
        if free >= DEPTH {
            return false;
        }
        (self.data[free], self.slabs[free], self.rungs[free]) = (data, slab, rung);
        self.held = free + 1;
        true
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if self.generation != os::generation() {
            return;
        }
        for (class, shelf) in self.shelves.iter_mut().enumerate() {
            while let Some(slot) = shelf.take(Rung::Locked) {
                to_pool(class, slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slot;

    fn taken(len: usize) -> Slot {
        Slot::from_cache(len, Rung::Locked, os::generation())
            .unwrap_or_else(|| Slot::from_pool(len, Rung::Locked).unwrap())
    }

    #[test]
    fn a_slot_stays_with_its_thread_until_it_ends() {
        let address = |slot: &Slot| slot.data().as_ptr().addr();
        let (first, second) = std::thread::spawn(move || {
            let mut slot = taken(700);
            let first = address(&slot);
            slot.give_back(os::generation());
            let mut slot = taken(800);
            let second = address(&slot);
            slot.give_back(os::generation());
            (first, second)
        })
        .join()
        .unwrap();
        assert_eq!(first, second);
    }

    #[test]
    fn a_weaker_slot_is_not_handed_out_for_a_stronger_wish() {
        let mut slot = taken(20);
        let rung = slot.rung();
        slot.give_back(os::generation());
        // `Kernel` is either what the cache holds, or has to come from elsewhere.
        let taken = take(0, Rung::Kernel, os::generation());
        assert_eq!(taken.is_some(), rung == Rung::Kernel);
        if let Some(slot) = taken {
            to_pool(0, slot);
        }
    }
}
