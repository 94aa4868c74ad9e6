#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bits;
mod challenge;
mod choices;
mod consents;
mod error;
mod gpp;
mod memory;
mod notice;
mod purposes;
mod receipt;
mod record;
mod signals;
mod tcf;

pub use bits::Ids;
pub use challenge::Challenge;
pub use choices::Choices;
pub use consents::Consents;
pub use error::{ConsentError, InvalidSignal, NoticeError};
pub use gpp::{Answer, GppString, State, StatePrivacy, UsPrivacy};
pub use memory::MemoryConsent;
pub use notice::{Notice, Offer};
pub use purposes::{Analytics, Essential, Performance};
pub use receipt::{ConsentReceipt, Decision, InvalidReceipt, Status};
pub use record::{ConsentRecord, InvalidRecord};
pub use signals::{Signals, well_known_gpc};
pub use tcf::{Publisher, Restriction, TcString};
