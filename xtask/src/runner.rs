//! What Cargo starts in the place of each test program, during `cargo xtask test`.
//!
//! A program runs once as it is. Tests that it ignored because they need
//! servers run a second time if those are up: so each ignored test is either
//! run or counted as skipped, wherever it lies and however it is called.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::services::Server;
use crate::table::{Counts, Row};

/// The file that records are appended to.
pub(crate) const RECORD: &str = "EVANESCE_XTASK_RECORD";
/// What is there, by title, separated by commas.
pub(crate) const PRESENT: &str = "EVANESCE_XTASK_PRESENT";

/// The title under which tests ask for the cases that lie beside the checkout.
pub(crate) const CASES: &str = "the shared cases";

/// One run of a test program.
#[derive(Deserialize, Serialize)]
pub(crate) struct Record {
    package: String,
    /// What its tests needed; empty for those that need nothing.
    needs: String,
    passed: usize,
    failed: usize,
    ignored: usize,
    millis: u64,
}

impl Record {
    pub(crate) fn into_row(self) -> Row {
        let Self { package, needs, passed, failed, ignored, millis } = self;
        Row {
            step: format!("tests of {package}"),
            server: needs,
            counts: Counts { passed, failed, ignored },
            took: Duration::from_millis(millis),
            note: String::new(),
        }
    }
}

/// Runs `words`, a program and its arguments, and writes down what it came to.
pub(crate) fn run(words: &[&str]) -> Result<ExitCode, Failure> {
    let [program, arguments @ ..] = words else {
        return Err(Failure::new("the runner was started without a program"));
    };
    let record = std::env::var_os(RECORD);
    // Whatever else Cargo runs, such as an example, is no test.
    let is_test = Path::new(program).parent().is_some_and(|folder| folder.ends_with("deps"));
    let (Some(record), true) = (record, is_test) else {
        let mut command = plain(program, arguments);
        return Err(Failure::new(format!("{program} could not be started: {}", command.exec())));
    };
    let first = watch(plain(program, arguments))?;
    let present = std::env::var(PRESENT).unwrap_or_default();
    let present: Vec<&str> = present.split(',').filter(|title| !title.is_empty()).collect();
    let mut all_passed = first.passed;
    write(Path::new(&record), &first.record(String::new(), 0))?;
    for (needs, names) in group(&first.ignored) {
        if !needs.is_empty() && needs.iter().all(|title| present.contains(title)) {
            let mut second = plain(program, arguments);
            second.args(["--ignored", "--exact"]).args(&names);
            let seen = watch(second)?;
            all_passed &= seen.passed;
            write(Path::new(&record), &seen.record(needs.join(", "), 0))?;
        } else {
            let left = Seen { passed: true, ..Seen::default() };
            write(Path::new(&record), &left.record(needs.join(", "), names.len()))?;
        }
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a test's reason for being ignored asks for, by title: what stands
/// between `needs` and the first colon.
fn needs(reason: &str) -> Vec<&'static str> {
    let Some(rest) = reason.trim().strip_prefix("needs ") else { return Vec::new() };
    let text = rest.split(':').next().unwrap_or(rest).to_lowercase();
    if text.contains("all four") || text.contains("every server") {
        let single = |server: &Server| *server != Server::RedisCluster;
        return Server::ALL
            .iter()
            .filter(|server| single(server))
            .map(|server| server.title())
            .collect();
    }
    let mut found = Vec::new();
    let mut rest = text.clone();
    let cluster = Server::RedisCluster.title();
    if rest.contains(&cluster.to_lowercase()) {
        found.push(cluster);
        rest = rest.replace(&cluster.to_lowercase(), "");
    }
    for server in Server::ALL.into_iter().filter(|server| *server != Server::RedisCluster) {
        if rest.contains(&server.title().to_lowercase()) {
            found.push(server.title());
        }
    }
    if text.contains("shared") && text.contains("cases") {
        found.push(CASES);
    }
    found.sort_unstable();
    found
}

fn group(ignored: &[(String, String)]) -> BTreeMap<Vec<&'static str>, Vec<&str>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, reason) in ignored {
        groups.entry(needs(reason)).or_default().push(name.as_str());
    }
    groups
}

