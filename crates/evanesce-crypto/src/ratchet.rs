use evanesce_core::Timestamp;
use evanesce_memory::{SecretBytes, Wiped, scrub_stack, wipe_slice};
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;

use crate::{AlgorithmId, CryptoError, Padding, Sealed, derive};

/// Why a channel gave nothing. No variant tells anything of a key or of what was sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// There is no prekey: none was offered, or it was used.
    #[error("there is no prekey: none was offered, or it was used")]
    Consumed,
    /// The bytes do not open, or the mechanism may not be used.
    #[error("the message could not be sealed or opened")]
    Crypto(#[source] CryptoError),
    /// The message lies outside the window, so that its key is gone or was never made.
    #[error("the message lies outside the window: begin a new channel")]
    Desynchronised,
    /// The channel, or the offer of one, has ended.
    #[error("the channel has ended: begin a new one")]
    Expired,
    /// The message was opened before.
    #[error("the message was opened before")]
    Replayed,
    /// The message belongs to another channel of this session.
    #[error("the message belongs to another channel of this session")]
    Superseded,
}

impl<E: Into<CryptoError>> From<E> for ChannelError {
    fn from(error: E) -> Self {
        Self::Crypto(error.into())
    }
}

/// One end of a channel: a chain of keys for each direction, which only goes forward. A key
/// seals or opens one message and is overwritten, so that what is captured at any moment opens
/// nothing that was opened before.
///
/// Messages may be lost or arrive in another order: the keys of those that were left out are
/// kept until [`Ratchet::WINDOW`] later ones have come. It doesn't heal: who captures an end
/// reads what comes after, until a new channel begins.
///
/// Everything lies in one block of guarded memory of [`Ratchet::LEN`] bytes. See the section
/// "Ratchet" of docs/formats.md.
pub struct Ratchet {
    state: SecretBytes,
}

/// The sender's and the receiver's end of each direction.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What both sides know of a channel when it begins.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Terms {
    pub(crate) algorithm: AlgorithmId,
    pub(crate) generation: u32,
    pub(crate) until: Timestamp,
}

const VERSION: u8 = 1;
const KIND: u8 = 3;
const KEY: usize = 32;
const TAG: usize = 16;
const LENGTH: usize = 4;
const HEAD: usize = 14;
const SLOTS: usize = 32;

// Where what lies in a state.
const ALGORITHM: usize = 1;
const GENERATION: usize = 3;
const UNTIL: usize = 7;
const SENT: usize = 15;
const RECEIVED: usize = 23;
const KEPT: usize = 31;
const SENDING: usize = 35;
const RECEIVING: usize = SENDING + KEY;
const KEYS: usize = RECEIVING + KEY;

type State = [u8; Ratchet::LEN];

impl Ratchet {
    /// The bytes of a state.
    pub const LEN: usize = KEYS + SLOTS * KEY;

    /// The most bytes that a message adds to its padded plaintext.
    pub const OVERHEAD: usize = HEAD + LENGTH + TAG;

    /// How far behind the newest message one may come and still be opened, and how many may be
    /// missing at a time, plus one.
    pub const WINDOW: u64 = SLOTS as u64;

    pub(crate) fn begin(side: Side, terms: Terms, key: &SecretBytes) -> Result<Self, CryptoError> {
        let chains = derive(key, &[], b"evanesce channel chains v1", 2 * KEY)?;
        let mut state = SecretBytes::zeroed(Self::LEN)?;
        chains.expose(|chains| {
            let chains: &[u8; 2 * KEY] = chains.try_into().map_err(|_| CryptoError::KeyLength)?;
            let (client, server) = chains.split_at(KEY);
            let (sending, receiving) = match side {
                Side::Client => (client, server),
                Side::Server => (server, client),
            };
            within(&mut state, |state| {
                state[0] = VERSION;
                state[ALGORITHM..GENERATION].copy_from_slice(&terms.algorithm.0.to_be_bytes());
                state[GENERATION..UNTIL].copy_from_slice(&terms.generation.to_be_bytes());
                put(state, UNTIL, terms.until.as_millis());
                state[SENDING..RECEIVING].copy_from_slice(sending);
                state[RECEIVING..KEYS].copy_from_slice(receiving);
                Ok(())
            })
        })?;
        Ok(Self { state })
    }

