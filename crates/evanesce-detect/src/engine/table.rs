//! The automaton: rows of next states, one row a state, one column a class of bytes.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;

/// No pattern can match any more.
pub(super) const DEAD: u16 = 0;

// The most memory of an automaton, in bytes, and what making it may take.
const SIZE: usize = 8 << 20;
const MAKING: usize = 32 << 20;

/// What lies before a place: it decides whether `\b` holds there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Before {
    Other,
    Word,
}

impl Before {
    pub(super) fn of(bytes: &[u8], at: usize) -> Self {
        match at.checked_sub(1).and_then(|i| bytes.get(i)) {
            Some(b) if crate::window::word(*b) => Self::Word,
            _ => Self::Other,
        }
    }
}

/// An automaton that reads from one place on and knows at each step which pattern has
/// matched up to the byte before: regex-automata's, in half the memory.
pub(super) struct Table {
    classes: [u8; 256],
    // A row has a power of two of columns.
    shift: u32,
    next: Vec<u16>,
    // The states from 1 up to here have a match, and these patterns.
    patterns: Vec<u16>,
    end: usize,
    other: u16,
    word: u16,
    // The states after two bytes: first those that begin after no word.
    pairs: Vec<u16>,
}

impl Table {
    /// The automaton of some patterns, or `None` where it is too large.
    pub(super) fn new(patterns: &[&Hir]) -> Option<Self> {
        let nfa = thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE));
        let nfa = thompson::Compiler::new().configure(nfa).build_many_from_hir(patterns).ok()?;
        let config = dense::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(2 * SIZE))
            .determinize_size_limit(Some(MAKING));
        let dfa = dense::Builder::new().configure(config).build_from_nfa(&nfa).ok()?;
        Self::copied(&dfa)
    }

    fn copied(dfa: &dense::DFA<Vec<u32>>) -> Option<Self> {
        let start = |before| {
            let config = start::Config::new().anchored(Anchored::Yes).look_behind(Some(before));
            dfa.start_state(&config).ok()
        };
        let (other, word) = (start(b' ')?, start(b'a')?);
        let mut classes = [0; 256];
        let mut samples = Vec::new();
        for b in 0..=u8::MAX {
            let class = usize::from(dfa.byte_classes().get(b));
            classes[usize::from(b)] = u8::try_from(class).ok()?;
            if class == samples.len() {
                samples.push(b);
            }
        }
        let states = reached(dfa, &[other, word], &samples);
        let place: HashMap<StateID, u16> = states
            .iter()
            .enumerate()
            .map(|(n, id)| Some((*id, u16::try_from(n + 1).ok()?)))
            .collect::<Option<_>>()?;
        let number = |id: StateID| place.get(&id).copied().unwrap_or(DEAD);
        let (end, shift) =
            (samples.len(), (samples.len() + 1).next_power_of_two().trailing_zeros());
        let mut next = vec![DEAD; (states.len() + 1) << shift];
        for (n, id) in states.iter().enumerate() {
            let row = (n + 1) << shift;
            for (class, b) in samples.iter().enumerate() {
                next[row + class] = number(dfa.next_state(*id, *b));
            }
            next[row + end] = number(dfa.next_eoi_state(*id));
        }
        let matched = states.iter().take_while(|id| dfa.is_match_state(**id));
        let patterns = matched.map(|id| u16::try_from(dfa.match_pattern(*id, 0).as_usize()).ok());
        let patterns = patterns.collect::<Option<_>>()?;
        let (other, word) = (number(other), number(word));
        let mut table =
            Self { classes, shift, next, patterns, end, other, word, pairs: Vec::new() };
        for start in [other, word] {
            let columns = 0..1_usize << shift;
            let firsts = columns.clone().map(|class| table.to(start, class));
            let pairs = firsts.flat_map(|first| columns.clone().map(move |class| (first, class)));
            let pairs: Vec<_> = pairs.map(|(first, class)| table.to(first, class)).collect();
            table.pairs.extend(pairs);
        }
        Some(table)
    }

    pub(super) fn start(&self, before: Before) -> u16 {
        match before {
            Before::Other => self.other,
            Before::Word => self.word,
        }
    }

    #[inline(always)]
    pub(super) fn step(&self, state: u16, b: u8) -> u16 {
        self.to(state, usize::from(self.classes[usize::from(b)]))
    }

    /// What follows two bytes from the start.
    #[inline(always)]
    pub(super) fn two(&self, before: Before, [a, b]: [u8; 2]) -> u16 {
        let [a, b] = [a, b].map(|b| usize::from(self.classes[usize::from(b)]));
        let half = (before as usize) << (2 * self.shift);
        self.pairs.get(half + (a << self.shift) + b).copied().unwrap_or(DEAD)
    }

    /// What follows at the end of the text.
    pub(super) fn ended(&self, state: u16) -> u16 {
        self.to(state, self.end)
    }

    #[inline(always)]
    fn to(&self, state: u16, class: usize) -> u16 {
        self.next.get((usize::from(state) << self.shift) + class).copied().unwrap_or(DEAD)
    }

    /// Whether this is [`DEAD`] or a state with a match.
    #[inline]
    pub(super) fn is_special(&self, state: u16) -> bool {
        usize::from(state) <= self.patterns.len()
    }

    /// The pattern that has matched up to the byte before the last one read.
    pub(super) fn pattern(&self, state: u16) -> Option<u16> {
        usize::from(state).checked_sub(1).and_then(|n| self.patterns.get(n)).copied()
    }
}

// Every state but the dead one, those with a match first.
fn reached(dfa: &dense::DFA<Vec<u32>>, from: &[StateID], samples: &[u8]) -> Vec<StateID> {
    let dead = |id: &StateID| dfa.is_dead_state(*id) || dfa.is_quit_state(*id);
    let mut seen = std::collections::HashSet::new();
    let mut open: Vec<_> = from.iter().copied().filter(|id| !dead(id)).collect();
    let (mut plain, mut matched) = (Vec::new(), Vec::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if dfa.is_match_state(id) {
            matched.push(id)
        } else {
            plain.push(id)
        }
        let bytes = samples.iter().map(|b| dfa.next_state(id, *b));
        open.extend(bytes.chain([dfa.next_eoi_state(id)]).filter(|id| !dead(id)));
    }
    matched.extend(plain);
    matched
}
