//! `cargo xtask test`: everything that must hold, in one command.

mod deny;
mod rust_version;
mod steps;

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use self::steps::STEPS;
use crate::failure::Failure;
use crate::runner::CASES;
use crate::services::{Ground, Server};
use crate::table::{self, Counts, Outcome, Row};
use crate::workspace::Workspace;

/// What the command line asks for.
pub(crate) struct Options {
    without: Vec<Server>,
    seed: u64,
    depth: Depth,
    scope: Scope,
    on_failure: OnFailure,
}

/// How much of a long matrix its test runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Depth {
    Sample,
    Whole,
}

/// Which steps run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scope {
    Everything,
    /// Format, lints, tidy and tests.
    Fast,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OnFailure {
    GoOn,
    Stop,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self {
            without: Vec::new(),
            seed: now(),
            depth: Depth::Sample,
            scope: Scope::Everything,
            on_failure: OnFailure::GoOn,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words.next().ok_or_else(|| Failure::new(format!("{word} is followed by nothing")))
            };
            match *word {
                "--without" => options.without.push(Server::parse(value()?)?),
                "--seed" => {
                    let text = value()?;
                    options.seed =
                        text.parse().map_err(|_| Failure::new(format!("{text} is not a seed")))?;
                }
                "--exhaustive" => options.depth = Depth::Whole,
                "--fast" => options.scope = Scope::Fast,
                "--fail-fast" => options.on_failure = OnFailure::Stop,
                other => return Err(Failure::new(format!("cargo xtask test knows no {other}"))),
            }
        }
        Ok(options)
    }
}

/// A run under way: what the steps read.
struct Run {
    ground: Ground,
    workspace: Workspace,
    root: PathBuf,
    up: Vec<Server>,
    options: Options,
}

/// A step: its name, whether `--fast` keeps it, and what it does.
struct Step {
    name: &'static str,
    scope: Scope,
    run: fn(&Run, &'static str) -> Result<Vec<Row>, Failure>,
}

/// Runs every step, prints the table, and says whether all of it passed.
pub(crate) fn run(root: PathBuf, options: Options) -> Result<Counts, Failure> {
    let before = Instant::now();
    eprintln!("seed {}", options.seed);
    let ground = Ground::find(&root)?;
    let workspace = Workspace::read(&root)?;
    let mut rows = Vec::new();
    let started = bring_up(&ground, &options, &mut rows);
    let up: Vec<_> = wanted(&options).into_iter().filter(|server| ground.is_up(*server)).collect();
    let run = Run { ground, workspace, root, up, options };
    run_steps(&run, &mut rows);
    if !started.is_empty() {
        run.ground.down(&started)?;
    }
    let rows = table::merge(rows);
    println!("\n{}", table::render(&rows));
    println!("seed {}, {} s in all", run.options.seed, before.elapsed().as_secs());
    Ok(table::total(&rows))
}

impl Run {
    /// What ignored tests may ask for, by title.
    fn present(&self) -> Vec<&'static str> {
        let cases = self.beside("shared/cases").is_dir().then_some(CASES);
        self.up.iter().map(|server| server.title()).chain(cases).collect()
    }

    /// A path beside the checkout.
    fn beside(&self, name: &str) -> PathBuf {
        self.root.parent().unwrap_or(&self.root).join(name)
    }
}

fn wanted(options: &Options) -> Vec<Server> {
    Server::ALL.into_iter().filter(|server| !options.without.contains(server)).collect()
}

// One row a server. The servers that were started here are stopped at the end.
fn bring_up(ground: &Ground, options: &Options, rows: &mut Vec<Row>) -> Vec<Server> {
    let mut started = Vec::new();
    for server in Server::ALL {
        let before = Instant::now();
        let mut row =
            Row { step: "services".into(), server: server.title().into(), ..Row::default() };
        if options.without.contains(&server) {
            row.counts = Counts::check(Outcome::LeftOut);
            row.note = format!("--without {}", server.name());
        } else {
            match ground.up(&[server]) {
                Ok(new) => {
                    started.extend(new);
                    row.counts = Counts::check(Outcome::Passed);
                }
                Err(failure) => {
                    eprintln!("{failure}");
                    row.counts = Counts::check(Outcome::Failed);
                }
            }
        }
        row.took = before.elapsed();
        rows.push(row);
    }
    started
}

fn run_steps(run: &Run, rows: &mut Vec<Row>) {
    let mut stopped = false;
    for step in STEPS {
        let left_out = match (stopped, run.options.scope, step.scope) {
            (true, ..) => Some("not run: a step before it failed"),
            (false, Scope::Fast, Scope::Everything) => Some("left out by --fast"),
            _ => None,
        };
        if let Some(note) = left_out {
            let counts = Counts::check(Outcome::LeftOut);
            rows.push(Row { step: step.name.into(), counts, note: note.into(), ..Row::default() });
            continue;
        }
        eprintln!("\n== {}", step.name);
        let before = Instant::now();
        match (step.run)(run, step.name) {
            Ok(new) => rows.extend(new),
            Err(failure) => {
                eprintln!("{failure}");
                let counts = Counts::check(Outcome::Failed);
                let took = before.elapsed();
                rows.push(Row { step: step.name.into(), counts, took, ..Row::default() });
            }
        }
        stopped = run.options.on_failure == OnFailure::Stop && table::total(rows).failed > 0;
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let words = [
            "--without",
            "redis",
            "--without",
            "influxdb",
            "--seed",
            "7",
            "--exhaustive",
            "--fast",
        ];
        let options = Options::parse(&words).unwrap();
        assert_eq!(options.without, [Server::Redis, Server::Influxdb]);
        assert_eq!((options.seed, options.depth, options.scope), (7, Depth::Whole, Scope::Fast));
        assert_eq!(
            wanted(&options),
            [Server::RedisCluster, Server::Postgres, Server::Elasticsearch]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for words in [&["--without"][..], &["--without", "mysql"], &["--seed", "x"], &["--quick"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
