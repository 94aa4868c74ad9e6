use std::time::Duration;

use evanesce_core::{ErrorKind, Lifetime};
use evanesce_memory::{Ephemeral, Plain, SecretBytes, from_bytes, scrubbed};

use crate::keys::{self, Header};
use crate::payload::Parts;
use crate::{
    ChildToken, EpochRecord, Epochs, LookupId, Record, SessionError, Sessions, Tag, Token, Version,
    Write,
};

/// How often a lost race is tried again. Each loss means that another operation won,
/// so the bound is met only where that many stand in line.
pub(crate) const ATTEMPTS: u32 = 64;

/// How far the clocks of two nodes may lie apart: a record from further in the future
/// is not believed.
const SKEW: Duration = Duration::from_secs(300);

/// By what a session is known: its own token, or its parent's and its own.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'a> {
    Child(&'a Token, &'a ChildToken),
    Own(&'a Token),
}

/// A session that was read, for the length of one operation.
pub(crate) struct Held {
    id: LookupId,
    pub(crate) header: Header,
    pub(crate) payload: SecretBytes,
    /// What is written from here on goes under this epoch.
    under: (u64, SecretBytes),
    /// A child's half of its key, and the parent that it came with.
    above: Option<(SecretBytes, Box<Held>)>,
}

pub(crate) type Rewritten<R> = (Option<SecretBytes>, R);

impl Sessions {
    pub(crate) async fn look<T: Ephemeral, R>(
        &self,
        whose: Whose<'_>,
        look: impl FnOnce(&T) -> R,
    ) -> Result<R, SessionError> {
        let held = self.hold(whose).await?;
        let seen = held.payload.expose(|bytes| {
            let plain = Plain::new(from_bytes::<T>(Parts::read(bytes)?.data)?);
            Ok::<R, SessionError>(look(&plain))
        })?;
        self.touch(whose, held).await;
        Ok(seen)
    }

    /// A change that leaves the data as it was writes nothing.
    pub(crate) async fn change<T: Ephemeral, R>(
        &self,
        whose: Whose<'_>,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, SessionError> {
        let max = self.0.policy.max_bytes;
        let changed = self.rewrite(whose, |_, parts| {
            let mut plain = Plain::new(from_bytes::<T>(parts.data)?);
            let result = change(&mut plain);
            let data = plain.to_secret()?;
            if data.expose(|data| data == parts.data) {
                return Ok((None, result));
            }
            let payload = data.expose(|data| parts.with_data(data).write(max))?;
            Ok((Some(payload), result))
        });
        changed.await
    }

