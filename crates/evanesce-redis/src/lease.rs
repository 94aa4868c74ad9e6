use std::time::Duration;

use evanesce_core::{BoxFuture, Error, Fence, Label, Lease};

use crate::RedisStore;
use crate::request::{Out, Request};
use crate::slots::Part;

impl Lease for RedisStore {
    fn acquire<'a>(
        &'a self,
        name: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>> {
        Box::pin(async move {
            // The server refuses an expiry that it cannot count.
            let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let millis = millis.clamp(1, 1 << 42);
            let [lease, fence] = self.keys.lease(name);
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.acquire, 2, 1).arg(&lease).arg(&fence).number(millis);
            });
            let (reply, _) = self.servers.call(Part::LEASES, &request).await?;
            Ok(u64::try_from(reply.int()?).ok().map(Fence))
        })
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let [lease, _] = self.keys.lease(name);
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.release, 1, 1).arg(&lease).number(fence.0);
            });
            let (reply, _) = self.servers.call(Part::LEASES, &request).await?;
            reply.done()
        })
    }
}
