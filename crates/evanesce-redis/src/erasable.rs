use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Erasable, Error, Incarnation, Presence, StoreKind, Subject,
};
use evanesce_session::{LookupId, SessionStore, Write};

use crate::RedisStore;

impl Erasable for RedisStore {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        SessionStore::incarnation(self)
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async move {
            let id = LookupId::from_subject(subject, StoreKind::Redis)?;
            let mut command = redis::cmd("EXISTS");
            let (there, _) = self.link.read::<u64>(command.arg(self.keys.session(&id))).await?;
            Ok(if there == 0 { Presence::Absent } else { Presence::Present })
        })
    }

    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let id = LookupId::from_subject(subject, StoreKind::Redis)?;
            Ok(u64::from(self.remove(&id).await? == Write::Applied))
        })
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        Box::pin(self.oldest())
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        SessionStore::ceiling(self)
    }
}
