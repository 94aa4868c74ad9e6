use std::sync::Arc;

use evanesce_core::{Granted, Liveness, NotGranted, Purpose};

async fn check<P: Purpose>(liveness: Arc<dyn Liveness>) -> Result<Granted<P>, NotGranted> {
    Granted::check(liveness).await
}

fn main() {}
