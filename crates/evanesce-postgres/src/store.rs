use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_postgres::{Client, Pool};
use evanesce_core::{Clock, DataClass, Error, ErrorKind, Namespace, SystemClock};
use evanesce_tls::Tls;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::error::{Phase, asked, error, is_spent, is_transient, late, of_pool, translate};
use crate::{connect, migration};

pub(crate) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// Longer than the server's own `statement_timeout`, for a server that says nothing.
const DEADLINE: Duration = Duration::from_secs(20);
const TRIES: u32 = 5;
const DAY: Duration = Duration::from_secs(86_400);

/// Aggregates, audit log, erasure journal and leases of one namespace, in a schema
/// of its own.
///
/// A clone shares the connections, at most four. Every operation needs a tokio
/// runtime with its timer, may be dropped at any await, and ends within half a
/// minute.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Pool,
    pub(crate) schema: String,
    pub(crate) key: i64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) age: Duration,
    pub(crate) interval: Duration,
    /// The newest head of the audit log that this node and its clones saw.
    pub(crate) head_seen: Arc<Mutex<Option<(i64, String)>>>,
}

impl PostgresStore {
    /// Connects and brings the schema `evanesce_<namespace>` to this version of the
    /// library. `url` is `postgres://role:password@host:port/database`; whatever it
    /// says of TLS, the server's certificate and name are verified.
    ///
    /// # Errors
    /// `Invalid` for another URL, `Refused` for a plain connection to another
    /// machine or a schema of a newer version, and those of every port. None of
    /// them holds a part of the URL.
    pub async fn connect(url: &str, tls: &Tls, namespace: &Namespace) -> Result<Self, Error> {
        let (config, transport) = connect::settings(url, tls)?;
        let schema = schema(namespace);
        let store = Self {
            pool: connect::pool(config, transport, &schema)?,
            key: key(&schema),
            schema,
            clock: Arc::new(SystemClock),
            age: DataClass::Aggregate.ceiling().saturating_sub(DAY),
            interval: DAY,
            head_seen: Arc::default(),
        };
        store.migrate().await?;
        Ok(store)
    }

    /// The clock by which ages are told.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The age at which the program removes released tables and the interval in
    /// which it looks; 364 days and one day at first.
    #[must_use]
    pub const fn with_retention(mut self, age: Duration, interval: Duration) -> Self {
        self.age = age;
        self.interval = interval;
        self
    }

    /// Brings the schema to this version of the library, as `connect` has done.
    ///
    /// # Errors
    /// `Refused` if the schema is of a newer version or the role may not create it,
    /// and those of every port.
    pub async fn migrate(&self) -> Result<(), Error> {
        migration::run(&mut self.client().await?, &self.schema, self.key).await
    }

    pub(crate) async fn client(&self) -> Result<Client, Error> {
        self.pool.get().await.map_err(of_pool)
    }

    /// Rows that are only read.
    pub(crate) async fn read(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Error> {
        attempt(|| self.query(Phase::Asking, sql, params)).await
    }

    /// One statement that writes, and commits by itself.
    pub(crate) async fn write(&self, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Error> {
        attempt(|| self.query(Phase::Committing, sql, params)).await
    }

    async fn query(&self, phase: Phase, sql: &str, params: &Params<'_>) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let outcome = within(phase, async {
            let statement = client.prepare_cached(sql).await.map_err(asked)?;
            client.query(&statement, params).await.map_err(|upstream| translate(&upstream, phase))
        })
        .await;
        settle(client, outcome)
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Runs an operation again, five times in all, while it fails in a way that is known
/// to have changed nothing and to pass.
pub(crate) async fn attempt<T, F>(mut once: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 1;
    loop {
        match once().await {
            Err(error) if tries < TRIES && is_transient(&error) => tries += 1,
            outcome => return outcome,
        }
    }
}

/// Waits for an answer until the deadline.
pub(crate) async fn within<T>(
    phase: Phase,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(late(phase)))
}

/// Gives the connection back, or ends it, so that whoever asks next what happened
/// does not ask a broken one.
pub(crate) fn settle<T>(client: Client, outcome: Result<T, Error>) -> Result<T, Error> {
    if outcome.as_ref().err().is_some_and(is_spent) {
        drop(Client::take(client));
    }
    outcome
}

/// The schema of a namespace. A namespace has no quotation marks, so that quoting
/// it is enough.
pub(crate) fn schema(namespace: &Namespace) -> String {
    format!("evanesce_{namespace}")
}

/// The number of the advisory lock that orders migrations, releases and removals of
/// one schema.
pub(crate) fn key(schema: &str) -> i64 {
    let digest = evanesce_crypto::sha256(format!("evanesce/postgres/lock {schema}").as_bytes());
    let (head, _) = digest.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
    i64::from_be_bytes(*head)
}

/// One column of a row.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map_err(asked)
}

/// The only row of an answer that always has one.
pub(crate) fn only(rows: &[Row]) -> Result<&Row, Error> {
    rows.first().ok_or_else(|| error(ErrorKind::Corrupt, "a row that is always there is missing"))
}

/// A number as PostgreSQL keeps it.
pub(crate) fn to_sql(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| error(ErrorKind::Invalid, "a number is 2^63 or more"))
}

/// A number that is never negative.
pub(crate) fn from_sql(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(|_| error(ErrorKind::Corrupt, "a count is negative"))
}

/// A place in a sequence, where beyond the end is as good as the end.
pub(crate) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// 32 bytes.
pub(crate) fn digest(bytes: &[u8]) -> Result<evanesce_core::Digest, Error> {
    let bytes = bytes.try_into();
    bytes
        .map(evanesce_core::Digest::new)
        .map_err(|_| error(ErrorKind::Corrupt, "a digest has another length"))
}
