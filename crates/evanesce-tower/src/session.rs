use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evanesce_consent::Signals;
use evanesce_memory::Ephemeral;
use evanesce_service::Evanesce;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::cross_site::Trusted;
use crate::failure::Gone;
use crate::visitor::Outcome;
use crate::{Carrier, CrossSite, Visitor};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// Gives every request a [`Visitor`]. A request that does not ask for its session costs
/// the store nothing.
///
/// Where the token travels in a cookie, an unsafe request that another site had a browser
/// send is answered with 403, an empty body and [`CrossSite`] among the response's
/// extensions; it never reaches the service.
///
/// It belongs outside of a [`ScreenLayer`](crate::ScreenLayer): what that one holds back
/// loses its headers, and with them a token that was just given.
pub struct SessionLayer<T> {
    house: Evanesce,
    carrier: Carrier,
    trusted: Arc<Trusted>,
    data: PhantomData<fn() -> T>,
}

impl<T> SessionLayer<T> {
    /// Sessions of `house` with data `T`, in the cookie.
    #[must_use]
    pub fn new(house: Evanesce) -> Self {
        Self { house, carrier: Carrier::default(), trusted: Arc::default(), data: PhantomData }
    }

    /// Another carrier.
    #[must_use]
    pub fn with_carrier(mut self, carrier: Carrier) -> Self {
        self.carrier = carrier;
        self
    }

    /// Lets pages of another origin, such as `https://app.example.org`, send unsafe
    /// requests. The cookie is `SameSite=Strict`, so that only an origin of the same site
    /// gains by it.
    #[must_use]
    pub fn with_trusted_origin(mut self, origin: HeaderValue) -> Self {
        Arc::make_mut(&mut self.trusted).add(origin);
        self
    }
}

impl<T> Clone for SessionLayer<T> {
    fn clone(&self) -> Self {
        Self {
            house: self.house.clone(),
            carrier: self.carrier,
            trusted: Arc::clone(&self.trusted),
            data: PhantomData,
        }
    }
}

impl<S, T> Layer<S> for SessionLayer<T> {
    type Service = SessionService<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, layer: self.clone() }
    }
}

/// The service that [`SessionLayer`] makes.
pub struct SessionService<S, T> {
    inner: S,
    layer: SessionLayer<T>,
}

impl<S: Clone, T> Clone for SessionService<S, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, T, B, C> Service<Request<B>> for SessionService<S, T>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    C: Default,
    T: Ephemeral + 'static,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let SessionLayer { house, carrier, trusted, .. } = self.layer.clone();
        if carrier != Carrier::Bearer && trusted.check(&request).is_err() {
            return Box::pin(async { Ok(refused()) });
        }
        let token = carrier.token(request.headers());
        let gpc = request.headers().get_all(SEC_GPC).iter().map(HeaderValue::as_bytes);
        let visitor = Visitor::<T>::new(house, token, Signals::from_sec_gpc(gpc));
        request.extensions_mut().insert(visitor.clone());
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            conclude(&mut response, carrier, visitor.outcome());
            Ok(response)
        })
    }
}

fn refused<C: Default>() -> Response<C> {
    let mut response = Response::new(C::default());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.extensions_mut().insert(CrossSite);
    response
}

fn conclude<C>(response: &mut Response<C>, carrier: Carrier, outcome: Outcome) {
    let is_gone = response.extensions_mut().remove::<Gone>().is_some();
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if is_unauthorized && carrier == Carrier::Bearer && !headers.contains_key(WWW_AUTHENTICATE) {
        // RFC 9110, section 11.6.1: a 401 says how to do better.
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let cookie = match outcome {
        Outcome::Unchanged => return,
        Outcome::Asked => {
            // Without a session the page is nobody's, and yet not everybody's.
            headers.append(VARY, carrier.varies().into());
            return;
        }
        Outcome::Used => is_gone.then(|| carrier.take()).flatten(),
        Outcome::Given(token) => carrier.give(&token),
        Outcome::Taken => {
            let everything = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
            headers.insert(CLEAR_SITE_DATA, everything);
            carrier.take()
        }
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
}
