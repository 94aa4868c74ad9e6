//! What the programs beside the benches have in common: each side of a
//! comparison runs in a process of its own, and one line tells both.

use std::process::Command;

/// Runs this program once for each side, with `ours` or `peer` as its only
/// argument, and prints the comparison as one line of JSON. Less is better.
///
/// # Panics
/// When a side cannot be run or prints no number.
pub fn compare(name: &str, unit: &str) {
    let side = |side: &str| -> f64 {
        let program = std::env::current_exe().expect("the path of this program");
        let done = Command::new(program).arg(side).output().expect("this program, once more");
        let text = String::from_utf8(done.stdout).expect("a number");
        text.trim().parse().unwrap_or_else(|_| panic!("{name}, {side}: {text:?} is not a number"))
    };
    let line = serde_json::json!({ "name": name, "ours": side("ours"), "peer": side("peer"), "unit": unit });
    println!("{line}");
}
