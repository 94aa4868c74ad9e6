//! The Rust that the workspace asks for is the one that its dependencies need.
//! What the standard library has since, clippy's `incompatible_msrv` refuses.

use std::time::Instant;

use serde::Deserialize;

use super::Run;
use crate::failure::Failure;
use crate::table::{Counts, Outcome, Row};
use crate::workspace::cargo;

#[derive(Deserialize)]
struct Graph {
    packages: Vec<Asking>,
}

#[derive(Deserialize)]
struct Asking {
    name: String,
    rust_version: Option<String>,
}

pub(super) fn run(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let before = Instant::now();
    let mut command = cargo(&run.root);
    command.args(["metadata", "--locked", "--format-version", "1", "--all-features"]);
    let done = command
        .output()
        .map_err(|error| Failure::new(format!("cargo could not be started: {error}")))?;
    let graph: Graph = serde_json::from_slice(&done.stdout)
        .map_err(|error| Failure::new(format!("cargo metadata was not understood: {error}")))?;
    let ours = graph.packages.iter().find(|package| package.name == "evanesce-core");
    let ours = ours.and_then(|package| package.rust_version.clone()).unwrap_or_default();
    let newer = newer_than(&ours, &graph);
    for name in &newer {
        eprintln!("{name} needs a newer Rust than {ours}, which the workspace promises");
    }
    let outcome = if newer.is_empty() { Outcome::Passed } else { Outcome::Failed };
    let (counts, note) = (Counts::check(outcome), format!("{ours} is enough"));
    Ok(vec![Row { step: step.into(), counts, took: before.elapsed(), note, ..Row::default() }])
}

fn newer_than<'a>(ours: &str, graph: &'a Graph) -> Vec<&'a str> {
    let ours = numbers(ours);
    let asking = graph.packages.iter().filter(|package| {
        package.rust_version.as_deref().is_some_and(|version| numbers(version) > ours)
    });
    asking.map(|package| package.name.as_str()).collect()
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).chain([0, 0]).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_more_is_named() {
        let asking = |name: &str, version: Option<&str>| Asking {
            name: name.into(),
            rust_version: version.map(str::to_owned),
        };
        let packages = vec![
            asking("silent", None),
            asking("older", Some("1.70")),
            asking("equal", Some("1.89.0")),
            asking("newer", Some("1.89.1")),
            asking("next", Some("1.100")),
        ];
        assert_eq!(newer_than("1.89", &Graph { packages }), ["newer", "next"]);
    }
}
