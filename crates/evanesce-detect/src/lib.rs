#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canary;
mod check;
mod decode;
mod engine;
mod error;
mod fields;
mod finding;
mod forbidden;
mod forms;
mod gate;
mod generalise;
mod json;
mod kind;
mod marks;
mod name;
mod path;
mod patterns;
mod recognize;
mod recognizer;
mod redact;
mod risk;
mod runs;
mod scanner;
mod screen;
mod stream;
mod values;
mod window;
mod words;

pub use canary::Canary;
pub use check::check;
pub use error::TooShort;
pub use fields::{BadPath, Fields};
pub use finding::Finding;
pub use forbidden::Forbidden;
pub use gate::{AccessGate, Alarm, Refused};
pub use kind::{Kind, Name};
pub use path::holds_keys;
pub use patterns::{Malformed, Patterns, Reason};
pub use recognizer::{BadWords, Recognizer, Spans, WordList};
pub use redact::{HashKey, Operator, Operators, Redacted};
pub use risk::{AccessRequest, Assessment, Declared, Factor, Risk};
pub use scanner::{Rules, Scanner};
pub use screen::EgressScreen;
pub use stream::Stream;

#[cfg(test)]
mod tests;
