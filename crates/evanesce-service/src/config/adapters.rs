//! The stores that a configuration can name, each behind its driver's feature.

use std::sync::Arc;

use evanesce_anonymize::AggregateStore;
use evanesce_audit::AuditStore;
use evanesce_core::{BoxFuture, Clock, Error};
use evanesce_purge::ErasureJournal;
use evanesce_telemetry::{LogSink, MetricSink};
use evanesce_tls::Tls;

use super::survey::Judged;
use super::{Config, ConfigError, InfluxPlan, RedisPlan, Source};
use crate::builder::VolatilePorts;

/// What a store's server says of itself.
pub(super) trait Facts: Send + Sync {
    fn facts<'a>(&'a self, clock: &'a dyn Clock) -> BoxFuture<'a, Vec<Judged>>;
}

/// Whether a store's templates and buckets are made when it is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Setup {
    Leave,
    Make,
}

/// PostgreSQL by the ports that it serves.
#[derive(Clone)]
pub(super) struct DurablePorts {
    pub(super) aggregates: Arc<dyn AggregateStore>,
    pub(super) audit: Arc<dyn AuditStore>,
    pub(super) journal: Arc<dyn ErasureJournal>,
}

/// A store that was opened.
pub(super) struct Opened<P> {
    pub(super) ports: P,
    pub(super) facts: Arc<dyn Facts>,
}

pub(super) type Opening<P> = Result<Opened<P>, ConfigError>;

fn failed(key: &str) -> impl Fn(Error) -> ConfigError + use<'_> {
    move |cause| ConfigError::Store { key: key.to_owned(), cause }
}

#[cfg(not(all(
    feature = "elasticsearch",
    feature = "influxdb",
    feature = "postgres",
    feature = "redis"
)))]
fn not_built<P>(key: &str) -> Opening<P> {
    Err(ConfigError::NotBuilt { key: key.to_owned() })
}

#[cfg(feature = "redis")]
pub(super) async fn redis(config: &Config, plan: &RedisPlan, tls: &Tls) -> Opening<VolatilePorts> {
    use evanesce_redis::{Failover, RedisStore};

    let text = plan.addresses.read()?;
    let failover = if plan.keeps_over_failover { Failover::Keep } else { Failover::End };
    let builder = RedisStore::builder(tls, &config.name).failover(failover);
    let opened = if plan.is_cluster {
        let each = |c: char| c == ',' || c.is_whitespace();
        let addresses: Vec<&str> = text.split(each).filter(|url| !url.is_empty()).collect();
        builder.connect_cluster(&addresses).await
    } else {
        builder.connect(&text).await
    };
    let store = Arc::new(opened.map_err(failed("redis"))?);
    Ok(Opened { ports: VolatilePorts::shared(Arc::clone(&store)), facts: store })
}

#[cfg(not(feature = "redis"))]
pub(super) async fn redis(_: &Config, _: &RedisPlan, _: &Tls) -> Opening<VolatilePorts> {
    not_built("redis")
}

#[cfg(feature = "redis")]
impl Facts for evanesce_redis::RedisStore {
    fn facts<'a>(&'a self, clock: &'a dyn Clock) -> BoxFuture<'a, Vec<Judged>> {
        use evanesce_redis::Verdict as Found;

        use crate::Verdict;

        Box::pin(async move {
            let judged = |finding: evanesce_redis::Finding| Judged {
                evidence: finding.evidence,
                verdict: match finding.verdict {
                    Found::Broken => Some(Verdict::Broken),
                    Found::Kept => Some(Verdict::Kept),
                    Found::Noted => None,
                    Found::Unknown => Some(Verdict::Unknown),
                },
                setting: Some(finding.setting),
            };
            self.findings(clock).await.into_iter().map(judged).collect()
        })
    }
}

#[cfg(feature = "postgres")]
pub(super) async fn postgres(
    config: &Config,
    address: &Source,
    tls: &Tls,
) -> Opening<DurablePorts> {
    let url = address.read()?;
    let opened = evanesce_postgres::PostgresStore::connect(&url, tls, &config.name).await;
    let store = Arc::new(opened.map_err(failed("postgres"))?);
    let ports = DurablePorts {
        aggregates: Arc::clone(&store) as _,
        audit: Arc::clone(&store) as _,
        journal: Arc::clone(&store) as _,
    };
    Ok(Opened { ports, facts: store })
}

#[cfg(not(feature = "postgres"))]
pub(super) async fn postgres(_: &Config, _: &Source, _: &Tls) -> Opening<DurablePorts> {
    not_built("postgres")
}

#[cfg(feature = "elasticsearch")]
pub(super) async fn elasticsearch(
    config: &Config,
    address: &Source,
    tls: &Tls,
    setup: Setup,
) -> Opening<Arc<dyn LogSink>> {
    let url = address.read()?;
    let failed = failed("elasticsearch");
    let sink = evanesce_elasticsearch::ElasticsearchSink::connect(&url, tls, &config.name)
        .map_err(&failed)?;
    if setup == Setup::Make {
        sink.start().await.map_err(&failed)?;
    }
    let sink = Arc::new(sink);
    Ok(Opened { ports: Arc::clone(&sink) as _, facts: sink })
}

#[cfg(not(feature = "elasticsearch"))]
pub(super) async fn elasticsearch(
    _: &Config,
    _: &Source,
    _: &Tls,
    _: Setup,
) -> Opening<Arc<dyn LogSink>> {
    not_built("elasticsearch")
}

#[cfg(feature = "influxdb")]
pub(super) async fn influxdb(
    config: &Config,
    plan: &InfluxPlan,
    tls: &Tls,
    setup: Setup,
) -> Opening<Arc<dyn MetricSink>> {
    let (url, token) = (plan.address.read()?, plan.token.read()?);
    let failed = failed("influxdb");
    let sink =
        evanesce_influxdb::InfluxSink::connect(&url, &token, tls, &config.name).map_err(&failed)?;
    if setup == Setup::Make {
        sink.start().await.map_err(&failed)?;
    }
    let sink = Arc::new(sink);
    Ok(Opened { ports: Arc::clone(&sink) as _, facts: sink })
}

#[cfg(not(feature = "influxdb"))]
pub(super) async fn influxdb(
    _: &Config,
    _: &InfluxPlan,
    _: &Tls,
    _: Setup,
) -> Opening<Arc<dyn MetricSink>> {
    not_built("influxdb")
}

/// What these servers say is for the reader to judge; their ceilings are judged beside it.
#[cfg(any(feature = "elasticsearch", feature = "influxdb", feature = "postgres"))]
macro_rules! noted {
    ($store:ty) => {
        impl Facts for $store {
            fn facts<'a>(&'a self, clock: &'a dyn Clock) -> BoxFuture<'a, Vec<Judged>> {
                Box::pin(async move {
                    let noted = |evidence| Judged { evidence, verdict: None, setting: None };
                    self.checks(clock).await.into_iter().map(noted).collect()
                })
            }
        }
    };
}

#[cfg(feature = "postgres")]
noted!(evanesce_postgres::PostgresStore);
#[cfg(feature = "elasticsearch")]
noted!(evanesce_elasticsearch::ElasticsearchSink);
#[cfg(feature = "influxdb")]
noted!(evanesce_influxdb::InfluxSink);
