#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod actor;
mod alerts;
mod checkpoint;
mod commit;
mod counts;
mod disk;
mod encoding;
mod error;
mod files;
mod folder;
mod frames;
mod hash;
mod keeper;
mod log;
mod memory;
mod note;
mod proof;
mod publish;
mod receipt;
mod report;
mod rules;
#[cfg(feature = "ml-dsa")]
mod second;
mod segments;
mod store;
mod tilefiles;
mod tiles;
mod tree;
mod upkeep;
mod witness;

pub use actor::{Acting, Role};
pub use alerts::{AlertSink, Alerts, LoggedAlerts, Post, Webhook};
pub use checkpoint::{CheckpointBody, CheckpointText, Origin, log_id};
pub use disk::{Disk, SystemDisk};
pub use encoding::{MAX_LEAF, decode, decode_as, encode, encode_as};
pub use error::AuditError;
pub use folder::FolderAudit;
pub use keeper::FileKeeper;
pub use log::{Checked, Continuity, Log, LogOptions, LogParts, LoggedEntry};
pub use memory::{MemoryAudit, MemoryKeeper};
pub use note::{NoteKey, NoteSigner, SignedNote};
pub use proof::{
    verify_consistency, verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};
pub use publish::{Publisher, fsck};
pub use receipt::{parse_tlog_proof, verify, verify_receipt, write_tlog_proof};
pub use report::{
    Activity, Counted, ENCRYPTED, FOUND, Group, Item, Measure, Metric, PLANTED, Part, Period,
    Place, ProcessingRecord, Recommendation, Report, Retained, RuleCount, Summary, Violation,
};
pub use rules::{Alert, Breach, Requirement, Rules, Verdict, Watched};
#[cfg(feature = "ml-dsa")]
pub use second::{SecondKey, SecondSigner};
pub use store::{AuditStore, CheckpointKeeper, StoredLeaf};
pub use tiles::{SumdbTile, entries_path, entries_path_of, parse_tile_path, tile_path};
pub use tree::{Tree, empty_root, leaf_hash, node_hash, root_of};
pub use upkeep::{Enforced, Silence, silences};
pub use witness::{
    Cosign, Witness, WitnessAnswer, WitnessedLog, with_cosignatures, write_witness_request,
};
