//! Behaviours of sessions and memory: `xtask/behaviours.toml` says which test
//! shows each, and the test runs here and now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::failure::Failure;

/// What the tests came to, by the id of the row that each was named for.
#[derive(Default)]
pub(crate) struct Behaviours {
    named: BTreeMap<String, String>,
    seen: BTreeMap<String, Seen>,
}

/// How a test ended; of several with one name, the worst.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Seen {
    Passed,
    Ignored,
    Failed,
}

impl Behaviours {
    /// Runs the tests that the rows are named for, each package once.
    pub(crate) fn run<'r>(rows: impl Iterator<Item = &'r Value>) -> Result<Self, Failure> {
        let ids: BTreeSet<&str> = rows.filter_map(|row| row["id"].as_str()).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("behaviours.toml");
        let text = std::fs::read_to_string(&path).map_err(Failure::at(&path))?;
        let mut behaviours = Self { named: table(&text)?, ..Self::default() };
        behaviours.named.retain(|id, _| ids.contains(id.as_str()));
        let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for test in behaviours.named.values() {
            if let Some((package, name)) = test.split_once("::") {
                packages.entry(package).or_default().insert(name);
            }
        }
        let mut seen = BTreeMap::new();
        for (package, names) in packages {
            for (name, end) in results(&run(package, &names)?) {
                let known = seen.entry(format!("{package}::{name}")).or_insert(end);
                *known = end.max(*known);
            }
        }
        behaviours.seen = seen;
        Ok(behaviours)
    }

    pub(crate) fn answer(&self, row: &Value) -> Value {
        let test = row["id"].as_str().and_then(|id| self.named.get(id));
        let Some(test) = test else {
            return json!({ "outcome": "fail", "why": "no test is named for it" });
        };
        match self.seen.get(test) {
            Some(Seen::Passed) => json!({ "outcome": "pass", "why": test }),
            Some(Seen::Failed) => json!({ "outcome": "fail", "why": format!("{test} failed") }),
            Some(Seen::Ignored) => {
                json!({ "outcome": "fail", "why": format!("{test} was ignored") })
            }
            None => json!({ "outcome": "fail", "why": format!("there is no test {test}") }),
        }
    }
}

fn table(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let areas: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(text).map_err(|error| Failure::new(format!("behaviours.toml: {error}")))?;
    Ok(areas.into_values().flatten().collect())
}

fn run(package: &str, names: &BTreeSet<&str>) -> Result<String, Failure> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned);
    let done = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "-p", package, "--tests", "--no-fail-fast", "--", "--exact"])
        .args(["--format", "pretty"])
        .args(names)
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cargo test could not be run: {error}")))?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

// `test store::open ... ok`
fn results(output: &str) -> Vec<(String, Seen)> {
    output
        .lines()
        .filter_map(|line| {
            let (name, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
            let seen = match end.trim() {
                "ok" => Seen::Passed,
                ignored if ignored.starts_with("ignored") => Seen::Ignored,
                _ => Seen::Failed,
            };
            let name = name.trim_end_matches(" - should panic").to_owned();
            Some((name, seen))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(end: Option<Seen>) -> Value {
        let mut behaviours = Behaviours::default();
        behaviours.named.insert("id".into(), "evanesce-memory::a::b".into());
        if let Some(end) = end {
            behaviours.seen.insert("evanesce-memory::a::b".into(), end);
        }
        behaviours.answer(&json!({ "id": "id", "behaviour": "b" }))
    }

    #[test]
    fn only_a_test_that_ran_and_passed_is_a_pass() {
        assert_eq!(with(Some(Seen::Passed))["outcome"], "pass");
        for end in [Some(Seen::Failed), Some(Seen::Ignored), None] {
            assert_eq!(with(end)["outcome"], "fail", "{end:?}");
        }
    }

    #[test]
    fn the_output_of_libtest_is_read() {
        let text = "running 3 tests\ntest a::b ... ok\ntest c - should panic ... FAILED\ntest d ... ignored, needs Redis\n";
        let expected = [("a::b", Seen::Passed), ("c", Seen::Failed), ("d", Seen::Ignored)];
        assert_eq!(results(text), expected.map(|(name, end)| (name.to_owned(), end)));
    }

    #[test]
    fn every_test_of_the_table_names_a_package() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("behaviours.toml");
        let named = table(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(named.values().all(|test| test.starts_with("evanesce-") && test.contains("::")));
    }
}
