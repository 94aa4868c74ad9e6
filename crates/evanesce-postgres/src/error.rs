use std::error::Error as _;
use std::io;

use deadpool_postgres::PoolError;
use evanesce_core::{Code, Error, ErrorKind, StoreKind};
use evanesce_tls::handshake_error;
use tokio_postgres::error::{DbError, Severity};

/// What was going on, which decides what a silence means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Nothing was to be committed: after a failure nothing has happened.
    Asking,
    /// A commit was sent: without an answer it may have happened.
    Committing,
    /// A connection was being opened.
    Connecting,
}

/// An error of this store in one static sentence.
pub(crate) const fn error(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Postgres, sentence)
}

/// What the driver says in our words. Its own text, and the server's, end here.
pub(crate) fn translate(upstream: &tokio_postgres::Error, phase: Phase) -> Error {
    if let Some(db) = upstream.as_db_error() {
        return of_server(db, phase);
    }
    if let Some(io) = upstream.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        return of_socket(io, phase);
    }
    match phase {
        _ if upstream.is_closed() => lost(phase),
        Phase::Asking => error(ErrorKind::Corrupt, "the answer does not have the expected form"),
        Phase::Committing => lost(phase),
        Phase::Connecting => error(
            ErrorKind::Authentication,
            "no TLS, no password, or no way to authenticate that both sides know",
        ),
    }
}

pub(crate) fn asked(upstream: tokio_postgres::Error) -> Error {
    translate(&upstream, Phase::Asking)
}

pub(crate) fn committed(upstream: tokio_postgres::Error) -> Error {
    translate(&upstream, Phase::Committing)
}

/// Why the pool gave no connection.
pub(crate) fn of_pool(upstream: PoolError) -> Error {
    match upstream {
        PoolError::Backend(upstream) => translate(&upstream, Phase::Connecting),
        PoolError::Timeout(_) => error(ErrorKind::Timeout, "no connection within the time allowed"),
        _ => error(ErrorKind::Unavailable, "no connection can be had"),
    }
}

/// No answer came before the deadline of the whole operation.
pub(crate) const fn late(phase: Phase) -> Error {
    match phase {
        Phase::Committing => UNCONFIRMED,
        _ => error(ErrorKind::Timeout, "no answer within the time allowed"),
    }
}

/// Whether to run an operation again: PostgreSQL rolled it back to end a deadlock or
/// because the order could not be kept, or the connection had ended before a commit
/// was sent, as connections in a pool do when the server restarts.
pub(crate) fn is_transient(error: &Error) -> bool {
    let is_rolled_back = matches!(error.code(), Some(Code::SqlState(state))
        if &state == b"40001" || &state == b"40P01");
    is_rolled_back || (error.kind() == LOST.kind() && error.sentence() == LOST.sentence())
}

/// Whether the connection may be broken, or busy for longer than anybody waits.
pub(crate) const fn is_spent(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Unconfirmed
    )
}

const LOST: Error = error(ErrorKind::Unavailable, "the connection was lost");
const UNCONFIRMED: Error =
    error(ErrorKind::Unconfirmed, "the connection ended before the commit was acknowledged");

const fn lost(phase: Phase) -> Error {
    match phase {
        Phase::Asking => LOST,
        Phase::Committing => UNCONFIRMED,
        Phase::Connecting => error(ErrorKind::Unavailable, "the server could not be reached"),
    }
}

// PostgreSQL 17, Appendix A. The classes are the first two characters.
fn of_server(db: &DbError, phase: Phase) -> Error {
    let Some(state) = sql_state(db) else { return lost(phase) };
    // A fatal error ends the session. One that comes while a commit waits for a
    // standby ends it after the commit has become durable here.
    let is_end = matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    let base = match &state {
        b"40003" => UNCONFIRMED,
        _ if is_end && phase == Phase::Committing => UNCONFIRMED,
        _ if is_end && phase == Phase::Asking => LOST,
        state => of_state(state),
    };
    base.with_code(Code::SqlState(state))
}

