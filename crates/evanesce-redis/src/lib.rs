#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod builder;
mod cluster;
mod dial;
mod epochs;
mod erasable;
mod error;
mod facts;
mod identity;
mod keys;
mod lease;
mod link;
mod probes;
mod record;
mod reply;
mod request;
mod scan;
mod scripts;
mod sentinel;
mod servers;
mod slots;
mod store;
mod wire;

pub use builder::RedisBuilder;
pub use dial::Timeouts;
pub use identity::Failover;
pub use probes::{Finding, Verdict};
#[doc(hidden)]
pub use reply::replies_in;
pub use store::RedisStore;
