//! From a URL to a hardened client.

use std::time::Duration;

use elasticsearch::auth::{ClientCertificate, Credentials};
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::Url;
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_tls::Tls;

/// The official client's transport, and the address that answers must come from.
pub(crate) fn transport(
    url: &str,
    tls: &Tls,
    timeout: Duration,
) -> Result<(Transport, Url), Error> {
    let mut url = Url::parse(url).map_err(|_| invalid("the URL cannot be read"))?;
    let basic = credentials(&mut url)?;
    built(url, basic, tls, timeout)
}

/// As [`transport`], with an API key.
pub(crate) fn transport_with_key(
    url: &str,
    key: &str,
    tls: &Tls,
    timeout: Duration,
) -> Result<(Transport, Url), Error> {
    let mut url = Url::parse(url).map_err(|_| invalid("the URL cannot be read"))?;
    if credentials(&mut url)?.is_some() {
        return Err(invalid("the URL has user and password beside an API key"));
    }
    // RFC 4648, section 4.
    let base_64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    if key.is_empty() || !key.bytes().all(base_64) {
        return Err(invalid("the API key is not the encoded form of one")
            .with_setting("the Elasticsearch API key"));
    }
    built(url, Some(Credentials::EncodedApiKey(key.to_owned())), tls, timeout)
}

fn built(
    mut url: Url,
    credentials: Option<Credentials>,
    tls: &Tls,
    timeout: Duration,
) -> Result<(Transport, Url), Error> {
    url.set_query(None);
    url.set_fragment(None);
    require_reach(&url, tls)?;

    let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone()))
        .disable_proxy()
        .enable_meta_header(false)
        .timeout(timeout);
    if let Some(pem) = tls.ca_pem() {
        let ca = Certificate::from_pem(pem).map_err(|_| {
            invalid("the CA file cannot be used by the client").with_setting("EVANESCE_TLS_CA")
        })?;
        builder = builder.cert_validation(CertificateValidation::Full(ca));
    }
    if let Some((cert, key)) = tls.identity_pem() {
        let pem = [cert, b"\n", key].concat();
        builder = builder.auth(ClientCertificate::Pem(pem).into());
    }
    let transport = builder.build().map_err(|_| {
        invalid("the client cannot be built from the TLS settings").with_setting("EVANESCE_TLS_KEY")
    })?;
    // The client wants either a certificate or a password when it is built, but keeps
    // the certificate when it is given the password afterwards.
    if let Some(credentials) = credentials {
        transport.set_auth(credentials);
    }
    Ok((transport, url))
}

/// Takes user and password out of the URL, so that nothing else ever sees them there.
fn credentials(url: &mut Url) -> Result<Option<Credentials>, Error> {
    let password = url.password().map(decode);
    let user = decode(url.username());
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| invalid("the URL has no host"))?;
    match (user, password) {
        (Some(user), Some(Some(password))) if !user.is_empty() => {
            Ok(Some(Credentials::Basic(user, password)))
        }
        (Some(user), None) if user.is_empty() => Ok(None),
        _ => Err(invalid("the URL needs both user and password, percent-encoded, or neither")),
    }
}

fn require_reach(url: &Url, tls: &Tls) -> Result<(), Error> {
    let host = url.host_str().ok_or_else(|| invalid("the URL has no host"))?;
    let allowed = match url.scheme() {
        "https" => tls.permits_tls(),
        "http" => tls.permits_plaintext(host),
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        StoreKind::Elasticsearch,
        "only https is spoken, and http to this machine where plaintext was asked for by name",
    )
    .with_setting("the URL's scheme"))
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

const fn invalid(sentence: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, StoreKind::Elasticsearch, sentence)
        .with_setting("the Elasticsearch URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn a_password_is_taken_out_and_decoded() {
        let mut url = Url::parse("https://us%40er:p%3A%2F%C3%A9@host:9200/path").unwrap();
        match credentials(&mut url).unwrap() {
            Some(Credentials::Basic(user, password)) => {
                assert_eq!((user.as_str(), password.as_str()), ("us@er", "p:/é"));
            }
            _ => panic!("basic credentials were expected"),
        }
        assert_eq!(url.as_str(), "https://host:9200/path");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_shown() {
        let tls = Tls::plaintext_loopback().unwrap();
        for url in [
            "",
            "not a url",
            "http://user:hunter2@10.1.2.3:9200",
            "https://user:hunter2@localhost:9200",
            "ftp://user:hunter2@localhost",
            "http://hunter2@localhost:9200",
            "http://user:hunter2%zz@localhost:9200",
            "http://user:hunter2%@localhost:9200",
            "mailto:hunter2@example.org",
        ] {
            let error = transport(url, &tls, TIMEOUT).err().unwrap();
            assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Refused), "{url}");
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains("hunter2") && !printed.contains("9200"), "{printed}");
        }
        assert!(transport("http://user:hunter2@[::1]:9200", &tls, TIMEOUT).is_ok());
    }

    #[test]
    fn a_key_that_cannot_be_used_is_refused_without_being_shown() {
        let tls = Tls::plaintext_loopback().unwrap();
        for (url, key) in [
            ("http://localhost:9200", ""),
            ("http://localhost:9200", "hunter2\r\nx: y"),
            ("http://localhost:9200", "hunter2:unencoded"),
            ("http://user:hunter2@localhost:9200", "aHVudGVyMg=="),
        ] {
            let error = transport_with_key(url, key, &tls, TIMEOUT).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{key}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        assert!(transport_with_key("http://localhost:9200", "aHVudGVyMg==", &tls, TIMEOUT).is_ok());
    }
}
