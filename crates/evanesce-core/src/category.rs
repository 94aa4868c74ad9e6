/// A closed set of words, declared with the program. Free text, numbers, times,
/// addresses and identifiers are none, and so cannot be a field of an event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no closed category, so an event cannot hold it",
    label = "could name a person",
    note = "use an enum with `#[derive(Category)]`, `Bucket<N>`, `Banded<B>`, `Listed<L>` or `HourOfDay`"
)]
pub trait Category {
    /// The words: 1 to 256 different ones, each 1 to 64 characters of a
    /// [`Label`](crate::Label).
    const LABELS: &'static [&'static str];

    /// The place of this value among the words.
    fn index(&self) -> usize;
}

impl Category for bool {
    const LABELS: &'static [&'static str] = &["no", "yes"];

    fn index(&self) -> usize {
        usize::from(*self)
    }
}
