/// How far two values are from each other, for [`Sensitive::t_closeness`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Distance {
    /// 1 between any two: categories.
    Equal,
    /// The difference of their ranks over the greatest difference. Numbers are
    /// ranked by size, and so is a column of nothing but numbers; other values by
    /// their text.
    Ordered,
}

/// How a measure is read, where a common tool departs from the paper that it cites. The
/// tool's reading is for comparing numbers with it, and promises less.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reading {
    /// As the paper defines it.
    Paper,
    /// As pyCANON 1 computes it.
    Pycanon,
}

/// What a value that a class does not hold means, for [`Sensitive::delta_disclosure`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Absent {
    /// The class excludes it for certain: the measure is infinite, as the paper has it.
    Infinite,
    /// Only the values that a class holds are looked at, as common tools do.
    Skipped,
}

/// How often each value of a sensitive column is in each class.
pub struct Sensitive {
    // The counts of each class, by rank of the value.
    classes: Vec<Vec<(u32, u32)>>,
    sizes: Vec<u32>,
    totals: Vec<u32>,
    rows: u32,
    is_numeric: bool,
}

impl Sensitive {
    pub(super) fn new(of_row: &[u32], sizes: &[u32], cells: &[u32], values: &[String]) -> Self {
        let (rank, is_numeric) = ranks(values);
        let mut totals = vec![0_u32; rank.iter().max().map_or(0, |it| *it as usize + 1)];
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(cells.len());
        for (class, cell) in of_row.iter().zip(cells) {
            let rank = rank[*cell as usize];
            totals[rank as usize] += 1;
            pairs.push((*class, rank));
        }
        pairs.sort_unstable();
        let mut classes = vec![Vec::new(); sizes.len()];
        for run in pairs.chunk_by(|a, b| a == b) {
            let (class, rank) = run[0];
            let count = u32::try_from(run.len()).unwrap_or(u32::MAX);
            classes[class as usize].push((rank, count));
        }
        let rows = sizes.iter().sum();
        Self { classes, sizes: sizes.to_vec(), totals, rows, is_numeric }
    }

    /// The distance that suits the column: ordered if every value is a number.
    #[must_use]
    pub const fn natural_distance(&self) -> Distance {
        if self.is_numeric { Distance::Ordered } else { Distance::Equal }
    }

    /// The least number of different values in a class (Machanavajjhala and others,
    /// "l-diversity: privacy beyond k-anonymity", 2007, distinct l-diversity).
    #[must_use]
    pub fn distinct_l(&self) -> usize {
        self.classes.iter().map(Vec::len).min().unwrap_or(0)
    }

    /// The least `exp(entropy)` of a class: the table is entropy l-diverse for each
    /// l up to it (the same paper, definition 4.1).
    #[must_use]
    pub fn entropy_l(&self) -> f64 {
        self.shares(|shares| -> f64 { shares.map(|(q, _)| -q * q.ln()).sum::<f64>().exp() })
            .fold(f64::INFINITY, f64::min)
    }

    /// The bound of `c` from which on the table is recursive (c, l)-diverse: the
    /// greatest `r1 / (rl + … + rm)` of a class, whose counts `r` fall (the same
    /// paper, definition 4.2). It is diverse for each `c` *above*. None if `l` is 0 or
    /// a class has fewer than `l` values, because no `c` helps then.
    #[must_use]
    pub fn recursive_c(&self, l: usize) -> Option<f64> {
        self.recursive_c_as(l, Reading::Paper)
    }

    /// As [`Self::recursive_c`]; in pyCANON's reading the counts rise, so that the bound
    /// is about the rarest value and says little of the most frequent one.
    #[must_use]
    pub fn recursive_c_as(&self, l: usize, reading: Reading) -> Option<f64> {
        let mut greatest = 0.0_f64;
        for class in &self.classes {
            let mut counts: Vec<u32> = class.iter().map(|(_, count)| *count).collect();
            match reading {
                Reading::Paper => counts.sort_unstable_by(|a, b| b.cmp(a)),
                Reading::Pycanon => counts.sort_unstable(),
            }
            let others: u64 = counts.get(l.checked_sub(1)?..)?.iter().copied().map(u64::from).sum();
            if others == 0 {
                return None;
            }
            #[allow(clippy::cast_precision_loss, reason = "rows are under 2^32")]
            let ratio = f64::from(*counts.first()?) / others as f64;
            greatest = greatest.max(ratio);
        }
        Some(greatest)
    }

