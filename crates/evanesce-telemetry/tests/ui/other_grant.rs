use std::pin::Pin;

use evanesce_core::{Basis, Granted, NotGranted, Purpose, Retention};
use evanesce_telemetry::{Access, Telemetry};

struct Usage;

impl Purpose for Usage {
    const NAME: &'static str = "usage";
    const NOTICE: &'static str = "Which topics are popular";
    const BASIS: Basis = Basis::Consent;
    const KEEP: Retention = Retention::Months(3);
}

type Logged<'a> = Pin<Box<dyn Future<Output = Result<(), NotGranted>> + 'a>>;

fn log<'a>(telemetry: &'a Telemetry, access: Access, grant: &'a Granted<Usage>) -> Logged<'a> {
    Box::pin(telemetry.access(access, grant))
}

fn main() {
    let log: for<'a> fn(&'a Telemetry, Access, &'a Granted<Usage>) -> Logged<'a> = log;
    std::hint::black_box(log);
}
