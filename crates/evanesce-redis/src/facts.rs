use evanesce_core::{Label, Reading};

use crate::probes::Verdict;

/// One fact of the honesty report: where it is read, and what it means.
pub(crate) struct Fact {
    pub(crate) name: Label,
    pub(crate) method: Label,
    pub(crate) source: Source,
    pub(crate) setting: &'static str,
    /// What it means; nothing in particular for what a reader has to judge.
    pub(crate) judge: Option<fn(&Reading) -> Verdict>,
}

impl Fact {
    pub(crate) fn judged(&self, reading: Option<&Reading>) -> Verdict {
        match (self.judge, reading) {
            (None, _) => Verdict::Noted,
            (Some(_), None) => Verdict::Unknown,
            (Some(judge), Some(reading)) => judge(reading),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Source {
    Config(&'static str),
    Count(&'static str, &'static str),
    DefaultUser,
    Encrypted,
    Failover,
    Info(&'static str, &'static str),
    Monitors,
    OpenToAll,
    ReplicasKeepNothing,
}

const fn fact(
    name: &'static str,
    method: &'static str,
    source: Source,
    setting: &'static str,
    judge: Option<fn(&Reading) -> Verdict>,
) -> Fact {
    Fact { name: Label::new(name), method: Label::new(method), source, setting, judge }
}

const CONFIG: &str = "CONFIG GET";
const OWN: &str = "our own connection";

pub(crate) static FACTS: [Fact; 20] = [
    fact("appendonly", CONFIG, Source::Config("appendonly"), "appendonly", Some(|r| is(r, "no"))),
    fact(
        "connected as the default user",
        OWN,
        Source::DefaultUser,
        "the ACL: a user of its own",
        None,
    ),
    fact(
        "connected replicas",
        "INFO replication",
        Source::Count("replication", "connected_slaves"),
        "replicaof",
        None,
    ),
    fact(
        "connection encrypted",
        OWN,
        Source::Encrypted,
        "rediss:// in the address",
        Some(|r| holds(r, true)),
    ),
    fact(
        "evicted keys",
        "INFO stats",
        Source::Count("stats", "evicted_keys"),
        "maxmemory",
        Some(none),
    ),
    fact(
        "expired keys not yet freed, in percent",
        "INFO stats",
        Source::Info("stats", "expired_stale_perc"),
        "active-expire-effort",
        None,
    ),
    fact("maxmemory", CONFIG, Source::Config("maxmemory"), "maxmemory", None),
    fact(
        "maxmemory-policy",
        CONFIG,
        Source::Config("maxmemory-policy"),
        "maxmemory-policy noeviction",
        Some(|r| is(r, "noeviction")),
    ),
    fact(
        "open to whoever shows no password",
        "a connection without credentials",
        Source::OpenToAll,
        "the ACL: user default off, or requirepass",
        Some(|r| holds(r, false)),
    ),
    fact("protected-mode", CONFIG, Source::Config("protected-mode"), "protected-mode", None),
    fact(
        "replicas keep nothing on disk",
        "INFO replication, then CONFIG GET on each",
        Source::ReplicasKeepNothing,
        "save, appendonly, repl-diskless-sync and rdb-del-sync-files on every server",
        Some(|r| holds(r, true)),
    ),
    fact(
        "role",
        "INFO replication",
        Source::Info("replication", "role"),
        "replicaof",
        Some(|r| is(r, "master")),
    ),
    fact("save", CONFIG, Source::Config("save"), "save", Some(|r| is(r, "(empty)"))),
    fact(
        "server version",
        "INFO server",
        Source::Info("server", "redis_version"),
        "the server: Redis 6.2 or later",
        Some(version),
    ),
    fact("sessions across a failover", OWN, Source::Failover, "RedisBuilder::failover", None),
    // What the slow log and MONITOR show of us: opaque names and ciphertext.
    fact(
        "slowlog-log-slower-than",
        CONFIG,
        Source::Config("slowlog-log-slower-than"),
        "slowlog-log-slower-than",
        None,
    ),
    fact("slowlog-max-len", CONFIG, Source::Config("slowlog-max-len"), "slowlog-max-len", None),
    fact(
        "snapshots since the start",
        "INFO persistence",
        Source::Count("persistence", "rdb_saves"),
        "save",
        None,
    ),
    fact("tls-auth-clients", CONFIG, Source::Config("tls-auth-clients"), "tls-auth-clients", None),
    fact("watching with MONITOR", "CLIENT LIST", Source::Monitors, "the ACL: -monitor", None),
];

fn is(reading: &Reading, wanted: &str) -> Verdict {
    verdict(matches!(reading, Reading::Word(word) if word.as_str() == wanted))
}

fn holds(reading: &Reading, wanted: bool) -> Verdict {
    verdict(*reading == Reading::Holds(wanted))
}

fn none(reading: &Reading) -> Verdict {
    verdict(*reading == Reading::Count(0))
}

// What is used came with 6.2.
fn version(reading: &Reading) -> Verdict {
    let Reading::Word(word) = reading else { return Verdict::Unknown };
    let mut numbers = word.as_str().split('.').map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => verdict((major, minor) >= (6, 2)),
        _ => Verdict::Unknown,
    }
}

const fn verdict(keeps: bool) -> Verdict {
    if keeps { Verdict::Kept } else { Verdict::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, reading: &Reading) -> Verdict {
        let fact = FACTS.iter().find(|fact| fact.name.as_str() == name).unwrap();
        fact.judged(Some(reading))
    }

    fn word(text: &str) -> Reading {
        Reading::Word(Label::parse(text).unwrap())
    }

    #[test]
    fn what_breaks_a_promise_is_told_from_what_keeps_it() {
        for (name, good, bad) in [
            ("appendonly", word("no"), word("yes")),
            ("connection encrypted", Reading::Holds(true), Reading::Holds(false)),
            ("evicted keys", Reading::Count(0), Reading::Count(1)),
            ("maxmemory-policy", word("noeviction"), word("allkeys-lru")),
            ("open to whoever shows no password", Reading::Holds(false), Reading::Holds(true)),
            ("replicas keep nothing on disk", Reading::Holds(true), Reading::Holds(false)),
            ("role", word("master"), word("slave")),
            ("save", word("(empty)"), word("3600 1 300 100")),
            ("server version", word("7.0.15"), word("6.0.16")),
        ] {
            assert_eq!(judged(name, &good), Verdict::Kept, "{name}");
            assert_eq!(judged(name, &bad), Verdict::Broken, "{name}");
        }
        assert_eq!(judged("server version", &word("unstable")), Verdict::Unknown);
    }

    #[test]
    fn every_fact_that_can_be_broken_names_its_setting() {
        for fact in &FACTS {
            let broken =
                [Reading::Count(9), Reading::Holds(true), Reading::Holds(false), word("x")]
                    .iter()
                    .any(|reading| fact.judged(Some(reading)) == Verdict::Broken);
            assert!(!broken || !fact.setting.is_empty(), "{}", fact.name);
        }
    }
}
