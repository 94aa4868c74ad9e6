//! Markdown and plain text, line by line.

use crate::clean::{Markup, clean};
use crate::document::{Block, BlockKind, Section};
use crate::text::{Span, Text, TextBuilder, Work};

/// Whether a text uses headings or links of Markdown.
pub(crate) fn looks_like_markdown(text: &str) -> bool {
    text.contains("](")
        || text.contains("][")
        || text.lines().any(|line| {
            heading(line).is_some() || line.starts_with("```") || line.starts_with("**")
        })
}

/// The title of the front matter, and the sections.
pub(crate) fn read(source: &str, markup: Markup, work: &mut Work) -> (Option<Text>, Vec<Section>) {
    let mut reader = Reader {
        source,
        markup,
        work,
        sections: Vec::new(),
        open: None,
        fence: None,
        comment: false,
        last_comment_end: source.rfind("-->"),
    };
    let (title, body) = reader.front_matter();
    let mut at = body;
    for line in source[body..].split_inclusive('\n') {
        reader.work.add(line.len());
        reader.line(at, line.trim_end());
        at += line.len();
    }
    reader.close();
    reader.end_section(source.len());
    (title, reader.sections)
}

struct Reader<'a> {
    source: &'a str,
    markup: Markup,
    work: &'a mut Work,
    sections: Vec<Section>,
    open: Option<Open>,
    fence: Option<(u8, usize)>,
    comment: bool,
    last_comment_end: Option<usize>,
}

// A block whose end is not yet known.
struct Open {
    kind: BlockKind,
    depth: usize,
    lines: usize,
    span: Span,
}

