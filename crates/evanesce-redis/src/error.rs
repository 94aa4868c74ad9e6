use evanesce_core::{Code, Error, ErrorKind, StoreKind};
use redis::{ErrorKind as Upstream, RedisError};

/// Whether a lost reply leaves something in doubt.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Effect {
    /// It read, or what it wrote may be written again.
    None,
    /// It wrote.
    Write,
}

/// What the driver says, in closed words: nothing of its message survives.
pub(crate) fn closed(error: &RedisError, effect: Effect) -> Error {
    let lost = |kind, sentence| match effect {
        Effect::None => new(kind, sentence),
        Effect::Write => new(ErrorKind::Unconfirmed, "it was sent, and no acknowledgement came"),
    };
    if error.is_timeout() {
        return lost(ErrorKind::Timeout, "no answer in time");
    }
    match error.kind() {
        Upstream::Io => lost(ErrorKind::Unavailable, "the connection was lost"),
        Upstream::AuthenticationFailed => AUTHENTICATION,
        Upstream::Parse | Upstream::UnexpectedReturnType => {
            new(ErrorKind::Corrupt, "the answer does not parse")
        }
        _ => error.code().map_or(UNKNOWN, by_code),
    }
}

/// Whether the connection is of no use any more.
pub(crate) fn breaks_the_connection(error: &RedisError) -> bool {
    let word = error.code();
    error.is_unrecoverable_error()
        || (error.is_io_error() && !error.is_timeout())
        || word.is_some_and(|word| ["READONLY", "MASTERDOWN", "LOADING"].contains(&word))
}

pub(crate) const fn new(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Redis, sentence)
}

pub(crate) const AUTHENTICATION: Error =
    new(ErrorKind::Authentication, "the credentials were not accepted");
pub(crate) const CORRUPT: Error = new(ErrorKind::Corrupt, "a stored value does not parse");
pub(crate) const TIMEOUT: Error = new(ErrorKind::Timeout, "no connection in time");
pub(crate) const UNAVAILABLE: Error =
    new(ErrorKind::Unavailable, "the server could not be reached");
const UNKNOWN: Error = new(ErrorKind::Unavailable, "the driver failed");

fn by_code(word: &str) -> Error {
    let known = KNOWN.iter().find(|(known, ..)| *known == word);
    let Some((word, kind, sentence, setting)) = known else {
        return new(ErrorKind::Unavailable, "the server refused the command");
    };
    let error = new(*kind, sentence).with_code(Code::Redis(word));
    if setting.is_empty() { error } else { error.with_setting(setting) }
}

type Known = (&'static str, ErrorKind, &'static str, &'static str);

const KNOWN: [Known; 18] = [
    ("ASK", ErrorKind::Unsupported, "the server is a cluster", ""),
    ("BUSY", ErrorKind::Timeout, "the server is busy with a script", ""),
    ("CLUSTERDOWN", ErrorKind::Unavailable, "the cluster is down", ""),
    ("CROSSSLOT", ErrorKind::Unsupported, "the server is a cluster", ""),
    ("ERR", ErrorKind::Invalid, "the server refused the command", ""),
    ("EXECABORT", ErrorKind::Invalid, "the server refused the transaction", ""),
    ("LOADING", ErrorKind::Unavailable, "the server is loading its data", ""),
    ("MASTERDOWN", ErrorKind::Unavailable, "the primary is down", ""),
    ("MISCONF", ErrorKind::Unavailable, "the server cannot persist and takes no writes", "save"),
    ("MOVED", ErrorKind::Unsupported, "the server is a cluster", ""),
    ("NOAUTH", ErrorKind::Authentication, "credentials are needed", ""),
    ("NOPERM", ErrorKind::Refused, "the user may not run this command", "the ACL of the user"),
    ("NOREPLICAS", ErrorKind::Unavailable, "too few replicas for a write", ""),
    ("NOSCRIPT", ErrorKind::Unavailable, "the script was not there", ""),
    ("OOM", ErrorKind::Exhausted, "the server's memory is used up", "maxmemory"),
    ("READONLY", ErrorKind::Unavailable, "the server is a replica", ""),
    ("WRONGPASS", ErrorKind::Authentication, "the credentials were not accepted", ""),
    ("WRONGTYPE", ErrorKind::Corrupt, "the key holds another type", ""),
];

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    #[test]
    fn nothing_of_an_upstream_message_survives() {
        let secret = "value 'someone@example.org' at rediss://app:hunter2@host";
        for (word, kind, ..) in KNOWN {
            let upstream = make_extension_error(word.to_owned(), Some(secret.to_owned()));
            let error = closed(&upstream, Effect::Write);
            let printed = format!("{error} {error:?}");
            assert_eq!(error.kind(), kind, "{word}");
            assert!(printed.contains(word), "{printed}");
            assert!(!printed.contains("someone") && !printed.contains("hunter2"), "{printed}");
        }
        let upstream = make_extension_error("SOMEONE@EXAMPLE".to_owned(), Some(secret.to_owned()));
        let error = closed(&upstream, Effect::None);
        assert!(!format!("{error:?}").to_lowercase().contains("someone"));
    }

    #[test]
    fn a_lost_reply_leaves_a_write_in_doubt_and_a_read_not() {
        let cut = || RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(closed(&cut(), Effect::Write).kind(), ErrorKind::Unconfirmed);
        assert_eq!(closed(&cut(), Effect::None).kind(), ErrorKind::Unavailable);
        let late = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(closed(&late(), Effect::Write).kind(), ErrorKind::Unconfirmed);
        assert_eq!(closed(&late(), Effect::None).kind(), ErrorKind::Timeout);
        assert!(breaks_the_connection(&cut()) && !breaks_the_connection(&late()));
    }
}
