//! One level of decoding: escapes that stand for one character each, and signs that only
//! look like others.

use crate::marks::places;
use crate::window::Window;

/// A decoded text, and where its parts came from.
pub(crate) struct Decoded {
    pub(crate) text: String,
    changes: Vec<Change>,
}

/// Some characters that became others, or none.
struct Change {
    /// Where the new characters lie.
    inner: (usize, usize),
    /// Where the old ones lay.
    outer: (usize, usize),
}

impl Decoded {
    /// The outer span of a span of the decoded text.
    pub(crate) fn outer(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.place(start).0;
        let to = end.checked_sub(1).map_or(from, |i| self.place(i).1);
        (from, to.max(from))
    }

    /// Where the decoded text differs from the outer one.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.changes.iter().map(|change| change.inner)
    }

    /// The place in the decoded text of a place in the outer one.
    pub(crate) fn inner(&self, outer: usize) -> usize {
        let next = self.changes.partition_point(|change| change.outer.0 < outer);
        let Some(last) = next.checked_sub(1).map(|last| &self.changes[last]) else { return outer };
        last.inner.1 + outer.saturating_sub(last.outer.1)
    }

    // Where the character came from that the byte at `i` belongs to.
    fn place(&self, i: usize) -> (usize, usize) {
        let next = self.changes.partition_point(|change| change.inner.0 <= i);
        // Of several at one place the last has the byte; those before it left nothing.
        let Some(last) = next.checked_sub(1).map(|last| &self.changes[last]) else {
            return self.same(i, 0, 0);
        };
        if i < last.inner.1 { last.outer } else { self.same(i, last.inner.1, last.outer.1) }
    }

    // In an unchanged stretch that lies at `inner` here and at `outer` there.
    fn same(&self, i: usize, inner: usize, outer: usize) -> (usize, usize) {
        let bounds = |i: &usize| self.text.is_char_boundary(*i);
        let start = (0..=i).rev().find(bounds).unwrap_or(0);
        let end = (i + 1..=self.text.len()).find(bounds).unwrap_or(self.text.len());
        (start - inner + outer, end - inner + outer)
    }
}

/// The text with percent, JSON and HTML escapes decoded, zero-width signs left
/// out and look-alikes folded; `None` where that changes nothing.
pub(crate) fn plain(w: &Window<'_>) -> Option<Decoded> {
    let mut out = Decoded { text: String::new(), changes: Vec::new() };
    // Up to `done` all is copied, up to `at` all is looked at.
    let (mut done, mut at) = (0, 0);
    let parts = w.marks().between(0, w.bytes.len());
    for mark in parts.flat_map(|part| places(part.at, part.block.tell)) {
        if mark < at {
            continue;
        }
        let Some((new, end)) = change(w, mark) else {
            let rest = w.text.get(mark..).and_then(|rest| rest.chars().next());
            at = mark + rest.map_or(1, char::len_utf8);
            continue;
        };
        if out.changes.is_empty() {
            out.text.reserve(w.bytes.len());
        }
        out.text.push_str(w.text.get(done..mark).unwrap_or(""));
        let start = out.text.len();
        out.text.extend(new);
        out.changes.push(Change { inner: (start, out.text.len()), outer: (mark, end) });
        (done, at) = (end, end);
    }
    if out.changes.is_empty() {
        return None;
    }
    out.text.push_str(w.text.get(done..).unwrap_or(""));
    Some(out)
}

// What the character or the escape at `at` becomes, and where it ends.
fn change(w: &Window<'_>, at: usize) -> Option<(Option<char>, usize)> {
    let escape = match w.at(at) {
        b'%' => percent(w, at),
        b'\\' => json(w, at),
        b'&' => html(w, at),
        b'+' => return is_in_query(w, at).then_some((Some(' '), at + 1)),
        _ => {
            let c = w.text.get(at..)?.chars().next()?;
            let folded = fold(c);
            return (folded != Some(c)).then_some((folded, at + c.len_utf8()));
        }
    };
    escape.map(|(c, end)| (Some(fold(c).unwrap_or(' ')), end))
}

