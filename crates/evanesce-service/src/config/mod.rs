//! `evanesce.toml`: how a service is put together, read by its program and by the
//! operator's command.

#![cfg_attr(
    not(all(
        feature = "elasticsearch",
        feature = "influxdb",
        feature = "postgres",
        feature = "redis"
    )),
    allow(dead_code, reason = "a driver that is left out leaves its part of a plan unread")
)]

mod adapters;
mod approval;
mod error;
mod logged;
mod open;
mod operator;
mod purge;
mod reader;
mod source;
mod survey;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use evanesce_anonymize::WindowLength;
use evanesce_core::{Digest, Lifetime, Namespace};
use evanesce_crypto::sha256;

pub use self::approval::{Approval, Refused};
pub use self::error::ConfigError;
pub use self::operator::{Began, Operator, OperatorError, Swept};
use self::reader::Reader;
use self::source::{Source, is_plain};
pub use self::survey::{Judged, Survey};
use crate::Mode;

const MAX: u64 = 64 * 1024;

/// What `evanesce.toml` says: which stores a service has, where its keys and its log lie,
/// and how long it keeps what.
///
/// No secret stands in it. An address that carries one, and a token, is named by the file
/// (`url_file`, `token_file`) or by the variable of the environment (`url_env`,
/// `token_env`) that holds it, and is read when a store is opened. A key that is not known
/// is refused. Paths that are not absolute begin in the folder of the file.
///
/// ```
/// use evanesce_service::Config;
///
/// let config = Config::parse(r#"
///     name = "newsletter"
///     [keys]
///     root_file = "keys/root"
///     [redis]
///     url_env = "NEWSLETTER_REDIS_URL"
/// "#)?;
/// assert_eq!(config.name().as_str(), "newsletter");
/// let mistyped = "name = \"newsletter\"\nkeys = { root_file = \"root\" }\nredsi = {}";
/// let refused = Config::parse(mistyped).unwrap_err();
/// assert_eq!(refused.to_string(), "redsi: no such key is known");
/// # Ok::<(), evanesce_service::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Config {
    name: Namespace,
    mode: Mode,
    protect: bool,
    root: Source,
    session_keys: Option<PathBuf>,
    tls: TlsFiles,
    lifetime: Lifetime,
    window: Option<WindowLength>,
    redis: Option<RedisPlan>,
    postgres: Option<Source>,
    elasticsearch: Option<Source>,
    influxdb: Option<InfluxPlan>,
    log: LogFiles,
    journal: Option<PathBuf>,
    digest: Digest,
}

#[derive(Clone, Default)]
struct TlsFiles {
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    plaintext_loopback: bool,
}

#[derive(Clone)]
struct RedisPlan {
    addresses: Source,
    is_cluster: bool,
    keeps_over_failover: bool,
}

#[derive(Clone)]
struct InfluxPlan {
    address: Source,
    token: Source,
}

#[derive(Clone, Default)]
struct LogFiles {
    folder: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
    published: Option<PathBuf>,
}

impl Config {
    /// The name that a configuration usually has.
    pub const FILE: &str = "evanesce.toml";

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut text = String::new();
        let file = File::open(path).map_err(|_| ConfigError::Unreadable)?;
        let read = file.take(MAX + 1).read_to_string(&mut text);
        if read.map_err(|_| ConfigError::Unreadable)? as u64 > MAX {
            return Err(ConfigError::Unreadable);
        }
        Self::parse_in(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a text whose paths begin in the working folder.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_in(text, Path::new(""))
    }

    /// The service's name.
    #[must_use]
    pub const fn name(&self) -> &Namespace {
        &self.name
    }

    /// How long a session lives.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// The SHA-256 of the text that it was read from, to tell one configuration from
    /// another.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    fn parse_in(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let table = text.parse::<toml::Table>().map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            ConfigError::Syntax { line: text.as_bytes()[..at].split(|b| *b == b'\n').count() }
        })?;
        let mut top = Reader::root(table);
        let name = top.text("name")?.ok_or_else(|| top.missing("name"))?;
        let name = Namespace::new(&name)
            .map_err(|_| top.invalid("name", "1 to 32 of a-z 0-9 -, beginning with a letter"))?;
        let mode = match top.word("mode", &["strict", "report-only"], "strict or report-only")? {
            Some(1) => Mode::ReportOnly,
            _ => Mode::Strict,
        };
        let protect = top.holds("protect_process")?;
        let (root, session_keys) = keys(top.section("keys")?, folder)?;
        let postgres = address(top.optional_section("postgres")?, folder)?;
        let (lifetime, keeps_over_failover) = sessions(top.section("sessions")?)?;
        let config = Self {
            name,
            mode,
            protect,
            root,
            session_keys,
            tls: tls(top.section("tls")?, folder)?,
            lifetime,
            window: window(top.section("aggregates")?)?,
            redis: redis(top.optional_section("redis")?, keeps_over_failover, folder)?,
            elasticsearch: address(top.optional_section("elasticsearch")?, folder)?,
            influxdb: influxdb(top.optional_section("influxdb")?, folder)?,
            log: log(top.section("audit")?, postgres.is_some(), folder)?,
            journal: journal(top.section("erasures")?, folder)?,
            postgres,
            digest: sha256(text.as_bytes()),
        };
        top.finish()?;
        Ok(config)
    }
}

