use std::time::Duration;

use evanesce_core::Error;
use evanesce_session::Swept;

use crate::RedisStore;

/// How many keys are looked at and removed in one step, so that nobody else waits.
const BATCH: usize = 256;

impl RedisStore {
    pub(crate) async fn sweep_batches(&self, limit: usize) -> Result<Swept, Error> {
        let (mut swept, mut cursor) = (Swept::default(), 0);
        loop {
            let keys = self.scan(&mut cursor).await?;
            for batch in keys.chunks(BATCH) {
                let removed = swept.expired + swept.without_expiry;
                let left = (limit as u64).saturating_sub(removed);
                let mut script = self.scripts.sweep.prepare_invoke();
                script.key(batch);
                let (found, _) = self.link.run(script.arg(left)).await?;
                let (expired, without_expiry, overdue): (u64, u64, u64) = found;
                swept.examined += batch.len() as u64;
                swept.expired += expired;
                swept.without_expiry += without_expiry;
                swept.overdue = swept.overdue.max(Duration::from_millis(overdue));
            }
            let full = swept.expired + swept.without_expiry >= limit as u64;
            if cursor == 0 || full {
                return Ok(swept);
            }
        }
    }

    pub(crate) async fn reclaim_batches(&self) -> Result<u64, Error> {
        let (mut removed, mut cursor) = (0, 0);
        loop {
            let keys = self.scan(&mut cursor).await?;
            for batch in keys.chunks(BATCH) {
                removed += self.link.write::<u64>(redis::cmd("UNLINK").arg(batch)).await?;
            }
            if cursor == 0 {
                return Ok(removed);
            }
        }
    }

    /// The age of the oldest session by the server's clock.
    pub(crate) async fn oldest(&self) -> Result<Option<Duration>, Error> {
        let (mut oldest, mut cursor) = (None, 0);
        loop {
            let keys = self.scan(&mut cursor).await?;
            for batch in keys.chunks(BATCH) {
                let mut script = self.scripts.oldest.prepare_invoke();
                script.key(batch);
                let (age, _) = self.link.run::<i64>(&script).await?;
                oldest = oldest.max(u64::try_from(age).ok().map(Duration::from_millis));
            }
            if cursor == 0 {
                return Ok(oldest);
            }
        }
    }

    // One step of SCAN, which walks the whole key space without stopping anybody.
    async fn scan(&self, cursor: &mut u64) -> Result<Vec<Vec<u8>>, Error> {
        let mut command = redis::cmd("SCAN");
        command.arg(*cursor).arg("MATCH").arg(self.keys.every_session());
        command.arg("COUNT").arg(BATCH).arg("TYPE").arg("string");
        let ((next, keys), _) = self.link.read::<(u64, Vec<Vec<u8>>)>(&command).await?;
        *cursor = next;
        Ok(keys)
    }
}
