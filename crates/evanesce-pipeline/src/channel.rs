use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{
    Append, Clock, DataClass, Entry, Operation, Outcome, Outgoing, Released, Rule, StoreKind,
};
use evanesce_crypto::{Algorithms, Binding, ChannelError, Offer, Ratchet, SigningKey};
use evanesce_memory::SecretBytes;

use crate::kept::Kept;
use crate::{Pipeline, PipelineError, SealedInput};

/// How long keys and output last.
#[derive(Clone, Copy, Debug)]
pub struct ChannelLimits {
    /// From the offer of a prekey to the end of the channel that it begins. Within this time
    /// after a mechanism was revoked no channel stands on it any more.
    pub keys: Duration,
    /// How long what is sent may be read by its client.
    pub output: Duration,
}

impl Default for ChannelLimits {
    /// A quarter of an hour for keys, four hours for output.
    fn default() -> Self {
        Self { keys: Duration::from_secs(15 * 60), output: Duration::from_secs(4 * 60 * 60) }
    }
}

/// What channels stand on.
#[derive(Clone)]
pub struct ChannelParts {
    /// The service's name, which its clients know as well.
    pub service: String,
    /// What signs offers. Clients know the other half.
    pub signer: Arc<SigningKey>,
    /// The mechanisms that may be used, the usual one first.
    pub algorithms: Algorithms,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The audit log.
    pub audit: Arc<dyn Append>,
    /// How long keys and output last.
    pub limits: ChannelLimits,
}

/// The service's end of the channels of its sessions.
///
/// It holds nothing of any session. What a session's channel needs lies in that session's own
/// record, sealed under its token, so that any node serves it; each call takes what was kept
/// and gives what is to be kept from now on, in the form that a write on the condition that
/// nobody else has written wants. `Sessions::update_compartment` is such a write: a prekey is
/// consumed, and a key used, by whoever's write applies, and nobody sees what came of a lost
/// race.
///
/// ```text
/// sessions.update_compartment(&token, CHANNEL, |kept| {
///     let step = channels.receive(kept, &token.to_text(), &message, &pipeline);
///     (step.keep.map_or(Change::Keep, Change::Put), step.result)
/// })
/// ```
#[derive(Clone)]
pub struct Channels {
    parts: ChannelParts,
}

/// What a call gives: what to keep, if it changed, and its result.
pub struct Step<R> {
    /// What the session keeps from now on, to be sealed and then wiped; `None` to leave what
    /// there is.
    pub keep: Option<Vec<u8>>,
    /// What came of it. It counts once what is to be kept is written.
    pub result: Result<R, PipelineError>,
}

impl<R> Step<R> {
    fn same(error: PipelineError) -> Self {
        Self { keep: None, result: Err(error) }
    }
}

impl Channels {
    /// Channels of these parts.
    #[must_use]
    pub fn new(parts: ChannelParts) -> Self {
        Self { parts }
    }

    /// Offers a prekey to the session's client: signed, for this session alone, and for one
    /// first message. It takes the place of an offer that nobody took up; a channel that stands
    /// goes on until the first message of the next one.
    ///
    /// The result carries [`ChannelError`] where no mechanism is left, or memory.
    #[must_use]
    pub fn offer(&self, kept: Option<&[u8]>, token: &str) -> Step<Offer> {
        let offered = Kept::read(kept).and_then(|mut kept| {
            let until = self.parts.clock.now().plus(self.parts.limits.keys);
            let parts = &self.parts;
            let binding = self.binding(token)?;
            let generation = kept.next_generation()?;
            let (prekey, offer) = evanesce_crypto::Prekey::offer(
                &parts.algorithms,
                &binding,
                generation,
                until,
                &parts.signer,
            )?;
            kept.prekey = Some(prekey);
            Ok((kept.write()?, offer))
        });
        match offered {
            Ok((keep, offer)) => Step { keep: Some(keep), result: Ok(offer) },
            Err(error) => Step::same(error),
        }
    }

