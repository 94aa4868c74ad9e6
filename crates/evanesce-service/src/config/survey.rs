use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, DataClass, Erasable, Evidence, FnProbe, Reading, StoreKind, label};
use evanesce_purge::ErasureJournal;
use evanesce_tls::Tls;

use super::adapters::{self, Facts, Opened, Setup};
use super::{Config, ConfigError};
use crate::builder::VolatilePorts;
use crate::checks::{Check, Verdict, checks};
use crate::retained::Retained;

/// An erasure that is open for longer is stuck.
const STUCK: Duration = Duration::from_secs(15 * 60);

/// What one store of a configuration says of itself, and what that means.
#[derive(Debug)]
pub struct Survey {
    /// The store.
    pub store: StoreKind,
    /// The class of data that lies there.
    pub class: DataClass,
    /// Why nothing could be asked of it.
    pub failed: Option<ConfigError>,
    /// What its server was asked.
    pub facts: Vec<Judged>,
    /// How long it keeps what lies there.
    pub retention: Option<Check>,
}

/// A fact, and what it means for what is promised.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was found, where and how.
    pub evidence: Evidence,
    /// Whether it keeps what is promised; `None` for what is the reader's to judge.
    pub verdict: Option<Verdict>,
    /// The setting that decides it, where one is known.
    pub setting: Option<&'static str>,
}

impl Survey {
    /// The worst that was found: one broken promise breaks the store's, and what could
    /// not be found out is not kept.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let all = || {
            let facts = self.facts.iter().filter_map(|judged| judged.verdict);
            facts.chain(self.retention.iter().map(|check| check.verdict))
        };
        if all().any(|verdict| verdict == Verdict::Broken) {
            Verdict::Broken
        } else if self.failed.is_some() || all().any(|verdict| verdict == Verdict::Unknown) {
            Verdict::Unknown
        } else {
            Verdict::Kept
        }
    }

    const fn unreached(store: StoreKind, class: DataClass, failed: ConfigError) -> Self {
        Self { store, class, failed: Some(failed), facts: Vec::new(), retention: None }
    }
}

impl Config {
    /// Asks every store that is named, one after another; one that does not answer keeps
    /// no other from being asked. Nothing is written but the schema of a PostgreSQL that
    /// has none yet.
    ///
    /// # Errors
    /// [`ConfigError`] where no store can be asked, because the files of TLS are wrong.
    pub async fn survey(&self, clock: Arc<dyn Clock>) -> Result<Vec<Survey>, ConfigError> {
        let tls = self.tls()?;
        let mut surveys = Vec::new();
        if let Some(plan) = &self.redis {
            let opened = adapters::redis(self, plan, &tls).await;
            let erasable = |ports: VolatilePorts| ports.erasable;
            let row = (StoreKind::Redis, DataClass::Ephemeral);
            surveys.push(ask(row, opened, erasable, &clock).await);
        }
        self.survey_durable(&tls, &clock, &mut surveys).await;
        self.survey_folders(&clock, &mut surveys).await;
        Ok(surveys)
    }

    // What lies in folders: the log, if it does not lie in the database, and the journal.
    async fn survey_folders(&self, clock: &Arc<dyn Clock>, surveys: &mut Vec<Survey>) {
        let row =
            |store, class, facts| Survey { store, class, failed: None, facts, retention: None };
        if self.log.folder.is_some() {
            let facts = self.log_facts(None, clock).await;
            surveys.push(row(StoreKind::Folder, DataClass::Operational, facts));
        }
        match self.journal_folder() {
            Ok(None) => {}
            Ok(Some(journal)) => {
                let facts = open_erasures(&**clock, &*journal).await;
                surveys.push(row(journal.store(), DataClass::Ephemeral, facts));
            }
            Err(failed) => {
                surveys.push(Survey::unreached(StoreKind::Folder, DataClass::Ephemeral, failed));
            }
        }
    }

    async fn survey_durable(&self, tls: &Tls, clock: &Arc<dyn Clock>, surveys: &mut Vec<Survey>) {
        if let Some(address) = &self.postgres {
            let opened = adapters::postgres(self, address, tls).await;
            let ports = opened.as_ref().ok().map(|opened| opened.ports.clone());
            let row = (StoreKind::Postgres, DataClass::Aggregate);
            let erasable = |ports: adapters::DurablePorts| {
                Arc::new(Retained::new(&ports.aggregates, row.1, clock)) as Arc<dyn Erasable>
            };
            let mut survey = ask(row, opened, erasable, clock).await;
            if let Some(ports) = &ports {
                if self.log.folder.is_none() {
                    let audit = Some(Arc::clone(&ports.audit));
                    survey.facts.extend(self.log_facts(audit, clock).await);
                }
                if self.journal.is_none() {
                    survey.facts.extend(open_erasures(&**clock, &*ports.journal).await);
                }
            }
            surveys.push(survey);
        }
        if let Some(address) = &self.elasticsearch {
            let opened = adapters::elasticsearch(self, address, tls, Setup::Leave).await;
            let row = (StoreKind::Elasticsearch, DataClass::Operational);
            let erasable = |sink| Arc::new(Retained::new(&sink, row.1, clock)) as Arc<dyn Erasable>;
            surveys.push(ask(row, opened, erasable, clock).await);
        }
        if let Some(plan) = &self.influxdb {
            let opened = adapters::influxdb(self, plan, tls, Setup::Leave).await;
            let row = (StoreKind::InfluxDb, DataClass::Operational);
            let erasable = |sink| Arc::new(Retained::new(&sink, row.1, clock)) as Arc<dyn Erasable>;
            surveys.push(ask(row, opened, erasable, clock).await);
        }
    }

