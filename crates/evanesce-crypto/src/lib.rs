#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod algorithms;
mod associated;
mod channel;
mod derive;
mod envelope;
mod error;
pub mod hazmat;
mod history;
mod hpke_kem;
#[cfg(feature = "kyber-round3")]
mod kyber;
#[cfg(feature = "ml-dsa")]
mod mldsa;
mod mlkem;
mod prekey;
mod random;
mod ratchet;
mod root;
mod root_file;
mod sign;
#[cfg(test)]
mod vectors;
mod xwing;

pub use algorithms::{AlgorithmId, Algorithms, Decapsulate, Encapsulated, Kem, KeyPair};
pub use associated::AssociatedData;
pub use channel::{ChannelKey, ChannelMessage, Recipient, seal_to};
pub use derive::{commit, derive, derive_from_halves, sha256};
pub use envelope::{HalfSalt, Padding, Sealed, seal, seal_salted, unseal};
pub use error::CryptoError;
pub use history::KeyHistory;
#[cfg(feature = "kyber-round3")]
pub use kyber::KyberRound3;
#[cfg(feature = "ml-dsa")]
pub use mldsa::{MlDsaSignature, MlDsaSigningKey, MlDsaVerifyingKey};
pub use mlkem::MlKem1024;
pub use prekey::{Binding, Offer, Prekey};
pub use random::{random, random_secret};
pub use ratchet::{ChannelError, Ratchet};
pub use root::{Root, RootProvider, RootVersion, Wrapped, rewrap, unwrap, wrap};
pub use root_file::RootFile;
pub use sign::{Signature, SigningKey, VerifyingKey};
pub use xwing::XWing;
