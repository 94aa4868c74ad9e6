#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
mod handshake;
mod tls;

pub use error::TlsError;
pub use handshake::handshake_error;
pub use tls::{Tls, TlsBuilder};
