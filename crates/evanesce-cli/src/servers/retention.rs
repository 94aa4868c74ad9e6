use clap::Args;
use evanesce_service::{Config, Survey, Verdict};
use serde_json::{Value, json};

use super::check::row;
use super::table::{Table, reading, span};
use super::terminal::takes_colours;
use super::{Format, From, block_on, clock, status, told, word};
use crate::said::Said;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: From,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    match arguments.from.read() {
        Ok(config) => block_on(retention(&config, arguments.format)),
        Err(said) => said,
    }
}

async fn retention(config: &Config, format: Format) -> Said {
    // A folder holds what has no age of its own: the log's is enforced, a journal's is open.
    let ages = |survey: &Survey| survey.retention.is_some() || survey.failed.is_some();
    let surveys: Vec<_> = match config.survey(clock()).await {
        Ok(surveys) => surveys.into_iter().filter(ages).collect(),
        Err(error) => return Said::unusable(&told(&error)),
    };
    let out = match format {
        Format::Json => json(config, &surveys),
        Format::Table => table(&surveys),
    };
    Said { status: status(surveys.iter().map(verdict)), out, err: String::new() }
}

fn verdict(survey: &Survey) -> Verdict {
    survey.retention.as_ref().map_or(Verdict::Unknown, |check| check.verdict)
}

fn table(surveys: &[Survey]) -> String {
    let mut table = Table::new(takes_colours());
    table.row(None, &["", "store", "class", "allowed", "at most", "oldest", "decided by"]);
    for survey in surveys {
        let (word, store) = (word(Some(verdict(survey))), survey.store.name());
        let (class, allowed) = (survey.class.name(), span(survey.class.ceiling()));
        let told = survey.failed.as_ref().map(|error| told(error));
        let (most, oldest, setting) = match &survey.retention {
            Some(check) => {
                let row = &check.retention;
                (reading(&row.ceiling), reading(&row.oldest), row.setting.to_string())
            }
            None => ("unknown".to_owned(), "unknown".to_owned(), told.unwrap_or_default()),
        };
        let cells = [word, store, class, &allowed, &most, &oldest, &setting];
        table.row(Some(verdict(survey)), &cells);
    }
    table.render()
}

fn json(config: &Config, surveys: &[Survey]) -> String {
    let rows: Vec<Value> = surveys
        .iter()
        .map(|survey| match &survey.retention {
            Some(check) => row(check),
            None => json!({
                "store": survey.store,
                "class": survey.class.name(),
                "policy_seconds": survey.class.ceiling().as_secs(),
                "failed": survey.failed.as_ref().map(|error| told(error)),
                "verdict": "unknown",
            }),
        })
        .collect();
    format!("{:#}\n", json!({ "service": config.name().as_str(), "stores": rows }))
}
