//! From a URL to an address, an organisation and a bucket.

use evanesce_core::{Error, ErrorKind, Namespace, StoreKind};
use evanesce_tls::Tls;
use http::Uri;

/// Where to find the bucket.
pub(crate) struct Settings {
    /// Scheme, host, port and a path's prefix, without a slash at its end.
    pub(crate) base: String,
    pub(crate) org: String,
    pub(crate) bucket: String,
}

impl Settings {
    /// Reads `https://host:port/prefix?org=…&bucket=…`. Without a bucket it is
    /// `<namespace>-metrics`.
    pub(crate) fn parse(url: &str, tls: &Tls, namespace: &Namespace) -> Result<Self, Error> {
        let uri: Uri = url.parse().map_err(|_| invalid("the URL cannot be read"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid("the URL needs a scheme and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("the URL carries credentials, which belong into the token"));
        }
        let reachable = match scheme {
            "https" => tls.permits_tls(),
            "http" => tls.permits_plaintext(authority.host()),
            _ => false,
        };
        if !reachable {
            return Err(Error::new(
                ErrorKind::Refused,
                StoreKind::InfluxDb,
                "only https is spoken, and http to this machine where plaintext was asked for by name",
            )
            .with_setting("the URL's scheme"));
        }
        let (mut org, mut bucket) = (None, None);
        for pair in uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "org" => &mut org,
                "bucket" => &mut bucket,
                _ => return Err(invalid("the URL knows org and bucket only")),
            };
            let value = decode(value).filter(|value| is_name(value));
            let value = value.ok_or_else(|| invalid("org and bucket are percent-encoded names"))?;
            if place.replace(value).is_some() {
                return Err(invalid("the URL names org or bucket twice"));
            }
        }
        Ok(Self {
            base: format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')),
            org: org.ok_or_else(|| invalid("the URL names no org"))?,
            bucket: bucket.unwrap_or_else(|| format!("{namespace}-metrics")),
        })
    }
}

/// A value of a query, percent-encoded (RFC 3986, section 2.3).
pub(crate) fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

// A name that begins with an underscore belongs to InfluxDB.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 256
        && !name.starts_with('_')
        && !name.chars().any(char::is_control)
}

const fn invalid(sentence: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, StoreKind::InfluxDb, sentence).with_setting("the InfluxDB URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unwrap_in_result, reason = "these two are valid")]
    fn parse(url: &str) -> Result<Settings, Error> {
        let namespace = Namespace::new("newsletter").unwrap();
        Settings::parse(url, &Tls::plaintext_loopback().unwrap(), &namespace)
    }

    #[test]
    fn a_url_is_taken_apart() {
        let settings = parse("http://localhost:8086/influx/?org=my%20org&bucket=b%26c").unwrap();
        assert_eq!(settings.base, "http://localhost:8086/influx");
        assert_eq!((settings.org.as_str(), settings.bucket.as_str()), ("my org", "b&c"));
        assert_eq!(encode(&settings.org), "my%20org");
        let settings = parse("http://127.0.0.1:8086?org=o").unwrap();
        assert_eq!(settings.base, "http://127.0.0.1:8086");
        assert_eq!(settings.bucket, "newsletter-metrics");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_shown() {
        for url in [
            "",
            "localhost",
            "/path?org=hunter2",
            "http://localhost:8086",
            "http://localhost:8086?org=",
            "http://localhost:8086?org=hunter2&org=b",
            "http://localhost:8086?org=hunter2&token=b",
            "http://localhost:8086?org=hunter2%0a",
            "http://localhost:8086?org=hunter2%",
            "http://localhost:8086?org=o&bucket=_tasks",
            "http://user:hunter2@localhost:8086?org=o",
            "http://10.1.2.3:8086?org=hunter2",
            "https://localhost:8086?org=hunter2",
            "ftp://localhost:8086?org=hunter2",
        ] {
            let error = parse(url).err().unwrap();
            assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Refused), "{url}");
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains("hunter2") && !printed.contains("8086"), "{printed}");
        }
    }
}
