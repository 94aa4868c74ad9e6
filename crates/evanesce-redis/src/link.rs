use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use evanesce_core::{Clock, Error, ErrorKind, Incarnation, StoreKind, SystemClock};
use evanesce_crypto::sha256;
use evanesce_tls::{Tls, handshake_error};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, ScriptInvocation};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::address::{Address, Encrypted};
use crate::error::{CORRUPT, Effect, TIMEOUT, UNAVAILABLE, breaks_the_connection, closed, new};

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

/// The one multiplexed connection, made anew when it breaks. Each is asked for the
/// server's `run_id` before its first use, so that an answer always comes with the
/// incarnation that gave it: a server that restarts cuts the connection.
pub(crate) struct Link {
    address: Address,
    connector: Option<TlsConnector>,
    timeouts: Timeouts,
    live: RwLock<Option<Live>>,
    dialing: tokio::sync::Mutex<Backoff>,
}

#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    incarnation: Incarnation,
    closed: Arc<AtomicBool>,
}

#[derive(Default)]
struct Backoff {
    failures: u32,
    not_before: Duration,
}

impl Link {
    pub(crate) async fn connect(url: &str, tls: &Tls, timeouts: Timeouts) -> Result<Self, Error> {
        let address = Address::parse(url, tls)?;
        let connector = match address.encrypted {
            Encrypted::Plain => None,
            Encrypted::Tls => Some(TlsConnector::from(tls.client_config())),
        };
        let dialing = tokio::sync::Mutex::default();
        let link = Self { address, connector, timeouts, live: RwLock::default(), dialing };
        link.live().await?;
        Ok(link)
    }

    /// Whether what is sent is encrypted on the way.
    pub(crate) const fn is_encrypted(&self) -> bool {
        self.connector.is_some()
    }

    /// Reads; once more if the connection turned out to be gone.
    pub(crate) async fn read<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<(T, Incarnation), Error> {
        for last in [false, true] {
            let mut live = self.live().await?;
            match command.query_async(&mut live.connection).await {
                Ok(value) => return Ok((value, live.incarnation)),
                Err(error) if self.lost(&live, &error) && !last => {}
                Err(error) => return Err(closed(&error, Effect::None)),
            }
        }
        Err(UNAVAILABLE)
    }

    /// Writes, once: what was sent and not acknowledged is in doubt.
    pub(crate) async fn write<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let mut live = self.live().await?;
        let written = command.query_async(&mut live.connection).await;
        written.map_err(|error| self.in_doubt(&live, &error))
    }

    /// Runs a script that writes.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<(T, Incarnation), Error> {
        let mut live = self.live().await?;
        let ran = script.invoke_async(&mut live.connection).await;
        ran.map(|value| (value, live.incarnation)).map_err(|error| self.in_doubt(&live, &error))
    }

    fn in_doubt(&self, live: &Live, error: &RedisError) -> Error {
        self.lost(live, error);
        closed(error, Effect::Write)
    }

    // Whether the connection is gone; the next operation makes another.
    fn lost(&self, live: &Live, error: &RedisError) -> bool {
        let lost = breaks_the_connection(error);
        if lost {
            live.closed.store(true, Ordering::Release);
        }
        lost
    }

    async fn live(&self) -> Result<Live, Error> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let mut backoff = self.dialing.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        if SystemClock.monotonic() < backoff.not_before {
            return Err(UNAVAILABLE);
        }
        match timeout(self.timeouts.connect, self.dial_patiently()).await.unwrap_or(Err(TIMEOUT)) {
            Ok(live) => {
                *backoff = Backoff::default();
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                let pause = FIRST_PAUSE * (1 << backoff.failures.min(MOST_DOUBLINGS));
                backoff.failures += 1;
                backoff.not_before = SystemClock.monotonic() + pause;
                Err(error)
            }
        }
    }

    fn current(&self) -> Option<Live> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.as_ref().filter(|live| !live.closed.load(Ordering::Acquire)).cloned()
    }

    // A server that restarts is away for a moment only.
    async fn dial_patiently(&self) -> Result<Live, Error> {
        for pause in [FIRST_PAUSE, 4 * FIRST_PAUSE] {
            match self.dial().await {
                Err(error) if error.kind() == ErrorKind::Unavailable => sleep(pause).await,
                result => return result,
            }
        }
        self.dial().await
    }

    async fn dial(&self) -> Result<Live, Error> {
        let host = self.address.bare_host();
        let stream = TcpStream::connect((host, self.address.port)).await;
        let stream = stream.map_err(|_| UNAVAILABLE)?;
        stream.set_nodelay(true).map_err(|_| UNAVAILABLE)?;
        let closed = Arc::new(AtomicBool::new(false));
        let connection = match &self.connector {
            None => self.greet(stream, &closed).await?,
            Some(connector) => {
                let name = ServerName::try_from(host.to_owned())
                    .map_err(|_| new(ErrorKind::Invalid, "the host is not a name"))?;
                let stream = connector.connect(name, stream).await.map_err(|e| tls_error(&e))?;
                self.greet(stream, &closed).await?
            }
        };
        let mut connection = connection;
        let incarnation = incarnation(&mut connection).await?;
        Ok(Live { connection, incarnation, closed })
    }

    async fn greet<S>(
        &self,
        stream: S,
        ended: &Arc<AtomicBool>,
    ) -> Result<MultiplexedConnection, Error>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeouts.connect))
            .set_response_timeout(Some(self.timeouts.response));
        let greeting = &self.address.greeting;
        // The greeting itself needs the driver to run beside it.
        let greeted = MultiplexedConnection::new_with_config(greeting, stream, config).await;
        let (connection, driver) = greeted.map_err(|error| closed(&error, Effect::None))?;
        let ended = Arc::clone(ended);
        tokio::spawn(async move {
            driver.await;
            ended.store(true, Ordering::Release);
        });
        Ok(connection)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Two seconds at most, roughly.
const MOST_DOUBLINGS: u32 = 5;

/// SHA-256 over the `run_id`, which a server draws anew each time it starts.
async fn incarnation(connection: &mut MultiplexedConnection) -> Result<Incarnation, Error> {
    let info: String =
        redis::cmd("INFO").arg("server").query_async(connection).await.map_err(|error| {
            let error = closed(&error, Effect::None);
            if error.kind() == ErrorKind::Refused { INFO_DENIED } else { error }
        })?;
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).ok_or(CORRUPT)?;
    Ok(Incarnation::new(StoreKind::Redis, sha256(run_id.trim().as_bytes())))
}

const INFO_DENIED: Error =
    new(ErrorKind::Refused, "the server's run_id cannot be read, so no restart would be noticed")
        .with_setting("the ACL of the user: +info");

fn tls_error(error: &std::io::Error) -> Error {
    handshake_error(error, StoreKind::Redis).unwrap_or(UNAVAILABLE)
}