// Whether the `+` at `at` is a blank: in the value of a query or a form, which has its name
// and `=` before it, and `?` or `&` before that
// (application/x-www-form-urlencoded, WHATWG URL, section 5).
fn is_in_query(w: &Window<'_>, at: usize) -> bool {
    let value = |b: u8| b > b' ' && !matches!(b, b'=' | b'&' | b'"' | b'\'' | b'<' | b'>' | 0x7f);
    let start = w.left(at, 256, value);
    if w.before(start) != b'=' {
        return false;
    }
    let name = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]%".contains(&b);
    let from = w.left(start - 1, 64, name);
    from < start - 1 && matches!(w.before(from), b'?' | b'&')
}

fn percent(w: &Window<'_>, at: usize) -> Option<(char, usize)> {
    let byte = |at: usize| {
        (w.at(at) == b'%').then(|| Some(hex(w.at(at + 1))? << 4 | hex(w.at(at + 2))?)).flatten()
    };
    let first = byte(at)?;
    let len = match first {
        0..0x80 => return Some((char::from(first), at + 3)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [first, 0, 0, 0];
    for (i, slot) in bytes.iter_mut().enumerate().take(len).skip(1) {
        *slot = byte(at + 3 * i)?;
    }
    let c = std::str::from_utf8(&bytes[..len]).ok()?.chars().next()?;
    Some((c, at + 3 * len))
}

fn json(w: &Window<'_>, at: usize) -> Option<(char, usize)> {
    let c = match w.at(at + 1) {
        b'u' => return unicode(w, at),
        b'x' => {
            let value = hex(w.at(at + 2))? << 4 | hex(w.at(at + 3))?;
            return Some((char::from(value), at + 4));
        }
        b'n' | b'r' | b't' | b'b' | b'f' => ' ',
        b'"' => '"',
        b'/' => '/',
        b'\\' => '\\',
        _ => return None,
    };
    Some((c, at + 2))
}

fn unicode(w: &Window<'_>, at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        if w.at(at) != b'\\' || w.at(at + 1) != b'u' {
            return None;
        }
        (2..6).try_fold(0_u32, |n, i| Some(n << 4 | u32::from(hex(w.at(at + i))?)))
    };
    let first = unit(at)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, at + 6));
    }
    let second = unit(at + 6).filter(|n| (0xdc00..0xe000).contains(n))?;
    let c = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
    Some((c, at + 12))
}

fn html(w: &Window<'_>, at: usize) -> Option<(char, usize)> {
    let end = w.right(at + 1, 10, |b| b.is_ascii_alphanumeric() || b == b'#');
    if w.at(end) != b';' {
        return None;
    }
    let name = w.text.get(at + 1..end)?;
    let c = match name {
        "amp" => '&',
        "apos" => '\'',
        "colon" => ':',
        "commat" => '@',
        "gt" => '>',
        "hyphen" | "dash" => '-',
        "lt" => '<',
        "nbsp" => ' ',
        "num" => '#',
        "period" => '.',
        "plus" => '+',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let value = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(value.ok()?)?
        }
    };
    Some((c, end + 1))
}

// The plain sign that a character stands for in matching; none for one that has
// no width. Digits of every script in wide use, full-width forms, the letters of
// Cyrillic and Greek that look like Latin ones.
fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c);
    }
    let code = u32::from(c);
    let from = |base: u32| char::from_u32(u32::from(b'0') + code - base);
    match c {
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{180e}' => None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => Some('-'),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0),
        '\u{660}'..='\u{669}' => from(0x660),
        '\u{6f0}'..='\u{6f9}' => from(0x6f0),
        '\u{966}'..='\u{96f}' => from(0x966),
        '\u{9e6}'..='\u{9ef}' => from(0x9e6),
        '\u{2024}' | '\u{3002}' => Some('.'),
        _ => Some(look_alike(c)),
    }
}

