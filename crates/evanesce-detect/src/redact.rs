use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use ring::hmac;
use zeroize::Zeroizing;

use evanesce_core::Sanitize;

use crate::canary::push_hex;
use crate::window::Window;
use crate::{Finding, Scanner, decode};

/// What stands in the text afterwards.
#[non_exhaustive]
pub enum Operator {
    /// Nothing.
    Drop,
    /// The kind and a keyed hash, `<EMAIL_ADDRESS:0123456789abcdef>`: the same value
    /// has the same hash under one key.
    Hash(HashKey),
    /// One asterisk for each character.
    Mask,
    /// The kind, `<EMAIL_ADDRESS>`.
    Replace,
}

/// The key of [`Operator::Hash`]. A hash of an address under a known key can be
/// looked up, so the key is kept like the data and dies with it.
pub struct HashKey(hmac::Key);

impl HashKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }
}

/// A text after redaction.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Redacted {
    /// The text that may leave.
    pub text: String,
    /// What was found in the original, by its offsets.
    pub findings: Vec<Finding>,
}

/// What is left of a text that could not be cleaned.
pub(crate) const WHOLE: &str = "<REDACTED>";

const ROUNDS: usize = 4;

impl Scanner {
    /// Replaces what is found, then looks again: until nothing is found in what
    /// would leave, and no found value is left in it, plain or encoded once. A text
    /// that is not clean after four rounds, or is longer than the limit of the
    /// rules, is replaced as a whole.
    ///
    /// ```
    /// use evanesce_detect::{Operator, Scanner};
    /// let out = Scanner::default().redact("to reader@example.org!", &Operator::Replace);
    /// assert_eq!(out.text, "to <EMAIL_ADDRESS>!");
    /// ```
    #[must_use]
    pub fn redact(&self, text: &str, operator: &Operator) -> Redacted {
        if text.len() > self.rules.limit {
            return Redacted { text: WHOLE.to_owned(), findings: Vec::new() };
        }
        let findings = self.scan(text);
        if findings.is_empty() {
            return Redacted { text: text.to_owned(), findings };
        }
        let Some(values) = Values::of(text, &findings) else {
            return Redacted { text: WHOLE.to_owned(), findings };
        };
        let mut out = Zeroizing::new(values.out_of(replaced(text, &findings, operator)));
        for _ in 1..ROUNDS {
            let again = self.scan(&out);
            if again.is_empty() {
                break;
            }
            out = Zeroizing::new(replaced(&out, &again, operator));
        }
        let clean = self.scan(&out).is_empty() && !values.are_in(&out);
        let text = if clean { (*out).clone() } else { WHOLE.to_owned() };
        Redacted { text, findings }
    }
}

impl Sanitize for Scanner {
    fn sanitize(&self, text: &str) -> String {
        self.redact(text, &Operator::Replace).text
    }
}

fn replaced(text: &str, findings: &[Finding], operator: &Operator) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for f in findings {
        out.push_str(&text[at..f.start]);
        let value = &text[f.start..f.end];
        match operator {
            Operator::Drop => {}
            Operator::Hash(key) => hash(&mut out, f, value, key),
            Operator::Mask => value.chars().for_each(|_| out.push('*')),
            Operator::Replace => {
                out.push('<');
                out.push_str(f.kind.name());
                out.push('>');
            }
        }
        at = f.end;
    }
    out.push_str(&text[at..]);
    out
}

fn hash(out: &mut String, finding: &Finding, value: &str, key: &HashKey) {
    out.push('<');
    out.push_str(finding.kind.name());
    out.push(':');
    let tag = hmac::sign(&key.0, value.as_bytes());
    tag.as_ref().iter().take(8).for_each(|b| push_hex(out, *b));
    out.push('>');
}

/// The found values, to be looked for elsewhere: a number that was found beside its
/// name may stand again without it. Only those that are long enough not to be
/// words of the text by chance.
struct Values(Vec<(AhoCorasick, usize)>);

