use clap::Args;
use evanesce_service::{Check, Config, Judged, Survey};
use serde_json::{Value, json};

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
        Ok(config) => block_on(check(&config, arguments.format)),
        Err(said) => said,
    }
}

async fn check(config: &Config, format: Format) -> Said {
    let surveys = match config.survey(clock()).await {
        Ok(surveys) => surveys,
        Err(error) => return Said::unusable(&told(&error)),
    };
    let out = match format {
        Format::Json => json(config, &surveys),
        Format::Table => table(&surveys),
    };
    let err = if surveys.is_empty() {
        "evanesce: the configuration names no store; everything is in the service's memory\n"
    } else {
        ""
    };
    Said { status: status(surveys.iter().map(Survey::verdict)), out, err: err.to_owned() }
}

fn table(surveys: &[Survey]) -> String {
    let mut table = Table::new(takes_colours());
    for survey in surveys {
        let verdict = Some(survey.verdict());
        table.row(verdict, &[word(verdict), survey.store.name(), survey.class.name()]);
        if let Some(error) = &survey.failed {
            table.row(None, &["", "  not reached", &told(error)]);
        }
        for judged in &survey.facts {
            fact(&mut table, judged);
        }
        if let Some(check) = &survey.retention {
            retention(&mut table, check);
        }
    }
    table.render()
}

fn fact(table: &mut Table, judged: &Judged) {
    let (word, fact) = (word(judged.verdict), format!("  {}", judged.evidence.fact()));
    let change = match judged.verdict {
        Some(evanesce_service::Verdict::Kept) | None => String::new(),
        _ => judged.setting.map(|setting| format!("change {setting}")).unwrap_or_default(),
    };
    table.row(judged.verdict, &[word, &fact, &reading(&judged.evidence), &change]);
}

fn retention(table: &mut Table, check: &Check) {
    let (row, verdict) = (&check.retention, Some(check.verdict));
    let most = reading(&row.ceiling);
    let policy = format!("at most {} allowed; decided by {}", span(row.policy), row.setting);
    table.row(verdict, &[word(verdict), "  longest that a record may exist", &most, &policy]);
    table.row(None, &["", "  age of the oldest record", &reading(&row.oldest), ""]);
}

fn json(config: &Config, surveys: &[Survey]) -> String {
    let stores: Vec<Value> = surveys.iter().map(store).collect();
    let told = json!({
        "service": config.name().as_str(),
        "status": status(surveys.iter().map(Survey::verdict)),
        "stores": stores,
    });
    format!("{told:#}\n")
}

fn store(survey: &Survey) -> Value {
    let facts: Vec<Value> = survey
        .facts
        .iter()
        .map(|judged| {
            json!({
                "evidence": judged.evidence,
                "verdict": name(judged.verdict),
                "setting": judged.setting,
            })
        })
        .collect();
    json!({
        "store": survey.store,
        "class": survey.class.name(),
        "verdict": name(Some(survey.verdict())),
        "failed": survey.failed.as_ref().map(|error| told(error)),
        "facts": facts,
        "retention": survey.retention.as_ref().map(row),
    })
}

/// A row of retention, as `check` and `retention` write it.
pub(super) fn row(check: &Check) -> Value {
    let row = &check.retention;
    json!({
        "store": row.store,
        "class": row.class.name(),
        "policy_seconds": row.policy.as_secs(),
        "ceiling": row.ceiling,
        "setting": row.setting.as_str(),
        "oldest": row.oldest,
        "verdict": name(Some(check.verdict)),
    })
}

fn name(verdict: Option<evanesce_service::Verdict>) -> String {
    word(verdict).to_ascii_lowercase()
}