    /// A state that [`Ratchet::keep`] gave the bytes of.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for anything else, and [`CryptoError::Memory`].
    pub fn restore(kept: &[u8]) -> Result<Self, ChannelError> {
        if kept.len() != Self::LEN || kept.first() != Some(&VERSION) {
            return Err(CryptoError::Malformed.into());
        }
        let mut state = SecretBytes::zeroed(Self::LEN).map_err(CryptoError::from)?;
        within(&mut state, |state| {
            state.copy_from_slice(kept);
            Ok(())
        })?;
        Ok(Self { state })
    }

    /// Lends the bytes, to be kept sealed, in the place of those that were kept before.
    pub fn keep<R>(&self, keep: impl FnOnce(&[u8]) -> R) -> R {
        self.state.expose(keep)
    }

    /// The mechanism that the first key came from.
    #[must_use]
    pub fn algorithm(&self) -> AlgorithmId {
        AlgorithmId(u16::from_be_bytes(self.field(ALGORITHM)))
    }

    /// Which channel of its session it is, counted from 1.
    #[must_use]
    pub fn generation(&self) -> u32 {
        u32::from_be_bytes(self.field(GENERATION))
    }

    /// When it ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        Timestamp::from_millis(u64::from_be_bytes(self.field(UNTIL)))
    }

    /// How many messages were sealed.
    #[must_use]
    pub fn sent(&self) -> u64 {
        u64::from_be_bytes(self.field(SENT))
    }

    /// Seals the next message. Its key is gone before this returns.
    ///
    /// # Errors
    /// [`CryptoError::TooLarge`] beyond [`Sealed::MAX`], and [`CryptoError::Memory`]; nothing
    /// is used up then.
    pub fn seal(
        &mut self,
        associated: &[u8],
        plaintext: &SecretBytes,
    ) -> Result<Vec<u8>, ChannelError> {
        let padded = Padding::default().padded(plaintext.len());
        if Self::OVERHEAD + padded > Sealed::MAX {
            return Err(CryptoError::TooLarge.into());
        }
        let mut buffer = SecretBytes::zeroed(LENGTH + padded)?;
        buffer.expose_mut(|buffer| {
            plaintext.expose(|plain| {
                // A parent's secret is empty in a forked child: no reason to seal nothing.
                if plain.len() != plaintext.len() {
                    return Err(CryptoError::KeyLength);
                }
                crate::envelope::fill(buffer, plain)
            })
        })?;
        let sealed = within(&mut self.state, |state| {
            let number = get(state, SENT);
            let next = number.checked_add(1).ok_or(CryptoError::TooLarge)?;
            let head = head(state, number);
            let mut pair = [0; 2 * KEY];
            step(&state[SENDING..RECEIVING], &mut pair)?;
            let (key, chain) = pair.split_at(KEY);
            let sealed = encrypt(key, (&head, associated), number, &mut buffer);
            if sealed.is_ok() {
                state[SENDING..RECEIVING].copy_from_slice(chain);
                put(state, SENT, next);
            }
            wipe_slice(&mut pair);
            sealed
        });
        scrub_stack();
        Ok(sealed?)
    }

    /// Opens a message, whose key is gone when this returns. What doesn't open changes nothing.
    ///
    /// # Errors
    /// [`ChannelError::Replayed`], [`ChannelError::Desynchronised`] and
    /// [`ChannelError::Superseded`]; [`CryptoError::Malformed`] and [`CryptoError::Forged`].
    pub fn open(&mut self, associated: &[u8], message: &[u8]) -> Result<SecretBytes, ChannelError> {
        let (head, sealed) = message.split_first_chunk::<HEAD>().ok_or(CryptoError::Malformed)?;
        let least = LENGTH + TAG;
        if head[..2] != [VERSION, KIND] || sealed.len() < least || message.len() > Sealed::MAX {
            return Err(CryptoError::Malformed.into());
        }
        if head[2..6] != self.field::<4>(GENERATION) {
            return Err(ChannelError::Superseded);
        }
        let number = get(head, 6);
        let received = u64::from_be_bytes(self.field(RECEIVED));
        let opened = match number.checked_sub(received) {
            Some(missing) if missing >= Self::WINDOW || number == u64::MAX => {
                Err(ChannelError::Desynchronised)
            }
            Some(0) => self.open_next((head, associated), number, sealed),
            Some(_) => self.open_ahead((head, associated), number, sealed),
            None if received - number > Self::WINDOW => Err(ChannelError::Desynchronised),
            None => self.open_behind((head, associated), number, sealed),
        };
        scrub_stack();
        opened
    }

    /// The message that follows the newest.
    fn open_next(
        &mut self,
        place: (&[u8; HEAD], &[u8]),
        number: u64,
        sealed: &[u8],
    ) -> Result<SecretBytes, ChannelError> {
        Ok(within(&mut self.state, |state| {
            let mut pair = [0; 2 * KEY];
            step(&state[RECEIVING..KEYS], &mut pair)?;
            let (key, chain) = pair.split_at(KEY);
            let plain = decrypt(key, place, number, sealed);
            if plain.is_ok() {
                state[RECEIVING..KEYS].copy_from_slice(chain);
                put(state, RECEIVED, number + 1);
                drop_key(state, number);
            }
            wipe_slice(&mut pair);
            plain
        })?)
    }

    /// A message that is newer than all before: the keys of those between are kept.
    fn open_ahead(
        &mut self,
        place: (&[u8; HEAD], &[u8]),
        number: u64,
        sealed: &[u8],
    ) -> Result<SecretBytes, ChannelError> {
        // What a forged message would change is changed in a copy.
        let mut ahead = self.state.try_clone()?;
        let plain = within(&mut ahead, |state| {
            for at in get(state, RECEIVED)..=number {
                let mut pair = [0; 2 * KEY];
                step(&state[RECEIVING..KEYS], &mut pair)?;
                let (key, chain) = pair.split_at(KEY);
                state[RECEIVING..KEYS].copy_from_slice(chain);
                keep_key(state, at, key);
                wipe_slice(&mut pair);
            }
            put(state, RECEIVED, number + 1);
            let plain = decrypt(slot(state, number), place, number, sealed)?;
            drop_key(state, number);
            Ok(plain)
        })?;
        self.state = ahead;
        Ok(plain)
    }

    /// A message that was left out before.
    fn open_behind(
        &mut self,
        place: (&[u8; HEAD], &[u8]),
        number: u64,
        sealed: &[u8],
    ) -> Result<SecretBytes, ChannelError> {
        let kept = u32::from_be_bytes(self.field(KEPT));
        if kept & bit(number) == 0 {
            return Err(ChannelError::Replayed);
        }
        let plain = within(&mut self.state, |state| {
            let plain = decrypt(slot(state, number), place, number, sealed)?;
            drop_key(state, number);
            Ok(plain)
        })?;
        Ok(plain)
    }

    // Zeros in a forked child, where the state is gone: no message has that generation.
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.state.expose(|state| {
            state.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
        })
    }
}

