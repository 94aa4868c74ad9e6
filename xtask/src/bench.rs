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

/// What was measured on two sides, turn by turn; less is better.
#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Comparison {
    name: String,
    ours: Vec<f64>,
    peer: Vec<f64>,
    unit: String,
}

impl Comparison {
    /// Peer / ours of each turn, in order: what disturbed the machine in a turn disturbed
    /// both sides. Where one side was measured once, it stands beside each turn of the other.
    fn ratios(&self) -> Vec<f64> {
        let turns = self.ours.len().max(self.peer.len());
        let of = |side: &[f64], turn: usize| side.get(turn.min(side.len() - 1)).copied();
        let ratio = |turn| {
            let (ours, peer) = (of(&self.ours, turn)?, of(&self.peer, turn)?);
            // What costs nothing at all is below every peer.
            Some(if ours > 0.0 { peer / ours } else { f64::INFINITY })
        };
        let mut ratios: Vec<f64> = (0..turns).filter_map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// Measures one domain or all, prints the lines, and says whether every bar is met.
pub(crate) fn run(root: &Path, domain: Option<&str>) -> Result<Verdict, Failure> {
    let folder = root.join("benches");
    let file = folder.join("bars.toml");
    let bars = bars(&fs::read_to_string(&file).map_err(Failure::at(&file))?)?;
    let workspace = Workspace::read(&folder)?;
    // A folder of their own: the peers unify features that the workspace does not have.
    let target = Workspace::read(root)?.target_directory.join("benches");
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
            command.args(["--", "--noplot", "--quiet"]);
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

const HEADING: &str = concat!(
    "work                                                            ours        peer",
    "     ratio  (least to most)        bar",
);

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
    if ours.is_empty() || peer.is_empty() {
        return Err(Failure::new(format!("{name} was not measured on both sides")));
    }
    let ratios = comparison.ratios();
    let ratio = median(&ratios);
    let (word, verdict) =
        if ratio >= bar { ("reached", Verdict::Ok) } else { ("NOT REACHED", Verdict::Short) };
    let (ours, peer) = (figure(median(ours), unit), figure(median(peer), unit));
    let (least, most) = (short(ratios[0]), short(ratios[ratios.len() - 1]));
    let spread = format!("({least} to {most})");
    let (ratio, bar) = (short(ratio), short(bar));
    let line = format!("{name:<56}{ours:>12}{peer:>12}{ratio:>10}  {spread:<18}{bar:>9}  {word}");
    Ok((line, verdict))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Of two in the middle the lesser: a ratio is not rounded up.
    sorted[(sorted.len() - 1) / 2]
}

fn short(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value >= 1e9 => format!("{:.2} s", value / 1e9),
        "ns" if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        "ns" if value >= 1e3 => format!("{:.2} us", value / 1e3),
        _ => format!("{value:.1} {unit}").trim_end().to_owned(),
    }
}

// What criterion calls a benchmark, from `…/new/benchmark.json`.
#[derive(Deserialize)]
struct Identity {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

// By group, side and turn.
type Sides = BTreeMap<String, BTreeMap<String, BTreeMap<u32, f64>>>;

fn criterion(folder: &Path) -> Result<Vec<Comparison>, Failure> {
    let mut groups = Sides::new();
    for file in find(folder) {
        let identity: Identity = read(&file)?;
        let estimates: Estimates = read(&file.with_file_name("estimates.json"))?;
        let side = identity.function_id.unwrap_or_default();
        let turn = identity.value_str.and_then(|turn| turn.parse().ok()).unwrap_or_default();
        let sides = groups.entry(identity.group_id).or_default();
        sides.entry(side).or_default().insert(turn, estimates.median.point_estimate);
    }
    let mut all = Vec::new();
    for (group, mut sides) in groups {
        let turns = |side: BTreeMap<u32, f64>| side.into_values().collect::<Vec<_>>();
        let ours = sides.remove("ours").map(turns);
        let ours = ours.filter(|_| !sides.is_empty()).ok_or_else(|| {
            Failure::new(format!("{group} must have the side ours and one of a peer"))
        })?;
        for (peer, side) in sides {
            // A peer without a name of its own needs none in the table.
            let name = if peer == "peer" { group.clone() } else { format!("{group} vs {peer}") };
            let (ours, peer) = (ours.clone(), turns(side));
            all.push(Comparison { name, ours, peer, unit: "ns".into() });
        }
    }
    Ok(all)
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

    fn comparison(ours: &[f64], peer: &[f64]) -> Comparison {
        let (ours, peer) = (ours.to_vec(), peer.to_vec());
        Comparison { name: "memory/guarded vs memsec".into(), ours, peer, unit: "ns".into() }
    }

    #[test]
    fn a_ratio_below_its_bar_is_not_reached() {
        let bars = bars("[\"memory/guarded vs memsec\"]\nbar = 2.0\nwhy = \"so\"\n").unwrap();
        let (line, verdict) = judge(&comparison(&[1000.0], &[2000.0]), &bars).unwrap();
        assert_eq!(verdict, Verdict::Ok);
        let words: Vec<_> = line.split_whitespace().skip(3).collect();
        let expected = "1.00 us 2.00 us 2.00 (2.00 to 2.00) 2.00 reached";
        assert_eq!(words.join(" "), expected);
        let (line, verdict) = judge(&comparison(&[1001.0], &[2000.0]), &bars).unwrap();
        assert_eq!(verdict, Verdict::Short);
        assert!(line.ends_with("NOT REACHED"));
    }

    #[test]
    fn the_ratio_is_the_median_of_the_turns() {
        // The second turn was slow on both sides, and the third by chance on ours alone.
        let turns = comparison(&[10.0, 100.0, 40.0], &[20.0, 200.0, 20.0]);
        assert_eq!(turns.ratios(), [0.5, 2.0, 2.0]);
        assert_eq!(comparison(&[1.0, 2.0], &[4.0]).ratios(), [2.0, 4.0]);
        assert_eq!(comparison(&[0.0], &[4.0]).ratios(), [f64::INFINITY]);
    }

    #[test]
    fn a_comparison_without_a_bar_is_an_error() {
        assert!(judge(&comparison(&[1.0], &[1.0]), &BTreeMap::new()).is_err());
        assert!(bars("[\"a\"]\nbar = 1.0\n").is_err(), "a bar without a reason");
        let bars = bars("[\"memory/guarded vs memsec\"]\nbar = 2.0\nwhy = \"so\"\n").unwrap();
        assert!(judge(&comparison(&[1.0], &[]), &bars).is_err(), "a side without figures");
    }

    #[test]
    fn what_a_program_prints_is_read() {
        let text = "{\"name\":\"a/b\",\"ours\":[1,2],\"peer\":[2.5],\"unit\":\"B\"}\n";
        let (ours, peer) = (vec![1.0, 2.0], vec![2.5]);
        let expected = Comparison { name: "a/b".into(), ours, peer, unit: "B".into() };
        assert_eq!(lines(text).unwrap(), [expected]);
        assert!(lines("done\n").is_err());
    }

    #[test]
    fn the_files_of_criterion_are_read() {
        let folder = std::env::temp_dir().join(format!("evanesce-bench-{}", std::process::id()));
        let figures =
            [("ours", 0, 10.0), ("memsec", 0, 30.0), ("ours", 1, 11.0), ("memsec", 1, 31.0)];
        for (side, turn, value) in figures {
            let new = folder.join(format!("memory_guarded/{side}/{turn}/new"));
            fs::create_dir_all(&new).unwrap();
            let identity = serde_json::json!({
                "group_id": "memory/guarded", "function_id": side, "value_str": turn.to_string(),
            });
            fs::write(new.join("benchmark.json"), identity.to_string()).unwrap();
            let estimates = serde_json::json!({ "median": { "point_estimate": value } });
            fs::write(new.join("estimates.json"), estimates.to_string()).unwrap();
        }
        assert_eq!(criterion(&folder).unwrap(), [comparison(&[10.0, 11.0], &[30.0, 31.0])]);
        fs::remove_dir_all(folder.join("memory_guarded/memsec")).unwrap();
        assert!(criterion(&folder).is_err(), "one side alone is no comparison");
        fs::remove_dir_all(folder).unwrap();
    }
}
