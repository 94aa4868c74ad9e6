#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod checks;
#[cfg(feature = "config")]
mod config;
mod drill;
mod emergency;
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
#[cfg(feature = "config")]
pub use config::{
    Approval, Began, Config, ConfigError, Judged, Operator, OperatorError, Refused, Survey, Swept,
};
pub use error::{ServiceError, StartError};
pub use house::Evanesce;
pub use session::Session;
pub use tasks::Stopped;
#[cfg(feature = "webhook")]
pub use webhook::{HttpsPost, HttpsWitness};