    /// Opens what a client sent, be it a first message or one of the channel that stands, and
    /// seals it again as the pipeline's input, under a key that is used once. The client's
    /// message is ciphertext before and after; it lies open in guarded memory between.
    ///
    /// A prekey is used up by a first message whether it opens or not, and keys that have ended
    /// are dropped. The result carries [`PipelineError::Channel`] for a message that doesn't
    /// open, and [`PipelineError::TooLarge`].
    #[must_use]
    pub fn receive(
        &self,
        kept: Option<&[u8]>,
        token: &str,
        message: &[u8],
        pipeline: &Pipeline,
    ) -> Step<SealedInput> {
        let mut kept = match Kept::read(kept) {
            Ok(kept) => kept,
            Err(error) => return Step::same(error),
        };
        let (changed, opened) = if is_first(message) {
            let opened = self.accepted(&mut kept, token, message);
            self.count(if opened.is_ok() { Outcome::Done } else { Outcome::Refused });
            (true, opened)
        } else {
            let ended = self.drop_ended(&mut kept);
            let opened = continued(&mut kept, ended, message);
            (ended || opened.is_ok(), opened)
        };
        let result = opened.and_then(|plain| pipeline.accept_secret(&plain));
        if !changed {
            return Step { keep: None, result };
        }
        match kept.write() {
            Ok(keep) => Step { keep: Some(keep), result },
            Err(error) => Step::same(error),
        }
    }

    /// Seals to the client what the screen let out, with the time until which it may be read.
    ///
    /// The result carries [`PipelineError::Channel`] where no channel stands.
    #[must_use]
    pub fn send<T: Outgoing>(&self, kept: Option<&[u8]>, output: &Released<T>) -> Step<Vec<u8>> {
        let sent = Kept::read(kept).and_then(|mut kept| {
            let ended = self.drop_ended(&mut kept);
            let ratchet = kept.ratchet.as_mut().ok_or(missing(ended))?;
            let until = self.parts.clock.now().plus(self.parts.limits.output);
            let payload = output.payload();
            let mut plain = SecretBytes::zeroed(8 + payload.len())?;
            let written = plain.copy_at(0, &until.as_millis().to_be_bytes());
            if written + plain.copy_at(8, &payload) != 8 + payload.len() {
                return Err(PipelineError::TooLarge);
            }
            let message = ratchet.seal(&[], &plain)?;
            Ok((kept.write()?, message))
        });
        match sent {
            Ok((keep, message)) => Step { keep: Some(keep), result: Ok(message) },
            Err(error) => Step::same(error),
        }
    }

    /// Whether the client should be offered a new prekey with the next reply: none stands, half
    /// of its time is over, or its mechanism was revoked.
    ///
    /// # Errors
    /// [`PipelineError::Channel`] for what was not kept by [`Channels`].
    pub fn is_due(&self, kept: Option<&[u8]>) -> Result<bool, PipelineError> {
        let kept = Kept::read(kept)?;
        let soon = self.parts.clock.now().plus(self.parts.limits.keys / 2);
        Ok(kept.ratchet.is_none_or(|ratchet| {
            self.parts.algorithms.is_revoked(ratchet.algorithm()) || ratchet.until() <= soon
        }))
    }

    fn accepted(
        &self,
        kept: &mut Kept,
        token: &str,
        message: &[u8],
    ) -> Result<SecretBytes, PipelineError> {
        let prekey = kept.prekey.take().ok_or(ChannelError::Consumed)?;
        let binding = self.binding(token)?;
        let (algorithms, now) = (&self.parts.algorithms, self.parts.clock.now());
        let (ratchet, plain) = prekey.accept(algorithms, &binding, now, &[], message)?;
        kept.ratchet = Some(ratchet);
        Ok(plain)
    }

    /// Says whether a channel ended, whose keys are then gone.
    fn drop_ended(&self, kept: &mut Kept) -> bool {
        let now = self.parts.clock.now();
        kept.ratchet.take_if(|ratchet| ratchet.until() <= now).is_some()
    }

    fn binding(&self, token: &str) -> Result<Binding, PipelineError> {
        Ok(Binding::new(&self.parts.service, token)?)
    }

    fn count(&self, outcome: Outcome) {
        self.parts.audit.count(
            Entry::new(self.parts.clock.now(), Operation::KeyRotated, DataClass::Ephemeral)
                .with_outcome(outcome)
                .with_store(StoreKind::Memory)
                .with_rule(Rule::Encrypted),
        );
    }
}

fn continued(kept: &mut Kept, ended: bool, message: &[u8]) -> Result<SecretBytes, PipelineError> {
    let ratchet: &mut Ratchet = kept.ratchet.as_mut().ok_or(missing(ended))?;
    Ok(ratchet.open(&[], message)?)
}

const fn missing(ended: bool) -> ChannelError {
    if ended { ChannelError::Expired } else { ChannelError::Superseded }
}

/// The second byte says what a message is; the first, its version, is judged by whoever opens it.
fn is_first(message: &[u8]) -> bool {
    message.get(1) == Some(&2)
}
