use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A short technical word that the program itself declares: the name of a fact,
/// of a method of measurement, of a setting.
///
/// It holds 1 to 96 characters out of `a-z A-Z 0-9 space . , : ; _ / + - ( )`,
/// so that no address, no markup and no line break fits, and it is checked again
/// when it is read from a document.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Label(Cow<'static, str>);

impl Label {
    /// A label from a literal. In a `const` a malformed one does not build.
    ///
    /// # Panics
    /// Outside a `const`, on a malformed text.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn new(text: &'static str) -> Self {
        assert!(is_label(text), "a label is 1 to 96 plain characters");
        Self(Cow::Borrowed(text))
    }

    /// A label from a text that is known only when the program runs.
    ///
    /// # Errors
    /// [`InvalidLabel`] for an empty or long text, or one with other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidLabel> {
        if is_label(text) { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidLabel) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A text is not a [`Label`] or a [`Namespace`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a name is empty, too long, or has characters that a name may not have")]
pub struct InvalidLabel;

/// The name under which one service keeps its data apart from others': 1 to 32
/// of `a-z 0-9 -`, beginning with a letter.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Namespace(Box<str>);

impl Namespace {
    /// A namespace.
    ///
    /// # Errors
    /// [`InvalidLabel`] for any other text.
    pub fn new(name: &str) -> Result<Self, InvalidLabel> {
        let bytes = name.as_bytes();
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let fits = (1..=32).contains(&bytes.len()) && bytes.iter().all(plain);
        if fits && bytes.first().is_some_and(u8::is_ascii_lowercase) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidLabel)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A [`Label`] from a literal, checked when the program is built.
///
/// ```
/// let fact = evanesce_core::label!("entries without expiry");
/// assert_eq!(fact.as_str(), "entries without expiry");
/// ```
/// ```compile_fail
/// let fact = evanesce_core::label!("reader@example.org");
/// ```
#[macro_export]
macro_rules! label {
    ($text:literal) => {
        const { $crate::Label::new($text) }
    };
}

pub(crate) const fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 96 {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        let plain = matches!(bytes[i], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'.' | b','
            | b':' | b';' | b'_' | b'/' | b'+' | b'-' | b'(' | b')');
        if !plain {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_hold_an_address_or_a_line_break() {
        for text in ["", "reader@example.org", "two\nlines", "<b>", "\"", "é", &"x".repeat(97)] {
            assert_eq!(Label::parse(text), Err(InvalidLabel), "{text}");
            assert!(serde_json::from_value::<Label>(text.into()).is_err(), "{text}");
        }
        assert_eq!(
            Label::parse("GET after DEL (1 node)"),
            Ok(Label::new("GET after DEL (1 node)"))
        );
    }

    #[test]
    fn a_namespace_is_a_plain_word() {
        for name in ["", "A", "1a", "-a", "a:b", "a b", "a*", &"a".repeat(33)] {
            assert!(Namespace::new(name).is_err(), "{name}");
        }
        assert_eq!(Namespace::new("newsletter-2").unwrap().as_str(), "newsletter-2");
    }
}
