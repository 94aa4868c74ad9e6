//! Found values, to be looked for in the rest of a text.

use aho_corasick::{AhoCorasick, MatchKind};
use zeroize::Zeroizing;

use crate::redact::WHOLE;
use crate::window::Window;
use crate::{Finding, Scanner, decode, runs};

/// The found values, and what they are decoded to: a number that was found beside its
/// name may stand again without it, and a password in base64 again in plain. One with
/// fewer than six letters and digits may be a part of another word by chance, and only
/// counts where it stands alone.
pub(crate) struct Values(Vec<Batch>);

struct Batch {
    automaton: AhoCorasick,
    telling: Vec<bool>,
}

// So many bytes of values go into one automaton, whose size is a multiple of it.
const BATCH: usize = 256 * 1024;

impl Values {
    /// Of a text and what was found in it; none where they are too many.
    pub(crate) fn of(scanner: &Scanner, text: &str, findings: &[Finding]) -> Option<Self> {
        let mut values = Vec::new();
        for finding in findings {
            let value = &text[finding.start..finding.end];
            decoded(scanner, value, &mut values);
            values.push(Zeroizing::new(value.to_owned()));
        }
        values.sort_unstable_by(|a, b| a.as_str().cmp(b));
        values.dedup();
        values.retain(|value: &Zeroizing<String>| {
            value.chars().filter(|c| c.is_alphanumeric()).count() >= 3
        });
        let (mut out, mut batch, mut size) = (Vec::new(), Vec::new(), 0);
        for value in &values {
            if size + value.len() > BATCH {
                out.push(Batch::of(&std::mem::take(&mut batch))?);
                size = 0;
            }
            size += value.len();
            batch.push(value.as_str());
        }
        if !batch.is_empty() {
            out.push(Batch::of(&batch)?);
        }
        Some(Self(out))
    }

    /// The text without them.
    pub(crate) fn out_of(&self, text: String) -> String {
        self.0.iter().fold(text, |text, batch| {
            let text = Zeroizing::new(text);
            let mut out = String::with_capacity(text.len());
            batch.automaton.replace_all_with(&text, &mut out, |found, value, out| {
                let counts = batch.counts(&text, found.pattern().as_usize(), found.range());
                out.push_str(if counts { WHOLE } else { value });
                true
            });
            out
        })
    }

    /// Whether one of them is left, plain or encoded once.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let plain = |text: &str| self.0.iter().any(|batch| batch.is_in(text));
        let w = Window::new(text);
        let mut found = plain(text) || decode::plain(&w).is_some_and(|d| plain(&d.text));
        runs::runs(&w, |run| found = found || plain(&run.text));
        found
    }
}

impl Batch {
    fn of(values: &[&str]) -> Option<Self> {
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard);
        let signs = |value: &&str| value.bytes().filter(u8::is_ascii_alphanumeric).count() >= 6;
        let telling = values.iter().map(signs).collect();
        Some(Self { automaton: builder.build(values).ok()?, telling })
    }

    fn is_in(&self, text: &str) -> bool {
        let mut found = self.automaton.find_overlapping_iter(text);
        found.any(|it| self.counts(text, it.pattern().as_usize(), it.range()))
    }

    // Long enough, or alone and not the name of what stands in its place.
    fn counts(&self, text: &str, n: usize, at: std::ops::Range<usize>) -> bool {
        let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = text.get(..at.start).and_then(|text| text.chars().next_back());
        let after = text.get(at.end..).and_then(|text| text.chars().next());
        self.telling.get(n).is_none_or(|telling| *telling) || !(part(before) || part(after))
    }
}

// What a value is that was found in an encoded form.
fn decoded(scanner: &Scanner, value: &str, out: &mut Vec<Zeroizing<String>>) {
    let w = Window::new(value);
    if let Some(plain) = decode::plain(&w) {
        out.push(Zeroizing::new(plain.text));
    }
    runs::runs(&w, |run| {
        // A span of base64 has up to two bytes more at either end than what was found.
        if run.outer(0, 0).0 == 0 && run.text.len() <= 1024 {
            let cut = |from: usize, less: usize| {
                run.text.get(from..run.text.len().saturating_sub(less)).map(str::trim)
            };
            let inner = (0..9).filter_map(|n| cut(n / 3, n % 3));
            out.extend(inner.map(|value| Zeroizing::new(value.to_owned())));
        }
        let inner = scanner.scan(&run.text);
        out.extend(inner.iter().map(|f| Zeroizing::new(run.text[f.start..f.end].to_owned())));
    });
}
