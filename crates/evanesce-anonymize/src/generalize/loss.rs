use super::problem::{Axis, Grouped, Problem};

/// What is lost by generalising; less is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// The mean size of a class, where all rows that are left out are one more class
    /// (LeFevre and others, "Mondrian multidimensional k-anonymity", 2006).
    AverageClassSize,
    /// The sum of the squared sizes of all classes, those left out as well
    /// (Bayardo and Agrawal, "Data privacy through optimal k-anonymization", 2005,
    /// without its price for suppression).
    Discernibility,
    /// As [`Self::Discernibility`], where a row that is left out costs as much as the
    /// table has rows: the measure of the paper.
    DiscernibilityAndSuppression,
    /// The bits that generalising takes from each column: `-log2` of a value's share
    /// of what it was generalised to (Gionis and Tassa, "k-anonymization with minimal
    /// loss of information", 2009, non-uniform entropy). Rows left out cost nothing
    /// more.
    Entropy,
    /// As [`Self::Entropy`], and for a row left out the bits of its generalised values
    /// among all rows left out.
    EntropyAndSuppression,
    /// For each column the mean share of its domain that a value was generalised to,
    /// rows left out with all of it, from 0 to 1 (Iyengar, "Transforming data to
    /// satisfy privacy constraints", 2002); of the columns the geometric mean, each
    /// with 1 added that is taken off again.
    Share,
}

impl Loss {
    /// The loss, and a bound of it: no coarser combination loses less than the bound.
    pub(super) fn of(
        self,
        problem: &Problem<'_>,
        levels: &[usize],
        grouped: &Grouped,
        kept: &[bool],
    ) -> (f64, f64) {
        match self {
            Self::AverageClassSize => average(problem, grouped, kept),
            Self::Discernibility => {
                let squares = squares(&grouped.sizes, |_| true);
                (squares, squares)
            }
            Self::DiscernibilityAndSuppression => {
                let left_out = float(grouped.suppressed(kept)) * float(problem.rows);
                let shown = squares(&grouped.sizes, |class| kept[class]);
                (shown + left_out, squares(&grouped.sizes, |_| true))
            }
            Self::Entropy => {
                let bits = generalised_bits(problem, levels);
                (bits, bits)
            }
            Self::EntropyAndSuppression => {
                let bits = generalised_bits(problem, levels);
                (bits + suppressed_bits(problem, levels, grouped, kept), bits)
            }
            Self::Share => {
                let none = vec![true; kept.len()];
                let share = |kept: &[bool]| share(problem, levels, grouped, kept);
                (share(kept), share(&none))
            }
        }
    }

    /// What can be said before the rows are grouped: a bound of this combination's loss
    /// that only grows with each level.
    pub(super) fn bound(self, problem: &Problem<'_>, levels: &[usize]) -> f64 {
        match self {
            Self::Entropy | Self::EntropyAndSuppression => generalised_bits(problem, levels),
            Self::Share => {
                let axes = problem.axes.iter().zip(levels);
                geometric(axes.map(|(axis, level)| {
                    let counts = axis.counts(*level);
                    normalised(axis, problem.rows, covered(axis, *level, counts))
                }))
            }
            Self::AverageClassSize | Self::Discernibility | Self::DiscernibilityAndSuppression => {
                0.0
            }
        }
    }
}

fn average(problem: &Problem<'_>, grouped: &Grouped, kept: &[bool]) -> (f64, f64) {
    let shown = kept.iter().filter(|kept| **kept).count();
    let is_one_more = usize::from(shown < kept.len());
    let rows = float(problem.rows);
    (rows / float(shown + is_one_more), rows / float(grouped.sizes.len()))
}

fn squares(sizes: &[usize], counts: impl Fn(usize) -> bool) -> f64 {
    let counted = sizes.iter().enumerate().filter(|(class, _)| counts(*class));
    counted.map(|(_, size)| float(*size) * float(*size)).sum()
}

fn generalised_bits(problem: &Problem<'_>, levels: &[usize]) -> f64 {
    let axes = problem.axes.iter().zip(levels);
    axes.map(|(axis, level)| axis_bits(axis, *level)).sum()
}

fn axis_bits(axis: &Axis<'_>, level: usize) -> f64 {
    let (upper, codes) = (axis.counts(level), axis.hierarchy.codes(level));
    let lower = axis.counts(0).iter().zip(codes);
    let bits = lower.filter(|(count, _)| **count > 0).map(|(count, code)| {
        let count = whole(*count);
        count * (whole(upper[*code as usize]) / count).log2()
    });
    bits.sum()
}

fn suppressed_bits(
    problem: &Problem<'_>,
    levels: &[usize],
    grouped: &Grouped,
    kept: &[bool],
) -> f64 {
    let left_out = float(grouped.suppressed(kept));
    let axes = levels.iter().enumerate();
    let bits = axes.map(|(axis, level)| -> f64 {
        let counts = problem.left_out(axis, *level, grouped, kept);
        let counts = counts.iter().filter(|count| **count > 0).map(|count| whole(*count));
        counts.map(|count| count * (left_out / count).log2()).sum()
    });
    bits.sum()
}

fn share(problem: &Problem<'_>, levels: &[usize], grouped: &Grouped, kept: &[bool]) -> f64 {
    let left_out = float(grouped.suppressed(kept));
    geometric(levels.iter().enumerate().map(|(place, level)| {
        let axis = &problem.axes[place];
        let without = problem.left_out(place, *level, grouped, kept);
        let shown = axis.counts(*level).iter().zip(without).map(|(all, without)| all - without);
        let shown: Vec<u64> = shown.collect();
        normalised(axis, problem.rows, covered(axis, *level, &shown) + left_out)
    }))
}

// The shares of the domain that rows were generalised to, added up.
fn covered(axis: &Axis<'_>, level: usize, counts: &[u64]) -> f64 {
    let mut under = vec![0_u64; counts.len()];
    for code in axis.hierarchy.codes(level) {
        under[*code as usize] += 1;
    }
    let shares = counts.iter().zip(under).map(|(count, under)| whole(*count) * whole(under));
    shares.sum::<f64>() / float(axis.hierarchy.domain())
}

// From nothing generalised to everything.
fn normalised(axis: &Axis<'_>, rows: usize, covered: f64) -> f64 {
    let least = float(rows) / float(axis.hierarchy.domain());
    let most = float(rows);
    if most > least { ((covered - least) / (most - least)).max(0.0) } else { 0.0 }
}

fn geometric(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let root = 1.0 / float(values.len());
    values.map(|value| (value + 1.0).powf(root)).product::<f64>() - 1.0
}

#[allow(clippy::cast_precision_loss, reason = "rows are under 2^32")]
const fn float(count: usize) -> f64 {
    count as f64
}

#[allow(clippy::cast_precision_loss, reason = "rows are under 2^32")]
const fn whole(count: u64) -> f64 {
    count as f64
}
