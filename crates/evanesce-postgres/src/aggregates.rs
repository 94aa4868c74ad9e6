use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::{Client, Transaction};
use evanesce_anonymize::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
use evanesce_core::{
    BoxFuture, Ceiling, Error, ErrorKind, Incarnation, StoreKind, Timestamp, label,
};
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::PostgresStore;
use crate::error::{Phase, asked, committed, error};
use crate::migration::LOCK;
use crate::store::{
    Params, attempt, clamp, column, digest, from_sql, only, settle, to_sql, within,
};

const DAY: u64 = 86_400_000;

const FOLD: &str = "SELECT fold($1, $2, $3)";
const PARTIALS: &str = "SELECT batch, sealed FROM partial WHERE window_id = $1 ORDER BY batch";
const WINDOWS: &str = "SELECT DISTINCT window_id FROM partial ORDER BY window_id";
const SPENT: &str = "SELECT micro_epsilon, is_released FROM window_ledger WHERE window_id = $1";
const OPEN_LEDGER: &str =
    "INSERT INTO window_ledger (window_id) VALUES ($1) ON CONFLICT DO NOTHING";
const LOCK_LEDGER: &str =
    "SELECT micro_epsilon, is_released FROM window_ledger WHERE window_id = $1 FOR UPDATE";
const CLOSE_LEDGER: &str =
    "UPDATE window_ledger SET micro_epsilon = $2, is_released = true WHERE window_id = $1";
const FORGET: &str = "DELETE FROM partial WHERE window_id = $1";
const DISCARD: &str = "WITH gone AS (DELETE FROM partial WHERE window_id = $1 RETURNING 1) \
     SELECT count(*) FROM gone";
const HAS_DAY: &str = "SELECT to_regclass($1) IS NOT NULL";
const ADD_TABLE: &str = "INSERT INTO released_table (at_day, table_name, window_id, at_millis) \
     VALUES ($1, $2, $3, $4) RETURNING id";
const ADD_ROWS: &str =
    "COPY released_row (at_day, table_id, position, labels, value, margin) FROM STDIN BINARY";
const ROW_TYPES: [Type; 6] =
    [Type::INT4, Type::INT8, Type::INT4, Type::TEXT_ARRAY, Type::INT8, Type::INT8];
const RELEASED: &str = "SELECT t.id, t.window_id, t.at_millis, r.labels, r.value, r.margin \
     FROM released_table AS t \
     LEFT JOIN released_row AS r ON r.at_day = t.at_day AND r.table_id = t.id \
     WHERE t.table_name = $1 ORDER BY t.window_id, t.id, r.position";
const OLDEST: &str = "SELECT min(at_millis) FROM released_table";
const DAYS: &str = "SELECT c.relname::text FROM pg_inherits AS i \
     JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'released_table'::regclass";
const COUNT: &str = "SELECT count(*) FROM released_table WHERE at_day <= $1";
const STRAYS: &str = "DELETE FROM partial WHERE window_id IN \
     (SELECT window_id FROM window_ledger WHERE is_released)";

impl PostgresStore {
    async fn fold_one(&self, partial: &SealedPartial) -> Result<Folded, Error> {
        let window = to_sql(partial.window.0)?;
        let batch = partial.batch.as_bytes().as_slice();
        let rows = self.write(FOLD, &[&window, &batch, &partial.sealed]).await?;
        match column::<i16>(only(&rows)?, 0)? {
            0 => Ok(Folded::Added),
            1 => Ok(Folded::Repeated),
            _ => Err(error(ErrorKind::Expired, "the window was released")),
        }
    }

    async fn read_partials(&self, window: WindowId) -> Result<Vec<SealedPartial>, Error> {
        let rows = self.read(PARTIALS, &[&clamp(window.0)]).await?;
        let partial = |row| {
            let (batch, sealed) = (digest(column(row, 0)?)?, column(row, 1)?);
            Ok(SealedPartial { window, batch, sealed })
        };
        rows.iter().map(partial).collect()
    }

