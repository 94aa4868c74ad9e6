//! A signal that ends the program ends its secrets first, when the program returns instead of
//! dying: destructors run. The child is this test again, in a process of its own.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::atomic::{AtomicI32, Ordering},
};

use evanesce_memory::{
    ClosedBytes, Plain, SecretBytes,
    residue::{Needle, scan_process},
    scrub_stack,
};

static BELL: AtomicI32 = AtomicI32::new(-1);

/// A handler may only make calls that are safe in a signal: one byte into a pipe.
extern "C" fn ring(_: libc::c_int) {
    // SAFETY: write(2) is safe in a handler, and the byte is a constant.
    unsafe { libc::write(BELL.load(Ordering::SeqCst), b"!".as_ptr().cast(), 1) };
}

/// To the parent, which reads what this process says of itself.
fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn hold_until_signalled(signal: libc::c_int) {
    let mut ends = [0; 2];
    // SAFETY: pipe fills the array; the handler does nothing but write.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        BELL.store(ends[1], Ordering::SeqCst);
        let handler: extern "C" fn(libc::c_int) = ring;
        assert_ne!(libc::signal(signal, handler as libc::sighandler_t), libc::SIG_ERR);
    }
    let needle = {
        let mut secret = SecretBytes::zeroed(40).unwrap();
        let needle = secret.expose_mut(|bytes| Needle::random(bytes).unwrap());
        let plain =
            Plain::build(|| secret.expose(|bytes| String::from_utf8(bytes.to_vec()).unwrap()));
        let _closed = ClosedBytes::new(secret.try_clone().unwrap()).unwrap();
        // The control: it is there while the program runs.
        assert!(!scan_process(&needle).unwrap().is_clean());
        say(&format!("holding {}\n", plain.len()));
        let mut one = [0];
        // SAFETY: the buffer is writable; a read that the signal interrupts is repeated.
        while unsafe { libc::read(ends[0], one.as_mut_ptr().cast(), 1) } != 1 {}
        needle
    };
    scrub_stack();
    assert!(scan_process(&needle).unwrap().is_clean());
    say("wiped\n");
}

#[test]
fn a_signal_that_ends_the_program_wipes_its_secrets() {
    if let Ok(signal) = std::env::var("EVANESCE_END_BY") {
        return hold_until_signalled(signal.parse().unwrap());
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_signal_that_ends_the_program_wipes_its_secrets", "--nocapture"])
            .env("EVANESCE_END_BY", signal.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "holding 40\n");
        let pid = libc::pid_t::try_from(child.id()).unwrap();
        // SAFETY: the child is ours and has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
        assert_eq!(rest, "wiped\n");
    }
}
