use std::time::Duration;

use deadpool_postgres::Client;
use evanesce_core::{Error, ErrorKind};

use crate::error::{Phase, asked, committed, error, late};

/// The migrations in order; the version of each is its place, counted from 1. What
/// was published is never edited.
pub(crate) const MIGRATIONS: [&str; 1] = [include_str!("../sql/001_init.sql")];

/// Waiting for another node's migration may take longer than a statement may.
pub(crate) const PATIENCE: &str =
    "SET LOCAL statement_timeout TO '60s'; SET LOCAL lock_timeout TO '60s'";
pub(crate) const IS_THERE: &str = "SELECT to_regclass($1) IS NOT NULL";
pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";
pub(crate) const VERSION: &str = "SELECT coalesce(max(version), 0) FROM migration";
pub(crate) const RECORD: &str = "INSERT INTO migration (version) VALUES ($1)";

const DEADLINE: Duration = Duration::from_secs(90);

/// Where the version lies.
pub(crate) fn table(schema: &str) -> String {
    format!("\"{schema}\".migration")
}

/// Makes the place where everything lies; harmless where it is there.
pub(crate) fn ground(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS \"{schema}\"; \
         CREATE TABLE IF NOT EXISTS migration \
         (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
    )
}

/// The migrations after `version`, each with its own version.
pub(crate) fn pending(version: i32) -> Result<Vec<(i32, &'static str)>, Error> {
    if version > i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX) {
        return Err(error(ErrorKind::Refused, "the schema is of a newer version of this library"));
    }
    Ok((1..).zip(MIGRATIONS).filter(|(step, _)| *step > version).collect())
}

/// Brings the schema to this version, in one transaction. Nodes that start together
/// wait for each other, and a schema that is ready is only read.
pub(crate) async fn run(client: &mut Client, schema: &str, key: i64) -> Result<(), Error> {
    let work = async {
        let is_there = client.query_one(IS_THERE, &[&table(schema)]).await.map_err(asked)?;
        if is_there.try_get(0).map_err(asked)? {
            let version = client.query_one(VERSION, &[]).await.map_err(asked)?;
            if pending(version.try_get(0).map_err(asked)?)?.is_empty() {
                return Ok(());
            }
        }
        let transaction = client.transaction().await.map_err(asked)?;
        transaction.batch_execute(PATIENCE).await.map_err(asked)?;
        transaction.execute(LOCK, &[&key]).await.map_err(asked)?;
        transaction.batch_execute(&ground(schema)).await.map_err(asked)?;
        let version = transaction.query_one(VERSION, &[]).await.map_err(asked)?;
        for (step, sql) in pending(version.try_get(0).map_err(asked)?)? {
            transaction.batch_execute(sql).await.map_err(asked)?;
            transaction.execute(RECORD, &[&step]).await.map_err(asked)?;
        }
        transaction.commit().await.map_err(committed)
    };
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(late(Phase::Committing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_later_migrations_are_pending_and_a_newer_schema_is_refused() {
        assert_eq!(pending(0).unwrap().len(), MIGRATIONS.len());
        assert!(pending(MIGRATIONS.len() as i32).unwrap().is_empty());
        let error = pending(MIGRATIONS.len() as i32 + 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}
