use crate::clean::Markup;
use crate::text::{Span, Text, Work};
use crate::{html, lines};

/// How a newsletter is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// HTML, whole page or fragment.
    Html,
    /// Markdown: CommonMark's headings, lists, links and emphasis.
    Markdown,
    /// Plain text, with underlined or capital headings and bullets.
    Plain,
}

impl Format {
    /// Tells the format by what stands in the text.
    #[must_use]
    pub fn detect(newsletter: &str) -> Self {
        let text = newsletter.trim_start_matches('\u{feff}').trim_start();
        if html::looks_like_it(text) {
            Self::Html
        } else if lines::looks_like_markdown(text) {
            Self::Markdown
        } else {
            Self::Plain
        }
    }
}

/// A newsletter taken apart: sections of blocks, each of which knows where in
/// the original it stands.
///
/// It holds personal data as the newsletter does: no `Debug`, no `Clone`, and its
/// texts are wiped when dropped.
pub struct Document<'a> {
    pub(crate) source: &'a str,
    pub(crate) title: Option<Text>,
    pub(crate) sections: Vec<Section>,
}

impl<'a> Document<'a> {
    /// Takes a newsletter apart. Any text has a reading; the work is linear.
    #[must_use]
    pub fn parse(newsletter: &'a str, format: Format) -> Self {
        Self::count(newsletter, format, &mut Work::default())
    }

    pub(crate) fn count(source: &'a str, format: Format, work: &mut Work) -> Self {
        let (title, sections) = match format {
            Format::Html => html::read(source, work),
            Format::Markdown => lines::read(source, Markup::Markdown, work),
            Format::Plain => lines::read(source, Markup::Plain, work),
        };
        Self { source, title, sections }
    }

    /// The title: of the page, of the front matter, or the first heading.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        let title = self.title.as_ref().map(Text::as_str);
        title.or_else(|| self.sections.iter().find_map(Section::heading))
    }

    /// The sections, in the order of the newsletter.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }
}

/// From one heading to the next, of whatever level.
pub struct Section {
    pub(crate) heading: Option<Text>,
    pub(crate) level: u8,
    pub(crate) blocks: Vec<Block>,
    pub(crate) span: Span,
}

impl Section {
    /// The words of its heading; `None` for what stands before the first.
    #[must_use]
    pub fn heading(&self) -> Option<&str> {
        self.heading.as_ref().map(Text::as_str)
    }

    /// 1 to 6, and 0 without a heading.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Its paragraphs, list items and quotations.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// From the beginning of its heading to that of the next.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }
}

/// A paragraph, a list item or a quotation.
pub struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) depth: usize,
    pub(crate) text: Text,
    // The whole source of the block, addresses of links included.
    pub(crate) source: Span,
}

impl Block {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> BlockKind {
        self.kind
    }

    /// Its words without markup.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// Where its words stand in the newsletter.
    #[must_use]
    pub fn span(&self) -> Span {
        self.text.span()
    }
}

/// What a block is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockKind {
    /// One item of a list, whatever its depth.
    Item,
    /// A paragraph.
    Paragraph,
    /// A quotation: another's words, never an insight.
    Quote,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMATS: [Format; 3] = [Format::Html, Format::Markdown, Format::Plain];

    #[test]
    fn formats_are_told_apart() {
        assert_eq!(Format::detect("<!DOCTYPE html><p>Hello"), Format::Html);
        assert_eq!(Format::detect("\n<div><p>One</p><p>Two</p></div>"), Format::Html);
        assert_eq!(Format::detect("Title: x\n\n# News\n\n* [a](https://b)"), Format::Markdown);
        assert_eq!(Format::detect("NEWS\n\nWe moved to a new office."), Format::Plain);
        assert_eq!(Format::detect(""), Format::Plain);
    }

    // Doubling a hostile text may double the work and no more.
    #[test]
    fn work_grows_with_the_input_and_not_with_its_square() {
        let pieces = [
            "<",
            "<a ",
            "<a \"",
            "<a '",
            "<!--",
            "<script>",
            "</",
            "<title>",
            "<li><div>",
            "&",
            "&#",
            "[",
            "](",
            "][",
            "![",
            "[a](",
            "(((",
            "`",
            "``` \n",
            "*",
            "_",
            "> ",
            "- \n",
            "# \n",
            "\n",
            "=\n",
            "|\n",
            "http://",
            "<a@",
            "\\",
            "<h1>",
            "<pre>",
            "<!-- -->",
            "- a\n  ",
            "---\n",
        ];
        for piece in pieces {
            for format in FORMATS {
                let work = |times: usize| {
                    let mut work = Work::default();
                    let text = piece.repeat(times);
                    let _ = Document::count(&text, format, &mut work);
                    (work.total(), text.len() as u64)
                };
                let ((once, _), (twice, length)) = (work(20_000), work(40_000));
                assert!(twice <= 2 * once + 1000, "{piece:?} {format:?}: {once}, then {twice}");
                assert!(twice <= 12 * length, "{piece:?} {format:?}: {twice} for {length} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_spans_lie_on_characters(
            text in "([a-zäß🦀 .!\n\r\t#*_`~>|&;<>/\"'=\\[\\]()@:0-9-]|<!--|-->|<li>|<h2>|</|&amp;|https://|\u{202e}){0,200}"
        ) {
            for format in FORMATS {
                let document = Document::parse(&text, format);
                let mut end = 0;
                for section in document.sections() {
                    prop_assert!(section.span().slice(&text).is_some());
                    prop_assert!(section.span().start() >= end);
                    end = section.span().end();
                    for block in section.blocks() {
                        prop_assert!(block.span().slice(&text).is_some());
                        prop_assert!(block.source.slice(&text).is_some());
                        prop_assert!(section.span().start() <= block.span().start());
                        prop_assert!(block.span().end() <= section.span().end());
                    }
                }
            }
        }

        #[test]
        fn arbitrary_text_is_read(text in any::<String>()) {
            let _ = Document::parse(&text, Format::detect(&text));
        }
    }
}
