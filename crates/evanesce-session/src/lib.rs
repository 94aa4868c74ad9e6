#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod compartment;
mod epochs;
mod error;
mod keys;
mod memory;
mod payload;
mod sessions;
mod steady;
mod store;
mod token;

pub use compartment::{Change, Compartment};
pub use error::{Failed, SessionError};
pub use memory::{MemoryStore, Snapshot};
pub use sessions::{Destroyed, SessionParts, SessionPolicy, Sessions};
pub use store::{
    EpochRecord, EpochStore, Epochs, Fetched, LookupId, Record, SessionStore, Swept, Tag, Version,
    Write,
};
pub use token::Token;