impl Reader<'_> {
    fn line(&mut self, at: usize, line: &str) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if self.is_hidden(at, text) {
            return;
        }
        if text.is_empty() {
            return self.close();
        }
        let markdown = self.markup == Markup::Markdown;
        if self.underline(text) || rule(text) {
            return self.close();
        }
        if markdown && indent <= 3 {
            if let Some((level, from, to)) = heading(text) {
                self.close();
                let words = Span::new(at + indent + from, at + indent + to);
                return self.section(at, level, words);
            }
            if definition(text) || text.starts_with('|') {
                return self.close();
            }
        }
        if let Some(marker) = bullet(text) {
            self.close();
            return self.start(BlockKind::Item, indent / 2, at + indent + marker, at + line.len());
        }
        if text.starts_with('>') && !self.is_open(BlockKind::Quote) {
            self.close();
            return self.start(BlockKind::Quote, 0, at + indent + 1, at + line.len());
        }
        if !markdown && self.open.is_none() && capitals(text) {
            return self.section(at, 1, Span::new(at + indent, at + line.len()));
        }
        match &mut self.open {
            Some(open) => {
                open.lines += 1;
                open.span = Span::new(open.span.start(), at + line.len());
            }
            None => self.start(BlockKind::Paragraph, 0, at + indent, at + line.len()),
        }
    }

    // Code and comments are no news.
    fn is_hidden(&mut self, at: usize, text: &str) -> bool {
        if self.markup != Markup::Markdown {
            return false;
        }
        if self.comment {
            self.comment = !text.contains("-->");
            return true;
        }
        if let Some((mark, length)) = self.fence {
            let run = text.bytes().take_while(|b| *b == mark).count();
            if run >= length && run == text.len() {
                self.fence = None;
            }
            return true;
        }
        let mark = text.bytes().next().unwrap_or(0);
        let run = text.bytes().take_while(|b| *b == mark).count();
        if matches!(mark, b'`' | b'~') && run >= 3 && !text[run..].contains('`') {
            self.close();
            self.fence = Some((mark, run));
            return true;
        }
        if text.starts_with("<!--") && self.last_comment_end.is_some_and(|end| end > at) {
            self.close();
            self.comment = !text.contains("-->");
            return true;
        }
        false
    }

    // `====` or `----` below a single line makes a heading of it.
    fn underline(&mut self, text: &str) -> bool {
        let level = match text.bytes().next() {
            Some(b'=') => 1,
            Some(b'-') => 2,
            Some(b'~' | b'*') if self.markup == Markup::Plain => 2,
            _ => return false,
        };
        let mark = text.as_bytes()[0];
        if text.len() < 3 || !text.bytes().all(|b| b == mark) {
            return false;
        }
        match self.open.take() {
            Some(open)
                if open.kind == BlockKind::Paragraph
                    && open.lines == 1
                    && open.span.len() <= 120 =>
            {
                self.section(open.span.start(), level, open.span);
                true
            }
            open => {
                self.open = open;
                false
            }
        }
    }

    fn section(&mut self, start: usize, level: u8, words: Span) {
        self.end_section(start);
        let mut out = TextBuilder::default();
        clean(self.source, words, self.markup, &mut out, self.work);
        let span = Span::new(start, start);
        self.sections.push(Section { heading: out.finish(), level, blocks: Vec::new(), span });
    }

    fn end_section(&mut self, end: usize) {
        if let Some(section) = self.sections.last_mut() {
            section.span = Span::new(section.span.start(), end);
        }
    }

    fn is_open(&self, kind: BlockKind) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind == kind)
    }

    fn start(&mut self, kind: BlockKind, depth: usize, start: usize, end: usize) {
        self.open = Some(Open { kind, depth, lines: 1, span: Span::new(start.min(end), end) });
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut out = TextBuilder::default();
        clean(self.source, open.span, self.markup, &mut out, self.work);
        let Some(text) = out.finish() else { return };
        let block = Block { kind: open.kind, depth: open.depth, text, source: open.span };
        if self.sections.is_empty() {
            let span = Span::new(open.span.start(), open.span.end());
            self.sections.push(Section { heading: None, level: 0, blocks: Vec::new(), span });
        }
        if let Some(section) = self.sections.last_mut() {
            section.blocks.push(block);
        }
    }

    // `Key: value` lines at the very beginning, or YAML between two `---`; the
    // offset is where the newsletter itself begins.
    fn front_matter(&mut self) -> (Option<Text>, usize) {
        let mut title = None;
        let mut at = if self.source.starts_with('\u{feff}') { 3 } else { 0 };
        let first = at;
        let yaml = self.source[at..].lines().next() == Some("---");
        for (number, line) in self.source[at..].split_inclusive('\n').enumerate().take(64) {
            self.work.add(line.len());
            let known = field(line);
            if let Some(value) = known.filter(|(name, _)| is_title(name)).map(|(_, value)| value)
                && title.is_none()
            {
                let start = at + line.find(value).unwrap_or(0);
                let mut out = TextBuilder::default();
                let span = Span::new(start, start + value.len());
                clean(self.source, span, self.markup, &mut out, self.work);
                title = out.finish();
            }
            let ends = yaml && number > 0 && line.trim_end() == "---";
            if !yaml && known.is_none() {
                return (title, at);
            }
            at += line.len();
            if ends {
                return (title, at);
            }
        }
        // A rule at the beginning that nothing closes is no front matter.
        if yaml { (None, first) } else { (title, at) }
    }
}

fn field(line: &str) -> Option<(&str, &str)> {
    const KNOWN: [&str; 16] = [
        "author",
        "authors",
        "category",
        "cc",
        "date",
        "from",
        "lang",
        "list-unsubscribe",
        "number",
        "reply-to",
        "sender",
        "slug",
        "subject",
        "tags",
        "title",
        "to",
    ];
    let (name, value) = line.split_once(':')?;
    let known = KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known));
    known.then_some((name, value.trim().trim_matches('"')))
}

fn is_title(name: &str) -> bool {
    name.eq_ignore_ascii_case("title") || name.eq_ignore_ascii_case("subject")
}

