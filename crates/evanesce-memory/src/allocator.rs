//! An allocator that zeroes what is freed, and a probe that finds out whether one is at work.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
};

use crate::os;

/// The system allocator, with every block zeroed before it is given back. Install it in the
/// program, never in a library:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: evanesce_memory::WipingAllocator = evanesce_memory::WipingAllocator;
///
/// assert_eq!(evanesce_memory::heap_is_wiped(), evanesce_memory::HeapEvidence::Wiped);
/// ```
///
/// It covers what the program's own types and its dependencies free. Memory that C libraries
/// allocate for themselves, and blocks that are never freed, stay as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct WipingAllocator;

// SAFETY: every block comes from and returns to `System` with its own layout; a block is wiped
// while it still belongs to the caller.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is `layout.size()` bytes long and was allocated by `System`.
        unsafe {
            os::wipe(block, layout.size());
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The system's own `realloc` may move a block and leave the old bytes behind.
        // SAFETY: the caller vouches that the size is above zero and does not overflow with
        // this alignment; the two blocks are distinct, and both are as long as what is copied.
        unsafe {
            let moved = System.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// What was found about freed memory.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeapEvidence {
    /// Freed blocks kept what was written into them, or it could not be seen whether they did.
    HeapNotWiped,
    /// Every freed block that was looked at had been zeroed.
    Wiped,
}

/// Finds out by trying whether the program's allocator wipes what is freed: writes a pattern
/// into blocks of several sizes, frees them, and reads their addresses through the kernel.
///
/// The first bytes of a freed block belong to the allocator's own lists and are not judged.
#[must_use]
pub fn heap_is_wiped() -> HeapEvidence {
    const SIZES: [usize; 8] = [96, 160, 224, 352, 480, 608, 864, 992];
    if SIZES.iter().all(|size| freed_block_is_zero(*size)) {
        HeapEvidence::Wiped
    } else {
        HeapEvidence::HeapNotWiped
    }
}

fn freed_block_is_zero(size: usize) -> bool {
    const PATTERN: u8 = 0x5A;
    const LISTS: usize = 32;
    // The buffer exists before the block, so that it can't take the block's place.
    let mut seen = vec![0; size];
    let block = black_box(vec![PATTERN; size].into_boxed_slice());
    let address = block.as_ptr().expose_provenance();
    let written = os::read_own_memory(address, &mut seen).is_some()
        && seen.iter().all(|byte| *byte == PATTERN);
    drop(black_box(block));
    written
        && os::read_own_memory(address, &mut seen).is_some()
        && seen.iter().skip(LISTS).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_heap_is_not_wiped() {
        assert_eq!(heap_is_wiped(), HeapEvidence::HeapNotWiped);
    }
}
