//! What a configuration promises, shown on real handshakes over loopback.
#![allow(clippy::unwrap_in_result, clippy::unwrap_used, reason = "a test reports by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use evanesce_tls::{Tls, TlsError};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};
use tempfile::TempDir;

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        path
    }
}

fn server(
    ca: &Ca,
    clients: Option<&Ca>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let (cert, key) = ca.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(ca.roots()), provider)
                .build()
                .unwrap(),
        ),
    };
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// One exchange of a byte in each direction, and the version that was negotiated.
fn exchange(tls: &Tls, server: Arc<ServerConfig>) -> std::io::Result<ProtocolVersion> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(server).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let mut byte = [0];
        let _ = stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte));
    });
    let mut socket = TcpStream::connect(address).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(tls.client_config(), name).unwrap();
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    let mut byte = *b"x";
    let result = stream.write_all(&byte).and_then(|()| stream.read_exact(&mut byte));
    drop(socket);
    echo.join().unwrap();
    result.map(|()| connection.protocol_version().unwrap())
}

fn rustls_error(error: &std::io::Error) -> &rustls::Error {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

#[test]
fn both_versions_are_spoken_with_a_server_of_the_named_ca() {
    let (ca, folder) = (Ca::new(), Folder::new());
    let tls = Tls::builder().ca_file(folder.file("ca", &ca.pem, 0o644)).build().unwrap();
    let latest = exchange(&tls, server(&ca, None, &[&rustls::version::TLS13])).unwrap();
    assert_eq!(latest, ProtocolVersion::TLSv1_3);
    let older = exchange(&tls, server(&ca, None, &[&rustls::version::TLS12])).unwrap();
    assert_eq!(older, ProtocolVersion::TLSv1_2);
}

#[test]
fn a_server_of_another_ca_is_not_spoken_with() {
    let (ours, theirs, folder) = (Ca::new(), Ca::new(), Folder::new());
    let tls = Tls::builder().ca_file(folder.file("ca", &ours.pem, 0o644)).build().unwrap();
    let error = exchange(&tls, server(&theirs, None, rustls::ALL_VERSIONS)).unwrap_err();
    // Both of rcgen's CAs carry the same name, so the signature is what does not fit.
    assert!(matches!(
        rustls_error(&error),
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        )
    ));
}

#[test]
fn a_named_ca_replaces_the_roots_and_plaintext_trusts_none() {
    let ca = Ca::new();
    let tls = Tls::plaintext_loopback().unwrap();
    let error = exchange(&tls, server(&ca, None, rustls::ALL_VERSIONS)).unwrap_err();
    assert!(matches!(rustls_error(&error), rustls::Error::InvalidCertificate(_)));
}

#[test]
fn the_identity_is_shown_to_a_server_that_asks() {
    let (ca, folder) = (Ca::new(), Folder::new());
    let (cert, key) = ca.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
    let ca_file = folder.file("ca", &ca.pem, 0o644);
    let known = Tls::builder()
        .ca_file(&ca_file)
        .identity_files(folder.file("cert", &cert, 0o644), folder.file("key", &key, 0o600))
        .build()
        .unwrap();
    let config = server(&ca, Some(&ca), rustls::ALL_VERSIONS);
    exchange(&known, Arc::clone(&config)).unwrap();
    assert_eq!(known.identity_pem(), Some((cert.as_bytes(), key.as_bytes())));

    let stranger = Tls::builder().ca_file(&ca_file).build().unwrap();
    assert!(exchange(&stranger, config).is_err());
    assert_eq!(stranger.identity_pem(), None);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_refused() {
    let (ca, folder) = (Ca::new(), Folder::new());
    let (cert, key) = ca.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
    let (ca_file, cert) = (folder.file("ca", &ca.pem, 0o644), folder.file("cert", &cert, 0o644));
    for (mode, accepted) in
        [(0o600, true), (0o400, true), (0o644, false), (0o604, false), (0o660, false)]
    {
        let key = folder.file(&format!("key{mode:o}"), &key, mode);
        let built = Tls::builder().ca_file(&ca_file).identity_files(&cert, key).build();
        match built {
            Ok(_) => assert!(accepted, "{mode:o}"),
            Err(error) => assert_eq!((error, accepted), (TlsError::KeyExposed, false), "{mode:o}"),
        }
    }
}

#[test]
fn each_bad_file_has_its_own_error() {
    let (ca, folder) = (Ca::new(), Folder::new());
    let (cert, key) = ca.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
    let (_, other) = ca.issue("other", ExtendedKeyUsagePurpose::ClientAuth);
    let good = folder.file("ca", &ca.pem, 0o644);
    let cert = folder.file("cert", &cert, 0o644);
    let key = folder.file("key", &key, 0o600);
    let other = folder.file("other", &other, 0o600);
    let empty = folder.file("empty", "", 0o600);
    let large = folder.file("large", &"x".repeat(2 << 20), 0o600);
    let broken = folder.file(
        "broken",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        0o600,
    );
    let missing = folder.0.path().join("missing");
    let directory = folder.0.path().to_owned();

    let with_ca = |path: &PathBuf| Tls::builder().ca_file(path).build().unwrap_err();
    assert_eq!(with_ca(&missing), TlsError::CaUnreadable);
    assert_eq!(with_ca(&directory), TlsError::CaUnreadable);
    assert_eq!(with_ca(&large), TlsError::CaUnreadable);
    assert_eq!(with_ca(&empty), TlsError::CaInvalid);
    assert_eq!(with_ca(&broken), TlsError::CaInvalid);

    let with_identity = |cert: &PathBuf, key: &PathBuf| {
        Tls::builder().ca_file(&good).identity_files(cert, key).build().unwrap_err()
    };
    assert_eq!(with_identity(&missing, &key), TlsError::CertUnreadable);
    assert_eq!(with_identity(&empty, &key), TlsError::CertInvalid);
    assert_eq!(with_identity(&broken, &key), TlsError::CertInvalid);
    assert_eq!(with_identity(&cert, &missing), TlsError::KeyUnreadable);
    assert_eq!(with_identity(&cert, &empty), TlsError::KeyInvalid);
    assert_eq!(with_identity(&cert, &other), TlsError::IdentityMismatch);
}

#[test]
fn nothing_printed_shows_a_path_or_a_key() {
    let (ca, folder) = (Ca::new(), Folder::new());
    let (cert, key) = ca.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
    let builder = Tls::builder()
        .ca_file(folder.file("ca", &ca.pem, 0o644))
        .identity_files(folder.file("cert", &cert, 0o644), folder.file("key", &key, 0o600));
    let printed = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    let error = Tls::builder().ca_file(folder.0.path().join("missing")).build().unwrap_err();
    let printed = format!("{printed} {error:?} {error}");
    assert!(!printed.contains("BEGIN"), "{printed}");
    assert!(!printed.contains(folder.0.path().to_str().unwrap()), "{printed}");
}
