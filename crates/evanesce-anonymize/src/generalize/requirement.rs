use super::{GeneralizeError, Hierarchy};
use crate::disclosure::{Distance, MicroTable};

/// What every class of rows that look alike has to keep. A class that does not is
/// left out, as far as [`suppress_at_most`](super::Generalization::suppress_at_most)
/// allows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Requirement<'t> {
    /// The values of a sensitive column are distributed in each class as in the whole
    /// table, up to an earth mover's distance of `t` (Li, Li and Venkatasubramanian,
    /// "t-closeness", 2007, section 4).
    Closeness {
        /// The sensitive column.
        sensitive: &'t str,
        /// The distance, 0 to 1.
        t: f64,
        /// How far two values are from each other.
        distance: Distance,
    },
    /// At least `l` different values (Machanavajjhala and others, "l-diversity:
    /// privacy beyond k-anonymity", 2007).
    DistinctDiversity {
        /// The sensitive column.
        sensitive: &'t str,
        /// How many, 1 and more.
        l: usize,
    },
    /// An entropy of at least `ln l` (the same paper, definition 4.1).
    EntropyDiversity {
        /// The sensitive column.
        sensitive: &'t str,
        /// 1 and more.
        l: f64,
    },
    /// As [`Self::Closeness`], where two values are as far from each other as the level
    /// at which a hierarchy joins them (the same paper, section 4.2).
    HierarchicalCloseness {
        /// The sensitive column.
        sensitive: &'t str,
        /// The distance, 0 to 1.
        t: f64,
        /// What joins the values, up to one value at its last level.
        hierarchy: &'t Hierarchy,
    },
    /// At least `k` rows (Sweeney, "k-anonymity: a model for protecting privacy", 2002).
    KAnonymity {
        /// How many, 1 and more.
        k: usize,
    },
    /// The most frequent value is under `c` times as frequent as the `l`-th and all
    /// rarer ones together (Machanavajjhala and others 2007, definition 4.2).
    RecursiveDiversity {
        /// The sensitive column.
        sensitive: &'t str,
        /// Above 0.
        c: f64,
        /// 1 and more.
        l: usize,
    },
}

/// A requirement with what it needs of the table.
pub(super) struct Check<'t> {
    requirement: Requirement<'t>,
    pub(super) sensitive: Option<Column<'t>>,
    tree: Vec<Level>,
}

pub(super) struct Column<'t> {
    name: &'t str,
    // For each row the number of its value, of which smaller ones are lesser values.
    pub(super) codes: Vec<u32>,
    pub(super) totals: Vec<u32>,
    rows: u64,
}

// For each value of the column the value of the hierarchy's level that it lies under.
struct Level {
    of: Vec<u32>,
    width: usize,
}

impl<'t> Check<'t> {
    pub(super) fn new(
        table: &'t MicroTable,
        requirement: Requirement<'t>,
    ) -> Result<Self, GeneralizeError> {
        let is_share = |t: f64| (0.0..=1.0).contains(&t);
        let (name, is_right) = match requirement {
            Requirement::KAnonymity { k } => (None, k >= 1),
            Requirement::DistinctDiversity { sensitive, l } => (Some(sensitive), l >= 1),
            Requirement::EntropyDiversity { sensitive, l } => {
                (Some(sensitive), l >= 1.0 && l.is_finite())
            }
            Requirement::RecursiveDiversity { sensitive, c, l } => {
                (Some(sensitive), l >= 1 && c > 0.0 && c.is_finite())
            }
            Requirement::Closeness { sensitive, t, .. }
            | Requirement::HierarchicalCloseness { sensitive, t, .. } => {
                (Some(sensitive), is_share(t))
            }
        };
        if !is_right {
            return Err(GeneralizeError::Requirement);
        }
        let mut tree = Vec::new();
        let mut sensitive = None;
        if let Some(name) = name {
            let column = table.column(name)?;
            let (codes, totals) = column.ranked();
            let rows = table.rows() as u64;
            if let Requirement::HierarchicalCloseness { hierarchy, .. } = requirement {
                let places: Option<Vec<u32>> =
                    column.ranked_values().iter().map(|value| hierarchy.place(value)).collect();
                let places = places.ok_or(GeneralizeError::Value)?;
                tree = levels(hierarchy, &places)?;
            }
            sensitive = Some(Column { name, codes, totals, rows });
        }
        Ok(Self { requirement, sensitive, tree })
    }

