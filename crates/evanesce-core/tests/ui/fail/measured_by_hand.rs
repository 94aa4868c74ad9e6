use evanesce_core::{Clock, Evidence, Label, Reading, Standing, StoreKind, SystemClock};

fn main() {
    let _evidence = Evidence {
        store: StoreKind::Memory,
        fact: Label::new("memory cleared"),
        reading: Some(Reading::Holds(true)),
        standing: Standing::Measured,
        method: Label::new("by hand"),
        at: SystemClock.now(),
    };
}
