//! `cargo xtask bench`: one line a comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use crate::failure::Failure;
use crate::services::shown;
use crate::workspace::{Workspace, cargo};

/// What must hold of a comparison, from `benches/bars.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bar {
    /// The least ratio peer / ours.
    bar: f64,
    /// Why it stands where it stands, for who reads the file.
    #[serde(rename = "why")]
    _why: String,
}

/// Two measured figures; less is better.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Comparison {
    name: String,
    ours: f64,
    peer: f64,
    unit: String,
}

/// Measures one domain or all, prints the lines, and says whether every bar is met.
pub(crate) fn run(root: &Path, domain: Option<&str>) -> Result<Verdict, Failure> {
    let folder = root.join("benches");
    let file = folder.join("bars.toml");
    let bars = bars(&fs::read_to_string(&file).map_err(Failure::at(&file))?)?;
    let workspace = Workspace::read(&folder)?;
    let target = Workspace::read(root)?.target_directory;
    let figures = target.join("xtask/criterion");
    if figures.exists() {
        fs::remove_dir_all(&figures).map_err(Failure::at(&figures))?;
    }
    let mut all = Vec::new();
    let mut known = false;
    for (name, kind) in targets(&workspace) {
        if domain.is_some_and(|domain| domain != name) {
            continue;
        }
        known = true;
        let mut command = cargo(&folder);
        command.env("CARGO_TARGET_DIR", &target).env("CRITERION_HOME", &figures);
        if kind == "bench" {
            command.args(["bench", "--locked", "--features", "peers", "--bench", name]);
            shown(&mut command)?;
        } else {
            command.args([
                "run",
                "--quiet",
                "--locked",
                "--release",
                "--features",
                "peers",
                "--bin",
                name,
            ]);
            let done = command.stderr(Stdio::inherit()).output();
            let done =
                done.map_err(|error| Failure::new(format!("{name} could not be run: {error}")))?;
            if !done.status.success() {
                return Err(Failure::new(format!("{name} failed ({})", done.status)));
            }
            all.extend(lines(&String::from_utf8_lossy(&done.stdout))?);
        }
    }
    if !known {
        return Err(Failure::new(format!("no bench is called {}", domain.unwrap_or("anything"))));
    }
    all.extend(criterion(&figures)?);
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut verdict = Verdict::Ok;
    println!("{}", HEADING.trim_end());
    for comparison in &all {
        let (line, ok) = judge(comparison, &bars)?;
        println!("{line}");
        if ok == Verdict::Short {
            verdict = Verdict::Short;
        }
    }
    Ok(verdict)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Ok,
    Short,
}

const HEADING: &str =
    "name                                    ours          peer     ratio       bar  ";

// Each domain is a file of benches, and may have a program of the same name.
fn targets(workspace: &Workspace) -> impl Iterator<Item = (&str, &str)> {
    let all = workspace.packages.iter().flat_map(|package| &package.targets);
    all.filter_map(|target| {
        let kind = target.kind.iter().find(|kind| *kind == "bench" || *kind == "bin")?;
        Some((target.name.as_str(), kind.as_str()))
    })
}

fn bars(text: &str) -> Result<BTreeMap<String, Bar>, Failure> {
    toml::from_str(text).map_err(|error| Failure::new(format!("bars.toml: {error}")))
}

fn lines(text: &str) -> Result<Vec<Comparison>, Failure> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            serde_json::from_str(line)
                .map_err(|_| Failure::new(format!("a program beside the benches printed {line:?}")))
        })
        .collect()
}

fn judge(
    comparison: &Comparison,
    bars: &BTreeMap<String, Bar>,
) -> Result<(String, Verdict), Failure> {
    let Comparison { name, ours, peer, unit } = comparison;
    let bar =
        bars.get(name).ok_or_else(|| Failure::new(format!("{name} has no bar in bars.toml")))?.bar;
    // What costs nothing at all is below every peer.
    let ratio = if *ours > 0.0 { peer / ours } else { f64::INFINITY };
    let (word, verdict) =
        if ratio >= bar { ("ok", Verdict::Ok) } else { ("short", Verdict::Short) };
    let (ours, peer) = (figure(*ours, unit), figure(*peer, unit));
    Ok((format!("{name:<32}{ours:>12}  {peer:>12}  {ratio:>8.2}  {bar:>8.2}  {word}"), verdict))
}

fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        "ns" if value >= 1e3 => format!("{:.2} us", value / 1e3),
        _ => format!("{value:.1} {unit}"),
    }
}

// What criterion calls a benchmark, from `…/new/benchmark.json`.
#[derive(Deserialize)]
struct Identity {
    group_id: String,
    function_id: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

fn criterion(folder: &Path) -> Result<Vec<Comparison>, Failure> {
    let mut sides: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for file in find(folder) {
        let identity: Identity = read(&file)?;
        let estimates: Estimates = read(&file.with_file_name("estimates.json"))?;
        let side = identity.function_id.unwrap_or_default();
        sides.entry(identity.group_id).or_default().insert(side, estimates.median.point_estimate);
    }
    sides
        .into_iter()
        .map(|(name, sides)| match (sides.get("ours"), sides.get("peer")) {
            (Some(&ours), Some(&peer)) => Ok(Comparison { name, ours, peer, unit: "ns".into() }),
            _ => Err(Failure::new(format!("{name} must have the functions ours and peer"))),
        })
        .collect()
}

fn find(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(find(&path));
        } else if path.ends_with("new/benchmark.json") {
            found.push(path);
        }
    }
    found
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::at(path))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(ours: f64, peer: f64) -> Comparison {
        Comparison { name: "memory/guarded".into(), ours, peer, unit: "ns".into() }
    }

    #[test]
    fn a_ratio_below_its_bar_is_short() {
        let bars = bars("[\"memory/guarded\"]\nbar = 2.0\nwhy = \"so\"\n").unwrap();
        let (line, verdict) = judge(&comparison(1000.0, 2000.0), &bars).unwrap();
        assert_eq!(verdict, Verdict::Ok);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["memory/guarded", "1.00", "us", "2.00", "us", "2.00", "2.00", "ok"]);
        let (line, verdict) = judge(&comparison(1001.0, 2000.0), &bars).unwrap();
        assert_eq!(verdict, Verdict::Short);
        assert!(line.ends_with("short"));
    }

    #[test]
    fn a_comparison_without_a_bar_is_an_error() {
        assert!(judge(&comparison(1.0, 1.0), &BTreeMap::new()).is_err());
        assert!(bars("[\"a\"]\nbar = 1.0\n").is_err(), "a bar without a reason");
    }

    #[test]
    fn what_a_program_prints_is_read() {
        let text = "{\"name\":\"a/b\",\"ours\":1,\"peer\":2.5,\"unit\":\"B\"}\n";
        let expected = Comparison { name: "a/b".into(), ours: 1.0, peer: 2.5, unit: "B".into() };
        assert_eq!(lines(text).unwrap(), [expected]);
        assert!(lines("done\n").is_err());
    }

    #[test]
    fn the_files_of_criterion_are_read() {
        let folder = std::env::temp_dir().join(format!("evanesce-bench-{}", std::process::id()));
        for (side, value) in [("ours", 10.0), ("peer", 30.0)] {
            let new = folder.join(format!("memory_guarded/{side}/new"));
            fs::create_dir_all(&new).unwrap();
            let identity = serde_json::json!({ "group_id": "memory/guarded", "function_id": side });
            fs::write(new.join("benchmark.json"), identity.to_string()).unwrap();
            let estimates = serde_json::json!({ "median": { "point_estimate": value } });
            fs::write(new.join("estimates.json"), estimates.to_string()).unwrap();
        }
        assert_eq!(criterion(&folder).unwrap(), [comparison(10.0, 30.0)]);
        fs::remove_dir_all(folder.join("memory_guarded/peer")).unwrap();
        assert!(criterion(&folder).is_err(), "one side alone is no comparison");
        fs::remove_dir_all(folder).unwrap();
    }
}