// The level of an ATX heading, and where its words lie in the line.
fn heading(line: &str) -> Option<(u8, usize, usize)> {
    let level = line.bytes().take_while(|b| *b == b'#').count();
    if !(1..=6).contains(&level) {
        return None;
    }
    let rest = &line[level..];
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let end = rest.trim_end().trim_end_matches('#').trim_end().len() + level;
    Some((level as u8, level, end))
}

fn rule(text: &str) -> bool {
    let mark = text.bytes().next().unwrap_or(0);
    matches!(mark, b'-' | b'*' | b'_' | b'=' | b'~')
        && text.bytes().filter(|b| *b == mark).count() >= 3
        && text.bytes().all(|b| b == mark || b == b' ')
}

// `[name]: address`, also of a footnote.
fn definition(text: &str) -> bool {
    text.starts_with('[') && text.find(']').is_some_and(|end| text[end + 1..].starts_with(':'))
}

// The length of a list marker and the space after it.
fn bullet(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let marker = match (digits, text[digits..].chars().next()?) {
        (0, mark @ ('-' | '*' | '+' | '•' | '‣' | '◦')) => mark.len_utf8(),
        (1..=3, '.' | ')') => digits + 1,
        _ => return None,
    };
    let rest = &text[marker..];
    let space = rest.len() - rest.trim_start().len();
    (space > 0 || rest.is_empty()).then_some(marker + space)
}

// Plain text often shouts its headings.
fn capitals(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3 && text.len() <= 80 && !text.chars().any(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use crate::{BlockKind, Document, Format};

    // One line a section: level, heading, then its blocks.
    fn outline(source: &str, format: Format) -> Vec<String> {
        let document = Document::parse(source, format);
        let mut lines = Vec::new();
        for section in document.sections() {
            lines.push(format!("{} {}", section.level(), section.heading().unwrap_or("-")));
            for block in section.blocks() {
                let mark = match block.kind() {
                    BlockKind::Item => format!("{}*", "  ".repeat(block.depth)),
                    BlockKind::Paragraph => "p".to_owned(),
                    BlockKind::Quote => ">".to_owned(),
                };
                lines.push(format!("{mark} {}", block.text()));
            }
        }
        lines
    }

    #[test]
    fn markdown_becomes_sections_and_blocks() {
        let source = "Title: Weekly 7\nDate: 2026-01-02\n\nHello\nyou.\n\n# One #\n\
            * a [b](c)\n  goes on\n    * nested\n1. first\n\n> quoted\n> twice\n\nTwo\n---\n\
            ```\n# no heading\n```\n<!--\n# hidden\n-->\n| a | b |\n[x]: https://y\nText\n***\nend";
        assert_eq!(
            outline(source, Format::Markdown),
            [
                "0 -",
                "p Hello you.",
                "1 One",
                "* a b goes on",
                "    * nested",
                "* first",
                "> quoted > twice",
                "2 Two",
                "p Text",
                "p end"
            ]
        );
        assert_eq!(Document::parse(source, Format::Markdown).title(), Some("Weekly 7"));
    }

    #[test]
    fn yaml_front_matter_gives_the_title() {
        let source = "---\ntitle: \"A week\"\nlayout: x\n---\n# First\n\nText";
        let document = Document::parse(source, Format::Markdown);
        assert_eq!(document.title(), Some("A week"));
        assert_eq!(document.sections().len(), 1);
    }

    #[test]
    fn plain_text_has_headings_too() {
        let source =
            "THE NEWS\n\nWe *moved* house.\n• one\n• two\n\nWhat next?\n==========\n\nNothing.";
        assert_eq!(
            outline(source, Format::Plain),
            ["1 THE NEWS", "p We *moved* house.", "* one", "* two", "1 What next?", "p Nothing."]
        );
    }

    #[test]
    fn an_endless_comment_hides_nothing() {
        assert_eq!(
            outline("<!-- open\n\nText", Format::Markdown),
            ["0 -", "p <!-- open", "p Text"]
        );
    }
}
