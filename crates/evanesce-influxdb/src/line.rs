//! Writing line protocol: one point is one line, or it is not written.
//!
//! <https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>

use std::fmt::Write;

use evanesce_core::Timestamp;

/// The tag that keeps namespaces apart within a bucket.
pub(crate) const NAMESPACE: &str = "namespace";
/// A point's place within its minute: nanoseconds below this.
pub(crate) const OFFSETS: u64 = 59_999_999_000;
/// The last whole minute that InfluxDB can write, 2262-04-11T23:46:00Z.
pub(crate) const LAST_MINUTE: Timestamp =
    Timestamp::from_millis(i64::MAX as u64 / MINUTE_NANOS * 60_000 - 60_000);
const MINUTE_NANOS: u64 = 60_000_000_000;

const MAX_NAME: usize = 256;
const MAX_PAIRS: usize = 256;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point<'a> {
    pub(crate) measurement: &'a str,
    pub(crate) tags: Vec<(&'a str, &'a str)>,
    pub(crate) fields: Vec<(&'a str, f64)>,
    pub(crate) at: Timestamp,
}

impl Point<'_> {
    /// The point as one line with its line feed, or `None` if the format cannot
    /// carry it or InfluxDB keeps a name for itself.
    ///
    /// The time is the minute and `offset` nanoseconds. A random offset keeps two
    /// points of one series and minute apart, of which InfluxDB would otherwise keep
    /// the later, and says nothing about when they were taken.
    pub(crate) fn line(&self, namespace: &str, offset: u64) -> Option<String> {
        let named = is_text(self.measurement) && !self.measurement.starts_with(['#', '_']);
        let tagged = self.tags.iter().all(|(key, value)| is_key(key) && is_text(value));
        let counted = self.fields.iter().all(|(key, value)| is_key(key) && value.is_finite());
        let sized = !self.fields.is_empty()
            && self.fields.len() <= MAX_PAIRS
            && self.tags.len() <= MAX_PAIRS
            && self.at <= LAST_MINUTE
            && offset < OFFSETS;
        if !(named && tagged && counted && sized) {
            return None;
        }
        let mut tags = self.tags.clone();
        tags.push((NAMESPACE, namespace));
        tags.sort_unstable();
        let doubled = |names: &mut Vec<&str>| {
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
        };
        if doubled(&mut tags.iter().map(|tag| tag.0).collect())
            || doubled(&mut self.fields.iter().map(|field| field.0).collect())
        {
            return None;
        }

        let mut line = String::new();
        escape(&mut line, self.measurement, &[',', ' ']);
        for (key, value) in tags {
            line.push(',');
            escape(&mut line, key, &[',', '=', ' ']);
            line.push('=');
            escape(&mut line, value, &[',', '=', ' ']);
        }
        for (place, (key, value)) in self.fields.iter().enumerate() {
            line.push(if place == 0 { ' ' } else { ',' });
            escape(&mut line, key, &[',', '=', ' ']);
            // `Debug` writes large and small numbers with an exponent, and reads back exactly.
            write!(line, "={value:?}").ok()?;
        }
        let minute = self.at.as_millis() / 60_000 * 60_000;
        let nanos = minute.checked_mul(1_000_000)?.checked_add(offset)?;
        writeln!(line, " {nanos}").ok()?;
        Some(line)
    }
}

/// Text that needs nothing but the escapes. Control characters end a line or vanish;
/// a backslash means itself or an escape, depending on what follows.
fn is_text(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '\\' && c != '"';
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(plain)
}

/// `time` and whatever begins with an underscore belong to InfluxDB.
fn is_key(key: &str) -> bool {
    is_text(key) && !key.starts_with('_') && key != "time"
}

