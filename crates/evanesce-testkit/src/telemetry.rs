//! The contract of [`LogSink`] and [`MetricSink`], as their documentation states it.
//!
//! Each function takes an empty store and an instant `now`, which is the real time
//! where a server looks at the clock itself: nothing is written that is three
//! days older, or later.

use std::time::Duration;

use evanesce_core::{Grain, Label, Sanitize, Timestamp};
use evanesce_telemetry::{
    ItemOutcome, Level, LogRecord, LogSink, MetricPoint, MetricSink, Sanitized, Value,
};

const DAY: Duration = Duration::from_secs(86_400);

struct Plain;

impl Sanitize for Plain {
    fn sanitize(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn text(text: &str) -> Value {
    Value::Text(Sanitized::new(text, &Plain))
}

fn record(at: Timestamp, event: &'static str) -> LogRecord {
    LogRecord::new(at, Level::Info, event)
}

fn point(at: Timestamp, measurement: &'static str) -> MetricPoint {
    MetricPoint::new(at, measurement).field("value", 1.0)
}

// The first instants of the day before yesterday, of yesterday and of today.
fn three_days(now: Timestamp) -> [Timestamp; 3] {
    let today = now.coarse(Grain::Day);
    [today.minus(DAY * 2), today.minus(DAY), today]
}

/// An empty store counts nothing and has no oldest record, and tells its
/// incarnation the same way twice.
pub async fn log_begins_empty(sink: &dyn LogSink) {
    assert_eq!(sink.count("suite.any").await.unwrap(), 0);
    assert_eq!(sink.occurrences("any").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
    let incarnation = sink.incarnation().await.unwrap();
    assert_eq!(incarnation.store(), sink.store());
    assert_eq!(sink.incarnation().await.unwrap(), incarnation);
}

/// There is one outcome for each record, in order, and what was stored is found by
/// its exact event name, and by no other.
pub async fn log_counts_what_is_stored(sink: &dyn LogSink, now: Timestamp) {
    let batch = [record(now, "suite.a"), record(now, "suite.b"), record(now, "suite.a")];
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(written.outcomes, [ItemOutcome::Stored; 3]);
    assert_eq!(sink.count("suite.a").await.unwrap(), 2);
    assert_eq!(sink.count("suite.b").await.unwrap(), 1);
    for other in ["suite", "suite.", "suite.a.b", "suite.*", "SUITE.A", ""] {
        assert_eq!(sink.count(other).await.unwrap(), 0, "{other}");
    }
    assert!(sink.write(&[]).await.unwrap().outcomes.is_empty());
}

/// A text, a word or a part of either is read back wherever it stands, whatever
/// signs it has, and what was never written is not found.
pub async fn log_finds_occurrences(sink: &dyn LogSink, now: Timestamp) {
    let batch = [
        record(now, "suite.a").with("message", text("planted \"one\" \\ here")),
        record(now, "suite.b").with("detail", text("line\nbreak and ünï planted")),
        record(now, "suite.c").with("word", Value::Word(Label::new("planted-word"))),
        record(now, "suite.d").with("number", Value::Integer(7)),
    ];
    sink.write(&batch).await.unwrap();
    assert_eq!(sink.occurrences("planted").await.unwrap(), 3);
    for needle in ["\"one\" \\", "line\nbreak", "ünï", "planted-w"] {
        assert_eq!(sink.occurrences(needle).await.unwrap(), 1, "{needle}");
    }
    for needle in ["absent", "plan*", ".*"] {
        assert_eq!(sink.occurrences(needle).await.unwrap(), 0, "{needle}");
    }
}

/// The oldest time is that of the oldest record, coarse, whatever the order of writing.
pub async fn log_tells_the_oldest(sink: &dyn LogSink, now: Timestamp) {
    let [first, second, _] = three_days(now);
    sink.write(&[record(second, "suite.a"), record(now, "suite.a")]).await.unwrap();
    assert_eq!(sink.oldest().await.unwrap(), Some(second));
    sink.write(&[record(first, "suite.a")]).await.unwrap();
    assert_eq!(sink.oldest().await.unwrap(), Some(first));
}

/// What began at or before an instant goes whole, and nothing else does; doing it
/// again removes nothing.
pub async fn log_enforces_by_age(sink: &dyn LogSink, now: Timestamp) {
    let days = three_days(now);
    for day in days {
        sink.write(&[record(day, "suite.a")]).await.unwrap();
    }
    let before = days[0].minus(Duration::from_secs(60));
    assert_eq!(sink.enforce(before).await.unwrap(), 0);
    assert_eq!(sink.count("suite.a").await.unwrap(), 3);
    assert_eq!(sink.enforce(days[0]).await.unwrap(), 1);
    assert_eq!(sink.oldest().await.unwrap(), Some(days[1]));
    assert_eq!(sink.count("suite.a").await.unwrap(), 2);
    assert_eq!(sink.enforce(days[0]).await.unwrap(), 0);
    assert_eq!(sink.enforce(now).await.unwrap(), 2);
    assert_eq!(sink.count("suite.a").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
}

/// The worst case is known, is not under the age, and grows with the interval.
pub async fn log_bounds_its_ceiling(sink: &dyn LogSink) {
    let ceiling = async |interval| sink.ceiling(DAY * 89, interval).await.unwrap().worst.unwrap();
    let (often, seldom) = (ceiling(DAY / 24).await, ceiling(DAY).await);
    assert!(often >= DAY * 89 && often < seldom && seldom <= DAY * 92);
}

/// A record that the store will not take is refused by itself: its neighbours are
/// stored, and it is never found. `bad` is such a record for this store, with an
/// event name that nothing else has.
pub async fn log_refuses_by_item(sink: &dyn LogSink, now: Timestamp, bad: LogRecord) {
    let event = bad.event();
    let written = sink.write(&[record(now, "suite.a"), bad, record(now, "suite.b")]).await.unwrap();
    let (stored, refused) = (ItemOutcome::Stored, ItemOutcome::Refused);
    assert_eq!(written.outcomes, [stored, refused, stored]);
    assert_eq!(sink.count(event).await.unwrap(), 0);
    assert_eq!(sink.count("suite.a").await.unwrap() + sink.count("suite.b").await.unwrap(), 2);
}

/// An empty store counts nothing and has no oldest point, and tells its
/// incarnation the same way twice.
pub async fn metric_begins_empty(sink: &dyn MetricSink) {
    assert_eq!(sink.count("suite_any").await.unwrap(), 0);
    assert_eq!(sink.occurrences("any").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
    let incarnation = sink.incarnation().await.unwrap();
    assert_eq!(incarnation.store(), sink.store());
    assert_eq!(sink.incarnation().await.unwrap(), incarnation);
}

/// There is one outcome for each point, in order, and what was stored is found by
/// its exact measurement, and by no other.
pub async fn metric_counts_what_is_stored(sink: &dyn MetricSink, now: Timestamp) {
    let tagged = |tag: &'static str| point(now, "suite_a").tag("route", Label::new(tag));
    let batch = [tagged("compose"), point(now, "suite_b"), tagged("forget me, please")];
    let written = sink.write(&batch).await.unwrap();
    assert_eq!(written.outcomes, [ItemOutcome::Stored; 3]);
    assert_eq!(sink.count("suite_a").await.unwrap(), 2);
    assert_eq!(sink.count("suite_b").await.unwrap(), 1);
    for other in ["suite", "suite_a_b", "suite_.*", "SUITE_A", ""] {
        assert_eq!(sink.count(other).await.unwrap(), 0, "{other}");
    }
    assert!(sink.write(&[]).await.unwrap().outcomes.is_empty());
}

/// A part of a tag or of a name is read back, and what was never written is not.
pub async fn metric_finds_occurrences(sink: &dyn MetricSink, now: Timestamp) {
    let batch = [
        point(now, "suite_a").tag("route", Label::new("planted here, (too)")),
        point(now, "suite_planted"),
        point(now, "suite_c"),
    ];
    sink.write(&batch).await.unwrap();
    assert_eq!(sink.occurrences("planted").await.unwrap(), 2);
    assert_eq!(sink.occurrences("here, (too)").await.unwrap(), 1);
    for needle in ["absent", "plan*", ".*"] {
        assert_eq!(sink.occurrences(needle).await.unwrap(), 0, "{needle}");
    }
}

/// The oldest time is that of the oldest point, whatever the order of writing.
pub async fn metric_tells_the_oldest(sink: &dyn MetricSink, now: Timestamp) {
    let [first, second, _] = three_days(now);
    sink.write(&[point(second, "suite_a"), point(now, "suite_a")]).await.unwrap();
    assert_eq!(sink.oldest().await.unwrap(), Some(second));
    sink.write(&[point(first, "suite_a")]).await.unwrap();
    assert_eq!(sink.oldest().await.unwrap(), Some(first));
}

/// Points at or before an instant go, and nothing else does; doing it again removes
/// nothing.
pub async fn metric_enforces_by_age(sink: &dyn MetricSink, now: Timestamp) {
    let days = three_days(now);
    for day in days {
        sink.write(&[point(day, "suite_a")]).await.unwrap();
    }
    let before = days[0].minus(Duration::from_secs(60));
    assert_eq!(sink.enforce(before).await.unwrap(), 0);
    assert_eq!(sink.count("suite_a").await.unwrap(), 3);
    assert_eq!(sink.enforce(days[0]).await.unwrap(), 1);
    assert_eq!(sink.oldest().await.unwrap(), Some(days[1]));
    assert_eq!(sink.enforce(days[0]).await.unwrap(), 0);
    assert_eq!(sink.enforce(now).await.unwrap(), 2);
    assert_eq!(sink.count("suite_a").await.unwrap(), 0);
    assert_eq!(sink.oldest().await.unwrap(), None);
}

/// The worst case is known, and is not under the age.
pub async fn metric_bounds_its_ceiling(sink: &dyn MetricSink) {
    let ceiling = sink.ceiling(DAY * 89, DAY / 24).await.unwrap();
    assert!(ceiling.worst.unwrap() >= DAY * 89);
}

/// A point that the store will not take is refused by itself. `bad` is such a point
/// for this store, with a measurement that nothing else has.
pub async fn metric_refuses_by_item(sink: &dyn MetricSink, now: Timestamp, bad: MetricPoint) {
    let measurement = bad.measurement();
    let written = sink.write(&[point(now, "suite_a"), bad, point(now, "suite_b")]).await.unwrap();
    let (stored, refused) = (ItemOutcome::Stored, ItemOutcome::Refused);
    assert_eq!(written.outcomes, [stored, refused, stored]);
    assert_eq!(sink.count(measurement).await.unwrap(), 0);
    assert_eq!(sink.count("suite_a").await.unwrap() + sink.count("suite_b").await.unwrap(), 2);
}
