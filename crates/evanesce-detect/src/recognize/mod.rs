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
mod token;
mod written;

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

const DIGIT: u8 = 1;
const HEX: u8 = 2;
const LETTER: u8 = 4;
const SIGN: u8 = 8;
const ALNUM: u8 = DIGIT | HEX | LETTER;

// What a byte is to the walk: nothing, a sign that marks something, a digit, one of
// the letters that are also hexadecimal digits, or another letter.
const CLASSES: [u8; 256] = {
    let (mut classes, mut b) = ([0; 256], 0);
    while b < 256 {
        classes[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEX,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'@' | b':' | b'=' | b'>' | b',' | b'(' => SIGN,
            _ => 0,
        };
        b += 1;
    }
    classes
};

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

// A word that begins before `i` is passed over.
fn walk(w: &Window<'_>, (mut i, to): (usize, usize), out: &mut Vec<Finding>) {
    if alnum(w.before(i)) {
        i = w.right(i, usize::MAX, alnum);
    }
    while i < to {
        let start = i;
        let mut seen = CLASSES[usize::from(w.bytes[i])];
        i += 1;
        if seen & ALNUM == 0 {
            if seen & SIGN != 0 {
                sign(w, start, out);
            }
            continue;
        }
        for b in &w.bytes[i..] {
            let class = CLASSES[usize::from(*b)];
            if class & ALNUM == 0 {
                break;
            }
            seen |= class;
            i += 1;
        }
        w.count(i - start + 1);
        if seen & DIGIT == 0 {
            token::word(w, start, i, seen & LETTER == 0, out);
        } else {
            if digit(w.at(start)) {
                number::at(w, start, out);
            }
            token::at(w, start, i, out);
        }
    }
}

fn sign(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    match w.at(at) {
        b'@' => address::email(w, at, out),
        b':' => {
            address::url(w, at, out);
            address::ipv6(w, at, out);
            assign::at(w, at, out);
        }
        _ => assign::at(w, at, out),
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The shortest that are found for sure, and what they are made of.
    const PIECES: &str = "(::1|ws://a\\.b|a@b\\.cc|1\\.1\\.1\\.1|born|dob|1/1/99|rssmrautmlamruns|AB123456C|S1234567D\
        |ab-cd-ef-ab-cd-ef|abcd\\.abcd\\.abcd|\\+1 202 555 0123|[Bb]asic |YTpiYTpi|[Bb]earer |abcdefgh1ijklmno\
        |sk_live_|AKIA|ghp_|eyJ|-----BEGIN |PRIVATE KEY|NO|[A-Z0-9]{4} ?|[a-f]{2}|[-:.@ ]|[0-9]|\\PC|[\\x00-\\x1f])";

    const PARTS: &str = "(reader@example\\.org |https://a\\.example/\\?b=|password=hunter2x |\\+1 202 555 0123 |born 1/1/99 \
        |curl -u a:b1cd |password |is 'abc1' |name=\"pwd\" value=\"a1b2c\" |login a password b1c |\"a1b2c\" == pwd \
        |%40|%2f|\u{200b}|–|&#58;|[a-z]{1,9} |[0-9]{4,9} |[a-z0-9]{1000}|[a-z/.]{1900}| {400}| {2000}| {3000})";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn far_from_a_change_both_texts_have_the_same(parts in prop::collection::vec(PARTS, 0..40)) {
            let text = parts.concat();
            let w = Window::new(&text);
            if let Some(decoded) = crate::decode::plain(&w) {
                let inner = Window::new(&decoded.text);
                let (mut some, mut every, mut outer) = (Vec::new(), Vec::new(), Vec::new());
                all(&w, &mut outer);
                near(&inner, (0, decoded.text.len()), decoded.changes(), &mut some);
                all(&inner, &mut every);
                for f in some.iter_mut().chain(&mut every) {
                    (f.start, f.end) = decoded.outer(f.start, f.end);
                }
                prop_assert!(every.iter().all(|f| some.contains(f) || outer.contains(f)));
                prop_assert!(some.iter().all(|f| every.contains(f)));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_may_not_be_sure_is_not(pieces in prop::collection::vec(PIECES, 0..8)) {
            let text = pieces.concat();
            let mut found = Vec::new();
            all(&Window::new(&text), &mut found);
            let sure = found.iter().any(|f| f.score >= SURE);
            prop_assert!(!sure || may_be_sure(text.as_bytes()), "{:?} {:?}", text, found);
        }
    }
}