fn look_alike(c: char) -> char {
    const PAIRS: &[(char, char)] = &[
        ('Α', 'A'),
        ('Β', 'B'),
        ('Ε', 'E'),
        ('Ζ', 'Z'),
        ('Η', 'H'),
        ('Ι', 'I'),
        ('Κ', 'K'),
        ('Μ', 'M'),
        ('Ν', 'N'),
        ('Ο', 'O'),
        ('Ρ', 'P'),
        ('Τ', 'T'),
        ('Υ', 'Y'),
        ('Χ', 'X'),
        ('ο', 'o'),
        ('А', 'A'),
        ('В', 'B'),
        ('Е', 'E'),
        ('К', 'K'),
        ('М', 'M'),
        ('Н', 'H'),
        ('О', 'O'),
        ('Р', 'P'),
        ('С', 'C'),
        ('Т', 'T'),
        ('Х', 'X'),
        ('а', 'a'),
        ('е', 'e'),
        ('о', 'o'),
        ('р', 'p'),
        ('с', 'c'),
        ('у', 'y'),
        ('х', 'x'),
        ('ѕ', 's'),
        ('і', 'i'),
        ('ј', 'j'),
    ];
    if !('Α'..='ј').contains(&c) {
        return c;
    }
    PAIRS.binary_search_by_key(&c, |pair| pair.0).map_or(c, |i| PAIRS[i].1)
}

// Replaces what is not UTF-8 by spaces, so that every byte keeps its place.
pub(crate) fn as_text(mut bytes: Vec<u8>) -> String {
    loop {
        match String::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => {
                let from = error.utf8_error().valid_up_to();
                bytes = error.into_bytes();
                blank(&mut bytes, from);
            }
        }
    }
}

// One pass over the rest: whatever is neither ASCII nor a whole character.
fn blank(bytes: &mut [u8], from: usize) {
    let mut at = from;
    while at < bytes.len() {
        let len = match bytes[at] {
            0..0x80 => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 0,
        };
        let whole =
            bytes.get(at..at + len).is_some_and(|c| len > 0 && std::str::from_utf8(c).is_ok());
        if whole {
            at += len;
        } else {
            bytes[at] = b' ';
            at += 1;
        }
    }
}

/// The value of a hexadecimal digit.
#[inline(always)]
pub(crate) fn hex(b: u8) -> Option<u8> {
    let value = HEX[usize::from(b)];
    (value < 16).then_some(value)
}

static HEX: [u8; 256] = {
    let (mut values, mut b) = ([0xff; 256], 0);
    while b < 256 {
        values[b] = match b as u8 {
            b @ b'0'..=b'9' => b - b'0',
            b @ b'a'..=b'f' => b - b'a' + 10,
            b @ b'A'..=b'F' => b - b'A' + 10,
            _ => 0xff,
        };
        b += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(text: &str) -> String {
        plain(&Window::new(text)).map_or_else(|| text.to_owned(), |d| d.text)
    }

    #[test]
    fn each_escape_is_decoded_once() {
        assert_eq!(decoded("a%40b"), "a@b");
        assert_eq!(decoded("a%2540b"), "a%40b");
        assert_eq!(decoded(r"a\u0040b"), "a@b");
        assert_eq!(decoded(r"\ud83d\ude00"), "\u{1f600}");
        assert_eq!(decoded("a&#64;b&commat;c&#x40;d"), "a@b@c@d");
        assert_eq!(decoded("%C3%A9"), "é");
        assert_eq!(decoded("100% of it, \\ and & alone"), "100% of it, \\ and & alone");
    }

    #[test]
    fn tricks_with_signs_are_folded() {
        assert_eq!(decoded("a\u{200b}b\u{202e}c"), "abc");
        assert_eq!(decoded("＠１２３"), "@123");
        assert_eq!(decoded("٤٢–۴۲"), "42-42");
        assert_eq!(decoded("аоl"), "aol");
    }

    #[test]
    fn the_outer_span_covers_the_escape() {
        let d = plain(&Window::new("x a%40b y")).unwrap();
        let at = d.text.find("a@b").unwrap();
        assert_eq!(d.outer(at, at + 3), (2, 7));
    }

    proptest! {
        #[test]
        fn every_span_maps_to_characters(text in "(\\PC|%[0-9A-F]{2}|\\\\u[0-9a-f]{4}|&#[0-9]{1,6};){0,60}") {
            if let Some(d) = plain(&Window::new(&text)) {
                for (i, c) in d.text.char_indices() {
                    let (a, b) = d.outer(i, i + c.len_utf8());
                    prop_assert!(text.get(a..b).is_some_and(|t| !t.is_empty()));
                }
            }
        }
    }
}
