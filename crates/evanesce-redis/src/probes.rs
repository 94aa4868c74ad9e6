use std::sync::Arc;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, Error, ErrorKind, Evidence, Label, Lifetime, Probe, Reading,
    StoreKind, label,
};
use futures_util::future::try_join_all;

use crate::address::Place;
use crate::error::{CORRUPT, new};
use crate::facts::{FACTS, Fact, Source};
use crate::identity::info;
use crate::link::Link;
use crate::reply::Reply;
use crate::request::{Out, Request};
use crate::wire::{Ask, Wire};
use crate::{Failover, RedisStore};

/// A fact about the servers, and what it means for the sessions that lie there.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was found, where and how.
    pub evidence: Evidence,
    /// Whether it keeps what is promised.
    pub verdict: Verdict,
    /// The setting to change where it does not.
    pub setting: &'static str,
}

/// Whether what was found keeps what is promised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It does not.
    Broken,
    /// It does.
    Kept,
    /// It is for whoever reads the report to judge.
    Noted,
    /// It could not be found out.
    Unknown,
}

impl RedisStore {
    /// What the servers' configuration means for sessions, measured setting by setting
    /// for the honesty report. What the user may not ask, or a managed server hides, is
    /// [`Standing::Unknown`](evanesce_core::Standing::Unknown). Where the nodes of a
    /// cluster differ, the words are those of all, and the counts their sum.
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        self.findings(clock).await.into_iter().map(|finding| finding.evidence).collect()
    }

    /// As [`checks`](Self::checks), with what each fact means.
    pub async fn findings(&self, clock: &dyn Clock) -> Vec<Finding> {
        let mut findings = Vec::with_capacity(FACTS.len());
        for fact in &FACTS {
            let evidence = Evidence::measure(clock, &Asked { store: self, fact }).await;
            let verdict = fact.judged(evidence.reading());
            findings.push(Finding { evidence, verdict, setting: fact.setting });
        }
        findings
    }

    /// Refuses servers that do not keep what is promised; what could not be found out
    /// counts as not kept. For a start in strict mode.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] with the setting to change.
    pub async fn demand(&self, clock: &dyn Clock) -> Result<Vec<Finding>, Error> {
        let findings = self.findings(clock).await;
        let failed = |verdict| findings.iter().find(move |finding| finding.verdict == verdict);
        let refused = |sentence, finding: &Finding| {
            Err(new(ErrorKind::Refused, sentence).with_setting(finding.setting))
        };
        if let Some(finding) = failed(Verdict::Broken) {
            return refused("the server is configured against what is promised", finding);
        }
        if let Some(finding) = failed(Verdict::Unknown) {
            return refused("the server hides a setting that a promise rests on", finding);
        }
        Ok(findings)
    }

    pub(crate) async fn worst_case(&self) -> Result<Ceiling, Error> {
        let unbounded = |setting| Ok(Ceiling { worst: None, setting });
        let day = Some(Lifetime::MAX.duration());
        let mut replicated = false;
        for node in self.servers.nodes()? {
            let hidden = || unbounded(label!("CONFIG GET is not permitted"));
            let Ok(save) = config(&node, "save").await else { return hidden() };
            let Ok(appendonly) = config(&node, "appendonly").await else { return hidden() };
            if !save.is_empty() {
                return unbounded(label!("save"));
            }
            if appendonly != "no" {
                return unbounded(label!("appendonly"));
            }
            let replicas = replicas(&node).await?;
            if replicas.is_empty() {
                continue;
            }
            replicated = true;
            match sends_without_files(&node).await {
                Ok(true) => {}
                Ok(false) => return unbounded(label!("repl-diskless-sync")),
                Err(_) => return hidden(),
            }
            for replica in replicas {
                match keeps_nothing(&node, &replica).await {
                    Ok(true) => {}
                    Ok(false) => return unbounded(label!("persistence of the replicas")),
                    Err(_) => {
                        return unbounded(label!(
                            "replicas: their persistence is not seen from here"
                        ));
                    }
                }
            }
        }
        let setting = if replicated { label!("PX; replicas were asked") } else { label!("PX") };
        Ok(Ceiling { worst: day, setting })
    }

    async fn reading(&self, source: Source) -> Result<Reading, Error> {
        let nodes = self.servers.nodes()?;
        if let Source::Failover = source {
            return Ok(Reading::Word(match self.failover {
                Failover::End => label!("end sessions"),
                Failover::Keep => label!("keep sessions"),
            }));
        }
        let mut readings = try_join_all(nodes.iter().map(|node| read(node, source))).await?;
        let one = readings.pop().ok_or(CORRUPT)?;
        readings.into_iter().try_fold(one, together)
    }
}

async fn read(node: &Arc<Link>, source: Source) -> Result<Reading, Error> {
    Ok(match source {
        Source::Config(setting) => word(&config(node, setting).await?)?,
        Source::Count(section, field) => {
            Reading::Count(section_field(node, section, field).await?.parse().map_err(|_| CORRUPT)?)
        }
        Source::DefaultUser => Reading::Holds(node.dialer().is_default_user()),
        Source::Encrypted => Reading::Holds(node.dialer().is_encrypted()),
        Source::Failover => Err(CORRUPT)?,
        Source::Info(section, field) => word(&section_field(node, section, field).await?)?,
        Source::Monitors => Reading::Count(monitors(node).await?),
        Source::OpenToAll => {
            Reading::Holds(node.dialer().is_open_to_all(&node.reached().await?).await?)
        }
        Source::ReplicasKeepNothing => {
            let replicas = replicas(node).await?;
            let mut keeps = replicas.is_empty() || sends_without_files(node).await?;
            for replica in replicas {
                keeps &= keeps_nothing(node, &replica).await?;
            }
            Reading::Holds(keeps)
        }
    })
}