    /// Compare and set, again and again while others win.
    pub(crate) async fn rewrite<R>(
        &self,
        whose: Whose<'_>,
        mut work: impl FnMut(&mut Header, &Parts<'_>) -> Result<Rewritten<R>, SessionError>,
    ) -> Result<R, SessionError> {
        for _ in 0..ATTEMPTS {
            let mut held = self.hold(whose).await?;
            let mut header = held.header;
            let (payload, result) =
                held.payload.expose(|bytes| work(&mut header, &Parts::read(bytes)?))?;
            let Some(payload) = payload else {
                self.touch(whose, held).await;
                return Ok(result);
            };
            let (id, version) = (held.id, held.header.version);
            let record = self.resealed(held.client(whose), &held, header, &payload)?;
            let above = held.above.take();
            // Neither plaintext nor secret is held while the store is waited for.
            drop((held, payload));
            match self.0.parts.store.replace(&id, version, &record).await? {
                Write::Applied => {
                    self.touch_parent(whose, above).await;
                    return Ok(result);
                }
                Write::Conflict => {}
                Write::Gone => return Err(SessionError::Absent),
            }
        }
        Err(SessionError::Contended)
    }

    pub(crate) async fn renamed(&self, token: &Token) -> Result<Token, SessionError> {
        let (store, whose) = (&self.0.parts.store, Whose::Own(token));
        let fresh = Token::mint(token.tag())?;
        let to = self.lookup(&fresh)?;
        for _ in 0..ATTEMPTS {
            let held = self.hold(whose).await?;
            let (from, version) = (held.id, held.header.version);
            let (place, header) = ((fresh.secret(), &to), self.next(held.header, &held.under));
            let record = self.seal(place, &held.under, header, &held.payload)?;
            drop(held);
            match store.rename(&from, version, &to, &record).await {
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

    /// Reads a session, and its parent in the same round trip if it has one.
    pub(crate) async fn hold(&self, whose: Whose<'_>) -> Result<Held, SessionError> {
        let store = &self.0.parts.store;
        match whose {
            Whose::Own(token) => {
                let id = self.lookup(token)?;
                let found = store.fetch(&id).await?;
                let stands = self.standing(id.tag(), &found.epochs).await?;
                self.unsealed((token.secret(), id), found.record, &found.epochs, stands)
            }
            Whose::Child(parent, child) => {
                let (above, id) = (self.lookup(parent)?, self.child_lookup(child)?);
                if above.tag() != id.tag() {
                    return Err(SessionError::Absent);
                }
                let found = store.fetch_pair(&above, &id).await?;
                let stands = self.standing(id.tag(), &found.epochs).await?;
                let place = (parent.secret(), above);
                let above = self.unsealed(place, found.first, &found.epochs, stands)?;
                let half = self.child_half(&above, child, &id)?;
                let mut held = self.unsealed((&half, id), found.second, &found.epochs, stands)?;
                held.above = Some((half, Box::new(above)));
                Ok(held)
            }
        }
    }

    /// Opens a record that a store gave with these epochs.
    pub(crate) fn unsealed(
        &self,
        (client, id): (&SecretBytes, LookupId),
        record: Option<Record>,
        epochs: &Epochs,
        stands: bool,
    ) -> Result<Held, SessionError> {
        let record = record.ok_or(SessionError::Absent)?;
        let header = Header::of(&record);
        self.in_time(&header)?;
        let mut listed = epochs.current.iter().chain(&epochs.draining);
        let under = listed.find(|epoch| stands && epoch.number == record.epoch);
        let under = under.ok_or(SessionError::EpochEnded)?;
        let namespace = &self.0.parts.namespace;
        // The steps that handle keys clean up behind them once, and not each for itself.
        scrubbed(|| {
            let mut secret = self.epoch_secret(id.tag(), under)?;
            let mut number = under.number;
            let payload = keys::open_record(namespace, (client, &id), &secret, &record)?;
            // A draining epoch empties by use.
            if let Some(current) = epochs.current.as_ref().filter(|epoch| epoch.number != number) {
                (number, secret) = (current.number, self.epoch_secret(id.tag(), current)?);
            }
            Ok(Held { id, header, payload, under: (number, secret), above: None })
        })
    }

    /// Notes a use, at most once in a tenth of the idle time and in an epoch. Whatever becomes of it, the
    /// read has happened: a lost race means that another use was noted, and a failure
    /// only lets the session lie idle sooner. Using a child is using its parent.
    pub(crate) async fn touch(&self, whose: Whose<'_>, mut held: Held) {
        let reseal = || self.resealed(held.client(whose), &held, held.header, &held.payload);
        let record = self.is_due(&held).then(reseal);
        let (id, version, above) = (held.id, held.header.version, held.above.take());
        drop(held);
        if let Some(Ok(record)) = record {
            let _ = self.0.parts.store.replace(&id, version, &record).await;
        }
        self.touch_parent(whose, above).await;
    }

    async fn touch_parent(&self, whose: Whose<'_>, above: Option<(SecretBytes, Box<Held>)>) {
        let (Whose::Child(parent, _), Some((_, held))) = (whose, above) else { return };
        if !self.is_due(&held) {
            return;
        }
        let record = self.resealed(parent.secret(), &held, held.header, &held.payload);
        let (id, version) = (held.id, held.header.version);
        drop(held);
        if let Ok(record) = record {
            let _ = self.0.parts.store.replace(&id, version, &record).await;
        }
    }

    // A session under a draining epoch is moved to the current one by its next use.
    fn is_due(&self, held: &Held) -> bool {
        let drains = held.header.epoch != held.under.0;
        drains || self.0.clock.now().since(held.header.last_seen) >= held.header.idle / 10
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
    fn next(&self, header: Header, under: &(u64, SecretBytes)) -> Header {
        Header {
            version: Version(header.version.0.saturating_add(1)),
            epoch: under.0,
            last_seen: header.last_seen.max(self.0.clock.now()),
            ..header
        }
    }

    fn resealed(
        &self,
        client: &SecretBytes,
        held: &Held,
        header: Header,
        payload: &SecretBytes,
    ) -> Result<Record, SessionError> {
        self.seal((client, &held.id), &held.under, self.next(header, &held.under), payload)
    }

    fn seal(
        &self,
        place: (&SecretBytes, &LookupId),
        (number, secret): &(u64, SecretBytes),
        header: Header,
        payload: &SecretBytes,
    ) -> Result<Record, SessionError> {
        let namespace = &self.0.parts.namespace;
        scrubbed(|| {
            let share = keys::fresh_share(namespace, place.1.tag(), (*number, secret))?;
            keys::seal_record(namespace, place, &share, header, payload)
        })
    }

    pub(crate) fn epoch_secret(
        &self,
        tag: Tag,
        epoch: &EpochRecord,
    ) -> Result<SecretBytes, SessionError> {
        keys::epoch_secret(&*self.0.parts.root, &self.0.parts.namespace, tag, epoch)
    }

    pub(crate) fn lookup(&self, token: &Token) -> Result<LookupId, SessionError> {
        token.place(self.0.number, || keys::lookup_id(&self.0.parts.namespace, token))
    }
}

impl Held {
    fn client<'a>(&'a self, whose: Whose<'a>) -> &'a SecretBytes {
        match (&self.above, whose) {
            (Some((half, _)), _) => half,
            (None, Whose::Child(token, _) | Whose::Own(token)) => token.secret(),
        }
    }
}
