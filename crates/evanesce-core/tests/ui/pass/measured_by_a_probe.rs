use evanesce_core::{Evidence, FnProbe, Reading, StoreKind, SystemClock, label};

async fn measure() -> Evidence {
    let probe = FnProbe::new(StoreKind::Memory, label!("open sessions"), label!("length"), || {
        Ok(Reading::Count(0))
    });
    Evidence::measure(&SystemClock, &probe).await
}

fn main() {
    let _future = measure();
}
