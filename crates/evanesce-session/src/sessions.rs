use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evanesce_core::{
    Append, Clock, Entry, ErrorKind, Lifetime, Namespace, Operation, Outcome, Subject, Timestamp,
};
use evanesce_crypto::RootProvider;
use evanesce_memory::{Ephemeral, Plain, SecretBytes, from_bytes, to_secret, wipe_slice};

use crate::epochs::Floors;
use crate::held::Whose;
use crate::payload::Parts;
use crate::quota::Bucket;
use crate::steady::Steady;
use crate::stock::Stocks;
use crate::{
    Change, Compartment, EpochStore, Failed, OpeningQuota, SessionError, SessionStore, Token, Write,
};

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
    /// How many sessions this node opens, or none for as many as are asked for.
    pub openings: Option<OpeningQuota>,
}

impl Default for SessionPolicy {
    /// 4 hours, 1 hour idle, 64 KiB, and the default quota.
    fn default() -> Self {
        Self {
            lifetime: Lifetime::default(),
            idle: const { Lifetime::hours(1) },
            max_bytes: 64 * 1024,
            openings: Some(OpeningQuota::default()),
        }
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
        let quota = policy.openings.map(Bucket::new);
        let (floors, stocks) = (Floors::new(), Stocks::new());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Inner { number, parts, policy, clock, floors, quota, stocks }))
    }

    /// Opens a session with this data.
    ///
    /// # Errors
    /// [`SessionError::TooLarge`], [`SessionError::TooMany`] over the quota,
    /// [`SessionError::EpochEnded`] if everything was purged meanwhile, and those of
    /// the store.
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
        let read = async { self.look(Whose::Own(token), look).await };
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
        change: impl FnMut(&mut T) -> R,
    ) -> Result<R, SessionError> {
        let updated = self.change(Whose::Own(token), change).await;
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
            let held = self.hold(Whose::Own(token)).await?;
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
        let updated =
            self.rewrite(Whose::Own(token), |_, parts| match change(parts.room(compartment)) {
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
        let renewed = self.rewrite(Whose::Own(token), |header, parts| {
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
            let taken = self.0.parts.store.take(&id).await?;
            let stands = self.standing(id.tag(), &taken.epochs).await?;
            self.unsealed((token.secret(), id), taken.record, &taken.epochs, stands)
        };
        let taken = taken.await.and_then(|held| {
            held.payload.expose(|bytes| Ok(Plain::new(from_bytes(Parts::read(bytes)?.data)?)))
        });
        self.audited(Operation::SessionTaken, taken).map_err(|error| Failed { token, error })
    }

    /// The session as whom an erasure concerns: what
    /// [`LookupId::to_subject`](crate::LookupId::to_subject) makes.
    ///
    /// # Errors
    /// [`SessionError::Crypto`] and [`SessionError::Memory`].
    pub fn subject(&self, token: &Token) -> Result<Subject, SessionError> {
        Ok(self.lookup(token)?.to_subject())
    }

    /// How many openings are prepared. For tests and figures: each is a share that opens
    /// nothing that exists.
    #[must_use]
    pub fn prepared_openings(&self) -> usize {
        self.0.stocks.count()
    }

    async fn open_sealed(
        &self,
        data: Result<SecretBytes, SessionError>,
        compartments: &[(Compartment, &[u8])],
    ) -> Result<Token, SessionError> {
        let opened = async {
            self.admit()?;
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

    pub(crate) fn audited<R>(
        &self,
        operation: Operation,
        result: Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(SessionError::Store(error)) if error.kind() == ErrorKind::Unconfirmed => {
                Outcome::Unconfirmed
            }
            Err(
                SessionError::Absent
                | SessionError::EpochEnded
                | SessionError::Expired
                | SessionError::TooMany { .. },
            ) => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        let entry = Entry::new(self.0.clock.now(), operation, operation.class())
            .with_store(self.0.parts.store.store())
            .with_outcome(outcome);
        self.0.parts.audit.count(entry);
        result
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Inner {
    /// No other sessions of this process have it.
    pub(crate) number: u64,
    pub(crate) parts: SessionParts,
    pub(crate) policy: SessionPolicy,
    pub(crate) clock: Steady,
    pub(crate) floors: Floors,
    pub(crate) quota: Option<Bucket>,
    pub(crate) stocks: Stocks,
}

pub(crate) fn copy(bytes: &[u8]) -> Result<SecretBytes, evanesce_memory::MemoryError> {
    let mut copy = SecretBytes::zeroed(bytes.len())?;
    copy.expose_mut(|into| into.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte));
    Ok(copy)
}