// What the nodes of a cluster say together. Of a truth the worse one is said: that
// something is open, or that something is not kept.
fn together(one: Reading, other: Reading) -> Result<Reading, Error> {
    Ok(match (one, other) {
        (one, other) if one == other => one,
        (Reading::Count(one), Reading::Count(other)) => Reading::Count(one.saturating_add(other)),
        (Reading::Word(_), Reading::Word(_)) => Reading::Word(label!("differs between the nodes")),
        // Two nodes that differ in a truth keep no promise that rests on either.
        _ => return Err(CORRUPT),
    })
}

async fn ask(node: &Link, words: &[&str]) -> Result<Reply, Error> {
    let request = Request::read(|out: &mut Out<'_>| {
        out.words(words);
    });
    Ok(node.call(&request, Ask::Plainly).await?.0)
}

async fn config(node: &Link, setting: &str) -> Result<String, Error> {
    setting_in(ask(node, &["CONFIG", "GET", setting]).await?, setting)
}

fn setting_in(reply: Reply, setting: &str) -> Result<String, Error> {
    let mut pairs = reply.list()?.into_iter();
    while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
        if name == Reply::Bytes(setting.as_bytes().to_vec()) {
            return value.text();
        }
    }
    Err(CORRUPT)
}

async fn section_field(node: &Link, section: &str, field: &str) -> Result<String, Error> {
    let section = ask(node, &["INFO", section]).await?.text()?;
    Ok(info(&section, field)?.to_owned())
}

// Whoever runs MONITOR has the flag O.
async fn monitors(node: &Link) -> Result<u64, Error> {
    let clients = ask(node, &["CLIENT", "LIST"]).await?.text()?;
    let watches = |line: &&str| {
        let flags = line.split(' ').find_map(|field| field.strip_prefix("flags="));
        flags.is_some_and(|flags| flags.contains('O'))
    };
    Ok(clients.lines().filter(watches).count() as u64)
}

/// Where a server's replicas are, by its own account.
async fn replicas(node: &Link) -> Result<Vec<Place>, Error> {
    let section = ask(node, &["INFO", "replication"]).await?.text()?;
    let stated: usize = info(&section, "connected_slaves")?.parse().map_err(|_| CORRUPT)?;
    let places: Vec<Place> = section.lines().filter_map(replica).collect();
    if places.len() == stated { Ok(places) } else { Err(CORRUPT) }
}

// `slave0:ip=127.0.0.1,port=7000,state=online,offset=1,lag=0`
fn replica(line: &str) -> Option<Place> {
    let (name, fields) = line.trim_end().split_once(':')?;
    name.strip_prefix("slave")?.parse::<u32>().ok()?;
    let field = |name: &str| {
        fields.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    Some(Place::new(field("ip")?, field("port")?.parse().ok()?))
}

// A primary that sends its data from a file leaves the file behind.
async fn sends_without_files(node: &Link) -> Result<bool, Error> {
    Ok(config(node, "repl-diskless-sync").await? == "yes"
        || config(node, "rdb-del-sync-files").await? == "yes")
}

// A replica that loads from a file leaves the file behind, even without persistence of
// its own.
async fn keeps_nothing(node: &Link, replica: &Place) -> Result<bool, Error> {
    let wire = node.dialer().connect(replica).await?;
    let within = node.dialer().timeouts.response;
    let setting = async |wire: &Wire, name: &'static str| {
        let request = Request::read(|out: &mut Out<'_>| {
            out.words(&["CONFIG", "GET", name]);
        });
        setting_in(wire.call(&request, Ask::Plainly, within).await?, name)
    };
    Ok(setting(&wire, "save").await?.is_empty()
        && setting(&wire, "appendonly").await? == "no"
        && (setting(&wire, "repl-diskless-load").await? != "disabled"
            || setting(&wire, "rdb-del-sync-files").await? == "yes"))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_where_the_primary_says() {
        let place = replica("slave0:ip=10.0.0.2,port=7001,state=online,offset=5,lag=0\r").unwrap();
        assert_eq!((place.host.as_str(), place.port), ("10.0.0.2", 7001));
        for line in ["", "role:master", "slave_repl_offset:5", "slave0:ip=h", "slave0:port=1"] {
            assert!(replica(line).is_none(), "{line}");
        }
    }

    #[test]
    fn nodes_that_differ_are_said_to_differ() {
        let word = |text| Reading::Word(Label::parse(text).unwrap());
        assert_eq!(together(word("no"), word("no")), Ok(word("no")));
        assert_eq!(together(word("no"), word("yes")), Ok(word("differs between the nodes")));
        assert_eq!(together(Reading::Count(1), Reading::Count(2)), Ok(Reading::Count(3)));
        assert!(together(Reading::Holds(true), Reading::Holds(false)).is_err());
    }
}
