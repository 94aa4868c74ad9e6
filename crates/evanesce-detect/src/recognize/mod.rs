//! One pass over a window: each byte that can begin or mark something leads to
//! a recogniser that looks a bounded way to either side.

mod address;
mod assign;
mod context;
mod figure;
mod number;
mod phone;
mod run;
mod secret;
mod token;

use crate::window::{Window, alnum, digit};
use crate::{Finding, Kind};

/// The farthest that any recogniser looks ahead, in bytes.
pub(crate) const AHEAD: usize = 16 * 1024;
/// The farthest that any recogniser looks back, in bytes.
pub(crate) const BACK: usize = 4 * 1024;

/// Everything that is in the window, overlaps included.
pub(crate) fn all(w: &Window<'_>, out: &mut Vec<Finding>) {
    secret::prefixed(w, out);
    let mut i = 0;
    while i < w.bytes.len() {
        let b = w.at(i);
        if alnum(b) {
            let end = w.right(i, usize::MAX, alnum);
            if digit(b) {
                number::at(w, i, out);
            }
            token::at(w, i, end, out);
            i = end;
            continue;
        }
        match b {
            b'@' => address::email(w, i, out),
            b':' => {
                address::url(w, i, out);
                address::ipv6(w, i, out);
                assign::at(w, i, out);
            }
            b'=' | b'>' | b',' | b'(' => assign::at(w, i, out),
            _ => {}
        }
        i += 1;
    }
}

fn push(out: &mut Vec<Finding>, kind: Kind, span: (usize, usize), score: u8, why: &'static str) {
    out.push(Finding::new(kind, span.0, span.1, score, why));
}
