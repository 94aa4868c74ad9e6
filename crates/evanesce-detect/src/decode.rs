//! One level of decoding: escapes that stand for one character each, runs of
//! base64 and of hex, and signs that only look like others.

use crate::recognize::{LEAST, may_be_sure};
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
    w.count(w.bytes.len());
    let mut out = Decoded { text: String::new(), changes: Vec::new() };
    // Up to `done` all is copied, up to `at` all is looked at.
    let (mut done, mut at) = (0, 0);
    while let Some(mark) = next_telling(w.bytes, at) {
        at = mark;
        let Some((new, end)) = change(w, at) else {
            at += w.text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            continue;
        };
        if out.changes.is_empty() {
            out.text.reserve(w.bytes.len());
        }
        out.text.push_str(w.text.get(done..at).unwrap_or(""));
        let start = out.text.len();
        out.text.extend(new);
        out.changes.push(Change { inner: (start, out.text.len()), outer: (at, end) });
        (done, at) = (end, end);
    }
    if out.changes.is_empty() {
        return None;
    }
    out.text.push_str(w.text.get(done..).unwrap_or(""));
    Some(out)
}

fn next_telling(bytes: &[u8], from: usize) -> Option<usize> {
    let telling = |b: &u8| (*b >= 0x80) | (*b == b'%') | (*b == b'\\') | (*b == b'&');
    let mut at = from;
    // All of a piece at once, which the compiler makes one of few steps.
    for piece in bytes.get(from..)?.chunks(32) {
        if piece.iter().fold(false, |any, b| any | telling(b)) {
            return piece.iter().position(telling).map(|i| at + i);
        }
        at += piece.len();
    }
    None
}

