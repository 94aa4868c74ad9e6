use std::panic;

use crate::failure::{Fingerprint, file_name, placed};
use crate::{Level, LogRecord, Telemetry};

/// Replaces the panic hook: what a panic says may quote personal data, so its message
/// goes nowhere. A record with the place in the source, and its [`Fingerprint`], is put in
/// the queue instead.
pub fn install_panic_hook(telemetry: &Telemetry) {
    let telemetry = telemetry.clone();
    panic::set_hook(Box::new(move |info| {
        let record = LogRecord::new(telemetry.clock().now(), Level::Error, "panic");
        telemetry.log(match info.location() {
            Some(place) => {
                let (file, line) = (file_name(place.file()), place.line());
                let fingerprint = Fingerprint::of(&["panic", file], line);
                placed(record, file, line).with("fingerprint", fingerprint.value())
            }
            None => record,
        });
    }));
}
