//! Which cells of an exact table may be shown, so that what is not shown cannot
//! be found by subtraction.
//!
//! Take every *line* of the table: the cells that differ in one dimension only,
//! and all cells together. A reader who knows the line's total, however, learns
//! the sum of the cells that are not shown. So of each line either nothing but
//! empty cells is missing, or at least two cells with somebody in them, whose sum
//! reaches the threshold; to get there the smallest shown cells are hidden too
//! (complementary suppression).
//!
//! Then all lines are taken together: a reader who adds and subtracts their totals knows
//! for each hidden cell a least and a greatest count. Where the two meet at a small group,
//! another cell is hidden beside it, until they meet nowhere.

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
        if is_settled && !hide_beside_exposed(&lines, counts, &mut shown, at_least) {
            return shown;
        }
    }
}

/// Hides a cell beside each small group that all lines together give away; says whether
/// there was one to hide.
fn hide_beside_exposed(
    lines: &[Vec<usize>],
    counts: &[u64],
    shown: &mut [bool],
    at_least: u64,
) -> bool {
    let bounds = bounds(lines, counts, shown);
    let is_exposed = |cell: &usize| {
        let is_small = counts.get(*cell).is_some_and(|count| (1..at_least).contains(count));
        is_small && bounds.get(*cell).is_some_and(|(least, most)| least == most)
    };
    let mut is_hidden = false;
    for line in lines.iter().skip(1).chain(lines.first()) {
        if line.iter().any(is_exposed) {
            let candidates = line.iter().filter(|cell| shown.get(**cell) == Some(&true));
            let victim = candidates.min_by_key(|cell| counts.get(**cell)).copied();
            if let Some(place) = victim.and_then(|cell| shown.get_mut(cell)) {
                *place = false;
                is_hidden = true;
            }
        }
    }
    is_hidden
}

/// How often the bounds are narrowed; each time the lines are walked once.
const ROUNDS: usize = 64;

/// For each cell the least and the greatest count that the totals of all lines and the
/// shown cells leave.
fn bounds(lines: &[Vec<usize>], counts: &[u64], shown: &[bool]) -> Vec<(u64, u64)> {
    let total = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let start = counts.iter().zip(shown);
    let start = start.map(|(count, shown)| if *shown { (*count, *count) } else { (0, total) });
    let mut bounds: Vec<(u64, u64)> = start.collect();
    for _ in 0..ROUNDS {
        let mut is_narrower = false;
        for line in lines {
            let of = |cell: &usize| bounds.get(*cell).copied().unwrap_or_default();
            let sum = line.iter().filter_map(|cell| counts.get(*cell)).map(|it| u128::from(*it));
            let sum: u128 = sum.sum();
            let least: u128 = line.iter().map(|cell| u128::from(of(cell).0)).sum();
            let most: u128 = line.iter().map(|cell| u128::from(of(cell).1)).sum();
            for cell in line {
                let Some(bound) = bounds.get_mut(*cell) else { continue };
                // What the others have at least, and at most, is not in this cell.
                let above = sum.saturating_sub(least - u128::from(bound.0));
                let below = sum.saturating_sub(most - u128::from(bound.1));
                let narrow = |it: u128| u64::try_from(it).unwrap_or(u64::MAX);
                let new = (bound.0.max(narrow(below)), bound.1.min(narrow(above)));
                is_narrower |= new != *bound;
                *bound = new;
            }
        }
        if !is_narrower {
            break;
        }
    }
    bounds
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

    /// A reader who tries every table that agrees with what is shown and with all totals.
    fn exhaust(counts: &[u64], shape: &[usize], shown: &[bool]) -> Vec<Option<u64>> {
        let lines = lines(counts.len(), shape);
        let hidden: Vec<usize> = (0..counts.len()).filter(|cell| !shown[*cell]).collect();
        let mut found: Vec<Option<Option<u64>>> = vec![None; counts.len()];
        let mut guess = counts.to_vec();
        try_all(&lines, counts, &hidden, &mut guess, &mut found);
        let known = found.into_iter().zip(counts.iter().zip(shown));
        known.map(|(it, (count, shown))| if *shown { Some(*count) } else { it.flatten() }).collect()
    }

    fn try_all(
        lines: &[Vec<usize>],
        counts: &[u64],
        open: &[usize],
        guess: &mut [u64],
        found: &mut [Option<Option<u64>>],
    ) {
        let total = |of: &[u64], line: &[usize]| line.iter().map(|cell| of[*cell]).sum::<u64>();
        let Some((cell, rest)) = open.split_first() else {
            if lines.iter().all(|line| total(guess, line) == total(counts, line)) {
                for (seen, value) in found.iter_mut().zip(guess.iter()) {
                    *seen = match seen {
                        None => Some(Some(*value)),
                        Some(Some(one)) if one == value => continue,
                        _ => Some(None),
                    };
                }
            }
            return;
        };
        for value in 0..=counts.iter().sum() {
            guess[*cell] = value;
            let is_possible = lines.iter().filter(|line| line.contains(cell)).all(|line| {
                let known = line.iter().filter(|cell| !rest.contains(cell));
                known.map(|cell| guess[*cell]).sum::<u64>() <= total(counts, line)
            });
            if is_possible {
                try_all(lines, counts, rest, guess, found);
            }
        }
        guess[*cell] = counts[*cell];
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
        fn no_reader_narrows_a_small_group_to_its_size((counts, shape) in table()) {
            let shown = shown(&counts, &shape, 5);
            let lines = lines(counts.len(), &shape);
            let bounds = bounds(&lines, &counts, &shown);
            for (cell, (least, most)) in bounds.iter().enumerate() {
                prop_assert!((*least..=*most).contains(&counts[cell]));
                // Where everything around it is hidden, there is nothing left to hide.
                let is_all_hidden = lines
                    .iter()
                    .filter(|line| line.contains(&cell))
                    .all(|line| line.iter().all(|cell| !shown[*cell]));
                let is_small = (1..5).contains(&counts[cell]);
                prop_assert!(least < most || !is_small || is_all_hidden, "{:?} {:?}", counts, shown);
            }
        }

        #[test]
        fn a_reader_who_tries_everything_finds_no_small_group(
            counts in prop::collection::vec(prop_oneof![2 => 0_u64..3, 1 => 3_u64..5], 6),
        ) {
            let shown = shown(&counts, &[2, 3], 3);
            let found = exhaust(&counts, &[2, 3], &shown);
            for (cell, value) in found.iter().enumerate() {
                let is_small = value.is_some_and(|value| (1..3).contains(&value));
                let is_all_hidden = shown.iter().all(|shown| !shown);
                prop_assert!(!is_small || is_all_hidden, "{} {:?} {:?}", cell, counts, shown);
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
    fn lines_that_are_safe_alone_are_not_safe_together() {
        let counts = [5, 3, 1, 0, 0, 0];
        // Each line hides nothing or two cells that reach three together; but the empty
        // second line leaves each column one cell, and the columns' totals say them all.
        let line_by_line = [true, false, false, false, false, false];
        assert_eq!(exhaust(&counts, &[2, 3], &line_by_line)[2], Some(1));
        assert_eq!(shown(&counts, &[2, 3], 3), [false; 6]);
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
