//! Which cells of an exact table may be shown, so that what is not shown cannot
//! be found by subtraction.
//!
//! Take every *line* of the table: the cells that differ in one dimension only,
//! and all cells together. A reader who knows the line's total, however, learns
//! the sum of the cells that are not shown. So of each line either nothing but
//! empty cells is missing, or at least two cells with somebody in them, whose sum
//! reaches the threshold; to get there the smallest shown cells are hidden too
//! (complementary suppression). Combinations of several lines are not examined.

/// Whether each cell is shown. `shape` multiplies to the number of counts, of
/// which the last dimension changes fastest.
pub(crate) fn shown(counts: &[u64], shape: &[usize], at_least: u64) -> Vec<bool> {
    let mut shown: Vec<bool> = counts.iter().map(|count| *count >= at_least).collect();
    let lines = lines(counts.len(), shape);
    loop {
        let mut is_settled = true;
        for line in &lines {
            while let Some(victim) = victim(line, counts, &shown, at_least) {
                if let Some(place) = shown.get_mut(victim) {
                    *place = false;
                }
                is_settled = false;
            }
        }
        if is_settled {
            return shown;
        }
    }
}

/// The shown cell that a line has to give up next, if it has to.
fn victim(line: &[usize], counts: &[u64], shown: &[bool], at_least: u64) -> Option<usize> {
    let cells =
        || line.iter().filter_map(|cell| Some((*cell, *counts.get(*cell)?, *shown.get(*cell)?)));
    let missing = || cells().filter(|(_, count, is_shown)| !is_shown && *count > 0);
    let sum = missing().fold(0_u64, |sum, (_, count, _)| sum.saturating_add(count));
    if sum == 0 || (sum >= at_least && missing().count() >= 2) {
        return None;
    }
    cells().filter(|(.., is_shown)| *is_shown).min_by_key(|(_, count, _)| *count).map(|c| c.0)
}

pub(crate) fn lines(cells: usize, shape: &[usize]) -> Vec<Vec<usize>> {
    let mut lines = vec![(0..cells).collect::<Vec<usize>>()];
    let mut stride = 1;
    for length in shape.iter().rev() {
        let starts = (0..cells).filter(|cell| cell / stride % length == 0);
        lines.extend(starts.map(|start| (0..*length).map(|i| start + i * stride).collect()));
        stride *= length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader who knows all totals, along every dimension and of the whole
    /// table, and subtracts until nothing more comes of it.
    fn attack(counts: &[u64], shape: &[usize], shown: &[bool]) -> Vec<Option<u64>> {
        let mut known: Vec<Option<u64>> =
            counts.iter().zip(shown).map(|(count, shown)| shown.then_some(*count)).collect();
        loop {
            let before = known.clone();
            for line in lines(counts.len(), shape) {
                let total: u64 = line.iter().map(|cell| counts[*cell]).sum();
                let rest = total - line.iter().filter_map(|cell| known[*cell]).sum::<u64>();
                let open: Vec<usize> =
                    line.iter().copied().filter(|cell| known[*cell].is_none()).collect();
                if rest == 0 {
                    open.iter().for_each(|cell| known[*cell] = Some(0));
                } else if let [only] = open[..] {
                    known[only] = Some(rest);
                }
            }
            if known == before {
                return known;
            }
        }
    }

    fn table() -> impl Strategy<Value = (Vec<u64>, Vec<usize>)> {
        prop::collection::vec(1_usize..5, 1..4).prop_flat_map(|shape| {
            let cells: usize = shape.iter().product();
            let count = prop_oneof![3 => 0_u64..5, 2 => 5_u64..40];
            (prop::collection::vec(count, cells), Just(shape))
        })
    }

    proptest! {
        #[test]
        fn subtraction_finds_no_small_group((counts, shape) in table()) {
            let shown = shown(&counts, &shape, 5);
            let found = attack(&counts, &shape, &shown);
            // A line that is hidden whole has a total that only a reader with
            // another table could know, so it is not held against the gate.
            let is_hidden_whole = |cell: usize| {
                lines(counts.len(), &shape).iter().any(|line| {
                    line.contains(&cell) && line.iter().all(|cell| !shown[*cell])
                })
            };
            for (cell, value) in found.iter().enumerate() {
                let is_small = value.is_some_and(|value| (1..5).contains(&value));
                prop_assert!(!is_small || is_hidden_whole(cell), "{:?} {:?}", counts, shown);
            }
        }

        #[test]
        fn nothing_small_is_shown((counts, shape) in table()) {
            let shown = shown(&counts, &shape, 5);
            prop_assert!(counts.iter().zip(shown).all(|(count, shown)| !shown || *count >= 5));
        }
    }

    #[test]
    fn the_attacker_finds_the_cell_where_nothing_is_done_against_it() {
        let counts = [20, 3, 30];
        let naive = [true, false, true];
        assert_eq!(attack(&counts, &[3], &naive)[1], Some(3));
        assert_eq!(shown(&counts, &[3], 5), [false, false, true]);
    }

    #[test]
    fn hidden_cells_together_reach_the_threshold() {
        // Two cells of one person each would give themselves away by their sum.
        assert_eq!(shown(&[1, 1, 9, 30], &[4], 5), [false, false, false, true]);
        assert_eq!(shown(&[0, 0, 9, 30], &[4], 5), [false, false, true, true]);
    }

    #[test]
    fn both_directions_of_a_table_are_protected() {
        let counts = [3, 20, 30, 40, 50, 60, 70, 80, 90];
        let shown = shown(&counts, &[3, 3], 5);
        assert_eq!(
            shown,
            [false, false, true, false, false, true, true, true, true],
            "a rectangle of four cells"
        );
    }
}
