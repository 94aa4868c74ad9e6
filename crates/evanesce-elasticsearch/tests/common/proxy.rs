//! A way to the real server that breaks where a test says, and servers whose certificates
//! are worth nothing. Shared by the tests of both adapters that speak HTTP.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What becomes of a connection that carries more than a few requests' bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Break {
    /// After so many bytes to the server, both ends are closed.
    Cut(usize),
    /// After so many bytes to the server, nothing comes back, and then the connection ends.
    Deaf(usize),
    /// What goes to the server waits so long for each piece.
    Slow(Duration),
}

/// A proxy that breaks so many connections, one after the other, and passes on the rest.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    broken: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn to(host: &str, times: usize, how: Break) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (host, broken) = (host.to_owned(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&broken);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&host).unwrap());
                let counted = Arc::clone(&counted);
                thread::spawn(move || pass(&client, &server, times, how, &counted));
            }
        });
        Self { port, broken }
    }

    /// How many connections were broken until now.
    pub(crate) fn broken(&self) -> usize {
        self.broken.load(Ordering::SeqCst)
    }
}

fn pass(client: &TcpStream, server: &TcpStream, times: usize, how: Break, broken: &AtomicUsize) {
    let (from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let deaf = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&deaf);
    thread::spawn(move || {
        let (mut from, mut piece) = (from, [0; 16 << 10]);
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if heard.load(Ordering::SeqCst) > 0 {
                // The server has answered: what it did is done, and nobody hears of it.
                break;
            }
            if to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (client, server);
    let (mut carried, mut piece) = (0, [0; 4 << 10]);
    while let Ok(read @ 1..) = from.read(&mut piece) {
        carried += read;
        match how {
            Break::Cut(after) if carried > after && claim(times, broken) => break,
            Break::Deaf(after)
                if carried > after && deaf.load(Ordering::SeqCst) == 0 && claim(times, broken) =>
            {
                deaf.store(1, Ordering::SeqCst);
            }
            Break::Slow(time) => {
                broken.fetch_add(1, Ordering::SeqCst);
                thread::sleep(time);
            }
            _ => {}
        }
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn claim(times: usize, broken: &AtomicUsize) -> bool {
    let next = |n: usize| (n < times).then_some(n + 1);
    broken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
}

/// A port at which connections are taken and nothing is ever said: a process that was
/// stopped with a signal looks so.
pub(crate) fn paused() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    /// It ran out in the year 2000.
    Expired,
    /// It is of another name.
    Foreign,
    /// Nothing, so that a test can tell.
    Nothing,
}

/// A TLS server on localhost, and the file of the authority that signed its certificate.
/// It answers every request with `answer`.
pub(crate) fn server_with(
    wrong: Wrong,
    folder: &std::path::Path,
    answer: &'static str,
) -> (u16, PathBuf) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let file = folder.join("ca.crt");
    std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = rcgen::Issuer::new(params, key);

    let name = if let Wrong::Foreign = wrong { "elsewhere.example" } else { "localhost" };
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    if let Wrong::Expired = wrong {
        params.not_before = rcgen::date_time_ymd(1999, 1, 1);
        params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key.into())
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, config) = (socket.unwrap(), Arc::clone(&config));
            thread::spawn(move || {
                let mut connection = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::Stream::new(&mut connection, &mut socket);
                let mut piece = [0; 4 << 10];
                while let Ok(1..) = stream.read(&mut piece) {
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    (port, file)
}
