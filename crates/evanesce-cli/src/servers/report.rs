use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use evanesce_audit::Period;
use evanesce_core::{Clock, ErasureReceipt, Grain, Label, SystemClock, Timestamp};
use evanesce_service::{Config, Operator};

use super::terminal::Progress;
use super::{From, block_on, clock, told};
use crate::said::Said;

const MAX_RECEIPT: u64 = 1 << 20;
/// What the log remembers.
const USUAL: Duration = Duration::from_secs(90 * 86_400);

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: From,
    /// The first day or instant in UTC, as 2026-01-31 or 2026-01-31T12:00:00Z; otherwise 90 days ago
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// The day or instant after the last; otherwise now
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// A receipt to be verified and listed; may be given more than once
    #[arg(long = "receipt", value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Where it is written; otherwise standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Form {
    Html,
    Json,
    #[default]
    Markdown,
    /// OSCAL assessment results
    Oscal,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    let config = match arguments.from.read() {
        Ok(config) => config,
        Err(said) => return said,
    };
    let mut receipts = Vec::new();
    for path in &arguments.receipts {
        match receipt(path) {
            Some(receipt) => receipts.push(receipt),
            None => return Said::unusable("--receipt: a file is not an erasure receipt"),
        }
    }
    block_on(report(&config, arguments, receipts))
}

async fn report(config: &Config, arguments: &Arguments, receipts: Vec<ErasureReceipt>) -> Said {
    // Entries tell the minute: the one that has begun is in it.
    let now = || SystemClock.now().plus(Duration::from_secs(60)).coarse(Grain::Minute);
    let to = arguments.until.unwrap_or_else(now);
    let from = arguments.since.unwrap_or_else(|| to.minus(USUAL));
    if to <= from {
        return Said::unusable("--until: a period ends after it began");
    }
    let Ok(title) = Label::parse(config.name().as_str()) else {
        return Said::unusable("the service's name is no title");
    };
    let progress = Progress::new();
    progress.step("reading the log and the stores");
    let operator = match Operator::open(config, clock()).await {
        Ok(operator) => operator,
        Err(error) => return Said::unusable(&told(&error)),
    };
    let made = operator.report(title, Period { from, to }, receipts).await;
    drop(progress);
    let report = match made {
        Ok(report) => report,
        Err(error) => return Said::unusable(&told(&error)),
    };
    let text = match arguments.format {
        Form::Html => report.to_html(),
        Form::Json => report.to_json(),
        Form::Markdown => report.to_markdown(),
        Form::Oscal => report.to_oscal(),
    };
    match &arguments.output {
        None => Said::done(text),
        Some(path) => match fs::write(path, text) {
            Ok(()) => Said::default(),
            Err(_) => Said::unusable("--output: the file cannot be written"),
        },
    }
}

fn receipt(path: &Path) -> Option<ErasureReceipt> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_RECEIPT).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    const WANTED: &str = "a day as 2026-01-31 or an instant as 2026-01-31T12:00:00Z";
    let day = format!("{text}T00:00:00Z");
    text.parse().or_else(|_| day.parse()).map_err(|_| WANTED)
}
