//! What speaks to the stores of a configuration.

pub(crate) mod check;
pub(crate) mod erase;
pub(crate) mod migrate;
pub(crate) mod purge;
pub(crate) mod report;
pub(crate) mod retention;
mod table;
mod terminal;

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use evanesce_core::{Clock, SystemClock};
use evanesce_service::{Config, Verdict};

use crate::said::Said;

/// Where the configuration is read from.
#[derive(Args)]
pub(crate) struct From {
    /// The configuration; otherwise what EVANESCE_CONFIG names, or evanesce.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Json,
    #[default]
    Table,
}

impl From {
    fn path(&self) -> PathBuf {
        let named = || std::env::var_os("EVANESCE_CONFIG").map(PathBuf::from);
        self.config.clone().or_else(named).unwrap_or_else(|| Config::FILE.into())
    }

    fn read(&self) -> Result<Config, Said> {
        Config::read(&self.path()).map_err(|error| Said::unusable(&told(&error)))
    }
}

/// An error with its sources: each is a sentence without a value, so one line holds them.
fn told(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line = format!("{line}: {error}");
        source = error.source();
    }
    line
}

/// 0 for a promise that is kept, 1 for a broken one, 2 where that could not be found out.
fn status(verdicts: impl Iterator<Item = Verdict>) -> u8 {
    let (mut broken, mut unknown) = (false, false);
    for verdict in verdicts {
        broken |= verdict == Verdict::Broken;
        unknown |= verdict == Verdict::Unknown;
    }
    match (broken, unknown) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    }
}

const fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "noted",
        Some(Verdict::Broken) => "BROKEN",
        Some(Verdict::Kept) => "kept",
        Some(Verdict::Unknown) => "UNKNOWN",
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn block_on(work: impl Future<Output = Said>) -> Said {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(_) => Said::unusable("the operating system gives this process no event queue"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_the_worst() {
        use Verdict::{Broken, Kept, Unknown};
        assert_eq!(status([].into_iter()), 0);
        assert_eq!(status([Kept, Kept].into_iter()), 0);
        assert_eq!(status([Kept, Unknown].into_iter()), 2);
        assert_eq!(status([Unknown, Broken, Kept].into_iter()), 1);
    }
}