    async fn release_once(&self, release: &Release) -> Result<(), Error> {
        let mut client = self.client().await?;
        let outcome = within(Phase::Committing, self.release_on(&mut client, release)).await;
        settle(client, outcome)
    }

    async fn release_on(&self, client: &mut Client, release: &Release) -> Result<(), Error> {
        let window = to_sql(release.window.0)?;
        let transaction = client.transaction().await.map_err(asked)?;
        // Before any other lock, so that releases and removals never cross.
        run(&transaction, LOCK, &[&self.key]).await?;
        run(&transaction, OPEN_LEDGER, &[&window]).await?;
        let spent = ledger(only(&run(&transaction, LOCK_LEDGER, &[&window]).await?)?)?;
        if spent.is_released || spent != release.spent {
            let sentence = "the window was released, or its ledger has changed";
            return Err(error(ErrorKind::Conflict, sentence));
        }
        let total = spent.micro_epsilon.checked_add(release.debit);
        let total = total
            .and_then(|total| i64::try_from(total).ok())
            .ok_or_else(|| error(ErrorKind::Exhausted, "the ledger cannot count so far"))?;
        for table in &release.tables {
            add_table(&transaction, table).await?;
        }
        run(&transaction, CLOSE_LEDGER, &[&window, &total]).await?;
        run(&transaction, FORGET, &[&window]).await?;
        transaction.commit().await.map_err(committed)
    }

    async fn enforce_once(&self, before: Timestamp) -> Result<u64, Error> {
        let mut client = self.client().await?;
        let outcome = within(Phase::Committing, self.enforce_on(&mut client, before)).await;
        settle(client, outcome)
    }

    async fn enforce_on(&self, client: &mut Client, before: Timestamp) -> Result<u64, Error> {
        let last = day(before);
        let transaction = client.transaction().await.map_err(asked)?;
        run(&transaction, LOCK, &[&self.key]).await?;
        let count = from_sql(column(only(&run(&transaction, COUNT, &[&last]).await?)?, 0)?)?;
        for row in run(&transaction, DAYS, &[]).await? {
            let name: &str = column(&row, 0)?;
            let day = name.strip_prefix("released_table_d").and_then(|day| day.parse::<i32>().ok());
            if let Some(day) = day.filter(|day| *day <= last) {
                let drop =
                    format!("DROP TABLE released_row_d{day}; DROP TABLE released_table_d{day}");
                transaction.batch_execute(&drop).await.map_err(asked)?;
            }
        }
        run(&transaction, STRAYS, &[]).await?;
        // Read back: a row that lies in no partition of ours is still there.
        if column::<i64>(only(&run(&transaction, COUNT, &[&last]).await?)?, 0)? != 0 {
            return Err(error(ErrorKind::Corrupt, "released tables lie outside the partitions"));
        }
        transaction.commit().await.map_err(committed)?;
        Ok(count)
    }

    async fn read_released(&self, name: &str) -> Result<Vec<ReleasedTable>, Error> {
        let mut tables: Vec<ReleasedTable> = Vec::new();
        let mut last = None;
        for row in self.read(RELEASED, &[&name]).await? {
            let id: i64 = column(&row, 0)?;
            if last.replace(id) != Some(id) {
                tables.push(ReleasedTable {
                    table: name.to_owned(),
                    window: WindowId(from_sql(column(&row, 1)?)?),
                    at: Timestamp::from_millis(from_sql(column(&row, 2)?)?),
                    rows: Vec::new(),
                });
            }
            let (Some(labels), Some(table)) = (column(&row, 3)?, tables.last_mut()) else {
                continue;
            };
            let (value, margin) = (column(&row, 4)?, from_sql(column(&row, 5)?)?);
            table.rows.push(ReleasedRow { labels, value, margin });
        }
        Ok(tables)
    }
}

