use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use evanesce_core::{ErasureReceipt, Presence};
use evanesce_service::{Config, Operator, OperatorError};

use super::{From, block_on, clock, told};
use crate::said::Said;

/// A token has 55 characters.
const MAX: u64 = 4096;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: From,
    /// The file that holds the session's token; without it, standard input does. There is no
    /// argument for the token itself: arguments are seen by every process of the machine
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    let config = match arguments.from.read() {
        Ok(config) => config,
        Err(said) => return said,
    };
    let token = match &arguments.token_file {
        Some(path) => File::open(path).and_then(read),
        None => read(io::stdin()),
    };
    match token {
        Ok(token) => block_on(erase(&config, token.trim())),
        Err(_) => Said::unusable("the token cannot be read"),
    }
}

async fn erase(config: &Config, token: &str) -> Said {
    let operator = match Operator::open(config, clock()).await {
        Ok(operator) => operator,
        Err(error) => return Said::unusable(&told(&error)),
    };
    match operator.erase(token).await {
        Ok(receipt) => said(&receipt),
        // The job is in the journal, or everything went and only the log failed.
        Err(error @ OperatorError::Erase(_)) => {
            let err = format!("evanesce: {}; evanesce purge --expired goes on\n", told(&error));
            Said { status: 1, err, ..Said::default() }
        }
        Err(error) => Said::unusable(&told(&error)),
    }
}

fn said(receipt: &ErasureReceipt) -> Said {
    let Ok(text) = serde_json::to_string_pretty(receipt) else {
        return Said::unusable("the receipt cannot be written");
    };
    let found = receipt.erasure.stores.iter().any(|store| store.before == Presence::Present);
    let err = if found {
        "evanesce: the session is gone; the receipt is on standard output\n"
    } else {
        "evanesce: there was no such session; the receipt on standard output says so\n"
    };
    Said { status: 0, out: format!("{text}\n"), err: err.to_owned() }
}

fn read(from: impl Read) -> io::Result<String> {
    // Capacity for all of it at once: a text that grows leaves copies behind.
    let mut text = String::with_capacity(MAX as usize + 64);
    from.take(MAX).read_to_string(&mut text)?;
    Ok(text)
}
