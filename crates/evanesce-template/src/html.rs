//! HTML as mail programs send it: tags are bounded, nothing nests.

use crate::clean::{Markup, clean};
use crate::document::{Block, BlockKind, Section};
use crate::text::{Span, Text, TextBuilder, Work};

// No tag of a real newsletter is longer, embedded pictures aside.
const LONGEST_TAG: usize = 64 * 1024;

/// Whether a text is a page or a fragment of one, rather than Markdown with a tag.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts = |prefix: &str| {
        bytes.get(..prefix.len()).is_some_and(|b| b.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if starts("<!doctype html") || starts("<html") {
        return true;
    }
    let closing = text.match_indices("</").filter(|(at, _)| {
        let name = name_at(&bytes[at + 2..]);
        block(trim(&name)) || trim(&name) == b"li"
    });
    starts("<") && closing.take(2).count() == 2
}

/// The title of the page, and its sections.
pub(crate) fn read(source: &str, work: &mut Work) -> (Option<Text>, Vec<Section>) {
    let mut reader = Reader {
        source,
        work,
        sections: Vec::new(),
        out: TextBuilder::default(),
        from: None,
        heading: None,
        item: false,
        quote: 0,
        title: None,
        comments_end: true,
    };
    let mut at = 0;
    while at < source.len() {
        at = reader.step(at);
    }
    reader.close(source.len());
    if let Some(section) = reader.sections.last_mut() {
        section.span = Span::new(section.span.start(), source.len());
    }
    (reader.title, reader.sections)
}

struct Reader<'a> {
    source: &'a str,
    work: &'a mut Work,
    sections: Vec<Section>,
    out: TextBuilder,
    // Where the text that `out` gathers begins.
    from: Option<usize>,
    // The level of the heading that is open, and where its tag stands.
    heading: Option<(u8, usize)>,
    item: bool,
    quote: usize,
    title: Option<Text>,
    comments_end: bool,
}

impl Reader<'_> {
    // Takes in the text or the tag that stands at `at` and says where to go on.
    fn step(&mut self, at: usize) -> usize {
        let bytes = self.source.as_bytes();
        if bytes[at] != b'<' {
            let end = self.source[at..].find('<').map_or(bytes.len(), |length| at + length);
            self.text(at, end);
            return end;
        }
        if let Some(end) = self.comment(at) {
            return end;
        }
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        if !(next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')) {
            self.text(at, at + 1);
            return at + 1;
        }
        let end = self.tag_end(at + 1);
        let closing = next == b'/';
        let name = name_at(&bytes[at + 1 + usize::from(closing)..end]);
        if closing {
            self.leave(trim(&name), at);
            return end;
        }
        self.enter(trim(&name), at, end).unwrap_or(end)
    }

    fn text(&mut self, start: usize, end: usize) {
        self.work.add(end - start);
        self.from.get_or_insert(start);
        clean(self.source, Span::new(start, end), Markup::Html, &mut self.out, self.work);
    }

    fn comment(&mut self, at: usize) -> Option<usize> {
        let rest = &self.source[at..];
        if !self.comments_end || !rest.starts_with("<!--") {
            return None;
        }
        let found = rest.find("-->");
        self.work.add(found.unwrap_or(rest.len()));
        self.comments_end = found.is_some();
        Some(at + found? + 3)
    }

    // After the `>` that is in no quotation; if a quotation has no end, after the
    // first `>`; else all that was searched belongs to the tag.
    fn tag_end(&mut self, at: usize) -> usize {
        let bytes = self.source.as_bytes();
        let limit = bytes.len().min(at + LONGEST_TAG);
        let (mut quote, mut first) = (None, None);
        for (offset, b) in bytes[at..limit].iter().enumerate() {
            match (quote, *b) {
                (None, b'>') => {
                    self.work.add(offset);
                    return at + offset + 1;
                }
                (None, b'"' | b'\'') => quote = Some(*b),
                (Some(open), b) if b == open => quote = None,
                (Some(_), b'>') => first = first.or(Some(at + offset + 1)),
                _ => {}
            }
        }
        self.work.add(limit - at);
        first.unwrap_or_else(|| ceil(self.source, limit))
    }

    // An element whose content is skipped says where to go on.
    fn enter(&mut self, name: &[u8], at: usize, end: usize) -> Option<usize> {
        match name {
            b"script" | b"style" | b"noscript" | b"template" | b"svg" | b"pre" | b"textarea" => {
                return Some(self.skip(name, end));
            }
            b"title" => {
                let close = self.skip(name, end);
                let mut out = TextBuilder::default();
                let inside = self.source[end..close].find('<').map_or(close, |n| end + n);
                clean(self.source, Span::new(end, inside), Markup::Html, &mut out, self.work);
                self.title = self.title.take().or_else(|| out.finish());
                return Some(close);
            }
            [b'h', level @ b'1'..=b'6'] => {
                self.close(at);
                self.item = false;
                self.heading = Some((level - b'0', at));
            }
            b"li" => {
                self.close(at);
                self.item = true;
            }
            b"blockquote" => {
                self.close(at);
                self.quote += 1;
            }
            b"br" => self.out.space(Span::new(at, end)),
            b"a" => {
                self.from.get_or_insert(at);
                self.out.link();
            }
            name if block(name) => self.close(at),
            _ => {}
        }
        None
    }

    fn leave(&mut self, name: &[u8], at: usize) {
        if name == b"li" || block(name) {
            self.close(at);
            self.item &= !matches!(name, b"li" | b"ol" | b"ul");
        }
        if name == b"blockquote" {
            self.quote = self.quote.saturating_sub(1);
        }
    }

    // After the closing tag of `name`, whatever stands before it.
    fn skip(&mut self, name: &[u8], at: usize) -> usize {
        let bytes = self.source.as_bytes();
        let mut here = at;
        while let Some(length) = self.source[here..].find("</") {
            here += length + 2;
            if bytes[here..].get(..name.len()).is_some_and(|b| b.eq_ignore_ascii_case(name)) {
                self.work.add(here - at);
                return self.tag_end(here);
            }
        }
        self.work.add(bytes.len() - at);
        bytes.len()
    }

    // Ends the block, or the heading, that is open.
    fn close(&mut self, end: usize) {
        let from = self.from.take();
        let text = self.out.finish();
        if let Some((level, start)) = self.heading.take() {
            if let Some(section) = self.sections.last_mut() {
                section.span = Span::new(section.span.start(), start);
            }
            let span = Span::new(start, end);
            self.sections.push(Section { heading: text, level, blocks: Vec::new(), span });
            return;
        }
        let (Some(start), Some(text)) = (from, text) else { return };
        let kind = match (self.quote, self.item) {
            (0, true) => BlockKind::Item,
            (0, false) => BlockKind::Paragraph,
            _ => BlockKind::Quote,
        };
        let block = Block { kind, depth: 0, text, source: Span::new(start, end) };
        if self.sections.is_empty() {
            let span = Span::new(start, end);
            self.sections.push(Section { heading: None, level: 0, blocks: Vec::new(), span });
        }
        if let Some(section) = self.sections.last_mut() {
            section.blocks.push(block);
        }
    }
}

