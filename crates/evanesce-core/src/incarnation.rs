use serde::{Deserialize, Serialize};

use crate::{Digest, StoreKind};

/// Which life of which server this is.
///
/// A restart, a failover or a restored copy is another incarnation, and may hold
/// what was erased in the one before; so whatever promises erasure names the
/// incarnation that it was born under (Redis `run_id`; PostgreSQL system
/// identifier and timeline; index and bucket ids) and ends with it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Incarnation {
    store: StoreKind,
    digest: Digest,
}

impl Incarnation {
    /// From SHA-256 over the server's own identifiers, which the adapter computes.
    #[must_use]
    pub const fn new(store: StoreKind, digest: Digest) -> Self {
        Self { store, digest }
    }

    /// The kind of store.
    #[must_use]
    pub const fn store(&self) -> StoreKind {
        self.store
    }

    /// The digest of the server's identifiers.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}
