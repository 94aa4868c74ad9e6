use std::fmt;
use std::sync::Arc;

use crate::engine::{self, Engine, Refused};
use crate::finding::Finding;
use crate::kind::{Kind, Name};
use crate::window::Window;

/// Patterns of one's own, read from a file.
///
/// A line is a kind, a score in percent, a pattern between slashes and, after it, any
/// number of words that make a finding surer where one of them stands close by. Empty
/// lines and lines that begin with `#` count for nothing.
///
/// ```text
/// # kind        score  pattern              words
/// EMPLOYEE_ID   40     /\bE-\d{7}\b/        staff, employee
/// EMAIL_ADDRESS 90     /\b\w+ at \w+\.org\b/
/// ```
///
/// - The kind is one of [`Kind::ALL`] by its name, or a new one: up to 48 capitals,
///   digits and underscores. A finding whose kind begins with `SECRET` is a secret.
/// - A word within the 56 bytes before or the 24 bytes after raises the score by 30.
/// - A pattern is a regular expression out of literals, classes in brackets, `.`, `\d`,
///   `\s`, `\w`, `\b`, groups, alternatives, and repetitions that count up to 256; lazy
///   ones too. Letters, digits and spaces are those of ASCII, `(?i)` regards no case of
///   ASCII letters, and a slash is written `\/`. There is nothing that looks ahead or
///   behind or refers back, no `^` and no `$`, and no pattern that matches nothing: the
///   time stays linear in the text.
/// - A match is the leftmost; of several that begin at one place, that of the first line;
///   it has at most 4096 bytes.
/// - A file has at most 512 patterns, and each at most 1024 bytes; together they must fit
///   into an automaton of 8 MiB.
///
/// Patterns that begin with `\b` and have a digit, a capital or a sign near their
/// beginning are the fastest.
///
/// ```
/// use evanesce_detect::{Patterns, Rules, Scanner};
/// let patterns = Patterns::parse(r"EMPLOYEE_ID 40 /\bE-\d{7}\b/ staff, employee")?;
/// let scanner = Scanner::new(Rules::new().with(patterns));
/// let found = scanner.scan("the employee E-0012345 wrote");
/// assert_eq!((found[0].kind.name(), found[0].score), ("EMPLOYEE_ID", 70));
/// assert_eq!(Patterns::parse("EMPLOYEE_ID 40 /(/").unwrap_err().line(), 1);
/// # Ok::<(), evanesce_detect::Malformed>(())
/// ```
#[derive(Clone)]
pub struct Patterns(Arc<Set>);

struct Set {
    engine: Engine,
    lines: Vec<Line>,
}

struct Line {
    kind: Kind,
    score: u8,
    words: Vec<String>,
}

const FILE: usize = 1 << 20;
const PATTERNS: usize = 512;
const PATTERN: usize = 1024;
const WORDS: usize = 16;
const RAISED: u8 = 30;

impl Patterns {
    /// Reads a file of patterns.
    ///
    /// # Errors
    /// [`Malformed`], with the first line that cannot be taken and the reason.
    pub fn parse(file: &str) -> Result<Self, Malformed> {
        if file.len() > FILE {
            return Err(Malformed { line: 1, reason: Reason::Long });
        }
        let (mut lines, mut hirs, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (n, text) in file.lines().enumerate() {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let malformed = |reason| Malformed { line: n + 1, reason };
            if lines.len() == PATTERNS {
                return Err(malformed(Reason::Many));
            }
            let (line, pattern) = line(text).map_err(malformed)?;
            hirs.push(engine::parse(&pattern).map_err(|why| malformed(Reason::of(why)))?);
            lines.push(line);
            places.push(n + 1);
        }
        match Engine::new(&hirs) {
            Some(engine) => Ok(Self(Arc::new(Set { engine, lines }))),
            None => {
                // The first line with which they are too large.
                let at = places.partition_point(|place| {
                    let n = places.iter().take_while(|p| *p <= place).count();
                    Engine::new(&hirs[..n]).is_some()
                });
                let line = places.get(at).copied().unwrap_or(1);
                Err(Malformed { line, reason: Reason::Large })
            }
        }
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lines.is_empty()
    }

    /// What the patterns alone find in a text as it stands, without overlaps and in order
    /// of place. A [`Scanner`](crate::Scanner) with them finds it in decoded text as well,
    /// and beside all else that it looks for.
    #[must_use]
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        let mut out = Vec::new();
        self.find(&Window::new(text), (0, text.len()), &mut out);
        out
    }

