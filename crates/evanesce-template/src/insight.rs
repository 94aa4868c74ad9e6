use std::collections::HashMap;

use zeroize::Zeroize;

use crate::boilerplate::{has_address, is_boilerplate};
use crate::document::{Block, BlockKind, Document, Section};
use crate::preferences::Preferences;
use crate::signal::{InsightKind, Signals, date};
use crate::text::{Span, Work};
use crate::topic::Topic;
use crate::words::{Keywords, sentences, words};

// What a statement must score. A note has to earn two thirds of it by its words.
const THRESHOLD: u32 = 30;
// Longer ones are no statements, and shorter ones say nothing.
const LONGEST: usize = 400;
const FEWEST_IN_ITEM: usize = 3;
const FEWEST_IN_SENTENCE: usize = 5;
// It is looked at with each statement.
const HEADING_WORDS: usize = 30;
const TITLE: usize = 80;

/// Something in the newsletter that its reader can act upon.
///
/// It repeats the reader's newsletter: no `Debug`, no `Serialize`, and it is wiped
/// when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct Insight {
    title: String,
    statement: String,
    topic: Topic,
    kind: InsightKind,
    score: u32,
    span: Span,
    section: usize,
}

impl Insight {
    /// The statement, cut at a word after about 80 bytes.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The newsletter's own words, without markup.
    #[must_use]
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// What one can do with it.
    #[must_use]
    pub fn kind(&self) -> InsightKind {
        self.kind
    }

    /// Its weight, 30 to about 80. It depends on its own section alone.
    #[must_use]
    pub fn score(&self) -> u32 {
        self.score
    }

    /// Where it stands in the newsletter.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The place of its section in [`Document::sections`].
    #[must_use]
    pub fn section(&self) -> usize {
        self.section
    }
}

impl Drop for Insight {
    fn drop(&mut self) {
        self.title.zeroize();
        self.statement.zeroize();
    }
}

/// The insights of a newsletter, in the order of the text, each only once.
///
/// A section's insights depend on nothing outside it: without the section they
/// are gone, and in another order of sections they are the same. How many a
/// section may give follows from its own size and [`Preferences::depth`].
#[must_use]
pub fn insights(document: &Document<'_>, preferences: &Preferences) -> Vec<Insight> {
    count(document, preferences, &mut Work::default())
}

pub(crate) fn count(
    document: &Document<'_>,
    preferences: &Preferences,
    work: &mut Work,
) -> Vec<Insight> {
    let sections = document.sections.iter().enumerate();
    let all = sections.flat_map(|(place, section)| {
        let mut found = of_section(document.source, section, place, work);
        let most = preferences.most(found.len());
        found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.statement.cmp(&b.statement)));
        found.retain(|insight| insight.score >= THRESHOLD);
        found.truncate(most);
        found
    });
    let mut distinct = distinct(all);
    distinct.sort_by_key(|insight| insight.span);
    distinct
}

// All statements of a section that are no boilerplate, scored, each once.
fn of_section(source: &str, section: &Section, place: usize, work: &mut Work) -> Vec<Insight> {
    let mut heading = section.heading().map(words).unwrap_or_default();
    heading.truncate(HEADING_WORDS);
    let statements = statements(source, section, work);
    let mut keywords = Keywords::default();
    for statement in &statements {
        keywords.learn(&statement.words);
    }
    distinct(statements.iter().map(|statement| {
        let Statement { text, words, span, item, linked } = statement;
        let (item, linked) = (*item, *linked);
        let signals = Signals { statement: text, words, heading: &heading, item, linked };
        let kind = signals.kind();
        let features = [
            (kind.base(), true),
            (6, (6..=30).contains(&words.len())),
            (4, signals.has_number()),
            (4, date(text).is_some()),
        ];
        let held = features.iter().filter(|(_, holds)| *holds).map(|(worth, _)| worth);
        Insight {
            title: title(text),
            statement: text.clone(),
            topic: topic(words, &heading, kind),
            kind,
            score: held.sum::<u32>() + keywords.score(words),
            span: *span,
            section: place,
        }
    }))
}

