use std::borrow::Cow;
use std::ops::Deref;

use crate::Label;

/// The port through which output is looked at before it leaves.
///
/// # Contract
/// A screen that cannot finish blocks. What it answers never contains what it
/// found.
pub trait Screen: Send + Sync {
    /// Looks at one outgoing payload.
    ///
    /// # Errors
    /// [`Blocked`] with the kinds that were found.
    fn screen(&self, payload: &[u8]) -> Result<(), Blocked>;
}

/// The port through which free text becomes fit for logs.
pub trait Sanitize: Send + Sync {
    /// The text with everything personal or secret replaced.
    fn sanitize(&self, text: &str) -> String;
}

/// Output that did not leave, and the kinds of what was found in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("output was held back by the screen")]
pub struct Blocked {
    kinds: Vec<Label>,
}

impl Blocked {
    /// Held back for these kinds.
    #[must_use]
    pub const fn new(kinds: Vec<Label>) -> Self {
        Self { kinds }
    }

    /// The kinds that were found, such as `EMAIL_ADDRESS`.
    #[must_use]
    pub fn kinds(&self) -> &[Label] {
        &self.kinds
    }
}

/// Something that can leave, and shows all of its bytes first.
pub trait Outgoing {
    /// Every byte that would leave.
    fn payload(&self) -> Cow<'_, [u8]>;
}

impl Outgoing for String {
    fn payload(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }
}

impl Outgoing for Vec<u8> {
    fn payload(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

/// Witness that a value passed a screen. The only constructor performs the check.
///
/// ```
/// use evanesce_core::{Blocked, Label, Released, Screen};
///
/// struct NoAt;
/// impl Screen for NoAt {
///     fn screen(&self, payload: &[u8]) -> Result<(), Blocked> {
///         if payload.contains(&b'@') { Err(Blocked::new(vec![Label::new("AT")])) } else { Ok(()) }
///     }
/// }
/// assert!(Released::screen("hello".to_owned(), &NoAt).is_ok());
/// assert!(Released::screen("a@b".to_owned(), &NoAt).is_err());
/// ```
#[must_use = "what was released is meant to leave"]
pub struct Released<T>(T);

impl<T: Outgoing> Released<T> {
    /// Screens the value, which is dropped if it is held back.
    ///
    /// # Errors
    /// [`Blocked`] as the screen says.
    pub fn screen(value: T, screen: &dyn Screen) -> Result<Self, Blocked> {
        screen.screen(&value.payload())?;
        Ok(Self(value))
    }
}

impl<T> Released<T> {
    /// The value, to send.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Released<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
