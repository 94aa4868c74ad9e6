//! What these tests share: the suite's view of a store, sessions on it, a server of
//! one's own, and an eye on what a server sees.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses another part")]

mod own;
mod proxy;
mod steps;
mod tagged;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Entry, Error, ErrorKind, Incorporated, Namespace, StoreKind, SystemClock,
};
use evanesce_crypto::{Root, RootProvider};
use evanesce_redis::RedisStore;
use evanesce_session::{
    EpochStore, SessionError, SessionParts, SessionPolicy, SessionStore, Sessions, Token,
};
use evanesce_testkit::session::Stores;
use evanesce_tls::Tls;
use redis::IntoConnectionInfo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub use own::{Own, OwnCluster, Sentinel, builder};
pub use proxy::{Fault, Proxy};
pub use steps::{Memory, STEPS, Scene, Step};
pub use tagged::stores_of_a_cluster;

/// A root certificate that signed nothing here; its key was thrown away.
pub const STRANGER: &str = "\
-----BEGIN CERTIFICATE-----
MIIBaTCCARugAwIBAgIUVDrY+5vBUJ0LTvMbqeuzxQGSosAwBQYDK2VwMCkxJzAl
BgNVBAMMHmEgcm9vdCB0aGF0IHZvdWNoZXMgZm9yIG5vYm9keTAgFw0yNjExMjQy
MzM4MjZaGA8yMTI2MTAzMTIzMzgyNlowKTEnMCUGA1UEAwweYSByb290IHRoYXQg
dm91Y2hlcyBmb3Igbm9ib2R5MCowBQYDK2VwAyEAcgSQ/ta5GrxaIidVTnb5VjtD
RdH5wGCdn2CR3ebeTcWjUzBRMB0GA1UdDgQWBBTd71lvxkApRIvbMFh6ES5jGQnE
cjAfBgNVHSMEGDAWgBTd71lvxkApRIvbMFh6ES5jGQnEcjAPBgNVHRMBAf8EBTAD
AQH/MAUGAytlcANBAIAE5dEyEE8mBZwi3BS13zJC0uIcZ6J2I6Z/ZM8Bjpbjl8Ek
2yrkQ526g39TgVUwesI4asK7Grg3i7wBq6seVQM=
-----END CERTIFICATE-----
";

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: cargo xtask services up redis, then env prints it")
    })
}

/// A namespace that nobody else uses.
pub fn fresh_namespace() -> Namespace {
    let mut bytes = [0; 12];
    evanesce_crypto::random(&mut bytes).unwrap();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Namespace::new(&format!("t{digits}")).unwrap()
}

pub fn stores(store: &Arc<RedisStore>) -> Stores {
    Stores {
        sessions: store.clone(),
        epochs: store.clone(),
        erasable: store.clone(),
        clock: Arc::new(SystemClock),
        // A server's own clock cannot be moved: these waits are real, under two seconds.
        advance: Arc::new(|duration| Box::pin(tokio::time::sleep(duration))),
    }
}

pub fn sessions(store: &Arc<RedisStore>) -> Sessions {
    sessions_under(store, Arc::new(Root::generate().unwrap()))
}

/// Sessions whose epochs are wrapped under this root.
pub fn sessions_under(store: &Arc<RedisStore>, root: Arc<dyn RootProvider>) -> Sessions {
    let parts = SessionParts {
        namespace: Namespace::new("tests").unwrap(),
        store: store.clone(),
        epochs: store.clone(),
        root,
        clock: Arc::new(SystemClock),
        audit: Arc::new(Unlogged),
    };
    Sessions::new(parts, SessionPolicy::default())
}

/// Sessions of one value, opened so often.
pub async fn several(sessions: &Sessions, count: usize) -> Vec<Token> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        tokens.push(sessions.open(&String::from("somebody")).await.unwrap());
    }
    tokens
}

pub fn copy(token: &Token) -> Token {
    Token::parse(&token.to_text()).unwrap()
}

pub async fn read(sessions: &Sessions, token: &Token) -> Result<String, SessionError> {
    sessions.read(token, |text: &String| text.clone()).await
}

/// Until something else comes than that the server is away, a few seconds at most.
pub async fn patiently<T>(
    operation: impl AsyncFn() -> Result<T, SessionError>,
) -> Result<T, SessionError> {
    for _ in 0..100 {
        match operation().await {
            Err(SessionError::Store(error))
                if [ErrorKind::Timeout, ErrorKind::Unavailable].contains(&error.kind()) => {}
            other => return other,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server stayed away")
}

pub async fn clean_up(store: &RedisStore) {
    let _ = store.end().await.unwrap();
    let _ = store.reclaim().await.unwrap();
}

pub fn with_password(url: &str, password: &str) -> String {
    let (head, host) = url.rsplit_once('@').unwrap();
    let (user, _) = head.rsplit_once(':').unwrap();
    format!("{user}:{password}@{host}")
}

struct Unlogged;

impl Append for Unlogged {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        let none = Error::new(ErrorKind::Unsupported, StoreKind::Memory, "there is no log here");
        Box::pin(async move { Err(none) })
    }

    fn count(&self, _: Entry) {}
}

/// Every command that a server runs, with its arguments, from `MONITOR`.
pub struct Monitor(mpsc::UnboundedReceiver<Vec<u8>>);

impl Monitor {
    pub async fn in_plain(own: &Own) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", own.port())).await.unwrap();
        Self::on(stream, "").await
    }

    pub async fn over_tls(url: &str) -> Self {
        let info = url.into_connection_info().unwrap();
        let redis::ConnectionAddr::TcpTls { host, port, .. } = info.addr() else {
            panic!("the address is rediss://")
        };
        let settings = info.redis_settings();
        let (user, password) = (settings.username().unwrap(), settings.password().unwrap());
        let stream = TcpStream::connect((host.as_str(), *port)).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Tls::from_env().unwrap().client_config());
        let name = rustls::pki_types::ServerName::try_from(host.clone()).unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        Self::on(stream, &format!("AUTH {user} {password}\r\n")).await
    }

    async fn on<S>(mut stream: S, greeting: &str) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        stream.write_all(format!("{greeting}MONITOR\r\n").as_bytes()).await.unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut answer = vec![0; 4096];
        let mut greeted = Vec::new();
        let oks = 1 + usize::from(!greeting.is_empty());
        while greeted.windows(5).filter(|window| window == b"+OK\r\n").count() < oks {
            let read = stream.read(&mut answer).await.unwrap();
            assert!(read > 0, "the server lets this user watch");
            greeted.extend_from_slice(&answer[..read]);
        }
        tokio::spawn(async move {
            while let Ok(read @ 1..) = stream.read(&mut answer).await {
                if sender.send(answer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Everything seen until some text is.
    pub async fn until(mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let more = tokio::time::timeout(Duration::from_secs(5), self.0.recv()).await;
            seen.extend(more.expect("what is waited for is seen").unwrap());
            let readable = String::from_utf8_lossy(&seen);
            if readable.contains(text) {
                return readable.into_owned();
            }
        }
    }
}
