#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod failure;
mod layer;
mod memory;
mod metrics;
mod own;
mod panic;
mod printed;
mod queue;
mod record;
#[cfg(feature = "metrics")]
mod recorder;
mod store;
mod telemetry;

pub use error::Unregistered;
pub use failure::Fingerprint;
pub use layer::TelemetryLayer;
pub use memory::{MemoryLogSink, MemoryMetricSink};
pub use metrics::{Bound, Counter, Dimension, Family, Gauge, Histogram, Metrics};
pub use own::{Access, Method};
pub use panic::install_panic_hook;
pub use printed::Printed;
pub use record::{Level, LogRecord, MetricPoint, Sanitized, Trail, Value};
#[cfg(feature = "metrics")]
pub use recorder::Recorder;
pub use store::{ItemOutcome, LogSink, MetricSink, Written};
pub use telemetry::{Flushed, Telemetry, TelemetryParts};
