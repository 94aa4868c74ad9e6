use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// The cookie's name. With this prefix a browser accepts it only over TLS, for the
/// whole host, and from the host itself (RFC 6265bis, section 4.1.3.2).
const COOKIE_NAME: &str = "__Host-evanesce";
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
}

impl Carrier {
    /// The token that a request carries.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<Zeroizing<String>> {
        let text = match self {
            Self::Bearer => {
                let value = plain(headers.get(AUTHORIZATION)?)?;
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())?
            }
            Self::Cookie => headers.get_all(COOKIE).iter().find_map(|value| {
                let pairs = plain(value)?.split(';');
                pairs.filter_map(|pair| pair.trim().split_once('=')).find_map(named)
            })?,
        };
        Some(Zeroizing::new(text.to_owned()))
    }

    /// The header that gives a token to the client.
    pub(crate) fn give(self, token: &str) -> Option<HeaderValue> {
        let value = format!("{COOKIE_NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Strict");
        self.header(&Zeroizing::new(value))
    }

    /// The header that takes it back.
    pub(crate) fn take(self) -> Option<HeaderValue> {
        self.header(&format!(
            "{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        ))
    }

    fn header(self, value: &str) -> Option<HeaderValue> {
        if self == Self::Bearer {
            return None;
        }
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn plain(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|text| text.len() <= MAX_HEADER)
}

fn named<'a>((name, value): (&str, &'a str)) -> Option<&'a str> {
    (name == COOKIE_NAME).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let found = Carrier::Cookie.token(&headers("cookie", "a=b; __Host-evanesce=ev1_x; c=d"));
        assert_eq!(found.unwrap().as_str(), "ev1_x");
        for other in ["", "a=b", "evanesce=ev1_x", "__host-evanesce=ev1_x", ";;;==="] {
            assert!(Carrier::Cookie.token(&headers("cookie", other)).is_none(), "{other}");
        }
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        let found = Carrier::Bearer.token(&headers("authorization", "bEARER ev1_x"));
        assert_eq!(found.unwrap().as_str(), "ev1_x");
        assert!(Carrier::Bearer.token(&headers("authorization", "Basic ev1_x")).is_none());
        assert!(Carrier::Bearer.token(&headers("cookie", "__Host-evanesce=ev1_x")).is_none());
    }

    #[test]
    fn the_cookie_is_bound_to_host_and_tls_and_hidden_from_scripts() {
        let given = Carrier::Cookie.give("ev1_x").unwrap();
        assert!(given.is_sensitive());
        for part in ["__Host-evanesce=ev1_x", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(given.to_str().unwrap().contains(part), "{part}");
        }
        assert!(Carrier::Bearer.give("ev1_x").is_none());
    }
}
