use crate::{BoxFuture, Error, Label};

/// The port that bounds what one session may contribute to a statistic, without
/// an id that outlives it: the session's own record remembers.
///
/// # Contract
/// An implementation stands for one session. For one `window` and `cell` exactly
/// one call is answered with [`Contribution::First`], under any concurrency, and
/// it is remembered before the answer is given.
pub trait Allowance: Send + Sync {
    /// Claims the session's one contribution to `cell` of `window`.
    fn claim(&self, window: u64, cell: &Label) -> BoxFuture<'_, Result<Contribution, Error>>;
}

/// Whether a session may still contribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Contribution {
    /// It had contributed already: count nothing.
    Already,
    /// It has not, and now it has.
    First,
}
