use std::panic;

use evanesce_core::Label;

use crate::{Level, LogRecord, Telemetry, Value};

/// Replaces the panic hook: what a panic says may quote personal data, so its message
/// goes nowhere. A record with the place in the source is put in the queue instead.
pub fn install_panic_hook(telemetry: &Telemetry) {
    let telemetry = telemetry.clone();
    panic::set_hook(Box::new(move |info| {
        let now = telemetry.clock().now();
        let mut record = LogRecord::new(now, Level::Error, "panic");
        if let Some(location) = info.location() {
            let file = location.file().rsplit('/').next().unwrap_or("");
            if let Ok(file) = Label::parse(file) {
                record = record.with("file", Value::Word(file));
            }
            record = record.with("line", Value::Integer(i64::from(location.line())));
        }
        telemetry.log(record);
    }));
}
