use std::pin::Pin;

use evanesce_core::{Basis, Granted, NotGranted, Purpose, Retention};
use evanesce_telemetry::{Access, Telemetry};

struct Performance;

impl Purpose for Performance {
    const NAME: &'static str = "performance";
    const NOTICE: &'static str = "How fast your own requests are answered";
    const BASIS: Basis = Basis::Consent;
    const KEEP: Retention = Retention::Months(3);
}

type Logged<'a> = Pin<Box<dyn Future<Output = Result<(), NotGranted>> + 'a>>;

fn log<'a>(telemetry: &'a Telemetry, access: Access, grant: &'a Granted<Performance>) -> Logged<'a> {
    Box::pin(telemetry.access(access, grant))
}

fn main() {
    let log: for<'a> fn(&'a Telemetry, Access, &'a Granted<Performance>) -> Logged<'a> = log;
    std::hint::black_box(log);
}
