use std::time::Duration;

use crate::{BoxFuture, Error, Label};

/// The port by which one of several nodes does a job at a time.
///
/// # Contract
/// At most one holder at any time within the lease's duration; each new holder's
/// [`Fence`] is higher than every earlier one's, so that a store can refuse the
/// write of a holder that slept too long.
pub trait Lease: Send + Sync {
    /// Takes the lease `name` for `duration`, or `None` while another holds it.
    fn acquire<'a>(
        &'a self,
        name: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>>;

    /// Gives it back, if it is still held under this fence.
    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>>;
}

/// A number that grows with every new holder.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fence(pub u64);
