//! The vocabulary of evanesce, and nothing that does I/O: what kinds of data
//! there are and how long each may live, what a purpose is, how time is told,
//! what counts as evidence, and the small ports through which the domain crates
//! use each other without depending on each other.
//!
//! Every other crate of the house stands on this one. It has no runtime, opens
//! no socket and reads no file; its only thread is the timer of [`SystemClock`].
//!
//! ```
//! use evanesce_core::{DataClass, Lifetime, Purpose, Basis, Retention};
//!
//! struct Usage;
//! impl Purpose for Usage {
//!     const NAME: &'static str = "usage";
//!     const NOTICE: &'static str = "Which topics are popular";
//!     const BASIS: Basis = Basis::Consent;
//!     const KEEP: Retention = Retention::Months(12);
//! }
//!
//! const FOUR_HOURS: Lifetime = Lifetime::hours(4); // 25 does not build
//! assert!(FOUR_HOURS.duration() <= DataClass::Ephemeral.ceiling());
//! ```
#![forbid(unsafe_code)]

mod allowance;
mod append;
mod category;
mod class;
mod clock;
mod consent;
mod digest;
mod entry;
mod erasable;
mod error;
mod evidence;
mod incarnation;
mod label;
mod lease;
mod purpose;
mod receipt;
mod screen;
mod time;

use std::future::Future;
use std::pin::Pin;

pub use allowance::{Allowance, Contribution};
pub use append::{Append, Incorporated};
pub use category::Category;
pub use class::{DataClass, Lifetime, Retention};
pub use clock::{Clock, SystemClock};
pub use consent::{GrantState, Granted, Liveness, NotGranted};
pub use digest::{Digest, InvalidDigest};
pub use entry::{Entry, Operation, Outcome, Rule};
pub use erasable::{Ceiling, Erasable, Presence, Subject};
pub use error::{Code, Error, ErrorKind, StoreKind};
pub use evidence::{AskProbe, Evidence, FnProbe, Probe, Reading, Standing};
pub use incarnation::Incarnation;
pub use label::{InvalidLabel, Label, Namespace};
pub use lease::{Fence, Lease};
pub use purpose::{Basis, Purpose, PurposeId};
pub use receipt::{Erasure, ErasureReason, ErasureReceipt, StoreErasure};
pub use screen::{Blocked, Outgoing, Released, Sanitize, Screen};
pub use time::{Date, Grain, InvalidTime, Timestamp};

/// The future that the object-safe ports return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
