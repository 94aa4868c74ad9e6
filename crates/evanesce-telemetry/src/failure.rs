use std::error::Error;
use std::fmt;
use std::panic::Location;

use evanesce_core::Label;

use crate::{Level, LogRecord, Telemetry, Value};

/// What a failure is known by again: the type of the error and the place in the source that
/// reported it. Nothing that the error says goes into it, so that a thousand readers with a
/// thousand addresses are one failure, and the fingerprint is no hash of what they wrote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(parts: &[&str], line: u32) -> Self {
        // FNV-1a of 64 bits: the same in each process and each build.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let text = parts.iter().flat_map(|part| part.bytes().chain([0]));
        Self(text.chain(line.to_be_bytes()).fold(0xcbf2_9ce4_8422_2325, step))
    }

    pub(crate) fn value(self) -> Value {
        // Sixteen hexadecimal digits are always a label.
        Label::parse(&self.to_string()).map_or(Value::Flag(true), Value::Word)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Telemetry {
    /// Puts a record `failure` in the queue: the error's type, the place of the call, and
    /// the [`Fingerprint`] of both, by which a store counts. Neither what the error prints
    /// nor what its sources print is looked at.
    #[track_caller]
    pub fn failure<E: Error + ?Sized>(&self, _: &E) -> Fingerprint {
        let place = Location::caller();
        let kind = std::any::type_name::<E>();
        let file = file_name(place.file());
        let fingerprint = Fingerprint::of(&[kind, file], place.line());
        let mut record = LogRecord::new(self.clock().now(), Level::Error, "failure")
            .with("fingerprint", fingerprint.value());
        if let Ok(kind) = Label::parse(kind) {
            record = record.with("kind", Value::Word(kind));
        }
        self.log(placed(record, file, place.line()));
        fingerprint
    }
}

/// The last part of a path: where a program was built is nobody's business.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or("")
}

/// The record with a place in the source.
pub(crate) fn placed(mut record: LogRecord, file: &str, line: u32) -> LogRecord {
    if let Ok(file) = Label::parse(file) {
        record = record.with("file", Value::Word(file));
    }
    record.with("line", Value::Integer(i64::from(line)))
}