    /// What begins in one part of a window.
    pub(crate) fn find(&self, w: &Window<'_>, span: (usize, usize), out: &mut Vec<Finding>) {
        let (found, steps) = self.0.engine.find(w.bytes, span);
        w.count(steps + span.1.saturating_sub(span.0));
        out.extend(found.iter().filter_map(|found| {
            let line = self.0.lines.get(usize::from(found.pattern))?;
            let said = line.is_said(w, found.start, found.end);
            let (score, why) = if said {
                ((line.score + RAISED).min(100), "a pattern of the file and a word nearby")
            } else {
                (line.score, "a pattern of the file")
            };
            Some(Finding::new(line.kind, found.start, found.end, score, why))
        }));
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patterns").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Line {
    fn is_said(&self, w: &Window<'_>, start: usize, end: usize) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let from = w.ceil(start.saturating_sub(56)).min(start);
        let to = w.ceil((end + 24).min(w.bytes.len()));
        w.count(to - end + start - from);
        let sides = [w.text.get(from..start), w.text.get(end..to)];
        sides.into_iter().flatten().any(|side| {
            let side = side.to_lowercase();
            self.words.iter().any(|word| side.contains(word.as_str()))
        })
    }
}

// The parts of one line.
fn line(text: &str) -> Result<(Line, String), Reason> {
    let (kind, rest) = text.split_once(char::is_whitespace).ok_or(Reason::Parts)?;
    let (score, rest) = rest.trim_start().split_once(char::is_whitespace).ok_or(Reason::Parts)?;
    let rest = rest.trim_start().strip_prefix('/').ok_or(Reason::Slash)?;
    let (pattern, words) = pattern(rest).ok_or(Reason::Slash)?;
    if pattern.len() > PATTERN {
        return Err(Reason::Long);
    }
    let known = Kind::ALL.iter().copied().find(|known| known.name() == kind);
    let kind = match known {
        Some(known) => known,
        None => Kind::Named(Name::new(kind).ok_or(Reason::Kind)?),
    };
    let whole = score.bytes().all(|b| b.is_ascii_digit());
    let score = score.parse().ok().filter(|n| *n <= 100 && whole).ok_or(Reason::Score)?;
    Ok((Line { kind, score, words: self::words(words)? }, pattern))
}

// Up to the slash that is not escaped, and what follows it. An escaped one is plain.
fn pattern(rest: &str) -> Option<(String, &str)> {
    let (mut out, mut chars) = (String::new(), rest.char_indices());
    while let Some((i, c)) = chars.next() {
        match c {
            '/' => return Some((out, &rest[i + 1..])),
            '\\' => {
                let (_, next) = chars.next()?;
                if next != '/' {
                    out.push('\\');
                }
                out.push(next);
            }
            _ => out.push(c),
        }
    }
    None
}

fn words(text: &str) -> Result<Vec<String>, Reason> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<_> = text.split(',').map(|word| word.trim().to_lowercase()).collect();
    let fits = |word: &String| (2..=32).contains(&word.len());
    if words.len() <= WORDS && words.iter().all(fits) { Ok(words) } else { Err(Reason::Words) }
}

/// A file of patterns has a line that cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line} of the patterns: {reason}")]
pub struct Malformed {
    line: usize,
    reason: Reason,
}

impl Malformed {
    /// The line, counted from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Why it cannot be taken.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

/// Why a line of a file of patterns cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It asks what stands before or after, or refers back.
    #[error("a pattern may not look ahead or behind, refer back, or have `^`, `$` or `\\B`")]
    Anchor,
    /// A repetition counts too far.
    #[error("a repetition counts to at most 256")]
    Count,
    /// The pattern matches where nothing is.
    #[error("a pattern must not match the empty text")]
    Empty,
    /// A flag other than `i`.
    #[error("the only flag is `i`, and it may only be set")]
    Flag,
    /// The kind is not a name.
    #[error("a kind is up to 48 capitals, digits and underscores, beginning with a capital")]
    Kind,
    /// The automaton would be too large with this line.
    #[error("with this line the automaton has more than 8 MiB")]
    Large,
    /// The file or the pattern is too long.
    #[error("a file has at most 1 MiB, and a pattern at most 1024 bytes")]
    Long,
    /// There are too many patterns.
    #[error("a file has at most 512 patterns")]
    Many,
    /// Groups lie too deep in one another.
    #[error("groups are nested too deep")]
    Nested,
    /// It has not the parts of a line.
    #[error("a line is a kind, a score and a pattern between slashes")]
    Parts,
    /// The score is no percentage.
    #[error("a score is a whole number from 0 to 100")]
    Score,
    /// The pattern is not between slashes.
    #[error("a pattern stands between slashes")]
    Slash,
    /// The pattern is no regular expression.
    #[error("this is no regular expression")]
    Syntax,
    /// A class by a property of Unicode, or an operation on classes.
    #[error("classes by property and operations on classes are not taken")]
    Unicode,
    /// The words are too many, too short or too long.
    #[error("there are up to 16 words of 2 to 32 bytes, with commas between them")]
    Words,
}

