use std::sync::atomic::{AtomicU64, Ordering};

use evanesce_core::{Entry, Lifetime, Operation, Timestamp};

use crate::held::ATTEMPTS;
use crate::{EpochRecord, Epochs, SessionError, Sessions, Tag, Write, keys};

/// The lowest newest number that this node still believes, tag by tag.
pub(crate) struct Floors([AtomicU64; 256]);

impl Floors {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 256])
    }

    pub(crate) fn floor(&self, tag: Tag) -> &AtomicU64 {
        &self.0[usize::from(tag.0)]
    }
}

impl Sessions {
    /// Ends every epoch of the namespace: all of its sessions are unreadable when
    /// this returns, however many there are, and only their ciphertext remains to
    /// be reclaimed. Says how many epoch secrets were removed.
    ///
    /// # Errors
    /// [`SessionError::Store`]; an end that was not acknowledged is `Unconfirmed`,
    /// and is to be repeated.
    pub async fn end_epochs(&self) -> Result<u64, SessionError> {
        self.0.stocks.clear();
        let ended = self.0.parts.epochs.end().await?;
        // From here on this node opens nothing under the numbers that it knew, even
        // if the store hands their secrets back.
        for floor in &self.0.floors.0 {
            let _ = floor.fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
                (seen > 0).then(|| seen.saturating_add(1))
            });
        }
        // Again: an opening may have prepared others while the end was on its way.
        self.0.stocks.clear();
        self.note(Operation::EpochEnded, ended).await;
        Ok(ended)
    }

    /// Begins a new epoch for every tag that has one, and lets the old ones drain for
    /// the longest lifetime there is: a routine renewal of keys that no session
    /// notices. A tag that is draining still is left alone. Says how many began.
    ///
    /// # Errors
    /// Those of [`ensure_epoch`](Self::ensure_epoch).
    pub async fn rotate_epochs(&self) -> Result<u64, SessionError> {
        let mut begun = 0;
        for tag in (0..=u8::MAX).map(Tag) {
            let epochs = self.0.parts.epochs.epochs(tag).await?;
            let stands = self.standing(tag, &epochs).await? && epochs.current.is_some();
            if stands && epochs.draining.is_none() {
                let drain = self.0.clock.now().plus(Lifetime::MAX.duration());
                begun += u64::from(self.succeed(tag, &epochs, drain).await?.0 == Write::Applied);
            }
        }
        self.note(Operation::KeyRotated, begun).await;
        Ok(begun)
    }

    /// The epoch that new sessions of a tag are sealed under; begins one if none
    /// stands.
    ///
    /// # Errors
    /// [`SessionError::Contended`] if others kept beginning and ending epochs,
    /// [`SessionError::Store`], [`SessionError::Crypto`], [`SessionError::Memory`].
    pub async fn ensure_epoch(&self, tag: Tag) -> Result<u64, SessionError> {
        self.current_epoch(tag, None).await.map(|epoch| epoch.number)
    }

    /// The current epoch, or a fresh one; `known` is what the store has just said.
    pub(crate) async fn current_epoch(
        &self,
        tag: Tag,
        mut known: Option<Epochs>,
    ) -> Result<EpochRecord, SessionError> {
        for _ in 0..ATTEMPTS {
            let epochs = match known.take() {
                Some(epochs) => epochs,
                None => self.0.parts.epochs.epochs(tag).await?,
            };
            if self.standing(tag, &epochs).await?
                && let Some(current) = epochs.current
            {
                return Ok(current);
            }
            // What does not stand gets no time to drain. Who loses reads what another began.
            let (written, next) = self.succeed(tag, &epochs, Timestamp::from_millis(0)).await?;
            if written == Write::Applied {
                return Ok(next);
            }
        }
        Err(SessionError::Contended)
    }

    /// Whether what the store says of a tag's epochs can be believed: they were born
    /// under the server that answered, and are not older than what was seen before.
    /// Epochs of another incarnation are ended here, before anything is read.
    pub(crate) async fn standing(&self, tag: Tag, epochs: &Epochs) -> Result<bool, SessionError> {
        let Some(server) = epochs.incarnation else { return Ok(false) };
        let mut listed = epochs.current.iter().chain(&epochs.draining);
        if listed.any(|epoch| epoch.incarnation != server) {
            self.0.stocks.empty(tag);
            let (ended, _) = self.succeed(tag, epochs, Timestamp::from_millis(0)).await?;
            if ended == Write::Applied {
                self.note(Operation::IncarnationChanged, 1).await;
                self.note(Operation::EpochEnded, 1).await;
            }
            return Ok(false);
        }
        let floor = self.0.floors.floor(tag).fetch_max(epochs.newest, Ordering::AcqRel);
        let in_order = epochs.current.as_ref().is_none_or(|epoch| epoch.number == epochs.newest)
            && epochs.draining.as_ref().is_none_or(|epoch| epoch.number < epochs.newest);
        self.0.stocks.keep_only(tag, epochs.current.as_ref());
        Ok(in_order && epochs.newest >= floor)
    }

    /// Begins a fresh epoch after those that were read.
    async fn succeed(
        &self,
        tag: Tag,
        epochs: &Epochs,
        drain: Timestamp,
    ) -> Result<(Write, EpochRecord), SessionError> {
        let parts = &self.0.parts;
        let incarnation = match epochs.incarnation {
            Some(incarnation) => incarnation,
            None => parts.store.incarnation().await?,
        };
        let floor = self.0.floors.floor(tag).load(Ordering::Acquire);
        let number = epochs.newest.max(floor).saturating_add(1);
        let next = keys::new_epoch(&*parts.root, &parts.namespace, tag, number, incarnation)?;
        let written = parts.epochs.begin(tag, epochs.newest, &next, drain).await?;
        Ok((written, next))
    }

    // What concerns epochs is durable where the log can be reached, and never waits
    // for one that cannot: ending them is a purge.
    async fn note(&self, operation: Operation, count: u64) {
        let parts = &self.0.parts;
        let entry = Entry::new(self.0.clock.now(), operation, operation.class())
            .with_store(parts.store.store())
            .with_count(count);
        if parts.audit.append(entry.clone()).await.is_err() {
            parts.audit.count(entry);
        }
    }
}
