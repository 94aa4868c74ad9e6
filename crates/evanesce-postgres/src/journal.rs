use evanesce_core::{BoxFuture, Digest, Error, Incarnation, StoreKind, Timestamp};
use evanesce_purge::{ErasureJournal, SealedJob};
use tokio_postgres::Row;

use crate::PostgresStore;
use crate::store::{column, digest, from_sql, to_sql};

const PUT: &str = "INSERT INTO journal (id, requested, sealed) VALUES ($1, $2, $3) \
     ON CONFLICT DO NOTHING";
const OPEN: &str =
    "SELECT id, requested, sealed FROM journal ORDER BY requested, put_order LIMIT $1";
const DONE: &str = "DELETE FROM journal WHERE id = $1";

impl ErasureJournal for PostgresStore {
    fn store(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.read_incarnation())
    }

    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let requested = to_sql(job.requested.as_millis())?;
            let id = job.id.as_bytes().as_slice();
            self.write(PUT, &[&id, &requested, &job.sealed]).await.map(|_| ())
        })
    }

    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>> {
        Box::pin(async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            self.read(OPEN, &[&limit]).await?.iter().map(job).collect()
        })
    }

    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.write(DONE, &[&id.as_bytes().as_slice()]).await.map(|_| ()) })
    }
}

fn job(row: &Row) -> Result<SealedJob, Error> {
    Ok(SealedJob {
        id: digest(column(row, 0)?)?,
        requested: Timestamp::from_millis(from_sql(column(row, 1)?)?),
        sealed: column(row, 2)?,
    })
}
