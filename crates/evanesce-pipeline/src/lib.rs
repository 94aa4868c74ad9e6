#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod deadline;
mod error;
mod pipeline;

pub use deadline::{Deadline, Timed};
pub use error::PipelineError;
pub use pipeline::{Limits, Pipeline, PipelineParts, Processed, SealedInput};
