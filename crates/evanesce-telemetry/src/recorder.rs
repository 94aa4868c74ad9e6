use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata,
    SharedString, Unit,
};

use crate::Metrics;
use crate::metrics::{Series, Shape};

/// What the macros of the crate `metrics` write to, where a dependency uses them: into the
/// families that a [`Metrics`] has registered, and nowhere else. A name that was not
/// registered is not counted, a label that was not declared is not kept, and a value that was
/// not declared counts as `other`, so that no dependency makes series of its own.
pub struct Recorder {
    metrics: Arc<Metrics>,
    undeclared: AtomicU64,
}

impl Recorder {
    /// A recorder into these metrics, for `metrics::set_global_recorder`.
    #[must_use]
    pub const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, undeclared: AtomicU64::new(0) }
    }

    /// How often a metric was asked for that is not registered.
    #[must_use]
    pub fn undeclared(&self) -> u64 {
        self.undeclared.load(Ordering::Relaxed)
    }

    fn cell(&self, key: &Key, is: fn(Shape) -> bool) -> Option<Arc<Cell>> {
        let Some(series) = self.metrics.declared(key.name(), is) else {
            self.undeclared.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let value = |name: &str| {
            let label = key.labels().find(|label| label.key() == name);
            label.map_or("", |label| label.value())
        };
        let values: Vec<_> = series.dimensions().iter().map(|it| value(it.name)).collect();
        let place = series.place(&values);
        Some(Arc::new(Cell { series, place }))
    }
}

/// One series.
struct Cell {
    series: Arc<Series>,
    place: usize,
}

impl metrics::Recorder for Recorder {
    // What a metric is for stands in the program's source.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let cell = self.cell(key, |shape| matches!(shape, Shape::Counter));
        cell.map_or_else(Counter::noop, Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let cell = self.cell(key, |shape| matches!(shape, Shape::Gauge));
        cell.map_or_else(Gauge::noop, Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let cell = self.cell(key, |shape| matches!(shape, Shape::Histogram(_)));
        cell.map_or_else(Histogram::noop, Histogram::from_arc)
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.series.count(self.place, value);
    }

    fn absolute(&self, value: u64) {
        self.series.count_to(self.place, value);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.series.change(self.place, value);
    }

    fn decrement(&self, value: f64) {
        self.series.change(self.place, -value);
    }

    fn set(&self, value: f64) {
        self.series.set(self.place, value);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.series.observe(self.place, value);
    }
}

#[cfg(test)]
mod tests {
    use evanesce_core::Timestamp;

    use super::*;
    use crate::{Bound, Dimension, Family};

    const REQUESTS: Family = Family {
        name: "requests",
        dimensions: &[Dimension { name: "route", values: &["compose", "forget"] }],
    };
    const BOUNDS: &[Bound] = &[Bound { field: "le_10", most: 10.0 }];

    #[test]
    fn the_macros_count_what_is_declared_and_nothing_else() {
        let ours = Arc::new(Metrics::new(10));
        ours.counter(REQUESTS).unwrap();
        ours.gauge(Family { name: "open", dimensions: &[] }).unwrap();
        ours.histogram(Family { name: "took", dimensions: &[] }, BOUNDS).unwrap();
        let recorder = Recorder::new(Arc::clone(&ours));
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("requests", "route" => "compose").increment(2);
            for i in 0..1000 {
                let mail = format!("reader{i}@example.org");
                metrics::counter!("requests", "route" => mail.clone(), "user" => mail).increment(1);
            }
            metrics::counter!("requests", "route" => "forget").absolute(7);
            metrics::counter!("requests", "route" => "forget").absolute(5);
            metrics::gauge!("open").set(4.0);
            metrics::gauge!("open").increment(2.0);
            metrics::gauge!("open").decrement(1.0);
            metrics::gauge!("open").increment(f64::NAN);
            metrics::histogram!("took").record(3.0);
            metrics::histogram!("took").record(30.0);
            // Not registered, or as something else.
            metrics::counter!("reader@example.org").increment(1);
            metrics::gauge!("requests").set(9.0);
        });
        assert_eq!(recorder.undeclared(), 2);
        let points = ours.collect(Timestamp::from_millis(0));
        let told: Vec<_> = points
            .iter()
            .map(|it| (it.measurement(), it.tags().first().map(|(_, v)| v.as_ref()), it.fields()))
            .collect();
        assert_eq!(
            told,
            [
                ("requests", Some("compose"), &[("total", 2.0)][..]),
                ("requests", Some("forget"), &[("total", 7.0)]),
                ("requests", Some("other"), &[("total", 1000.0)]),
                ("open", None, &[("value", 5.0)]),
                ("took", None, &[("count", 2.0), ("sum", 33.0), ("le_10", 1.0)]),
            ]
        );
        assert!(!format!("{points:?}").contains("example.org"));
    }
}
