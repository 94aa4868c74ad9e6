#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod carrier;
#[cfg(feature = "axum")]
mod extract;
mod screen;
mod session;
mod visitor;

pub use carrier::Carrier;
#[cfg(feature = "axum")]
pub use extract::NoVisitor;
pub use screen::{ScreenLayer, ScreenService};
pub use session::{SessionLayer, SessionService};
pub use visitor::Visitor;
