//! Figures that criterion cannot take, one line of JSON each.

use std::process::Command;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Prints one comparison: what was measured on either side, turn by turn. Less is better.
pub fn print(name: &str, unit: &str, ours: &[f64], peer: &[f64]) {
    let line = serde_json::json!({ "name": name, "ours": ours, "peer": peer, "unit": unit });
    println!("{line}");
}

/// Runs this program once more with these arguments, in a process of its own, and reads what
/// it printed last.
///
/// # Panics
/// When it fails, or prints something else.
#[must_use]
pub fn child<T: DeserializeOwned>(arguments: &[&str]) -> T {
    let program = std::env::current_exe().expect("the path of this program");
    let done = Command::new(program)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("this program, once more");
    assert!(done.status.success(), "{arguments:?} failed ({})", done.status);
    let text = String::from_utf8(done.stdout).expect("text");
    let last = text.lines().next_back().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{arguments:?} printed {last:?}"))
}

/// What a child prints.
///
/// # Panics
/// For a value that JSON cannot say.
pub fn answer<T: Serialize>(value: &T) {
    println!("{}", serde_json::to_string(value).expect("JSON"));
}

/// What this process has resident, in bytes: field VmRSS of /proc/self/status, proc(5).
///
/// # Panics
/// Where there is no such file.
#[must_use]
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}

/// The processor time that this process has used, in nanoseconds: getrusage(2).
///
/// # Panics
/// When the system does not tell.
#[must_use]
pub fn processor_time() -> f64 {
    // SAFETY: all zeros are a valid rusage, and the call fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0, "getrusage");
        usage
    };
    let nanos = |time: libc::timeval| time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3;
    nanos(usage.ru_utime) + nanos(usage.ru_stime)
}

/// The median.
///
/// # Panics
/// Of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
