use zeroize::Zeroize;

/// A range of bytes in the newsletter as it was given: `start` inclusive, `end`
/// exclusive. Both lie on character boundaries of that text.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The offset of the first byte.
    #[must_use]
    pub const fn start(self) -> usize {
        self.start
    }

    /// The offset after the last byte.
    #[must_use]
    pub const fn end(self) -> usize {
        self.end
    }

    pub(crate) const fn len(self) -> usize {
        self.end - self.start
    }

    /// What lies there in the newsletter; `None` in a text that is not it.
    #[must_use]
    pub fn slice(self, newsletter: &str) -> Option<&str> {
        newsletter.get(self.start..self.end)
    }
}

/// Counts the bytes that the parsers look at, so that a test can show that the
/// work grows with the input and not with its square, without a stopwatch.
#[derive(Default)]
pub(crate) struct Work(u64);

impl Work {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes as u64);
    }

    #[cfg(test)]
    pub(crate) fn total(&self) -> u64 {
        self.0
    }
}

// Where a stretch of clean text comes from. A verbatim run maps byte by byte, any
// other (an entity, collapsed white space) as a whole.
struct Run {
    clean: usize,
    start: usize,
    end: usize,
    verbatim: bool,
}

/// Text without its markup, that still knows where each character came from.
/// It is wiped when dropped.
pub(crate) struct Text {
    clean: String,
    runs: Vec<Run>,
    linked: bool,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.clean
    }

    pub(crate) fn linked(&self) -> bool {
        self.linked
    }

    pub(crate) fn span(&self) -> Span {
        self.origin(0, self.clean.len())
    }

    /// Where the bytes `from..to` of the clean text lie in the source.
    pub(crate) fn origin(&self, from: usize, to: usize) -> Span {
        let start = self
            .run_at(from)
            .map_or(0, |run| if run.verbatim { run.start + (from - run.clean) } else { run.start });
        let end = self
            .run_at(to.saturating_sub(1))
            .map_or(start, |run| if run.verbatim { run.start + (to - run.clean) } else { run.end });
        Span::new(start, end.max(start))
    }

    fn run_at(&self, at: usize) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.clean <= at);
        self.runs.get(after.checked_sub(1)?)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.clean.zeroize();
    }
}

/// Gathers clean text: white space collapses to one space, none at the ends.
#[derive(Default)]
pub(crate) struct TextBuilder {
    clean: String,
    runs: Vec<Run>,
    gap: Option<Span>,
    linked: bool,
}

impl TextBuilder {
    /// A character that stands in the source as it is.
    pub(crate) fn verbatim(&mut self, c: char, at: usize) {
        if c.is_whitespace() {
            return self.space(Span::new(at, at + c.len_utf8()));
        }
        if invisible(c) {
            return;
        }
        self.close_gap();
        let clean = self.clean.len();
        self.clean.push(c);
        let end = at + c.len_utf8();
        match self.runs.last_mut() {
            Some(run) if run.verbatim && run.end == at => run.end = end,
            _ => self.runs.push(Run { clean, start: at, end, verbatim: true }),
        }
    }

    /// A character that the source writes in another way.
    pub(crate) fn decoded(&mut self, c: char, span: Span) {
        if c.is_whitespace() {
            return self.space(span);
        }
        if invisible(c) {
            return;
        }
        self.close_gap();
        let clean = self.clean.len();
        self.clean.push(c);
        self.runs.push(Run { clean, start: span.start, end: span.end, verbatim: false });
    }

    pub(crate) fn space(&mut self, span: Span) {
        self.gap.get_or_insert(span);
    }

    pub(crate) fn link(&mut self) {
        self.linked = true;
    }

    pub(crate) fn finish(&mut self) -> Option<Text> {
        let Self { clean, runs, linked, .. } = std::mem::take(self);
        if clean.is_empty() { None } else { Some(Text { clean, runs, linked }) }
    }

    fn close_gap(&mut self) {
        if let Some(gap) = self.gap.take()
            && !self.clean.is_empty()
        {
            let clean = self.clean.len();
            self.clean.push(' ');
            self.runs.push(Run { clean, start: gap.start, end: gap.end, verbatim: false });
        }
    }
}

// Controls, and the characters that reorder or hide text in front of a reader.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_knows_its_origin() {
        let source = "  a&amp;b \n c";
        let mut builder = TextBuilder::default();
        builder.space(Span::new(0, 2));
        builder.verbatim('a', 2);
        builder.decoded('&', Span::new(3, 8));
        builder.verbatim('b', 8);
        builder.space(Span::new(9, 12));
        builder.verbatim('c', 12);
        let text = builder.finish().unwrap();
        assert_eq!(text.as_str(), "a&b c");
        assert_eq!(text.span().slice(source), Some("a&amp;b \n c"));
        assert_eq!(text.origin(1, 3).slice(source), Some("&amp;b"));
        assert_eq!(text.origin(4, 5).slice(source), Some("c"));
        assert!(builder.finish().is_none());
    }

    #[test]
    fn characters_that_hide_or_reorder_text_are_left_out() {
        let mut builder = TextBuilder::default();
        for (at, c) in "a\u{202e}\u{200b}\u{7}b".char_indices() {
            builder.verbatim(c, at);
        }
        assert_eq!(builder.finish().unwrap().as_str(), "ab");
    }
}
