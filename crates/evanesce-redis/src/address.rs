use evanesce_core::{Error, ErrorKind, StoreKind};
use evanesce_tls::Tls;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// Where a server is and how to greet it, out of a URL that no error repeats.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) place: Place,
    pub(crate) encrypted: Encrypted,
    pub(crate) greeting: RedisConnectionInfo,
}

/// A host and a port.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// The host without the brackets of an IPv6 address.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Self { host: bare.unwrap_or(host).to_owned(), port }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encrypted {
    /// Only to this machine, and only where the program said so by name.
    Plain,
    Tls,
}

impl Address {
    /// The address of a server.
    pub(crate) fn parse(url: &str, tls: &Tls) -> Result<Self, Error> {
        Self::parse_for(url, tls, |host| tls.permits_plaintext(host))
    }

    /// The address of a server that others know by the name in the host's place. Where it
    /// lies is asked of them, and judged then.
    pub(crate) fn parse_named(url: &str, tls: &Tls) -> Result<Self, Error> {
        Self::parse_for(url, tls, |_| tls.permits_plaintext("localhost"))
    }

    fn parse_for(url: &str, tls: &Tls, plain: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let refused = |sentence| Error::new(ErrorKind::Refused, StoreKind::Redis, sentence);
        let info = url.into_connection_info().map_err(|_| {
            Error::new(ErrorKind::Invalid, StoreKind::Redis, "the address is not rediss://host")
        })?;
        let greeting = info.redis_settings().clone();
        match info.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                Err(refused("certificates are always verified; remove the fragment"))
            }
            ConnectionAddr::TcpTls { .. } if !tls.permits_tls() => {
                Err(refused("plaintext was chosen by name; a rediss address needs a root to trust"))
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                let place = Place::new(host, *port);
                Ok(Self { place, encrypted: Encrypted::Tls, greeting })
            }
            ConnectionAddr::Tcp(host, port) if plain(host) => {
                let place = Place::new(host, *port);
                Ok(Self { place, encrypted: Encrypted::Plain, greeting })
            }
            _ => Err(refused("sessions cross a network only over TLS; write rediss://")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(url: &str, tls: &Tls) -> Result<Encrypted, ErrorKind> {
        Address::parse(url, tls).map(|a| a.encrypted).map_err(|error| {
            assert!(!error.to_string().contains("secret"), "no error repeats the address");
            error.kind()
        })
    }

    #[test]
    fn plaintext_is_refused_but_to_this_machine_and_by_name() {
        let plain = Tls::plaintext_loopback().unwrap();
        let tls = Tls::builder().build().ok();
        for url in ["redis://app:secret@localhost", "redis://127.0.0.1:7", "redis://[::1]:7/3"] {
            assert_eq!(kind(url, &plain), Ok(Encrypted::Plain), "{url}");
            if let Some(tls) = &tls {
                assert_eq!(kind(url, tls), Err(ErrorKind::Refused), "{url}");
            }
        }
        for url in ["redis://secret@example.org", "rediss://a:secret@localhost", "unix:///secret"] {
            assert_eq!(kind(url, &plain), Err(ErrorKind::Refused), "{url}");
        }
        if let Some(tls) = &tls {
            assert_eq!(kind("rediss://a:secret@example.org:7", tls), Ok(Encrypted::Tls));
            let insecure = "rediss://a:secret@example.org/#insecure";
            assert_eq!(kind(insecure, tls), Err(ErrorKind::Refused));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        let plain = Tls::plaintext_loopback().unwrap();
        for url in
            ["", "secret", "http://secret", "rediss://", "redis://secret:x:y@@", "redis://h:secret"]
        {
            assert!(kind(url, &plain).is_err(), "{url}");
        }
    }

    #[test]
    fn a_name_stands_in_the_place_of_a_host() {
        let plain = Tls::plaintext_loopback().unwrap();
        let named = Address::parse_named("redis://app:pw@sessions/3", &plain).unwrap();
        assert_eq!(named.place.host, "sessions");
        assert_eq!((named.greeting.username(), named.greeting.db()), (Some("app"), 3));
        assert_eq!(Place::new("[::1]", 7).host, "::1");
    }
}
