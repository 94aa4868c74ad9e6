#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
mod tls;

pub use error::TlsError;
pub use tls::{Tls, TlsBuilder};
