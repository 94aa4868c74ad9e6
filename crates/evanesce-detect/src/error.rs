/// A forbidden value is under four bytes long.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a forbidden value has at least four bytes")]
pub struct TooShort;
