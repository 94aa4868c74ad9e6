use std::future::poll_fn;
use std::net::IpAddr;
use std::time::Duration;

use deadpool_postgres::{Connect, Pool, Runtime};
use evanesce_core::{BoxFuture, Error, ErrorKind};
use evanesce_tls::Tls;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};
use tokio_postgres_rustls_improved::MakeRustlsConnect;

use crate::error::error;

const POOL: usize = 4;
const CONNECT: Duration = Duration::from_secs(5);
const OPEN: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(10);

/// How the server is reached: verified TLS, or a plain connection to this machine.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    Verified(MakeRustlsConnect),
}

/// Reads the URL. What it says of TLS is overruled: the name of the server is
/// always verified, or the connection never leaves the machine.
pub(crate) fn settings(url: &str, tls: &Tls) -> Result<(Config, Transport), Error> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(error(ErrorKind::Invalid, "the URL does not begin with postgres://"));
    }
    let mut config: Config =
        url.parse().map_err(|_| error(ErrorKind::Invalid, "the URL cannot be read"))?;
    let hosts = hosts(&config)?;
    let transport = if tls.permits_tls() {
        Transport::Verified(MakeRustlsConnect::new(tls.client_config().as_ref().clone()))
    } else if hosts.iter().all(|host| tls.permits_plaintext(host))
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
    {
        Transport::Plain
    } else {
        return Err(error(ErrorKind::Refused, "a plain connection may not leave this machine"));
    };
    config.ssl_mode(match transport {
        Transport::Plain => SslMode::Disable,
        Transport::Verified(_) => SslMode::Require,
    });
    if config.get_channel_binding() != ChannelBinding::Require {
        config.channel_binding(ChannelBinding::Prefer);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(OPEN);
    }
    config.application_name("evanesce");
    config.keepalives(true).keepalives_idle(Duration::from_secs(30));
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    Ok((config, transport))
}

/// What every session is told first. Commits wait for the disk whatever the server's
/// default is, and for a standby where the server asks for it; notices stay away,
/// because they may quote values.
pub(crate) fn session(schema: &str) -> String {
    format!(
        "SET search_path TO \"{schema}\", pg_temp; \
         SET client_min_messages TO error; \
         SET default_transaction_isolation TO 'read committed'; \
         SET statement_timeout TO '10s'; \
         SET lock_timeout TO '5s'; \
         SET idle_in_transaction_session_timeout TO '30s'; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')"
    )
}

pub(crate) fn pool(config: Config, transport: Transport, schema: &str) -> Result<Pool, Error> {
    let opener = Opener { transport, session: session(schema) };
    let source = deadpool_postgres::Manager::from_connect(
        config,
        opener,
        deadpool_postgres::ManagerConfig::default(),
    );
    Pool::builder(source)
        .max_size(POOL)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(OPEN))
        .wait_timeout(Some(WAIT))
        .recycle_timeout(Some(OPEN))
        .build()
        .map_err(|_| error(ErrorKind::Unavailable, "no connection can be had"))
}

fn hosts(config: &Config) -> Result<Vec<&str>, Error> {
    let named: Option<Vec<&str>> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => Some(name.as_str()),
            #[cfg(unix)]
            Host::Unix(_) => None,
        })
        .collect();
    named.filter(|hosts| !hosts.is_empty() && hosts.iter().all(|host| !host.is_empty())).ok_or_else(
        || {
            error(
                ErrorKind::Invalid,
                "the URL names no host; sockets of the file system are not used",
            )
        },
    )
}

struct Opener {
    transport: Transport,
    session: String,
}

type Opened = Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

impl Connect for Opener {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Opened> {
        let config = config.clone();
        match &self.transport {
            Transport::Plain => Box::pin(open(config, NoTls, &self.session)),
            Transport::Verified(tls) => Box::pin(open(config, tls.clone(), &self.session)),
        }
    }
}

async fn open<T>(config: Config, tls: T, session: &str) -> Opened
where
    T: MakeTlsConnect<Socket> + Send,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, mut connection) = config.connect(tls).await?;
    let task = tokio::spawn(async move {
        // Awaited as it is, the connection would log what the server says.
        while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {}
    });
    client.batch_execute(session).await?;
    Ok((client, task))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(url: &str) -> Result<SslMode, ErrorKind> {
        let tls = Tls::plaintext_loopback().map_err(|_| ErrorKind::Unsupported)?;
        settings(url, &tls).map(|(config, _)| config.get_ssl_mode()).map_err(|error| error.kind())
    }

    #[test]
    fn a_plain_connection_stays_on_this_machine() {
        assert_eq!(kind("postgres://a:b@localhost/c?sslmode=require"), Ok(SslMode::Disable));
        for url in [
            "postgres://a:b@db/c",
            "postgres://a:b@localhost,db/c",
            "postgres://a:b@localhost/c?hostaddr=10.0.0.1",
        ] {
            assert_eq!(kind(url), Err(ErrorKind::Refused), "{url}");
        }
    }

    #[test]
    fn other_texts_are_invalid() {
        for url in [
            "",
            "host=localhost user=a",
            "mysql://a:b@localhost/c",
            "postgres://",
            "postgres:///c",
            "postgres://a:b@%2Frun%2Fpostgresql/c",
            "postgres://a:b@localhost:port/c",
            "postgres://a:b@localhost/c?unknown=1",
        ] {
            assert_eq!(kind(url), Err(ErrorKind::Invalid), "{url}");
        }
    }
}
