//! What can be said from released tables. Nothing here sees an event or an exact
//! count, so nothing here costs budget: it is post-processing.
//!
//! Cells that were not shown count as nothing, so totals are from below.

use crate::ReleasedTable;

/// A value with half the width of its 95 % interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: i64,
    /// Half the width; 0 where no noise was added.
    pub margin: u64,
}

/// A fraction of 1 with the bounds that the noise leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The lower bound.
    pub low: f64,
    /// The value.
    pub value: f64,
    /// The upper bound.
    pub high: f64,
}

/// The sum of all shown cells.
#[must_use]
pub fn total(table: &ReleasedTable) -> Estimate {
    sum(table.rows.iter().map(|row| (row.value, row.margin)))
}

/// One dimension of a table alone: its labels in the order of the table, each with
/// the sum of the shown cells that have it.
#[must_use]
pub fn marginal(table: &ReleasedTable, dimension: usize) -> Vec<(&str, Estimate)> {
    let mut labels: Vec<&str> = Vec::new();
    for label in table.rows.iter().filter_map(|row| row.labels.get(dimension)) {
        if !labels.contains(&label.as_str()) {
            labels.push(label);
        }
    }
    let estimate = |label: &str| sum(cells(table, dimension, label));
    labels.into_iter().map(|label| (label, estimate(label))).collect()
}

/// The `k` most frequent labels of a dimension, the most frequent first, equal ones
/// in the order of their labels.
#[must_use]
pub fn most_popular(table: &ReleasedTable, dimension: usize, k: usize) -> Vec<(&str, Estimate)> {
    let mut labels = marginal(table, dimension);
    labels.sort_by(|one, two| two.1.value.cmp(&one.1.value).then(one.0.cmp(two.0)));
    labels.truncate(k);
    labels
}

/// The part of the shown sum that has `label` in a dimension, such as a rate of
/// success; `None` if nothing is shown.
#[must_use]
pub fn share(table: &ReleasedTable, dimension: usize, label: &str) -> Option<Share> {
    let part = sum(cells(table, dimension, label));
    let rest = table.rows.iter().filter(|row| row.labels.get(dimension).is_none_or(|l| l != label));
    let rest = sum(rest.map(|row| (row.value, row.margin)));
    let fraction = |part: f64, rest: f64| {
        let (part, rest) = (part.max(0.0), rest.max(0.0));
        (part + rest > 0.0).then(|| part / (part + rest))
    };
    let (p, r) = (float(part.value), float(rest.value));
    let (pm, rm) = (float_of(part.margin), float_of(rest.margin));
    Some(Share {
        low: fraction(p - pm, r + rm).unwrap_or(0.0),
        value: fraction(p, r)?,
        high: fraction(p + pm, r - rm).unwrap_or(1.0),
    })
}

/// The mean of a bucketed number: the shown buckets, each weighed with what it
/// stands for. `None` if nothing is shown, or a shown label stands for nothing.
#[must_use]
pub fn mean(
    table: &ReleasedTable,
    dimension: usize,
    stands_for: impl Fn(&str) -> Option<f64>,
) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for row in &table.rows {
        let value = stands_for(row.labels.get(dimension)?)?;
        let count = float(row.value).max(0.0);
        sum += value * count;
        weight += count;
    }
    (weight > 0.0).then(|| sum / weight)
}

fn cells<'a>(
    table: &'a ReleasedTable,
    dimension: usize,
    label: &'a str,
) -> impl Iterator<Item = (i64, u64)> + 'a {
    let rows = table.rows.iter();
    let rows = rows.filter(move |row| row.labels.get(dimension).is_some_and(|l| l == label));
    rows.map(|row| (row.value, row.margin))
}

/// Independent margins add up by their squares. For discrete Laplace noise of one
/// scale the interval of the sum holds at least 95 %: the tails of a sum are lighter
/// than those of its parts.
fn sum(parts: impl Iterator<Item = (i64, u64)>) -> Estimate {
    let (value, squares) = parts.fold((0_i64, 0_u128), |(value, squares), (part, margin)| {
        let square = u128::from(margin).saturating_mul(u128::from(margin));
        (value.saturating_add(part), squares.saturating_add(square))
    });
    let root = squares.isqrt();
    let is_exact = root * root == squares;
    let margin = u64::try_from(if is_exact { root } else { root + 1 }).unwrap_or(u64::MAX);
    Estimate { value, margin }
}

#[allow(clippy::cast_precision_loss, reason = "a ratio needs no more than 53 bits")]
const fn float(value: i64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss, reason = "a ratio needs no more than 53 bits")]
const fn float_of(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use evanesce_core::Timestamp;

    use super::*;
    use crate::noise::{Noise, margin};
    use crate::{Epsilon, ReleasedRow, WindowId};

    fn table(rows: &[(&[&str], i64, u64)]) -> ReleasedTable {
        let rows = rows.iter().map(|(labels, value, margin)| ReleasedRow {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            value: *value,
            margin: *margin,
        });
        ReleasedTable {
            table: "composed".to_owned(),
            window: WindowId(1),
            at: Timestamp::from_millis(0),
            rows: rows.collect(),
        }
    }

    #[test]
    fn sums_and_rankings_follow_the_labels() {
        let table = table(&[
            (&["energy", "yes"], 30, 3),
            (&["energy", "no"], 10, 4),
            (&["travel", "yes"], 50, 0),
            (&["art", "no"], 40, 0),
        ]);
        assert_eq!(total(&table), Estimate { value: 130, margin: 5 });
        assert_eq!(
            most_popular(&table, 0, 2),
            [
                ("travel", Estimate { value: 50, margin: 0 }),
                ("art", Estimate { value: 40, margin: 0 })
            ]
        );
        assert_eq!(marginal(&table, 0)[0], ("energy", Estimate { value: 40, margin: 5 }));
        let rate = share(&table, 1, "yes").unwrap();
        assert!((rate.value - 80.0 / 130.0).abs() < 1e-9);
        assert!(rate.low < rate.value && rate.value < rate.high);
    }

    #[test]
    fn an_empty_table_has_no_rate_and_no_mean() {
        let empty = table(&[]);
        assert_eq!(total(&empty), Estimate { value: 0, margin: 0 });
        assert_eq!(share(&empty, 0, "yes"), None);
        assert_eq!(mean(&empty, 0, |_| Some(1.0)), None);
        assert!(marginal(&empty, 9).is_empty());
    }

    #[test]
    fn a_mean_weighs_the_buckets() {
        let table = table(&[(&["from-0"], 10, 0), (&["from-4"], 30, 0)]);
        let stands_for = |label: &str| match label {
            "from-0" => Some(0.0),
            "from-4" => Some(6.0),
            _ => None,
        };
        assert_eq!(mean(&table, 0, stands_for), Some(4.5));
        assert_eq!(mean(&table, 0, |_| None), None);
    }

    #[test]
    fn the_margin_of_a_sum_holds_95_percent() {
        let epsilon = Epsilon::micros(300_000);
        let margin = margin(epsilon, 1);
        let mut noise = Noise::new(epsilon, 1).unwrap();
        for parts in [2_usize, 5, 20] {
            let within = (0..2_000).filter(|_| {
                let drawn = sum((0..parts).map(|_| (noise.add(0), margin)));
                drawn.value.unsigned_abs() <= drawn.margin
            });
            // 95 % of 2,000 are 1,900; six standard deviations are 58.
            assert!(within.count() > 1_842, "{parts}");
        }
    }
}
