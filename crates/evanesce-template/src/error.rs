/// Why no template was made. The sentences are fixed: none carries a word of
/// the newsletter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The newsletter holds nothing but white space.
    #[error("the newsletter is empty: give its text as Markdown, HTML or plain text")]
    Empty,
    /// Nothing in the newsletter can be acted upon.
    #[error("no insight was found: the text has no sentence or list item that can be acted upon")]
    NoInsight,
    /// The newsletter is longer than [`crate::LIMIT`].
    #[error("the newsletter is longer than 1 MiB: shorten it, or give one issue at a time")]
    TooLarge,
}
