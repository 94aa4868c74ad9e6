#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canary;
mod check;
mod decode;
mod error;
mod finding;
mod forbidden;
mod json;
mod kind;
mod recognize;
mod redact;
mod risk;
mod scanner;
mod screen;
mod stream;
mod window;
mod words;

pub use canary::Canary;
pub use check::check;
pub use error::TooShort;
pub use finding::Finding;
pub use forbidden::Forbidden;
pub use kind::Kind;
pub use redact::{HashKey, Operator, Redacted};
pub use risk::{AccessRequest, Assessment, Declared, Factor, Risk};
pub use scanner::{Rules, Scanner};
pub use screen::EgressScreen;
pub use stream::Stream;

#[cfg(test)]
mod tests;
