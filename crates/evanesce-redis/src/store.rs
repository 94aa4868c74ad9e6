use evanesce_core::{BoxFuture, Ceiling, Error, ErrorKind, Incarnation, Namespace, StoreKind};
use evanesce_session::{Fetched, LookupId, Record, SessionStore, Swept, Version, Write};
use evanesce_tls::Tls;

use crate::error::{CORRUPT, new};
use crate::keys::Keys;
use crate::link::{Link, Timeouts};
use crate::record::{pack, unpack, unpack_epochs};
use crate::scripts::{APPLIED, CONFLICT, Scripts};

/// Sessions, epochs and leases on one Redis server.
///
/// It implements [`SessionStore`] and [`EpochStore`](evanesce_session::EpochStore), and
/// for purges [`Erasable`](evanesce_core::Erasable) and [`Lease`](evanesce_core::Lease).
/// Every session operation is one round trip on one multiplexed connection.
pub struct RedisStore {
    pub(crate) link: Link,
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
}

impl RedisStore {
    /// Connects to `rediss://user:password@host:port/db`, with two seconds for a
    /// connection and for each answer.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] for a plain `redis://` address, except to this machine
    /// under [`Tls::plaintext_loopback`], and where the user may not run `INFO`;
    /// [`ErrorKind::Authentication`], [`ErrorKind::Unavailable`],
    /// [`ErrorKind::Timeout`]. None of them repeats the address.
    pub async fn connect(url: &str, tls: &Tls, namespace: &Namespace) -> Result<Self, Error> {
        Self::connect_within(url, tls, namespace, Timeouts::default()).await
    }

    /// As [`connect`](Self::connect), with other limits.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_within(
        url: &str,
        tls: &Tls,
        namespace: &Namespace,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        let link = Link::connect(url, tls, timeouts).await?;
        Ok(Self { link, keys: Keys::new(namespace), scripts: Scripts::new() })
    }
}

impl SessionStore for RedisStore {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        // A command goes to the server first: a connection may have died unnoticed.
        Box::pin(async { Ok(self.link.read::<String>(&redis::cmd("PING")).await?.1) })
    }

    fn insert<'a>(
        &'a self,
        id: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let mut script = self.scripts.insert.prepare_invoke();
            script.key(self.keys.session(id));
            script.key(self.keys.epochs(id.tag()).as_slice());
            script.arg(pack(record)).arg(record.expiry.as_millis());
            script.arg(EPOCH_LIVES).arg(NUMBER_LIVES);
            outcome(self.link.run(&script).await?.0)
        })
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let mut command = redis::cmd("MGET");
            command.arg(self.keys.session(id)).arg(self.keys.epochs(id.tag()).as_slice());
            fetched(self.link.read(&command).await?)
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let [current, draining, _] = self.keys.epochs(id.tag());
            let mut script = self.scripts.replace.prepare_invoke();
            script.key(self.keys.session(id)).key(current).key(draining);
            script.arg(pack(record)).arg(record.expiry.as_millis());
            script.arg(version.0.to_be_bytes().as_slice());
            outcome(self.link.run(&script).await?.0)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a LookupId,
        version: Version,
        to: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            if from.tag() != to.tag() {
                const SENTENCE: &str = "a session is renamed only within its own tag";
                return Err(new(ErrorKind::Invalid, SENTENCE));
            }
            let [current, draining, _] = self.keys.epochs(from.tag());
            let mut script = self.scripts.rename.prepare_invoke();
            script.key(self.keys.session(from)).key(current).key(draining);
            script.key(self.keys.session(to));
            script.arg(pack(record)).arg(record.expiry.as_millis());
            script.arg(version.0.to_be_bytes().as_slice());
            outcome(self.link.run(&script).await?.0)
        })
    }

    fn remove<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            // DEL and not UNLINK: what was asked to be gone is freed before the answer.
            let mut command = redis::cmd("DEL");
            let removed: u64 = self.link.write(command.arg(self.keys.session(id))).await?;
            Ok(if removed == 1 { Write::Applied } else { Write::Gone })
        })
    }

    fn take<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let mut script = self.scripts.take.prepare_invoke();
            script.key(self.keys.session(id));
            script.key(self.keys.epochs(id.tag()).as_slice());
            fetched(self.link.run(&script).await?)
        })
    }

    /// Redis hides expired keys, so that what is found here is what lies without an
    /// expiry, or with one later than the record's own.
    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>> {
        Box::pin(self.sweep_batches(limit))
    }

    fn reclaim(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.reclaim_batches())
    }

    /// 24 hours, which the scripts enforce, where nothing is persisted or replicated;
    /// otherwise unbounded, because files outlive keys. What cannot be asked counts as
    /// unbounded too.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(self.worst_case())
    }
}

/// How long an epoch's secret outlives the last opening under it: two days and an hour.
pub(crate) const EPOCH_LIVES: u64 = 49 * 3_600_000;
/// How long its number does: 90 days.
pub(crate) const NUMBER_LIVES: u64 = 90 * 86_400_000;

pub(crate) fn outcome(answer: i64) -> Result<Write, Error> {
    Ok(match answer {
        APPLIED => Write::Applied,
        CONFLICT => Write::Conflict,
        2 => Write::Gone,
        _ => return Err(CORRUPT),
    })
}

type Found = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

fn fetched(
    ((record, current, draining, newest), incarnation): (Found, Incarnation),
) -> Result<Fetched, Error> {
    Ok(Fetched {
        record: record.map(|bytes| unpack(&bytes)).transpose()?,
        epochs: unpack_epochs((current, draining, newest), incarnation)?,
    })
}
