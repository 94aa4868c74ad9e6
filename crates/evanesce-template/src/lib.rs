#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod boilerplate;
mod clean;
mod compose;
mod document;
mod entity;
mod error;
mod html;
mod insight;
mod lines;
mod preferences;
mod render;
mod signal;
mod template;
mod text;
mod topic;
mod words;

pub use compose::{LIFETIME, LIMIT, compose};
pub use document::{Block, BlockKind, Document, Format, Section};
pub use error::TemplateError;
pub use insight::{Insight, insights};
pub use preferences::{Depth, Pace, Preferences, TeamSize};
pub use render::Form;
pub use signal::InsightKind;
pub use template::{Effort, Step, Template};
pub use text::Span;
pub use topic::Topic;