// The first letters of a tag in lower case; longer names than any of ours are cut.
fn name_at(bytes: &[u8]) -> [u8; 12] {
    let mut name = [0; 12];
    for (to, from) in name.iter_mut().zip(bytes.iter().take_while(|b| b.is_ascii_alphanumeric())) {
        *to = from.to_ascii_lowercase();
    }
    name
}

fn trim(name: &[u8; 12]) -> &[u8] {
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    &name[..end]
}

fn block(name: &[u8]) -> bool {
    const BLOCKS: [&[u8]; 27] = [
        b"address",
        b"article",
        b"aside",
        b"blockquote",
        b"body",
        b"center",
        b"dd",
        b"div",
        b"dl",
        b"dt",
        b"footer",
        b"form",
        b"h1",
        b"h2",
        b"h3",
        b"h4",
        b"h5",
        b"h6",
        b"header",
        b"hr",
        b"main",
        b"nav",
        b"ol",
        b"p",
        b"section",
        b"table",
        b"td",
    ];
    BLOCKS.contains(&name) || matches!(name, b"th" | b"tr" | b"ul" | b"tbody" | b"figure")
}

fn ceil(source: &str, at: usize) -> usize {
    (at..=source.len()).find(|at| source.is_char_boundary(*at)).unwrap_or(source.len())
}

#[cfg(test)]
mod tests {
    use crate::{BlockKind, Document, Format};

    #[test]
    fn a_page_becomes_sections_and_blocks() {
        let source = "<!DOCTYPE html><html><head><title>The &amp; week</title><style>p{}</style></head>\
            <body><p>Hello <b>you</b>,<br>there</p><h2 class=\"a>b\">News</h2><ul><li>One <a href='x'>two</a>\
            <li>Three</ul><script>var a = '<p>no</p>';</script><blockquote><p>said</p></blockquote>\
            <table><tr><td>Cell</td><td>4 &lt; 5</td></tr></table></body></html>";
        let document = Document::parse(source, Format::detect(source));
        assert_eq!(document.title(), Some("The & week"));
        let [lead, news] = document.sections() else { panic!("two sections") };
        assert_eq!(lead.blocks()[0].text(), "Hello you, there");
        assert_eq!(news.heading(), Some("News"));
        let blocks: Vec<_> = news.blocks().iter().map(|b| (b.kind(), b.text())).collect();
        assert_eq!(
            blocks,
            [
                (BlockKind::Item, "One two"),
                (BlockKind::Item, "Three"),
                (BlockKind::Quote, "said"),
                (BlockKind::Paragraph, "Cell"),
                (BlockKind::Paragraph, "4 < 5"),
            ]
        );
        assert_eq!(news.blocks()[0].span().slice(source), Some("One <a href='x'>two"));
    }

    #[test]
    fn broken_tags_end_somewhere() {
        for source in ["<p", "<p>a<", "<a href=\"x>text</a><p>more", "<script>", "</", "<title>x"] {
            let _ = Document::parse(source, Format::Html);
        }
    }
}
