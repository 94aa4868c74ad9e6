use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use evanesce_core::{Label, Timestamp};

use crate::error::Unregistered;
use crate::{MetricPoint, Telemetry};

/// A label of a metric with the closed set of its values. Whatever is not among
/// them counts under `other`, so that no value of a request becomes a tag.
#[derive(Clone, Copy, Debug)]
pub struct Dimension {
    /// The name of the tag.
    pub name: &'static str,
    /// Its values.
    pub values: &'static [&'static str],
}

/// What a metric is called and by what it is told apart, declared with the program.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The measurement, such as `sessions_opened`.
    pub name: &'static str,
    /// The labels, none for one single series.
    pub dimensions: &'static [Dimension],
}

impl Family {
    /// How many series there are at most: each dimension has its values and `other`.
    #[must_use]
    pub fn series(&self) -> usize {
        self.dimensions.iter().fold(1, |n, d| n.saturating_mul(d.values.len().saturating_add(1)))
    }
}

/// One upper bound of a histogram, with the name of the field that counts what is at
/// or below it.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The field's name, such as `le_100ms`.
    pub field: &'static str,
    /// The bound.
    pub most: f64,
}

/// The metrics of a program: every series is made when its family is registered, so
/// that neither memory nor cardinality grows afterwards, and counting is one atomic
/// addition.
///
/// ```
/// use evanesce_core::Timestamp;
/// use evanesce_telemetry::{Dimension, Family, Metrics};
///
/// const REQUESTS: Family = Family {
///     name: "requests",
///     dimensions: &[Dimension { name: "route", values: &["compose", "forget"] }],
/// };
/// let metrics = Metrics::new(100);
/// let requests = metrics.counter(REQUESTS)?;
/// requests.add(&["compose"], 2);
/// requests.add(&["reader@example.org"], 1);
/// let points = metrics.collect(Timestamp::from_millis(0));
/// assert_eq!(points.len(), 2);
/// assert!(points.iter().all(|p| p.tags().iter().all(|(_, v)| v == "compose" || v == "other")));
/// # Ok::<(), evanesce_telemetry::Unregistered>(())
/// ```
pub struct Metrics {
    bound: usize,
    registered: Mutex<Registered>,
}

#[derive(Default)]
struct Registered {
    families: Vec<Arc<Series>>,
    series: usize,
}

impl Metrics {
    /// An empty registry that will have at most `bound` series.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { bound, registered: Mutex::default() }
    }

    /// Registers a sum that only grows; its field is `total`.
    ///
    /// # Errors
    /// [`Unregistered`] for malformed or repeated names, and beyond the bound.
    pub fn counter(&self, family: Family) -> Result<Counter, Unregistered> {
        self.register(family, Shape::Counter).map(Counter)
    }

    /// Registers a value that goes up and down; its field is `value`.
    ///
    /// # Errors
    /// [`Unregistered`] for malformed or repeated names, and beyond the bound.
    pub fn gauge(&self, family: Family) -> Result<Gauge, Unregistered> {
        self.register(family, Shape::Gauge).map(Gauge)
    }

    /// Registers a distribution; its fields are `count`, `sum`, and one for each bound.
    ///
    /// # Errors
    /// [`Unregistered`] for malformed or repeated names, bounds that do not rise, and
    /// beyond the bound of series.
    pub fn histogram(
        &self,
        family: Family,
        bounds: &'static [Bound],
    ) -> Result<Histogram, Unregistered> {
        let rising = bounds.is_sorted_by(|a, b| a.most < b.most);
        let names: Vec<_> = bounds.iter().map(|b| b.field).chain(["count", "sum"]).collect();
        if !rising || !are_labels(&names) {
            return Err(Unregistered::Malformed);
        }
        self.register(family, Shape::Histogram(bounds)).map(Histogram)
    }

    /// Every series that was touched, as points of the minute of `at`. Sums and
    /// distributions are counted since the start.
    #[must_use]
    pub fn collect(&self, at: Timestamp) -> Vec<MetricPoint> {
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.families.iter().flat_map(|family| family.points(at)).collect()
    }

    /// Puts what [`collect`](Self::collect) gives into the queue of `telemetry`.
    pub fn report(&self, telemetry: &Telemetry) {
        for point in self.collect(telemetry.clock().now()) {
            telemetry.measure(point);
        }
    }

    /// The family of this name, where it counts in this way.
    #[cfg(feature = "metrics")]
    pub(crate) fn declared(&self, name: &str, is: fn(Shape) -> bool) -> Option<Arc<Series>> {
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let known = registered.families.iter().find(|known| known.family.name == name);
        known.filter(|known| is(known.shape)).cloned()
    }

    fn register(&self, family: Family, shape: Shape) -> Result<Arc<Series>, Unregistered> {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = registered.families.iter().any(|known| known.family.name == family.name);
        if repeated || !is_well_formed(&family) {
            return Err(Unregistered::Malformed);
        }
        let series = registered.series.saturating_add(family.series());
        if series > self.bound {
            return Err(Unregistered::TooManySeries);
        }
        registered.series = series;
        let made = Arc::new(Series::new(family, shape));
        registered.families.push(Arc::clone(&made));
        Ok(made)
    }
}

