use std::marker::PhantomData;
use std::sync::Arc;

use evanesce_core::{Granted, Liveness};

fn forge<P>(liveness: Arc<dyn Liveness>) -> Granted<P> {
    Granted { liveness, purpose: PhantomData }
}

fn main() {}
