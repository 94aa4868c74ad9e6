use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The name of a kind that a file of patterns brings: up to 48 capitals, digits and
/// underscores, beginning with a capital.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(&'static str);

const LENGTH: usize = 48;

// So many different names are taken in the life of a program, which keeps them all.
const NAMES: usize = 4096;

impl Name {
    /// The name, or `None` for another text, and where there are too many names.
    pub(crate) fn new(text: &str) -> Option<Self> {
        static NAMES_SEEN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        if !first || text.len() > LENGTH || !text.bytes().all(plain) {
            return None;
        }
        let mut seen = NAMES_SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = seen.get(text) {
            return Some(Self(name));
        }
        if seen.len() == NAMES {
            return None;
        }
        // Findings are copied freely, so that the name outlives them all.
        let name: &'static str = String::leak(text.to_owned());
        seen.insert(name);
        Some(Self(name))
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_kept_once() {
        let one = Name::new("EMPLOYEE_ID").unwrap();
        let other = Name::new(&["EMPLOYEE", "_ID"].concat()).unwrap();
        assert!(std::ptr::eq(one.as_str(), other.as_str()));
        for text in ["", "employee", "1A", "_A", "A-B", "É", &"A".repeat(49)] {
            assert_eq!(Name::new(text), None, "{text}");
        }
        assert!(Name::new(&"A".repeat(48)).is_some());
    }
}