// What the character or the escape at `at` becomes, and where it ends.
fn change(w: &Window<'_>, at: usize) -> Option<(Option<char>, usize)> {
    let escape = match w.at(at) {
        b'%' => percent(w, at),
        b'\\' => json(w, at),
        b'&' => html(w, at),
        _ => {
            let c = w.text.get(at..)?.chars().next()?;
            let folded = fold(c);
            return (folded != Some(c)).then_some((folded, at + c.len_utf8()));
        }
    };
    escape.map(|(c, end)| (Some(fold(c).unwrap_or(' ')), end))
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

/// A run of one encoding, and where each decoded byte came from.
pub(crate) struct Run {
    /// The decoded bytes as text: what is not text has become spaces.
    pub(crate) text: String,
    start: usize,
    // So many encoded characters make so many bytes.
    unit: (usize, usize),
    end: usize,
    is_text: bool,
}

// So long is what is found in a run that is not text throughout: among the bytes of hashes
// and signatures an address of eight is there by chance, once in 100,000 reports.
const LEAST_IN_NOISE: usize = 10;

impl Run {
    /// Whether something found in the decoded text was put there by somebody.
    pub(crate) fn is_meant(&self, start: usize, end: usize) -> bool {
        self.is_text || end - start >= LEAST_IN_NOISE
    }

    /// The outer span of a span of the decoded text.
    pub(crate) fn outer(&self, start: usize, end: usize) -> (usize, usize) {
        let (chars, bytes) = self.unit;
        let from = self.start + start / bytes * chars;
        let to = self.start + end.div_ceil(bytes) * chars;
        (from, to.min(self.end))
    }
}

/// Hands every run of base64 or hex that decodes to some text to `each`.
pub(crate) fn runs(w: &Window<'_>, mut each: impl FnMut(&Run)) {
    encoded(w, (0, w.bytes.len()), |start, end| offer_all(w, start, end, |_| true, &mut each));
}

/// As [`runs`], of those that end after `from`, begin before `to`, and may hold a
/// finding that is sure.
pub(crate) fn sure_runs(w: &Window<'_>, span: (usize, usize), mut each: impl FnMut(&Run)) {
    encoded(w, span, |start, end| {
        let run = &w.bytes[start..end];
        w.count(run.len());
        if run.len() * 3 / 4 >= LEAST || is_hex(run) || is_telling(run) {
            offer_all(w, start, end, may_be_sure, &mut each);
        }
    });
}

// The shortest run that is looked at.
const SHORTEST: usize = 8;

// Every run of at least eight characters of base64 that ends after `from` and
// begins before `to`.
fn encoded(w: &Window<'_>, (from, to): (usize, usize), mut each: impl FnMut(usize, usize)) {
    let inside = |b: &u8| SEXTETS[usize::from(*b)] != NONE;
    let mut at = w.left(from, usize::MAX, |b| inside(&b));
    // From the far end of the shortest run: most words are passed over in a few steps.
    while let Some(next) = w.bytes.get(at..at + SHORTEST).filter(|_| at < to) {
        if let Some(gap) = next.iter().rposition(|b| !inside(b)) {
            at += gap + 1;
            continue;
        }
        let end = w.right(at + SHORTEST, usize::MAX, |b| inside(&b));
        each(at, end);
        at = end;
    }
}

const MARK: u8 = 4;

// For two neighbours in base64 what the byte may be that has bits of both, at one of
// the three places in a group: a digit counts 1, `@` or `:` counts 4.
const TELLS: [u8; 64 * 64] = {
    let (mut tells, mut i) = ([0; 64 * 64], 0);
    while i < 64 * 64 {
        let (a, b) = ((i / 64) as u8, (i % 64) as u8);
        let bytes = [a << 2 | b >> 4, a << 4 | b >> 2, a << 6 | b];
        let mut n = 0;
        while n < 3 {
            let tell = match bytes[n] {
                b'0'..=b'9' => 1,
                b'@' | b':' => MARK,
                _ => 0,
            };
            if tell > tells[i] {
                tells[i] = tell;
            }
            n += 1;
        }
        i += 1;
    }
    tells
};

fn is_hex(run: &[u8]) -> bool {
    run.len() >= 12 && run.iter().all(u8::is_ascii_hexdigit)
}

// Whether a run of base64 may hold four digits, `@` or `:` at some shift.
fn is_telling(run: &[u8]) -> bool {
    let sextets = run.iter().map(|b| usize::from(SEXTETS[usize::from(*b)] & 63));
    let pairs = sextets.clone().zip(sextets.skip(1));
    // A short run, so that the sum is small.
    let sum: u32 = pairs.map(|(a, b)| u32::from(TELLS[a * 64 + b])).sum();
    sum >= u32::from(MARK)
}

fn offer_all(
    w: &Window<'_>,
    start: usize,
    end: usize,
    wanted: impl Fn(&[u8]) -> bool,
    each: &mut impl FnMut(&Run),
) {
    let run = &w.bytes[start..end];
    let mut bytes = Vec::new();
    let mut offer = |bytes: &mut Vec<u8>, start: usize, unit: (usize, usize)| {
        w.count(run.len());
        if is_readable(bytes) && wanted(bytes) {
            let is_text = is_text(bytes);
            let run = Run { text: as_text(std::mem::take(bytes)), start, unit, end, is_text };
            each(&run);
            *bytes = run.text.into_bytes();
        }
        bytes.clear();
    };
    if is_hex(run) {
        for shift in 0..2 {
            bytes.extend(
                run[shift..]
                    .chunks_exact(2)
                    .map(|p| hex(p[0]).unwrap_or(0) << 4 | hex(p[1]).unwrap_or(0)),
            );
            offer(&mut bytes, start + shift, (2, 1));
        }
    }
    for shift in 0..4 {
        push_base64(&mut bytes, run, shift);
        offer(&mut bytes, start + shift, (4, 3));
    }
}

// Noise is printable in three bytes of eight; nothing that is looked for is under six long.
fn is_readable(bytes: &[u8]) -> bool {
    let readable = bytes.iter().filter(|b| (b' '..0x7f).contains(*b)).count();
    bytes.len() >= 6 && readable * 2 >= bytes.len()
}

fn is_text(bytes: &[u8]) -> bool {
    let is_control = |b: &u8| b.is_ascii_control() && !b.is_ascii_whitespace();
    std::str::from_utf8(bytes).is_ok() && !bytes.iter().any(is_control)
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

/// Base64 of either alphabet from `shift` on, without regard to padding.
pub(crate) fn base64(run: &[u8], shift: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len() * 3 / 4 + 3);
    push_base64(&mut out, run, shift);
    out
}

fn push_base64(out: &mut Vec<u8>, run: &[u8], shift: usize) {
    for chunk in run.get(shift..).unwrap_or(&[]).chunks(4) {
        let mut bits = 0_u32;
        let mut n = 0;
        for b in chunk {
            let value = SEXTETS[usize::from(*b)];
            if value == NONE {
                break;
            }
            bits = bits << 6 | u32::from(value);
            n += 1;
        }
        if n >= 2 {
            let bytes = (bits << (6 * (4 - n))).to_be_bytes();
            out.extend_from_slice(&bytes[1..n]);
        }
        if n < 4 {
            break;
        }
    }
}

const NONE: u8 = 0xff;

const SEXTETS: [u8; 256] = {
    let (mut sextets, mut b) = ([NONE; 256], 0);
    while b < 256 {
        sextets[b] = match b as u8 {
            b @ b'A'..=b'Z' => b - b'A',
            b @ b'a'..=b'z' => b - b'a' + 26,
            b @ b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        b += 1;
    }
    sextets
};

const fn hex(b: u8) -> Option<u8> {
    Some(match b {
        b'0'..=b'9' => b - b'0',
        b'a'..=b'f' => b - b'a' + 10,
        b'A'..=b'F' => b - b'A' + 10,
        _ => return None,
    })
}

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

    #[test]
    fn runs_are_found_at_any_shift() {
        for text in
            ["cmVhZGVyQGV4YW1wbGUub3Jn", "x/cmVhZGVyQGV4YW1wbGUub3Jn", "72656164657240657861"]
        {
            let mut seen = false;
            runs(&Window::new(text), |run| seen |= run.text.contains("reader@exa"));
            assert!(seen, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_run_that_may_be_sure_is_not_passed_over(
            text in "([A-Za-z0-9+/_-]{1,30}|[0-9a-f]{6,20}|YUBiLmNj|OjoxIDo6|MTIzNA|3a3a31| ){0,12}"
        ) {
            let (w, mut all, mut sure) = (Window::new(&text), Vec::new(), Vec::new());
            let seen = |run: &Run| (run.start, run.unit, run.text.clone());
            runs(&w, |run| all.push(seen(run)));
            sure_runs(&w, (0, text.len()), |run| sure.push(seen(run)));
            all.retain(|(.., text)| may_be_sure(text.as_bytes()));
            prop_assert_eq!(sure, all);
        }

        #[test]
        fn every_span_maps_to_characters(text in "(\\PC|%[0-9A-F]{2}|\\\\u[0-9a-f]{4}|&#[0-9]{1,6};){0,60}") {
            if let Some(d) = plain(&Window::new(&text)) {
                for (i, c) in d.text.char_indices() {
                    let (a, b) = d.outer(i, i + c.len_utf8());
                    prop_assert!(text.get(a..b).is_some_and(|t| !t.is_empty()));
                }
            }
            runs(&Window::new(&text), |run| {
                let (a, b) = run.outer(0, run.text.len());
                assert!(text.get(a..b).is_some());
            });
        }
    }
}
