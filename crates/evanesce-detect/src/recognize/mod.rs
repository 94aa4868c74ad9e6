//! One pass over a window: each byte that can begin or mark something leads to
//! a recogniser that looks a bounded way to either side.

mod address;
mod assign;
mod context;
mod figure;
mod form;
mod issuer;
mod manifest;
mod named;
mod naming;
mod number;
mod option;
mod phone;
mod placeholder;
mod run;
mod secret;
mod service;
mod starts;
mod token;
mod written;

use self::assign::Silent;
use crate::marks::{Part, places};
use crate::window::{Window, alnum, digit};
use crate::{Finding, Kind};

/// The farthest that any recogniser looks ahead, in bytes.
pub(crate) const AHEAD: usize = 16 * 1024;
/// The farthest that any recogniser looks back, in bytes.
pub(crate) const BACK: usize = 4 * 1024;

// How far left of its beginning the byte may lie that calls for a finding: the sign
// before a scheme of up to 512 bytes, some signs and blanks, and a secret.
const LEFT: usize = 640;
// How far right: the `@` after a local part of up to 256 bytes.
const RIGHT: usize = 512;
// How far any byte looks to its left: to the beginning of a local part.
const SEES_LEFT: usize = 330;
// How far to its right: to the end of an address of the web. Prefixes look farther.
const SEES_RIGHT: usize = 2100;

/// Everything that is in the window, overlaps included.
pub(crate) fn all(w: &Window<'_>, out: &mut Vec<Finding>) {
    within(w, (0, w.bytes.len()), out);
}

/// As [`all`], of what begins at or after `from` and before `to`; some of the rest
/// may be there as well.
pub(crate) fn within(w: &Window<'_>, span: (usize, usize), out: &mut Vec<Finding>) {
    secret::prefixed(w, out);
    walk(w, callers(w, span), out);
}

/// As [`within`], for a text that is another one with `changes`, in order of place:
/// what is the same in both may be left out.
pub(crate) fn near(
    w: &Window<'_>,
    span: (usize, usize),
    changes: impl Iterator<Item = (usize, usize)>,
    out: &mut Vec<Finding>,
) {
    secret::prefixed(w, out);
    let (from, to) = callers(w, span);
    let mut next: Option<(usize, usize)> = None;
    for (start, end) in changes {
        let start = start.saturating_sub(SEES_RIGHT).max(from);
        let end = end.saturating_add(SEES_LEFT).min(to);
        if start >= end {
            continue;
        }
        match &mut next {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => {
                next.into_iter().for_each(|span| walk(w, span, out));
                next = Some((start, end));
            }
        }
    }
    next.into_iter().for_each(|span| walk(w, span, out));
}

// Where the bytes lie that call for what begins in this span.
fn callers(w: &Window<'_>, (from, to): (usize, usize)) -> (usize, usize) {
    (from.saturating_sub(LEFT), to.saturating_add(RIGHT).min(w.bytes.len()))
}

// Each byte that is marked leads to what may be there.
fn walk(w: &Window<'_>, span: (usize, usize), out: &mut Vec<Finding>) {
    let (from, to) = span;
    let (mut done, mut silent) = (from, Silent::new());
    for part in w.marks().between(from, to) {
        let Part { at, within, block, .. } = part;
        for i in places(at, block.sign & within) {
            sign(w, i, &mut silent, out);
        }
        let starts = part.starts() & within;
        for i in places(at, starts & block.lead) {
            option::word(w, i, out);
        }
        // As long as a fiscal code of Italy, which may have letters in place of its digits.
        let long = starts & part.long(|block| block.token).1;
        for i in places(at, long) {
            token::long_word(w, i, out);
        }
        joined(w, span, &part, out);
        numbers(w, span, (part.at, block.digit & within), &mut done, out);
    }
    // What begins in the span may call for something behind it.
    let marks = w.marks();
    let far = if to > 0 && alnum(w.at(to - 1)) { marks.end(to, |it| it.alnum) } else { to };
    for part in marks.between(to, far.max(to + token::SHORT).min(w.bytes.len())) {
        joined(w, span, &part, out);
        numbers(w, span, (part.at, part.block.digit & part.within), &mut done, out);
    }
}

// Short words that begin in the span, with a sign and a letter or a digit after them.
fn joined(w: &Window<'_>, (from, to): (usize, usize), part: &Part<'_>, out: &mut Vec<Finding>) {
    let joins = part.before_digit() | part.block.sign & part.before_alnum();
    for end in places(part.at, part.ends() & joins & part.within) {
        let least = end.saturating_sub(token::SHORT);
        let letters = |b: &&u8| b.is_ascii_alphabetic();
        let start = end - w.bytes[least..end].iter().rev().take_while(letters).count();
        if (from..to).contains(&start) && !alnum(w.before(start)) {
            token::word(w, start, end, out);
        }
    }
}

// The runs of letters and digits that begin in the span and have one of these digits.
fn numbers(
    w: &Window<'_>,
    (from, to): (usize, usize),
    (at, digits): (usize, u64),
    done: &mut usize,
    out: &mut Vec<Finding>,
) {
    for i in places(at, digits) {
        if i < *done {
            continue;
        }
        // The first digit of its run, so that no other looks back as far.
        let marks = w.marks();
        let (start, end) = (marks.start(i, |it| it.alnum), marks.end(i, |it| it.alnum));
        *done = end;
        w.count((end - start) / 8 + 1);
        if !(from..to).contains(&start) {
            continue;
        }
        if start == i && number::may_be(w, start) {
            number::at(w, start, out);
        }
        token::at(w, start, end, out);
    }
}

fn sign(w: &Window<'_>, at: usize, silent: &mut Silent, out: &mut Vec<Finding>) {
    match w.at(at) {
        b'@' => address::email(w, at, out),
        b':' => {
            address::url(w, at, out);
            if address::may_be_ipv6(w, at) {
                address::ipv6(w, at, out);
            }
            assigned(w, at, silent, out);
        }
        b'=' | b'>' => assigned(w, at, silent, out),
        b',' if assign::quote(w.before(at)) => assigned(w, at, silent, out),
        b'(' if assign::quote(w.at(at + 1)) => assigned(w, at, silent, out),
        _ => {}
    }
}

fn assigned(w: &Window<'_>, at: usize, silent: &mut Silent, out: &mut Vec<Finding>) {
    if assign::may_be(w, at, silent) {
        assign::at(w, at, out);
    }
}

/// How sure a finding in a run of base64 or hex must be, in percent.
pub(crate) const SURE: u8 = 80;

/// Whether some text may hold a finding that is [`SURE`]: none has fewer than
/// four digits, neither `@` nor `:`, and less than 14 bytes in a row that are not
/// control characters. This is for what is decoded, which is noise for the most part.
pub(crate) fn may_be_sure(bytes: &[u8]) -> bool {
    let (mut digits, mut row) = (0, 0);
    bytes.iter().any(|b| {
        digits += u32::from(digit(*b));
        row = if b.is_ascii_control() { 0 } else { row + 1 };
        digits >= 4 || row >= LEAST || matches!(b, b'@' | b':')
    })
}

/// The least number of bytes that hold a finding that is [`SURE`] without four digits,
/// `@` and `:`.
pub(crate) const LEAST: usize = 14;

fn push(out: &mut Vec<Finding>, kind: Kind, span: (usize, usize), score: u8, why: &'static str) {
    out.push(Finding::new(kind, span.0, span.1, score, why));
}

#[cfg(test)]
mod tests;