// Where the words say nothing, the kind does.
fn topic(words: &[String], heading: &[String], kind: InsightKind) -> Topic {
    match (Topic::of(words, heading), kind) {
        (Topic::Other, InsightKind::Event) => Topic::Event,
        (Topic::Other, InsightKind::HowTo) => Topic::Learning,
        (Topic::Other, InsightKind::Opening) => Topic::Career,
        (Topic::Other, InsightKind::Participation) => Topic::Community,
        (Topic::Other, InsightKind::Release) => Topic::Product,
        (topic, _) => topic,
    }
}

struct Statement {
    text: String,
    words: Vec<String>,
    span: Span,
    item: bool,
    linked: bool,
}

impl Drop for Statement {
    fn drop(&mut self) {
        self.text.zeroize();
        self.words.zeroize();
    }
}

fn statements(source: &str, section: &Section, work: &mut Work) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut parent: Option<(&Block, usize)> = None;
    for block in &section.blocks {
        let child = block.kind == BlockKind::Item && block.depth > 0;
        // An event often stands below its date and place, and then says both.
        if let Some((parent, place)) = parent.filter(|_| child) {
            let text = format!("{}: {}", parent.text(), block.text());
            let span = Span::new(parent.span().start(), block.span().end());
            let written = [parent.source, block.source];
            found[place] = None;
            found.push(statement(source, text, span, &written, block, work));
            continue;
        }
        parent = (!child && heads(block)).then_some((block, found.len()));
        let parts = match block.kind {
            BlockKind::Quote => continue,
            BlockKind::Item if block.text().len() <= LONGEST => vec![(0, block.text().len())],
            _ => sentences(block.text(), work),
        };
        for (place, (from, to)) in parts.iter().enumerate() {
            let span = block.text.origin(*from, *to);
            // Up to the next sentence: the address of a link stands after its words.
            let next = parts.get(place + 1).map(|(from, _)| block.text.origin(*from, from + 1));
            let end = next.map_or(block.source.end(), Span::start);
            let start = if place == 0 { block.source.start() } else { span.start() };
            let written = [Span::new(start, end.max(start))];
            let text = block.text()[*from..*to].to_owned();
            found.push(statement(source, text, span, &written, block, work));
        }
    }
    found.into_iter().flatten().collect()
}

// An item that names a day, and is short enough to be said again with each child.
fn heads(block: &Block) -> bool {
    block.kind == BlockKind::Item
        && block.text().len() <= LONGEST
        && block.source.len() <= 10 * LONGEST
        && date(block.text()).is_some()
}

fn statement(
    source: &str,
    text: String,
    span: Span,
    written: &[Span],
    block: &Block,
    work: &mut Work,
) -> Option<Statement> {
    work.add(text.len() + written.iter().map(|span| span.len()).sum::<usize>());
    let mut candidate = Statement {
        text,
        words: Vec::new(),
        span,
        item: block.kind == BlockKind::Item,
        linked: block.text.linked(),
    };
    let personal = has_address(&candidate.text)
        || written.iter().any(|span| span.slice(source).is_none_or(has_address));
    if candidate.text.len() > LONGEST || personal {
        return None;
    }
    candidate.words = words(&candidate.text);
    let fewest = if candidate.item { FEWEST_IN_ITEM } else { FEWEST_IN_SENTENCE };
    // A writer's question leads to what comes next, and is nothing to act upon.
    let asks = !candidate.item && candidate.text.ends_with('?');
    let says = candidate.words.len() >= fewest && !asks && !is_boilerplate(&candidate.words);
    says.then_some(candidate)
}

