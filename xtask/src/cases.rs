//! `cargo xtask cases FILE`, answered by a program that links the library.

use std::path::Path;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::workspace::cargo;

pub(crate) fn run(root: &Path, file: &str) -> Result<ExitCode, Failure> {
    let path = std::path::absolute(file).map_err(Failure::at(file.as_ref()))?;
    let mut command = cargo(root);
    command
        .args(["run", "--quiet", "--release", "--package", "xtask", "--features", "cases"])
        .args(["--bin", "cases", "--"])
        .arg(path);
    let done = command
        .status()
        .map_err(|error| Failure::new(format!("cargo could not be run: {error}")))?;
    Ok(if done.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
