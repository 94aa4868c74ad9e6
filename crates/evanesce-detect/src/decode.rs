//! One level of decoding: escapes that stand for one character each, runs of
//! base64 and of hex, and signs that only look like others.

use crate::window::Window;

/// A decoded text with the place in the outer text that each of its bytes came from.
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// For each byte of `text`, and one past its end, the first outer byte.
    from: Vec<usize>,
    /// For each byte of `text`, the byte after the last outer one.
    to: Vec<usize>,
}

impl Decoded {
    /// The outer span of a span of the decoded text.
    pub(crate) fn outer(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.from.get(start).copied().unwrap_or(0);
        let to = end.checked_sub(1).and_then(|i| self.to.get(i)).copied().unwrap_or(from);
        (from, to.max(from))
    }

    fn with_capacity(n: usize) -> Self {
        Self {
            text: String::with_capacity(n),
            from: Vec::with_capacity(n),
            to: Vec::with_capacity(n),
        }
    }

    fn push(&mut self, c: char, from: usize, to: usize) {
        self.text.push(c);
        self.from.resize(self.text.len(), from);
        self.to.resize(self.text.len(), to);
    }
}

/// The text with percent, JSON and HTML escapes decoded, zero-width signs left
/// out and look-alikes folded; `None` where that changes nothing.
pub(crate) fn plain(w: &Window<'_>) -> Option<Decoded> {
    let telling = |b: &u8| *b >= 0x80 || matches!(b, b'%' | b'\\' | b'&');
    w.count(w.bytes.len());
    if !w.bytes.iter().any(telling) {
        return None;
    }
    let mut out = Decoded::with_capacity(w.bytes.len());
    let (mut at, mut changed) = (0, false);
    while let Some(c) = w.text.get(at..).and_then(|rest| rest.chars().next()) {
        let next = at + c.len_utf8();
        let escape = match c {
            '%' => percent(w, at),
            '\\' => json(w, at),
            '&' => html(w, at),
            _ => None,
        };
        if let Some((c, end)) = escape {
            changed = true;
            out.push(fold(c).unwrap_or(' '), at, end);
            at = end;
            continue;
        }
        match fold(c) {
            Some(folded) => {
                changed |= folded != c;
                out.push(folded, at, next);
            }
            None => changed = true,
        }
        at = next;
    }
    changed.then_some(out)
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
}

impl Run {
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
    let mut at = 0;
    while at < w.bytes.len() {
        let start = at + w.bytes[at..].iter().take_while(|b| !is_base64(**b)).count();
        let end = w.right(start, usize::MAX, is_base64);
        at = end.max(start + 1);
        if end - start >= 8 {
            run(w, start, end, &mut each);
        }
    }
}

fn run(w: &Window<'_>, start: usize, end: usize, each: &mut impl FnMut(&Run)) {
    let run = &w.bytes[start..end];
    if run.len() >= 12 && run.iter().all(u8::is_ascii_hexdigit) {
        for shift in 0..2 {
            let bytes: Vec<u8> = run[shift..]
                .chunks_exact(2)
                .map(|p| hex(p[0]).unwrap_or(0) << 4 | hex(p[1]).unwrap_or(0))
                .collect();
            w.count(run.len());
            offer(bytes, start + shift, (2, 1), end, each);
        }
    }
    for shift in 0..4 {
        w.count(run.len());
        offer(base64(run, shift), start + shift, (4, 3), end, each);
    }
}

fn offer(
    bytes: Vec<u8>,
    start: usize,
    unit: (usize, usize),
    end: usize,
    each: &mut impl FnMut(&Run),
) {
    let readable = bytes.iter().filter(|b| (b' '..0x7f).contains(*b)).count();
    // Noise is printable in three bytes of eight; nothing that is looked for is under six long.
    if bytes.len() >= 6 && readable * 2 >= bytes.len() {
        each(&Run { text: as_text(bytes), start, unit, end });
    }
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
    for chunk in run.get(shift..).unwrap_or(&[]).chunks(4) {
        let mut bits = 0_u32;
        let mut n = 0;
        for b in chunk {
            let Some(value) = sextet(*b) else { break };
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
    out
}

const fn sextet(b: u8) -> Option<u8> {
    Some(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

const fn is_base64(b: u8) -> bool {
    sextet(b).is_some()
}

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
