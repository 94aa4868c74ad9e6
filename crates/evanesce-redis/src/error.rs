use evanesce_core::{Code, Error, ErrorKind, StoreKind};

/// Whether a lost reply leaves something in doubt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    /// It reads, or what it writes may be written again.
    None,
    /// It writes.
    Write,
}

impl Effect {
    /// What is to be said if no answer came to what was sent.
    pub(crate) const fn unanswered(self, otherwise: Error) -> Error {
        match self {
            Self::None => otherwise,
            Self::Write => UNCONFIRMED,
        }
    }
}

/// What is kept of a server's refusal: a word of the list below, and whom it names in
/// its place. Its message is dropped where it is read, because it echoes arguments.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    known: Option<&'static Known>,
    redirect: Option<Redirect>,
}

/// The node of a cluster that a refusal names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Redirect {
    /// Empty for the host that was asked.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Refusal {
    pub(crate) fn of(message: &[u8]) -> Self {
        let mut words = message.split(|byte| *byte == b' ');
        let word = words.next().unwrap_or_default();
        let known = KNOWN.iter().find(|known| known.0.as_bytes() == word);
        let redirected = known.is_some_and(|known| ["ASK", "MOVED"].contains(&known.0));
        let redirect = redirected.then(|| words.nth(1).and_then(Redirect::parse)).flatten();
        Self { known, redirect }
    }

    /// The word, or an empty one for a word that nobody knows.
    pub(crate) fn word(&self) -> &'static str {
        self.known.map_or("", |known| known.0)
    }

    pub(crate) const fn redirect(&self) -> Option<&Redirect> {
        self.redirect.as_ref()
    }

    pub(crate) fn error(&self) -> Error {
        let Some((word, kind, sentence, setting)) = self.known else {
            return new(ErrorKind::Unavailable, "the server refused the command");
        };
        let error = new(*kind, sentence).with_code(Code::Redis(word));
        if setting.is_empty() { error } else { error.with_setting(setting) }
    }

    /// Whether the connection is of no use any more: the server is not the one, or not
    /// in the state, that was connected to.
    pub(crate) fn ends_the_connection(&self) -> bool {
        ["LOADING", "MASTERDOWN", "NOAUTH", "READONLY"].contains(&self.word())
    }
}

impl Redirect {
    fn parse(address: &[u8]) -> Option<Self> {
        let address = std::str::from_utf8(address).ok()?;
        let (host, port) = address.rsplit_once(':')?;
        let host = if host == "?" { "" } else { host };
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

pub(crate) const fn new(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Redis, sentence)
}

pub(crate) const CORRUPT: Error = new(ErrorKind::Corrupt, "a stored value does not parse");
pub(crate) const CROWDED: Error =
    new(ErrorKind::Exhausted, "too many operations wait for the server");
pub(crate) const LATE: Error = new(ErrorKind::Timeout, "no answer in time");
pub(crate) const LOST: Error = new(ErrorKind::Unavailable, "the connection was lost");
pub(crate) const REPLICA: Error =
    new(ErrorKind::Unavailable, "the server is a replica").with_code(Code::Redis("READONLY"));
pub(crate) const TIMEOUT: Error = new(ErrorKind::Timeout, "no connection in time");
pub(crate) const UNAVAILABLE: Error =
    new(ErrorKind::Unavailable, "the server could not be reached");
pub(crate) const UNCONFIRMED: Error =
    new(ErrorKind::Unconfirmed, "it was sent, and no acknowledgement came");

type Known = (&'static str, ErrorKind, &'static str, &'static str);

const KNOWN: [Known; 21] = [
    ("ASK", ErrorKind::Unsupported, "the server is part of a cluster", ""),
    ("BUSY", ErrorKind::Timeout, "the server is busy with a script", ""),
    ("CLUSTERDOWN", ErrorKind::Unavailable, "the cluster is down", ""),
    ("CROSSSLOT", ErrorKind::Unsupported, "the server is part of a cluster", ""),
    ("ERR", ErrorKind::Invalid, "the server refused the command", ""),
    ("EXECABORT", ErrorKind::Invalid, "the server refused the transaction", ""),
    ("LOADING", ErrorKind::Unavailable, "the server is loading its data", ""),
    ("MASTERDOWN", ErrorKind::Unavailable, "the primary is down", ""),
    ("MISCONF", ErrorKind::Unavailable, "the server cannot persist and takes no writes", "save"),
    ("MOVED", ErrorKind::Unsupported, "the server is part of a cluster", ""),
    ("NOAUTH", ErrorKind::Authentication, "credentials are needed", ""),
    ("NOPERM", ErrorKind::Refused, "the user may not run this command", "the ACL of the user"),
    ("NOPROTO", ErrorKind::Unsupported, "the server does not speak RESP3", ""),
    ("NOREPLICAS", ErrorKind::Unavailable, "too few replicas for a write", ""),
    ("NOSCRIPT", ErrorKind::Unavailable, "the script was not there", ""),
    ("OOM", ErrorKind::Exhausted, "the server's memory is used up", "maxmemory"),
    ("READONLY", ErrorKind::Unavailable, "the server is a replica", ""),
    ("TRYAGAIN", ErrorKind::Unavailable, "the cluster is moving these keys", ""),
    ("UNBLOCKED", ErrorKind::Unavailable, "the server changed its role", ""),
    ("WRONGPASS", ErrorKind::Authentication, "the credentials were not accepted", ""),
    ("WRONGTYPE", ErrorKind::Corrupt, "the key holds another type", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_upstream_message_survives() {
        let secret = "value 'someone@example.org' at rediss://app:hunter2@host";
        for (word, kind, ..) in KNOWN {
            let refusal = Refusal::of(format!("{word} {secret}").as_bytes());
            let error = refusal.error();
            let printed = format!("{error} {error:?}");
            assert_eq!(error.kind(), kind, "{word}");
            assert!(printed.contains(word), "{printed}");
            assert!(!printed.contains("someone") && !printed.contains("hunter2"), "{printed}");
        }
        let refusal = Refusal::of(b"SOMEONE@EXAMPLE rediss://app:hunter2@host");
        assert_eq!(refusal.word(), "");
        let printed = format!("{:?} {refusal:?}", refusal.error()).to_lowercase();
        assert!(!printed.contains("someone") && !printed.contains("hunter2"));
    }

    #[test]
    fn a_lost_reply_leaves_a_write_in_doubt_and_a_read_not() {
        for lost in [LOST, LATE] {
            assert_eq!(Effect::Write.unanswered(lost).kind(), ErrorKind::Unconfirmed);
            assert_eq!(Effect::None.unanswered(lost).kind(), lost.kind());
        }
    }

    #[test]
    fn a_redirection_names_a_node_and_nothing_else_does() {
        let moved = |text: &str| Refusal::of(text.as_bytes()).redirect;
        let node = |host: &str, port| Some(Redirect { host: host.into(), port });
        assert_eq!(moved("MOVED 3999 127.0.0.1:6381"), node("127.0.0.1", 6381));
        assert_eq!(moved("ASK 3999 node.example:6381"), node("node.example", 6381));
        assert_eq!(moved("MOVED 3999 ::1:6381"), node("::1", 6381));
        assert_eq!(moved("MOVED 3999 :6381"), node("", 6381));
        assert_eq!(moved("MOVED 3999 ?:6381"), node("", 6381));
        for text in ["MOVED", "MOVED 1", "MOVED 1 host", "MOVED 1 host:x", "ERR 1 host:7"] {
            assert_eq!(moved(text), None, "{text}");
        }
    }
}