/// Which stores there are, and nothing of where they lie.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .field("redis", &self.redis.is_some())
            .field("postgres", &self.postgres.is_some())
            .field("elasticsearch", &self.elasticsearch.is_some())
            .field("influxdb", &self.influxdb.is_some())
            .finish_non_exhaustive()
    }
}

fn keys(mut keys: Reader, folder: &Path) -> Result<(Source, Option<PathBuf>), ConfigError> {
    let root = keys.source("root", None, folder)?.ok_or_else(|| keys.missing("root_file"))?;
    let sessions = keys.path("session_file", folder)?;
    keys.finish()?;
    Ok((root, sessions))
}

fn tls(mut tls: Reader, folder: &Path) -> Result<TlsFiles, ConfigError> {
    let ca = tls.path("ca_file", folder)?;
    let identity = match (tls.path("cert_file", folder)?, tls.path("key_file", folder)?) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (None, Some(_)) => return Err(tls.missing("cert_file")),
        (Some(_), None) => return Err(tls.missing("key_file")),
    };
    let plaintext_loopback = tls.holds("plaintext_loopback")?;
    if plaintext_loopback && (ca.is_some() || identity.is_some()) {
        let other = if ca.is_some() { "ca_file" } else { "cert_file" };
        let key = tls.key("plaintext_loopback");
        return Err(ConfigError::Conflict { key, other: tls.key(other) });
    }
    tls.finish()?;
    Ok(TlsFiles { ca, identity, plaintext_loopback })
}

fn sessions(mut sessions: Reader) -> Result<(Lifetime, bool), ConfigError> {
    const WANTED: &str = "1s to 24h, such as 90m or 4h,";
    let lifetime = match sessions.duration("lifetime", WANTED)? {
        None => Lifetime::default(),
        Some(given) => Lifetime::new(given).ok_or_else(|| sessions.invalid("lifetime", WANTED))?,
    };
    let failover = sessions.word("failover", &["end", "keep"], "end or keep")?;
    sessions.finish()?;
    Ok((lifetime, failover == Some(1)))
}

fn window(mut aggregates: Reader) -> Result<Option<WindowLength>, ConfigError> {
    const WANTED: &str = "1m to 23h, such as 1h,";
    let given = aggregates.duration("window", WANTED)?;
    let length = match given {
        None => None,
        Some(given) => {
            Some(WindowLength::new(given).ok_or_else(|| aggregates.invalid("window", WANTED))?)
        }
    };
    aggregates.finish()?;
    Ok(length)
}

fn redis(
    section: Option<Reader>,
    keeps_over_failover: bool,
    folder: &Path,
) -> Result<Option<RedisPlan>, ConfigError> {
    let Some(mut redis) = section else { return Ok(None) };
    let addresses = redis.source("url", Some(is_plain), folder)?;
    let addresses = addresses.ok_or_else(|| redis.missing("url_file"))?;
    let nodes = redis.word("nodes", &["one", "cluster"], "one or cluster")?;
    redis.finish()?;
    Ok(Some(RedisPlan { addresses, is_cluster: nodes == Some(1), keeps_over_failover }))
}

fn address(section: Option<Reader>, folder: &Path) -> Result<Option<Source>, ConfigError> {
    let Some(mut section) = section else { return Ok(None) };
    let address = section.source("url", Some(is_plain), folder)?;
    let address = address.ok_or_else(|| section.missing("url_file"))?;
    section.finish()?;
    Ok(Some(address))
}

fn influxdb(section: Option<Reader>, folder: &Path) -> Result<Option<InfluxPlan>, ConfigError> {
    let Some(mut section) = section else { return Ok(None) };
    let address = section.source("url", Some(is_plain), folder)?;
    let address = address.ok_or_else(|| section.missing("url_file"))?;
    let token = section.source("token", None, folder)?;
    let token = token.ok_or_else(|| section.missing("token_file"))?;
    section.finish()?;
    Ok(Some(InfluxPlan { address, token }))
}

fn log(mut log: Reader, has_postgres: bool, folder: &Path) -> Result<LogFiles, ConfigError> {
    let files = LogFiles {
        folder: log.path("folder", folder)?,
        checkpoint: log.path("checkpoint_file", folder)?,
        published: log.path("published_folder", folder)?,
    };
    // A log that outlives the process and that nothing vouches for is refused at the second
    // start; better at the first.
    if (has_postgres || files.folder.is_some()) && files.checkpoint.is_none() {
        return Err(log.missing("checkpoint_file"));
    }
    log.finish()?;
    Ok(files)
}

fn journal(mut erasures: Reader, folder: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let journal = erasures.path("journal_folder", folder)?;
    erasures.finish()?;
    Ok(journal)
}
