use std::time::Duration;

use evanesce_core::{BoxFuture, Error, Fence, Label, Lease};

use crate::PostgresStore;
use crate::store::{clamp, column, from_sql};

// The server's clock tells when a lease lapses, because nodes' clocks differ.
const ACQUIRE: &str = "INSERT INTO lease AS held (name, fence, until) \
     VALUES ($1, 1, clock_timestamp() + make_interval(secs => $2)) \
     ON CONFLICT (name) DO UPDATE SET fence = held.fence + 1, until = excluded.until \
     WHERE held.until <= clock_timestamp() RETURNING fence";
const RELEASE: &str = "UPDATE lease SET until = '-infinity' WHERE name = $1 AND fence = $2";
/// Ten years, which every timestamp can bear.
const LONGEST: f64 = 315_360_000.0;

/// A lease is a row whose fence grows with each holder and which is never deleted.
impl Lease for PostgresStore {
    fn acquire<'a>(
        &'a self,
        name: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>> {
        Box::pin(async move {
            let seconds = duration.as_secs_f64().min(LONGEST);
            let rows = self.write(ACQUIRE, &[&name.as_str(), &seconds]).await?;
            rows.first().map(|row| from_sql(column(row, 0)?).map(Fence)).transpose()
        })
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.write(RELEASE, &[&name.as_str(), &clamp(fence.0)]).await.map(|_| ())
        })
    }
}
