use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    Append, Clock, Entry, ErrorKind, Lifetime, Namespace, Operation, Outcome, Subject, Timestamp,
};
use evanesce_crypto::{RootProvider, random};
use evanesce_memory::{Ephemeral, Plain, SecretBytes, from_bytes, to_secret, wipe_slice};

use crate::epochs::Floors;
use crate::keys::{self, Header};
use crate::payload::Parts;
use crate::steady::Steady;
use crate::{
    Change, Compartment, EpochRecord, EpochStore, Failed, Fetched, LookupId, SessionError,
    SessionStore, Tag, Token, Version, Write,
};

/// How often a lost race is tried again. Each loss means that another operation won,
/// so the bound is met only where that many stand in line.
pub(crate) const ATTEMPTS: u32 = 64;

/// How far the clocks of two nodes may lie apart: a record from further in the future
/// is not believed.
const SKEW: Duration = Duration::from_secs(300);

/// Sessions that only their client can open. Cheap to clone.
///
/// The plaintext of a session is lent to a closure that cannot await; it lies in
/// guarded memory before and is wiped after. Every operation is audited, and every
/// future may be dropped at any await: a write has then happened whole or not at all.
#[derive(Clone)]
pub struct Sessions(pub(crate) Arc<Inner>);

/// What sessions are made of.
pub struct SessionParts {
    /// Keeps this service's sessions apart from others', in the store and under the seal.
    pub namespace: Namespace,
    /// Where records lie.
    pub store: Arc<dyn SessionStore>,
    /// Where epoch secrets lie; usually the same store.
    pub epochs: Arc<dyn EpochStore>,
    /// What epoch secrets are wrapped under.
    pub root: Arc<dyn RootProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where operations are audited.
    pub audit: Arc<dyn Append>,
}

/// How long sessions live and how large they may be.
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// From opening or the last renewal, whatever happens. Renewed or not, no session
    /// outlives 24 hours from its opening.
    pub lifetime: Lifetime,
    /// Without being used. A use is noticed to a tenth of this.
    pub idle: Lifetime,
    /// The most bytes that data and compartments may have together.
    pub max_bytes: usize,
}

impl Default for SessionPolicy {
    /// 4 hours, 1 hour idle, 64 KiB.
    fn default() -> Self {
        let idle = const { Lifetime::hours(1) };
        Self { lifetime: Lifetime::default(), idle, max_bytes: 64 * 1024 }
    }
}

/// How a session came to be gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Destroyed {
    /// There was none any more.
    Absent,
    /// It was there, and was removed.
    Removed,
}

impl Sessions {
    /// Sessions of these parts under this policy.
    #[must_use]
    pub fn new(parts: SessionParts, policy: SessionPolicy) -> Self {
        let clock = Steady::new(Arc::clone(&parts.clock));
        Self(Arc::new(Inner { parts, policy, clock, floors: Floors::new() }))
    }

