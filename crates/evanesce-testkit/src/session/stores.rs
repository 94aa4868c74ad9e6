//! What the suite does to a store again and again.

use super::*;

impl Stores {
    pub(super) async fn insert(&self, id: &LookupId, record: &Record) -> Write {
        self.sessions.insert(id, record).await.unwrap().write
    }

    pub(super) async fn fetch(&self, id: &LookupId) -> Option<Record> {
        self.sessions.fetch(id).await.unwrap().record
    }

    pub(super) async fn replace(&self, id: &LookupId, version: u64, record: &Record) -> Write {
        self.sessions.replace(id, Version(version), record).await.unwrap()
    }

    pub(super) async fn rename(
        &self,
        from: &LookupId,
        at: u64,
        to: &LookupId,
        record: &Record,
    ) -> Write {
        self.sessions.rename(from, Version(at), to, record).await.unwrap()
    }

    /// The number of the first epoch of the tag.
    pub(super) async fn begin(&self) -> u64 {
        self.begin_after(0, self.after(LATER)).await.number
    }

    pub(super) async fn begin_after(&self, after: u64, drain: Timestamp) -> EpochRecord {
        let next = self.epoch(after + 1).await;
        assert_eq!(self.epochs.begin(TAG, after, &next, drain).await.unwrap(), Write::Applied);
        next
    }

    pub(super) async fn epoch(&self, number: u64) -> EpochRecord {
        let incarnation = self.incarnation().await.unwrap();
        EpochRecord { number, wrapped: bytes(80).into(), incarnation }
    }

    /// Of the server that holds the tag: in a cluster each tag has its own.
    pub(super) async fn incarnation(&self) -> Option<Incarnation> {
        self.epochs.epochs(TAG).await.unwrap().incarnation
    }

    pub(super) fn record(&self, version: u64, epoch: u64, left: Duration) -> Record {
        let now = self.clock.now();
        Record {
            version: Version(version),
            epoch,
            opened: now,
            expiry: now.plus(left),
            absolute: now.plus(left),
            idle: Duration::from_secs(1800),
            last_seen: now,
            sealed: sealed(),
        }
    }

    pub(super) fn after(&self, left: Duration) -> Timestamp {
        self.clock.now().plus(left)
    }

    /// A little more than the duration: a server's clock and ours may differ by as much.
    pub(super) async fn pass(&self, duration: Duration) {
        (self.advance)(duration + Duration::from_millis(100)).await;
    }
}
