use std::time::Duration;

use evanesce_anonymize::AggregateStore;
use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Erasable, Error, ErrorKind, Incarnation, Presence, StoreKind,
    Subject,
};

use crate::PostgresStore;
use crate::error::error;
use crate::store::{column, only};

// pg_control_checkpoint() would name the old timeline until the first checkpoint
// after a promotion; the name of the current WAL file begins with the current one.
// The identifiers of database and schema tell a copy that was loaded from a dump.
const INCARNATION: &str = "SELECT server.system_identifier, \
         substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), \
         base.oid::bigint, space.oid::bigint \
     FROM pg_control_system() AS server, pg_database AS base, pg_namespace AS space \
     WHERE base.datname = current_database() AND space.nspname = $1";

impl PostgresStore {
    pub(crate) async fn read_incarnation(&self) -> Result<Incarnation, Error> {
        let rows =
            self.read(INCARNATION, &[&self.schema]).await.map_err(|failure| {
                match failure.kind() {
                    ErrorKind::Refused => failure.with_setting("EXECUTE on pg_control_system()"),
                    _ => failure,
                }
            })?;
        let missing = || error(ErrorKind::Missing, "the schema is missing or incomplete");
        let row = rows.first().ok_or_else(missing)?;
        let (system, base, space): (i64, i64, i64) =
            (column(row, 0)?, column(row, 2)?, column(row, 3)?);
        let timeline: &str = column(row, 1)?;
        // Each part has one length, or is the last.
        let mut identity = b"evanesce/postgres/incarnation/1\0".to_vec();
        for part in [system, base, space] {
            identity.extend_from_slice(&part.to_be_bytes());
        }
        identity.extend_from_slice(timeline.as_bytes());
        Ok(Incarnation::new(StoreKind::Postgres, evanesce_crypto::sha256(&identity)))
    }
}

impl Erasable for PostgresStore {
    fn store(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn class(&self) -> DataClass {
        DataClass::Aggregate
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.read_incarnation())
    }

    /// Groups have no members that could be looked up. The server is asked all the
    /// same whether it is there.
    fn presence<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async {
            column::<i32>(only(&self.read("SELECT 1", &[]).await?)?, 0)?;
            Ok(Presence::NotAddressable)
        })
    }

    fn erase<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        Box::pin(async {
            let oldest = AggregateStore::oldest(self).await?;
            Ok(oldest.map(|at| self.clock.now().since(at)))
        })
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        AggregateStore::ceiling(self, self.age, self.interval)
    }
}