    /// Opens a session with this data.
    ///
    /// # Errors
    /// [`SessionError::TooLarge`], [`SessionError::EpochEnded`] if everything was
    /// purged meanwhile, and those of the store.
    pub fn open<'s, T: Ephemeral>(
        &'s self,
        value: &T,
    ) -> impl Future<Output = Result<Token, SessionError>> + Send + use<'s, T> {
        // Encoded before the first await: the future holds guarded bytes, not the value.
        let data = to_secret(value);
        async move { self.open_sealed(data.map_err(SessionError::from), &[]).await }
    }

    /// Opens a session with this data and these compartments.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with<'s, T: Ephemeral>(
        &'s self,
        value: &T,
        compartments: &'s [(Compartment, &'s [u8])],
    ) -> impl Future<Output = Result<Token, SessionError>> + Send + use<'s, T> {
        let data = to_secret(value);
        async move { self.open_sealed(data.map_err(SessionError::from), compartments).await }
    }

    /// Lends the session's data to `look`.
    ///
    /// # Errors
    /// [`SessionError::Absent`], [`SessionError::Expired`],
    /// [`SessionError::EpochEnded`]; [`SessionError::Schema`] if the data is not a
    /// `T`; those of the store.
    pub async fn read<T: Ephemeral, R>(
        &self,
        token: &Token,
        look: impl FnOnce(&T) -> R,
    ) -> Result<R, SessionError> {
        let read = async {
            let held = self.hold(token).await?;
            let seen = held.payload.expose(|bytes| {
                let plain = Plain::new(from_bytes::<T>(Parts::read(bytes)?.data)?);
                Ok::<R, SessionError>(look(&plain))
            })?;
            self.touch(token, held).await;
            Ok(seen)
        };
        let read = read.await;
        self.audited(Operation::SessionRead, read)
    }

    /// Lends the session's data to `change` and writes it back, if nobody else has
    /// written meanwhile; else it is read and changed anew, so that `change` may run
    /// several times.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`SessionError::TooLarge`];
    /// [`SessionError::Contended`] after 64 lost races.
    pub async fn update<T: Ephemeral, R>(
        &self,
        token: &Token,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, SessionError> {
        let max = self.0.policy.max_bytes;
        let updated = self.rewrite(token, |_, parts| {
            let mut plain = Plain::new(from_bytes::<T>(parts.data)?);
            let result = change(&mut plain);
            let data = plain.to_secret()?;
            let payload = data.expose(|data| parts.with_data(data).write(max))?;
            Ok((Some(payload), result))
        });
        let updated = updated.await;
        self.audited(Operation::SessionUpdated, updated)
    }

    /// What a room of the house keeps in this session, in guarded memory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn compartment(
        &self,
        token: &Token,
        compartment: Compartment,
    ) -> Result<Option<SecretBytes>, SessionError> {
        let read = async {
            let held = self.hold(token).await?;
            held.payload.expose(|bytes| {
                let room = Parts::read(bytes)?.room(compartment);
                room.map(|room| Ok(copy(room)?)).transpose()
            })
        };
        let read = read.await;
        self.audited(Operation::SessionRead, read)
    }

    /// Changes what a room keeps in this session, under the same rules as
    /// [`update`](Self::update).
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn update_compartment<R>(
        &self,
        token: &Token,
        compartment: Compartment,
        mut change: impl FnMut(Option<&[u8]>) -> (Change, R),
    ) -> Result<R, SessionError> {
        let max = self.0.policy.max_bytes;
        let updated = self.rewrite(token, |_, parts| match change(parts.room(compartment)) {
            (Change::Keep, result) => Ok((None, result)),
            (Change::Remove, result) => {
                let mut parts = parts.clone();
                parts.remove(compartment);
                Ok((Some(parts.write(max)?), result))
            }
            (Change::Put(mut bytes), result) => {
                let mut parts = parts.clone();
                parts.put(compartment, &bytes);
                let payload = parts.write(max);
                wipe_slice(&mut bytes);
                Ok((Some(payload?), result))
            }
        });
        let updated = updated.await;
        self.audited(Operation::SessionUpdated, updated)
    }

    /// Extends the session by the policy's lifetime from now, though never beyond 24
    /// hours from its opening, and says when it ends.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn renew(&self, token: &Token) -> Result<Timestamp, SessionError> {
        let renewed = self.rewrite(token, |header, parts| {
            let end = self.0.clock.now().plus(self.0.policy.lifetime.duration());
            let latest = header.opened.plus(Lifetime::MAX.duration());
            header.absolute = header.absolute.max(end).min(latest);
            Ok((Some(parts.write(usize::MAX)?), header.absolute))
        });
        let renewed = renewed.await;
        self.audited(Operation::SessionRenewed, renewed)
    }

    /// Moves the session to a new token in one step: at no moment is there none or are
    /// there two. The old token is dead when this returns.
    ///
    /// # Errors
    /// [`Failed`] with the old token, and why as in [`update`](Self::update). After an
    /// unconfirmed write the new name is looked for before the failure is given out.
    pub async fn rotate(&self, token: Token) -> Result<Token, Failed> {
        let rotated = self.renamed(&token).await;
        self.audited(Operation::SessionRotated, rotated).map_err(|error| Failed { token, error })
    }

    /// Destroys the session. The token is consumed only when that is certain.
    ///
    /// # Errors
    /// [`Failed`] with the token, if the store failed.
    pub async fn destroy(&self, token: Token) -> Result<Destroyed, Failed> {
        let destroyed = async {
            let id = self.lookup(&token)?;
            Ok(match self.0.parts.store.remove(&id).await? {
                Write::Applied => Destroyed::Removed,
                Write::Conflict | Write::Gone => Destroyed::Absent,
            })
        };
        let destroyed = destroyed.await;
        self.audited(Operation::SessionDestroyed, destroyed)
            .map_err(|error| Failed { token, error })
    }

    /// Reads the session and destroys it in one step. Of any number of concurrent
    /// calls one gets the data; none does where the store's reply was lost.
    ///
    /// # Errors
    /// [`Failed`] with the token. Where the data turned out not to be a `T`, it is
    /// gone nevertheless.
    pub async fn take<T: Ephemeral>(&self, token: Token) -> Result<Plain<T>, Failed> {
        let taken = async {
            let id = self.lookup(&token)?;
            let fetched = self.0.parts.store.take(&id).await?;
            self.opened(&token, id, fetched).await
        };
        let taken = taken.await.and_then(|held| {
            held.payload.expose(|bytes| Ok(Plain::new(from_bytes(Parts::read(bytes)?.data)?)))
        });
        self.audited(Operation::SessionTaken, taken).map_err(|error| Failed { token, error })
    }

    /// The session as whom an erasure concerns: what
    /// [`LookupId::to_subject`] makes.
    ///
    /// # Errors
    /// [`SessionError::Crypto`] and [`SessionError::Memory`].
    pub fn subject(&self, token: &Token) -> Result<Subject, SessionError> {
        Ok(self.lookup(token)?.to_subject())
    }

    async fn open_sealed(
        &self,
        data: Result<SecretBytes, SessionError>,
        compartments: &[(Compartment, &[u8])],
    ) -> Result<Token, SessionError> {
        let opened = async {
            let payload = data?.expose(|data| {
                let mut parts = Parts::new(data);
                compartments.iter().for_each(|(room, held)| parts.put(*room, held));
                parts.write(self.0.policy.max_bytes)
            })?;
            self.insert(&payload).await
        };
        let opened = opened.await;
        self.audited(Operation::SessionOpened, opened)
    }

    async fn insert(&self, payload: &SecretBytes) -> Result<Token, SessionError> {
        let mut tag = [0];
        random(&mut tag)?;
        let token = Token::mint(Tag(tag[0]))?;
        let id = self.lookup(&token)?;
        // An epoch may end between its reading and the writing; then the next is begun.
        for _ in 0..2 {
            let epoch = self.current_epoch(token.tag()).await?;
            let now = self.0.clock.now();
            let header = Header {
                version: Version(1),
                epoch: epoch.number,
                opened: now,
                absolute: now.plus(self.0.policy.lifetime.duration()),
                idle: self.0.policy.idle.duration(),
                last_seen: now,
            };
            let record = self.seal((&token, &id), &epoch, header, payload)?;
            match self.0.parts.store.insert(&id, &record).await? {
                Write::Applied => return Ok(token),
                // 256 random bits met twice: not a chance, but a store that lies.
                Write::Conflict => return Err(SessionError::Contended),
                Write::Gone => {}
            }
        }
        Err(SessionError::EpochEnded)
    }

    // Compare and set, again and again while others win.
    async fn rewrite<R>(
        &self,
        token: &Token,
        mut work: impl FnMut(&mut Header, &Parts<'_>) -> Result<Rewritten<R>, SessionError>,
    ) -> Result<R, SessionError> {
        for _ in 0..ATTEMPTS {
            let held = self.hold(token).await?;
            let mut header = held.header;
            let (payload, result) =
                held.payload.expose(|bytes| work(&mut header, &Parts::read(bytes)?))?;
            let Some(payload) = payload else { return Ok(result) };
            let written = held.header.version;
            let header = self.next(header, &held.under);
            let record = self.seal((token, &held.id), &held.under, header, &payload)?;
            match self.0.parts.store.replace(&held.id, written, &record).await? {
                Write::Applied => return Ok(result),
                Write::Conflict => {}
                Write::Gone => return Err(SessionError::Absent),
            }
        }
        Err(SessionError::Contended)
    }

    async fn renamed(&self, token: &Token) -> Result<Token, SessionError> {
        let store = &self.0.parts.store;
        let fresh = Token::mint(token.tag())?;
        let to = self.lookup(&fresh)?;
        for _ in 0..ATTEMPTS {
            let held = self.hold(token).await?;
            let header = self.next(held.header, &held.under);
            let record = self.seal((&fresh, &to), &held.under, header, &held.payload)?;
            match store.rename(&held.id, held.header.version, &to, &record).await {
                Ok(Write::Applied) => return Ok(fresh),
                Ok(Write::Conflict) => {}
                Ok(Write::Gone) => return Err(SessionError::Absent),
                Err(error) if error.kind() == ErrorKind::Unconfirmed => {
                    // Nobody else knows the new name: if it is there, it was written.
                    let arrived = store.fetch(&to).await.is_ok_and(|found| found.record.is_some());
                    return if arrived { Ok(fresh) } else { Err(error.into()) };
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(SessionError::Contended)
    }

    // Notes a use, at most once in a tenth of the idle time. Whatever becomes of it, the
    // read has happened: a lost race means that another use was noted, and a failure
    // only lets the session lie idle sooner.
    async fn touch(&self, token: &Token, held: Held) {
        if self.0.clock.now().since(held.header.last_seen) < held.header.idle / 10 {
            return;
        }
        let header = self.next(held.header, &held.under);
        if let Ok(record) = self.seal((token, &held.id), &held.under, header, &held.payload) {
            let _ = self.0.parts.store.replace(&held.id, held.header.version, &record).await;
        }
    }

    async fn hold(&self, token: &Token) -> Result<Held, SessionError> {
        let id = self.lookup(token)?;
        let fetched = self.0.parts.store.fetch(&id).await?;
        self.opened(token, id, fetched).await
    }

    async fn opened(
        &self,
        token: &Token,
        id: LookupId,
        fetched: Fetched,
    ) -> Result<Held, SessionError> {
        let Fetched { record, epochs } = fetched;
        let stands = self.standing(id.tag(), &epochs).await?;
        let record = record.ok_or(SessionError::Absent)?;
        let header = Header::of(&record);
        self.in_time(&header)?;
        let listed = epochs.current.iter().chain(&epochs.draining);
        let sealed_under = listed.clone().find(|epoch| stands && epoch.number == record.epoch);
        let sealed_under = sealed_under.ok_or(SessionError::EpochEnded)?;
        let parts = &self.0.parts;
        let secret = self.epoch_secret(id.tag(), sealed_under)?;
        let payload = keys::open_record(&parts.namespace, (token, &id), &secret, &record)?;
        // What is written from here on goes under the current epoch, so that a
        // draining one empties by use.
        let under = epochs.current.as_ref().unwrap_or(sealed_under).clone();
        Ok(Held { id, header, under, payload })
    }

    fn in_time(&self, header: &Header) -> Result<(), SessionError> {
        let now = self.0.clock.now();
        let longest = Lifetime::MAX.duration();
        let within = header.idle <= longest && header.absolute.since(header.opened) <= longest;
        let from_the_future = header.opened.max(header.last_seen) > now.plus(SKEW);
        if !within || from_the_future || now >= header.expiry() {
            return Err(SessionError::Expired);
        }
        Ok(())
    }

    // `last_seen` moves forward only: a node whose clock lags leaves it where it is.
    fn next(&self, header: Header, under: &EpochRecord) -> Header {
        Header {
            version: Version(header.version.0.saturating_add(1)),
            epoch: under.number,
            last_seen: header.last_seen.max(self.0.clock.now()),
            ..header
        }
    }

    fn seal(
        &self,
        place: (&Token, &LookupId),
        epoch: &EpochRecord,
        header: Header,
        payload: &SecretBytes,
    ) -> Result<crate::Record, SessionError> {
        let secret = self.epoch_secret(place.1.tag(), epoch)?;
        keys::seal_record(&self.0.parts.namespace, place, &secret, header, payload)
    }

    fn epoch_secret(&self, tag: Tag, epoch: &EpochRecord) -> Result<SecretBytes, SessionError> {
        keys::epoch_secret(&*self.0.parts.root, &self.0.parts.namespace, tag, epoch)
    }

    fn lookup(&self, token: &Token) -> Result<LookupId, SessionError> {
        keys::lookup_id(&self.0.parts.namespace, token)
    }

    fn audited<R>(
        &self,
        operation: Operation,
        result: Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(SessionError::Store(error)) if error.kind() == ErrorKind::Unconfirmed => {
                Outcome::Unconfirmed
            }
            Err(SessionError::Absent | SessionError::EpochEnded | SessionError::Expired) => {
                Outcome::Refused
            }
            Err(_) => Outcome::Failed,
        };
        let entry = Entry::new(self.0.clock.now(), operation, operation.class())
            .with_store(self.0.parts.store.store())
            .with_outcome(outcome);
        self.0.parts.audit.count(entry);
        result
    }
}

pub(crate) struct Inner {
    pub(crate) parts: SessionParts,
    policy: SessionPolicy,
    pub(crate) clock: Steady,
    pub(crate) floors: Floors,
}

type Rewritten<R> = (Option<SecretBytes>, R);

struct Held {
    id: LookupId,
    header: Header,
    under: EpochRecord,
    payload: SecretBytes,
}

fn copy(bytes: &[u8]) -> Result<SecretBytes, evanesce_memory::MemoryError> {
    let mut copy = SecretBytes::zeroed(bytes.len())?;
    copy.expose_mut(|into| into.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte));
    Ok(copy)
}
