use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use evanesce_memory::Ephemeral;
use http::request::Parts;

use crate::{Failure, NoVisitor, Session, Visitor};

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.response()
    }
}

impl IntoResponse for NoVisitor {
    fn into_response(self) -> Response {
        Failure::from(self).response()
    }
}

impl<T, S> FromRequestParts<S> for Visitor<T>
where
    T: Ephemeral + 'static,
    S: Send + Sync,
{
    type Rejection = NoVisitor;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoVisitor> {
        parts.extensions.get::<Self>().cloned().ok_or(NoVisitor)
    }
}

/// The session of the request, which is not looked up by this. Without a token it is 401.
impl<T, S> FromRequestParts<S> for Session<T>
where
    T: Ephemeral + 'static,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let visitor = Visitor::<T>::from_request_parts(parts, state).await?;
        visitor.session().ok_or(Failure::NoSession)
    }
}

impl<T, S> OptionalFromRequestParts<S> for Session<T>
where
    T: Ephemeral + 'static,
    S: Send + Sync,
{
    type Rejection = NoVisitor;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, NoVisitor> {
        let visitor = <Visitor<T> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(visitor.session())
    }
}
