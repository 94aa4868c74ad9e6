use std::sync::atomic::{AtomicU64, Ordering};

use evanesce_core::{
    BoxFuture, Ceiling, Clock, Error, ErrorKind, Incarnation, Lifetime, StoreKind, SystemClock,
};
use evanesce_session::{
    Epochs, Fetched, FetchedPair, Inserted, LookupId, Record, SessionStore, Swept, Tag, Version,
    Write,
};

use crate::error::{CORRUPT, new};
use crate::identity::Identity;
use crate::keys::{Keys, Slot};
use crate::record::{pack, packed_len, unpack, unpack_epochs};
use crate::reply::Reply;
use crate::request::{Encode, Out, Request};
use crate::scripts::{APPLIED, CONFLICT, GONE, Scripts};
use crate::servers::Servers;
use crate::slots::Part;

/// Sessions, epochs and leases on Redis: one server, one that sentinels name, or a
/// cluster.
///
/// It implements [`SessionStore`] and [`EpochStore`](evanesce_session::EpochStore), and
/// for purges [`Erasable`](evanesce_core::Erasable) and [`Lease`](evanesce_core::Lease).
/// Every session operation is one round trip on one connection to the server that holds
/// its tag.
pub struct RedisStore {
    pub(crate) servers: Servers,
    pub(crate) keys: Keys,
    pub(crate) scripts: std::sync::Arc<Scripts>,
    pub(crate) prolonged: Prolonged,
    pub(crate) failover: crate::Failover,
}

impl SessionStore for RedisStore {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.servers.incarnation())
    }

    fn insert<'a>(
        &'a self,
        id: &'a LookupId,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Inserted, Error>> {
        Box::pin(self.write_and_ask(id, record))
    }

    fn fetch<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let request = Request::read(|out: &mut Out<'_>| {
                out.command("MGET", 4);
                self.keys.session(out, id);
                self.keys.epochs(out, id.tag());
            });
            self.fetched(id.tag(), self.servers.call(Part::tag(id.tag()), &request).await?).await
        })
    }

    fn fetch_pair<'a>(
        &'a self,
        first: &'a LookupId,
        second: &'a LookupId,
    ) -> BoxFuture<'a, Result<FetchedPair, Error>> {
        Box::pin(async move {
            let tag = first.tag();
            if tag != second.tag() {
                const SENTENCE: &str = "two sessions are read at once only within one tag";
                return Err(new(ErrorKind::Invalid, SENTENCE));
            }
            let request = Request::read(|out: &mut Out<'_>| {
                out.command("MGET", 5);
                self.keys.session(out, first);
                self.keys.session(out, second);
                self.keys.epochs(out, tag);
            });
            let (reply, identity) = self.servers.call(Part::tag(tag), &request).await?;
            let [one, two, epochs @ ..] = reply.array::<5>()?;
            let epochs = self.believed(tag, epochs, identity).await?;
            Ok(FetchedPair { first: record(one)?, second: record(two)?, epochs })
        })
    }

    fn replace<'a>(
        &'a self,
        id: &'a LookupId,
        version: Version,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            let Some(left) = left(record) else { return Ok(Write::Gone) };
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.replace, 3, 3);
                self.keys.session(out, id);
                self.keys.epoch(out, id.tag(), Slot::Current);
                self.keys.epoch(out, id.tag(), Slot::Draining);
                out.arg_of(packed_len(record), |into| pack(record, into));
                out.number(left).arg(version.0.to_be_bytes());
            });
            self.outcome(id.tag(), &request).await
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
            let Some(left) = left(record) else { return Ok(Write::Gone) };
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.rename, 4, 3);
                self.keys.session(out, from);
                self.keys.epoch(out, from.tag(), Slot::Current);
                self.keys.epoch(out, from.tag(), Slot::Draining);
                self.keys.session(out, to);
                out.arg_of(packed_len(record), |into| pack(record, into));
                out.number(left).arg(version.0.to_be_bytes());
            });
            self.outcome(from.tag(), &request).await
        })
    }

    fn remove<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            // DEL and not UNLINK: what was asked to be gone is freed before the answer.
            let request = Request::write(|out: &mut Out<'_>| {
                out.command("DEL", 1);
                self.keys.session(out, id);
            });
            let (reply, _) = self.servers.call(Part::tag(id.tag()), &request).await?;
            Ok(if reply.count()? == 1 { Write::Applied } else { Write::Gone })
        })
    }

    fn take<'a>(&'a self, id: &'a LookupId) -> BoxFuture<'a, Result<Fetched, Error>> {
        Box::pin(async move {
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.take, 4, 0);
                self.keys.session(out, id);
                self.keys.epochs(out, id.tag());
            });
            self.fetched(id.tag(), self.servers.call(Part::tag(id.tag()), &request).await?).await
        })
    }

    /// Redis hides expired keys, so that what is found here is what lies without an
    /// expiry, or with one later than the record's own.
    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<Swept, Error>> {
        Box::pin(self.sweep_batches(limit))
    }

    fn reclaim_observed<'a>(
        &'a self,
        removed: &'a (dyn Fn(u64) + Send + Sync),
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.reclaim_batches(removed))
    }

    fn unreadable(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.count_fallen())
    }

    /// 24 hours where nothing is persisted, neither by the servers nor by any of their
    /// replicas; otherwise unbounded, because files outlive keys. What cannot be asked
    /// counts as unbounded too.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(self.worst_case())
    }
}

