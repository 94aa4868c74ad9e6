use std::fmt;

use evanesce_memory::SecretBytes;

use crate::{
    AlgorithmId, Algorithms, AssociatedData, CryptoError, Decapsulate, Padding, Sealed, seal,
    unseal,
};

const VERSION: u8 = 1;
const LABEL: &str = "evanesce channel v1";

/// The receiving end of one message: its private key opens once and is gone, so that a
/// captured state opens nothing earlier.
///
/// ```
/// use evanesce_crypto::{Recipient, seal_to};
/// use evanesce_memory::SecretBytes;
///
/// let recipient = Recipient::generate()?;
/// let public = recipient.public().clone(); // goes to the sender, over a trusted path
/// let secret = SecretBytes::from_slice(&mut *b"to be processed".to_owned().as_mut_slice())?;
/// let message = seal_to(&public, b"newsletter", b"job 7", &secret)?;
/// let opened = recipient.open(b"newsletter", b"job 7", &message)?;
/// assert!(opened.ct_eq(&secret));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Recipient {
    algorithms: Algorithms,
    private: Box<dyn Decapsulate>,
    public: ChannelKey,
}

impl Recipient {
    /// A fresh key pair of the process's usual mechanism.
    ///
    /// # Errors
    /// [`CryptoError::Revoked`] when none is left, [`CryptoError::Random`] and
    /// [`CryptoError::Memory`].
    pub fn generate() -> Result<Self, CryptoError> {
        let algorithms = Algorithms::process();
        let usual = algorithms.available().first().copied().ok_or(CryptoError::Revoked)?;
        Self::generate_with(algorithms, usual)
    }

    /// A fresh key pair of a certain mechanism.
    ///
    /// # Errors
    /// As [`Recipient::generate`], and [`CryptoError::UnknownAlgorithm`].
    pub fn generate_with(algorithms: &Algorithms, id: AlgorithmId) -> Result<Self, CryptoError> {
        let pair = algorithms.kem(id)?.generate()?;
        Ok(Self {
            algorithms: algorithms.clone(),
            private: pair.private,
            public: ChannelKey { id, bytes: pair.public },
        })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &ChannelKey {
        &self.public
    }

    /// Opens the one message, and uses the key up whether it opens or not.
    ///
    /// # Errors
    /// [`CryptoError::Forged`] for another recipient, another `info`, other associated data
    /// or any changed byte; [`CryptoError::Revoked`] once the mechanism was revoked.
    pub fn open(
        self,
        info: &[u8],
        associated: &[u8],
        message: &ChannelMessage,
    ) -> Result<SecretBytes, CryptoError> {
        let id = self.public.id;
        if message.id != id {
            return Err(CryptoError::Forged);
        }
        self.algorithms.kem(id)?;
        let context = context(id, info);
        let key = self.private.decapsulate(&message.encapsulated, context.as_bytes())?;
        unseal(&key, place(id, associated).as_bytes(), &message.sealed)
    }
}

/// Seals a message to one recipient: a key from its mechanism, and an envelope under that
/// key. Who sealed it is not authenticated; that is for the path or a signature.
///
/// # Errors
/// [`CryptoError::Malformed`] for a key that is none, [`CryptoError::Revoked`] and
/// [`CryptoError::UnknownAlgorithm`] for its mechanism, [`CryptoError::ContextTooLong`] for an
/// `info` of more than about 60,000 bytes, besides those of [`seal`].
pub fn seal_to(
    public: &ChannelKey,
    info: &[u8],
    associated: &[u8],
    plaintext: &SecretBytes,
) -> Result<ChannelMessage, CryptoError> {
    Algorithms::process().seal_to(public, info, associated, plaintext)
}

impl Algorithms {
    /// As [`seal_to`], with these mechanisms.
    ///
    /// # Errors
    /// As [`seal_to`].
    pub fn seal_to(
        &self,
        public: &ChannelKey,
        info: &[u8],
        associated: &[u8],
        plaintext: &SecretBytes,
    ) -> Result<ChannelMessage, CryptoError> {
        let id = public.id;
        let made = self.kem(id)?.encapsulate(&public.bytes, context(id, info).as_bytes())?;
        let place = place(id, associated);
        let sealed = seal(&made.key, place.as_bytes(), plaintext, Padding::default())?;
        Ok(ChannelMessage { id, encapsulated: made.bytes, sealed })
    }

