use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// The cookie's name. With this prefix a browser accepts it only over TLS, for the
/// whole host, and from the host itself (RFC 6265bis, section 4.1.3.2).
const HOST_NAME: &str = "__Host-evanesce";
/// Its name under a path: only over TLS (RFC 6265bis, section 4.1.3.1).
const PATH_NAME: &str = "__Secure-evanesce";
/// The longest header that is looked at: a host may have set many other cookies.
const MAX_HEADER: usize = 16 * 1024;

/// How the client carries its token.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Carrier {
    /// `Authorization: Bearer` (RFC 6750, section 2.1). The program hands the token out
    /// itself.
    Bearer,
    /// A cookie with the prefix `__Host-`, `HttpOnly`, `Secure` and `SameSite=Strict`.
    #[default]
    Cookie,
    /// The same under a path, for two services on one host. A browser grants the prefix
    /// `__Host-` only to the whole host, so that this one is `__Secure-`: another service on
    /// a subdomain can overwrite it, though never read it, and a token that was not minted
    /// here opens nothing.
    CookieUnder(CookiePath),
}

/// The path that a cookie is bound to, such as `/shop/` (RFC 6265, section 5.1.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CookiePath(&'static str);

impl CookiePath {
    /// A path that begins with `/`, of visible ASCII without `;` and `,`. Write it as
    /// `const { CookiePath::new("/shop/") }`: what is no path does not build then.
    ///
    /// # Panics
    /// For a text that is no such path.
    #[must_use]
    pub const fn new(path: &'static str) -> Self {
        let bytes = path.as_bytes();
        assert!(!bytes.is_empty() && bytes[0] == b'/', "a cookie's path begins with a slash");
        let mut at = 0;
        while at < bytes.len() {
            let is_plain = bytes[at].is_ascii_graphic() && bytes[at] != b';' && bytes[at] != b',';
            assert!(is_plain, "a cookie's path is visible ASCII without ; and ,");
            at += 1;
        }
        Self(path)
    }
}

