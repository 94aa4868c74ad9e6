//! `cargo xtask tidy`: what the compiler does not see.

mod cited;
mod floors;
mod source;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::{Workspace, cargo};

/// One broken rule: where, and what to do.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    place: String,
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that breaks a rule in the workspace.
pub(crate) fn findings(root: &Path) -> Result<Vec<Finding>, Failure> {
    let workspace = Workspace::read(root)?;
    let mut found = floors::edges(&workspace.packages);
    found.extend(floors::facade(&workspace.packages));
    found.extend(drivers(root)?);
    for package in workspace.library() {
        if !package.manifest_path.with_file_name("README.md").is_file() {
            found.push(Finding::new(&package.name, "has no README.md"));
        }
    }
    let (mut functions, mut citing) = (BTreeSet::new(), Vec::new());
    for path in files(root)? {
        let Ok(text) = fs::read_to_string(root.join(&path)) else { continue };
        let place = path.display().to_string();
        found.extend(text::machine_paths(&place, &text));
        if path.extension().is_some_and(|end| end == "rs") {
            found.extend(source::check(&place, &text));
            cited::functions(&text, &mut functions);
        } else if cited::CITING.contains(&place.as_str()) {
            citing.push((place, text));
        }
    }
    for (place, text) in citing {
        found.extend(cited::missing(&place, &text, &functions));
    }
    Ok(found)
}

// What the facade pulls in by itself holds no driver.
fn drivers(root: &Path) -> Result<Vec<Finding>, Failure> {
    let mut command = cargo(root);
    command.args(["tree", "--offline", "-p", "evanesce", "-e", "normal", "--prefix", "none"]);
    let done = command
        .args(["--format", "{p}"])
        .output()
        .map_err(|error| Failure::new(format!("cargo tree could not be run: {error}")))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        return Err(Failure::new(format!("cargo tree failed: {said}")));
    }
    Ok(floors::drivers(&String::from_utf8_lossy(&done.stdout)))
}

// The files that are or could be committed.
fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    match listed {
        Ok(done) if done.status.success() => {
            let text = String::from_utf8_lossy(&done.stdout).into_owned();
            Ok(text.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
        }
        // An unpacked archive has no index.
        _ => {
            let mut all = Vec::new();
            walk(root, root, &mut all)?;
            Ok(all)
        }
    }
}

fn walk(root: &Path, folder: &Path, all: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::at(folder))? {
        let path = entry.map_err(Failure::at(folder))?.path();
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_symlink() || matches!(name.as_str(), "target" | ".git" | "reports") {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, all)?;
        } else if let Ok(inside) = path.strip_prefix(root) {
            all.push(inside.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let root = crate::workspace::root().unwrap();
        let found = findings(&root).unwrap();
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn files_are_listed_with_and_without_an_index() {
        let root = crate::workspace::root().unwrap();
        let mut walked = Vec::new();
        walk(&root.join("xtask"), &root.join("xtask"), &mut walked).unwrap();
        assert!(walked.contains(&PathBuf::from("src/tidy/mod.rs")));
        assert!(files(&root).unwrap().contains(&PathBuf::from("Cargo.toml")));
    }
}
