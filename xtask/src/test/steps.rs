use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Depth, Run, Scope, Step, deny, rust_version};
use crate::failure::Failure;
use crate::runner::{PRESENT, RECORD, Record};
use crate::services::shown;
use crate::table::{Counts, Outcome, Row};
use crate::tidy;
use crate::workspace::cargo;

pub(super) const STEPS: &[Step] = &[
    Step { name: "format", scope: Scope::Fast, run: format },
    Step { name: "tidy", scope: Scope::Fast, run: tidy },
    Step { name: "clippy", scope: Scope::Fast, run: clippy },
    Step { name: "dependencies", scope: Scope::Everything, run: deny::run },
    Step { name: "Rust version", scope: Scope::Everything, run: rust_version::run },
    Step { name: "tests", scope: Scope::Fast, run: tests },
    Step { name: "documentation tests", scope: Scope::Fast, run: documentation_tests },
    Step { name: "examples on the servers", scope: Scope::Everything, run: examples_on_servers },
    Step { name: "each feature alone", scope: Scope::Everything, run: features },
    Step { name: "documentation", scope: Scope::Everything, run: documentation },
    Step { name: "examples in memory", scope: Scope::Everything, run: examples_in_memory },
    Step { name: "benches compile", scope: Scope::Everything, run: benches },
];

/// Runs one command as one check.
pub(super) fn check(step: &str, command: &mut Command) -> Row {
    let before = Instant::now();
    let outcome = match shown(command) {
        Ok(()) => Outcome::Passed,
        Err(failure) => {
            eprintln!("{step}: {failure}");
            Outcome::Failed
        }
    };
    let counts = Counts::check(outcome);
    Row { step: step.into(), counts, took: before.elapsed(), ..Row::default() }
}

fn format(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    Ok(vec![check(step, cargo(&run.root).args(["fmt", "--all", "--check"]))])
}

fn tidy(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let before = Instant::now();
    let findings = tidy::findings(&run.root)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    let counts = match findings.len() {
        0 => Counts::check(Outcome::Passed),
        failed => Counts { failed, ..Counts::default() },
    };
    Ok(vec![Row { step: step.into(), counts, took: before.elapsed(), ..Row::default() }])
}

fn clippy(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let mut command = cargo(&run.root);
    command.args(["clippy", "--locked", "--workspace", "--all-targets", "--all-features"]);
    Ok(vec![check(step, command.args(["--", "-D", "warnings"]))])
}

/// All features at once: one set of builds for every test, every server and
/// every example. What a feature does alone is a step of its own.
fn tests(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let before = Instant::now();
    let folder = run.workspace.target_directory.join("xtask");
    std::fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    // A copy: building the workspace replaces this very program. The kernel's own name
    // for it leads there even after it was replaced.
    let runner = folder.join("runner");
    let _ = std::fs::remove_file(&runner);
    std::fs::copy("/proc/self/exe", &runner).map_err(Failure::at(&runner))?;
    let record = folder.join("record.jsonl");
    let _ = std::fs::remove_file(&record);

    let mut command = cargo(&run.root);
    command
        .arg("test")
        .arg("--config")
        .arg(format!(
            "target.{}.runner = [{:?}, \"runner\"]",
            host()?,
            runner.display().to_string()
        ))
        .args(["--locked", "--workspace", "--all-features", "--no-fail-fast"])
        .args(["--lib", "--bins", "--tests"])
        .env(RECORD, &record)
        .env(PRESENT, run.present().join(","));
    environment(run, &mut command);
    // Tests of the examples start them as programs, and must find those of today.
    let succeeded = shown(&mut build_examples(run)).and_then(|()| shown(&mut command)).is_ok();

    let mut rows = read(&record)?;
    let measured: Duration = rows.iter().map(|row| row.took).sum();
    let failed = rows.iter().any(|row| row.counts.failed > 0);
    // What broke outside of every test, such as a compilation, is named here.
    let outcome = if succeeded || failed { Outcome::Passed } else { Outcome::Failed };
    let took = before.elapsed().saturating_sub(measured);
    let (step, note) = (format!("{step}, built"), "every feature at once".into());
    rows.insert(0, Row { step, counts: Counts::check(outcome), took, note, ..Row::default() });
    Ok(rows)
}

