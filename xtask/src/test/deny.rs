//! cargo-deny, without the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::Run;
use super::steps::check;
use crate::failure::Failure;
use crate::services::{on_path, shown};
use crate::table::{Counts, Outcome, Row};
use crate::workspace::cargo;

pub(super) fn run(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let before = Instant::now();
    let program = program(run)?;
    // cargo-deny looks at the crates of every platform, not of this one alone.
    shown(cargo(&run.root).args(["fetch", "--quiet", "--locked"]))?;
    let mut command = Command::new(program);
    command.current_dir(&run.root);
    command.args(["--locked", "--offline", "--all-features", "check", "--show-stats"]);
    let archive = run.beside("shared/advisory-db.tar.gz");
    let mut rows = Vec::new();
    if archive.is_file() {
        command.env("EVANESCE_ADVISORY_DB", advisories(run, &archive)?);
        rows.push(check(step, &mut command));
    } else {
        rows.push(check(step, command.args(["bans", "licenses", "sources"])));
        let note = "no advisory database beside the checkout".into();
        let counts = Counts::check(Outcome::LeftOut);
        rows.push(Row { step: "advisories".into(), counts, note, ..Row::default() });
    }
    rows[0].took = before.elapsed();
    Ok(rows)
}

fn program(run: &Run) -> Result<PathBuf, Failure> {
    let tools = run.ground.tools();
    let ours = tools.join("bin/cargo-deny");
    if ours.is_file() {
        return Ok(ours);
    }
    if let Some(installed) = on_path("cargo-deny") {
        return Ok(installed);
    }
    let mut install = cargo(&run.root);
    install.args(["install", "cargo-deny", "--locked", "--root"]).arg(&tools);
    // Its build is of no use to the workspace's own.
    shown(install.env_remove("CARGO_TARGET_DIR"))?;
    Ok(ours)
}

// The archive holds the folder under the name that cargo-deny looks for, and
// in it a file whose age, kept by tar, is the age of the database.
fn advisories(run: &Run, archive: &Path) -> Result<PathBuf, Failure> {
    let folder = run.ground.kept("advisories");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    shown(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&folder))?;
    Ok(folder)
}
