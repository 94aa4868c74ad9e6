#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod checks;
mod drill;
mod error;
mod grant;
mod house;
#[cfg(feature = "webhook")]
mod https;
mod lives;
mod log;
mod record;
mod retained;
mod session;
mod tasks;
#[cfg(feature = "webhook")]
mod webhook;

pub use builder::{Builder, Durable, Mode, Volatile};
pub use checks::{Check, Verdict};
pub use error::{ServiceError, StartError};
pub use house::Evanesce;
pub use session::Session;
pub use tasks::Stopped;
#[cfg(feature = "webhook")]
pub use webhook::{HttpsPost, HttpsWitness};
