#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod algorithms;
mod associated;
mod channel;
mod derive;
mod envelope;
mod error;
#[cfg(feature = "kyber-round3")]
mod kyber;
#[cfg(feature = "ml-dsa")]
mod mldsa;
mod random;
mod root;
mod sign;
#[cfg(test)]
mod vectors;
mod xwing;

pub use algorithms::{AlgorithmId, Algorithms, Decapsulate, Encapsulated, Kem, KeyPair};
pub use associated::AssociatedData;
pub use channel::{ChannelKey, ChannelMessage, Recipient, seal_to};
pub use derive::{commit, derive, derive_from_halves, sha256};
pub use envelope::{Padding, Sealed, seal, unseal};
pub use error::CryptoError;
#[cfg(feature = "kyber-round3")]
pub use kyber::KyberRound3;
#[cfg(feature = "ml-dsa")]
pub use mldsa::{MlDsaSignature, MlDsaSigningKey, MlDsaVerifyingKey};
pub use random::{random, random_secret};
pub use root::{Root, RootProvider, RootVersion, Wrapped, unwrap, wrap};
pub use sign::{Signature, SigningKey, VerifyingKey};
pub use xwing::XWing;
