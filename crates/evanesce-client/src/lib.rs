#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod channel;
mod error;

pub use channel::{Channel, ChannelParts};
pub use error::ClientError;
pub use evanesce_crypto::{Algorithms, ChannelError, VerifyingKey};