fn documentation_tests(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let before = Instant::now();
    let mut command = cargo(&run.root);
    command.args(["test", "--locked", "--workspace", "--all-features", "--no-fail-fast", "--doc"]);
    environment(run, command.stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut counts = Counts::default();
    let succeeded = watch(&mut command, |line| {
        if let Some(more) = Counts::parse(line) {
            counts.add(more);
        }
    })?;
    if !succeeded {
        counts.failed = counts.failed.max(1);
    }
    Ok(vec![Row { step: step.into(), counts, took: before.elapsed(), ..Row::default() }])
}

/// The row says where an example ran by its own words: one that names no server
/// ran in memory, whatever it was given.
fn examples_on_servers(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    shown(&mut build_examples(run))?;
    let folder = run.workspace.target_directory.join("debug/examples");
    let mut rows = Vec::new();
    for name in examples(run) {
        let before = Instant::now();
        let mut command = Command::new(folder.join(name));
        environment(
            run,
            command.current_dir(&run.root).stdin(Stdio::null()).stdout(Stdio::piped()),
        );
        let mut said = BTreeSet::new();
        let succeeded = watch(&mut command, |line| {
            let titles = run.up.iter().map(|server| server.title());
            said.extend(titles.filter(|title| line.contains(title)));
        })?;
        let counts = Counts::check(if succeeded { Outcome::Passed } else { Outcome::Failed });
        let server = said.into_iter().collect::<Vec<_>>().join(", ");
        let note =
            if server.is_empty() { format!("{name} names no server") } else { name.to_owned() };
        rows.push(Row { step: step.into(), server, counts, took: before.elapsed(), note });
    }
    Ok(rows)
}

// With the features of the tests, so that nothing is built twice.
fn build_examples(run: &Run) -> Command {
    let mut build = cargo(&run.root);
    build.args(["build", "--locked", "--workspace", "--all-features", "--examples"]);
    build
}

fn examples_in_memory(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for name in examples(run) {
        // As the README says it: the default packages, and so no driver.
        let mut command = cargo(&run.root);
        command.args(["run", "--locked", "--release", "--example", name]);
        without_servers(&mut command);
        rows.push(check(step, &mut command));
    }
    Ok(rows)
}

fn features(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for package in run.workspace.library() {
        let alone = package.features.keys().filter(|name| *name != "default").map(String::as_str);
        for feature in std::iter::once("").chain(alone) {
            let mut command = cargo(&run.root);
            command.args([
                "check",
                "--quiet",
                "--locked",
                "-p",
                &package.name,
                "--no-default-features",
            ]);
            if !feature.is_empty() {
                command.args(["--features", feature]);
            }
            eprintln!("{} {feature}", package.name);
            rows.push(check(step, &mut command));
        }
    }
    Ok(rows)
}

fn documentation(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let mut command = cargo(&run.root);
    command.args(["doc", "--locked", "--workspace", "--no-deps", "--all-features"]);
    Ok(vec![check(step, command.env("RUSTDOCFLAGS", "-Dwarnings"))])
}

fn benches(run: &Run, step: &'static str) -> Result<Vec<Row>, Failure> {
    let folder = run.root.join("benches");
    let mut command = cargo(&folder);
    command.args(["bench", "--locked", "--no-run"]);
    command.env("CARGO_TARGET_DIR", &run.workspace.target_directory);
    Ok(vec![check(step, &mut command)])
}

fn examples(run: &Run) -> impl Iterator<Item = &str> {
    let package = run.workspace.packages.iter().find(|package| package.name == "examples");
    let targets = package.into_iter().flat_map(|package| &package.targets);
    targets.filter(|target| target.kind == ["example"]).map(|target| target.name.as_str())
}

/// What tests read: where the servers are, the seed, and how far to go.
fn environment(run: &Run, command: &mut Command) {
    without_servers(command);
    let left_out = |name: &str| {
        run.options.without.iter().any(|server| {
            let prefix = format!("EVANESCE_{}_", server.name().to_uppercase().replace('-', "_"));
            // EVANESCE_REDIS_CLUSTER_… is another server than EVANESCE_REDIS_….
            let cluster = name.starts_with("EVANESCE_REDIS_CLUSTER_");
            name.starts_with(&prefix) && cluster == prefix.ends_with("CLUSTER_")
        })
    };
    for (name, value) in run.ground.variables() {
        if !left_out(name) {
            command.env(name, value);
        }
    }
    command.env("EVANESCE_SEED", run.options.seed.to_string());
    // An example's root key and checkpoint lie beside the database that holds its log,
    // and go when that goes.
    let variables = run.ground.variables();
    let data = variables.iter().find(|(name, _)| *name == "EVANESCE_POSTGRES_DATA");
    if let Some(beside) = data.and_then(|(_, data)| Path::new(data).parent()) {
        command.env("EVANESCE_NAMESPACE", "xtask");
        command.env("EVANESCE_STATE", beside.join("example-state"));
    }
    if run.options.depth == Depth::Whole {
        command.env("EVANESCE_EXHAUSTIVE", "1");
    }
}

// What the shell had exported is not what was asked for here.
fn without_servers(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("EVANESCE_") && !text.ends_with("_PORT") && text != "EVANESCE_CACHE" {
            command.env_remove(&name);
        }
    }
}

// Shows what a command prints and lets `look` see each line; says whether it succeeded.
fn watch(command: &mut Command, mut look: impl FnMut(&str)) -> Result<bool, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let broken = |error| Failure::new(format!("{name} could not be run: {error}"));
    let mut child = command.spawn().map_err(broken)?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(broken)?;
            let line = String::from_utf8_lossy(&line);
            eprintln!("{line}");
            look(&line);
        }
    }
    Ok(child.wait().map_err(broken)?.success())
}

fn read(record: &Path) -> Result<Vec<Row>, Failure> {
    // No test program ran if the file is not there: the outcome of the build tells.
    let text = std::fs::read_to_string(record).unwrap_or_default();
    text.lines()
        .map(|line| {
            serde_json::from_str(line)
                .map(Record::into_row)
                .map_err(|_| Failure::new("a record of the tests was not understood"))
        })
        .collect()
}

fn host() -> Result<String, Failure> {
    let done = Command::new("rustc").arg("-vV").output();
    let text =
        done.map_err(|error| Failure::new(format!("rustc could not be started: {error}")))?.stdout;
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not say for which target it builds"))
}
