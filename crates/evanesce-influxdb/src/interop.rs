//! Points of the crate `influxdb2`, as text and read again.

use evanesce_core::{Error, Label, Timestamp};
use evanesce_telemetry::Written;
use influxdb2::models::WriteDataPoint;

use crate::line::Point;
use crate::parse::{self, Parsed};
use crate::sink::InfluxSink;

impl InfluxSink {
    /// Writes points of the crate `influxdb2`, for programs that have them.
    ///
    /// That crate lets a line feed in a tag begin a second line, so what it writes is
    /// not believed: each point is read again, and refused unless it is exactly one
    /// line, names its time in nanoseconds, has only numbers and flags as fields (which
    /// become floating-point numbers), and every tag is a [`Label`]. Its time is
    /// coarsened to the minute, like that of every metric here.
    ///
    /// # Errors
    /// Those of [`MetricSink::write`](evanesce_telemetry::MetricSink::write).
    pub async fn write_data_points(
        &self,
        points: &[impl WriteDataPoint + Sync],
    ) -> Result<Written, Error> {
        let parsed: Vec<_> = points.iter().map(read).collect();
        let points: Vec<_> = parsed.iter().map(|parsed| parsed.as_ref().and_then(point)).collect();
        self.write_points(&points).await
    }
}

fn read(point: &impl WriteDataPoint) -> Option<Parsed> {
    let mut bytes = Vec::new();
    point.write_data_point_to(&mut bytes).ok()?;
    parse::line(std::str::from_utf8(&bytes).ok()?)
}

fn point(parsed: &Parsed) -> Option<Point<'_>> {
    let nanos = u64::try_from(parsed.nanos?).ok()?;
    if !parsed.tags.iter().all(|(_, value)| Label::parse(value).is_ok()) {
        return None;
    }
    Some(Point {
        measurement: &parsed.measurement,
        tags: parsed.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        fields: parsed.fields.iter().map(|(key, value)| (key.as_str(), *value)).collect(),
        at: Timestamp::from_millis(nanos / 1_000_000),
    })
}

#[cfg(test)]
mod tests {
    use influxdb2::models::{DataPoint, FieldValue};
    use proptest::prelude::*;

    use super::*;

    fn data_point(tag: &str, field: impl Into<FieldValue>) -> DataPoint {
        DataPoint::builder("m")
            .tag("k", tag)
            .field("f", field)
            .timestamp(60_000_000_001)
            .build()
            .unwrap()
    }

    #[test]
    fn a_line_feed_in_a_tag_does_not_become_a_second_line() {
        let injected = data_point("v f=1 1\nother,k=v", 1.5);
        let mut bytes = Vec::new();
        injected.write_data_point_to(&mut bytes).unwrap();
        // The crate does write two lines here; if it no longer does, this test says so.
        assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 2);
        assert_eq!(read(&injected), None);
    }

    #[test]
    fn only_labels_and_numbers_are_taken() {
        assert!(read(&data_point("plain word", 1.5)).as_ref().and_then(point).is_some());
        assert!(read(&data_point("v", 7_i64)).as_ref().and_then(point).is_some());
        assert!(read(&data_point("v", true)).as_ref().and_then(point).is_some());
        assert_eq!(read(&data_point("v", "text")), None);
        assert_eq!(read(&data_point("v", f64::NAN)), None);
        assert_eq!(read(&data_point("", 1.0)), None);
        assert_eq!(read(&data_point("v\\", 1.0)), None);
        assert_eq!(read(&data_point("reader@example.org", 1.0)).as_ref().and_then(point), None);
        let timeless = DataPoint::builder("m").field("f", 1.0).build().unwrap();
        assert_eq!(read(&timeless).as_ref().and_then(point), None);
    }

    proptest! {
        // Where the crate is right, both of us write the same.
        #[test]
        fn plain_points_are_read_as_they_were_meant(
            measurement in "[a-z][a-z0-9 ,=]{0,20}",
            key in "[a-z][a-z0-9 ,=]{0,20}",
            value in "[a-z0-9 ,;:._/+()-]{1,40}",
            number in -1e15..1e15_f64,
        ) {
            let theirs = DataPoint::builder(measurement.clone())
                .tag(key.clone(), value.clone()).field("f", number).timestamp(60_000_000_000).build().unwrap();
            let parsed = read(&theirs).unwrap();
            let ours = point(&parsed).unwrap();
            prop_assert_eq!(ours.measurement, measurement);
            prop_assert_eq!(ours.tags, vec![(key.as_str(), value.as_str())]);
            prop_assert_eq!(ours.fields, vec![("f", number)]);
        }

        #[test]
        fn no_point_of_theirs_becomes_more_than_one_line(measurement in any::<String>(), key in any::<String>(), value in any::<String>()) {
            let theirs = DataPoint::builder(measurement).tag(key, value).field("f", 1.0).timestamp(1).build().unwrap();
            if let Some(line) = read(&theirs).as_ref().and_then(point).and_then(|p| p.line("n", 0)) {
                prop_assert_eq!(line.matches('\n').count(), 1);
            }
        }
    }
}