fn within<R>(
    state: &mut SecretBytes,
    work: impl FnOnce(&mut State) -> Result<R, CryptoError>,
) -> Result<R, CryptoError> {
    state.expose_mut(|state| work(state.try_into().map_err(|_| CryptoError::KeyLength)?))
}

/// The message's key and the chain's next: HMAC-SHA256 of 1 and of 2 under the chain.
#[inline(never)]
fn step(chain: &[u8], pair: &mut [u8; 2 * KEY]) -> Result<(), CryptoError> {
    let keyed = Hmac::<Sha256>::new_from_slice(chain).map_err(|_| CryptoError::KeyLength)?;
    for (part, label) in pair.chunks_mut(KEY).zip([1, 2]) {
        let mut mac = keyed.clone();
        mac.update(&[label]);
        let mut made = mac.finalize().into_bytes();
        part.copy_from_slice(&made);
        wipe_slice(&mut made);
    }
    Ok(())
}

fn head(state: &State, number: u64) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..2].copy_from_slice(&[VERSION, KIND]);
    head[2..6].copy_from_slice(&state[GENERATION..UNTIL]);
    head[6..].copy_from_slice(&number.to_be_bytes());
    head
}

/// Encrypted where the plaintext lies, so that only ciphertext is copied to the heap.
fn encrypt(
    key: &[u8],
    (head, associated): (&[u8; HEAD], &[u8]),
    number: u64,
    buffer: &mut SecretBytes,
) -> Result<Vec<u8>, CryptoError> {
    let (cipher, place) = (cipher(key)?, [head, associated].concat());
    let mut out = Vec::with_capacity(HEAD + buffer.len() + TAG);
    out.extend_from_slice(head);
    buffer.expose_mut(|buffer| {
        let tag = cipher
            .seal_in_place_separate_tag(nonce(number), Aad::from(&place), buffer)
            .map_err(|_| CryptoError::TooLarge)?;
        out.extend_from_slice(buffer);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    })
}

