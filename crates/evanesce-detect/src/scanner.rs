use std::cmp::Reverse;
use std::sync::Arc;

use crate::finding::resolve;
use crate::recognize::{self, AHEAD, BACK, SURE};
use crate::recognizer::{Recognizer, Recognizers};
use crate::window::Window;
use crate::{Finding, Kind, Patterns, decode, runs};

/// What a [`Scanner`] looks for and how sure it must be.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) limit: usize,
    patterns: Option<Patterns>,
    recognizers: Recognizers,
    skipped: Vec<Kind>,
    threshold: u8,
}

impl Rules {
    /// Every kind, from 50 percent on, in texts of up to 8 MiB.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limit: 8 << 20,
            patterns: None,
            recognizers: Recognizers::NONE,
            skipped: Vec::new(),
            threshold: 50,
        }
    }

    /// Reports what is at least so sure, in percent.
    #[must_use]
    pub const fn at_least(mut self, percent: u8) -> Self {
        self.threshold = percent;
        self
    }

    /// Looks for these patterns as well.
    #[must_use]
    pub fn with(mut self, patterns: Patterns) -> Self {
        self.patterns = Some(patterns);
        self
    }

    /// Asks this recogniser as well: a model, or a list of words.
    #[must_use]
    pub fn recognizer(mut self, recognizer: Arc<dyn Recognizer>) -> Self {
        self.recognizers.push(recognizer);
        self
    }

    /// Leaves a kind out.
    #[must_use]
    pub fn without(mut self, kind: Kind) -> Self {
        self.skipped.push(kind);
        self
    }

    /// The longest text, in bytes, that is redacted or screened; a longer one is
    /// replaced or held back as a whole. Scanning itself has no limit.
    #[must_use]
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds personal data and secrets in text, in time linear in its length.
///
/// The text is read in windows: each recogniser looks a bounded way to either
/// side of the byte that calls it, so that no text makes it slow. What is found
/// inside of percent, JSON and HTML escapes, of base64 and of hex, is reported
/// with the span of its encoded form; one level is decoded, not two.
///
/// ```
/// use evanesce_detect::{Kind, Scanner};
/// let text = "write to reader@example.org";
/// let found = Scanner::default().scan(text);
/// assert_eq!((found[0].kind, &text[found[0].start..found[0].end]), (Kind::Email, "reader@example.org"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    pub(crate) rules: Rules,
    block: Block,
}