    /// Reads a public key: the mechanism's number in 2 bytes, big-endian, then the key.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another length, and those of [`Algorithms::kem`].
    pub fn channel_key(&self, bytes: &[u8]) -> Result<ChannelKey, CryptoError> {
        let (id, bytes) = bytes.split_first_chunk().ok_or(CryptoError::Malformed)?;
        let id = AlgorithmId(u16::from_be_bytes(*id));
        if bytes.len() != self.kem(id)?.public_len() {
            return Err(CryptoError::Malformed);
        }
        Ok(ChannelKey { id, bytes: bytes.to_vec() })
    }

    /// Reads a message: version, the mechanism's number, the encapsulation, an envelope.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another form, and those of [`Algorithms::kem`].
    pub fn channel_message(&self, bytes: &[u8]) -> Result<ChannelMessage, CryptoError> {
        let ([version, high, low], rest) =
            bytes.split_first_chunk().ok_or(CryptoError::Malformed)?;
        if *version != VERSION {
            return Err(CryptoError::Malformed);
        }
        let id = AlgorithmId(u16::from_be_bytes([*high, *low]));
        let len = self.kem(id)?.encapsulated_len();
        let (encapsulated, sealed) = rest.split_at_checked(len).ok_or(CryptoError::Malformed)?;
        if sealed.len() > Sealed::MAX {
            return Err(CryptoError::Malformed);
        }
        let sealed = Sealed::from_bytes(sealed.to_vec())?;
        Ok(ChannelMessage { id, encapsulated: encapsulated.to_vec(), sealed })
    }
}

/// A recipient's public key, for one message.
#[derive(Clone, Eq, PartialEq)]
pub struct ChannelKey {
    id: AlgorithmId,
    bytes: Vec<u8>,
}

impl ChannelKey {
    /// Reads a key with the mechanisms of this process.
    ///
    /// # Errors
    /// As [`Algorithms::channel_key`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        Algorithms::process().channel_key(bytes)
    }

    /// The mechanism.
    #[must_use]
    pub const fn algorithm(&self) -> AlgorithmId {
        self.id
    }

    /// The bytes, to send.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.id.0.to_be_bytes()[..], &self.bytes].concat()
    }
}

impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelKey({:#06x}, {} bytes)", self.id.0, self.bytes.len())
    }
}

/// A sealed message to one recipient. See the section "Channel" of docs/formats.md.
#[derive(Clone, Eq, PartialEq)]
pub struct ChannelMessage {
    id: AlgorithmId,
    encapsulated: Vec<u8>,
    sealed: Sealed,
}

impl ChannelMessage {
    /// Reads a message with the mechanisms of this process. Whether it opens, only
    /// [`Recipient::open`] tells.
    ///
    /// # Errors
    /// As [`Algorithms::channel_message`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        Algorithms::process().channel_message(bytes)
    }

    /// The mechanism.
    #[must_use]
    pub const fn algorithm(&self) -> AlgorithmId {
        self.id
    }

    /// The bytes, to send.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let id = self.id.0.to_be_bytes();
        [&[VERSION][..], &id, &self.encapsulated, self.sealed.as_bytes()].concat()
    }
}

impl fmt::Debug for ChannelMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.encapsulated.len() + self.sealed.as_bytes().len();
        write!(f, "ChannelMessage({:#06x}, {len} bytes)", self.id.0)
    }
}

