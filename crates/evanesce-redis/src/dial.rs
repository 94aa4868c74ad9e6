use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Error, ErrorKind, StoreKind, Timestamp};
use evanesce_tls::{Tls, handshake_error};
use redis::RedisConnectionInfo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::{Address, Encrypted, Place};
use crate::error::{CORRUPT, UNAVAILABLE, new};
use crate::identity::Life;
use crate::reply::Reply;
use crate::request::{Out, Request};
use crate::scripts::Scripts;
use crate::wire::{Ask, Wire};

/// How long the adapter waits. Every operation has a limit.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection: name, TCP, TLS and greeting together.
    pub connect: Duration,
    /// For an answer.
    pub response: Duration,
}

impl Default for Timeouts {
    /// Two seconds each.
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), response: Duration::from_secs(2) }
    }
}

/// What a server has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    ClusterNode,
    Sentinel,
    Standalone,
}

/// How connections are made, to whichever place.
pub(crate) struct Dialer {
    tls: Tls,
    connector: Option<TlsConnector>,
    greeting: RedisConnectionInfo,
    kind: Kind,
    pub(crate) timeouts: Timeouts,
    pub(crate) scripts: Arc<Scripts>,
}

impl Dialer {
    pub(crate) fn new(
        address: &Address,
        tls: &Tls,
        kind: Kind,
        timeouts: Timeouts,
        scripts: Arc<Scripts>,
    ) -> Self {
        let connector = match address.encrypted {
            Encrypted::Plain => None,
            Encrypted::Tls => Some(TlsConnector::from(tls.client_config())),
        };
        let greeting = address.greeting.clone();
        Self { tls: tls.clone(), connector, greeting, kind, timeouts, scripts }
    }

    /// Whether what is sent is encrypted on the way.
    pub(crate) const fn is_encrypted(&self) -> bool {
        self.connector.is_some()
    }

    /// Whether the credentials are those of the default user.
    pub(crate) fn is_default_user(&self) -> bool {
        self.greeting.username().is_none_or(|name| name == "default")
    }

    /// A connection that was greeted, to a server of the right kind.
    pub(crate) async fn connect(&self, place: &Place) -> Result<Wire, Error> {
        let wire = self.open(place).await?;
        self.greet(&wire).await?;
        Ok(wire)
    }

    /// Whether the server answers somebody who shows no password.
    pub(crate) async fn is_open_to_all(&self, place: &Place) -> Result<bool, Error> {
        let wire = self.open(place).await?;
        let ping = Request::read(|out: &mut Out<'_>| {
            out.words(&["PING"]);
        });
        let reply = wire.call(&ping, Ask::Plainly, self.timeouts.response).await?;
        Ok(reply.refusal().is_none())
    }

    async fn open(&self, place: &Place) -> Result<Wire, Error> {
        // Where a server sends us is judged as an address is that we were given.
        if self.connector.is_none() && !self.tls.permits_plaintext(&place.host) {
            const SENTENCE: &str = "sessions cross a network only over TLS; write rediss://";
            return Err(new(ErrorKind::Refused, SENTENCE));
        }
        let stream = TcpStream::connect((place.host.as_str(), place.port)).await;
        let stream = stream.map_err(|_| UNAVAILABLE)?;
        stream.set_nodelay(true).map_err(|_| UNAVAILABLE)?;
        Ok(match &self.connector {
            None => Wire::new(stream),
            Some(connector) => {
                let name = ServerName::try_from(place.host.clone())
                    .map_err(|_| new(ErrorKind::Invalid, "the host is not a name"))?;
                let stream = connector.connect(name, stream).await.map_err(|e| tls_error(&e))?;
                Wire::new(stream)
            }
        })
    }

    async fn greet(&self, wire: &Wire) -> Result<(), Error> {
        let greeting = &self.greeting;
        let hello = Request::read(|out: &mut Out<'_>| {
            match greeting.password() {
                None => out.words(&["HELLO", "3"]),
                Some(password) => {
                    let user = greeting.username().unwrap_or("default");
                    out.words(&["HELLO", "3", "AUTH", user, password])
                }
            };
            if greeting.db() != 0 && self.kind == Kind::Standalone {
                out.words(&["SELECT", &greeting.db().to_string()]);
            }
        });
        let reply = wire.call(&hello, Ask::Plainly, self.timeouts.connect).await?;
        if let Some(refusal) = reply.refusal() {
            return Err(match refusal.word() {
                // A server without HELLO calls it an unknown command.
                "ERR" => NO_RESP3,
                _ => refusal.error(),
            });
        }
        let mut answers = reply.list()?;
        if matches!(answers.first(), Some(Reply::Array(_))) {
            answers = answers.swap_remove(0).list()?;
        }
        let (mode, protocol) = (field(&answers, b"mode"), field(&answers, b"proto"));
        if protocol != Some(&Reply::Int(3)) {
            return Err(NO_RESP3);
        }
        let mode = match mode {
            Some(Reply::Bytes(mode)) => mode.as_slice(),
            _ => return Err(CORRUPT),
        };
        match (self.kind, mode) {
            (Kind::ClusterNode, b"cluster")
            | (Kind::Sentinel, b"sentinel")
            | (Kind::Standalone, b"standalone") => Ok(()),
            (_, b"cluster") => Err(new(ErrorKind::Unsupported, "the server is part of a cluster")),
            (_, b"sentinel") => Err(new(ErrorKind::Unsupported, "the server is a sentinel")),
            (Kind::ClusterNode, _) => {
                Err(new(ErrorKind::Unsupported, "the server is not part of a cluster"))
            }
            (Kind::Sentinel, _) => Err(new(ErrorKind::Unsupported, "the server is no sentinel")),
            (Kind::Standalone, _) => Err(CORRUPT),
        }
    }
}

/// Asks a server who it is. It has to be a primary.
pub(crate) async fn life(wire: &Wire, within: Duration) -> Result<Life, Error> {
    let reply = wire.call(&Request::read(Life::ask), Ask::Plainly, within).await?;
    let [server, replication, time] = reply.array()?;
    let denied = |error: Error| {
        let is_denied = error.kind() == ErrorKind::Refused;
        if is_denied { INFO_DENIED } else { error }
    };
    let (server, replication) = (server.text().map_err(denied)?, replication.text()?);
    let [seconds, micros] = time.array()?;
    let number = |reply: Reply| reply.text()?.parse::<u64>().map_err(|_| CORRUPT);
    let now = number(seconds)?.saturating_mul(1000).saturating_add(number(micros)? / 1000);
    Life::read(&server, &replication, Timestamp::from_millis(now))
}

/// The value behind a name in a map.
pub(crate) fn field<'a>(map: &'a [Reply], name: &[u8]) -> Option<&'a Reply> {
    let (pairs, _) = map.as_chunks::<2>();
    pairs.iter().find(|[key, _]| *key == Reply::Bytes(name.to_vec())).map(|[_, value]| value)
}

const INFO_DENIED: Error =
    new(ErrorKind::Refused, "the server's run_id cannot be read, so no restart would be noticed")
        .with_setting("the ACL of the user: +info");
const NO_RESP3: Error = new(ErrorKind::Unsupported, "the server does not speak RESP3");

fn tls_error(error: &std::io::Error) -> Error {
    handshake_error(error, StoreKind::Redis).unwrap_or(UNAVAILABLE)
}
