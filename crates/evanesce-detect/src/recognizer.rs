use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Finding, Kind};

/// What finds what needs language: names, addresses, organisations. A service plugs in
/// its model or its lists; what they find is resolved, redacted and screened like the
/// rest.
///
/// # Contract
///
/// A recogniser is asked once for each window of a text, of up to 96 KiB, and again for
/// what was decoded. Windows overlap, so that the same place may be asked for twice: the
/// answer must depend on the text alone, and on no more of it than 2 KiB to either side.
/// It runs on the thread that scans and in time linear in the window; neither is enforced.
///
/// ```
/// use std::sync::Arc;
/// use evanesce_detect::{Kind, Recognizer, Rules, Scanner, Spans};
///
/// struct Titles;
/// impl Recognizer for Titles {
///     fn recognize(&self, text: &str, spans: &mut Spans<'_>) {
///         for (at, title) in text.match_indices("Dr. ") {
///             let name = text[at + title.len()..].split_whitespace().next().unwrap_or("");
///             spans.push(at, at + title.len() + name.len(), 70, "a word after a title");
///         }
///     }
///     fn kind(&self) -> Kind {
///         Kind::named("PERSON").unwrap_or(Kind::Secret)
///     }
/// }
///
/// let scanner = Scanner::new(Rules::new().recognizer(Arc::new(Titles)));
/// let text = "seen by Dr. Example today";
/// let found = scanner.scan(text);
/// assert_eq!((found[0].kind.name(), &text[found[0].start..found[0].end]), ("PERSON", "Dr. Example"));
/// ```
pub trait Recognizer: Send + Sync {
    /// What all its findings are.
    fn kind(&self) -> Kind;

    /// Adds what is in `text`.
    fn recognize(&self, text: &str, spans: &mut Spans<'_>);
}

/// Takes what a [`Recognizer`] finds.
pub struct Spans<'s> {
    kind: Kind,
    out: &'s mut Vec<Finding>,
    text: &'s str,
}

impl Spans<'_> {
    /// A finding in these bytes of the text, so sure in percent, by this rule. A span
    /// that splits a character or leaves the text is widened to whole characters and cut
    /// to the text, so that a mistake redacts too much and not too little; an empty one
    /// is none.
    pub fn push(&mut self, start: usize, end: usize, percent: u8, why: &'static str) {
        let len = self.text.len();
        let (mut start, mut end) = (start.min(len), end.min(len));
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        if start < end {
            self.out.push(Finding::new(self.kind, start, end, percent.min(100), why));
        }
    }
}

impl fmt::Debug for Spans<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The recognisers of some rules.
#[derive(Clone, Default)]
pub(crate) struct Recognizers(Vec<Arc<dyn Recognizer>>);

impl Recognizers {
    pub(crate) const NONE: Self = Self(Vec::new());

    pub(crate) fn push(&mut self, one: Arc<dyn Recognizer>) {
        self.0.push(one);
    }

    pub(crate) fn find(&self, text: &str, out: &mut Vec<Finding>) {
        for one in &self.0 {
            one.recognize(text, &mut Spans { kind: one.kind(), out, text });
        }
    }
}

impl fmt::Debug for Recognizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recognizers").field(&self.0.len()).finish()
    }
}

/// Why a list of words is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadWords {
    /// A word is empty or blank.
    #[error("a word of the list is empty")]
    Empty,
    /// A word is longer than 256 bytes.
    #[error("a word of the list is longer than 256 bytes")]
    Long,
    /// There are more than 100 000 words.
    #[error("the list has more than 100000 words")]
    Many,
}

/// Words that a service knows to be personal: its customers' names, its staff. Each is
/// found whole, as it is written, in lower case, in capitals, or with a first capital.
///
/// ```
/// use std::sync::Arc;
/// use evanesce_detect::{Kind, Rules, Scanner, WordList};
/// let staff = WordList::new(Kind::named("PERSON").unwrap_or(Kind::Secret), ["Mia Muster"])?;
/// let scanner = Scanner::new(Rules::new().recognizer(Arc::new(staff)));
/// assert_eq!(scanner.scan("ask MIA MUSTER, not Mia Musterfrau").len(), 1);
/// # Ok::<(), evanesce_detect::BadWords>(())
/// ```
pub struct WordList {
    kind: Kind,
    words: Option<AhoCorasick>,
}

const LONGEST: usize = 256;
const MOST: usize = 100_000;

