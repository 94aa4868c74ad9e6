use std::cell::OnceCell;

use super::context;
use super::figure::{is_figure, is_years};
use super::number::is_date;
use super::push;
use super::run::{Part, Run, Sep};
use crate::check::Plan;
use crate::window::{Window, alnum, digit};
use crate::{Finding, Kind};

/// A telephone number that begins with the first digit of the run, the longest
/// of the surest.
pub(super) fn at(w: &Window<'_>, run: &Run, joined: bool, out: &mut Vec<Finding>) {
    let first = run.part(1).start();
    let before = w.before(first);
    let clock = before == b':' && digit(w.before(first - 1));
    if joined || clock || matches!(before, b'#' | b'$' | b'_' | b'%' | b'\\') {
        return;
    }
    let lead = Lead::read(w, first);
    let best = (1..=run.len())
        .filter_map(|k| {
            let part = run.part(k);
            if !(7..=17).contains(&part.digits.len()) {
                return None;
            }
            let end = extension(w, part.end())?;
            let (score, why) = judge(w, &lead, &part)?;
            Some((score, end, why))
        })
        .max_by_key(|(score, end, _)| (*score, *end));
    if let Some((score, end, why)) = best {
        push(out, Kind::Phone, (lead.start, end), score, why);
    }
}

struct Lead {
    start: usize,
    plus: bool,
    paren: bool,
    /// Whether a word of telephony stands before the number; read when it is asked for.
    said: OnceCell<bool>,
}

impl Lead {
    fn read(w: &Window<'_>, first: usize) -> Self {
        let (mut start, mut paren, mut plus) = (first, false, false);
        if w.before(start) == b'(' {
            (start, paren) = (start - 1, true);
        }
        if w.before(start) == b'+' {
            (start, plus) = (start - 1, true);
            if w.before(start) == b'(' {
                (start, paren) = (start - 1, true);
            }
        }
        Self { start, plus, paren, said: OnceCell::new() }
    }

    fn said(&self, w: &Window<'_>) -> bool {
        let ahead = |words| w.ahead(self.start, words);
        *self.said.get_or_init(|| ahead(context::PHONE) || ahead(context::CALL))
    }
}

// The end of the number with its extension, unless it runs on into a word.
fn extension(w: &Window<'_>, end: usize) -> Option<usize> {
    let at = w.right(end, 1, |b| b == b' ');
    let marks: &[&str] = match w.at(at) {
        b'e' | b'E' => &["extension ", "ext. ", "ext.", "ext ", "ext"],
        b'x' | b'X' => &["x"],
        _ => &[],
    };
    for mark in marks {
        let named = w.bytes.get(at..at + mark.len());
        if named.is_some_and(|b| b.eq_ignore_ascii_case(mark.as_bytes())) {
            let to = w.right(at + mark.len(), 7, digit);
            if (2..=6).contains(&(to - at - mark.len())) && !alnum(w.at(to)) {
                return Some(to);
            }
        }
    }
    let next = w.at(end);
    // An en dash is read as a hyphen where the text is decoded; here it ends nothing.
    let dashed = w.bytes.get(end..end + 3) == Some("–".as_bytes()) && digit(w.at(end + 3));
    let joins = dashed || (matches!(next, b'.' | b'-' | b'/' | b':') && digit(w.at(end + 1)));
    (!joins && !alnum(next) && next != b'_' && next != b'@').then_some(end)
}

fn judge(w: &Window<'_>, lead: &Lead, part: &Part<'_>) -> Option<(u8, &'static str)> {
    if is_date(part) {
        return None;
    }
    let found = shaped(w, lead, part)?;
    (!w.ahead(lead.start, context::BOOK)).then_some(found)
}

