//! `cargo xtask cases FILE`: the library's own answers to rows from outside,
//! through its public interface and its default settings. One JSON object a
//! row, in the order of the rows. No row is looked up by its text.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks on its outputs"
)]

mod anonymization;
mod asking;
mod audit;
mod behaviours;
mod consent;
mod crypto;
mod detection;
#[path = "../../failure.rs"]
mod failure;
mod fields;
mod generalization;
mod row;

use std::io::{BufRead, BufReader, BufWriter, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use behaviours::Behaviours;
use detection::Detection;
use failure::Failure;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        eprintln!("usage: cargo xtask cases FILE");
        return ExitCode::from(2);
    };
    match run(file.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &Path) -> Result<(), Failure> {
    let rows = read(path)?;
    let behaviours = Behaviours::run(rows.iter().filter(|row| is_behaviour(row)))?;
    let detection = Detection::default();
    let mut out = BufWriter::new(stdout().lock());
    let end = |error| Failure::new(format!("the answers could not be printed: {error}"));
    for row in &rows {
        let folder = path.parent().unwrap_or(path);
        let mut answer = anonymization::answer(row, folder)
            .or_else(|| generalization::answer(row, folder))
            .unwrap_or_else(|| answer(row, &detection, &behaviours));
        answer["id"] = row["id"].clone();
        writeln!(out, "{answer}").map_err(end)?;
    }
    out.flush().map_err(end)
}

fn read(path: &Path) -> Result<Vec<Value>, Failure> {
    let file = std::fs::File::open(path).map_err(Failure::at(path))?;
    let mut rows = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Failure::at(path))?;
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("{}:{}", path.display(), number + 1);
        let row: Value = serde_json::from_str(&line)
            .map_err(|error| Failure::new(format!("{place}: no JSON: {error}")))?;
        if !row["id"].is_string() {
            return Err(Failure::new(format!("{place}: a row has an id")));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn is_behaviour(row: &Value) -> bool {
    row["behaviour"].is_string()
}

fn answer(row: &Value, detection: &Detection, behaviours: &Behaviours) -> Value {
    if is_behaviour(row) {
        return behaviours.answer(row);
    }
    if let Some(text) = row["text"].as_str() {
        return detection.text(text, row["entity"].is_string());
    }
    if let Some((kind, value)) = detection::value(row) {
        return json!({ "valid": kind.and_then(|kind| detection::is_valid(kind, value)) });
    }
    detection
        .content(row)
        .or_else(|| fields::answer(row))
        .or_else(|| audit::answer(row))
        .or_else(|| consent::answer(row))
        .or_else(|| crypto::answer(row))
        .unwrap_or_else(|| row::unclaimed("the library has no such function"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(row: Value) -> Value {
        answer(&row, &Detection::default(), &Behaviours::default())
    }

    #[test]
    fn a_text_gives_findings_in_bytes_and_a_redaction() {
        let found = answered(json!({ "id": "a", "text": "ü reader@example.org" }));
        assert_eq!(found["findings"][0]["kind"], "EMAIL_ADDRESS");
        assert_eq!(
            (&found["findings"][0]["start"], &found["findings"][0]["end"]),
            (&json!(3), &json!(21))
        );
        assert_eq!(found["redacted"], "ü <EMAIL_ADDRESS>");
        assert!(found.get("claims").is_none());
    }

    #[test]
    fn a_value_is_valid_or_not_or_not_claimed() {
        let row = |module: &str, value: &str| json!({ "id": "a", "module": module, "function": "validate", "value": value, "valid": true });
        assert_eq!(answered(row("iban", "DE89370400440532013000"))["valid"], true);
        assert_eq!(answered(row("iban", "DE89370400440532013001"))["valid"], false);
        assert_eq!(answered(row("isbn", "9783161484100"))["valid"], Value::Null);
        assert_eq!(
            answered(json!({ "id": "a", "iban": "DE89370400440532013000", "valid": true }))["valid"],
            true
        );
    }

    #[test]
    fn what_the_library_does_not_do_is_unclaimed() {
        for row in [json!({ "id": "a", "op": "hpke" }), json!({ "id": "a", "alg": "AES-GCM" })] {
            assert_eq!(answered(row)["outcome"], "unclaimed");
        }
    }

    #[test]
    fn a_behaviour_without_a_test_is_a_fail() {
        let row = json!({ "id": "nobody", "behaviour": "destroy", "kind": "session_store" });
        assert_eq!(answered(row)["outcome"], "fail");
    }
}
