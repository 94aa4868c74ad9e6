use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Digest, Entry, Error, Label};

/// The port through which everything is audited.
///
/// # Contract
/// [`append`](Self::append) returns once the entry is durable, with its place in
/// the log; an entry whose append failed may still be found later, never twice.
/// [`count`](Self::count) never waits and never fails: it adds the entry up with
/// equal ones, and the sum is appended within about a second, or reported as
/// lost.
pub trait Append: Send + Sync {
    /// Appends, and answers when the entry is durable.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>>;

    /// Counts an entry that need not be durable before the reply.
    fn count(&self, entry: Entry);
}

/// An entry's place in the log with the proof of it, which a stranger verifies
/// offline: an RFC 6962 inclusion proof against a signed checkpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Incorporated {
    /// The number of the leaf, from 0.
    pub index: u64,
    /// The sibling hashes from the leaf to the root of the checkpoint's tree.
    pub proof: Vec<Digest>,
    /// The signed checkpoint (C2SP tlog-checkpoint), with its origin, size and root.
    pub checkpoint: String,
    /// The role in which it was done, where the leaf tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Label>,
}
