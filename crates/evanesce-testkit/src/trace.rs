//! Looks for traces of personal data in what stores, logs and reports hold, in the
//! encodings that a careless program produces.
//!
//! ```
//! use evanesce_testkit::trace::{Encoding, Needle, Sink, search};
//!
//! let needles = [Needle::new("address", "reader@example.org")];
//! let sinks = [Sink::new("log", b"sent to cmVhZGVyQGV4YW1wbGUub3Jn".to_vec())];
//! let lines = search(&sinks, &needles);
//! let red: Vec<_> = lines.iter().filter(|line| line.count > 0).collect();
//! assert_eq!(red.len(), 1);
//! assert_eq!(red[0].encoding, Encoding::Base64);
//! ```

use std::fmt;

/// Something that must not be found anywhere.
pub struct Needle {
    name: &'static str,
    value: Vec<u8>,
}

impl Needle {
    /// A value of at least 8 bytes; shorter ones occur by chance.
    pub fn new(name: &'static str, value: &str) -> Self {
        assert!(value.len() >= 8, "{name} is too short to be looked for");
        Self { name, value: value.as_bytes().to_vec() }
    }
}

/// All the bytes that one place holds.
pub struct Sink {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Sink {
    /// A place and its bytes.
    pub const fn new(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes }
    }

    /// The place's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// How a value may be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// RFC 4648 base64 in either alphabet, at any of the three alignments.
    Base64,
    /// Hexadecimal in either case.
    Hex,
    /// With at least one JSON escape (RFC 8259, section 7).
    JsonEscape,
    /// As it is.
    Plain,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Base64, Self::Hex, Self::JsonEscape];

    /// The value in this encoding, as a leak would write it.
    pub fn encode(self, value: &str) -> Vec<u8> {
        match self {
            Self::Base64 => base64(value.as_bytes(), STANDARD),
            Self::Hex => hex(value.as_bytes()),
            Self::JsonEscape => value
                .encode_utf16()
                .flat_map(|unit| format!("\\u{unit:04x}").into_bytes())
                .collect(),
            Self::Plain => value.as_bytes().to_vec(),
        }
    }
}

/// How often a value occurs in one place in one encoding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The place.
    pub sink: &'static str,
    /// The value's name.
    pub needle: &'static str,
    /// The encoding.
    pub encoding: Encoding,
    /// How often.
    pub count: usize,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, needle, encoding, count } = self;
        write!(f, "{sink:<28} {needle:<14} {encoding:?}: {count}")
    }
}

/// One line for each place, value and encoding.
pub fn search(sinks: &[Sink], needles: &[Needle]) -> Vec<Line> {
    let mut lines = Vec::new();
    for sink in sinks {
        let lower = sink.bytes.to_ascii_lowercase();
        let (decoded, escaped) = unescape(&sink.bytes);
        for needle in needles {
            for encoding in Encoding::ALL {
                let count = match encoding {
                    Encoding::Plain => positions(&sink.bytes, &needle.value).count(),
                    Encoding::Hex => positions(&lower, &hex(&needle.value)).count(),
                    Encoding::Base64 => base64_forms(&needle.value)
                        .iter()
                        .map(|form| positions(&sink.bytes, form).count())
                        .sum(),
                    Encoding::JsonEscape => positions(&decoded, &needle.value)
                        .filter(|at| escaped[*at..at + needle.value.len()].contains(&true))
                        .count(),
                };
                lines.push(Line { sink: sink.name, needle: needle.name, encoding, count });
            }
        }
    }
    lines
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn positions<'a>(haystack: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle.first().copied();
    let starts = haystack.iter().enumerate().filter(move |(_, byte)| Some(**byte) == first);
    starts.map(|(at, _)| at).filter(move |at| haystack[*at..].starts_with(needle))
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let sextets = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |n| (word >> (18 - 6 * n) & 63) as usize)
    });
    sextets.map(|sextet| alphabet[sextet]).collect()
}

// The value may begin at each of three places in a group of three bytes. The characters
// that its neighbours take part in are cut off.
fn base64_forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        let whole = bytes.len() / 3 * 4;
        let from = [0, 2, 3][before];
        for alphabet in [STANDARD, URL_SAFE] {
            let form = base64(&bytes, alphabet)[from..whole].to_vec();
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The bytes with JSON escapes decoded, and which of them came from an escape.
fn unescape(bytes: &[u8]) -> (Vec<u8>, Vec<bool>) {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut escaped = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if let Some((text, used)) = escape(&bytes[at..]) {
            decoded.extend_from_slice(text.as_bytes());
            escaped.resize(decoded.len(), true);
            at += used;
        } else {
            decoded.push(bytes[at]);
            escaped.push(false);
            at += 1;
        }
    }
    (decoded, escaped)
}

/// The text of the escape that the bytes begin with, and its length.
fn escape(bytes: &[u8]) -> Option<(String, usize)> {
    if bytes.first() != Some(&b'\\') {
        return None;
    }
    let simple = |c: char| Some((c.to_string(), 2));
    match bytes.get(1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let first = unit(bytes.get(2..6)?)?;
            if let Some(c) = char::from_u32(u32::from(first)) {
                return Some((c.to_string(), 6));
            }
            let second = bytes.get(6..12)?.strip_prefix(b"\\u").and_then(unit)?;
            Some((String::from_utf16_lossy(&[first, second]), 12))
        }
        _ => None,
    }
}

fn unit(digits: &[u8]) -> Option<u16> {
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "reader.of.letters@example.org";

    fn red(bytes: Vec<u8>) -> Vec<Encoding> {
        let lines = search(&[Sink::new("sink", bytes)], &[Needle::new("address", VALUE)]);
        lines.into_iter().filter(|line| line.count > 0).map(|line| line.encoding).collect()
    }

    #[test]
    fn each_encoding_turns_exactly_its_own_line_red() {
        for encoding in Encoding::ALL {
            for before in ["", "x", "xy", "{\"a\":\""] {
                let mut bytes = before.as_bytes().to_vec();
                bytes.extend(encoding.encode(VALUE));
                bytes.extend_from_slice(b" and more");
                assert_eq!(red(bytes), [encoding], "{before}");
            }
        }
    }

    #[test]
    fn base64_is_found_at_each_alignment() {
        for before in 0..6 {
            let bytes = [vec![b'.'; before], VALUE.as_bytes().to_vec(), vec![b'.'; 5]].concat();
            for alphabet in [STANDARD, URL_SAFE] {
                assert_eq!(red(base64(&bytes, alphabet)), [Encoding::Base64], "{before}");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(red(b"reader.of.letters at example.org \\u00zz \\ \\".to_vec()), []);
        assert_eq!(red(Vec::new()), []);
    }

    #[test]
    fn one_escaped_character_is_enough() {
        let bytes = VALUE.replace('@', "\\u0040").into_bytes();
        assert_eq!(red(bytes), [Encoding::JsonEscape]);
    }
}