impl RedisStore {
    /// One write carries the record and, behind it, the question for the epochs. A script
    /// would do both in one step, at twice the server's time; the order makes that
    /// needless. If the epoch stands when it is read, it stood when the record was
    /// written, because an epoch that has ended never stands again. If it does not, the
    /// record is unreadable by then, carries its expiry, and is taken away before the
    /// answer.
    async fn write_and_ask(&self, id: &LookupId, record: &Record) -> Result<Inserted, Error> {
        let (tag, part) = (id.tag(), Part::tag(id.tag()));
        let Some(left) = left(record) else {
            let epochs = self.epochs_of(tag).await?;
            return Ok(Inserted { write: Write::Gone, epochs });
        };
        let prolongs = self.prolonged.falls_due(tag);
        let encode = |out: &mut Out<'_>| {
            out.command("SET", 5);
            self.keys.session(out, id);
            out.arg_of(packed_len(record), |into| pack(record, into));
            out.arg("NX").arg("PX").number(left);
            out.command("MGET", 3);
            self.keys.epochs(out, tag);
            if prolongs {
                for (slot, lives) in [(Slot::Current, EPOCH_LIVES), (Slot::Newest, NUMBER_LIVES)] {
                    out.command("PEXPIRE", 2);
                    self.keys.epoch(out, tag, slot);
                    out.number(lives);
                }
            }
        };
        let (reply, identity) = self.servers.call(part, &Request::write(encode)).await?;
        let mut answers = reply.list()?.into_iter();
        let mut next = || answers.next().ok_or(CORRUPT);
        let written = next()?.bytes()?.is_some();
        let epochs = match next()? {
            // The slot left between the two commands.
            Reply::Refused(_) => self.epochs_of(tag).await?,
            epochs => self.believed(tag, epochs.array()?, identity).await?,
        };
        if prolongs && next()? == Reply::Int(1) {
            self.prolonged.note(tag);
        }
        let mut listed = epochs.current.iter().chain(&epochs.draining);
        let stands = listed.any(|epoch| epoch.number == record.epoch);
        let write = match (stands, written) {
            (true, true) => Write::Applied,
            (true, false) => Write::Conflict,
            (false, true) => {
                let _removed_or_expired = self.remove(id).await?;
                Write::Gone
            }
            (false, false) => Write::Gone,
        };
        Ok(Inserted { write, epochs })
    }

    pub(crate) async fn epochs_of(&self, tag: Tag) -> Result<Epochs, Error> {
        let request = Request::read(|out: &mut Out<'_>| {
            out.command("MGET", 3);
            self.keys.epochs(out, tag);
        });
        let (reply, identity) = self.servers.call(Part::tag(tag), &request).await?;
        self.believed(tag, reply.array()?, identity).await
    }

    pub(crate) async fn outcome(
        &self,
        tag: Tag,
        request: &Request<impl Encode>,
    ) -> Result<Write, Error> {
        let (reply, _) = self.servers.call(Part::tag(tag), request).await?;
        match reply.int()? {
            APPLIED => Ok(Write::Applied),
            CONFLICT => Ok(Write::Conflict),
            GONE => Ok(Write::Gone),
            _ => Err(CORRUPT),
        }
    }

    async fn fetched(
        &self,
        tag: Tag,
        (reply, identity): (Reply, Identity),
    ) -> Result<Fetched, Error> {
        let [found, epochs @ ..] = reply.array::<4>()?;
        let record = record(found)?;
        Ok(Fetched { record, epochs: self.believed(tag, epochs, identity).await? })
    }

    // Epochs of another incarnation are about to be ended by whoever asked, so that the
    // server is asked once more who it is: another node may have noticed earlier.
    async fn believed(
        &self,
        tag: Tag,
        values: [Reply; 3],
        identity: Identity,
    ) -> Result<Epochs, Error> {
        let mut epochs = unpack_epochs(values, &identity)?;
        let mut listed = epochs.current.iter().chain(&epochs.draining);
        if listed.any(|epoch| epoch.incarnation != identity.incarnation) {
            let identity = self.servers.doubt(Part::tag(tag)).await?;
            epochs.incarnation = Some(identity.incarnation);
        }
        Ok(epochs)
    }
}

/// How long an epoch's secret outlives the last opening under it: two days and an hour.
pub(crate) const EPOCH_LIVES: u64 = 49 * 3_600_000;
/// How long its number does: 90 days.
pub(crate) const NUMBER_LIVES: u64 = 90 * 86_400_000;
/// How often an epoch that is opened under is prolonged, by each node for itself. With
/// [`EPOCH_LIVES`] it outlives every record by a day.
const PROLONGED_EACH: u64 = 3_600_000;

/// When this node last prolonged the epoch of each tag.
pub(crate) struct Prolonged([AtomicU64; 256]);

impl Prolonged {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 256])
    }

    fn falls_due(&self, tag: Tag) -> bool {
        let last = self.0[usize::from(tag.0)].load(Ordering::Relaxed);
        last == 0 || moment().saturating_sub(last) >= PROLONGED_EACH
    }

    fn note(&self, tag: Tag) {
        self.0[usize::from(tag.0)].store(moment(), Ordering::Relaxed);
    }
}

// Never 0, which stands for never.
fn moment() -> u64 {
    u64::try_from(SystemClock.monotonic().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// The milliseconds that a record is still to be kept, a day at most whatever it says;
/// `None` if its time has passed. A duration is what the server gets, so that no
/// difference between its clock and ours makes a record live longer.
fn left(record: &Record) -> Option<u64> {
    let left = record.expiry.since(SystemClock.now()).min(Lifetime::MAX.duration());
    u64::try_from(left.as_millis()).ok().filter(|left| *left > 0)
}

fn record(reply: Reply) -> Result<Option<Record>, Error> {
    reply.bytes()?.map(unpack).transpose()
}
