//! The record of processing that is kept beside the code agrees with what the example
//! declares: a new purpose, event or store fails here until the record is written anew.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::path::Path;
use std::process::{Command, Stdio};

const KEPT: &str = "../docs/compliance/records/newsletter.md";

#[test]
fn the_kept_record_of_processing_is_current() {
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/newsletter");
    let mut command = Command::new(&program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVANESCE_")) {
        command.env_remove(name);
    }
    let done = command
        .args(["--report", folder.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
    let made = std::fs::read_to_string(folder.path().join("record-of-processing.md")).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    if std::env::var_os("EVANESCE_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(made, kept, "EVANESCE_UPDATE=1 writes the record anew; read what has changed");
}