    /// Makes what the stores need before a service starts, and says of each store how that
    /// went: the schema of PostgreSQL, the index template of Elasticsearch, the bucket of
    /// InfluxDB. Redis needs nothing. What is there already is left as it is.
    ///
    /// # Errors
    /// [`ConfigError`] where the files of TLS are wrong.
    pub async fn migrate(&self) -> Result<Vec<(StoreKind, Result<(), ConfigError>)>, ConfigError> {
        let tls = self.tls()?;
        let mut done = Vec::new();
        if let Some(address) = &self.postgres {
            let made = adapters::postgres(self, address, &tls).await.map(drop);
            done.push((StoreKind::Postgres, made));
        }
        if let Some(address) = &self.elasticsearch {
            let made = adapters::elasticsearch(self, address, &tls, Setup::Make).await.map(drop);
            done.push((StoreKind::Elasticsearch, made));
        }
        if let Some(plan) = &self.influxdb {
            let made = adapters::influxdb(self, plan, &tls, Setup::Make).await.map(drop);
            done.push((StoreKind::InfluxDb, made));
        }
        Ok(done)
    }
}

/// How many erasures are open, and for how long. A service takes them up each minute, so that
/// one that stays open says that a store or the log is down.
async fn open_erasures(clock: &dyn Clock, journal: &dyn ErasureJournal) -> Vec<Judged> {
    const MOST: usize = 10_000;
    let open = journal.open(MOST).await;
    let now = clock.now();
    let count = || Ok(Reading::Count(open.as_ref().map_err(|error| *error)?.len() as u64));
    let longest = || {
        let open = open.as_ref().map_err(|error| *error)?;
        let oldest = open.iter().map(|job| job.requested).min();
        Ok(oldest
            .map_or(Reading::Word(label!("none is open")), |at| Reading::duration(now.since(at))))
    };
    let method = || label!("read from the journal");
    let (store, setting) = (journal.store(), Some("the store or the log that is down"));
    let count = FnProbe::new(store, label!("erasures that are open"), method(), count);
    let longest = FnProbe::new(store, label!("longest that an erasure is open"), method(), longest);
    let count = Evidence::measure(clock, &count).await;
    let longest = Evidence::measure(clock, &longest).await;
    let verdict = match longest.reading() {
        None => Verdict::Unknown,
        Some(Reading::Millis(millis)) if u128::from(*millis) > STUCK.as_millis() => Verdict::Broken,
        Some(_) => Verdict::Kept,
    };
    vec![
        Judged { evidence: count, verdict: None, setting: None },
        Judged { evidence: longest, verdict: Some(verdict), setting },
    ]
}

async fn ask<P>(
    (store, class): (StoreKind, DataClass),
    opened: Result<Opened<P>, ConfigError>,
    erasable: impl FnOnce(P) -> Arc<dyn Erasable>,
    clock: &Arc<dyn Clock>,
) -> Survey {
    let Opened { ports, facts } = match opened {
        Ok(opened) => opened,
        Err(failed) => return Survey::unreached(store, class, failed),
    };
    let facts: Arc<dyn Facts> = facts;
    let retention = checks(&**clock, &[erasable(ports)]).await.pop();
    Survey { store, class, failed: None, facts: facts.facts(&**clock).await, retention }
}

#[cfg(test)]
mod tests {
    use evanesce_core::SystemClock;
    use evanesce_purge::{MemoryJournal, SealedJob};
    use evanesce_testkit::ManualClock;

    use super::*;

    #[tokio::test]
    async fn an_erasure_that_stays_open_breaks_a_promise() {
        let (clock, journal) = (ManualClock::new(), MemoryJournal::new());
        let verdicts = async || {
            let facts = open_erasures(&clock, &journal).await;
            (facts[0].evidence.reading().cloned(), facts[1].verdict)
        };
        assert_eq!(verdicts().await, (Some(Reading::Count(0)), Some(Verdict::Kept)));
        let id = evanesce_core::Digest::new([1; 32]);
        let requested = clock.now();
        journal.put(&SealedJob { id, requested, sealed: vec![1] }).await.unwrap();
        clock.advance(STUCK);
        assert_eq!(verdicts().await, (Some(Reading::Count(1)), Some(Verdict::Kept)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(verdicts().await, (Some(Reading::Count(1)), Some(Verdict::Broken)));
    }

    fn survey(verdicts: &[Option<Verdict>]) -> Survey {
        let evidence =
            Evidence::declared(&SystemClock, StoreKind::Redis, label!("save"), Reading::Count(1));
        let judged = |verdict: &Option<Verdict>| Judged {
            evidence: evidence.clone(),
            verdict: *verdict,
            setting: None,
        };
        Survey {
            store: StoreKind::Redis,
            class: DataClass::Ephemeral,
            failed: None,
            facts: verdicts.iter().map(judged).collect(),
            retention: None,
        }
    }

    #[test]
    fn the_worst_verdict_is_the_stores() {
        use Verdict::{Broken, Kept, Unknown};
        assert_eq!(survey(&[None, Some(Kept)]).verdict(), Kept);
        assert_eq!(survey(&[Some(Kept), Some(Unknown), None]).verdict(), Unknown);
        assert_eq!(survey(&[Some(Unknown), Some(Broken), Some(Kept)]).verdict(), Broken);
        let failed = ConfigError::Source { key: "redis.url_env".to_owned() };
        let unreached = Survey::unreached(StoreKind::Redis, DataClass::Ephemeral, failed);
        assert_eq!(unreached.verdict(), Unknown);
    }
}
