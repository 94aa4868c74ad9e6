use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong behind a port, without a word of whose data it concerned.
///
/// It is made of closed parts only: a kind, the store, a static sentence, and
/// the code of the server where it has one. Messages of drivers are dropped at
/// the adapter's door, because they echo values and URLs with passwords.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {sentence}{}{}", store.name(), CodeSuffix(*code), SettingSuffix(*setting))]
pub struct Error {
    kind: ErrorKind,
    store: StoreKind,
    sentence: &'static str,
    code: Option<Code>,
    setting: Option<&'static str>,
}

impl Error {
    /// An error of `kind` in `store`, said in one static sentence.
    #[must_use]
    pub const fn new(kind: ErrorKind, store: StoreKind, sentence: &'static str) -> Self {
        Self { kind, store, sentence, code: None, setting: None }
    }

    /// Adds the server's own closed code, such as a SQLSTATE.
    #[must_use]
    pub const fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Names the setting that would have to change.
    #[must_use]
    pub const fn with_setting(mut self, setting: &'static str) -> Self {
        self.setting = Some(setting);
        self
    }

    /// The kind, to match on.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The store that it happened in.
    #[must_use]
    pub const fn store(&self) -> StoreKind {
        self.store
    }

    /// The sentence, without store and code.
    #[must_use]
    pub const fn sentence(&self) -> &'static str {
        self.sentence
    }

    /// The server's code, if it gave one.
    #[must_use]
    pub const fn code(&self) -> Option<Code> {
        self.code
    }

    /// The setting to change, where one is known.
    #[must_use]
    pub const fn setting(&self) -> Option<&'static str> {
        self.setting
    }
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Credentials or a certificate were not accepted, by either side.
    Authentication,
    /// Another operation won the race; nothing was written.
    Conflict,
    /// Stored bytes do not parse or do not authenticate.
    Corrupt,
    /// A quota, a budget or the server's memory is used up.
    Exhausted,
    /// What was asked for lay in the past.
    Expired,
    /// The server is not the one that this was written on.
    Foreign,
    /// The caller's input cannot be used.
    Invalid,
    /// What was asked for is not there.
    Missing,
    /// A policy forbids it.
    Refused,
    /// No answer within the time allowed, and nothing was sent or it is safe to repeat.
    Timeout,
    /// The server could not be reached.
    Unavailable,
    /// It was sent, and no acknowledgement came: it may or may not have happened.
    Unconfirmed,
    /// This store has no such operation.
    Unsupported,
}

/// Where something is kept.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StoreKind {
    /// Elasticsearch.
    Elasticsearch,
    /// A folder of files.
    Folder,
    /// InfluxDB 2.
    InfluxDb,
    /// This process.
    Memory,
    /// PostgreSQL.
    Postgres,
    /// Redis, one node or a cluster.
    Redis,
}

impl StoreKind {
    /// The name as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::Folder => "Folder",
            Self::InfluxDb => "InfluxDB",
            Self::Memory => "Memory",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A code out of a server's own closed set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Code {
    /// An HTTP status.
    Http(u16),
    /// An errno of the operating system.
    Os(i32),
    /// The first word of a Redis error, from a list that the adapter knows.
    Redis(&'static str),
    /// A SQLSTATE of five ASCII letters and digits.
    SqlState([u8; 5]),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::Os(errno) => write!(f, "errno {errno}"),
            Self::Redis(word) => f.write_str(word),
            Self::SqlState(state) => {
                f.write_str("SQLSTATE ")?;
                state
                    .iter()
                    .map(|b| if b.is_ascii_alphanumeric() { char::from(*b) } else { '?' })
                    .try_for_each(|c| fmt::Write::write_char(f, c))
            }
        }
    }
}

struct CodeSuffix(Option<Code>);

impl fmt::Display for CodeSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, " ({code})"))
    }
}

struct SettingSuffix(Option<&'static str>);

impl fmt::Display for SettingSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |setting| write!(f, "; change {setting}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_one_line_of_closed_words() {
        let error =
            Error::new(ErrorKind::Refused, StoreKind::Redis, "entries may be evicted early")
                .with_code(Code::Redis("OOM"))
                .with_setting("maxmemory-policy");
        assert_eq!(
            error.to_string(),
            "Redis: entries may be evicted early (OOM); change maxmemory-policy"
        );
    }

    #[test]
    fn a_code_with_foreign_bytes_prints_no_foreign_bytes() {
        assert_eq!(Code::SqlState(*b"22\n\x1b1").to_string(), "SQLSTATE 22??1");
    }
}
