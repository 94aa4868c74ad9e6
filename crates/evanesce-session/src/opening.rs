use evanesce_core::Timestamp;
use evanesce_crypto::random;
use evanesce_memory::{SecretBytes, scrubbed};

use crate::keys::{self, Header, Share};
use crate::{
    EpochRecord, Epochs, Inserted, LookupId, SessionError, Sessions, Tag, Token, Version, Write,
};

/// How often an opening is tried that met an ended epoch: with what was prepared, with
/// what the store said then, and once more.
const TRIES: u32 = 3;

impl Sessions {
    /// Counts an opening against the quota.
    pub(crate) fn admit(&self) -> Result<(), SessionError> {
        let Some(quota) = &self.0.quota else { return Ok(()) };
        let admitted = quota.take(self.0.parts.clock.monotonic());
        admitted.map_err(|retry_after| SessionError::TooMany { retry_after })
    }

    pub(crate) async fn insert(&self, payload: &SecretBytes) -> Result<Token, SessionError> {
        let mut tag = [0];
        random(&mut tag)?;
        let mint = || {
            let token = Token::mint(Tag(tag[0]))?;
            let id = self.lookup(&token)?;
            Ok((token, id))
        };
        self.insert_new(Tag(tag[0]), payload, None, mint, Token::secret).await
    }

    /// Seals a new record and stores it: one round trip with a share that was prepared.
    /// `mint` makes the bearer and the place of each try, `client` its half of the key.
    pub(crate) async fn insert_new<M>(
        &self,
        tag: Tag,
        payload: &SecretBytes,
        latest: Option<Timestamp>,
        mint: impl Fn() -> Result<(M, LookupId), SessionError>,
        client: impl Fn(&M) -> &SecretBytes,
    ) -> Result<M, SessionError> {
        let (parts, stocks) = (&self.0.parts, &self.0.stocks);
        let mut known = None;
        for _ in 0..TRIES {
            let (epoch, share) = match stocks.take(tag, parts.clock.monotonic())? {
                Some(prepared) => prepared,
                None => self.share_now(tag, known.take()).await?,
            };
            let header = self.fresh_header(epoch, latest);
            if header.absolute <= header.opened {
                return Err(SessionError::Expired);
            }
            let (bearer, id, record) = scrubbed(|| {
                let (bearer, id) = mint()?;
                let place = (client(&bearer), &id);
                let record = keys::seal_record(&parts.namespace, place, &share, header, payload)?;
                Ok::<_, SessionError>((bearer, id, record))
            })?;
            drop(share);
            let Inserted { write, epochs } = parts.store.insert(&id, &record).await?;
            let stands = self.standing(tag, &epochs).await?;
            match write {
                Write::Applied if stands => {
                    if let Some(current) = &epochs.current {
                        self.prepare(tag, current);
                    }
                    return Ok(bearer);
                }
                Write::Applied => {
                    // Another life of the server took it under an epoch of the one before,
                    // which has ended now: nothing opens it, and it need not lie there.
                    let _ = parts.store.remove(&id).await?;
                }
                // 256 random bits met twice: not a chance, but a store that lies.
                Write::Conflict => return Err(SessionError::Contended),
                Write::Gone => stocks.empty(tag),
            }
            known = stands.then_some(epochs);
        }
        Err(SessionError::EpochEnded)
    }

    fn fresh_header(&self, epoch: u64, latest: Option<Timestamp>) -> Header {
        let (now, policy) = (self.0.clock.now(), &self.0.policy);
        let absolute = now.plus(policy.lifetime.duration());
        Header {
            version: Version(1),
            epoch,
            opened: now,
            absolute: latest.map_or(absolute, |latest| absolute.min(latest)),
            idle: policy.idle.duration(),
            last_seen: now,
        }
    }

    // With the secret at hand, for the tag's first opening on this node; it also prepares
    // those that follow.
    async fn share_now(
        &self,
        tag: Tag,
        known: Option<Epochs>,
    ) -> Result<(u64, Share), SessionError> {
        let epoch = self.current_epoch(tag, known).await?;
        let secret = self.epoch_secret(tag, &epoch)?;
        self.prepare_with(tag, &epoch, &secret);
        let namespace = &self.0.parts.namespace;
        let share = keys::fresh_share(namespace, tag, (epoch.number, &secret))?;
        Ok((epoch.number, share))
    }

    // A session was opened already: what fails here costs the next opening a round trip.
    fn prepare(&self, tag: Tag, epoch: &EpochRecord) {
        if self.0.stocks.wants(tag)
            && let Ok(secret) = self.epoch_secret(tag, epoch)
        {
            self.prepare_with(tag, epoch, &secret);
        }
    }

    fn prepare_with(&self, tag: Tag, epoch: &EpochRecord, secret: &SecretBytes) {
        let (parts, floor) = (&self.0.parts, self.0.floors.floor(tag));
        let still = || floor.load(std::sync::atomic::Ordering::Acquire) <= epoch.number;
        let now = parts.clock.monotonic();
        let stocks = &self.0.stocks;
        let _ = scrubbed(|| stocks.fill(&parts.namespace, tag, (epoch, secret), now, still));
    }
}
