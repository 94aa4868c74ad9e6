#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod verify;

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
    /// Verifies an erasure receipt with the log's public key, offline
    Verify(verify::Arguments),
}

fn main() -> ExitCode {
    let Command::Verify(arguments) = Arguments::parse().command;
    let (code, text) = match verify::run(&arguments) {
        Ok(told) => (0, told),
        Err(refused) => (refused.status(), format!("evanesce: {refused}\n")),
    };
    let written = if code == 0 {
        io::stdout().write_all(text.as_bytes())
    } else {
        io::stderr().write_all(text.as_bytes())
    };
    // Whoever reads only the status must not take silence for a yes.
    if written.is_err() { ExitCode::from(2) } else { ExitCode::from(code) }
}
