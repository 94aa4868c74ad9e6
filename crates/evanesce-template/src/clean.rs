use crate::entity;
use crate::text::{Span, TextBuilder, Work};

/// What markup a stretch of text may hold.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Markup {
    /// Character references only: the tags are gone already.
    Html,
    /// Emphasis, links, code, inline tags.
    Markdown,
    /// As [`Self::Html`], and stray tags.
    Plain,
}

/// Appends the words of `span` to `out`, without markup and without addresses of
/// pages: those hold one-click identifiers as often as not.
pub(crate) fn clean(
    source: &str,
    span: Span,
    markup: Markup,
    out: &mut TextBuilder,
    work: &mut Work,
) {
    let end = span.end();
    let mut cleaner = Cleaner { source, end, markup, out, work, code: false, comments_end: true };
    let mut at = span.start();
    while at < end {
        cleaner.work.add(1);
        at = cleaner.step(at);
    }
}

struct Cleaner<'a> {
    source: &'a str,
    end: usize,
    markup: Markup,
    out: &'a mut TextBuilder,
    work: &'a mut Work,
    code: bool,
    // False once a search for the end of a comment has failed: the next would too.
    comments_end: bool,
}

impl Cleaner<'_> {
    /// Takes in what stands at `at` and says where to go on.
    fn step(&mut self, at: usize) -> usize {
        let skipped = match self.byte(at) {
            b'&' => self.reference(at),
            b'<' if self.markup != Markup::Html && !self.code => self.tag(at),
            b'h' | b'H' | b'w' | b'W' => self.address(at),
            _ if self.markup == Markup::Markdown => self.mark(at),
            _ => None,
        };
        skipped.unwrap_or_else(|| {
            let c = self.source[at..].chars().next().unwrap_or(' ');
            self.out.verbatim(c, at);
            at + c.len_utf8()
        })
    }

    fn mark(&mut self, at: usize) -> Option<usize> {
        let next = self.byte(at + 1);
        match self.byte(at) {
            b'`' => {
                self.code = !self.code;
                Some(self.skip(at, |b| b == b'`'))
            }
            _ if self.code => None,
            b'\\' if next.is_ascii_punctuation() => {
                self.out.verbatim(char::from(next), at + 1);
                Some(at + 2)
            }
            b'!' if next == b'[' => {
                let label = self.find(at + 2, b']', b"[")?;
                self.target(label + 1)
            }
            b'[' => Some(at + 1),
            b']' => Some(self.target(at + 1).unwrap_or(at + 1)),
            b'*' | b'~' if !(self.is_space(at.wrapping_sub(1)) && self.is_space(at + 1)) => {
                Some(at + 1)
            }
            b'_' if !(self.is_word(at.wrapping_sub(1)) && self.is_word(at + 1)) => Some(at + 1),
            _ => None,
        }
    }

    // The `(address)` or `[reference]` after a label. The search gives up at the next
    // bracket, so that no byte is searched twice.
    fn target(&mut self, at: usize) -> Option<usize> {
        let close = match self.byte(at) {
            b'[' => self.find(at + 1, b']', b"[")?,
            b'(' => {
                let mut depth = 0_usize;
                let mut here = at;
                loop {
                    self.work.add(1);
                    match self.byte(here) {
                        b'(' => depth += 1,
                        b')' if depth == 1 => break here,
                        b')' => depth -= 1,
                        b']' | 0 => return None,
                        _ => {}
                    }
                    here += 1;
                }
            }
            _ => return None,
        };
        self.out.link();
        Some(close + 1)
    }

    fn tag(&mut self, at: usize) -> Option<usize> {
        if self.comments_end && self.source[at..self.end].starts_with("<!--") {
            let rest = &self.source[at..self.end];
            let found = rest.find("-->");
            self.work.add(found.unwrap_or(rest.len()));
            self.comments_end = found.is_some();
            if let Some(length) = found {
                return Some(at + length + 3);
            }
        }
        let next = self.byte(at + 1);
        if !(next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')) {
            return None;
        }
        let close = self.find(at + 1, b'>', b"<")?;
        let inside = &self.source[at + 1..close];
        // An address of a person stays, so that what holds it can be left out.
        if inside.contains('@') && !inside.contains(' ') {
            for (offset, c) in inside.char_indices() {
                self.out.verbatim(c, at + 1 + offset);
            }
        } else if inside.starts_with("br") {
            self.out.space(Span::new(at, close + 1));
        }
        Some(close + 1)
    }

    fn reference(&mut self, at: usize) -> Option<usize> {
        let (c, length) = entity::decode(&self.source[at..self.end])?;
        self.out.decoded(c, Span::new(at, at + length));
        Some(at + length)
    }

    fn address(&mut self, at: usize) -> Option<usize> {
        if at > 0 && self.is_word(at - 1) {
            return None;
        }
        let rest = &self.source.as_bytes()[at..self.end];
        let known = [&b"http://"[..], b"https://", b"www."];
        let prefix = known
            .iter()
            .find(|p| rest.get(..p.len()).is_some_and(|r| r.eq_ignore_ascii_case(p)))?;
        let stops = |b: u8| !(b.is_ascii_whitespace() || b"<>\")]".contains(&b));
        let mut end = self.skip(at + prefix.len(), stops);
        while end > at + prefix.len() && b".,;:!?".contains(&self.byte(end - 1)) {
            end -= 1;
        }
        self.out.link();
        Some(end)
    }

    // The first `wanted` from `at` on, unless one of `stops` or the end comes first.
    fn find(&mut self, at: usize, wanted: u8, stops: &[u8]) -> Option<usize> {
        let end = self.skip(at, |b| b != wanted && !stops.contains(&b));
        (end < self.end && self.byte(end) == wanted).then_some(end)
    }

    fn skip(&mut self, at: usize, during: impl Fn(u8) -> bool) -> usize {
        let rest = self.source.as_bytes().get(at..self.end).unwrap_or_default();
        let length = rest.iter().position(|b| !during(*b)).unwrap_or(rest.len());
        self.work.add(length);
        at + length
    }

    // Zero at and beyond the end: no text that matters holds it.
    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.source.as_bytes()[at] } else { 0 }
    }

    fn is_space(&self, at: usize) -> bool {
        let b = self.byte(at);
        b == 0 || b.is_ascii_whitespace()
    }

    fn is_word(&self, at: usize) -> bool {
        let b = self.byte(at);
        b.is_ascii_alphanumeric() || b >= 0x80
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(source: &str, markup: Markup) -> String {
        let mut out = TextBuilder::default();
        clean(source, Span::new(0, source.len()), markup, &mut out, &mut Work::default());
        out.finish().map(|text| text.as_str().to_owned()).unwrap_or_default()
    }

    #[test]
    fn markdown_loses_its_marks_and_keeps_its_words() {
        for (source, expected) in [
            (
                "Read [the **new** guide](https://example.org/a_(b) \"t\") now",
                "Read the new guide now",
            ),
            ("[`Vec<T>`][vec] and `a*b`", "Vec<T> and a*b"),
            ("snake_case and _emphasis_ and 2 * 3", "snake_case and emphasis and 2 * 3"),
            ("see https://example.org/x?id=1.", "see ."),
            ("![logo](x.png) text <br> more <!-- a > b --> end", "text more end"),
            ("a \\* b &amp; c", "a * b & c"),
            ("write <ann@example.org>", "write ann@example.org"),
            ("a\n   b", "a b"),
        ] {
            assert_eq!(cleaned(source, Markup::Markdown), expected);
        }
    }

    #[test]
    fn plain_text_keeps_its_stars_and_brackets() {
        assert_eq!(cleaned("a *b* [c] d_e_", Markup::Plain), "a *b* [c] d_e_");
    }
}
