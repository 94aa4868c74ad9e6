use evanesce_core::Timestamp;
use evanesce_memory::SecretBytes;

use crate::{
    AlgorithmId, Algorithms, AssociatedData, ChannelError, CryptoError, Ratchet, Signature,
    SigningKey, VerifyingKey, derive,
    ratchet::{Side, Terms},
    sha256,
};

const VERSION: u8 = 1;
const OFFER: u8 = 1;
const FIRST: u8 = 2;
const SIGNATURE: usize = 64;
/// Of an offer: version, kind, mechanism, generation, end.
const HEAD: usize = 16;
/// Of a first message: version, kind, mechanism.
const FIRST_HEAD: usize = 4;
/// Of a kept prekey: version, mechanism, generation, end, digest of the offer.
const KEPT_HEAD: usize = 47;

/// What ties a channel to one session of one service, so that a prekey that was offered to
/// somebody else can't be passed off as one's own. Both sides compute it, and it is never sent.
pub struct Binding(SecretBytes);

impl Binding {
    /// Of a service's name and the text of the session's token.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] for an empty token, and [`CryptoError::Memory`].
    pub fn new(service: &str, token: &str) -> Result<Self, CryptoError> {
        let mut secret = SecretBytes::zeroed(token.len())?;
        secret.expose_mut(|secret| {
            secret.iter_mut().zip(token.as_bytes()).for_each(|(to, byte)| *to = *byte);
        });
        let context = AssociatedData::new("evanesce channel binding v1").field(service.as_bytes());
        Ok(Self(derive(&secret, &[], context.as_bytes(), 32)?))
    }

    fn field(&self, data: AssociatedData) -> AssociatedData {
        self.0.expose(|bytes| data.field(bytes))
    }
}

/// The service's half of an offer: a private key that accepts one first message. It is kept in
/// the session's own record, sealed under its token, so that any node can accept it.
pub struct Prekey {
    terms: Terms,
    /// The digest of the offer.
    offer: [u8; 32],
    private: SecretBytes,
}

/// A signed prekey, to send to the session's client: what it seals its first message to.
#[derive(Clone, Eq, PartialEq)]
pub struct Offer {
    terms: Terms,
    bytes: Vec<u8>,
}

impl Prekey {
    /// A fresh prekey of the usual mechanism, for a channel that ends at `until`. Generations
    /// count the channels of a session from 1.
    ///
    /// # Errors
    /// [`CryptoError::Revoked`] when no mechanism is left, [`CryptoError::UnknownAlgorithm`] for
    /// one whose keys can't be kept, [`CryptoError::Random`] and [`CryptoError::Memory`].
    pub fn offer(
        algorithms: &Algorithms,
        binding: &Binding,
        generation: u32,
        until: Timestamp,
        service: &SigningKey,
    ) -> Result<(Self, Offer), ChannelError> {
        let algorithm = algorithms.available().first().copied().ok_or(CryptoError::Revoked)?;
        let terms = Terms { algorithm, generation, until };
        let pair = algorithms.kem(algorithm)?.generate()?;
        let mut bytes = Vec::with_capacity(HEAD + pair.public.len() + SIGNATURE);
        bytes.extend_from_slice(&[VERSION, OFFER]);
        bytes.extend_from_slice(&algorithm.0.to_be_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes.extend_from_slice(&until.as_millis().to_be_bytes());
        bytes.extend_from_slice(&pair.public);
        let signature = service.sign(signed(binding, &bytes).as_bytes())?;
        bytes.extend_from_slice(signature.as_bytes());
        let offer = *sha256(&bytes).as_bytes();
        Ok((Self { terms, offer, private: pair.private.keep()? }, Offer { terms, bytes }))
    }

    /// Opens the first message, and uses the prekey up whether it opens or not.
    ///
    /// # Errors
    /// [`ChannelError::Expired`] from the end on; [`CryptoError::Revoked`] once the mechanism
    /// was revoked; [`CryptoError::Forged`] for another session, another offer, other associated
    /// data or any changed byte; [`CryptoError::Malformed`].
    pub fn accept(
        self,
        algorithms: &Algorithms,
        binding: &Binding,
        now: Timestamp,
        associated: &[u8],
        message: &[u8],
    ) -> Result<(Ratchet, SecretBytes), ChannelError> {
        let Terms { algorithm, until, .. } = self.terms;
        if now >= until {
            return Err(ChannelError::Expired);
        }
        let kem = algorithms.kem(algorithm)?;
        let (head, rest) =
            message.split_first_chunk::<FIRST_HEAD>().ok_or(CryptoError::Malformed)?;
        let [high, low] = algorithm.0.to_be_bytes();
        if *head != [VERSION, FIRST, high, low] {
            return Err(CryptoError::Malformed.into());
        }
        let (encapsulated, first) =
            rest.split_at_checked(kem.encapsulated_len()).ok_or(CryptoError::Malformed)?;
        let private = kem.restore(&self.private)?;
        let key = private.decapsulate(encapsulated, agreed(binding, &self.offer).as_bytes())?;
        let mut ratchet = Ratchet::begin(Side::Server, self.terms, &key)?;
        let plain = ratchet.open(associated, first)?;
        Ok((ratchet, plain))
    }

    /// When the prekey, and the channel that it begins, ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.terms.until
    }