fn shaped(w: &Window<'_>, lead: &Lead, part: &Part<'_>) -> Option<(u8, &'static str)> {
    let n = part.digits.len();
    if lead.plus {
        let national = if has_zero_in_parens(w, part) { n - 1 } else { n };
        let plan = Plan::of(part.digits)?;
        let rest = part.digits.get(plan.code..)?;
        if national == n && plan.fits(rest) {
            return Some((90, "calling code and a number of its plan"));
        }
        let fits = plan.has_length(national - plan.code);
        return fits.then_some((85, "calling code and length"));
    }
    if part.digits.starts_with(b"00") {
        let rest = &part.digits[2..];
        let plan = Plan::of(rest);
        let fits = plan.is_some_and(|plan| plan.fits(&rest[plan.code..]));
        if fits && (!part.plain() || lead.said(w)) {
            return Some((65, "international prefix and a number of its plan"));
        }
    }
    let closed = part.seps.contains(&Sep::Paren);
    let spaced = part.seps.iter().all(|s| !matches!(s, Sep::Mixed | Sep::Dot));
    if let Some(found) = north_american(part, closed) {
        return Some(found);
    }
    let named = || Named::read(w, lead.start);
    if is_years(part) || (is_figure(part) && named() != Named::Phone) {
        return None;
    }
    if lead.paren && closed && (8..=12).contains(&n) {
        return Some((60, "area code in parentheses"));
    }
    let dotted = part.by(Sep::Dot);
    let area = part.groups[0].end - part.groups[0].start >= 2 || lead.paren;
    if part.digits[0] == b'0'
        && area
        && (9..=11).contains(&n)
        && (2..=5).contains(&part.groups.len())
        && (spaced || (dotted && part.groups.len() == 5))
    {
        return Some((60, "trunk prefix and length"));
    }
    let few = part.groups.len() <= 6 && n <= 15 && !(dotted && part.groups.len() == 4);
    let behind = |words| w.behind(part.end(), words);
    let near = || lead.said(w) || behind(context::PHONE) || behind(context::CALL);
    if few && near() && named() != Named::Other {
        return Some((55, "a word of telephony nearby"));
    }
    None
}

/// What the text just before a number says that it is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Named {
    Nothing,
    Other,
    Phone,
}

impl Named {
    fn read(w: &Window<'_>, start: usize) -> Self {
        let place = w.lead_in(start);
        let last = place.rsplit(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty());
        let last = last.unwrap_or("");
        let phone = context::PHONE.are_in(place) || context::CALL.are_in(last);
        match (phone, context::COUNTED.have(last) || is_prefix(place)) {
            (true, _) => Self::Phone,
            (_, true) => Self::Other,
            _ => Self::Nothing,
        }
    }
}

// The number goes on an identifier, as that of an advisory does.
fn is_prefix(place: &str) -> bool {
    let mut before = place.chars().rev();
    before.next() == Some('-') && before.next().is_some_and(|c| c.is_ascii_uppercase())
}

// Area code and exchange begin with 2 to 9 (ATIS-0300051).
fn north_american(part: &Part<'_>, closed: bool) -> Option<(u8, &'static str)> {
    let (digits, groups) = match part.digits {
        [b'1', rest @ ..] if part.groups.len() == 4 => (rest, &part.groups[1..]),
        all => (all, part.groups),
    };
    if digits.len() != 10 || groups.iter().map(|g| g.end - g.start).ne([3, 3, 4]) {
        return None;
    }
    if !(b'2'..=b'9').contains(&digits[0]) || !(b'2'..=b'9').contains(&digits[3]) {
        return None;
    }
    let score = if closed || part.by(Sep::Dash) || part.by(Sep::Dot) { 75 } else { 58 };
    Some((score, "area code, exchange and line"))
}

fn has_zero_in_parens(w: &Window<'_>, part: &Part<'_>) -> bool {
    part.groups.iter().skip(1).any(|g| {
        g.end - g.start == 1
            && w.at(g.start) == b'0'
            && w.before(g.start) == b'('
            && w.at(g.end) == b')'
    })
}