// Of insights that say the same, whatever their order, the one with the greatest
// rank stays; only where all else is equal does its place decide.
fn distinct(insights: impl Iterator<Item = Insight>) -> Vec<Insight> {
    let mut kept: HashMap<String, Insight> = HashMap::new();
    for insight in insights {
        let same = words(&insight.statement).join(" ");
        match kept.get(&same) {
            Some(other) if !outranks(&insight, other) => {}
            _ => drop(kept.insert(same, insight)),
        }
    }
    kept.into_iter()
        .map(|(mut same, insight)| {
            same.zeroize();
            insight
        })
        .collect()
}

fn outranks(one: &Insight, other: &Insight) -> bool {
    let rank = |i: &Insight| (i.score, i.kind, i.topic);
    let by_statement = other.statement.cmp(&one.statement);
    let by_place = other.span.cmp(&one.span);
    rank(one).cmp(&rank(other)).then(by_statement).then(by_place).is_gt()
}

fn title(statement: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation;
    if statement.len() <= TITLE {
        return statement.to_owned();
    }
    let mut end = 0;
    for (at, word) in statement.split_word_bound_indices() {
        if at + word.len() > TITLE {
            break;
        }
        end = at + word.len();
    }
    format!("{}…", statement[..end].trim_end_matches(|c: char| !c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Depth, Format};

    fn statements_of(source: &str) -> Vec<String> {
        let document = Document::parse(source, Format::Markdown);
        let preferences = Preferences::new().depth(Depth::Deep);
        let found = insights(&document, &preferences);
        found.iter().map(|insight| insight.statement().to_owned()).collect()
    }

    #[test]
    fn an_event_is_said_with_its_date_and_place() {
        let source =
            "* 2026-08-05 | Lyon\n    * Book club\n    * Film club\n* 2026-08-06 | Lyon | Walk\n";
        assert_eq!(
            statements_of(source),
            [
                "2026-08-05 | Lyon: Book club",
                "2026-08-05 | Lyon: Film club",
                "2026-08-06 | Lyon | Walk"
            ]
        );
    }

    #[test]
    fn what_is_said_twice_stands_once() {
        let source =
            "# A\n\n* Rotate every password now!\n\n# B\n\n* Rotate *every* password now\n";
        assert_eq!(statements_of(source).len(), 1);
    }

    #[test]
    fn names_quotations_and_questions_are_no_insights() {
        let source = "# New members\n\n* Ann Bell Carter\n* Dora Emil Frank\n\n\
            > Update every password before you travel, he said.\n\n\
            Would you update every password before you travel?\n";
        assert!(statements_of(source).is_empty());
    }

    #[test]
    fn titles_are_cut_between_words() {
        let long = "Ä🦀 wort ".repeat(30);
        let cut = title(&long);
        assert!(cut.len() <= TITLE + '…'.len_utf8(), "{cut}");
        let rest = long.strip_prefix(cut.trim_end_matches('…')).unwrap();
        assert!(!rest.starts_with(char::is_alphanumeric), "{cut}");
        assert_eq!(title("short"), "short");
    }

    #[test]
    fn scoring_grows_with_the_input_and_not_with_its_square() {
        let pieces = [
            "* 2026-08-05 | x\n",
            "    * a b c d\n",
            "a b c d. E ",
            "* a b c d e\n",
            ". ",
            "@",
            "a@b.c ",
            "# a b\n\n* c d e\n",
        ];
        for head in ["", "* 2026-08-05 | [x](https://example.org/a)\n", "* "] {
            for piece in pieces {
                let work = |times: usize| {
                    let text = format!("{head}{}", piece.repeat(times));
                    let document = Document::parse(&text, Format::Markdown);
                    let mut work = Work::default();
                    let _ = count(&document, &Preferences::new(), &mut work);
                    work.total()
                };
                let (once, twice) = (work(500), work(1000));
                assert!(twice <= 2 * once + 1000, "{head:?} {piece:?}: {once}, then {twice}");
            }
        }
    }
}