    /// The mechanism.
    #[must_use]
    pub const fn algorithm(&self) -> AlgorithmId {
        self.terms.algorithm
    }

    /// Which channel of its session it begins.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.terms.generation
    }

    /// The bytes, to be kept sealed until the first message comes.
    ///
    /// # Errors
    /// [`CryptoError::Memory`].
    pub fn keep(&self) -> Result<SecretBytes, ChannelError> {
        let Terms { algorithm, generation, until } = self.terms;
        let head = [
            &[VERSION][..],
            &algorithm.0.to_be_bytes(),
            &generation.to_be_bytes(),
            &until.as_millis().to_be_bytes(),
            &self.offer,
        ]
        .concat();
        let mut kept = SecretBytes::zeroed(KEPT_HEAD + self.private.len())?;
        let head = kept.copy_at(0, &head);
        let private = self.private.expose(|private| kept.copy_at(KEPT_HEAD, private));
        if head + private == kept.len() { Ok(kept) } else { Err(CryptoError::KeyLength.into()) }
    }

    /// A prekey that [`Prekey::keep`] gave the bytes of.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for anything else, and [`CryptoError::Memory`].
    pub fn restore(kept: &[u8]) -> Result<Self, ChannelError> {
        let (head, private) =
            kept.split_first_chunk::<KEPT_HEAD>().ok_or(CryptoError::Malformed)?;
        if head[0] != VERSION {
            return Err(CryptoError::Malformed.into());
        }
        let mut offer = [0; 32];
        offer.copy_from_slice(&head[15..]);
        let mut own = SecretBytes::zeroed(private.len())?;
        if own.copy_at(0, private) != private.len() {
            return Err(CryptoError::KeyLength.into());
        }
        Ok(Self { terms: terms(&head[1..]).ok_or(CryptoError::Malformed)?, offer, private: own })
    }
}

impl Offer {
    /// Reads an offer with these mechanisms. Whose it is, only [`Offer::begin`] tells.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], [`CryptoError::Revoked`] and
    /// [`CryptoError::UnknownAlgorithm`].
    pub fn from_bytes(algorithms: &Algorithms, bytes: &[u8]) -> Result<Self, ChannelError> {
        let head = bytes.get(..HEAD).ok_or(CryptoError::Malformed)?;
        let terms = terms(&head[2..]).ok_or(CryptoError::Malformed)?;
        if head[..2] != [VERSION, OFFER] {
            return Err(CryptoError::Malformed.into());
        }
        let len = algorithms.kem(terms.algorithm)?.public_len();
        if bytes.len() != HEAD + len + SIGNATURE {
            return Err(CryptoError::Malformed.into());
        }
        Ok(Self { terms, bytes: bytes.to_vec() })
    }

    /// The bytes, to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The mechanism.
    #[must_use]
    pub const fn algorithm(&self) -> AlgorithmId {
        self.terms.algorithm
    }

    /// When the offer, and the channel that it begins, ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.terms.until
    }

    /// Begins a channel with its first message, if the service signed the offer for this
    /// session.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for another signer or another session; [`ChannelError::Expired`]
    /// from the end on; those of [`Ratchet::seal`] and of the mechanism.
    pub fn begin(
        &self,
        algorithms: &Algorithms,
        binding: &Binding,
        service: &VerifyingKey,
        now: Timestamp,
        first: (&[u8], &SecretBytes),
    ) -> Result<(Ratchet, Vec<u8>), ChannelError> {
        let Terms { algorithm, until, .. } = self.terms;
        let (content, signature) =
            self.bytes.split_last_chunk::<SIGNATURE>().ok_or(CryptoError::Malformed)?;
        let signature = Signature::new(*signature);
        service.verify(signed(binding, content).as_bytes(), &signature)?;
        if now >= until {
            return Err(ChannelError::Expired);
        }
        let public = content.get(HEAD..).ok_or(CryptoError::Malformed)?;
        let context = agreed(binding, sha256(&self.bytes).as_bytes());
        let made = algorithms.kem(algorithm)?.encapsulate(public, context.as_bytes())?;
        let mut ratchet = Ratchet::begin(Side::Client, self.terms, &made.key)?;
        let (associated, plain) = first;
        let sealed = ratchet.seal(associated, plain)?;
        let mut message = vec![VERSION, FIRST];
        message.extend_from_slice(&algorithm.0.to_be_bytes());
        message.extend_from_slice(&made.bytes);
        message.extend_from_slice(&sealed);
        Ok((ratchet, message))
    }
}

fn signed(binding: &Binding, content: &[u8]) -> AssociatedData {
    binding.field(AssociatedData::new("evanesce prekey v1")).field(content)
}

fn agreed(binding: &Binding, offer: &[u8]) -> AssociatedData {
    binding.field(AssociatedData::new("evanesce channel begin v1")).field(offer)
}

/// Mechanism, generation and end.
fn terms(bytes: &[u8]) -> Option<Terms> {
    let (algorithm, rest) = bytes.split_first_chunk()?;
    let (generation, rest) = rest.split_first_chunk()?;
    Some(Terms {
        algorithm: AlgorithmId(u16::from_be_bytes(*algorithm)),
        generation: u32::from_be_bytes(*generation),
        until: Timestamp::from_millis(u64::from_be_bytes(*rest.first_chunk()?)),
    })
}

#[cfg(test)]
mod tests;
