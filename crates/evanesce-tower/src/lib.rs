#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod carrier;
mod cross_site;
#[cfg(feature = "axum")]
mod extract;
mod screen;
mod session;
mod visitor;

pub use carrier::Carrier;
pub use cross_site::CrossSite;
#[cfg(feature = "axum")]
pub use extract::NoVisitor;
pub use screen::{ScreenLayer, ScreenService};
pub use session::{SessionLayer, SessionService};
pub use visitor::Visitor;