/// A sum that only grows.
#[derive(Clone)]
pub struct Counter(Arc<Series>);

impl Counter {
    /// Adds to the series of these values, in the order of the dimensions.
    pub fn add(&self, values: &[&str], n: u64) {
        self.0.count(self.0.place(values), n);
    }
}

/// A value that goes up and down.
#[derive(Clone)]
pub struct Gauge(Arc<Series>);

impl Gauge {
    /// Sets the series of these values. What is not finite is not kept.
    pub fn set(&self, values: &[&str], value: f64) {
        self.0.set(self.0.place(values), value);
    }
}

/// A distribution.
#[derive(Clone)]
pub struct Histogram(Arc<Series>);

impl Histogram {
    /// Counts one observation. What is not finite is not kept.
    pub fn observe(&self, values: &[&str], value: f64) {
        self.0.observe(self.0.place(values), value);
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Counter,
    Gauge,
    Histogram(&'static [Bound]),
}

impl Shape {
    const fn cells(self) -> usize {
        match self {
            Self::Counter | Self::Gauge => 1,
            Self::Histogram(bounds) => bounds.len() + 2,
        }
    }
}

/// All series of a family in one row: for each a mark whether it was touched, and its
/// cells.
pub(crate) struct Series {
    family: Family,
    shape: Shape,
    touched: Vec<AtomicU64>,
    row: Vec<AtomicU64>,
}

impl Series {
    fn new(family: Family, shape: Shape) -> Self {
        let zeros = |n: usize| std::iter::repeat_with(AtomicU64::default).take(n).collect();
        let series = family.series();
        Self { family, shape, touched: zeros(series), row: zeros(series * shape.cells()) }
    }

    // A missing value counts as other, and so does one that was not declared.
    pub(crate) fn place(&self, values: &[&str]) -> usize {
        self.family.dimensions.iter().enumerate().fold(0, |place, (i, dimension)| {
            let known = values.get(i).and_then(|v| dimension.values.iter().position(|d| d == v));
            place * (dimension.values.len() + 1) + known.unwrap_or(dimension.values.len())
        })
    }

    pub(crate) fn count(&self, place: usize, n: u64) {
        self.cells(place)[0].fetch_add(n, Ordering::Relaxed);
        self.touch(place);
    }

    /// Sets a sum that somebody else keeps; it never falls.
    #[cfg(feature = "metrics")]
    pub(crate) fn count_to(&self, place: usize, n: u64) {
        self.cells(place)[0].fetch_max(n, Ordering::Relaxed);
        self.touch(place);
    }

    pub(crate) fn set(&self, place: usize, value: f64) {
        if value.is_finite() {
            self.cells(place)[0].store(value.to_bits(), Ordering::Relaxed);
            self.touch(place);
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn change(&self, place: usize, by: f64) {
        if by.is_finite() {
            add(&self.cells(place)[0], by);
            self.touch(place);
        }
    }

    pub(crate) fn observe(&self, place: usize, value: f64) {
        let Shape::Histogram(bounds) = self.shape else { return };
        if !value.is_finite() {
            return;
        }
        let cells = self.cells(place);
        cells[0].fetch_add(1, Ordering::Relaxed);
        add(&cells[1], value);
        for (cell, bound) in cells[2..].iter().zip(bounds) {
            if value <= bound.most {
                cell.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.touch(place);
    }

    /// The labels that tell the series apart.
    #[cfg(feature = "metrics")]
    pub(crate) const fn dimensions(&self) -> &'static [Dimension] {
        self.family.dimensions
    }

    fn cells(&self, place: usize) -> &[AtomicU64] {
        let n = self.shape.cells();
        &self.row[place * n..(place + 1) * n]
    }

    fn touch(&self, place: usize) {
        self.touched[place].store(1, Ordering::Relaxed);
    }

    fn points(&self, at: Timestamp) -> impl Iterator<Item = MetricPoint> {
        let touched = self.touched.iter().enumerate();
        touched.filter(|(_, mark)| mark.load(Ordering::Relaxed) > 0).map(move |(place, _)| {
            let cells = self.cells(place);
            self.filled(self.tagged(MetricPoint::new(at, self.family.name), place), cells)
        })
    }

    fn tagged(&self, mut point: MetricPoint, place: usize) -> MetricPoint {
        let mut width = self.family.series();
        let mut rest = place;
        for dimension in self.family.dimensions {
            width /= dimension.values.len() + 1;
            let value = dimension.values.get(rest / width).copied().unwrap_or(OTHER);
            rest %= width;
            // Registration has parsed every value.
            if let Ok(value) = Label::parse(value) {
                point = point.tag(dimension.name, value);
            }
        }
        point
    }

    fn filled(&self, point: MetricPoint, cells: &[AtomicU64]) -> MetricPoint {
        let count = |i: usize| cells[i].load(Ordering::Relaxed);
        match self.shape {
            Shape::Counter => point.field("total", count(0) as f64),
            Shape::Gauge => point.field("value", f64::from_bits(count(0))),
            Shape::Histogram(bounds) => {
                let point =
                    point.field("count", count(0) as f64).field("sum", f64::from_bits(count(1)));
                bounds
                    .iter()
                    .enumerate()
                    .fold(point, |point, (i, bound)| point.field(bound.field, count(i + 2) as f64))
            }
        }
    }
}

const OTHER: &str = "other";

fn is_well_formed(family: &Family) -> bool {
    let names: Vec<_> = family.dimensions.iter().map(|d| d.name).collect();
    Label::parse(family.name).is_ok()
        && are_labels(&names)
        && family.dimensions.iter().all(|d| are_labels(d.values) && !d.values.contains(&OTHER))
}

fn are_labels(names: &[&str]) -> bool {
    let repeated = names.iter().enumerate().any(|(i, name)| names[..i].contains(name));
    !repeated && names.iter().all(|name| Label::parse(name).is_ok())
}

fn add(cell: &AtomicU64, value: f64) {
    let sum = |bits: u64| Some((f64::from_bits(bits) + value).to_bits());
    // The closure always answers, so the update always succeeds.
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: Family = Family {
        name: "requests",
        dimensions: &[
            Dimension { name: "route", values: &["compose", "forget"] },
            Dimension { name: "outcome", values: &["done", "refused"] },
        ],
    };

    fn now() -> Timestamp {
        Timestamp::from_millis(1_767_225_661_234)
    }

    fn tags(point: &MetricPoint) -> Vec<&str> {
        point.tags().iter().map(|(_, value)| value.as_ref()).collect()
    }

    #[test]
    fn each_series_is_counted_apart_and_its_time_is_coarse() {
        let metrics = Metrics::new(9);
        let requests = metrics.counter(ROUTES).unwrap();
        requests.add(&["compose", "done"], 3);
        requests.add(&["compose", "refused"], 1);
        requests.add(&["forget", "done"], 2);
        requests.add(&["compose", "done"], 4);
        let points = metrics.collect(now());
        let found: Vec<_> = points.iter().map(|p| (tags(p), p.fields()[0].1)).collect();
        let expected = [
            (vec!["compose", "done"], 7.0),
            (vec!["compose", "refused"], 1.0),
            (vec!["forget", "done"], 2.0),
        ];
        assert_eq!(found, expected);
        assert_eq!(points[0].at().as_millis() % 60_000, 0);
    }

    #[test]
    fn a_value_that_was_not_declared_becomes_no_series() {
        let metrics = Metrics::new(9);
        let requests = metrics.counter(ROUTES).unwrap();
        for i in 0..10_000 {
            requests.add(&[&format!("reader{i}@example.org"), "done"], 1);
        }
        requests.add(&[], 5);
        let points = metrics.collect(now());
        assert_eq!(points.len(), 2);
        assert_eq!(
            (tags(&points[0]), points[0].fields()),
            (vec!["other", "done"], &[("total", 10_000.0)][..])
        );
        assert_eq!(tags(&points[1]), ["other", "other"]);
    }

    #[test]
    fn the_bound_holds_over_all_families() {
        let metrics = Metrics::new(ROUTES.series());
        assert!(metrics.counter(ROUTES).is_ok());
        let one_more = Family { name: "more", dimensions: &[] };
        assert_eq!(metrics.gauge(one_more).err(), Some(Unregistered::TooManySeries));
    }

    #[test]
    fn names_that_are_malformed_or_repeated_are_refused() {
        let metrics = Metrics::new(100);
        let gauge = |name, dimensions| metrics.gauge(Family { name, dimensions }).err();
        assert_eq!(gauge("a\nb", &[]), Some(Unregistered::Malformed));
        assert_eq!(
            gauge("a", &[Dimension { name: "b", values: &["x@y"] }]),
            Some(Unregistered::Malformed)
        );
        assert_eq!(
            gauge("a", &[Dimension { name: "b", values: &["x", "x"] }]),
            Some(Unregistered::Malformed)
        );
        assert_eq!(
            gauge("a", &[Dimension { name: "b", values: &["other"] }]),
            Some(Unregistered::Malformed)
        );
        assert_eq!(gauge("a", &[]), None);
        assert_eq!(gauge("a", &[]), Some(Unregistered::Malformed));
    }

    #[test]
    fn gauges_and_histograms_keep_finite_numbers() {
        const BOUNDS: &[Bound] =
            &[Bound { field: "le_1", most: 1.0 }, Bound { field: "le_10", most: 10.0 }];
        let metrics = Metrics::new(10);
        let gauge = metrics.gauge(Family { name: "open", dimensions: &[] }).unwrap();
        let spread = metrics.histogram(Family { name: "took", dimensions: &[] }, BOUNDS).unwrap();
        gauge.set(&[], 7.5);
        gauge.set(&[], f64::NAN);
        [0.5, 1.0, 5.0, 50.0, f64::INFINITY].iter().for_each(|v| spread.observe(&[], *v));
        let points = metrics.collect(now());
        assert_eq!(points[0].fields(), [("value", 7.5)]);
        let expected = [("count", 4.0), ("sum", 56.5), ("le_1", 2.0), ("le_10", 3.0)];
        assert_eq!(points[1].fields(), expected);
    }
}
