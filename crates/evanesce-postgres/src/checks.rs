use evanesce_core::{
    BoxFuture, Clock, Error, ErrorKind, Evidence, Label, Probe, Reading, StoreKind,
};
use tokio_postgres::Row;

use crate::PostgresStore;
use crate::error::error;
use crate::store::{column, from_sql, only};

impl PostgresStore {
    /// What the server says about everything that may keep more than was stored: each
    /// fact is read now, and one that this role may not read is `Unknown`.
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        let mut evidence = Vec::with_capacity(FACTS.len());
        for fact in &FACTS {
            evidence.push(Evidence::measure(clock, &Question { store: self, fact }).await);
        }
        evidence
    }
}

struct Fact {
    fact: Label,
    method: Label,
    sql: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    Count,
    Holds,
    Word,
}

struct Question<'a> {
    store: &'a PostgresStore,
    fact: &'a Fact,
}

impl Probe for Question<'_> {
    fn store(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn fact(&self) -> Label {
        self.fact.fact.clone()
    }

    fn method(&self) -> Label {
        self.fact.method.clone()
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(async {
            let rows = self.store.read(self.fact.sql, &[]).await?;
            reading(only(&rows)?, self.fact.shape)
        })
    }
}

fn reading(row: &Row, shape: Shape) -> Result<Reading, Error> {
    match shape {
        Shape::Count => Ok(Reading::Count(from_sql(column(row, 0)?)?)),
        Shape::Holds => Ok(Reading::Holds(column(row, 0)?)),
        Shape::Word => Label::parse(column(row, 0)?)
            .map(Reading::Word)
            .map_err(|_| error(ErrorKind::Corrupt, "a setting is not a plain word")),
    }
}

macro_rules! setting {
    ($name:literal) => {
        Fact {
            fact: Label::new($name),
            method: Label::new("current_setting()"),
            sql: concat!("SELECT current_setting('", $name, "')"),
            shape: Shape::Word,
        }
    };
}

const FACTS: [Fact; 16] = [
    Fact {
        fact: Label::new("TLS on this connection"),
        method: Label::new("pg_stat_ssl"),
        sql: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        shape: Shape::Holds,
    },
    Fact {
        fact: Label::new("TLS version of this connection"),
        method: Label::new("pg_stat_ssl"),
        sql: "SELECT coalesce(version, 'none') FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        shape: Shape::Word,
    },
    setting!("ssl"),
    setting!("log_statement"),
    setting!("log_min_duration_statement"),
    setting!("log_parameter_max_length"),
    setting!("log_parameter_max_length_on_error"),
    setting!("archive_mode"),
    setting!("wal_level"),
    setting!("fsync"),
    setting!("full_page_writes"),
    setting!("synchronous_commit"),
    Fact {
        fact: Label::new("replicas that are connected"),
        method: Label::new("rows of pg_stat_replication"),
        sql: "SELECT count(*) FROM pg_stat_replication",
        shape: Shape::Count,
    },
    Fact {
        fact: Label::new("replication slots"),
        method: Label::new("rows of pg_replication_slots"),
        sql: "SELECT count(*) FROM pg_replication_slots",
        shape: Shape::Count,
    },
    Fact {
        fact: Label::new("no extension keeps statements here"),
        method: Label::new("pg_extension"),
        sql: "SELECT NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')",
        shape: Shape::Holds,
    },
    Fact {
        fact: Label::new("role without privileges over others"),
        method: Label::new("pg_roles"),
        sql: "SELECT NOT (rolsuper OR rolreplication OR rolbypassrls) FROM pg_roles WHERE rolname = current_user",
        shape: Shape::Holds,
    },
];
