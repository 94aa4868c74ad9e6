use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use evanesce_memory::SecretBytes;

use crate::{CryptoError, XWing};

/// The number of a key encapsulation mechanism, as it stands in keys and messages.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AlgorithmId(pub u16);

impl AlgorithmId {
    /// Kyber768 of round 3 with X25519. The number is ours; none was ever assigned.
    pub const KYBER_ROUND3: Self = Self(0xFE30);
    /// ML-KEM-1024. The number is that of the HPKE registry (draft-ietf-hpke-pq).
    pub const ML_KEM_1024: Self = Self(0x0042);
    /// X-Wing: ML-KEM-768 with X25519. The number is that of the HPKE registry
    /// (draft-ietf-hpke-pq).
    pub const X_WING: Self = Self(0x647A);
}

/// A key encapsulation mechanism: what a channel gets its keys from.
///
/// # Contract
/// A key pair decapsulates once. Both sides get the same 32 bytes when, and only when,
/// they agree on the public key, the encapsulation and the context.
pub trait Kem: Send + Sync {
    /// Its number.
    fn id(&self) -> AlgorithmId;

    /// The length of a public key, in bytes.
    fn public_len(&self) -> usize;

    /// The length of an encapsulation, in bytes.
    fn encapsulated_len(&self) -> usize;

    /// A fresh key pair.
    ///
    /// # Errors
    /// [`CryptoError::Random`] and [`CryptoError::Memory`].
    fn generate(&self) -> Result<KeyPair, CryptoError>;

    /// A fresh key of 32 bytes for the holder of `public`, bound to `context`.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for bytes that are no public key, besides those of
    /// [`Kem::generate`].
    fn encapsulate(&self, public: &[u8], context: &[u8]) -> Result<Encapsulated, CryptoError>;

    /// The private half that [`Decapsulate::keep`] gave the bytes of. Whoever keeps it sees to
    /// it that it is used once, as a session's record does by compare-and-set.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for bytes that are no key of this mechanism,
    /// [`CryptoError::UnknownAlgorithm`] where keys can't be kept, and [`CryptoError::Memory`].
    fn restore(&self, kept: &SecretBytes) -> Result<Box<dyn Decapsulate>, CryptoError> {
        let _ = kept;
        Err(CryptoError::UnknownAlgorithm)
    }
}

/// The private half of a key pair, used up by its only use.
pub trait Decapsulate: Send + Sync {
    /// The key of 32 bytes that the sender got.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for bytes that are no encapsulation. A changed one
    /// gives another key rather than an error.
    fn decapsulate(
        self: Box<Self>,
        encapsulated: &[u8],
        context: &[u8],
    ) -> Result<SecretBytes, CryptoError>;

    /// The key's bytes, to be kept sealed until its only use.
    ///
    /// # Errors
    /// [`CryptoError::UnknownAlgorithm`] where keys can't be kept, and [`CryptoError::Memory`].
    fn keep(&self) -> Result<SecretBytes, CryptoError> {
        Err(CryptoError::UnknownAlgorithm)
    }
}

/// A fresh key pair.
pub struct KeyPair {
    /// The private half.
    pub private: Box<dyn Decapsulate>,
    /// The public key.
    pub public: Vec<u8>,
}

/// What a sender has: the key, and what the recipient needs to get it.
pub struct Encapsulated {
    /// For the recipient.
    pub bytes: Vec<u8>,
    /// The key, of 32 bytes.
    pub key: SecretBytes,
}

/// The mechanisms that a program knows, with a kill switch. Clones share it.
#[derive(Clone)]
pub struct Algorithms(Arc<Inner>);

struct Inner {
    known: Vec<Arc<dyn Kem>>,
    revoked: RwLock<BTreeSet<AlgorithmId>>,
}

impl Algorithms {
    /// X-Wing alone. No feature adds to it, so that a dependency can't decide what a
    /// program's channels accept; name others with [`Algorithms::new`].
    #[must_use]
    pub fn standard() -> Self {
        Self::new(vec![Arc::new(XWing)])
    }

    /// Exactly these, the usual one first.
    #[must_use]
    pub fn new(known: Vec<Arc<dyn Kem>>) -> Self {
        Self(Arc::new(Inner { known, revoked: RwLock::default() }))
    }

    /// Those of this process: [`Algorithms::standard`], less what was revoked. It is what
    /// [`Recipient::generate`](crate::Recipient::generate) and [`seal_to`](crate::seal_to) use.
    #[must_use]
    pub fn process() -> &'static Self {
        static PROCESS: OnceLock<Algorithms> = OnceLock::new();
        PROCESS.get_or_init(Self::standard)
    }

    /// Pulls the kill switch, as when an advisory appears: from now on the mechanism
    /// neither makes keys nor seals nor opens, for keys that exist too. It can't be undone.
    pub fn revoke(&self, id: AlgorithmId) {
        self.0.revoked.write().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Whether the kill switch was pulled.
    #[must_use]
    pub fn is_revoked(&self, id: AlgorithmId) -> bool {
        self.0.revoked.read().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// The numbers of those that are known and not revoked, the usual one first.
    #[must_use]
    pub fn available(&self) -> Vec<AlgorithmId> {
        self.0.known.iter().map(|kem| kem.id()).filter(|id| !self.is_revoked(*id)).collect()
    }

    /// A mechanism that may be used.
    ///
    /// # Errors
    /// [`CryptoError::Revoked`] and [`CryptoError::UnknownAlgorithm`].
    pub fn kem(&self, id: AlgorithmId) -> Result<&dyn Kem, CryptoError> {
        if self.is_revoked(id) {
            return Err(CryptoError::Revoked);
        }
        let known = self.0.known.iter().find(|kem| kem.id() == id);
        known.map(|kem| &**kem).ok_or(CryptoError::UnknownAlgorithm)
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Algorithms").field(&self.available()).finish()
    }
}