    /// The greatest share of one value in a class (Wong and others, "(alpha,
    /// k)-anonymity", 2006).
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.shares(|shares| shares.map(|(q, _)| q).fold(0.0, f64::max)).fold(0.0, f64::max)
    }

    /// The greatest relative gain `(q - p) / p` of a value's share in a class over
    /// its share in the table (Cao and Karras, "Publishing microdata with a robust
    /// privacy guarantee", 2012, definition 2).
    #[must_use]
    pub fn basic_beta(&self) -> f64 {
        self.shares(|shares| shares.map(|(q, p)| (q - p) / p).fold(0.0, f64::max))
            .fold(0.0, f64::max)
    }

    /// As [`Self::basic_beta`], where a gain counts for no more than `-ln p` (the same
    /// paper, definition 3).
    #[must_use]
    pub fn enhanced_beta(&self) -> f64 {
        self.enhanced_beta_as(Reading::Paper)
    }

    /// As [`Self::enhanced_beta`]; in pyCANON's reading the greatest gain of all counts for
    /// no more than the greatest `-ln p` of all, so that a frequent value's gain is hardly
    /// bounded.
    #[must_use]
    pub fn enhanced_beta_as(&self, reading: Reading) -> f64 {
        match reading {
            Reading::Paper => self
                .shares(|shares| {
                    shares.map(|(q, p)| ((q - p) / p).min(-p.ln())).fold(0.0, f64::max)
                })
                .fold(0.0, f64::max),
            Reading::Pycanon => {
                let rows = f64::from(self.rows);
                let bits = self.totals.iter().map(|total| -(f64::from(*total) / rows).ln());
                self.basic_beta().min(bits.fold(0.0, f64::max))
            }
        }
    }

    /// The greatest `|ln(q / p)|` of a value's share in a class and in the table
    /// (Brickell and Shmatikov, "The cost of privacy", 2008, definition 4).
    #[must_use]
    pub fn delta_disclosure(&self, absent: Absent) -> f64 {
        let lacks = |class: &Vec<_>| class.len() < self.totals.len();
        if absent == Absent::Infinite && self.classes.iter().any(lacks) {
            return f64::INFINITY;
        }
        self.shares(|shares| shares.map(|(q, p)| (q / p).ln().abs()).fold(0.0, f64::max))
            .fold(0.0, f64::max)
    }

    /// The greatest earth mover's distance of a class's values from the table's (Li,
    /// Li and Venkatasubramanian, "t-closeness", 2007, section 4).
    #[must_use]
    pub fn t_closeness(&self, distance: Distance) -> f64 {
        match distance {
            // Half the sum of |q - p| is the sum of what q has more.
            Distance::Equal => self
                .shares(|shares| shares.map(|(q, p)| (q - p).max(0.0)).sum::<f64>())
                .fold(0.0, f64::max),
            Distance::Ordered => self.ordered(),
        }
    }

    // The sum over ranks of |Q - P|, both cumulated. Between two values of a class Q
    // stands still and P grows, so that prefix sums of P and one bisection give the
    // sum of a stretch: n log m in the values that the classes hold.
    #[allow(clippy::cast_precision_loss, reason = "rows and ranks are under 2^32")]
    fn ordered(&self) -> f64 {
        let ranks = self.totals.len();
        if ranks < 2 {
            return 0.0;
        }
        let mut cumulated = Vec::with_capacity(ranks);
        let mut sums = vec![0_u128];
        let (mut below, mut sum) = (0_u64, 0_u128);
        for total in &self.totals {
            below += u64::from(*total);
            sum += u128::from(below);
            cumulated.push(below);
            sums.push(sum);
        }
        let rows = u128::from(self.rows);
        let greatest = self.classes.iter().zip(&self.sizes).map(|(class, size)| {
            let size = u128::from(*size);
            // Everything in parts of rows * size, so that the sum is exact.
            let stretch = |from: usize, to: usize, held: u128| {
                let level = held * rows;
                let inner = &cumulated[from..to];
                let turn = from + inner.partition_point(|it| u128::from(*it) * size <= level);
                let lower = level * (turn - from) as u128 - (sums[turn] - sums[from]) * size;
                let upper = (sums[to] - sums[turn]) * size - level * (to - turn) as u128;
                lower + upper
            };
            let (mut at, mut held, mut moved) = (0, 0_u128, 0_u128);
            for (rank, count) in class {
                moved += stretch(at, *rank as usize, held);
                at = *rank as usize;
                held += u128::from(*count);
            }
            moved += stretch(at, ranks, held);
            moved as f64 / (rows * size) as f64
        });
        greatest.fold(0.0, f64::max) / (ranks - 1) as f64
    }

    // For each class the shares of its values there and in the table.
    fn shares<T>(
        &self,
        measure: impl Fn(&mut dyn Iterator<Item = (f64, f64)>) -> T,
    ) -> impl Iterator<Item = T> {
        let rows = f64::from(self.rows);
        self.classes.iter().zip(&self.sizes).map(move |(class, size)| {
            let size = f64::from(*size);
            measure(&mut class.iter().map(|(rank, count)| {
                (f64::from(*count) / size, f64::from(self.totals[*rank as usize]) / rows)
            }))
        })
    }
}

// The rank of each value, equal numbers sharing one, and whether all are numbers.
pub(super) fn ranks(values: &[String]) -> (Vec<u32>, bool) {
    let numbers: Option<Vec<f64>> =
        values.iter().map(|it| it.trim().parse::<f64>().ok().filter(|it| it.is_finite())).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    let compare = |a: &usize, b: &usize| match &numbers {
        // Zero has two signs and one rank.
        Some(numbers) => (numbers[*a] + 0.0).total_cmp(&(numbers[*b] + 0.0)),
        None => values[*a].cmp(&values[*b]),
    };
    order.sort_unstable_by(compare);
    let mut ranks = vec![0; values.len()];
    let mut rank = 0;
    for (place, index) in order.iter().enumerate() {
        if place > 0 && compare(&order[place - 1], index).is_lt() {
            rank += 1;
        }
        ranks[*index] = rank;
    }
    (ranks, numbers.is_some())
}
