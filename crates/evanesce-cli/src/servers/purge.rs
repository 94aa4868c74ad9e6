use clap::Args;
use evanesce_core::StoreKind;
use evanesce_purge::{EmergencyReport, EmergencyStep};
use evanesce_service::{Approval, Config, Operator, OperatorError, Swept};

use super::table::{Table, span};
use super::terminal::{Progress, takes_colours};
use super::{From, block_on, clock, told};
use crate::said::Said;

/// Nothing was done, because it was not confirmed.
const UNCONFIRMED: u8 = 3;

#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: From,
    /// Removes what is over its age, and takes up erasures that were not finished
    #[arg(long, group = "what")]
    expired: bool,
    /// Makes every session of the service unreadable at once, and removes it. The first call
    /// does nothing but say what would end, and the code that the second one needs
    #[arg(long, group = "what")]
    emergency: bool,
    /// The code that `--emergency` answered with, at most five minutes ago
    #[arg(long, value_name = "CODE", requires = "emergency", conflicts_with = "expired")]
    confirm: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    let config = match arguments.from.read() {
        Ok(config) => config,
        Err(said) => return said,
    };
    if arguments.expired {
        return block_on(expired(&config));
    }
    match &arguments.confirm {
        None => ask(&config, &arguments.from),
        Some(code) => match approve(&config, code) {
            Ok(()) => block_on(emergency(&config)),
            Err(said) => said,
        },
    }
}

fn ask(config: &Config, from: &From) -> Said {
    let code = Approval::of(config, &*clock());
    let keys = match config.session_key_versions() {
        Ok(Some(versions)) => {
            format!("  session keys  {} to be retired, for good", plural(versions, "version"))
        }
        Ok(None) => "  session keys  none are configured: an old dump of the store stays readable \
                     to whoever has a token and the root"
            .to_owned(),
        Err(error) => format!("  session keys  {}", told(&error)),
    };
    let out = format!(
        "This ends every session of the service {}, at once and for good:\n  \
           sessions      every epoch, current and draining; then each record is removed\n\
         {keys}\n\
         Nothing was done. To do it, within {}:\n  \
           evanesce purge --emergency --config {} --confirm {code}\n",
        config.name(),
        span(Approval::HOLDS),
        from.path().display(),
    );
    Said { status: UNCONFIRMED, out, err: String::new() }
}

fn approve(config: &Config, code: &str) -> Result<(), Said> {
    let approved = code.parse::<Approval>().and_then(|code| code.check(config, &*clock()));
    approved.map_err(|refused| {
        let err = format!("evanesce: {refused}; nothing was done\n");
        Said { status: UNCONFIRMED, err, ..Said::default() }
    })
}

async fn emergency(config: &Config) -> Said {
    let operator = match Operator::open(config, clock()).await {
        Ok(operator) => operator,
        Err(error) => return Said::unusable(&told(&error)),
    };
    let progress = Progress::new();
    progress.step("ending the epochs");
    let done = operator.emergency(&|step| show(&progress, step)).await;
    drop(progress);
    match done {
        Ok(report) => purged(&report),
        // It may be repeated after any error.
        Err(error @ OperatorError::Emergency(_)) => {
            let err = format!("evanesce: {}; repeat it with the same code\n", told(&error));
            Said { status: 1, err, ..Said::default() }
        }
        Err(error) => Said::unusable(&told(&error)),
    }
}

fn show(progress: &Progress, step: EmergencyStep) {
    match step {
        EmergencyStep::Unreadable => progress.step("everything is unreadable; removing it"),
        EmergencyStep::Removed { removed, of, .. } => progress.records(removed, of),
        EmergencyStep::Waiting => progress.step("waiting for operations that began before"),
        EmergencyStep::ReadBack => progress.step("read back"),
        _ => {}
    }
}

fn purged(report: &EmergencyReport) -> Said {
    let Ok(receipt) = serde_json::to_string_pretty(&report.receipt) else {
        return Said::unusable("the receipt cannot be written");
    };
    let removed: u64 = report.erasure.stores.iter().map(|store| store.removed).sum();
    let err = format!(
        "evanesce: {} ended and {} retired; everything unreadable after {}, {} removed and read \
         back after {}; the receipt is on standard output\n",
        plural(report.epochs, "epoch"),
        plural(report.retired, "key version"),
        span(report.unreadable_after),
        plural(removed, "record"),
        span(report.took),
    );
    Said { status: 0, out: format!("{receipt}\n"), err }
}

async fn expired(config: &Config) -> Said {
    let operator = match Operator::open(config, clock()).await {
        Ok(operator) => operator,
        Err(error) => return Said::unusable(&told(&error)),
    };
    let progress = Progress::new();
    let began = |step: &'static str, store: StoreKind| {
        progress.step(&format!("{step} in {store}"));
    };
    let swept = operator.expired(&began).await;
    drop(progress);
    let mut table = Table::new(takes_colours());
    for step in &swept {
        row(&mut table, step);
    }
    let failed = swept.iter().any(|step| step.outcome.is_err());
    Said { status: u8::from(failed), out: table.render(), err: String::new() }
}

fn row(table: &mut Table, swept: &Swept) {
    let what = match &swept.outcome {
        Ok(report) => {
            let removed = format!("{} removed", report.removed);
            match report.overdue {
                Some(overdue) => format!("{removed}, the oldest {} too late", span(overdue)),
                None => removed,
            }
        }
        Err(error) => format!("FAILED: {}", told(error)),
    };
    table.row(None, &[swept.step, swept.store.name(), &what]);
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}
