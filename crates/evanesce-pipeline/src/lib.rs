#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod channel;
mod deadline;
mod error;
mod kept;
mod pipeline;

pub use channel::{ChannelLimits, ChannelParts, Channels, Step};
pub use deadline::{Deadline, Timed};
pub use error::PipelineError;
pub use pipeline::{Limits, Pipeline, PipelineParts, Processed, SealedInput};
