#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod carrier;
mod cross_site;
#[cfg(feature = "axum")]
mod extract;
mod failure;
mod handle;
mod screen;
mod session;
mod visitor;

pub use carrier::{Carrier, CookiePath};
pub use cross_site::CrossSite;
pub use failure::Failure;
pub use handle::Session;
pub use screen::{ScreenLayer, ScreenService};
pub use session::{SessionLayer, SessionService};
pub use visitor::{NoVisitor, Visitor};