impl Values {
    // So many bytes of values go into one automaton, whose size is a multiple of it.
    const BATCH: usize = 256 * 1024;

    fn of(text: &str, findings: &[Finding]) -> Option<Self> {
        let telling = |v: &&str| v.bytes().filter(u8::is_ascii_alphanumeric).count() >= 6;
        let values: BTreeSet<&str> =
            findings.iter().map(|f| &text[f.start..f.end]).filter(telling).collect();
        let (mut out, mut batch, mut size) = (Vec::new(), Vec::new(), 0);
        for value in values {
            if size + value.len() > Self::BATCH {
                out.push(automaton(&std::mem::take(&mut batch))?);
                size = 0;
            }
            size += value.len();
            batch.push(value);
        }
        if !batch.is_empty() {
            out.push(automaton(&batch)?);
        }
        Some(Self(out))
    }

    fn out_of(&self, text: String) -> String {
        self.0.iter().fold(text, |text, (automaton, n)| {
            let text = Zeroizing::new(text);
            automaton.replace_all(&text, &vec![WHOLE; *n])
        })
    }

    fn are_in(&self, text: &str) -> bool {
        let plain = |text: &str| self.0.iter().any(|(automaton, _)| automaton.is_match(text));
        let w = Window::new(text);
        let mut found = plain(text) || decode::plain(&w).is_some_and(|d| plain(&d.text));
        decode::runs(&w, |run| found = found || plain(&run.text));
        found
    }
}

fn automaton(values: &[&str]) -> Option<(AhoCorasick, usize)> {
    let built = AhoCorasick::builder().ascii_case_insensitive(true).build(values).ok()?;
    Some((built, values.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_operator_leaves_what_it_says() {
        let text = "to reader@example.org!";
        let scanner = Scanner::default();
        let key = || Operator::Hash(HashKey::new(&[7; 32]));
        assert_eq!(scanner.redact(text, &Operator::Drop).text, "to !");
        assert_eq!(scanner.redact(text, &Operator::Mask).text, "to ******************!");
        let hashed = scanner.redact(text, &key()).text;
        assert!(hashed.starts_with("to <EMAIL_ADDRESS:") && hashed.ends_with(">!"));
        assert_eq!(hashed, scanner.redact(text, &key()).text);
        assert_ne!(hashed, scanner.redact(text, &Operator::Hash(HashKey::new(&[8; 32]))).text);
    }

    #[test]
    fn what_removal_would_join_is_found_again() {
        let text = "reader@reader@example.orgexample.org";
        let out = Scanner::default().redact(text, &Operator::Drop).text;
        assert!(Scanner::default().scan(&out).is_empty(), "{out}");
    }

    #[test]
    fn a_value_found_beside_its_name_is_gone_elsewhere_too() {
        let text = "password=correcthorse and then correcthorse, Y29ycmVjdGhvcnNl";
        let out = Scanner::default().redact(text, &Operator::Replace).text;
        assert!(!out.contains("correcthorse") && !out.contains("Y29ycmVjdGhvcnNl"), "{out}");
    }

    #[test]
    fn a_text_over_the_limit_is_replaced_as_a_whole() {
        let scanner = Scanner::new(crate::Rules::new().limit(10));
        assert_eq!(scanner.sanitize("harmless, but long"), WHOLE);
    }

    proptest! {
        #[test]
        fn nothing_is_found_in_what_was_redacted(
            text in "([a-z]{1,4}@[a-z]{1,3}\\.(com|org)|[0-9 +()-]{1,14}|%40|=|\\PC|password: [a-z0-9]{4,9}){0,12}"
        ) {
            let scanner = Scanner::default();
            for operator in [Operator::Drop, Operator::Mask, Operator::Replace] {
                let out = scanner.redact(&text, &operator).text;
                prop_assert!(scanner.scan(&out).is_empty(), "{}", out);
            }
        }
    }
}
