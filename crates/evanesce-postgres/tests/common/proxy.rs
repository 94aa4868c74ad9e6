//! Something between a store and its server that ends one connection, or the process
//! behind it, at a chosen point.

use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where in what passes a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// What the client sent does not reach the server.
    Asked,
    /// What the server answered does not reach the client.
    Answered,
}

/// A process that is killed where its connection ends.
pub type Victim = Arc<Mutex<Option<Child>>>;

/// Passes everything on to the server, and ends one connection at the n-th part.
pub struct Proxy {
    pub port: u16,
    parts: Arc<AtomicUsize>,
}

impl Proxy {
    pub async fn start(to: u16, cut: Cut, at: usize, victim: Option<Victim>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let parts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&parts);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let pass = Pass { count: Arc::clone(&count), cut, at, victim: victim.clone() };
                tokio::spawn(pass.run(client, server));
            }
        });
        Self { port, parts }
    }

    /// How many parts went in the way that is cut.
    pub fn parts(&self) -> usize {
        self.parts.load(Ordering::SeqCst)
    }
}

struct Pass {
    count: Arc<AtomicUsize>,
    cut: Cut,
    at: usize,
    victim: Option<Victim>,
}

impl Pass {
    async fn run(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => match read {
                    Ok(length @ 1..) if !self.is_cut(matches!(self.cut, Cut::Asked)) => {
                        if server.write_all(&asked[..length]).await.is_err() { return }
                    }
                    _ => return,
                },
                read = server.read(&mut answered) => match read {
                    Ok(length @ 1..) if !self.is_cut(matches!(self.cut, Cut::Answered)) => {
                        if client.write_all(&answered[..length]).await.is_err() { return }
                    }
                    _ => return,
                },
            }
        }
    }

    fn is_cut(&self, is_way: bool) -> bool {
        let is_cut = is_way && self.count.fetch_add(1, Ordering::SeqCst) == self.at;
        if is_cut && let Some(victim) = &self.victim {
            // Before its connection ends, so that it does not see the end.
            let mut victim = victim.lock().unwrap_or_else(PoisonError::into_inner);
            victim.as_mut().unwrap().kill().unwrap();
        }
        is_cut
    }
}

// The URL's port, and the URL with another one.
pub fn port_of(url: &str) -> u16 {
    let (_, place) = url.rsplit_once('@').unwrap();
    place.split_once(':').unwrap().1.split_once('/').unwrap().0.parse().unwrap()
}

pub fn through(url: &str, port: u16) -> String {
    url.replacen(&format!(":{}/", port_of(url)), &format!(":{port}/"), 1)
}
