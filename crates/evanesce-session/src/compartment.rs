/// A named place inside a session's sealed record, for what a room of the house
/// keeps there beside the user's data: a consent record, claims, keys. Rooms share
/// a session without depending on this crate or on each other.
///
/// ```
/// use evanesce_session::Compartment;
/// const CONSENT: Compartment = Compartment::new("consent");
/// ```
/// ```compile_fail
/// const WRONG: evanesce_session::Compartment = evanesce_session::Compartment::new("a@b");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Compartment(&'static str);

impl Compartment {
    /// A compartment with a name of 1 to 16 of `a-z 0-9 -`.
    ///
    /// # Panics
    /// On any other name; in a `const` such a name does not build.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 16, "a name has 1 to 16 characters");
        let mut at = 0;
        while at < bytes.len() {
            let plain = matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-');
            assert!(plain, "a name is made of a-z, 0-9 and -");
            at += 1;
        }
        Self(name)
    }

    /// What the library itself keeps lies under names that no other room can have.
    pub(crate) const fn reserved(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// What becomes of a compartment.
pub enum Change {
    /// It stays as it is, and nothing is written.
    Keep,
    /// It holds these bytes from now on. They are wiped once they are sealed.
    Put(Vec<u8>),
    /// It is removed.
    Remove,
}
