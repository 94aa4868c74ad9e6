use evanesce_consent::ConsentError;
use evanesce_core::{Error, ErrorKind, NotGranted};
use evanesce_pipeline::PipelineError;
use evanesce_service::ServiceError;
use evanesce_session::SessionError;
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::NoVisitor;

/// Why a request was not served, as a handler's error: the client gets a status and an empty
/// body, and learns nothing of what lies behind.
///
/// | status | when |
/// |---|---|
/// | 400 | an answer to a question of consent that was not asked so |
/// | 401 | no session, or one that has ended; the layer then takes the cookie back |
/// | 403 | no live consent |
/// | 409 | too many others change the session at once |
/// | 413 | the data or the input is larger than allowed |
/// | 429 | too many sessions are opened; `Retry-After` says when to come again |
/// | 503 | a store or the audit log cannot be reached, or does not answer in time |
/// | 500 | everything else |
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request carries no session.
    #[error("the request carries no session")]
    NoSession,
    /// The route is not behind a session layer.
    #[error(transparent)]
    NoVisitor(#[from] NoVisitor),
    /// The service could not serve it.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Among a response's extensions: the session that the client carries is gone.
#[derive(Clone, Copy)]
pub(crate) struct Gone;

impl Failure {
    /// The status that the client gets.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSession => StatusCode::UNAUTHORIZED,
            Self::NoVisitor(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Service(error) => of_service(error),
        }
    }

    /// The response: the status, `Cache-Control: no-store` and an empty body.
    #[must_use]
    pub fn response<C: Default>(&self) -> Response<C> {
        let mut response = Response::new(C::default());
        *response.status_mut() = self.status();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let Self::Service(ServiceError::Session(error)) = self else { return response };
        if has_ended(error) {
            response.extensions_mut().insert(Gone);
        }
        if let SessionError::TooMany { retry_after } = error {
            // Whole seconds (RFC 9110, section 10.2.3), and not too early.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<NotGranted> for Failure {
    fn from(error: NotGranted) -> Self {
        Self::Service(error.into())
    }
}

fn of_service(error: &ServiceError) -> StatusCode {
    match error {
        ServiceError::Session(error) => of_session(error),
        ServiceError::Audit(error) | ServiceError::Store(error) => of_store(error),
        ServiceError::NotGranted(_) => StatusCode::FORBIDDEN,
        ServiceError::Pipeline(PipelineError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        ServiceError::Pipeline(PipelineError::Late) => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::Consent(
            ConsentError::Altered
            | ConsentError::Expired
            | ConsentError::NotAsked
            | ConsentError::NoticeChanged
            | ConsentError::NotGiven,
        ) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_session(error: &SessionError) -> StatusCode {
    match error {
        error if has_ended(error) => StatusCode::UNAUTHORIZED,
        SessionError::Contended => StatusCode::CONFLICT,
        SessionError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        SessionError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        SessionError::Store(error) => of_store(error),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn has_ended(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Absent
            | SessionError::EpochEnded
            | SessionError::Expired
            | SessionError::Malformed
    )
}

fn of_store(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Exhausted
        | ErrorKind::Timeout
        | ErrorKind::Unavailable
        | ErrorKind::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use evanesce_core::StoreKind;

    use super::*;

    fn status(error: impl Into<ServiceError>) -> u16 {
        Failure::from(error.into()).status().as_u16()
    }

    #[test]
    fn each_failure_has_its_status() {
        for ended in [SessionError::Absent, SessionError::Expired, SessionError::EpochEnded] {
            assert_eq!(status(ended), 401);
        }
        assert_eq!(Failure::NoSession.status(), 401);
        assert_eq!(status(SessionError::Contended), 409);
        assert_eq!(status(SessionError::TooLarge), 413);
        assert_eq!(status(SessionError::Unreadable), 500);
        assert_eq!(status(PipelineError::TooLarge), 413);
        assert_eq!(status(PipelineError::Late), 503);
        assert_eq!(status(ConsentError::NotAsked), 400);
        assert_eq!(Failure::from(NoVisitor).status(), 500);
        for (kind, expected) in [
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Timeout, 503),
            (ErrorKind::Unconfirmed, 503),
            (ErrorKind::Authentication, 500),
            (ErrorKind::Corrupt, 500),
        ] {
            let error = Error::new(kind, StoreKind::Redis, "a sentence");
            assert_eq!(status(SessionError::Store(error)), expected);
        }
    }

    #[test]
    fn a_client_is_told_when_to_come_again() {
        for (millis, expected) in [(1, "1"), (1_000, "1"), (1_001, "2"), (0, "0")] {
            let retry_after = Duration::from_millis(millis);
            let failure = Failure::from(ServiceError::from(SessionError::TooMany { retry_after }));
            let response = failure.response::<()>();
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(response.headers()[RETRY_AFTER], expected);
        }
    }

    #[test]
    fn only_an_ended_session_is_marked_as_gone() {
        let gone = |error: SessionError| {
            let failure = Failure::from(ServiceError::from(error));
            failure.response::<()>().extensions().get::<Gone>().is_some()
        };
        assert!(gone(SessionError::Absent) && gone(SessionError::Expired));
        assert!(!gone(SessionError::Contended));
        let down = Error::new(ErrorKind::Unavailable, StoreKind::Redis, "a sentence");
        assert!(!gone(SessionError::Store(down)), "a store that is down has ended nothing");
    }
}
