//! Many patterns at once: a look at 64 bytes in a few steps, and an automaton that runs
//! only where one of the patterns may begin.
//!
//! A match is what a backtracking engine would report first: the leftmost, and of those
//! that begin at one place that of the first pattern in the list. Where a pattern may
//! begin is worked out from the automaton when it is made: see [`Plan`](plan::Plan).
//!
//! The time is linear. A run of the automaton ends after [`LONGEST`] bytes, and one that
//! comes to the same state at the same place as an earlier long run ends as that did.

mod classes;
mod inner;
mod plan;
mod search;
mod subset;
mod table;
mod track;

use regex_syntax::hir::Hir;

use self::inner::Inner;
use self::plan::Plan;
use self::table::Table;

pub(crate) use self::classes::{BLOCK, mask, within};
pub(crate) use self::subset::{Refused, parse};

/// The longest match, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// A place, and which of the patterns lies there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) pattern: u16,
}

/// Patterns that are looked for together.
pub(crate) struct Engine {
    /// Of all patterns.
    all: Table,
    /// Of those that are not in `inner`.
    heads: Table,
    inner: Vec<Inner>,
    plan: Plan,
}

impl Engine {
    /// The engine for some patterns, or `None` where they are too large together.
    pub(crate) fn new(patterns: &[Hir]) -> Option<Self> {
        let (mut inner, mut heads) = (Vec::new(), Vec::new());
        for hir in patterns {
            match Inner::of(hir).filter(|_| inner.len() < inner::MOST && plan::is_broad(hir)) {
                Some(one) => inner.push(one),
                None => heads.push(hir),
            }
        }
        let all = Table::new(&patterns.iter().collect::<Vec<_>>())?;
        let least = heads.iter().filter_map(|hir| hir.properties().minimum_len()).min();
        let least = least.unwrap_or(usize::MAX);
        let heads = Table::new(&heads)?;
        let plan = Plan::new(&heads, least, &inner);
        Some(Self { all, heads, inner, plan })
    }
}

#[cfg(test)]
mod tests;
