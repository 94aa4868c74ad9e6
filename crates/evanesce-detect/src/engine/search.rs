//! The search itself.

use super::classes::{BLOCK, Masks, is_telling};
use super::inner::Inner;
use super::plan::{DIGIT, SIGN, UPPER};
use super::table::{Before, DEAD};
use super::track::{Run, Track};
use super::{Engine, LONGEST, Match};

// How many bytes are read at once of each place where a match may begin.
const LOOK: usize = 6;
// So many hot bytes of a block say that the next one has some, too.
const MANY: u32 = 8;
// So far a run goes before it is compared with an earlier one.
const SHORT: usize = 64;

impl Engine {
    /// What begins at or after `from` and before `to`, without overlaps, and how many steps
    /// that took.
    pub(crate) fn find(&self, bytes: &[u8], (from, to): (usize, usize)) -> (Vec<Match>, usize) {
        let to = to.min(bytes.len());
        let mut search = Search::new(self, bytes, from, to);
        if self.plan.hot_only && from < to {
            search.hot();
        } else {
            search.each(from, to);
        }
        (search.found, search.steps)
    }

    /// As [`find`](Self::find), looking at each byte: what the other has to be equal to.
    #[cfg(test)]
    pub(super) fn find_slowly(&self, bytes: &[u8], (from, to): (usize, usize)) -> Vec<Match> {
        let mut search = Search::new(self, bytes, from, to);
        search.each(from, to);
        search.found
    }
}

struct Search<'e, 't> {
    engine: &'e Engine,
    bytes: &'t [u8],
    // The next match begins here or later, and before `to`.
    from: usize,
    to: usize,
    track: Track,
    found: Vec<Match>,
    steps: usize,
}

impl<'e, 't> Search<'e, 't> {
    fn new(engine: &'e Engine, bytes: &'t [u8], from: usize, to: usize) -> Self {
        Self { engine, bytes, from, to, track: Track::default(), found: Vec::new(), steps: 0 }
    }

    // Every place in turn.
    fn each(&mut self, from: usize, to: usize) {
        let mut at = from.max(self.from);
        while at < to.min(self.to) {
            let before = Before::of(self.bytes, at);
            let start = self.engine.all.start(before);
            if self.engine.all.step(start, self.bytes[at]) != DEAD
                && let Some(found) = self.run(at)
            {
                self.take(found);
                at = found.end;
                continue;
            }
            at += 1;
        }
    }

    // Only what a hot byte says.
    fn hot(&mut self) {
        let plan = &self.engine.plan;
        let mut at = self.from;
        if at == 0 {
            self.each(0, 1);
            at = 1;
        }
        // Where one block tells something, the next one does for the most part.
        let mut told = false;
        while at < self.to {
            let Some(around) = self.bytes.get(at - 1..at + BLOCK + LOOK) else { break };
            let Some(around) = around.first_chunk() else { break };
            told = told || is_telling(around, plan.alone);
            if told && self.from < at + BLOCK {
                told = self.block(at, around);
            }
            at += BLOCK;
        }
        self.each(self.open(at), self.to);
    }

    // Where what lies across `at` may begin.
    fn open(&self, at: usize) -> usize {
        let lower = |b: u8| b.is_ascii_lowercase();
        let leads = self.engine.inner.iter().map(|inner| self.left(at, |b| inner.lead.has(b)));
        leads.chain([self.left(at, lower)]).min().unwrap_or(at)
    }

    // Whether there was much that is hot.
    fn block(&mut self, at: usize, around: &[u8; BLOCK + 2]) -> bool {
        let plan = &self.engine.plan;
        let Some(block) = around[1..].first_chunk() else { return false };
        let masks = Masks::of(block, &plan.signs, &plan.marks);
        let word = masks.digit | masks.lower | masks.upper;
        let inside = word << 1 | u64::from(crate::window::word(around[0]));
        let begin = |mask: u64, class: usize| {
            mask & (plan.after_other[class] & !inside | plan.after_word[class] & inside)
        };
        let heads = begin(masks.digit, DIGIT)
            | begin(masks.upper, UPPER)
            | begin(masks.sign & !(masks.mark & plan.idle), SIGN);
        let begins = |bit: u64| at + bit.trailing_zeros() as usize;
        let mut heads = self.live(heads, inside, begins);
        let mut words = 0;
        if plan.lower {
            let all = masks.digit | masks.upper | masks.sign;
            words = self.live(all & ends(masks.lower, inside, around[0]), 0, |bit| {
                // The word begins after the last other byte, or before the block.
                let others = !masks.lower & (bit - 1);
                match others.leading_zeros() as usize {
                    64 => self.word(begins(bit)),
                    n => at + 64 - n,
                }
            });
        }
        let marks = self.marked(masks.mark, around);
        heads |= words | marks;
        while heads != 0 {
            let bit = heads & heads.wrapping_neg();
            heads ^= bit;
            let place = at + bit.trailing_zeros() as usize;
            if words & bit != 0 {
                self.offer(self.word(place));
            }
            if marks & bit != 0 {
                self.lead(place);
            }
            self.offer(place);
        }
        (masks.digit | masks.sign).count_ones() >= MANY
    }

