#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod layer;
mod memory;
mod metrics;
mod panic;
mod queue;
mod record;
mod store;
mod telemetry;

pub use error::Unregistered;
pub use layer::TelemetryLayer;
pub use memory::{MemoryLogSink, MemoryMetricSink};
pub use metrics::{Bound, Counter, Dimension, Family, Gauge, Histogram, Metrics};
pub use panic::install_panic_hook;
pub use record::{Level, LogRecord, MetricPoint, Sanitized, Value};
pub use store::{ItemOutcome, LogSink, MetricSink, Written};
pub use telemetry::{Flushed, Telemetry, TelemetryParts};
