use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request};

/// Why a request was answered with 403 and an empty body: a browser sent it on behalf
/// of another site. It lies among the extensions of that response.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the request was sent on behalf of another site")]
pub struct CrossSite;

/// Origins whose pages may send unsafe requests although they are not the service's own.
#[derive(Clone, Default)]
pub(crate) struct Trusted(Vec<HeaderValue>);

impl Trusted {
    pub(crate) fn add(&mut self, origin: HeaderValue) {
        self.0.push(origin);
    }

    /// Refuses an unsafe request (RFC 9110, section 9.2.1) that another site had a
    /// browser send; one that asks for another protocol, such as a WebSocket, counts as
    /// unsafe whatever its method (RFC 6455, section 10.2). `Sec-Fetch-Site` tells (Fetch Metadata, W3C, section 2.3), and where
    /// an older browser does not send it, whether `Origin` (RFC 6454, section 7) names
    /// the host that was asked. A request with neither comes from no browser.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), CrossSite> {
        let headers = request.headers();
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
            && !headers.contains_key(UPGRADE);
        if is_safe || self.holds(headers) {
            return Ok(());
        }
        let is_own = match (headers.get("sec-fetch-site"), headers.get(ORIGIN)) {
            (Some(site), _) => matches!(site.as_bytes(), b"same-origin" | b"none"),
            (None, Some(origin)) => names_host(origin, request),
            (None, None) => true,
        };
        if is_own { Ok(()) } else { Err(CrossSite) }
    }

    fn holds(&self, headers: &HeaderMap) -> bool {
        headers.get(ORIGIN).is_some_and(|origin| self.0.contains(origin))
    }
}

fn names_host<B>(origin: &HeaderValue, request: &Request<B>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(http::uri::Authority::as_str).or(host);
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        Trusted::default().check(&request(Method::POST, headers)).is_ok()
    }

    #[test]
    fn an_unsafe_request_of_another_site_is_refused() {
        for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, none"] {
            assert!(!passes(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
        assert!(passes(&[("sec-fetch-site", "none")]));
        // What the browser says of the site outweighs the name of the origin.
        let both = [("sec-fetch-site", "cross-site"), ("origin", "https://a.b"), ("host", "a.b")];
        assert!(!passes(&both));
    }

    #[test]
    fn without_fetch_metadata_the_origin_has_to_name_the_host() {
        for (origin, host, expected) in [
            ("https://shop.example", "shop.example", true),
            ("https://SHOP.example:8443", "shop.example:8443", true),
            ("https://shop.example:8443", "shop.example", false),
            ("https://shop.example.evil", "shop.example", false),
            ("https://evil.example", "shop.example", false),
            ("null", "shop.example", false),
            ("", "shop.example", false),
        ] {
            assert_eq!(passes(&[("origin", origin), ("host", host)]), expected, "{origin}");
        }
        assert!(!passes(&[("origin", "https://shop.example")]));
        assert!(passes(&[]));
    }

    #[test]
    fn another_site_opens_no_websocket() {
        let upgrade = |site: &str| {
            let headers = [("upgrade", "websocket"), ("sec-fetch-site", site)];
            Trusted::default().check(&request(Method::GET, &headers))
        };
        assert_eq!(upgrade("cross-site"), Err(CrossSite));
        assert_eq!(upgrade("same-origin"), Ok(()));
    }

    #[test]
    fn with_http_2_the_host_is_in_the_target() {
        let mut request = request(Method::POST, &[("origin", "https://shop.example")]);
        *request.uri_mut() = "https://shop.example/forget".parse().unwrap();
        assert_eq!(Trusted::default().check(&request), Ok(()));
        *request.uri_mut() = "https://other.example/forget".parse().unwrap();
        assert_eq!(Trusted::default().check(&request), Err(CrossSite));
    }

    #[test]
    fn a_safe_request_and_a_trusted_origin_pass() {
        let cross = [("sec-fetch-site", "cross-site"), ("origin", "https://app.example")];
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(Trusted::default().check(&request(method, &cross)), Ok(()));
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(Trusted::default().check(&request(method, &cross)), Err(CrossSite));
        }
        let mut trusted = Trusted::default();
        trusted.add(HeaderValue::from_static("https://app.example"));
        assert_eq!(trusted.check(&request(Method::POST, &cross)), Ok(()));
        let other = [("sec-fetch-site", "cross-site"), ("origin", "https://app.example.evil")];
        assert_eq!(trusted.check(&request(Method::POST, &other)), Err(CrossSite));
    }
}