impl Reason {
    const fn of(why: Refused) -> Self {
        match why {
            Refused::Anchor => Self::Anchor,
            Refused::Count => Self::Count,
            Refused::Empty => Self::Empty,
            Refused::Flag => Self::Flag,
            Refused::Nested => Self::Nested,
            Refused::Syntax => Self::Syntax,
            Refused::Unicode => Self::Unicode,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Rules, Scanner, Stream};

    fn patterns(file: &str) -> Patterns {
        Patterns::parse(file).unwrap()
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        let file = "# kinds of ours\n\nSTAFF 40 /\\bE-\\d{7}\\b/ staff, Personal-Nr\r\n\
                    URL_PATH\t90\t/\\bintra\\/\\w+/\nEMAIL_ADDRESS 80 /\\b\\w+ at \\w+\\.org/\n";
        let patterns = patterns(file);
        assert_eq!(patterns.len(), 3);
        let text = "intra/home: anna at example.org, PERSONAL-NR: E-0012345. And far beyond \
                    all of these words, where nothing says so, E-7654321 stands.";
        let found: Vec<_> = patterns
            .scan(text)
            .iter()
            .map(|f| (f.kind.name(), &text[f.start..f.end], f.score))
            .collect();
        assert_eq!(
            found,
            [
                ("URL_PATH", "intra/home", 90),
                ("EMAIL_ADDRESS", "anna at example.org", 80),
                ("STAFF", "E-0012345", 70),
                ("STAFF", "E-7654321", 40),
            ]
        );
        assert_eq!(patterns.scan(text)[1].kind, Kind::Email);
    }

    #[test]
    fn what_cannot_be_taken_is_named_by_line_and_reason() {
        let long = format!("A 50 /{}/", "x".repeat(PATTERN + 1));
        let many = "A 50 /xy/\n".repeat(PATTERNS + 1);
        for (file, line, reason) in [
            ("A 50 /a/\n\nA", 3, Reason::Parts),
            ("A 50", 1, Reason::Parts),
            ("a 50 /a/", 1, Reason::Kind),
            ("A-B 50 /a/", 1, Reason::Kind),
            ("A 101 /a/", 1, Reason::Score),
            ("A +5 /a/", 1, Reason::Score),
            ("A 256 /a/", 1, Reason::Score),
            ("A 50 a", 1, Reason::Slash),
            ("A 50 /a", 1, Reason::Slash),
            ("A 50 /a\\/", 1, Reason::Slash),
            ("A 50 /a/ x", 1, Reason::Words),
            ("A 50 /a/ xy,,zz", 1, Reason::Words),
            ("#\nA 50 /(/", 2, Reason::Syntax),
            ("A 50 /a*/", 1, Reason::Empty),
            ("A 50 /^a/", 1, Reason::Anchor),
            ("A 50 /a{300}/", 1, Reason::Count),
            (&long, 1, Reason::Long),
            (&many, PATTERNS + 1, Reason::Many),
            (&"#".repeat(FILE + 1), 1, Reason::Long),
        ] {
            let error = Patterns::parse(file).unwrap_err();
            assert_eq!((error.line(), error.reason()), (line, reason), "{:.40}", file);
        }
    }

    #[test]
    fn the_line_is_named_with_which_the_automaton_is_too_large() {
        // It has to remember where each of the last bytes was an `a`.
        let file = "A 50 /x1/\nB 50 /[ab]*a[ab]{16}/\nC 50 /x2/";
        let error = Patterns::parse(file).unwrap_err();
        assert_eq!((error.line(), error.reason()), (2, Reason::Large));
    }

    #[test]
    fn an_error_quotes_nothing_of_the_file() {
        let error = Patterns::parse("A 50 /a/\nB 50 /(hunter2/").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the patterns: this is no regular expression");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_scanner_looks_for_them_in_decoded_text_too() {
        let scanner = Scanner::new(Rules::new().with(patterns(r"SECRET_BADGE 85 /\bBDG-\d{6}\b/")));
        for text in ["BDG-123456", "BDG%2D123456", "QkRHLTEyMzQ1Ng", "BDG\u{200b}-123456"] {
            let found = scanner.scan(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].kind.name(), "SECRET_BADGE", "{text}");
            assert!(found[0].kind.is_secret());
            assert_eq!((found[0].start, found[0].end), (0, text.len()), "{text}");
        }
        assert!(!scanner.redact("BDG%2D123456", &crate::Operator::Replace).text.contains("123"));
    }

    const PIECES: &str = "(BDG-123456|BDG%2D123456|ab ab |x1y|[a-z]{1,9}|[0-9]{1,5}|[ .,@%-]|é)";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_stream_finds_what_one_scan_finds(
            pieces in prop::collection::vec(PIECES, 0..120),
            cut in 1_usize..200,
            block in 64_usize..512,
        ) {
            let text = pieces.concat().repeat(3);
            let rules = Rules::new().with(patterns("A 60 /BDG-\\d+/\nB 60 /(?:ab )+/\nC 60 /x\\d.*?\\d/"));
            let scanner = Scanner::new(rules).with_block(block);
            let mut stream = Stream::new(&scanner);
            let mut found: Vec<_> =
                text.as_bytes().chunks(cut).flat_map(|chunk| stream.push(chunk)).collect();
            found.extend(stream.finish());
            prop_assert_eq!(found, scanner.scan(&text));
        }

        #[test]
        fn no_file_panics(file in "([A-Z]{1,3} [0-9]{1,3} /[a-c(){}|\\\\\\[\\]*+?.^$0-9-]{0,12}/ ?[a-z, ]{0,9}\n|\\PC{0,20}\n){0,4}") {
            if let Ok(patterns) = Patterns::parse(&file) {
                let _ = patterns.scan(&file);
            }
        }
    }
}
