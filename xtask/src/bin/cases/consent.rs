//! Rows of browser signals, answered by evanesce-consent.

use evanesce_consent::{Signals, well_known_gpc};
use evanesce_core::Date;
use serde_json::Value;

use crate::row::{judged, text};

/// None for anything but Global Privacy Control.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    match text(row, "kind")? {
        "header" => {
            let expected = row["opt_out"].as_bool()?;
            // As the session layer does: every line of the name.
            let lines = row["headers"].as_array()?.iter().filter(|field| {
                field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("sec-gpc"))
            });
            let values = lines.filter_map(|field| field[1].as_str()).map(str::as_bytes);
            let objects = Signals::from_sec_gpc(values).objects();
            Some(judged(objects == expected, "Signals::from_sec_gpc"))
        }
        // The library writes the document of a service that honours the signal,
        // and reads nobody else's.
        "well_known" if row["support"] == true => {
            let expected: Value = serde_json::from_str(text(row, "body")?).ok()?;
            let written = well_known_gpc(date(text(row, "last_update")?)?);
            let written: Value = serde_json::from_str(&written).ok()?;
            Some(judged(written == expected, "well_known_gpc"))
        }
        _ => None,
    }
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(row: &Value) -> Option<String> {
        answer(row).map(|answer| answer["outcome"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_header_objects_or_does_not() {
        let row = |headers: Value, opt_out: bool| {
            outcome(&json!({ "kind": "header", "headers": headers, "opt_out": opt_out })).unwrap()
        };
        assert_eq!(row(json!([["sec-gpc", "1"]]), true), "pass");
        assert_eq!(row(json!([["Sec-GPC", "0"], ["Sec-GPC", "1"]]), true), "pass");
        assert_eq!(row(json!([["DNT", "1"], ["Sec-GPC", "yes"]]), true), "fail");
        assert_eq!(row(json!([["DNT", "1"]]), false), "pass");
    }

    #[test]
    fn a_document_is_written_and_not_read() {
        let row = |support: Value, body: &str| {
            outcome(
                &json!({ "kind": "well_known", "support": support, "body": body, "last_update": "2024-02-29" }),
            )
        };
        let pass = row(json!(true), r#"{"lastUpdate": "2024-02-29", "gpc": true}"#);
        assert_eq!(pass.as_deref(), Some("pass"));
        let fail = row(json!(true), r#"{"lastUpdate": "2024-02-28", "gpc": true}"#);
        assert_eq!(fail.as_deref(), Some("fail"));
        assert_eq!(row(json!(false), r#"{"gpc": false}"#), None);
    }
}