fn context(id: AlgorithmId, info: &[u8]) -> AssociatedData {
    AssociatedData::new(LABEL).number(id.0.into()).field(info)
}

fn place(id: AlgorithmId, associated: &[u8]) -> AssociatedData {
    AssociatedData::new(LABEL).number(id.0.into()).field(associated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        sha256,
        vectors::{Vectors, secret},
    };

    const INFO: &[u8] = b"newsletter";
    const PLACE: &[u8] = b"job 7";

    fn everything() -> (Algorithms, Vec<AlgorithmId>) {
        let algorithms = Algorithms::new(vec![
            std::sync::Arc::new(crate::XWing),
            #[cfg(feature = "kyber-round3")]
            std::sync::Arc::new(crate::KyberRound3),
        ]);
        let ids = algorithms.available();
        (algorithms, ids)
    }

    #[test]
    fn the_vector_opens() {
        let vectors = Vectors::new(include_str!("../tests/vectors/channel-v1.txt"));
        let pair = crate::xwing::pair_of(secret(&vectors.bytes("seed"))).unwrap();
        let recipient = Recipient {
            algorithms: Algorithms::standard(),
            private: pair.private,
            public: ChannelKey { id: AlgorithmId::X_WING, bytes: pair.public },
        };
        let public = recipient.public().to_bytes();
        assert_eq!(sha256(&public).as_bytes()[..], vectors.bytes("public-sha256"));
        let message = ChannelMessage::from_bytes(&vectors.bytes("message")).unwrap();
        assert_eq!(message.to_bytes(), vectors.bytes("message"));
        let opened = recipient.open(&vectors.bytes("info"), &vectors.bytes("associated"), &message);
        assert!(opened.unwrap().ct_eq(&secret(&vectors.bytes("plaintext"))));
    }

    #[test]
    fn a_message_opens_for_its_recipient_in_its_place() {
        let (algorithms, ids) = everything();
        for id in ids {
            let make = || Recipient::generate_with(&algorithms, id).unwrap();
            let seal =
                |to: &ChannelKey| algorithms.seal_to(to, INFO, PLACE, &secret(b"plain")).unwrap();
            let recipient = make();
            let public = algorithms.channel_key(&recipient.public().to_bytes()).unwrap();
            let message = algorithms.channel_message(&seal(&public).to_bytes()).unwrap();
            assert!(recipient.open(INFO, PLACE, &message).unwrap().ct_eq(&secret(b"plain")));

            let refused = |info, place, other: bool| {
                let recipient = make();
                let message = seal(recipient.public());
                let opener = if other { make() } else { recipient };
                opener.open(info, place, &message).err()
            };
            assert_eq!(refused(b"another", PLACE, false), Some(CryptoError::Forged));
            assert_eq!(refused(INFO, b"job 8", false), Some(CryptoError::Forged));
            assert_eq!(refused(INFO, PLACE, true), Some(CryptoError::Forged));
        }
    }

    #[test]
    fn changed_bytes_are_noticed() {
        let (algorithms, ids) = everything();
        for id in ids {
            let encapsulated = algorithms.kem(id).unwrap().encapsulated_len();
            // Through the head, both parts of the encapsulation, and the envelope.
            let places = (0..4).chain([600, encapsulated - 20, encapsulated + 2]);
            for at in places.chain(encapsulated + 3..encapsulated + 7) {
                let recipient = Recipient::generate_with(&algorithms, id).unwrap();
                let sealed = algorithms.seal_to(recipient.public(), INFO, PLACE, &secret(b"plain"));
                let mut bytes = sealed.unwrap().to_bytes();
                bytes[at] ^= 1;
                let opened = algorithms
                    .channel_message(&bytes)
                    .and_then(|message| recipient.open(INFO, PLACE, &message));
                assert!(opened.is_err(), "{id:?}: byte {at}");
            }
        }
    }

    #[test]
    fn features_add_nothing_by_themselves() {
        assert_eq!(Algorithms::process().available(), [AlgorithmId::X_WING]);
        let round3 = ChannelKey::from_bytes(&[&[0xFE, 0x30][..], &[1; 1216]].concat());
        assert_eq!(round3.err(), Some(CryptoError::UnknownAlgorithm));
    }

    #[test]
    fn the_kill_switch_stops_making_sealing_and_opening() {
        let (algorithms, ids) = everything();
        for id in ids {
            let recipient = Recipient::generate_with(&algorithms, id).unwrap();
            let public = recipient.public().clone();
            let message = algorithms.seal_to(&public, INFO, PLACE, &secret(b"plain")).unwrap();
            assert!(!algorithms.is_revoked(id));
            algorithms.clone().revoke(id);
            let revoked = Some(CryptoError::Revoked);
            assert_eq!(recipient.open(INFO, PLACE, &message).err(), revoked);
            assert_eq!(algorithms.seal_to(&public, INFO, PLACE, &secret(b"x")).err(), revoked);
            assert_eq!(Recipient::generate_with(&algorithms, id).err(), revoked);
            assert_eq!(algorithms.channel_key(&public.to_bytes()).err(), revoked);
            assert_eq!(algorithms.channel_message(&message.to_bytes()).err(), revoked);
        }
        assert!(algorithms.available().is_empty());
        assert!(!Algorithms::process().available().is_empty());
    }

    #[test]
    fn keys_and_contexts_that_do_not_fit() {
        let (algorithms, ids) = everything();
        let unknown = algorithms.channel_key(&[0, 1, 2]).err();
        assert_eq!(unknown, Some(CryptoError::UnknownAlgorithm));
        for id in ids {
            let kem = algorithms.kem(id).unwrap();
            assert_eq!(kem.encapsulate(&[0; 31], INFO).err(), Some(CryptoError::Malformed));
            let pair = kem.generate().unwrap();
            assert_eq!(pair.public.len(), kem.public_len());
            let made = kem.encapsulate(&pair.public, INFO).unwrap();
            assert_eq!(made.bytes.len(), kem.encapsulated_len());
            let short = pair.private.decapsulate(&made.bytes[1..], INFO).err();
            assert_eq!(short, Some(CryptoError::Malformed));
        }
        let long = vec![0; 70_000];
        let recipient = Recipient::generate().unwrap();
        let sealed = seal_to(recipient.public(), &long, PLACE, &secret(b"x")).err();
        assert_eq!(sealed, Some(CryptoError::ContextTooLong));
        let message = seal_to(recipient.public(), INFO, PLACE, &secret(b"x")).unwrap();
        assert_eq!(recipient.open(&long, PLACE, &message).err(), Some(CryptoError::ContextTooLong));
    }

    /// A curve point of small order would make the curve's part known to everyone.
    #[cfg(feature = "kyber-round3")]
    #[test]
    fn a_small_order_point_is_refused() {
        use crate::Kem;
        let kem = crate::KyberRound3;
        let mut public = kem.generate().unwrap().public;
        let curve = public.len() - 32;
        public[curve..].fill(0);
        assert_eq!(kem.encapsulate(&public, INFO).err(), Some(CryptoError::Malformed));
    }

    #[test]
    fn printing_tells_nothing() {
        let recipient = Recipient::generate().unwrap();
        let message = seal_to(recipient.public(), INFO, PLACE, &secret(b"x")).unwrap();
        assert_eq!(format!("{:?}", recipient.public()), "ChannelKey(0x647a, 1216 bytes)");
        assert_eq!(format!("{message:?}"), "ChannelMessage(0x647a, 1269 bytes)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..1400)
        ) {
            let bytes = [&[1, 0x64, 0x7A], &bytes[..]].concat();
            if let Ok(message) = ChannelMessage::from_bytes(&bytes) {
                prop_assert_eq!(&message.to_bytes(), &bytes);
            }
            let _ = ChannelKey::from_bytes(&bytes[1..]);
        }
    }
}