    // The bits of these that have, where a match would begin, ten bytes that one may begin
    // with. The first six are read without a branch for each.
    #[inline(always)]
    fn live(&self, mut bits: u64, inside: u64, start: impl Fn(u64) -> usize) -> u64 {
        let heads = &self.engine.heads;
        // A match of at least five bytes is seen at the sixth or goes on.
        if !self.engine.plan.long {
            return bits;
        }
        let mut live = 0;
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            bits ^= bit;
            let at = start(bit);
            let Some(six) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<LOOK>()) else {
                live |= bit;
                continue;
            };
            let before = if inside & bit == 0 { Before::Other } else { Before::Word };
            let two = heads.two(before, [six[0], six[1]]);
            let state = six[2..].iter().fold(two, |state, b| heads.step(state, *b));
            if state != DEAD && self.goes_on(at + LOOK, state) {
                live |= bit;
            }
        }
        live
    }

    // Whether a match comes within four more bytes, or may still come after them.
    fn goes_on(&self, at: usize, mut state: u16) -> bool {
        let heads = &self.engine.heads;
        let Some(four) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return true;
        };
        for b in four {
            if heads.is_special(state) {
                break;
            }
            state = heads.step(state, *b);
        }
        state != DEAD
    }

    // The signs at these bits that have before and behind them what their patterns have.
    fn marked(&self, mut bits: u64, around: &[u8; BLOCK + 2]) -> u64 {
        let mut marks = 0;
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            bits ^= bit;
            let i = bit.trailing_zeros() as usize;
            let fits = |inner: &Inner| {
                inner.sign == around[i + 1]
                    && inner.lead.has(around[i])
                    && inner.next.has(around[i + 2])
            };
            if self.engine.inner.iter().any(fits) {
                marks |= bit;
            }
        }
        marks
    }

    // Where the word of lower-case letters begins that ends at `at`.
    fn word(&self, at: usize) -> usize {
        self.left(at, |b| b.is_ascii_lowercase())
    }

    fn left(&self, at: usize, is: impl Fn(u8) -> bool) -> usize {
        let least = self.from.max(at.saturating_sub(LONGEST)).min(at);
        at - self.bytes[least..at].iter().rev().take_while(|b| is(**b)).count()
    }

    // The first match that begins before the sign at `at` and has it inside.
    fn lead(&mut self, at: usize) {
        for n in 0..self.engine.inner.len() {
            let inner = &self.engine.inner[n];
            if inner.sign != self.bytes[at] || self.from >= at {
                continue;
            }
            let from = self.left(at, |b| inner.lead.has(b));
            if let Some(found) = self.led(inner, from, at) {
                self.settle(found);
            }
        }
    }

    fn led(&mut self, inner: &Inner, from: usize, to: usize) -> Option<Match> {
        (from..to).find_map(|at| inner.first.has(self.bytes[at]).then(|| self.run(at)).flatten())
    }

    // What begins at this place, or before it and reaches over it.
    fn offer(&mut self, at: usize) {
        if at >= self.from
            && at < self.to
            && let Some(found) = self.run(at)
        {
            self.settle(found);
        }
    }

    // A match whose sign comes later may have begun earlier.
    fn settle(&mut self, mut found: Match) {
        for inner in &self.engine.inner {
            let here = found.start;
            if !inner.lead.has(self.bytes[here]) {
                continue;
            }
            let from = self.left(here, |b| inner.lead.has(b));
            let rest = &self.bytes[here..self.bytes.len().min(here + LONGEST)];
            let sign = rest.iter().find(|b| !inner.lead.has(**b));
            if from < here && sign == Some(&inner.sign) {
                found = self.led(inner, from, here).unwrap_or(found);
            }
        }
        self.take(found);
    }

    fn take(&mut self, found: Match) {
        self.from = found.end;
        if found.start < self.to {
            self.found.push(found);
        }
    }

    // What begins exactly here.
    fn run(&mut self, at: usize) -> Option<Match> {
        let all = &self.engine.all;
        let state = all.start(Before::of(self.bytes, at));
        let mut run = Run { start: at, at, state, last: None };
        let short = self.bytes.len().min(at + SHORT);
        while run.state != DEAD && run.at < short {
            run.step(all, self.bytes);
        }
        self.steps += run.at - at;
        if run.state != DEAD {
            self.steps += self.track.finish(all, self.bytes, &mut run);
        }
        run.last.map(|(end, pattern)| Match { start: at, end, pattern })
    }
}

// The bits after the words of lower-case letters that begin where no word goes on. One that
// goes on from the byte before the block may be such a word.
const fn ends(lower: u64, inside: u64, before: u8) -> u64 {
    let open = before.is_ascii_lowercase() as u64;
    let starts = lower & !inside | lower & open;
    lower.wrapping_add(starts) & !lower | open & !lower
}
