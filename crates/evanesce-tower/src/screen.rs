use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use evanesce_service::Evanesce;
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tower_layer::Layer;
use tower_service::Service;

/// The largest response that is screened; a larger one is held back.
const MAX: usize = 4 * 1024 * 1024;

/// Screens every response body on its way out. What is held back becomes an empty
/// response with status 500. The audit log has an entry for each body that was screened.
///
/// Held back too, without being screened, is what cannot be read here: a body of more than
/// 4 MiB, one that breaks off, and one with a `Content-Encoding` (RFC 9110, section 8.4),
/// so that this layer belongs inside of compression. Trailers are dropped. Headers are not
/// screened.
#[derive(Clone)]
pub struct ScreenLayer {
    house: Evanesce,
}

impl ScreenLayer {
    /// The screen of `house`.
    #[must_use]
    pub const fn new(house: Evanesce) -> Self {
        Self { house }
    }
}

impl<S> Layer<S> for ScreenLayer {
    type Service = ScreenService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ScreenService { inner, house: self.house.clone() }
    }
}

/// The service that [`ScreenLayer`] makes.
#[derive(Clone)]
pub struct ScreenService<S> {
    inner: S,
    house: Evanesce,
}

impl<S, B, C> Service<Request<B>> for ScreenService<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    C: http_body::Body + Send + 'static,
    C::Data: Send,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let response = self.inner.call(request);
        let house = self.house.clone();
        Box::pin(async move {
            let (mut head, body) = response.await?.into_parts();
            let released = match readable(&head, body).await {
                Some(bytes) => house.release(bytes).await.ok(),
                None => None,
            };
            Ok(match released {
                Some(released) => {
                    head.headers.remove(TRANSFER_ENCODING);
                    Response::from_parts(head, Full::from(released.into_inner()))
                }
                None => {
                    let mut held_back = Response::new(Full::default());
                    *held_back.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    held_back
                }
            })
        })
    }
}

async fn readable<C>(head: &Parts, body: C) -> Option<Vec<u8>>
where
    C: http_body::Body,
    C::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let encoded = head.headers.get_all(CONTENT_ENCODING).iter();
    if encoded.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return None;
    }
    Some(Limited::new(body, MAX).collect().await.ok()?.to_bytes().to_vec())
}
