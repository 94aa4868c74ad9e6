use std::collections::BTreeMap;

use ring::hmac;
use zeroize::Zeroizing;

use evanesce_core::Sanitize;

use crate::canary::push_hex;
use crate::generalise::generalised;
use crate::values::Values;
use crate::{Finding, Kind, Scanner};

/// What stands in the text afterwards.
#[non_exhaustive]
pub enum Operator {
    /// Nothing.
    Drop,
    /// The kind and the coarse part of the value, `<IP_ADDRESS:203.0.x.x>`: of addresses
    /// the network, of numbers to dial and of accounts the country, of dates of birth the
    /// year. The kind alone where no part is coarse.
    Generalise,
    /// The kind and a keyed hash, `<EMAIL_ADDRESS:0123456789abcdef>`: the same value
    /// has the same hash under one key.
    Hash(HashKey),
    /// One asterisk for each character.
    Mask,
    /// As [`Self::Mask`], but for so many characters at the end, and never more than a
    /// quarter of the value.
    MaskBut(usize),
    /// The kind, `<EMAIL_ADDRESS>`.
    Replace,
}

/// An operator for each kind.
pub struct Operators {
    usual: Operator,
    others: BTreeMap<Kind, Operator>,
}

impl Operators {
    /// The same for all kinds.
    #[must_use]
    pub const fn new(usual: Operator) -> Self {
        Self { usual, others: BTreeMap::new() }
    }

    /// Another one for this kind.
    #[must_use]
    pub fn of(mut self, kind: Kind, operator: Operator) -> Self {
        self.others.insert(kind, operator);
        self
    }

    fn get(&self, kind: Kind) -> &Operator {
        self.others.get(&kind).unwrap_or(&self.usual)
    }
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
        self.redact_by(text, &|_| operator)
    }

    /// As [`redact`](Self::redact), with an operator for each kind.
    ///
    /// ```
    /// use evanesce_detect::{Kind, Operator, Operators, Scanner};
    /// let operators = Operators::new(Operator::Replace).of(Kind::Ip, Operator::Generalise);
    /// let out = Scanner::default().redact_with("reader@example.org at 203.0.113.77", &operators);
    /// assert_eq!(out.text, "<EMAIL_ADDRESS> at <IP_ADDRESS:203.0.x.x>");
    /// ```
    #[must_use]
    pub fn redact_with(&self, text: &str, operators: &Operators) -> Redacted {
        self.redact_by(text, &|kind| operators.get(kind))
    }

    fn redact_by<'o>(&self, text: &str, pick: &dyn Fn(Kind) -> &'o Operator) -> Redacted {
        if text.len() > self.rules.limit {
            return Redacted { text: WHOLE.to_owned(), findings: Vec::new() };
        }
        let findings = self.scan(text);
        if findings.is_empty() {
            return Redacted { text: text.to_owned(), findings };
        }
        let Some(values) = Values::of(self, text, &findings) else {
            return Redacted { text: WHOLE.to_owned(), findings };
        };
        let mut out = Zeroizing::new(values.out_of(replaced(text, &findings, pick)));
        for _ in 1..ROUNDS {
            let again = self.scan(&out);
            if again.is_empty() {
                break;
            }
            out = Zeroizing::new(replaced(&out, &again, pick));
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

fn replaced<'o>(text: &str, findings: &[Finding], pick: &dyn Fn(Kind) -> &'o Operator) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for f in findings {
        out.push_str(&text[at..f.start]);
        put(&mut out, f.kind, &text[f.start..f.end], pick(f.kind));
        at = f.end;
    }
    out.push_str(&text[at..]);
    out
}

fn put(out: &mut String, kind: Kind, value: &str, operator: &Operator) {
    match operator {
        Operator::Drop => {}
        Operator::Generalise => named(out, kind, generalised(kind, value).as_deref()),
        Operator::Hash(key) => {
            let tag = hmac::sign(&key.0, value.as_bytes());
            let mut hex = String::new();
            tag.as_ref().iter().take(8).for_each(|b| push_hex(&mut hex, *b));
            named(out, kind, Some(&hex));
        }
        Operator::Mask => value.chars().for_each(|_| out.push('*')),
        Operator::MaskBut(last) => {
            let count = value.chars().count();
            let hidden = count - (*last).min(count / 4);
            out.extend(value.chars().enumerate().map(|(i, c)| if i < hidden { '*' } else { c }));
        }
        Operator::Replace => named(out, kind, None),
    }
}

fn named(out: &mut String, kind: Kind, part: Option<&str>) {
    out.push('<');
    out.push_str(kind.name());
    if let Some(part) = part {
        out.push(':');
        out.push_str(part);
    }
    out.push('>');
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
    fn kinds_have_their_own_operators() {
        let text = "card 4111 1111 1111 1111, +49 30 901820, reader@example.org";
        let operators = Operators::new(Operator::Drop)
            .of(Kind::CreditCard, Operator::MaskBut(4))
            .of(Kind::Phone, Operator::Generalise);
        let out = Scanner::default().redact_with(text, &operators).text;
        assert_eq!(out, "card ***************1111, <PHONE_NUMBER:+49>, ");
        // Never more than a quarter, however many are asked for.
        let most = Operators::new(Operator::MaskBut(99));
        let out = Scanner::default().redact_with("to reader@example.org!", &most).text;
        assert_eq!(out, "to **************.org!");
    }

    #[test]
    fn a_value_found_in_base64_is_gone_in_plain_too() {
        // "Bearer q8Z1v0Lk2Xw9Rt5b", and the token again without the word.
        let text = "QmVhcmVyIHE4WjF2MExrMlh3OVJ0NWI= and q8Z1v0Lk2Xw9Rt5b";
        let found = Scanner::default().scan(text);
        assert_eq!(found.iter().map(|f| f.end < 33).collect::<Vec<_>>(), [true]);
        let out = Scanner::default().redact(text, &Operator::Replace).text;
        assert!(!out.contains("q8Z1v0Lk2Xw9Rt5b"), "{out}");
    }

    #[test]
    fn a_short_value_is_gone_where_it_stands_alone() {
        let out = Scanner::default().redact("pwd=ab1c; ab1c, ab1cd", &Operator::Replace).text;
        assert_eq!(out, "pwd=<SECRET>; <REDACTED>, ab1cd");
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
