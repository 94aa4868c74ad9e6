//! Class 3: sanitised logs and metrics.
#![forbid(unsafe_code)]

mod record;
mod store;

pub use record::{Level, LogRecord, MetricPoint, Sanitized, Value};
pub use store::{ItemOutcome, LogSink, MetricSink, Written};
