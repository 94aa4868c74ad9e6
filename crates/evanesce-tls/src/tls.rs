use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use zeroize::Zeroizing;

use crate::error::TlsError;
use crate::file::{self, FileError};

/// How the stores are reached: whom to trust, and who we are.
///
/// Everything was read and checked when it was built. A clone shares it.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: Arc<ClientConfig>,
    ca_pem: Option<Vec<u8>>,
    identity_pem: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    PlaintextLoopback,
    Verified,
}

impl Tls {
    /// Begins with the system's roots and no client identity.
    pub fn builder() -> TlsBuilder {
        TlsBuilder { ca: None, identity: None }
    }

    /// Reads the files that `EVANESCE_TLS_CA`, `EVANESCE_TLS_CERT` and
    /// `EVANESCE_TLS_KEY` name. Without the first, the system's roots are used;
    /// the other two come together or not at all. A variable that is set and
    /// empty is an error, not an unset one.
    ///
    /// # Errors
    /// As [`TlsBuilder::build`], and [`TlsError::IdentityIncomplete`].
    pub fn from_env() -> Result<Self, TlsError> {
        Self::from_vars(|name| std::env::var_os(name))
    }

    /// The named exception for tests and for stores on the same machine: adapters
    /// may open plain connections to loopback addresses. No TLS connection can be
    /// opened with it, because it trusts no root.
    ///
    /// # Errors
    /// [`TlsError::Unsupported`].
    pub fn plaintext_loopback() -> Result<Self, TlsError> {
        let config =
            versions()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Ok(Self(Arc::new(Inner {
            config: Arc::new(config),
            ca_pem: None,
            identity_pem: None,
            reach: Reach::PlaintextLoopback,
        })))
    }

    /// Whether a plain connection to this host may be opened: never, except with
    /// [`Self::plaintext_loopback`] to `localhost`, 127.0.0.0/8 or `::1`, the last
    /// with or without brackets.
    #[must_use]
    pub fn permits_plaintext(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        self.0.reach == Reach::PlaintextLoopback
            && (bare.eq_ignore_ascii_case("localhost")
                || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
    }

    /// Whether TLS connections can be opened: always, except with
    /// [`Self::plaintext_loopback`].
    #[must_use]
    pub fn permits_tls(&self) -> bool {
        self.0.reach == Reach::Verified
    }

    /// The configuration, with ring as its provider, TLS 1.2 (RFC 5246) and 1.3
    /// (RFC 8446), and server certificates verified.
    #[must_use]
    pub fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.config)
    }

    /// The CA file in PEM, for drivers that take no ready configuration; `None`
    /// where the system's roots are used.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&[u8]> {
        self.0.ca_pem.as_deref()
    }

    /// The client's certificate chain and its key, both in PEM, for drivers that take
    /// no ready configuration.
    #[must_use]
    pub fn identity_pem(&self) -> Option<(&[u8], &[u8])> {
        self.0.identity_pem.as_ref().map(|(cert, key)| (cert.as_slice(), key.as_slice()))
    }

    fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, TlsError> {
        let mut builder = Self::builder();
        if let Some(ca) = var("EVANESCE_TLS_CA") {
            builder = builder.ca_file(ca);
        }
        match (var("EVANESCE_TLS_CERT"), var("EVANESCE_TLS_KEY")) {
            (None, None) => {}
            (Some(cert), Some(key)) => builder = builder.identity_files(cert, key),
            _ => return Err(TlsError::IdentityIncomplete),
        }
        builder.build()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("reach", &self.0.reach)
            .field("own_ca", &self.0.ca_pem.is_some())
            .field("identity", &self.0.identity_pem.is_some())
            .finish_non_exhaustive()
    }
}

/// Builds a [`Tls`] from files.
#[derive(Clone)]
#[must_use = "nothing is read before build"]
pub struct TlsBuilder {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsBuilder {
    /// Trusts the certificates in this PEM file, and no others.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Presents this certificate chain and key to servers that ask, both in PEM.
    pub fn identity_files(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((cert.into(), key.into()));
        self
    }

