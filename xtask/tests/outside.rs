//! Rows from outside that have to pass with every change: what they are and who answers them
//! is in the README of the folder that they come from.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reports by panicking, in its helpers too, and prints what it counted"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    id: String,
    outcome: String,
}

/// What the library has no function for at all is unclaimed; everything else passes.
#[test]
#[ignore = "needs ../shared/cases"]
fn no_cryptographic_row_fails() {
    let counts = scored("crypto");
    assert!(counts["pass"] >= 350, "{counts:?}");
}

#[test]
#[ignore = "needs ../shared/cases"]
fn every_row_about_logs_passes() {
    let counts = scored("audit");
    assert!(counts["pass"] >= 290 && !counts.contains_key("unclaimed"), "{counts:?}");
}

// Every set of an area: how often there was which outcome. None may be a failure.
fn scored(area: &str) -> BTreeMap<String, usize> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/open.tar.xz");
    let folder = tempfile::tempdir().unwrap();
    let mut unpack = Command::new("tar");
    unpack.arg("-xJf").arg(&shared).arg("-C").arg(folder.path()).arg(format!("./{area}"));
    assert!(unpack.status().unwrap().success(), "tar and xz unpack the rows");
    let mut counts = BTreeMap::new();
    let mut failed = Vec::new();
    for set in sets(&folder.path().join(area)) {
        let answered = Command::new(env!("CARGO_BIN_EXE_cases")).arg(&set).output().unwrap();
        assert!(answered.status.success(), "{}", set.display());
        let rows = fs::read_to_string(&set).unwrap().lines().count();
        let answers = String::from_utf8(answered.stdout).unwrap();
        assert_eq!(answers.lines().count(), rows, "each row of {} has an answer", set.display());
        for line in answers.lines() {
            let answer: Answer = serde_json::from_str(line).unwrap();
            if answer.outcome == "fail" {
                failed.push(answer.id);
            }
            *counts.entry(answer.outcome).or_default() += 1;
        }
    }
    println!("{area}: {counts:?}");
    assert!(failed.is_empty(), "{failed:?}");
    counts
}

fn sets(folder: &Path) -> Vec<PathBuf> {
    let mut sets: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    sets.sort();
    assert!(!sets.is_empty());
    sets
}
