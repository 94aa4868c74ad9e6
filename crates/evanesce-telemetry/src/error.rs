/// A [`Family`](crate::Family) cannot be registered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unregistered {
    /// Its name, a dimension or a value is not a label, or is given twice.
    #[error("a name of a metric is malformed or given twice")]
    Malformed,
    /// The registry would have more series than its bound allows.
    #[error("the registry would have more series than its bound allows")]
    TooManySeries,
}
