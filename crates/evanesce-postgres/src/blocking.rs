//! Migrations for operator commands that have no async runtime, through the blocking
//! client of the same project and with the same SQL.

use evanesce_core::{Error, ErrorKind, Namespace};
use evanesce_tls::Tls;
use postgres::NoTls;

use crate::connect::{Transport, session, settings};
use crate::error::{Phase, asked, committed, error, translate};
use crate::migration::{IS_THERE, LOCK, PATIENCE, RECORD, VERSION, ground, pending, table};
use crate::store::{key, schema};

/// Brings the schema of a namespace to this version of the library.
///
/// The blocking client carries a runtime of its own and panics where one runs
/// already, so it gets a thread of its own; inside async code the call blocks, and
/// does not panic.
///
/// # Errors
/// As [`PostgresStore::connect`](crate::PostgresStore::connect).
pub fn migrate(url: &str, tls: &Tls, namespace: &Namespace) -> Result<(), Error> {
    let (config, transport) = settings(url, tls)?;
    let schema = schema(namespace);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| run(config.into(), transport, &schema));
        let died = error(ErrorKind::Unconfirmed, "the blocking client ended without an answer");
        thread.join().unwrap_or(Err(died))
    })
}

fn run(mut config: postgres::Config, transport: Transport, schema: &str) -> Result<(), Error> {
    // The client would log what the server says, which may quote values.
    config.notice_callback(|_| ());
    let mut client = match transport {
        Transport::Plain => config.connect(NoTls),
        Transport::Verified(tls) => config.connect(tls),
    }
    .map_err(|upstream| translate(&upstream, Phase::Connecting))?;
    client.batch_execute(&session(schema)).map_err(asked)?;
    let is_there = client.query_one(IS_THERE, &[&table(schema)]).map_err(asked)?;
    if is_there.try_get(0).map_err(asked)? {
        let version = client.query_one(VERSION, &[]).map_err(asked)?;
        if pending(version.try_get(0).map_err(asked)?)?.is_empty() {
            return Ok(());
        }
    }
    let mut transaction = client.transaction().map_err(asked)?;
    transaction.batch_execute(PATIENCE).map_err(asked)?;
    transaction.execute(LOCK, &[&key(schema)]).map_err(asked)?;
    transaction.batch_execute(&ground(schema)).map_err(asked)?;
    let version = transaction.query_one(VERSION, &[]).map_err(asked)?;
    for (step, sql) in pending(version.try_get(0).map_err(asked)?)? {
        transaction.batch_execute(sql).map_err(asked)?;
        transaction.execute(RECORD, &[&step]).map_err(asked)?;
    }
    transaction.commit().map_err(committed)
}
