use std::time::Duration;

use evanesce_core::{BoxFuture, Error, Fence, Label, Lease};

use crate::RedisStore;

impl Lease for RedisStore {
    fn acquire<'a>(
        &'a self,
        name: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>> {
        Box::pin(async move {
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let mut script = self.scripts.acquire.prepare_invoke();
            script.key(self.keys.lease(name).as_slice());
            // The server refuses an expiry that it cannot count.
            let (fence, _) = self.link.run::<i64>(script.arg(millis.clamp(1, 1 << 42))).await?;
            Ok(u64::try_from(fence).ok().map(Fence))
        })
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let [lease, _] = self.keys.lease(name);
            let mut script = self.scripts.release.prepare_invoke();
            let (_, _) = self.link.run::<i64>(script.key(lease).arg(fence.0)).await?;
            Ok(())
        })
    }
}
