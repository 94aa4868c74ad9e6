#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod commitment;
mod emergency;
mod erasures;
mod error;
mod folder;
mod job;
mod memory;
mod retention;
mod store;
mod sweeper;
mod temporary;

pub use commitment::{commitment, verify_commitment};
pub use emergency::{
    EmergencyCount, EmergencyError, EmergencyParts, EmergencyReport, EmergencyStep, EndEpochs,
    Forget, Reclaim, Removed, RetireKeys, emergency, emergency_observed,
};
pub use erasures::{Erasures, ErasuresParts, Resumed, Target};
pub use error::EraseError;
pub use folder::FolderJournal;
pub use memory::MemoryJournal;
pub use retention::{RetentionRow, retention};
pub use store::{ErasureJournal, SealedJob};
pub use sweeper::{Reach, SweepJob, SweepOutcome, SweepReport, SweepRun, Sweeper, SweeperParts};
pub use temporary::TemporaryFiles;
