use std::cell::{Cell, OnceCell};

use crate::marks::Marks;
use crate::words::Words;

/// A stretch of text that is scanned at once, with helpers that only look a
/// bounded number of bytes to either side and count every byte that they look at.
pub(crate) struct Window<'t> {
    pub(crate) text: &'t str,
    pub(crate) bytes: &'t [u8],
    work: Cell<u64>,
    marks: OnceCell<Marks>,
}

impl<'t> Window<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, bytes: text.as_bytes(), work: Cell::new(0), marks: OnceCell::new() }
    }

    /// How many bytes were looked at.
    pub(crate) const fn work(&self) -> u64 {
        self.work.get()
    }

    /// What each byte is.
    pub(crate) fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| {
            self.count(self.bytes.len());
            Marks::of(self.bytes)
        })
    }

    pub(crate) fn at(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    /// The byte before `i`, or 0 at the beginning.
    pub(crate) fn before(&self, i: usize) -> u8 {
        i.checked_sub(1).map_or(0, |i| self.at(i))
    }

    /// The end of the run of bytes that `is` accepts from `from` on, at most `max` long.
    pub(crate) fn right(&self, from: usize, max: usize, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let n = rest.iter().take(max).take_while(|b| is(**b)).count();
        self.count(n + 1);
        from + n
    }

    /// The start of the run of bytes that `is` accepts up to `to`, at most `max` long.
    pub(crate) fn left(&self, to: usize, max: usize, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(..to).unwrap_or(&[]);
        let n = rest.iter().rev().take(max).take_while(|b| is(**b)).count();
        self.count(n + 1);
        to - n
    }

    /// The first character boundary at or after `i`.
    pub(crate) fn ceil(&self, i: usize) -> usize {
        (i..self.bytes.len()).find(|&i| self.text.is_char_boundary(i)).unwrap_or(self.bytes.len())
    }

    /// Whether one of `words` stands within the 56 bytes before `start` or the 24 bytes
    /// after `end`.
    pub(crate) fn near(&self, start: usize, end: usize, words: &Words) -> bool {
        self.ahead(start, words) || self.behind(end, words)
    }

    /// Whether one of `words` stands within the 24 bytes after `end`.
    pub(crate) fn behind(&self, end: usize, words: &Words) -> bool {
        self.said(end, self.ceil((end + 24).min(self.bytes.len())), words)
    }

    /// Whether one of `words` stands within the 56 bytes before `start`.
    pub(crate) fn ahead(&self, start: usize, words: &Words) -> bool {
        let most = if self.is_parameter(start) { 128 } else { 56 };
        let from = self.ceil(start.saturating_sub(most));
        self.said(from.min(start), start, words)
    }

    // Whether a value is that of a statement's parameter, `$1 = '…'`: what names it stands in
    // the statement before.
    fn is_parameter(&self, start: usize) -> bool {
        let Some(before) = self.bytes.get(..start) else { return false };
        let before = before.strip_suffix(b"'").unwrap_or(before);
        let Some(before) = before.strip_suffix(b" = ") else { return false };
        let digits = before.iter().rev().take(3).take_while(|b| digit(**b)).count();
        digits > 0 && before[..before.len() - digits].ends_with(b"$")
    }

    /// As [`ahead`](Self::ahead), but not beyond two digits in a row: what stands before
    /// another number belongs to that one.
    pub(crate) fn ahead_of_digits(&self, start: usize, words: &Words) -> bool {
        let from = self.ceil(start.saturating_sub(56)).min(start);
        let mut pairs = self.bytes[from..start].windows(2);
        let last = pairs.rposition(|pair| digit(pair[0]) && digit(pair[1]));
        self.said(last.map_or(from, |at| from + at + 2), start, words)
    }

    /// The end of the line before `start`, at most 24 bytes of it.
    pub(crate) fn lead_in(&self, start: usize) -> &'t str {
        let from = self.ceil(start.saturating_sub(24)).min(start);
        self.count(start - from);
        let place = self.text.get(from..start).unwrap_or("");
        place.rsplit('\n').next().unwrap_or(place)
    }

    /// Whether nothing but blanks stands before `start` and after `end`.
    pub(crate) fn is_all(&self, start: usize, end: usize) -> bool {
        let blank = |part: Option<&[u8]>| {
            // A few blanks are enough of a look.
            part.is_some_and(|p| p.len() <= 16 && p.iter().all(u8::is_ascii_whitespace))
        };
        blank(self.bytes.get(..start)) && blank(self.bytes.get(end..))
    }

    fn said(&self, from: usize, to: usize, words: &Words) -> bool {
        self.count(to - from);
        self.text.get(from..to).is_some_and(|place| words.are_in(place))
    }

    pub(crate) fn count(&self, n: usize) {
        self.work.set(self.work.get().saturating_add(n as u64));
    }
}

/// Whether the letters of a number are as somebody writes them: in one case, or with the
/// first one large. What mixes them is a piece of base64.
pub(crate) fn one_case(value: &[u8]) -> bool {
    let Some((first, rest)) = value.split_first() else { return true };
    let upper = rest.iter().any(u8::is_ascii_uppercase);
    let lower = rest.iter().any(u8::is_ascii_lowercase) || first.is_ascii_lowercase();
    !(upper && lower)
}

pub(crate) const fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

pub(crate) const fn digit(b: u8) -> bool {
    b.is_ascii_digit()
}

/// A letter, a digit, an underscore or a part of a character beyond ASCII letters.
pub(crate) const fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}
