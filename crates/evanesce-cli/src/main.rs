#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a command line speaks on its outputs")]

mod completions;
mod fsck;
mod said;
#[cfg(feature = "servers")]
mod servers;
mod verify;
mod witness;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use self::said::Said;

/// The operator's and the auditor's command.
#[derive(Parser)]
#[command(name = "evanesce", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asks every store of the configuration what it keeps, and judges it
    #[cfg(feature = "servers")]
    Check(servers::check::Arguments),
    /// Writes the completions of a shell
    Completions(completions::Arguments),
    /// Erases a session by its token, read from a file or standard input, and gives the receipt
    #[cfg(feature = "servers")]
    Erase(servers::erase::Arguments),
    /// Checks a published audit log: every entry, every tile, the root and the signature
    Fsck(fsck::Arguments),
    /// Makes what the stores need: schema, index template, bucket
    #[cfg(feature = "servers")]
    Migrate(servers::migrate::Arguments),
    /// Removes what is over its age, or in an emergency every session
    #[cfg(feature = "servers")]
    Purge(servers::purge::Arguments),
    /// Writes the report for whoever has to answer for the service
    #[cfg(feature = "servers")]
    Report(servers::report::Arguments),
    /// Shows how long each store keeps what lies there: computed, and measured
    #[cfg(feature = "servers")]
    Retention(servers::retention::Arguments),
    /// Verifies an erasure receipt with the log's public key, offline
    Verify(verify::Arguments),
    /// Cosigns a log's checkpoint if it continues what was cosigned before (C2SP tlog-witness)
    Witness(witness::Arguments),
}

fn main() -> ExitCode {
    let said = match Arguments::try_parse() {
        Ok(Arguments { command }) => run(command),
        Err(error) => refused(&error),
    };
    let written = io::stdout()
        .write_all(said.out.as_bytes())
        .and_then(|()| io::stdout().flush())
        .and_then(|()| io::stderr().write_all(said.err.as_bytes()));
    // Whoever reads only the status must not take silence for a yes.
    if written.is_err() { ExitCode::from(2) } else { ExitCode::from(said.status) }
}

fn run(command: Command) -> Said {
    match command {
        #[cfg(feature = "servers")]
        Command::Check(arguments) => servers::check::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        #[cfg(feature = "servers")]
        Command::Erase(arguments) => servers::erase::run(&arguments),
        Command::Fsck(arguments) => Said::of(fsck::run(&arguments), fsck::Refused::status),
        #[cfg(feature = "servers")]
        Command::Migrate(arguments) => servers::migrate::run(&arguments),
        #[cfg(feature = "servers")]
        Command::Purge(arguments) => servers::purge::run(&arguments),
        #[cfg(feature = "servers")]
        Command::Report(arguments) => servers::report::run(&arguments),
        #[cfg(feature = "servers")]
        Command::Retention(arguments) => servers::retention::run(&arguments),
        Command::Verify(arguments) => Said::of(verify::run(&arguments), verify::Refused::status),
        Command::Witness(arguments) => Said::of(witness::run(&arguments), witness::Refused::status),
    }
}

// What was typed is not repeated: it may be a secret that was pasted where none belongs.
fn refused(error: &clap::Error) -> Said {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Said::done(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Said { status: 2, err: error.to_string(), ..Said::default() }
        }
        kind => {
            let named = matches!(
                kind,
                ErrorKind::ArgumentConflict
                    | ErrorKind::InvalidValue
                    | ErrorKind::MissingRequiredArgument
                    | ErrorKind::ValueValidation
            );
            let argument = match error.get(ContextKind::InvalidArg).filter(|_| named) {
                Some(ContextValue::String(name)) => format!(": {name}"),
                Some(ContextValue::Strings(names)) => format!(": {}", names.join(", ")),
                _ => String::new(),
            };
            let why = kind.as_str().unwrap_or("the arguments cannot be used");
            Said::unusable(&format!("{why}{argument}; --help lists the arguments"))
        }
    }
}
