#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod checkpoint;
mod commit;
mod counts;
mod encoding;
mod error;
mod folder;
mod frames;
mod keeper;
mod log;
mod memory;
mod note;
mod proof;
mod receipt;
mod report;
mod rules;
mod store;
mod tiles;
mod tree;

pub use checkpoint::{CheckpointBody, CheckpointText, Origin, log_id};
pub use encoding::{MAX_LEAF, decode, encode};
pub use error::AuditError;
pub use folder::FolderAudit;
pub use keeper::FileKeeper;
pub use log::{Checked, Continuity, Log, LogParts, LoggedEntry};
pub use memory::{MemoryAudit, MemoryKeeper};
pub use note::{NoteKey, NoteSigner, SignedNote};
pub use proof::{
    verify_consistency, verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};
pub use receipt::{parse_tlog_proof, verify, verify_receipt, write_tlog_proof};
pub use report::{Period, Recommendation, Report, Retained, RuleCount, Summary, Violation};
pub use rules::{Alert, AlertSink, Breach, Requirement, Rules, Verdict, Watched};
pub use store::{AuditStore, CheckpointKeeper, StoredLeaf};
pub use tiles::{entries_path, entries_path_of, parse_tile_path, tile_path};
pub use tree::{Tree, empty_root, leaf_hash, node_hash, root_of};
