#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod children;
mod compartment;
mod epochs;
mod error;
mod export;
mod held;
mod keys;
mod memory;
mod opening;
mod packed;
mod payload;
mod quota;
mod sessions;
mod steady;
mod stock;
mod store;
mod sync;
mod table;
mod token;

pub use children::ChildToken;
pub use compartment::{Change, Compartment};
pub use error::{Failed, SessionError};
pub use memory::{MemoryStore, Snapshot};
pub use quota::OpeningQuota;
pub use sessions::{Destroyed, SessionParts, SessionPolicy, Sessions};
pub use store::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, Record,
    SessionStore, Swept, Tag, Version, Write,
};
pub use token::Token;
