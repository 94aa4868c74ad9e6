use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Erasable, Error, Incarnation, Label, Presence, StoreKind,
    Subject, label,
};
use evanesce_session::{LookupId, SessionStore, Write};

use crate::request::{Out, Request};
use crate::slots::Part;
use crate::{Failover, RedisStore};

impl Erasable for RedisStore {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn chosen(&self) -> Option<Label> {
        match self.failover {
            Failover::End => None,
            Failover::Keep => Some(label!("RedisBuilder::failover")),
        }
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        SessionStore::incarnation(self)
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async move {
            let id = LookupId::from_subject(subject, StoreKind::Redis)?;
            let request = Request::read(|out: &mut Out<'_>| {
                out.command("EXISTS", 1);
                self.keys.session(out, &id);
            });
            let (reply, _) = self.servers.call(Part::tag(id.tag()), &request).await?;
            Ok(if reply.count()? == 0 { Presence::Absent } else { Presence::Present })
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

    fn demand<'a>(&'a self, clock: &'a dyn Clock) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Self::demand(self, clock).await.map(drop) })
    }
}
