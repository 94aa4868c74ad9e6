use std::sync::Arc;

use evanesce_core::{Clock, Timestamp};
use evanesce_crypto::{Algorithms, Binding, ChannelError, Offer, Ratchet, VerifyingKey};
use evanesce_memory::SecretBytes;

use crate::ClientError;

/// What a client knows before it begins.
pub struct ChannelParts {
    /// The mechanisms that it accepts.
    pub algorithms: Algorithms,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The key under which the service signs its offers, from a trusted place.
    pub key: VerifyingKey,
    /// The service's name.
    pub service: String,
}

/// The client's end of the channels of one session.
pub struct Channel {
    parts: ChannelParts,
    current: Option<Ratchet>,
    /// What replies that were on their way when the current one began still come under.
    previous: Option<Ratchet>,
}

impl Channel {
    /// An end that has not begun.
    #[must_use]
    pub fn new(parts: ChannelParts) -> Self {
        Self { parts, current: None, previous: None }
    }

    /// Begins a channel with its first message, to what the service offered to the session of
    /// this token; one that stood before is only read from any more. Where the service's answer
    /// is lost, the same bytes may be sent again: an offer is taken up once.
    ///
    /// # Errors
    /// [`ClientError::Channel`]: [`CryptoError::Forged`](evanesce_crypto::CryptoError::Forged)
    /// for an offer that the service didn't sign for this session, [`ChannelError::Expired`],
    /// and those of the mechanism. The channel that stands then goes on.
    pub fn begin(
        &mut self,
        token: &str,
        offer: &[u8],
        message: &SecretBytes,
    ) -> Result<Vec<u8>, ClientError> {
        let ChannelParts { algorithms, clock, key, service } = &self.parts;
        let offer = Offer::from_bytes(algorithms, offer)?;
        let binding = Binding::new(service, token)?;
        let (ratchet, sealed) =
            offer.begin(algorithms, &binding, key, clock.now(), (&[], message))?;
        self.previous = self.current.replace(ratchet);
        Ok(sealed)
    }

    /// Seals the next message.
    ///
    /// # Errors
    /// [`ClientError::NotBegun`], [`ChannelError::Expired`] from the channel's end on, whose
    /// keys are then gone, and those of [`Ratchet::seal`].
    pub fn seal(&mut self, message: &SecretBytes) -> Result<Vec<u8>, ClientError> {
        self.drop_ended()?;
        let current = self.current.as_mut().ok_or(ClientError::NotBegun)?;
        Ok(current.seal(&[], message)?)
    }

    /// Opens a reply, into guarded memory.
    ///
    /// # Errors
    /// [`ClientError::NotBegun`], [`ClientError::Stale`] for output whose time is over, and
    /// those of [`Ratchet::open`].
    pub fn open(&mut self, reply: &[u8]) -> Result<SecretBytes, ClientError> {
        self.drop_ended()?;
        let current = self.current.as_mut().ok_or(ClientError::NotBegun)?;
        let content = match (current.open(&[], reply), &mut self.previous) {
            (Err(ChannelError::Superseded), Some(previous)) => previous.open(&[], reply)?,
            (opened, _) => opened?,
        };
        self.read(&content)
    }

    /// Whether a new offer should be asked for: no channel stands, or its mechanism was revoked.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let now = self.parts.clock.now();
        self.current.as_ref().is_none_or(|ratchet| {
            ratchet.until() <= now || self.parts.algorithms.is_revoked(ratchet.algorithm())
        })
    }

    /// A reply is the time until which it may be read, and what it says.
    fn read(&self, content: &SecretBytes) -> Result<SecretBytes, ClientError> {
        content.expose(|content| {
            let (until, plain) = content
                .split_first_chunk()
                .ok_or(ChannelError::Crypto(evanesce_crypto::CryptoError::Malformed))?;
            if Timestamp::from_millis(u64::from_be_bytes(*until)) <= self.parts.clock.now() {
                return Err(ClientError::Stale);
            }
            let mut own = SecretBytes::zeroed(plain.len())?;
            own.expose_mut(|own| own.iter_mut().zip(plain).for_each(|(to, byte)| *to = *byte));
            Ok(own)
        })
    }

    fn drop_ended(&mut self) -> Result<(), ClientError> {
        let now = self.parts.clock.now();
        self.previous.take_if(|ratchet| ratchet.until() <= now);
        match self.current.take_if(|ratchet| ratchet.until() <= now) {
            Some(_) => Err(ChannelError::Expired.into()),
            None => Ok(()),
        }
    }
}
