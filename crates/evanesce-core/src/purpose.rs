use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{InvalidLabel, Retention};

/// Why data is used. A purpose is a type, so that consent "to things in general"
/// cannot be written down. Usually derived: `#[derive(Purpose)]`.
pub trait Purpose: Send + Sync + 'static {
    /// The stable name: 1 to 32 of `a-z 0-9 _ -`.
    const NAME: &'static str;
    /// The sentence that the person reads.
    const NOTICE: &'static str;
    /// The lawful basis.
    const BASIS: Basis;
    /// How long what comes of it is kept.
    const KEEP: Retention;

    /// The name as data.
    #[must_use]
    fn id() -> PurposeId
    where
        Self: Sized,
    {
        const { PurposeId::new(Self::NAME) }
    }
}

/// The lawful bases of GDPR Article 6(1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Basis {
    /// Point (a). The only basis that asks the person.
    Consent,
    /// Point (b): necessary for what the person asked for.
    Contract,
    /// Point (c).
    LegalObligation,
    /// Point (f).
    LegitimateInterests,
    /// Point (e).
    PublicTask,
    /// Point (d).
    VitalInterests,
}

/// The name of a purpose as data.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PurposeId(Cow<'static, str>);

impl PurposeId {
    /// A name from a literal. In a `const` a malformed one does not build.
    ///
    /// # Panics
    /// Outside a `const`, on a malformed name.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_purpose(name), "a purpose is named by 1 to 32 of a-z 0-9 _ -");
        Self(Cow::Borrowed(name))
    }

    /// A name that is known only when the program runs.
    ///
    /// # Errors
    /// [`InvalidLabel`] for a malformed name.
    pub fn parse(name: &str) -> Result<Self, InvalidLabel> {
        if is_purpose(name) { Ok(Self(Cow::Owned(name.to_owned()))) } else { Err(InvalidLabel) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PurposeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PurposeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

const fn is_purpose(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > 32 {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') {
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
    fn a_purpose_name_is_checked_when_it_is_read() {
        for name in ["", "Usage", "us age", "usage@x", &"u".repeat(33)] {
            assert_eq!(PurposeId::parse(name), Err(InvalidLabel), "{name}");
        }
        assert_eq!(
            serde_json::from_str::<PurposeId>("\"usage\"").unwrap(),
            PurposeId::new("usage")
        );
    }
}
