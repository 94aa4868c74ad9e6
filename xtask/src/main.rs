//! The workspace's own commands: `cargo xtask`.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks on its outputs"
)]

mod bench;
mod cases;
mod failure;
mod fuzz;
mod runner;
mod services;
mod table;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use failure::Failure;
use services::{Ground, Server};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  services up [SERVER]...     provision and start servers (all of them by default)
  services down [SERVER]...   stop them
  services status             what runs, where
  services env                variables of the running servers, for eval
  services keys FOLDER        certificates and passwords for docs/operations/compose.yaml
                              SERVER: redis, redis-cluster, postgres, elasticsearch, influxdb, all
  test [OPTION]...            everything that must hold, on every server
    --without SERVER          leave a server out; its tests are shown as ignored
    --exhaustive              run long matrices whole instead of a sample
    --seed N                  draw the samples of an earlier run
    --fast                    format, lints, tidy and tests alone
    --fail-fast               stop at the first step that fails
  bench [DOMAIN]              our figures beside the peers', against benches/bars.toml
  fuzz [TARGET [OPTION]]      hostile input for what is parsed; without TARGET, the list of them
    --inputs N                how many (100,000 by default)
    --again FILE              one input that failed
  cases FILE                  the library's answers to rows from outside, one JSON object each
  tidy                        floors, unsafe, clocks, printing, names, lengths, paths
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode, Failure> {
    match words {
        ["services", rest @ ..] => services(rest),
        ["test", rest @ ..] => {
            let counts = test::run(workspace::root()?, test::Options::parse(rest)?)?;
            println!("{}", table::closing(counts));
            Ok(if counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["runner", rest @ ..] => runner::run(rest),
        ["tidy"] => {
            let findings = tidy::findings(&workspace::root()?)?;
            for finding in &findings {
                println!("{finding}");
            }
            Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["bench"] => bench(None),
        ["bench", domain] => bench(Some(domain)),
        ["fuzz"] => {
            fuzz::targets(&workspace::root()?)?.iter().for_each(|name| println!("{name}"));
            Ok(ExitCode::SUCCESS)
        }
        ["fuzz", rest @ ..] => {
            fuzz::run(&workspace::root()?, &fuzz::Options::parse(rest)?)?;
            Ok(ExitCode::SUCCESS)
        }
        ["cases", file] => cases::run(&workspace::root()?, file),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

fn bench(domain: Option<&str>) -> Result<ExitCode, Failure> {
    Ok(match bench::run(&workspace::root()?, domain)? {
        bench::Verdict::Ok => ExitCode::SUCCESS,
        bench::Verdict::Short => ExitCode::FAILURE,
    })
}

fn services(words: &[&str]) -> Result<ExitCode, Failure> {
    let ground = || Ground::find(&workspace::root()?);
    match words {
        ["up", names @ ..] => ground()?.up(&servers(names)?).map(|_| ExitCode::SUCCESS),
        ["down", names @ ..] => ground()?.down(&servers(names)?).map(|()| ExitCode::SUCCESS),
        ["status"] => {
            for [name, state, ports, pids] in ground()?.status() {
                println!("{name:<16}{state:<18}{ports:<20}{pids}");
            }
            Ok(ExitCode::SUCCESS)
        }
        ["keys", folder] => ground()?.keys(folder.as_ref()).map(|()| ExitCode::SUCCESS),
        ["env"] => {
            let variables = ground()?.variables();
            for (name, value) in &variables {
                println!("{}", services::export(name, value));
            }
            if variables.is_empty() {
                return Err(Failure::new("no server runs: cargo xtask services up"));
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}

fn servers(names: &[&str]) -> Result<Vec<Server>, Failure> {
    if names.is_empty() || names.contains(&"all") {
        return Ok(Server::ALL.to_vec());
    }
    let mut servers =
        names.iter().map(|name| Server::parse(name)).collect::<Result<Vec<_>, _>>()?;
    servers.sort();
    servers.dedup();
    Ok(servers)
}
