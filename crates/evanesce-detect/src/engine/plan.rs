//! Where a match may begin, worked out from the automaton.
//!
//! Capitals, digits, the underscore and a few signs are *hot*: a match that begins in a
//! word of lower-case letters has a hot byte at the end of that word. Where this holds
//! for all patterns, nothing needs to be looked at but hot bytes, their neighbours, and
//! the words that end in one. Where it does not, each byte is looked at.

use std::collections::HashSet;

use regex_syntax::hir::Hir;

use super::classes::{Range, is_sign};
use super::inner::{self, Inner};
use super::table::{Before, DEAD, Table};

/// How many signs are hot at most.
pub(super) const SIGNS: usize = 4;

// What the byte is that a match begins with.
pub(super) const DIGIT: usize = 0;
pub(super) const UPPER: usize = 1;
pub(super) const SIGN: usize = 2;

/// Where a match may begin.
pub(super) struct Plan {
    /// Whether only hot bytes count.
    pub(super) hot_only: bool,
    /// The hot signs; the rest are repeated ones.
    pub(super) signs: [u8; SIGNS],
    /// Those that mark a pattern of [`Inner`].
    pub(super) marks: [u8; inner::MOST],
    /// All bits, if no match of the rest begins with one of the marks.
    pub(super) idle: u64,
    /// Capitals that a match may begin with, and what comes after such a one, where that is
    /// neither a capital nor another hot byte.
    pub(super) alone: [Range; 2],
    /// For each class of hot bytes all bits, if a match begins there after no word.
    pub(super) after_other: [u64; 3],
    /// As `after_other`, inside of a word.
    pub(super) after_word: [u64; 3],
    /// Whether a match may begin with a lower-case letter.
    pub(super) lower: bool,
    /// Whether no match has fewer than five bytes.
    pub(super) long: bool,
}

/// Whether a pattern may begin with almost any word.
pub(super) fn is_broad(hir: &Hir) -> bool {
    let letters = inner::first(&[hir]);
    (b'a'..=b'z').filter(|b| letters.has(*b)).count() >= 20
}

impl Plan {
    pub(super) fn new(heads: &Table, least: usize, inner: &[Inner]) -> Self {
        let starts = [heads.start(Before::Other), heads.start(Before::Word)];
        let signs = signs(heads, starts, inner);
        let mut hot = [false; 256];
        for b in 0..=u8::MAX {
            hot[usize::from(b)] = class(b, &signs).is_some();
        }
        let cold = Cold::of(heads, starts, &hot);
        let begins = |start: u16, wanted: usize| {
            let live = |b: &u8| heads.step(start, *b) != DEAD;
            if (0..=u8::MAX).filter(live).any(|b| class(b, &signs) == Some(wanted)) {
                !0
            } else {
                0
            }
        };
        let begins_with = |b: u8| starts.into_iter().any(|start| heads.step(start, b) != DEAD);
        let each = |start| [begins(start, DIGIT), begins(start, UPPER), begins(start, SIGN)];
        Self {
            hot_only: cold.ends && signs.len() <= SIGNS,
            signs: filled(&signs),
            marks: filled(&inner.iter().map(|one| one.sign).collect::<Vec<_>>()),
            idle: if inner.iter().any(|one| begins_with(one.sign)) { 0 } else { !0 },
            alone: alone(heads, starts, &signs),
            after_other: each(starts[0]),
            after_word: each(starts[1]),
            lower: cold.some,
            long: least >= 5,
        }
    }
}

// The class of a hot byte.
fn class(b: u8, signs: &[u8]) -> Option<usize> {
    match b {
        b'0'..=b'9' => Some(DIGIT),
        b'A'..=b'Z' | b'_' => Some(UPPER),
        _ => signs.contains(&b).then_some(SIGN),
    }
}

// A list of as many as there is room for; the first one again and again, or a byte that
// is in no text where there is none.
fn filled<const N: usize>(list: &[u8]) -> [u8; N] {
    let mut out = [list.first().copied().unwrap_or(0xff); N];
    out.iter_mut().zip(list).for_each(|(slot, b)| *slot = *b);
    out
}

// What ends the lower-case word that a match begins with, or begins a match: signs only.
fn signs(heads: &Table, starts: [u16; 2], inner: &[Inner]) -> Vec<u8> {
    let mut signs: Vec<u8> = Vec::new();
    for one in inner {
        if !signs.contains(&one.sign) {
            signs.push(one.sign);
        }
    }
    let (mut seen, mut open) = (HashSet::new(), starts.to_vec());
    while let Some(state) = open.pop() {
        if !seen.insert(state) {
            continue;
        }
        for b in 0..0x80_u8 {
            let next = heads.step(state, b);
            if next == DEAD {
                continue;
            } else if b.is_ascii_lowercase() {
                open.push(next);
            } else if is_sign(b) && !signs.contains(&b) {
                signs.push(b);
            }
        }
    }
    signs
}

// How matches begin before their first hot byte.
struct Cold {
    /// Some have bytes there.
    some: bool,
    /// All of these are the lower-case letters of a word from its beginning, and a hot
    /// byte follows.
    ends: bool,
}

impl Cold {
    fn of(heads: &Table, [other, word]: [u16; 2], hot: &[bool; 256]) -> Self {
        let cold = || (0..=u8::MAX).filter(|b| !hot[usize::from(*b)]);
        let mut out = Self { some: false, ends: true };
        out.ends &= cold().all(|b| heads.step(word, b) == DEAD);
        let (mut seen, mut open) = (HashSet::new(), vec![other]);
        while let Some(state) = open.pop() {
            if state == DEAD || !seen.insert(state) {
                continue;
            }
            // A match that is over before anything hot has come.
            let all = (0..=u8::MAX).map(|b| heads.step(state, b)).chain([heads.ended(state)]);
            out.ends &= all.into_iter().all(|next| heads.pattern(next).is_none());
            for b in cold() {
                let next = heads.step(state, b);
                out.some |= next != DEAD;
                out.ends &= next == DEAD || b.is_ascii_lowercase();
                open.push(next);
            }
        }
        out
    }
}

// Ranges around all such capitals and all that come after them.
fn alone(heads: &Table, starts: [u16; 2], signs: &[u8]) -> [Range; 2] {
    let cold = |b: &u8| !b.is_ascii_digit() && class(*b, signs).is_none();
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for start in starts {
        for a in b'A'..=b'Z' {
            let first = heads.step(start, a);
            let next = (0..=u8::MAX).filter(cold).filter(|b| heads.step(first, *b) != DEAD);
            let before = seconds.len();
            seconds.extend(next);
            if seconds.len() > before {
                firsts.push(a);
            }
        }
    }
    [range(&firsts), range(&seconds)]
}

fn range(bytes: &[u8]) -> Range {
    let (Some(low), Some(high)) = (bytes.iter().min(), bytes.iter().max()) else { return (0, 0) };
    (*low, (high - low).saturating_add(1))
}
