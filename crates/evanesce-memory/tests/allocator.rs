//! With the wiping allocator installed, freed memory holds nothing.

use evanesce_memory::{
    HeapEvidence, WipingAllocator, assert_no_residue, heap_is_wiped,
    residue::{Needle, scan_process},
};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

#[test]
fn the_probe_finds_the_allocator_at_work() {
    assert_eq!(heap_is_wiped(), HeapEvidence::Wiped);
}

#[test]
fn nothing_survives_freeing_and_growing() {
    let mut value = vec![0; 40];
    let needle = Needle::random(&mut value).unwrap();
    let mut grown = Vec::with_capacity(1);
    for byte in &value {
        grown.push(*byte);
        grown.shrink_to_fit();
    }
    assert_eq!(scan_process(&needle).unwrap().findings.len(), 2);
    drop((value.clone(), value, grown));
    assert_no_residue!(needle);
}

#[test]
fn contents_survive_growing_and_shrinking() {
    let mut numbers: Vec<u64> = (0..10_000).collect();
    numbers.truncate(100);
    numbers.shrink_to_fit();
    numbers.reserve(100_000);
    assert!(numbers.iter().copied().eq(0..100));
}
