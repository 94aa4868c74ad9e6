#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a command line speaks on its outputs")]

mod fsck;
mod verify;
mod witness;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The operator's and the auditor's command.
#[derive(Parser)]
#[command(name = "evanesce", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a published audit log: every entry, every tile, the root and the signature
    Fsck(fsck::Arguments),
    /// Verifies an erasure receipt with the log's public key, offline
    Verify(verify::Arguments),
    /// Cosigns a log's checkpoint if it continues what was cosigned before (C2SP tlog-witness)
    Witness(witness::Arguments),
}

fn main() -> ExitCode {
    let (code, text) = match Arguments::parse().command {
        Command::Fsck(arguments) => told(fsck::run(&arguments), fsck::Refused::status),
        Command::Verify(arguments) => told(verify::run(&arguments), verify::Refused::status),
        Command::Witness(arguments) => told(witness::run(&arguments), witness::Refused::status),
    };
    let written = if code == 0 {
        io::stdout().write_all(text.as_bytes())
    } else {
        io::stderr().write_all(text.as_bytes())
    };
    // Whoever reads only the status must not take silence for a yes.
    if written.is_err() { ExitCode::from(2) } else { ExitCode::from(code) }
}

fn told<E: std::fmt::Display>(
    result: Result<String, E>,
    status: impl Fn(&E) -> u8,
) -> (u8, String) {
    match result {
        Ok(text) => (0, text),
        Err(refused) => (status(&refused), format!("evanesce: {refused}\n")),
    }
}
