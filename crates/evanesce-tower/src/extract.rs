use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use evanesce_memory::Ephemeral;
use http::StatusCode;
use http::request::Parts;

use crate::Visitor;

/// The route is not behind a [`SessionLayer`](crate::SessionLayer).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the route is not behind a session layer")]
pub struct NoVisitor;

impl IntoResponse for NoVisitor {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
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
