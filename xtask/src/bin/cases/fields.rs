//! Rows that redact fields of JSON documents by path, answered by evanesce-detect.

use evanesce_detect::Fields;
use serde_json::{Value, json};

use crate::row::judged;

/// What the library says of a row with paths, or none if it asks for what the library has
/// not: functions of JavaScript, values that JSON does not know, removal of keys.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    let options = row["options"].as_object()?;
    let paths: Vec<&str> =
        options.get("paths")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let known =
        |name: &String| matches!(name.as_str(), "censor" | "paths" | "serialize" | "strict");
    if !options.keys().all(known) || has_script(row) {
        return None;
    }
    let fields = Fields::parse(paths);
    if row["throws_at"] == "construct" {
        return Some(judged(fields.is_err(), "the path is refused"));
    }
    let output = match (&row["output"]["value"], row["output"]["json"].as_str()) {
        (_, Some(text)) => serde_json::from_str(text).ok()?,
        (Value::Null, None) => return None,
        (value, None) => value.clone(),
    };
    let mark = options.get("censor").and_then(Value::as_str).unwrap_or("[REDACTED]");
    let redacted = fields.ok().and_then(|it| it.marked(mark).redact(&row["input"].to_string()));
    let redacted: Option<Value> = redacted.and_then(|text| serde_json::from_str(&text).ok());
    Some(judged(redacted == Some(output), "the document without its fields"))
}

// Functions, cycles and absent values stand as words that begin with a dollar.
fn has_script(row: &Value) -> bool {
    let words = ["$fn", "$undefined", "$unserialisable"];
    let text = json!([row["options"], row["input"], row["output"]]).to_string();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_passes_fails_or_is_not_claimed() {
        let row = |paths: &str, out: &str| json!({ "options": { "paths": [paths] }, "input": { "a": 1 }, "output": { "value": { "a": out } } });
        assert_eq!(
            answer(&row("a", "[REDACTED]")).map(|it| it["outcome"].clone()),
            Some(json!("pass"))
        );
        assert_eq!(
            answer(&row("b", "[REDACTED]")).map(|it| it["outcome"].clone()),
            Some(json!("fail"))
        );
        assert_eq!(answer(&row("a", "$undefined")), None);
        let refused = json!({ "options": { "paths": ["a..b"] }, "throws_at": "construct" });
        assert_eq!(answer(&refused).map(|it| it["outcome"].clone()), Some(json!("pass")));
    }
}
