#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod checks;
mod connect;
mod document;
mod index;
mod sink;
mod wire;

pub use sink::ElasticsearchSink;
