//! What a long run of the automaton went through, so that no other repeats it.

use super::LONGEST;
use super::table::{DEAD, Table};

/// A run of the automaton: where it began and is, its state, and the end and the pattern
/// of what it has matched.
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) at: usize,
    pub(super) state: u16,
    pub(super) last: Option<(usize, u16)>,
}

impl Run {
    /// One byte, or the end of the text.
    #[inline]
    pub(super) fn step(&mut self, table: &Table, bytes: &[u8]) {
        self.state = match bytes.get(self.at) {
            Some(b) => table.step(self.state, *b),
            None => table.ended(self.state),
        };
        if table.is_special(self.state)
            && let Some(pattern) = table.pattern(self.state)
        {
            self.last = Some((self.at, pattern));
        }
        self.at += 1;
    }
}

/// The states of the last long run, each as it was before the byte at its place, and
/// how that run ended.
#[derive(Default)]
pub(super) struct Track {
    from: usize,
    states: Vec<u16>,
    // The state after all of them.
    state: u16,
    last: Option<(usize, u16)>,
}

// So many states are remembered at most.
const MOST: usize = 4 * LONGEST;

impl Track {
    /// Takes a run to its end, and says how many steps that took.
    pub(super) fn finish(&mut self, table: &Table, bytes: &[u8], run: &mut Run) -> usize {
        let limit = bytes.len().min(run.start + LONGEST);
        // A run that began later may have read more than this one may.
        let usable = self.end() <= limit;
        let (mut states, mut joined, from, mut steps) = (Vec::new(), false, run.at, 0);
        while run.state != DEAD && run.at < limit {
            if usable && !joined && self.at(run.at) == Some(run.state) {
                joined = true;
                run.last = self.last.filter(|(end, _)| *end >= run.at).or(run.last);
                (run.at, run.state) = (self.end(), self.state);
                continue;
            }
            if joined { &mut self.states } else { &mut states }.push(run.state);
            run.step(table, bytes);
            steps += 1;
        }
        if joined {
            (self.state, self.last) = (run.state, run.last.or(self.last));
            let long = self.states.len().saturating_sub(MOST);
            if long > 0 {
                self.states.drain(..long + MOST / 2);
                self.from += long + MOST / 2;
            }
        } else {
            *self = Self { from, states, state: run.state, last: run.last };
        }
        if run.state != DEAD {
            run.step(table, bytes);
        }
        steps + 1
    }

    fn end(&self) -> usize {
        self.from + self.states.len()
    }

    fn at(&self, place: usize) -> Option<u16> {
        place.checked_sub(self.from).and_then(|i| self.states.get(i)).copied()
    }
}
