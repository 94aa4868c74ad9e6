use evanesce_core::{
    BoxFuture, Ceiling, Clock, Error, Evidence, Label, Lifetime, Probe, Reading, StoreKind,
};

use crate::RedisStore;
use crate::error::CORRUPT;

impl RedisStore {
    /// What the server's configuration means for sessions, measured setting by setting
    /// for the honesty report. What the user may not ask, or a managed server hides, is
    /// [`Standing::Unknown`](evanesce_core::Standing::Unknown).
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        let mut checks = Vec::with_capacity(FACTS.len());
        for fact in &FACTS {
            checks.push(Evidence::measure(clock, &Asked { store: self, fact }).await);
        }
        checks
    }

    pub(crate) async fn worst_case(&self) -> Result<Ceiling, Error> {
        let unbounded = |setting| Ok(Ceiling { worst: None, setting });
        const HIDDEN: Label = Label::new("CONFIG GET is not permitted");
        let Ok(save) = self.config("save").await else { return unbounded(HIDDEN) };
        let Ok(appendonly) = self.config("appendonly").await else { return unbounded(HIDDEN) };
        if !save.is_empty() {
            return unbounded(Label::new("save"));
        }
        if appendonly != "no" {
            return unbounded(Label::new("appendonly"));
        }
        if self.info("replication", "connected_slaves").await? != "0" {
            return unbounded(Label::new("replicas: their persistence is not seen from here"));
        }
        Ok(Ceiling { worst: Some(Lifetime::MAX.duration()), setting: Label::new("PX in scripts") })
    }

    async fn config(&self, setting: &str) -> Result<String, Error> {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(setting);
        let (pairs, _) = self.link.read::<Vec<(String, String)>>(&command).await?;
        let found = pairs.into_iter().find(|(name, _)| name == setting);
        found.map(|(_, value)| value).ok_or(CORRUPT)
    }

    async fn info(&self, section: &str, field: &str) -> Result<String, Error> {
        let mut command = redis::cmd("INFO");
        let (info, _) = self.link.read::<String>(command.arg(section)).await?;
        let mut lines = info.lines().filter_map(|line| line.trim().split_once(':'));
        lines.find(|(name, _)| *name == field).map(|(_, value)| value.to_owned()).ok_or(CORRUPT)
    }

    async fn reading(&self, source: Source) -> Result<Reading, Error> {
        Ok(match source {
            Source::Config(setting) => word(&self.config(setting).await?)?,
            Source::Count(section, field) => {
                Reading::Count(self.info(section, field).await?.parse().map_err(|_| CORRUPT)?)
            }
            Source::Encrypted => Reading::Holds(self.link.is_encrypted()),
            Source::Info(section, field) => word(&self.info(section, field).await?)?,
        })
    }
}

#[derive(Clone, Copy)]
enum Source {
    Config(&'static str),
    Count(&'static str, &'static str),
    Encrypted,
    Info(&'static str, &'static str),
}

struct Fact {
    name: Label,
    method: Label,
    source: Source,
}

const fn fact(name: &'static str, method: &'static str, source: Source) -> Fact {
    Fact { name: Label::new(name), method: Label::new(method), source }
}

const FACTS: [Fact; 11] = [
    fact("appendonly", "CONFIG GET", Source::Config("appendonly")),
    fact(
        "connected replicas",
        "INFO replication",
        Source::Count("replication", "connected_slaves"),
    ),
    fact("connection encrypted", "our own connection", Source::Encrypted),
    fact("evicted keys", "INFO stats", Source::Count("stats", "evicted_keys")),
    fact("maxmemory-policy", "CONFIG GET", Source::Config("maxmemory-policy")),
    fact("protected-mode", "CONFIG GET", Source::Config("protected-mode")),
    fact("role", "INFO replication", Source::Info("replication", "role")),
    fact("save", "CONFIG GET", Source::Config("save")),
    fact("server version", "INFO server", Source::Info("server", "redis_version")),
    fact("slowlog-log-slower-than", "CONFIG GET", Source::Config("slowlog-log-slower-than")),
    fact("tls-auth-clients", "CONFIG GET", Source::Config("tls-auth-clients")),
];

struct Asked<'a> {
    store: &'a RedisStore,
    fact: &'a Fact,
}

impl Probe for Asked<'_> {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn fact(&self) -> Label {
        self.fact.name.clone()
    }

    fn method(&self) -> Label {
        self.fact.method.clone()
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(self.store.reading(self.fact.source))
    }
}

fn word(value: &str) -> Result<Reading, Error> {
    let text = if value.is_empty() { "(empty)" } else { value };
    Ok(Reading::Word(Label::parse(text).map_err(|_| CORRUPT)?))
}
