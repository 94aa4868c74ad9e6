use evanesce_core::Error;

/// Why a notice cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// Two different purposes have one name.
    #[error("two different purposes have the same name")]
    Conflict,
    /// The name is not 1 to 32 of `a-z 0-9 -`, beginning with a letter.
    #[error("a notice is named by 1 to 32 of a-z 0-9 -, beginning with a letter")]
    Name,
    /// A purpose's name is malformed.
    #[error("a purpose is named by 1 to 32 of a-z 0-9 _ -")]
    Purpose,
    /// The sentence is empty, longer than 400 bytes, or holds a control character.
    #[error("a purpose is told in one sentence of at most 400 bytes")]
    Sentence,
    /// More than 64 purposes.
    #[error("a notice has 64 purposes at most")]
    TooMany,
}

/// Why consent could not be asked for, answered or withdrawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// The challenge was not made by this service for this session.
    #[error("the challenge was not made by this service for this session")]
    Altered,
    /// The audit log did not take the entry.
    #[error("the decision could not be recorded in the audit log")]
    Audit(#[source] Error),
    /// The challenge is older than an hour.
    #[error("the challenge has expired; ask again")]
    Expired,
    /// There is no key, no memory or no randomness.
    #[error("the challenge or receipt could not be protected")]
    Key(#[source] Error),
    /// The answer names a purpose that was not asked about.
    #[error("the answer names a purpose that was not asked about")]
    NotAsked,
    /// The notice has changed since the challenge was made.
    #[error("the notice has changed; ask again")]
    NoticeChanged,
    /// There is no grant that could be withdrawn.
    #[error("there is no grant to withdraw")]
    NotGiven,
}

/// Why a consent string of somebody else's is not read. None of them holds anything of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignal {
    /// A segment is empty or not base64url without padding.
    #[error("a segment is empty or not base64url without padding")]
    Encoding,
    /// The sections are others than the header says, or too many.
    #[error("the sections are others than the header says, or too many")]
    Sections,
    /// It is longer than is read.
    #[error("the string is longer than is read")]
    TooLong,
    /// It ends before its last field.
    #[error("the string ends before its last field")]
    Truncated,
    /// A field has a value that the specification does not know.
    #[error("a field has a value that the specification does not know")]
    Value,
    /// It is of another type or version.
    #[error("the string is of another type or version")]
    Version,
}

/// Why a document of somebody else's is not read. None of them holds anything of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDocument {
    /// Its context gives the terms another meaning, or lies elsewhere.
    #[error("the document's context is not that of the vocabulary")]
    Context,
    /// A key stands twice in one object, so that readers would differ.
    #[error("a key stands twice in one object")]
    Duplicate,
    /// It is neither a consent record nor a consent receipt.
    #[error("the document is no consent record and no consent receipt")]
    Kind,
    /// It is not JSON, or nested more deeply than is read.
    #[error("the document is not JSON, or nested too deeply")]
    Syntax,
    /// It is longer than 262,144 bytes.
    #[error("the document is longer than is read")]
    TooLong,
}