impl AggregateStore for PostgresStore {
    fn store(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.read_incarnation())
    }

    fn fold<'a>(&'a self, partial: &'a SealedPartial) -> BoxFuture<'a, Result<Folded, Error>> {
        Box::pin(self.fold_one(partial))
    }

    fn partials(&self, window: WindowId) -> BoxFuture<'_, Result<Vec<SealedPartial>, Error>> {
        Box::pin(self.read_partials(window))
    }

    fn windows(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>> {
        Box::pin(async {
            let rows = self.read(WINDOWS, &[]).await?;
            rows.iter().map(|row| Ok(WindowId(from_sql(column(row, 0)?)?))).collect()
        })
    }

    fn spent(&self, window: WindowId) -> BoxFuture<'_, Result<Spent, Error>> {
        Box::pin(async move {
            let rows = self.read(SPENT, &[&clamp(window.0)]).await?;
            rows.first().map_or(Ok(Spent::default()), ledger)
        })
    }

    fn release<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(attempt(|| self.release_once(release)))
    }

    fn released<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ReleasedTable>, Error>> {
        Box::pin(self.read_released(table))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        Box::pin(async {
            let oldest: Option<i64> = column(only(&self.read(OLDEST, &[]).await?)?, 0)?;
            oldest.map(|at| from_sql(at).map(Timestamp::from_millis)).transpose()
        })
    }

    /// Drops the partitions of all UTC days that began at or before `before`, so that
    /// a table may go up to a day early and never late.
    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(attempt(move || self.enforce_once(before)))
    }

    fn discard(&self, window: WindowId) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            from_sql(column(only(&self.write(DISCARD, &[&clamp(window.0)]).await?)?, 0)?)
        })
    }

    /// The width of a partition adds nothing, because a partition goes when its first
    /// instant is old enough.
    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(std::future::ready(Ok(Ceiling {
            worst: age.checked_add(interval),
            setting: label!("age plus interval of enforcement; partitions of one day"),
        })))
    }
}

async fn add_table(transaction: &Transaction<'_>, table: &ReleasedTable) -> Result<(), Error> {
    let day = day(table.at);
    let name = format!("released_table_d{day}");
    let has_day = run(transaction, HAS_DAY, &[&name]).await?;
    if !column::<bool>(only(&has_day)?, 0)? {
        transaction.batch_execute(&new_day(day)).await.map_err(asked)?;
    }
    let (window, at) = (to_sql(table.window.0)?, to_sql(table.at.as_millis())?);
    let added = run(transaction, ADD_TABLE, &[&day, &table.table, &window, &at]).await?;
    let id: i64 = column(only(&added)?, 0)?;
    let sink = transaction.copy_in(ADD_ROWS).await.map_err(asked)?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &ROW_TYPES));
    for (position, row) in (0_i32..).zip(&table.rows) {
        let margin = to_sql(row.margin)?;
        let values: &Params<'_> = &[&day, &id, &position, &row.labels, &row.value, &margin];
        writer.as_mut().write(values).await.map_err(asked)?;
    }
    writer.finish().await.map(|_| ()).map_err(asked)
}

fn new_day(day: i32) -> String {
    let next = day.saturating_add(1);
    format!(
        "CREATE TABLE released_table_d{day} PARTITION OF released_table FOR VALUES FROM ({day}) TO ({next}); \
         CREATE TABLE released_row_d{day} PARTITION OF released_row FOR VALUES FROM ({day}) TO ({next})"
    )
}

async fn run(
    transaction: &Transaction<'_>,
    sql: &str,
    params: &Params<'_>,
) -> Result<Vec<Row>, Error> {
    let statement = transaction.prepare_cached(sql).await.map_err(asked)?;
    transaction.query(&statement, params).await.map_err(asked)
}

fn ledger(row: &Row) -> Result<Spent, Error> {
    Ok(Spent { micro_epsilon: from_sql(column(row, 0)?)?, is_released: column(row, 1)? })
}

// The last day that a timestamp can lie in is about the three-millionth.
fn day(at: Timestamp) -> i32 {
    i32::try_from(at.as_millis() / DAY).unwrap_or(i32::MAX)
}