    /// Trusts the operating system's roots, which is also the beginning.
    pub fn system_roots(mut self) -> Self {
        self.ca = None;
        self
    }

    /// Reads the files and checks them.
    ///
    /// # Errors
    /// [`TlsError`], which names the setting to change.
    pub fn build(self) -> Result<Tls, TlsError> {
        let ca_pem = match &self.ca {
            Some(path) => Some(file::read_public(path).map_err(|_| TlsError::CaUnreadable)?),
            None => None,
        };
        let roots = match &ca_pem {
            Some(pem) => named_roots(pem)?,
            None => system_roots()?,
        };
        let verified = versions()?.with_root_certificates(roots);
        let (config, identity_pem) = match &self.identity {
            None => (verified.with_no_client_auth(), None),
            Some((cert, key)) => {
                let cert = file::read_public(cert).map_err(|_| TlsError::CertUnreadable)?;
                let key = file::read_secret(key).map_err(|error| match error {
                    FileError::Exposed => TlsError::KeyExposed,
                    FileError::Unreadable => TlsError::KeyUnreadable,
                })?;
                let chain = certificates(&cert).ok_or(TlsError::CertInvalid)?;
                let parsed =
                    PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::KeyInvalid)?;
                let config =
                    verified.with_client_auth_cert(chain, parsed).map_err(identity_error)?;
                (config, Some((cert, key)))
            }
        };
        let config = Arc::new(config);
        Ok(Tls(Arc::new(Inner { config, ca_pem, identity_pem, reach: Reach::Verified })))
    }
}

impl fmt::Debug for TlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder")
            .field("own_ca", &self.ca.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

fn versions() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|_| TlsError::Unsupported)
}

fn named_roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).ok_or(TlsError::CaInvalid)? {
        roots.add(certificate).map_err(|_| TlsError::CaInvalid)?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Systems carry the odd certificate that does not parse; what matters is that some do.
    let (taken, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if taken == 0 { Err(TlsError::NoRoots) } else { Ok(roots) }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|found| !found.is_empty())
}

fn identity_error(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::InconsistentKeys(_) => TlsError::IdentityMismatch,
        rustls::Error::InvalidCertificate(_) => TlsError::CertInvalid,
        _ => TlsError::KeyInvalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_identity_is_refused() {
        for set in ["EVANESCE_TLS_CERT", "EVANESCE_TLS_KEY"] {
            let result = Tls::from_vars(|name| (name == set).then(|| "/nowhere".into()));
            assert_eq!(result.unwrap_err(), TlsError::IdentityIncomplete);
        }
    }

    #[test]
    fn a_variable_that_is_set_and_empty_does_not_fall_back_to_the_system() {
        let result = Tls::from_vars(|name| (name == "EVANESCE_TLS_CA").then(OsString::new));
        assert_eq!(result.unwrap_err(), TlsError::CaUnreadable);
    }

    #[test]
    fn the_variables_name_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let path = folder.path().join("ca.crt");
        std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        let tls = Tls::from_vars(|name| (name == "EVANESCE_TLS_CA").then(|| path.clone().into()));
        assert!(tls.unwrap().ca_pem().unwrap().starts_with(b"-----BEGIN CERTIFICATE"));
    }

    #[test]
    fn plaintext_is_for_loopback_only() {
        let tls = Tls::plaintext_loopback().unwrap();
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "[::1]"] {
            assert!(tls.permits_plaintext(host), "{host}");
        }
        for host in [
            "",
            "localhost.example.org",
            "10.0.0.1",
            "0.0.0.0",
            "::",
            "db",
            "127.0.0.1.nip.io",
            "[::1",
        ] {
            assert!(!tls.permits_plaintext(host), "{host}");
        }
        assert!(!tls.permits_tls());
    }
}
