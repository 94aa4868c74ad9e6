use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Erasable, Error, Incarnation, Presence, StoreKind, Subject,
};
use evanesce_redis::RedisStore;
use evanesce_session::{
    EpochStore, Fetched, FetchedPair, Inserted, LookupId, Record, SessionStore, Swept, Tag,
    Version, Write,
};
use evanesce_testkit::session::Stores;

/// A cluster as the suite sees it: its incarnation is that of the node with the suite's
/// tag, since each tag of a cluster has the incarnation of its own node.
struct Tagged(Arc<RedisStore>);

const TAG: Tag = Tag(0x5e);

pub fn stores_of_a_cluster(store: &Arc<RedisStore>) -> Stores {
    let tagged = Arc::new(Tagged(Arc::clone(store)));
    Stores { sessions: tagged.clone(), erasable: tagged, ..super::stores(store) }
}

impl Tagged {
    async fn of_the_tag(&self) -> Result<Incarnation, Error> {
        Ok(self.0.epochs(TAG).await?.incarnation.expect("a server that answers has one"))
    }
}

impl SessionStore for Tagged {
    fn store(&self) -> StoreKind {
        SessionStore::store(&*self.0)
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.of_the_tag())
    }

    fn insert<'a>(
        &'a self,
        id: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Inserted, Error>> {
        self.0.insert(id, record)
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        self.0.fetch(id)
    }

    fn fetch_pair<'a>(
        &'a self,
        first: &'a LookupId,
        second: &'a LookupId,
    ) -> BoxFuture<'a, Result<FetchedPair, Error>> {
        self.0.fetch_pair(first, second)
    }

    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        self.0.replace(id, version, record)
    }

    fn rename<'a>(
        &'a self,
        from: &'a LookupId,
        version: Version,
        to: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        self.0.rename(from, version, to, record)
    }

    fn remove<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Write, Error>> {
        self.0.remove(id)
    }

    fn take<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        self.0.take(id)
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>> {
        self.0.sweep(limit)
    }

    fn reclaim_observed<'a>(
        &'a self,
        removed: &'a (dyn Fn(u64) + Send + Sync),
    ) -> BoxFuture<'a, Result<u64, Error>> {
        self.0.reclaim_observed(removed)
    }

    fn unreadable(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.0.unreadable()
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        SessionStore::ceiling(&*self.0)
    }
}

impl Erasable for Tagged {
    fn store(&self) -> StoreKind {
        Erasable::store(&*self.0)
    }

    fn class(&self) -> DataClass {
        self.0.class()
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.of_the_tag())
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        self.0.presence(subject)
    }

    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        self.0.erase(subject)
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        self.0.oldest_age()
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Erasable::ceiling(&*self.0)
    }
}
