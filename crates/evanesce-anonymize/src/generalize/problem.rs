use std::collections::HashMap;

use super::requirement::Check;
use super::{GeneralizeError, Hierarchy, MOST_COMBINATIONS};
use crate::disclosure::MicroTable;

/// A quasi-identifier.
pub(super) struct Axis<'t> {
    pub(super) name: &'t str,
    pub(super) hierarchy: &'t Hierarchy,
    // For each row the place of its value in the hierarchy.
    places: Vec<u32>,
    // For each level and code the rows that have it.
    counts: Vec<Vec<u64>>,
}

impl<'t> Axis<'t> {
    pub(super) fn new(
        table: &MicroTable,
        name: &'t str,
        hierarchy: &'t Hierarchy,
    ) -> Result<Self, GeneralizeError> {
        let column = table.column(name)?;
        let known: Option<Vec<u32>> = column.values.iter().map(|it| hierarchy.place(it)).collect();
        let known = known.ok_or(GeneralizeError::Value)?;
        let places: Vec<u32> = column.cells.iter().map(|cell| known[*cell as usize]).collect();
        let counts = (0..hierarchy.levels()).map(|level| {
            let codes = hierarchy.codes(level);
            let mut counts = vec![0_u64; hierarchy.width(level)];
            for place in &places {
                counts[codes[*place as usize] as usize] += 1;
            }
            counts
        });
        let counts = counts.collect();
        Ok(Self { name, hierarchy, places, counts })
    }

    /// The value of a row at a level.
    pub(super) fn value(&self, row: usize, level: usize) -> &str {
        let code = self.hierarchy.codes(level)[self.places[row] as usize];
        self.hierarchy.name(level, code).unwrap_or_default()
    }

    /// How many rows each code of a level has.
    pub(super) fn counts(&self, level: usize) -> &[u64] {
        &self.counts[level]
    }
}

/// A table made ready to be grouped many times: rows that agree in everything that
/// counts are one.
pub(super) struct Problem<'p> {
    pub(super) axes: &'p [Axis<'p>],
    checks: &'p [Check<'p>],
    pub(super) rows: usize,
    pub(super) most_suppressed: usize,
    pub(super) combinations: usize,
    // Tuples of places, one after the other, and for each row its tuple.
    tuples: Vec<u32>,
    of_row: Vec<u32>,
    sizes: Vec<u32>,
    // For each check with a sensitive column, for each tuple, its values with counts.
    values: Vec<Option<OfTuples>>,
}

// The values of one sensitive column, each with its count.
struct OfTuples(Vec<Vec<(u32, u32)>>);

/// The tuples in classes, at a combination of levels.
pub(super) struct Grouped {
    pub(super) of_tuple: Vec<u32>,
    pub(super) sizes: Vec<usize>,
}

impl Grouped {
    pub(super) fn suppressed(&self, kept: &[bool]) -> usize {
        self.sizes.iter().zip(kept).filter(|(_, kept)| !**kept).map(|(size, _)| size).sum()
    }
}

