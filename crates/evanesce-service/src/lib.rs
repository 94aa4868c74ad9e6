#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod checks;
mod error;
mod grant;
mod house;
mod retained;
mod session;
mod tasks;

pub use builder::{Builder, Durable, Mode, Volatile};
pub use checks::{Check, Verdict};
pub use error::{ServiceError, StartError};
pub use house::Evanesce;
pub use session::Session;
pub use tasks::Stopped;
