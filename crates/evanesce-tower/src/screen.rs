use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use evanesce_service::Evanesce;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use tower_layer::Layer;
use tower_service::Service;

/// The largest response that is screened; a larger one is held back.
const MAX: usize = 4 * 1024 * 1024;

/// Screens every response body on its way out. What is held back becomes an empty
/// response with status 500, and an entry in the audit log.
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
            let bytes = Limited::new(body, MAX).collect().await.map(|body| body.to_bytes());
            let released = match bytes {
                Ok(bytes) => house.release(bytes.to_vec()).await.ok(),
                Err(_) => None,
            };
            Ok(match released {
                Some(released) => {
                    head.headers.remove(http::header::TRANSFER_ENCODING);
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