fn decrypt(
    key: &[u8],
    (head, associated): (&[u8; HEAD], &[u8]),
    number: u64,
    sealed: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (cipher, place) = (cipher(key)?, [head, associated].concat());
    let mut plain = SecretBytes::zeroed(sealed.len())?;
    let len = plain.expose_mut(|buffer| {
        if buffer.len() != sealed.len() {
            return Err(CryptoError::KeyLength);
        }
        buffer.copy_from_slice(sealed);
        let opened = cipher
            .open_in_place(nonce(number), Aad::from(&place), buffer)
            .map_err(|_| CryptoError::Forged)?;
        let (length, body) = opened.split_first_chunk::<LENGTH>().ok_or(CryptoError::Malformed)?;
        let len = u32::from_be_bytes(*length) as usize;
        if len > body.len() {
            return Err(CryptoError::Malformed);
        }
        buffer.copy_within(LENGTH..LENGTH + len, 0);
        Ok(len)
    })?;
    plain.truncate(len);
    Ok(plain)
}

fn cipher(key: &[u8]) -> Result<Wiped<LessSafeKey>, CryptoError> {
    Wiped::try_build(|| {
        let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| CryptoError::KeyLength)?;
        Ok(LessSafeKey::new(unbound))
    })
}

/// A key seals one message, so that its number will do.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn at(number: u64) -> usize {
    KEYS + (number % Ratchet::WINDOW) as usize * KEY
}

fn slot(state: &State, number: u64) -> &[u8] {
    &state[at(number)..at(number) + KEY]
}

const fn bit(number: u64) -> u32 {
    1 << (number % Ratchet::WINDOW)
}

/// Takes the place of the key of the message one window before, which is too old from now on.
fn keep_key(state: &mut State, number: u64, key: &[u8]) {
    state[at(number)..at(number) + KEY].copy_from_slice(key);
    mark(state, |kept| kept | bit(number));
}

fn drop_key(state: &mut State, number: u64) {
    wipe_slice(&mut state[at(number)..at(number) + KEY]);
    mark(state, |kept| kept & !bit(number));
}

fn mark(state: &mut State, change: impl FnOnce(u32) -> u32) {
    let mut kept = [0; 4];
    kept.copy_from_slice(&state[KEPT..SENDING]);
    let kept = change(u32::from_be_bytes(kept));
    state[KEPT..SENDING].copy_from_slice(&kept.to_be_bytes());
}

fn get(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk());
    number.copied().map_or(0, u64::from_be_bytes)
}

fn put(state: &mut State, at: usize, number: u64) {
    state[at..at + 8].copy_from_slice(&number.to_be_bytes());
}

#[cfg(test)]
mod tests;
