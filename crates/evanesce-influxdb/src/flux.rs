//! The queries. Whatever comes from outside stands in them as hexadecimal escapes, so
//! that no text can end a string or begin an interpolation.

use std::fmt::Write;

use evanesce_core::Timestamp;

use crate::line::{LAST_MINUTE, NAMESPACE};

/// Every point of a namespace that is stored.
pub(crate) struct Source<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) namespace: &'a str,
}

impl Source<'_> {
    /// How many points: one row with the column `_value`, or none for zero.
    pub(crate) fn count(&self, measurement: Option<&str>, until: Timestamp) -> String {
        let mut query = self.rows(until);
        if let Some(measurement) = measurement {
            let _ = write!(query, " |> filter(fn: (r) => r._measurement == {})", text(measurement));
        }
        // A point has a row for each of its fields; without their names, one time
        // within a series is one point.
        query.push_str(
            r#" |> drop(columns: ["_field", "_start", "_stop"]) |> unique(column: "_time") |> group() |> count()"#,
        );
        query
    }

    /// The time of the oldest point: one row with the column `_time`, or none.
    pub(crate) fn oldest(&self) -> String {
        let mut query = self.rows(LAST_MINUTE);
        query.push_str(
            r#" |> first() |> keep(columns: ["_time"]) |> group() |> min(column: "_time")"#,
        );
        query
    }

    /// Every row with all of its columns.
    pub(crate) fn everything(&self) -> String {
        let mut query = self.rows(LAST_MINUTE);
        query.push_str(r#" |> drop(columns: ["_start", "_stop"])"#);
        query
    }

    fn rows(&self, until: Timestamp) -> String {
        format!(
            "from(bucket: {}) |> range(start: 1970-01-01T00:00:00Z, stop: {}) |> filter(fn: (r) => r.{NAMESPACE} == {})",
            text(self.bucket),
            end_of_minute(until),
            text(self.namespace),
        )
    }
}

/// The last instant of the minute, which is after every offset within it.
pub(crate) fn end_of_minute(at: Timestamp) -> String {
    let minute = at.min(LAST_MINUTE).coarse(evanesce_core::Grain::Minute).to_string();
    format!("{}:59.999999999Z", minute.trim_end_matches(":00Z"))
}

/// A Flux string literal.
fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() * 4 + 2);
    literal.push('"');
    for byte in value.bytes() {
        let _ = write!(literal, "\\x{byte:02x}");
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_leave_its_literal() {
        let hostile = "\") |> to(bucket: \"x\") // ${1} é";
        let literal = text(hostile);
        let inner = &literal[1..literal.len() - 1];
        assert!(inner.bytes().all(|b| b == b'\\' || b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_eq!(text("a\"é"), r#""\x61\x22\xc3\xa9""#);
    }

    #[test]
    fn a_minute_ends_after_its_last_offset() {
        let at: Timestamp = "2026-11-24T22:38:51Z".parse().unwrap();
        assert_eq!(end_of_minute(at), "2026-11-24T22:38:59.999999999Z");
        assert_eq!(end_of_minute(Timestamp::MAX), "2262-04-11T23:46:59.999999999Z");
        assert_eq!(end_of_minute(Timestamp::default()), "1970-01-01T00:00:59.999999999Z");
    }
}