impl Carrier {
    /// The token that a request carries.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<Zeroizing<String>> {
        let text = match self {
            Self::Bearer => bearer(headers.get(AUTHORIZATION)?)?,
            Self::Cookie => cookie(headers, HOST_NAME)?,
            Self::CookieUnder(_) => cookie(headers, PATH_NAME)?,
        };
        Some(Zeroizing::new(text.to_owned()))
    }

    /// The header that gives a token to the client.
    pub(crate) fn give(self, token: &str) -> Option<HeaderValue> {
        self.set(token, "")
    }

    /// The header that takes it back: a browser heeds it only with the attributes that the
    /// cookie was given with.
    pub(crate) fn take(self) -> Option<HeaderValue> {
        self.set("", "; Max-Age=0")
    }

    /// The request header that an answer depends on once the session was asked for.
    pub(crate) const fn varies(self) -> HeaderName {
        match self {
            Self::Bearer => AUTHORIZATION,
            Self::Cookie | Self::CookieUnder(_) => COOKIE,
        }
    }

    fn set(self, token: &str, age: &str) -> Option<HeaderValue> {
        let (name, CookiePath(path)) = match self {
            Self::Bearer => return None,
            Self::Cookie => (HOST_NAME, CookiePath("/")),
            Self::CookieUnder(path) => (PATH_NAME, path),
        };
        let text = format!("{name}={token}; Path={path}; Secure; HttpOnly; SameSite=Strict{age}");
        let mut value = HeaderValue::from_str(&Zeroizing::new(text)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let value = short(value).and_then(|bytes| std::str::from_utf8(bytes).ok())?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

// As bytes: the cookies of others may be anything.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(short);
    let pairs = pairs.flat_map(|bytes| bytes.split(|byte| *byte == b';'));
    let mut named = pairs
        .filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    std::str::from_utf8(named.next()?).ok()
}

fn short(value: &HeaderValue) -> Option<&[u8]> {
    Some(value.as_bytes()).filter(|bytes| bytes.len() <= MAX_HEADER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOP: Carrier = Carrier::CookieUnder(const { CookiePath::new("/shop/") });

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        headers
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        for found in [
            &b"a=b; __Host-evanesce=ev1_x; c=d"[..],
            b"__Host-evanesce=ev1_x",
            b"a;__Host-evanesce=ev1_x;;=",
            b"name=J\xfcrgen; __Host-evanesce=ev1_x",
        ] {
            let found = Carrier::Cookie.token(&headers("cookie", found));
            assert_eq!(found.unwrap().as_str(), "ev1_x");
        }
        for other in [
            "",
            "a=b",
            "evanesce=ev1_x",
            "__host-evanesce=ev1_x",
            ";;;===",
            "x__Host-evanesce=ev1_x",
        ] {
            assert!(
                Carrier::Cookie.token(&headers("cookie", other.as_bytes())).is_none(),
                "{other}"
            );
        }
        let mut two = headers("cookie", b"a=b");
        two.append("cookie", HeaderValue::from_static("__Host-evanesce=ev1_x"));
        assert_eq!(Carrier::Cookie.token(&two).unwrap().as_str(), "ev1_x");
        let long = format!("a={}; __Host-evanesce=ev1_x", "b".repeat(MAX_HEADER));
        assert!(Carrier::Cookie.token(&headers("cookie", long.as_bytes())).is_none());
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        let found = Carrier::Bearer.token(&headers("authorization", b"bEARER ev1_x"));
        assert_eq!(found.unwrap().as_str(), "ev1_x");
        assert!(Carrier::Bearer.token(&headers("authorization", b"Basic ev1_x")).is_none());
        assert!(Carrier::Bearer.token(&headers("cookie", b"__Host-evanesce=ev1_x")).is_none());
    }

    #[test]
    fn the_cookie_is_bound_to_host_and_tls_and_hidden_from_scripts() {
        let given = Carrier::Cookie.give("ev1_x").unwrap();
        assert!(given.is_sensitive());
        let expected = "__Host-evanesce=ev1_x; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(given, expected);
        assert!(Carrier::Bearer.give("ev1_x").is_none());
    }

    #[test]
    fn a_cookie_under_a_path_keeps_its_name_apart() {
        let given = SHOP.give("ev1_x").unwrap();
        let expected = "__Secure-evanesce=ev1_x; Path=/shop/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(given, expected);
        let taken = "__Secure-evanesce=; Path=/shop/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
        assert_eq!(SHOP.take().unwrap(), taken);
        assert!(SHOP.token(&headers("cookie", b"__Host-evanesce=ev1_x")).is_none());
        assert_eq!(
            SHOP.token(&headers("cookie", b"__Secure-evanesce=ev1_x")).unwrap().as_str(),
            "ev1_x"
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in
            ["", "shop/", "/shop; Domain=example.org", "/shop\r\nx: y", "/a,b", "/a b", "/\u{fc}"]
        {
            assert!(std::panic::catch_unwind(|| CookiePath::new(path)).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert("cookie", value.clone());
                headers.insert("authorization", value);
                for carrier in [Carrier::Bearer, Carrier::Cookie, SHOP] {
                    let _ = carrier.token(&headers);
                }
            }
        }

        #[test]
        fn a_token_is_found_wherever_it_stands(
            before in "([a-z]{1,8}=[!-:<-~]{0,20}; ){0,4}",
            after in "(; [a-z]{1,8}=[!-:<-~]{0,20}){0,4}",
        ) {
            let text = format!("{before}__Host-evanesce=ev1_x{after}");
            let found = Carrier::Cookie.token(&headers("cookie", text.as_bytes()));
            prop_assert_eq!(found.as_deref().map(String::as_str), Some("ev1_x"));
        }
    }
}
