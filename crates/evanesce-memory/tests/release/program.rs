// Compiled by the test `release` with full optimisation and link-time optimisation. In each case
// the wiping is the last use of the value, which a compiler may leave out unless it is told not
// to. Prints what was found of it afterwards.

use evanesce_memory::{
    SecretBytes, Wipe,
    residue::{Needle, scan_process},
    scrub_stack, wipe_slice,
};

fn main() {
    let cases: [(&str, fn() -> Needle); 6] = [
        ("leaked on the heap", || on_the_heap(|_| {})),
        ("filled with zeros", || on_the_heap(|bytes| bytes.fill(0))),
        ("wiped on the heap", || on_the_heap(|bytes| wipe_slice(bytes))),
        ("wiped by its type", || on_the_heap(|bytes| bytes.wipe())),
        ("wiped on the stack", on_the_stack),
        ("dropped", guarded),
    ];
    for (name, case) in cases {
        let needle = case();
        scrub_stack();
        let residue = scan_process(&needle).expect("the process can be scanned");
        println!("{name}: {}", residue.findings.len());
    }
}

#[inline(never)]
fn on_the_heap(last: impl FnOnce(&mut Vec<u8>)) -> Needle {
    let mut value = vec![0; 200];
    let needle = Needle::random(&mut value).expect("random bytes");
    last(&mut value);
    // Nothing takes the freed block before it is looked for.
    drop(value);
    needle
}

#[inline(never)]
fn on_the_stack() -> Needle {
    let mut value = [0; 200];
    let needle = Needle::random(&mut value).expect("random bytes");
    value.wipe();
    needle
}

#[inline(never)]
fn guarded() -> Needle {
    let mut value = vec![0; 200];
    let needle = Needle::random(&mut value).expect("random bytes");
    drop(SecretBytes::from_slice(&mut value).expect("memory"));
    needle
}
