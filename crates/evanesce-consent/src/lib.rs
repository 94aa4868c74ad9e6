#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod asking;
mod bits;
mod challenge;
mod choices;
mod consents;
mod document;
mod error;
mod gpp;
mod memory;
mod node;
mod notice;
mod purposes;
mod receipt;
mod record;
mod signals;
mod status;
mod tcf;

pub use asking::{Asking, LastAnswer, Method, Surface};
pub use bits::Ids;
pub use challenge::Challenge;
pub use choices::Choices;
pub use consents::Consents;
pub use document::{ConsentDocument, ConsentEvent, DocumentKind, Process, Required, Service};
pub use error::{ConsentError, InvalidDocument, InvalidSignal, NoticeError};
pub use gpp::{Answer, GppString, State, StatePrivacy, UsPrivacy};
pub use memory::MemoryConsent;
pub use notice::{Notice, Offer};
pub use purposes::{Analytics, Essential, Performance};
pub use receipt::{ConsentReceipt, Decision, InvalidReceipt, Status};
pub use record::{ConsentRecord, InvalidRecord};
pub use signals::{Signals, read_well_known_gpc, well_known_gpc};
pub use status::ConsentStatus;
pub use tcf::{Publisher, Restriction, TcString};
