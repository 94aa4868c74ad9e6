#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[doc(inline)]
pub use evanesce_anonymize as anonymize;
#[doc(inline)]
pub use evanesce_audit as audit;
#[doc(inline)]
pub use evanesce_consent as consent;
#[doc(inline)]
pub use evanesce_core as core;
#[doc(inline)]
pub use evanesce_crypto as crypto;
#[doc(inline)]
pub use evanesce_detect as detect;
#[cfg(feature = "elasticsearch")]
#[doc(inline)]
pub use evanesce_elasticsearch as elasticsearch;
#[cfg(feature = "influxdb")]
#[doc(inline)]
pub use evanesce_influxdb as influxdb;
#[doc(inline)]
pub use evanesce_memory as memory;
#[doc(inline)]
pub use evanesce_pipeline as pipeline;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use evanesce_postgres as postgres;
#[doc(inline)]
pub use evanesce_purge as purge;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use evanesce_redis as redis;
#[doc(inline)]
pub use evanesce_service as service;
#[doc(inline)]
pub use evanesce_session as session;
#[doc(inline)]
pub use evanesce_telemetry as telemetry;
#[doc(inline)]
pub use evanesce_template as template;
#[cfg(any(
    feature = "elasticsearch",
    feature = "influxdb",
    feature = "postgres",
    feature = "redis",
    feature = "webhook"
))]
#[doc(inline)]
pub use evanesce_tls as tls;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use evanesce_tower as tower;

pub use evanesce_anonymize::{Bucket, Category, Event};
pub use evanesce_core::{ErasureReceipt, Evidence, Granted, Lifetime, Purpose, Released};
pub use evanesce_crypto::Root;
pub use evanesce_macros::Purpose;
pub use evanesce_memory::Ephemeral;
pub use evanesce_service::{Evanesce, Session};
#[cfg(any(
    feature = "elasticsearch",
    feature = "influxdb",
    feature = "postgres",
    feature = "redis",
    feature = "webhook"
))]
pub use evanesce_tls::Tls;
