#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod checks;
mod csv;
mod flux;
#[cfg(feature = "influxdb2")]
mod interop;
mod line;
#[cfg(any(feature = "influxdb2", test))]
mod parse;
mod settings;
mod sink;
mod wire;

pub use sink::InfluxSink;