    pub(super) fn column(&self) -> Option<&'t str> {
        self.sensitive.as_ref().map(|it| it.name)
    }

    /// The size that a class has to have at least, whatever is in it. If a class has
    /// it, so has every class that holds it.
    pub(super) fn least_size(&self) -> usize {
        match self.requirement {
            Requirement::KAnonymity { k } => k,
            Requirement::DistinctDiversity { l, .. }
            | Requirement::RecursiveDiversity { l, .. } => l,
            Requirement::EntropyDiversity { l, .. } => whole(l),
            Requirement::Closeness { .. } | Requirement::HierarchicalCloseness { .. } => 1,
        }
    }

    /// Whether a class of `size` rows with these counts of its values keeps it.
    #[allow(clippy::cast_precision_loss, reason = "rows are under 2^32")]
    pub(super) fn holds(&self, size: usize, counts: &[(u32, u32)]) -> bool {
        match self.requirement {
            Requirement::KAnonymity { k } => size >= k,
            Requirement::DistinctDiversity { l, .. } => counts.len() >= l,
            Requirement::EntropyDiversity { l, .. } => {
                let size = size as f64;
                let each = |(_, count): &(u32, u32)| f64::from(*count) * f64::from(*count).ln();
                let sum: f64 = counts.iter().map(each).sum();
                counts.len() >= whole(l) && size * (size.ln() - l.ln()) >= sum
            }
            Requirement::RecursiveDiversity { c, l, .. } => recursive(counts, c, l),
            Requirement::Closeness { t, distance, .. } => {
                self.sensitive.as_ref().is_none_or(|it| it.distance(size, counts, distance) <= t)
            }
            Requirement::HierarchicalCloseness { t, .. } => {
                self.sensitive.as_ref().is_none_or(|it| it.along(&self.tree, size, counts) <= t)
            }
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is 1 and more, and what does not fit is more than any class has"
)]
fn whole(l: f64) -> usize {
    l.ceil() as usize
}

fn recursive(counts: &[(u32, u32)], c: f64, l: usize) -> bool {
    let mut falling: Vec<u32> = counts.iter().map(|(_, count)| *count).collect();
    falling.sort_unstable_by(|one, two| two.cmp(one));
    let Some(rare) = falling.get(l - 1..).filter(|rare| !rare.is_empty()) else { return false };
    let rare: f64 = rare.iter().copied().map(f64::from).sum();
    f64::from(falling[0]) < c * rare
}

// The levels above the values, of which the last has to be one value.
fn levels(hierarchy: &Hierarchy, places: &[u32]) -> Result<Vec<Level>, GeneralizeError> {
    let height = hierarchy.levels();
    if hierarchy.width(height - 1) != 1 {
        return Err(GeneralizeError::Hierarchy);
    }
    let level = |depth: usize| {
        let codes = hierarchy.codes(depth);
        let of = places.iter().map(|place| codes[*place as usize]).collect();
        Level { of, width: hierarchy.width(depth) }
    };
    Ok((0..height).map(level).collect())
}

impl Column<'_> {
    // What a class has too much of each value, in parts of its size times all rows.
    fn surplus(&self, size: usize, counts: &[(u32, u32)]) -> Vec<i128> {
        let size = size as i128;
        let missing = |total: &u32| -i128::from(*total) * size;
        let mut surplus: Vec<i128> = self.totals.iter().map(missing).collect();
        for (code, count) in counts {
            surplus[*code as usize] += i128::from(*count) * i128::from(self.rows);
        }
        surplus
    }

    #[allow(clippy::cast_precision_loss, reason = "the quotient needs no more than 53 bits")]
    fn distance(&self, size: usize, counts: &[(u32, u32)], distance: Distance) -> f64 {
        let surplus = self.surplus(size, counts);
        let whole = size as f64 * self.rows as f64;
        match distance {
            Distance::Equal => surplus.iter().map(|it| (*it).max(0)).sum::<i128>() as f64 / whole,
            Distance::Ordered if surplus.len() < 2 => 0.0,
            Distance::Ordered => {
                let mut carried = 0_i128;
                let mut moved = 0_u128;
                for value in &surplus {
                    carried += value;
                    moved += carried.unsigned_abs();
                }
                moved as f64 / (whole * (surplus.len() - 1) as f64)
            }
        }
    }

    // Each value of a level evens out among those under it what it can, at the price of
    // its height, and hands the rest up.
    #[allow(clippy::cast_precision_loss, reason = "the quotient needs no more than 53 bits")]
    fn along(&self, tree: &[Level], size: usize, counts: &[(u32, u32)]) -> f64 {
        let leaves = self.surplus(size, counts);
        let height = tree.len() - 1;
        let mut below: Vec<i128> = Vec::new();
        let mut cost = 0.0;
        for (depth, level) in tree.iter().enumerate() {
            let mut here = vec![0_i128; level.width];
            for (leaf, place) in leaves.iter().zip(&level.of) {
                here[*place as usize] += leaf;
            }
            if depth > 0 {
                let mut sides = vec![(0_i128, 0_i128); level.width];
                let mut is_seen = vec![false; below.len()];
                for (lower, upper) in tree[depth - 1].of.iter().zip(&level.of) {
                    if std::mem::replace(&mut is_seen[*lower as usize], true) {
                        continue;
                    }
                    let rest = below[*lower as usize];
                    let side = &mut sides[*upper as usize];
                    if rest > 0 { side.0 += rest } else { side.1 -= rest }
                }
                let evened: i128 = sides.iter().map(|(more, less)| (*more).min(*less)).sum();
                cost += depth as f64 / height as f64 * evened as f64;
            }
            below = here;
        }
        cost / (size as f64 * self.rows as f64)
    }
}