#[derive(Default)]
struct Seen {
    counts: Counts,
    /// Each ignored test with the reason it gives.
    ignored: Vec<(String, String)>,
    passed: bool,
    took: Duration,
}

impl Seen {
    fn record(&self, needs: String, ignored: usize) -> Record {
        let Counts { passed, failed, .. } = self.counts;
        // A program that ended without its closing line has failed all the same.
        let failed = if self.passed { failed } else { failed.max(1) };
        let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        Record { package, needs, passed, failed, ignored, millis }
    }
}

fn plain(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove(RECORD).env_remove(PRESENT);
    command
}

// Shows what a program prints, and reads its results from it.
fn watch(mut command: Command) -> Result<Seen, Failure> {
    let before = Instant::now();
    let broken = |error| Failure::new(format!("a test program could not be run: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(broken)?;
    let mut seen = Seen::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(broken)?;
            let line = String::from_utf8_lossy(&line);
            eprintln!("{line}");
            if let Some(counts) = Counts::parse(&line) {
                seen.counts = counts;
            }
            seen.ignored.extend(ignored(&line));
        }
    }
    seen.passed = child.wait().map_err(broken)?.success();
    seen.took = before.elapsed();
    Ok(seen)
}

// `test store::open ... ignored, needs Redis: cargo xtask services up redis`
fn ignored(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    Some((name.trim().to_owned(), rest.trim_start_matches(',').trim().to_owned()))
}

fn write(path: &Path, record: &Record) -> Result<(), Failure> {
    let text =
        serde_json::to_string(record).map_err(|_| Failure::new("a record could not be written"))?;
    let mut file =
        OpenOptions::new().append(true).create(true).open(path).map_err(Failure::at(path))?;
    writeln!(file, "{text}").map_err(Failure::at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_ignored_test_is_read() {
        let line = "test open ... ignored, needs Redis: cargo xtask services up redis";
        let (name, reason) = ignored(line).unwrap();
        assert_eq!((name.as_str(), needs(&reason)), ("open", vec!["Redis"]));
        assert_eq!(ignored("test open ... ok"), None);
    }

    #[test]
    fn every_server_of_a_reason_counts_and_nothing_after_the_colon() {
        assert_eq!(
            needs("needs Redis and PostgreSQL: cargo xtask services up influxdb"),
            ["PostgreSQL", "Redis"]
        );
        assert_eq!(needs("needs Redis Cluster: up redis-cluster"), ["Redis Cluster"]);
        assert_eq!(needs("needs Redis, Redis Cluster: up"), ["Redis", "Redis Cluster"]);
        assert_eq!(
            needs("needs all four servers"),
            ["Redis", "PostgreSQL", "Elasticsearch", "InfluxDB"]
        );
        assert_eq!(needs("needs ../shared/cases: lay them beside the checkout"), [CASES]);
        assert!(needs("takes an hour").is_empty());
    }

    #[test]
    fn tests_are_grouped_by_what_they_need() {
        let test = |name: &str, reason: &str| (name.to_owned(), reason.to_owned());
        let all = [test("a", "needs Redis: x"), test("b", "slow"), test("c", "needs Redis: y")];
        let groups = group(&all);
        assert_eq!(groups[&vec!["Redis"]], ["a", "c"]);
        assert_eq!(groups[&Vec::new()], ["b"]);
    }

    #[test]
    fn a_program_without_a_closing_line_has_failed() {
        let seen = watch(Command::new("false")).unwrap();
        assert_eq!(seen.record(String::new(), 0).failed, 1);
    }

    #[test]
    fn what_a_program_printed_is_counted() {
        let mut command = Command::new("printf");
        command.arg("test a ... ignored, needs InfluxDB\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n");
        let seen = watch(command).unwrap();
        assert_eq!(seen.counts, Counts { passed: 2, failed: 0, ignored: 1 });
        assert_eq!(seen.ignored, [("a".to_owned(), "needs InfluxDB".to_owned())]);
    }
}