fn escape(line: &mut String, text: &str, special: &[char]) {
    for c in text.chars() {
        if special.contains(&c) {
            line.push('\\');
        }
        line.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::{self, Parsed};

    fn at() -> Timestamp {
        "2019-05-02T16:12:41.098Z".parse().unwrap()
    }

    fn point<'a>(
        measurement: &'a str,
        tags: &[(&'a str, &'a str)],
        fields: &[(&'a str, f64)],
    ) -> Point<'a> {
        Point { measurement, tags: tags.to_vec(), fields: fields.to_vec(), at: at() }
    }

    // Names and escapes from the examples of the line protocol reference.
    #[test]
    fn known_lines() {
        for (point, line) in [
            (
                point(
                    "myMeasurement",
                    &[("tag1", "value1"), ("tag2", "value2")],
                    &[("fieldKey", 1.0)],
                ),
                "myMeasurement,namespace=n,tag1=value1,tag2=value2 fieldKey=1.0 1556813520000000007\n",
            ),
            (
                point("my Measurement", &[], &[("fieldKey", 1.5)]),
                "my\\ Measurement,namespace=n fieldKey=1.5 1556813520000000007\n",
            ),
            (
                point(
                    "myMeasurement",
                    &[("tag Key1", "tag Value1"), ("tag Key2", "tag Value2")],
                    &[("fieldKey", 100.0)],
                ),
                "myMeasurement,namespace=n,tag\\ Key1=tag\\ Value1,tag\\ Key2=tag\\ Value2 fieldKey=100.0 1556813520000000007\n",
            ),
            (
                point("a,b=c", &[("k=,", "v=, ")], &[("f=, ", -1.234_456e78)]),
                "a\\,b=c,k\\=\\,=v\\=\\,\\ ,namespace=n f\\=\\,\\ =-1.234456e78 1556813520000000007\n",
            ),
            (
                point("myMeasurement", &[("tagKey", "🍭")], &[("fieldKey", -0.0)]),
                "myMeasurement,namespace=n,tagKey=🍭 fieldKey=-0.0 1556813520000000007\n",
            ),
        ] {
            assert_eq!(point.line("n", 7).as_deref(), Some(line));
        }
    }

    #[test]
    fn what_the_format_cannot_carry_is_refused() {
        let fields = [("f", 1.0)];
        let long = "x".repeat(MAX_NAME + 1);
        for text in ["", "a\nb", "a\rb", "a\0b", "a\\", "a\"b", "a\u{85}b", &long] {
            assert_eq!(point(text, &[], &fields).line("n", 0), None, "{text:?}");
            assert_eq!(point("m", &[(text, "v")], &fields).line("n", 0), None, "{text:?}");
            assert_eq!(point("m", &[("k", text)], &fields).line("n", 0), None, "{text:?}");
            assert_eq!(point("m", &[], &[(text, 1.0)]).line("n", 0), None, "{text:?}");
        }
        for key in ["time", "_field", "_measurement", "_time", "_x"] {
            assert_eq!(point("m", &[(key, "v")], &fields).line("n", 0), None, "{key}");
            assert_eq!(point("m", &[], &[(key, 1.0)]).line("n", 0), None, "{key}");
        }
        for measurement in ["_m", "#m"] {
            assert_eq!(point(measurement, &[], &fields).line("n", 0), None, "{measurement}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(point("m", &[], &[("f", number)]).line("n", 0), None);
        }
        assert_eq!(point("m", &[], &[]).line("n", 0), None, "no field");
        assert_eq!(point("m", &[("namespace", "other")], &fields).line("n", 0), None);
        assert_eq!(point("m", &[("k", "1"), ("k", "2")], &fields).line("n", 0), None);
        assert_eq!(point("m", &[], &[("f", 1.0), ("f", 2.0)]).line("n", 0), None);
        assert_eq!(point("m", &[], &fields).line("n", OFFSETS), None, "the next minute");
        let late = Point {
            at: LAST_MINUTE.plus(std::time::Duration::from_secs(60)),
            ..point("m", &[], &fields)
        };
        assert_eq!(late.line("n", 0), None);
        let last = Point { at: LAST_MINUTE, ..point("m", &[], &fields) };
        assert!(last.line("n", OFFSETS - 1).is_some());
        assert_eq!(LAST_MINUTE.to_string(), "2262-04-11T23:46:00Z");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_one_line_and_reads_back(
            measurement in any::<String>(),
            tags in proptest::collection::vec((".{0,6}", any::<String>()), 0..4),
            fields in proptest::collection::vec((any::<String>(), any::<f64>()), 0..4),
            millis: u64,
            offset in 0..OFFSETS,
        ) {
            let at = Timestamp::from_millis(millis);
            let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let fields: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), *v)).collect();
            let point = Point { measurement: &measurement, tags: tags.clone(), fields: fields.clone(), at };
            if let Some(line) = point.line("n", offset) {
                prop_assert_eq!(line.matches('\n').count(), 1);
                prop_assert!(line.ends_with('\n'));
                let Parsed { measurement: m, tags: t, fields: f, nanos } = parse::line(&line).unwrap();
                prop_assert_eq!(m, measurement.clone());
                let mut expected = tags;
                expected.push((NAMESPACE, "n"));
                expected.sort_unstable();
                prop_assert_eq!(t.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
                prop_assert_eq!(f.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(), fields);
                prop_assert_eq!(nanos, Some((at.as_millis() / 60_000 * 60_000 * 1_000_000 + offset) as i64));
            }
        }

        #[test]
        fn plain_words_are_always_written(
            measurement in "[a-z][a-zA-Z0-9 ,=._-]{0,40}",
            value in "[a-zA-Z0-9 ,=;:/+().-]{1,96}",
            number in -1e300..1e300_f64,
        ) {
            prop_assert!(point(&measurement, &[("k", &value)], &[("f", number)]).line("n", 0).is_some());
        }
    }
}