impl<'p> Problem<'p> {
    pub(super) fn new(
        table: &MicroTable,
        axes: &'p [Axis<'p>],
        checks: &'p [Check<'p>],
        most_suppressed: usize,
    ) -> Result<Self, GeneralizeError> {
        let combinations =
            axes.iter().try_fold(1_usize, |all, axis| all.checked_mul(axis.hierarchy.levels()));
        let keys = axes
            .iter()
            .try_fold(1_u128, |all, axis| all.checked_mul(axis.hierarchy.width(0) as u128));
        let combinations = combinations
            .filter(|it| *it <= MOST_COMBINATIONS && keys.is_some())
            .ok_or(GeneralizeError::TooLarge)?;
        let rows = table.rows();
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let (mut tuples, mut of_row, mut sizes) =
            (Vec::new(), Vec::with_capacity(rows), Vec::new());
        for row in 0..rows {
            let tuple: Vec<u32> = axes.iter().map(|axis| axis.places[row]).collect();
            // There are no more tuples than rows, whose number fits.
            let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
            let number = *known.entry(tuple).or_insert_with_key(|tuple| {
                tuples.extend_from_slice(tuple);
                sizes.push(0_u32);
                next
            });
            sizes[number as usize] += 1;
            of_row.push(number);
        }
        let values = checks.iter().map(|check| {
            check.sensitive.as_ref().map(|it| counted(&of_row, &it.codes, sizes.len()))
        });
        let values = values.collect();
        Ok(Self {
            axes,
            checks,
            rows,
            most_suppressed,
            combinations,
            tuples,
            of_row,
            sizes,
            values,
        })
    }

    /// Classes at a combination of levels.
    pub(super) fn group(&self, levels: &[usize]) -> Grouped {
        // A class has a number of mixed base, of which each axis is a digit.
        let mut stride = 1_u128;
        let digits: Vec<(&[u32], u128)> = self
            .axes
            .iter()
            .zip(levels)
            .map(|(axis, level)| {
                let digit = (axis.hierarchy.codes(*level), stride);
                stride *= axis.hierarchy.width(*level) as u128;
                digit
            })
            .collect();
        let mut known: HashMap<u128, u32> = HashMap::new();
        let (mut of_tuple, mut sizes) = (Vec::with_capacity(self.sizes.len()), Vec::new());
        for (tuple, count) in self.tuples.chunks(self.axes.len()).zip(&self.sizes) {
            let number = tuple
                .iter()
                .zip(&digits)
                .map(|(place, (codes, stride))| u128::from(codes[*place as usize]) * stride);
            let next = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
            let class = *known.entry(number.sum()).or_insert(next);
            if class == next {
                sizes.push(0_usize);
            }
            sizes[class as usize] += *count as usize;
            of_tuple.push(class);
        }
        Grouped { of_tuple, sizes }
    }

    /// How many rows lie in classes that are too small, whatever is in them.
    pub(super) fn too_small(&self, grouped: &Grouped) -> usize {
        let least = self.checks.iter().map(Check::least_size).max().unwrap_or(1);
        grouped.sizes.iter().filter(|size| **size < least).sum()
    }

    /// For each class whether it keeps everything that is required.
    pub(super) fn kept(&self, grouped: &Grouped) -> Vec<bool> {
        let mut kept = vec![true; grouped.sizes.len()];
        let members = Members::new(grouped);
        for (check, values) in self.checks.iter().zip(&self.values) {
            let mut counts = Counts::new(check.sensitive.as_ref().map_or(0, |it| it.totals.len()));
            for (class, size) in grouped.sizes.iter().enumerate() {
                if !kept[class] {
                    continue;
                }
                counts.clear();
                if let Some(values) = values {
                    for tuple in members.of(class) {
                        values.0[*tuple as usize].iter().for_each(|pair| counts.add(*pair));
                    }
                }
                kept[class] = check.holds(*size, counts.sorted());
            }
        }
        kept
    }

    /// For each row whether its class is kept.
    pub(super) fn rows(&self, grouped: &Grouped, kept: &[bool]) -> Vec<bool> {
        let class = |tuple: &u32| grouped.of_tuple[*tuple as usize] as usize;
        self.of_row.iter().map(|tuple| kept[class(tuple)]).collect()
    }

    /// How often each code of an axis is in the classes that are not kept.
    pub(super) fn left_out(
        &self,
        axis: usize,
        level: usize,
        grouped: &Grouped,
        kept: &[bool],
    ) -> Vec<u64> {
        let hierarchy = self.axes[axis].hierarchy;
        let mut counts = vec![0_u64; hierarchy.width(level)];
        let tuples = self.tuples.chunks(self.axes.len()).zip(&self.sizes);
        for ((tuple, size), class) in tuples.zip(&grouped.of_tuple) {
            if !kept[*class as usize] {
                let code = hierarchy.codes(level)[tuple[axis] as usize];
                counts[code as usize] += u64::from(*size);
            }
        }
        counts
    }
}

fn counted(of_row: &[u32], codes: &[u32], tuples: usize) -> OfTuples {
    let mut pairs: Vec<(u32, u32)> = of_row.iter().copied().zip(codes.iter().copied()).collect();
    pairs.sort_unstable();
    let mut values = vec![Vec::new(); tuples];
    for run in pairs.chunk_by(|one, two| one == two) {
        let (tuple, code) = run[0];
        values[tuple as usize].push((code, u32::try_from(run.len()).unwrap_or(u32::MAX)));
    }
    OfTuples(values)
}

// The tuples of each class, by counting.
struct Members {
    starts: Vec<usize>,
    tuples: Vec<u32>,
}

impl Members {
    fn new(grouped: &Grouped) -> Self {
        let mut starts = vec![0_usize; grouped.sizes.len() + 1];
        for class in &grouped.of_tuple {
            starts[*class as usize + 1] += 1;
        }
        for place in 1..starts.len() {
            starts[place] += starts[place - 1];
        }
        let mut next = starts.clone();
        let mut tuples = vec![0_u32; grouped.of_tuple.len()];
        for (tuple, class) in (0_u32..).zip(&grouped.of_tuple) {
            let place = &mut next[*class as usize];
            tuples[*place] = tuple;
            *place += 1;
        }
        Self { starts, tuples }
    }

    fn of(&self, class: usize) -> &[u32] {
        &self.tuples[self.starts[class]..self.starts[class + 1]]
    }
}

// Counts of a class's values, in space for all values that is used again.
struct Counts {
    of: Vec<u32>,
    pairs: Vec<(u32, u32)>,
}

impl Counts {
    fn new(values: usize) -> Self {
        Self { of: vec![0; values], pairs: Vec::new() }
    }

    fn clear(&mut self) {
        for (code, _) in self.pairs.drain(..) {
            self.of[code as usize] = 0;
        }
    }

    fn add(&mut self, (code, count): (u32, u32)) {
        let held = &mut self.of[code as usize];
        if *held == 0 {
            self.pairs.push((code, 0));
        }
        *held += count;
    }

    fn sorted(&mut self) -> &[(u32, u32)] {
        self.pairs.sort_unstable();
        for (code, count) in &mut self.pairs {
            *count = self.of[*code as usize];
        }
        &self.pairs
    }
}
