use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Address, variable};

/// The tests' own TLS configuration, with the client certificate.
pub(crate) fn tls() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(variable("EVANESCE_TLS_CA")).unwrap()).unwrap();
    let chain = CertificateDer::pem_file_iter(variable("EVANESCE_TLS_CERT")).unwrap();
    let key = PrivateKeyDer::from_pem_file(variable("EVANESCE_TLS_KEY")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap()
}

pub(crate) async fn connect(address: &Address) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.unwrap();
    let name = ServerName::try_from(address.host.clone()).unwrap();
    TlsConnector::from(Arc::new(tls())).connect(name, stream).await.unwrap()
}

/// One request over HTTP/1.0, so that the body ends with the connection.
pub(crate) async fn request(
    address: &Address,
    authorization: &str,
    method: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> (u16, Vec<u8>) {
    let mut stream = connect(address).await;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: {authorization}\r\n\
         Content-Type: {kind}\r\nAccept: */*\r\nContent-Length: {}\r\n\r\n{body}",
        address.host,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without TLS's own goodbye has still sent its whole answer.
    let _ = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an HTTP answer") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head[9..12].parse().unwrap();
    let body = answer.split_off(end);
    // Some servers send chunks to whoever asks; a value may lie across two of them.
    let chunked = head.contains("transfer-encoding: chunked");
    (status, if chunked { joined(&body) } else { body })
}

fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|w| w == b"\r\n").expect("a chunk's size");
        let size = std::str::from_utf8(&chunks[..line]).unwrap();
        let size = usize::from_str_radix(size.split(';').next().unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + size]);
        chunks = &chunks[line + 2 + size + 2..];
    }
}

pub(crate) fn basic(address: &Address) -> String {
    use evanesce_testkit::trace::Encoding;
    let account = format!("{}:{}", address.user, address.password);
    let mut text = String::from_utf8(Encoding::Base64.encode(&account)).unwrap();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("Basic {text}")
}