impl Scanner {
    /// A scanner by these rules.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, block: Block::USUAL }
    }

    /// What is found, without overlaps and in order of place: of findings that
    /// overlap, the longest stands, then the surer, then the earlier.
    #[must_use]
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        self.walk(text, Self::settled)
    }

    /// What is found, overlaps included: the address inside a URL beside the URL.
    /// This is what a decision whether something may leave has to look at.
    #[must_use]
    pub fn scan_all(&self, text: &str) -> Vec<Finding> {
        self.walk(text, |found| found)
    }

    #[cfg(test)]
    pub(crate) fn with_block(mut self, bytes: usize) -> Self {
        self.block = Block { ahead: bytes, back: bytes, bytes };
        self
    }

    /// How many bytes beyond the block's start a window reaches.
    pub(crate) const fn reach(&self) -> usize {
        self.block.bytes + self.block.ahead
    }

    fn settled(found: Vec<Finding>) -> Vec<Finding> {
        resolve(found)
    }

    fn walk(&self, text: &str, keep: fn(Vec<Finding>) -> Vec<Finding>) -> Vec<Finding> {
        let (mut out, mut at) = (Vec::new(), 0);
        loop {
            let from = self.context(text, at);
            let step = self.step(&text[from..], at - from, keep);
            out.extend(step.found.into_iter().map(|f| moved(f, from)));
            match step.next {
                Some(next) => at = from + next,
                None => return out,
            }
        }
    }

    /// Scans one window of `text`, of which the first `before` bytes are known and
    /// serve as context. Where it ends depends on the text alone, so that a stream
    /// and a whole text fall into the same windows.
    pub(crate) fn step(
        &self,
        text: &str,
        before: usize,
        keep: fn(Vec<Finding>) -> Vec<Finding>,
    ) -> Step {
        let last = text.len() - before <= self.reach();
        if last {
            let (mut found, _) = self.window(text, (before, text.len()));
            found.retain(|f| f.start >= before);
            return Step { found: keep(found), next: None };
        }
        let window = &text[..floor(text, before + self.reach())];
        let mut cut = floor(text, before + self.block.bytes);
        // What lies beyond the cut counts only where it overlaps what lies across, or
        // something that does, and so on: in almost all texts that ends soon.
        let soon = (cut + SOON).min(window.len());
        let (mut found, _) = self.window(window, (before, soon));
        if chained(&found, cut) > soon {
            (found, _) = self.window(window, (before, window.len()));
        }
        found.retain(|f| f.start >= before);
        if let Some(across) = resolve(found.clone()).iter().find(|f| f.start < cut && cut < f.end) {
            cut = if across.start > before { across.start } else { across.end };
        }
        let mut found = keep(found);
        found.retain(|f| f.start < cut);
        Step { found, next: Some(cut) }
    }

    /// Where the context of a window that begins at `at` begins.
    pub(crate) fn context(&self, text: &str, at: usize) -> usize {
        let mut from = at.saturating_sub(self.block.back);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        from
    }

    /// What begins in one part of a window, and how many bytes were looked at for it.
    /// Some of what begins elsewhere may be there as well.
    pub(crate) fn window(&self, text: &str, (from, to): (usize, usize)) -> (Vec<Finding>, u64) {
        let w = Window::new(text);
        let mut found = Vec::new();
        recognize::within(&w, (from, to), &mut found);
        self.patterned(&w, (from, to), &mut found);
        if let Some(decoded) = decode::plain(&w) {
            let inner = Window::new(&decoded.text);
            let first = found.len();
            let span = (decoded.inner(from), decoded.inner(to));
            recognize::near(&inner, span, decoded.changes(), &mut found);
            self.patterned(&inner, span, &mut found);
            for f in &mut found[first..] {
                (f.start, f.end) = decoded.outer(f.start, f.end);
            }
            w.count(inner.work() as usize);
        }
        runs::sure_runs(&w, (from, to), |run| {
            let inner = Window::new(&run.text);
            let first = found.len();
            recognize::all(&inner, &mut found);
            self.patterned(&inner, (0, run.text.len()), &mut found);
            let mut kept = first;
            for i in first..found.len() {
                let mut f = found[i];
                if f.score >= SURE && run.is_meant(f.start, f.end) {
                    (f.start, f.end) = run.outer(f.start, f.end);
                    found[kept] = f;
                    kept += 1;
                }
            }
            found.truncate(kept);
            w.count(inner.work() as usize);
        });
        found.retain(|f| f.score >= self.rules.threshold && !self.rules.skipped.contains(&f.kind));
        found.sort_unstable_by_key(|f| (f.start, f.end, f.kind, Reverse(f.score), f.why));
        found.dedup_by_key(|f| (f.start, f.end, f.kind));
        (found, w.work())
    }

    fn patterned(&self, w: &Window<'_>, span: (usize, usize), out: &mut Vec<Finding>) {
        if let Some(patterns) = &self.rules.patterns {
            patterns.find(w, span, out);
        }
        self.rules.recognizers.find(w.text, out);
    }
}

/// What one window gave, and where the next one begins.
pub(crate) struct Step {
    pub(crate) found: Vec<Finding>,
    pub(crate) next: Option<usize>,
}

// So far beyond a cut all is found at first.
const SOON: usize = 2048;

// The end of the row of findings that overlap each other, of which the first lies
// across `cut`. They are in order of place.
fn chained(found: &[Finding], cut: usize) -> usize {
    found.iter().fold(cut, |end, f| if f.start < end { end.max(f.end) } else { end })
}

// How much is scanned at once, and how far a window reaches beyond it.
#[derive(Clone, Copy, Debug)]
struct Block {
    ahead: usize,
    back: usize,
    bytes: usize,
}

impl Block {
    const USUAL: Self = Self { ahead: AHEAD, back: BACK, bytes: 64 * 1024 };
}

impl Default for Block {
    fn default() -> Self {
        Self::USUAL
    }
}

pub(crate) fn moved(mut finding: Finding, by: usize) -> Finding {
    finding.start += by;
    finding.end += by;
    finding
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
