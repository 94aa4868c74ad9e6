//! Many secrets of many sizes. One test, because it measures the locked memory of its process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use evanesce_memory::{ClosedBytes, MemoryPolicy, Rung, SecretBytes};

#[test]
fn ten_thousand_secrets_leave_no_locked_memory_behind() {
    let policy = MemoryPolicy::at_least(Rung::Locked);
    // Every class has its first slab from here on, which stays.
    for shift in 0..17 {
        drop(SecretBytes::zeroed_under(policy, 1 << shift).unwrap());
    }
    let before = locked_kib();
    let mut most = 0;
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut open = Vec::new();
    let mut closed = Vec::new();
    for number in 0..10_000_u64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let len = usize::try_from(random % 100_000).unwrap() + 1;
        let mut secret = SecretBytes::zeroed_under(policy, len).unwrap();
        secret.expose_mut(|bytes| bytes.fill(number as u8));
        open.push((number as u8, secret));
        if open.len() == 20 {
            most = most.max(locked_kib());
            for (mark, secret) in open.drain(..) {
                secret.expose(|bytes| assert!(bytes.iter().all(|byte| *byte == mark)));
                if mark % 10 == 0 {
                    closed.push((mark, ClosedBytes::new(secret).unwrap()));
                }
            }
            for (mark, secret) in closed.drain(..) {
                secret.expose(|bytes| assert!(bytes.iter().all(|byte| *byte == mark))).unwrap();
            }
        }
    }
    drop((open, closed));
    // The control: the kernel counts what is held.
    assert!(most > before + 500, "{most} {before}");
    assert!(locked_kib() <= before, "{} {before}", locked_kib());
}

/// What the kernel says is locked, in KiB (proc(5), `VmLck`).
fn locked_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