fn of_state(state: &[u8; 5]) -> Error {
    match state {
        b"25006" => error(ErrorKind::Unavailable, "the server takes no writes now"),
        b"3D000" => error(ErrorKind::Missing, "there is no such database"),
        b"3F000" | b"42P01" | b"42883" => {
            error(ErrorKind::Missing, "the schema is missing or incomplete")
        }
        b"40001" | b"40P01" => {
            error(ErrorKind::Conflict, "other transactions were in the way each time")
        }
        b"42501" => error(ErrorKind::Refused, "the role lacks a privilege"),
        b"55P03" => error(ErrorKind::Timeout, "a lock was not free within the time allowed")
            .with_setting("lock_timeout"),
        b"57014" => error(ErrorKind::Timeout, "the statement took longer than allowed")
            .with_setting("statement_timeout"),
        [b'0', b'8', ..] | [b'5', b'7', ..] => {
            error(ErrorKind::Unavailable, "the server is going away or starting")
        }
        [b'2', b'2' | b'3', ..] => error(ErrorKind::Invalid, "the server cannot store this value"),
        [b'2', b'8', ..] => {
            error(ErrorKind::Authentication, "the server did not accept the role or its password")
        }
        [b'5', b'3', ..] => error(ErrorKind::Exhausted, "the server is out of a resource"),
        [b'X', b'X', ..] => error(ErrorKind::Corrupt, "the server found its data or itself broken"),
        [b'0', b'A', ..] | [b'4', b'2', ..] => {
            error(ErrorKind::Unsupported, "the server does not know this statement")
        }
        _ => error(ErrorKind::Unavailable, "the server refused the statement"),
    }
}

fn of_socket(io: &io::Error, phase: Phase) -> Error {
    let handshake = handshake_error(io, StoreKind::Postgres);
    if let Some(error) = handshake.filter(|error| error.kind() == ErrorKind::Authentication) {
        return error;
    }
    match io.raw_os_error() {
        Some(errno) => lost(phase).with_code(Code::Os(errno)),
        None => lost(phase),
    }
}

// A server may send anything here; only what has the form of a SQLSTATE goes on.
fn sql_state(db: &DbError) -> Option<[u8; 5]> {
    let state: [u8; 5] = db.code().code().as_bytes().try_into().ok()?;
    state.iter().all(u8::is_ascii_alphanumeric).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_means_what_was_going_on() {
        assert_eq!(lost(Phase::Asking).kind(), ErrorKind::Unavailable);
        assert_eq!(lost(Phase::Committing).kind(), ErrorKind::Unconfirmed);
        assert_eq!(late(Phase::Asking).kind(), ErrorKind::Timeout);
        assert_eq!(late(Phase::Committing).kind(), ErrorKind::Unconfirmed);
    }

    #[test]
    fn states_have_their_kinds() {
        for (state, kind) in [
            (b"08006", ErrorKind::Unavailable),
            (b"22021", ErrorKind::Invalid),
            (b"23505", ErrorKind::Invalid),
            (b"25006", ErrorKind::Unavailable),
            (b"28P01", ErrorKind::Authentication),
            (b"40P01", ErrorKind::Conflict),
            (b"42501", ErrorKind::Refused),
            (b"42601", ErrorKind::Unsupported),
            (b"53300", ErrorKind::Exhausted),
            (b"55P03", ErrorKind::Timeout),
            (b"57P01", ErrorKind::Unavailable),
            (b"XX001", ErrorKind::Corrupt),
            (b"ZZZZZ", ErrorKind::Unavailable),
        ] {
            assert_eq!(of_state(state).kind(), kind, "{}", String::from_utf8_lossy(state));
        }
    }

    #[test]
    fn what_certainly_did_not_happen_is_run_again_and_nothing_else() {
        let with = |state| of_state(&state).with_code(Code::SqlState(state));
        assert!(is_transient(&with(*b"40001")) && is_transient(&with(*b"40P01")));
        assert!(is_transient(&lost(Phase::Asking)));
        assert!(is_transient(&lost(Phase::Asking).with_code(Code::Os(104))));
        for error in [
            UNCONFIRMED.with_code(Code::SqlState(*b"40003")),
            with(*b"57P03"),
            lost(Phase::Committing),
            lost(Phase::Connecting),
            late(Phase::Asking),
        ] {
            assert!(!is_transient(&error), "{error}");
            assert!(is_spent(&error), "{error}");
        }
    }

    #[test]
    fn an_untrusted_certificate_is_typed_whatever_was_going_on() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let io = io::Error::new(io::ErrorKind::InvalidData, inner);
        assert_eq!(of_socket(&io, Phase::Connecting).kind(), ErrorKind::Authentication);
        let plain = io::Error::from_raw_os_error(111);
        let error = of_socket(&plain, Phase::Connecting);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(Code::Os(111))));
    }
}
