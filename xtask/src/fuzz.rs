//! `cargo xtask fuzz`: libFuzzer targets from `fuzz/`, on the stable compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::services::shown;
use crate::workspace::{Workspace, cargo};

/// What one call asks for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Options<'a> {
    target: &'a str,
    work: Work<'a>,
}

#[derive(Debug, Eq, PartialEq)]
enum Work<'a> {
    Again(&'a str),
    Inputs(u64),
}

impl<'a> Options<'a> {
    pub(crate) fn parse(words: &[&'a str]) -> Result<Self, Failure> {
        let (target, work) = match words {
            [target] => (target, Work::Inputs(100_000)),
            [target, "--inputs", count] => {
                let count = count.parse();
                (target, Work::Inputs(count.map_err(|_| Failure::new("--inputs takes a number"))?))
            }
            [target, "--again", file] => (target, Work::Again(file)),
            _ => return Err(Failure::new("fuzz takes TARGET [--inputs N | --again FILE]")),
        };
        Ok(Self { target, work })
    }
}

/// The names of the targets.
pub(crate) fn targets(root: &Path) -> Result<Vec<String>, Failure> {
    let workspace = Workspace::read(&root.join("fuzz"))?;
    let all = workspace.packages.iter().flat_map(|package| &package.targets);
    Ok(all.map(|target| target.name.clone()).collect())
}

/// Runs one target until its inputs are through; a crash or a broken promise fails.
pub(crate) fn run(root: &Path, options: &Options<'_>) -> Result<(), Failure> {
    let Options { target, work } = options;
    if !targets(root)?.iter().any(|name| name == target) {
        return Err(Failure::new(format!("no fuzz target is called {target}")));
    }
    let folder = Workspace::read(root)?.target_directory.join("fuzz");
    let program = build(root, &folder, target)?;
    let corpus = folder.join("corpus").join(target);
    fs::create_dir_all(&corpus).map_err(Failure::at(&corpus))?;
    let mut command = Command::new(program);
    command.arg(format!("-artifact_prefix={}/{target}-", folder.display()));
    match work {
        Work::Again(file) => command.arg(file),
        Work::Inputs(count) => command
            .arg(format!("-runs={count}"))
            .args(["-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"])
            .arg("-print_final_stats=1")
            .arg(corpus),
    };
    shown(&mut command)
}

fn build(root: &Path, folder: &Path, target: &str) -> Result<PathBuf, Failure> {
    let mut command = cargo(&root.join("fuzz"));
    // A triple of its own keeps the counters out of build scripts and derives.
    command.env("CARGO_TARGET_DIR", folder).env("RUSTFLAGS", COUNTERS.join(" ")).args([
        "build",
        "--locked",
        "--release",
        "--target",
        TRIPLE,
        "--bin",
        target,
    ]);
    shown(&mut command)?;
    Ok(folder.join(TRIPLE).join("release").join(target))
}

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

const COUNTERS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        let inputs = Options { target: "token", work: Work::Inputs(5) };
        assert_eq!(Options::parse(&["token", "--inputs", "5"]).unwrap(), inputs);
        let again = Options { target: "token", work: Work::Again("crash") };
        assert_eq!(Options::parse(&["token", "--again", "crash"]).unwrap(), again);
        assert!(Options::parse(&["token", "--inputs", "many"]).is_err());
        assert!(Options::parse(&["token", "--quickly"]).is_err());
    }
}
