use std::error::Error as StdError;
use std::io;

use evanesce_core::{Error, ErrorKind, StoreKind};

/// What a failed handshake means, if `error` is one or an [`io::Error`] that wraps one.
///
/// The words of the TLS library end here: they may hold names out of a certificate.
#[must_use]
pub fn handshake_error(error: &(dyn StdError + 'static), store: StoreKind) -> Option<Error> {
    let (kind, sentence, setting) = match wrapped(error)? {
        rustls::Error::InvalidCertificate(_) => (
            ErrorKind::Authentication,
            "the server's certificate is not trusted",
            "EVANESCE_TLS_CA",
        ),
        rustls::Error::AlertReceived(_) => (
            ErrorKind::Authentication,
            "the server broke off the TLS handshake",
            "EVANESCE_TLS_CERT",
        ),
        _ => (ErrorKind::Unavailable, "no TLS connection came about", "the URL's port"),
    };
    Some(Error::new(kind, store, sentence).with_setting(setting))
}

// An io::Error hides what it wraps from `source`, and wraps others of its kind.
fn wrapped<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut current = error;
    loop {
        if let Some(found) = current.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        current = current.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: &(dyn StdError + 'static)) -> Option<ErrorKind> {
        handshake_error(error, StoreKind::Redis).map(|error| error.kind())
    }

    #[test]
    fn a_refused_certificate_is_found_under_two_errors_of_the_socket() {
        let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let once = io::Error::new(io::ErrorKind::InvalidData, refused);
        assert_eq!(of(&once), Some(ErrorKind::Authentication));
        assert_eq!(of(&io::Error::other(once)), Some(ErrorKind::Authentication));
    }

    #[test]
    fn a_broken_socket_is_no_handshake() {
        assert_eq!(of(&io::Error::from_raw_os_error(111)), None);
        let garbage = rustls::Error::General("a certificate's name".to_owned());
        let error = handshake_error(&garbage, StoreKind::Redis).unwrap();
        assert!(!error.to_string().contains("name"));
    }
}
