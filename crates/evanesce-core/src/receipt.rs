use serde::{Deserialize, Serialize};

use crate::{Digest, Entry, Incarnation, Incorporated, Presence, StoreKind, Timestamp};

/// Evidence that something is gone: what each store was asked before and after,
/// and the place of all this in the audit log.
///
/// Every field can be read and none can be believed by itself: the log's
/// checkpoint is signed, the inclusion proof ties [`entry`](Self::entry) to it,
/// and the entry commits to [`erasure`](Self::erasure) under
/// [`salt`](Self::salt). Whoever has the log's public key checks all three
/// offline.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErasureReceipt {
    /// What was done and read.
    pub erasure: Erasure,
    /// The salt of the entry's commitment.
    pub salt: Digest,
    /// The audit entry.
    pub entry: Entry,
    /// Its place in the log.
    pub incorporated: Incorporated,
}

/// What was asked, done and read back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Erasure {
    /// Why.
    pub reason: ErasureReason,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When the last store was read back.
    pub completed: Timestamp,
    /// Store by store.
    pub stores: Vec<StoreErasure>,
}

impl Erasure {
    /// Whether every store that can address the subject showed nothing afterwards.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.stores.is_empty() && self.stores.iter().all(|s| s.after != Presence::Present)
    }
}

/// Why something was erased.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErasureReason {
    /// Everything was purged at once.
    Emergency,
    /// Its time had come.
    Expired,
    /// The person, or the program for the person, asked.
    Requested,
    /// A server came back that held what had been erased.
    Restored,
}

/// What one store was asked and answered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StoreErasure {
    /// Which store.
    pub store: StoreKind,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// The positive control: what could be read before.
    pub before: Presence,
    /// How many records were removed.
    pub removed: u64,
    /// What could be read afterwards.
    pub after: Presence,
}