impl WordList {
    /// Words that all are of `kind`.
    ///
    /// # Errors
    ///
    /// A word is empty or too long, or there are too many.
    pub fn new<'w>(kind: Kind, words: impl IntoIterator<Item = &'w str>) -> Result<Self, BadWords> {
        let mut forms = Vec::new();
        for (count, word) in words.into_iter().enumerate() {
            let word = word.trim();
            if word.is_empty() {
                return Err(BadWords::Empty);
            }
            if word.len() > LONGEST {
                return Err(BadWords::Long);
            }
            if count >= MOST {
                return Err(BadWords::Many);
            }
            let lower = word.to_lowercase();
            let mut rest = lower.chars();
            let first = rest.next().into_iter().flat_map(char::to_uppercase);
            forms.push(first.chain(rest).collect::<String>());
            forms.extend([word.to_owned(), word.to_uppercase(), lower.clone()]);
        }
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return Ok(Self { kind, words: None });
        }
        let words = AhoCorasick::builder().match_kind(MatchKind::Standard).build(forms);
        Ok(Self { kind, words: Some(words.map_err(|_| BadWords::Many)?) })
    }
}

impl Recognizer for WordList {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn recognize(&self, text: &str, spans: &mut Spans<'_>) {
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let Some(words) = &self.words else { return };
        for found in words.find_overlapping_iter(text) {
            let (start, end) = (found.start(), found.end());
            let whole = text.get(..start).is_some_and(|before| !word(before.chars().next_back()))
                && text.get(end..).is_some_and(|after| !word(after.chars().next()));
            if whole {
                spans.push(start, end, 85, "a word of a list");
            }
        }
    }
}

impl fmt::Debug for WordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordList").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Operator, Rules, Scanner, Stream};

    fn person() -> Kind {
        Kind::named("PERSON").unwrap()
    }

    fn scanner(words: &[&str]) -> Scanner {
        let list = WordList::new(person(), words.iter().copied()).unwrap();
        Scanner::new(Rules::new().recognizer(Arc::new(list)))
    }

    #[test]
    fn words_of_a_list_are_found_whole_and_in_each_case() {
        let scanner = scanner(&["Änne", "Mia Muster", "Muster"]);
        let text = "ÄNNE, änne; Änne! Jänne Ännes; mia muster (Muster) Musterfrau";
        let found: Vec<_> = scanner.scan(text).iter().map(|f| &text[f.start..f.end]).collect();
        assert_eq!(found, ["ÄNNE", "änne", "Änne", "mia muster", "Muster"]);
        assert!(scanner.scan(text).iter().all(|f| f.kind == person()));
        let redacted = scanner.redact("by Änne", &Operator::Replace);
        assert_eq!(redacted.text, "by <PERSON>");
    }

    #[test]
    fn a_word_is_found_in_its_encoded_form_and_across_chunks() {
        let scanner = scanner(&["Mia Muster"]);
        assert_eq!(scanner.scan("name=Mia%20Muster&x=1").len(), 1);
        let text = "a text about Mia Muster and others";
        for cut in 0..text.len() {
            let mut stream = Stream::new(&scanner);
            let mut found = stream.push(&text.as_bytes()[..cut]);
            found.extend(stream.push(&text.as_bytes()[cut..]));
            found.extend(stream.finish());
            assert_eq!(found, scanner.scan(text), "{cut}");
        }
    }

    #[test]
    fn bad_lists_are_refused_and_an_empty_one_finds_nothing() {
        let new = |words: &[&str]| WordList::new(person(), words.iter().copied()).err();
        assert_eq!(new(&["a", " "]), Some(BadWords::Empty));
        assert_eq!(new(&[&"a".repeat(257)]), Some(BadWords::Long));
        assert_eq!(new(&vec!["a"; MOST + 1]), Some(BadWords::Many));
        assert_eq!(scanner(&[]).scan("Mia Muster"), []);
    }

    struct Wrong;

    impl Recognizer for Wrong {
        fn kind(&self) -> Kind {
            person()
        }

        fn recognize(&self, text: &str, spans: &mut Spans<'_>) {
            spans.push(1, 2, 200, "the middle of a character");
            spans.push(text.len(), text.len() + 9, 90, "beyond the end");
            spans.push(3, 1, 90, "backwards");
        }
    }

    #[test]
    fn a_wrong_span_is_widened_to_characters_and_cut_to_the_text() {
        let scanner = Scanner::new(Rules::new().recognizer(Arc::new(Wrong)));
        let found = scanner.scan("é.");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].start, found[0].end, found[0].score), (0, 2, 100));
    }
}
