use std::time::Duration;

use evanesce_core::{Digest, Error, Incarnation, Namespace, StoreKind, Timestamp};
use evanesce_crypto::sha256;

use crate::error::{CORRUPT, REPLICA};
use crate::request::Out;

/// What a change of the server means for the sessions that it holds.
///
/// All nodes of a service have to choose the same: nodes that disagree end each other's
/// epochs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Failover {
    /// A restart, a promoted replica, a restored copy and a slot that moves to another
    /// node of a cluster each end the epochs that were begun before. Replication and
    /// dumps lag, so any of them may hold sessions that were destroyed since.
    #[default]
    End,
    /// Sessions outlive a failover to a server that has been running since before their
    /// epoch began, and a planned move of their slot to one. What was destroyed, renewed
    /// or opened in the last moments and had not reached the replica is undone: a
    /// destroyed session may come back. A server that started after the epoch's
    /// beginning, such as one with a restored dump, still ends it. The servers' clocks
    /// have to agree.
    Keep,
}

/// Who the server is that answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Identity {
    pub(crate) incarnation: Incarnation,
    /// Epochs from before are not believed.
    pub(crate) epochs_since: Option<Timestamp>,
}

/// What makes an [`Identity`] out of a server's own words.
#[derive(Clone)]
pub(crate) struct Identifier {
    failover: Failover,
    kept: Digest,
}

impl Identifier {
    pub(crate) fn new(failover: Failover, namespace: &Namespace) -> Self {
        let name = ["evanesce redis kept v1 ", namespace.as_str()].concat();
        Self { failover, kept: sha256(name.as_bytes()) }
    }

    /// The identity of a server, with the `term` in which others call it their primary.
    pub(crate) fn identity(&self, life: &Life, term: u64) -> Identity {
        match self.failover {
            Failover::End => {
                let mut identifiers =
                    [life.run_id.as_bytes(), life.replication.as_bytes()].concat();
                if term > 0 {
                    identifiers.extend_from_slice(&term.to_be_bytes());
                }
                let incarnation = Incarnation::new(StoreKind::Redis, sha256(&identifiers));
                Identity { incarnation, epochs_since: None }
            }
            Failover::Keep => {
                let incarnation = Incarnation::new(StoreKind::Redis, self.kept);
                Identity { incarnation, epochs_since: Some(life.started) }
            }
        }
    }
}

/// One life of a server: `run_id` is drawn at each start, `master_replid` at each start
/// and at each promotion. A server that was demoted and is promoted again keeps the one
/// and changes the other. (It changes, too, when a first replica comes, and an hour after
/// the last one left.)
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Life {
    pub(crate) run_id: String,
    pub(crate) replication: String,
    pub(crate) started: Timestamp,
}

impl Life {
    /// Writes what has to be asked. The sections are two commands, because 6.2 takes one
    /// each.
    pub(crate) fn ask(out: &mut Out<'_>) {
        out.words(&["INFO", "server"]).words(&["INFO", "replication"]).words(&["TIME"]);
    }

    /// Reads the answers.
    ///
    /// # Errors
    /// [`REPLICA`] unless the server is a primary.
    pub(crate) fn read(server: &str, replication: &str, now: Timestamp) -> Result<Self, Error> {
        let uptime = info(server, "uptime_in_seconds")?.parse().map_err(|_| CORRUPT)?;
        Ok(Self {
            run_id: info(server, "run_id")?.to_owned(),
            replication: lineage(replication)?.to_owned(),
            started: now.minus(Duration::from_secs(uptime)),
        })
    }
}

/// The history that a primary's data belong to.
pub(crate) fn lineage(replication: &str) -> Result<&str, Error> {
    if info(replication, "role")? != "master" {
        return Err(REPLICA);
    }
    info(replication, "master_replid")
}

/// A field of what `INFO` answers.
pub(crate) fn info<'a>(section: &'a str, field: &str) -> Result<&'a str, Error> {
    let mut lines = section.lines().filter_map(|line| line.trim_end().split_once(':'));
    lines.find(|(name, _)| *name == field).map(|(_, value)| value).ok_or(CORRUPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "# Server\r\nrun_id:a\r\nuptime_in_seconds:10\r\n";

    fn life(role: &str, replid: &str) -> Result<Life, Error> {
        let replication = format!("# Replication\r\nrole:{role}\r\nmaster_replid:{replid}\r\n");
        Life::read(SERVER, &replication, Timestamp::from_millis(30_000))
    }

    #[test]
    fn a_promotion_is_another_incarnation_though_the_process_is_the_same() {
        let namespace = Namespace::new("news").unwrap();
        let identifier = Identifier::new(Failover::End, &namespace);
        let before = identifier.identity(&life("master", "b").unwrap(), 0);
        assert_eq!(before, identifier.identity(&life("master", "b").unwrap(), 0));
        assert_ne!(before, identifier.identity(&life("master", "c").unwrap(), 0));
        assert_ne!(before, identifier.identity(&life("master", "b").unwrap(), 7));
        assert_eq!(life("slave", "b"), Err(REPLICA));
    }

    #[test]
    fn who_keeps_sessions_believes_no_epoch_from_before_the_start() {
        let namespace = Namespace::new("news").unwrap();
        let identifier = Identifier::new(Failover::Keep, &namespace);
        let one = identifier.identity(&life("master", "b").unwrap(), 0);
        let two = identifier.identity(&life("master", "c").unwrap(), 7);
        assert_eq!(one, two);
        assert_eq!(one.epochs_since, Some(Timestamp::from_millis(20_000)));
        let other = Identifier::new(Failover::Keep, &Namespace::new("other").unwrap());
        assert_ne!(one, other.identity(&life("master", "b").unwrap(), 0));
    }
}
