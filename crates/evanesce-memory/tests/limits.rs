//! An exhausted `RLIMIT_MEMLOCK` leads to the next rung or to a typed error. One test, because
//! it changes the limits of its process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use evanesce_memory::{
    ClosedBytes, EncodeError, MemoryError, MemoryPolicy, Rung, SecretBytes, SecureContext,
};

#[test]
fn an_exhausted_lock_limit_is_no_abort() {
    lock_at_most(64 * 1024);
    let mut held = Vec::new();
    while held.len() < 100 {
        let secret = SecretBytes::zeroed(20_000).unwrap();
        held.push(secret);
    }
    assert!(held.iter().any(|secret| secret.rung() >= Rung::Locked));
    assert!(held.iter().any(|secret| secret.rung() == Rung::Wiped));

    let policy = MemoryPolicy::at_least(Rung::Locked);
    let error = SecretBytes::zeroed_under(policy, 20_000).unwrap_err();
    assert_eq!(error, MemoryError::LockLimit);

    let small: Vec<_> = (0..5000).map(|_| SecretBytes::zeroed(1000).unwrap()).collect();
    assert!(small.iter().any(|secret| secret.rung() == Rung::Wiped));
    assert_eq!(SecretBytes::zeroed_under(policy, 1000).unwrap_err(), MemoryError::LockLimit);

    // No value is encoded on a rung that its context refuses, nor is a secret closed below one.
    let sealed = SecureContext::with(policy, |memory| memory.seal(&vec![7_u8; 20_000]));
    assert_eq!(sealed.unwrap_err(), EncodeError::Memory(MemoryError::LockLimit));
    let exported = SecureContext::with(policy, |memory| memory.export(&vec![7_u8; 20_000]));
    assert_eq!(exported.unwrap_err(), EncodeError::Memory(MemoryError::LockLimit));
    let plain = SecretBytes::zeroed(20_000).unwrap();
    assert_eq!(plain.rung(), Rung::Wiped);
    assert_eq!(ClosedBytes::new(plain).unwrap_err(), MemoryError::LockLimit);

    // What is given back can be had again.
    drop((held, small));
    assert!(SecretBytes::zeroed_under(policy, 1000).is_ok());

    // A minimum of the process binds everybody from then on.
    MemoryPolicy::at_least(Rung::Kernel).require();
    MemoryPolicy::at_least(Rung::Wiped).require();
    let mut results = (0..100).map(|_| SecretBytes::zeroed(20_000)).collect::<Vec<_>>();
    assert!(results.iter().flatten().all(|secret| secret.rung() == Rung::Kernel));
    assert_eq!(results.pop().unwrap().unwrap_err(), MemoryError::LockLimit);
}

fn lock_at_most(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: setrlimit reads the struct given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) }, 0);
    // Root is not bound by the limit unless it gives up CAP_IPC_LOCK, which is bit 14.
    // The layout is that of capget(2), version 3.
    let mut header = [0x2008_0522_u32, 0];
    let mut sets = [0_u32; 6];
    // SAFETY: both arrays have the size that version 3 of the interface reads and writes.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()), 0);
        for set in &mut sets[..3] {
            *set &= !(1 << 14);
        }
        assert_eq!(libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()), 0);
    }
}
