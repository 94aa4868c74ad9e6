//! Where the values of a JSON document lie, without building it.

use std::borrow::Cow;

/// Deeper nesting counts as malformed.
const DEPTH: usize = 64;

/// Calls `each` with the path and the bytes of every string and number of a
/// document, in order; `false` if it is not JSON by RFC 8259. Paths look like
/// `items[].email`. Keys that need escapes have no path.
pub(crate) fn values(text: &str, mut each: impl FnMut(&str, usize, usize)) -> bool {
    let mut parser = Parser::new(text);
    parser.value(0, &mut each).is_some() && parser.next().is_none()
}

/// One pass over a document.
pub(crate) struct Parser<'t> {
    bytes: &'t [u8],
    text: &'t str,
    at: usize,
    path: String,
}

impl<'t> Parser<'t> {
    /// At the beginning of a document.
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), text, at: 0, path: String::new() }
    }

    /// Where it is.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self, depth: usize) -> Option<()> {
        self.value(depth, &mut |_, _, _| {})
    }

    /// The next string, with its escapes decoded.
    pub(crate) fn key(&mut self) -> Option<Cow<'t, str>> {
        self.next()?;
        let (start, end) = self.string()?;
        let raw = self.text.get(start..end)?;
        if raw.contains('\\') { unescaped(raw).map(Cow::Owned) } else { Some(Cow::Borrowed(raw)) }
    }

    /// The next byte that is not white space.
    pub(crate) fn next(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Passes over this byte, and the white space before it.
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize, each: &mut impl FnMut(&str, usize, usize)) -> Option<()> {
        match self.next()? {
            b'{' if depth < DEPTH => self.object(depth, each),
            b'[' if depth < DEPTH => self.array(depth, each),
            b'"' => {
                let (start, end) = self.string()?;
                each(&self.path, start, end);
                Some(())
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                let number = |b: &u8| b"+-.eE0123456789".contains(b);
                self.at += self.bytes[start..].iter().take_while(|b| number(b)).count();
                each(&self.path, start, self.at);
                Some(())
            }
            _ => None,
        }
    }

    fn object(&mut self, depth: usize, each: &mut impl FnMut(&str, usize, usize)) -> Option<()> {
        self.take(b'{')?;
        if self.next()? == b'}' {
            return self.take(b'}');
        }
        loop {
            self.next()?;
            let (start, end) = self.string()?;
            let key = &self.text[start..end];
            let length = self.path.len();
            if !self.path.is_empty() {
                self.path.push('.');
            }
            // A backslash or a dot in a key would let it pass for another path.
            let plain = !key.contains(['\\', '.', '[']) && key.len() <= 256;
            self.path.push_str(if plain { key } else { "\\" });
            self.take(b':')?;
            self.value(depth + 1, each)?;
            self.path.truncate(length);
            match self.next()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }

    fn array(&mut self, depth: usize, each: &mut impl FnMut(&str, usize, usize)) -> Option<()> {
        self.take(b'[')?;
        if self.next()? == b']' {
            return self.take(b']');
        }
        let length = self.path.len();
        self.path.push_str("[]");
        loop {
            self.value(depth + 1, each)?;
            match self.next()? {
                b',' => self.at += 1,
                _ => break,
            }
        }
        self.path.truncate(length);
        self.take(b']')
    }

    fn string(&mut self) -> Option<(usize, usize)> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            match *self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some((start, self.at - 1))
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }
}

// RFC 8259, section 7; a half of a pair alone becomes the sign for what is none.
fn unescaped(raw: &str) -> Option<String> {
    let mut units = Vec::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match chars.next()? {
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let digits = chars.as_str().get(..4)?;
                chars = chars.as_str().get(4..)?.chars();
                u16::from_str_radix(digits, 16).ok()?
            }
            c @ ('"' | '\\' | '/') => c as u16,
            _ => return None,
        });
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(text: &str) -> Option<Vec<(String, &str)>> {
        let mut out = Vec::new();
        values(text, |path, a, b| out.push((path.to_owned(), &text[a..b]))).then_some(out)
    }

    #[test]
    fn every_value_has_its_path() {
        let text = r#"{"a": {"b": ["x", 1]}, "a": "y", "c.d": "z", "e": null}"#;
        let expected = [("a.b[]", "x"), ("a.b[]", "1"), ("a", "y"), ("\\", "z")];
        let found = paths(text).unwrap();
        assert!(found.iter().map(|(p, v)| (p.as_str(), *v)).eq(expected));
    }

    #[test]
    fn what_is_not_json_has_no_paths() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "\"a\" b", "{\"a\": tru}", &"[".repeat(100_000)]
        {
            assert_eq!(paths(text), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\":,a1\\\\ é]{0,60}") {
            let _ = paths(&text);
        }
    }
}
