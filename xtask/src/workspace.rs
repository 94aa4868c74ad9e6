//! The workspace that this program belongs to, as Cargo describes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::failure::Failure;

/// What `cargo metadata --no-deps` says, as far as it is needed here.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
    pub(crate) workspace_root: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// None is a normal dependency; else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Workspace {
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let mut command = cargo(root);
        command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        let done = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Failure::new(format!("cargo could not be started: {error}")))?;
        serde_json::from_slice(&done.stdout)
            .map_err(|error| Failure::new(format!("cargo metadata was not understood: {error}")))
    }

    /// The crates under `crates/`, which are the library.
    pub(crate) fn library(&self) -> impl Iterator<Item = &Package> {
        let crates = self.workspace_root.join("crates");
        self.packages.iter().filter(move |package| package.manifest_path.starts_with(&crates))
    }
}

/// The folder that holds the workspace's Cargo.toml.
pub(crate) fn root() -> Result<PathBuf, Failure> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent()
        .map(Path::to_owned)
        .filter(|root| root.join("Cargo.toml").is_file())
        .ok_or_else(|| Failure::new("no workspace here: run `cargo xtask` inside the checkout"))
}

/// Cargo, in a folder, without what the Cargo that runs this program has set
/// for it and only for it.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder);
    command
}
