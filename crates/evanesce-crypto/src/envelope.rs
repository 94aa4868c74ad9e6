use std::fmt;

use evanesce_memory::{SecretBytes, Wiped, scrub_stack, scrubbed, wipe_slice};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use subtle::ConstantTimeEq;

use crate::{CryptoError, derive, random};

const VERSION: u8 = 1;
const SALT: usize = 32;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const HEAD: usize = 1 + SALT + COMMITMENT;
const LENGTH: usize = 4;
const KEY: usize = 32;

/// A sealed record: version, salt, key commitment, AES-256-GCM ciphertext. See the
/// section "Envelope" of docs/formats.md.
#[derive(Clone, Eq, PartialEq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The largest envelope, in bytes.
    pub const MAX: usize = 1024 * 1024;

    /// The fewest bytes that an envelope has.
    pub const MIN: usize = HEAD + LENGTH + TAG;

    /// Reads an envelope's outer form. Whether it opens, only [`unseal`] tells.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another version or a size out of bounds.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        let fits = (Self::MIN..=Self::MAX).contains(&bytes.len());
        if fits && bytes.first() == Some(&VERSION) {
            Ok(Self(bytes))
        } else {
            Err(CryptoError::Malformed)
        }
    }

    /// The bytes, to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first half of the salt: what [`seal_salted`] was given, or random.
    #[must_use]
    pub fn half_salt(&self) -> HalfSalt {
        self.0.get(1..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// How far a plaintext is padded, so that the length of an envelope tells little.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Padding {
    /// To the next size class: 64 bytes up to 512, then steps of an eighth of the
    /// next power of two, which costs less than a quarter. Up to [`Sealed::MAX`] there are
    /// 51 classes, so that a length tells less than six bits.
    #[default]
    Classes,
    /// Not at all, for values whose length is known anyway, such as keys.
    None,
}

impl Padding {
    pub(crate) fn padded(self, len: usize) -> usize {
        match self {
            Self::None => len,
            Self::Classes => {
                let step = (len.next_power_of_two() / 8).max(64);
                len.div_ceil(step).max(1) * step
            }
        }
    }
}

/// Half of an envelope's salt.
pub type HalfSalt = [u8; SALT / 2];

/// Seals a plaintext under `key` in the place that `associated` names.
///
/// A fresh salt gives the record a key, a nonce and a commitment of its own
/// (HKDF-SHA256), so that a root seals any number of records, and no envelope opens
/// under two keys.
///
/// # Errors
/// [`CryptoError::TooLarge`] beyond [`Sealed::MAX`]; [`CryptoError::Random`] and
/// [`CryptoError::Memory`].
pub fn seal(
    key: &SecretBytes,
    associated: &[u8],
    plaintext: &SecretBytes,
    padding: Padding,
) -> Result<Sealed, CryptoError> {
    let mut salt = [0; SALT];
    random(&mut salt)?;
    scrubbed(|| seal_with_salt(key, associated, plaintext, padding, &salt))
}

/// As [`seal`], with a salt of which the first half is known before, because what `key` is
/// made of was derived with it: so it lies in the envelope and nowhere else. The second half
/// is drawn here, so that no two envelopes have one salt, whatever is handed in.
///
/// # Errors
/// Those of [`seal`].
pub fn seal_salted(
    key: &SecretBytes,
    associated: &[u8],
    plaintext: &SecretBytes,
    padding: Padding,
    half: &HalfSalt,
) -> Result<Sealed, CryptoError> {
    let mut salt = [0; SALT];
    let (first, second) = salt.split_at_mut(half.len());
    first.copy_from_slice(half);
    random(second)?;
    scrubbed(|| seal_with_salt(key, associated, plaintext, padding, &salt))
}

/// Opens an envelope into guarded memory.
///
/// # Errors
/// [`CryptoError::Forged`] for another key, another place, or any changed byte.
pub fn unseal(
    key: &SecretBytes,
    associated: &[u8],
    sealed: &Sealed,
) -> Result<SecretBytes, CryptoError> {
    scrubbed(|| open(key, associated, sealed))
}

fn open(key: &SecretBytes, associated: &[u8], sealed: &Sealed) -> Result<SecretBytes, CryptoError> {
    let (head, ciphertext) = sealed.0.split_at_checked(HEAD).ok_or(CryptoError::Malformed)?;
    let (salt, commitment) = head[1..].split_at(SALT);
    let keys = RecordKeys::derive(key, salt)?;
    if !keys.commits_to(commitment) {
        return Err(CryptoError::Forged);
    }
    let mut plain = SecretBytes::zeroed(ciphertext.len())?;
    let len = plain.expose_mut(|buffer| {
        if buffer.len() != ciphertext.len() {
            return Err(CryptoError::KeyLength);
        }
        buffer.copy_from_slice(ciphertext);
        let opened = keys
            .cipher
            .open_in_place(keys.nonce(), Aad::from(associated), buffer)
            .map_err(|_| CryptoError::Forged)?;
        let (length, body) = opened.split_first_chunk::<LENGTH>().ok_or(CryptoError::Malformed)?;
        let len = u32::from_be_bytes(*length) as usize;
        if len > body.len() {
            return Err(CryptoError::Malformed);
        }
        buffer.copy_within(LENGTH..LENGTH + len, 0);
        wipe_slice(&mut buffer[len..]);
        Ok(len)
    })?;
    plain.truncate(len);
    Ok(plain)
}

pub(crate) fn seal_with_salt(
    key: &SecretBytes,
    associated: &[u8],
    plaintext: &SecretBytes,
    padding: Padding,
    salt: &[u8; SALT],
) -> Result<Sealed, CryptoError> {
    let padded = padding.padded(plaintext.len());
    if HEAD + LENGTH + padded + TAG > Sealed::MAX {
        return Err(CryptoError::TooLarge);
    }
    let keys = RecordKeys::derive(key, salt)?;
    let mut buffer = SecretBytes::zeroed(LENGTH + padded)?;
    buffer.expose_mut(|buffer| {
        plaintext.expose(|plain| {
            // A parent's secret is empty in a forked child: that is no reason to seal nothing.
            if plain.len() != plaintext.len() {
                return Err(CryptoError::KeyLength);
            }
            fill(buffer, plain)
        })
    })?;
    let mut out = Vec::with_capacity(HEAD + LENGTH + padded + TAG);
    out.push(VERSION);
    out.extend_from_slice(salt);
    keys.material.expose(|material| out.extend_from_slice(&material[KEY + NONCE_LEN..]));
    // Encrypted where the plaintext lies, so that only ciphertext is copied to the heap.
    let tag = buffer.expose_mut(|buffer| {
        keys.cipher
            .seal_in_place_separate_tag(keys.nonce(), Aad::from(associated), buffer)
            .map_err(|_| CryptoError::TooLarge)
    })?;
    buffer.expose(|ciphertext| out.extend_from_slice(ciphertext));
    out.extend_from_slice(tag.as_ref());
    scrub_stack();
    Ok(Sealed(out))
}

/// What one record needs: a key that ring does not wipe, so it is built where it
/// is wiped, a nonce and the commitment.
struct RecordKeys {
    cipher: Wiped<LessSafeKey>,
    material: SecretBytes,
}

impl RecordKeys {
    fn derive(key: &SecretBytes, salt: &[u8]) -> Result<Self, CryptoError> {
        let material = derive(key, salt, b"evanesce envelope v1", KEY + NONCE_LEN + COMMITMENT)?;
        let cipher = material.expose(|material| {
            let bytes = material.get(..KEY).ok_or(CryptoError::KeyLength)?;
            Wiped::try_build(|| {
                let unbound =
                    UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| CryptoError::KeyLength)?;
                Ok::<_, CryptoError>(LessSafeKey::new(unbound))
            })
        })?;
        Ok(Self { cipher, material })
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        self.material.expose(|material| {
            for (to, from) in nonce.iter_mut().zip(material.iter().skip(KEY)) {
                *to = *from;
            }
        });
        Nonce::assume_unique_for_key(nonce)
    }

    fn commits_to(&self, commitment: &[u8]) -> bool {
        self.material.expose(|material| {
            material.get(KEY + NONCE_LEN..).is_some_and(|own| own.ct_eq(commitment).into())
        })
    }
}

pub(crate) fn fill(buffer: &mut [u8], plain: &[u8]) -> Result<(), CryptoError> {
    let length = u32::try_from(plain.len()).map_err(|_| CryptoError::TooLarge)?;
    let (head, body) = buffer.split_first_chunk_mut::<LENGTH>().ok_or(CryptoError::TooLarge)?;
    *head = length.to_be_bytes();
    body.get_mut(..plain.len()).ok_or(CryptoError::TooLarge)?.copy_from_slice(plain);
    Ok(())
}

#[cfg(test)]
mod salamander;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors::{Vectors, secret};

    const PLACE: &[u8] = b"session 7";

    fn key(byte: u8) -> SecretBytes {
        SecretBytes::from_slice(&mut [byte; 32]).unwrap()
    }

    fn sealed(text: &[u8]) -> Sealed {
        seal(&key(1), PLACE, &secret(text), Padding::Classes).unwrap()
    }

    #[test]
    fn the_vector_is_reproduced() {
        let vectors = Vectors::new(include_str!("../tests/vectors/envelope-v1.txt"));
        let key = secret(&vectors.bytes("key"));
        let plaintext = secret(&vectors.bytes("plaintext"));
        let associated = vectors.bytes("associated");
        let salt = vectors.bytes("salt").try_into().unwrap();
        let made = crate::AssociatedData::new("example v1").field(b"place").number(7);
        assert_eq!(made.as_bytes(), associated);
        let sealed =
            seal_with_salt(&key, &associated, &plaintext, Padding::Classes, &salt).unwrap();
        assert_eq!(sealed.as_bytes(), vectors.bytes("envelope"));
        let keys = RecordKeys::derive(&key, &salt).unwrap();
        keys.material.expose(|derived| assert_eq!(derived, vectors.bytes("derived")));
        let opened = unseal(&key, &associated, &sealed).unwrap();
        assert!(opened.ct_eq(&plaintext));
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let sealed = sealed(b"a reader's topics");
        for at in 0..sealed.0.len() {
            for bit in 0..8 {
                let mut bytes = sealed.0.clone();
                bytes[at] ^= 1 << bit;
                let opened =
                    Sealed::from_bytes(bytes).and_then(|sealed| unseal(&key(1), PLACE, &sealed));
                let expected = if at == 0 { CryptoError::Malformed } else { CryptoError::Forged };
                assert_eq!(opened.err(), Some(expected), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn every_other_length_is_noticed() {
        let sealed = sealed(b"a reader's topics");
        for len in 0..sealed.0.len() {
            let shorter = Sealed::from_bytes(sealed.0[..len].to_vec());
            assert!(shorter.and_then(|sealed| unseal(&key(1), PLACE, &sealed)).is_err(), "{len}");
        }
        let longer = Sealed::from_bytes([&sealed.0[..], &[0]].concat()).unwrap();
        assert_eq!(unseal(&key(1), PLACE, &longer).err(), Some(CryptoError::Forged));
    }

    #[test]
    fn another_key_or_place_opens_nothing() {
        let sealed = sealed(b"a reader's topics");
        assert_eq!(unseal(&key(2), PLACE, &sealed).err(), Some(CryptoError::Forged));
        for place in [&b"session 8"[..], b"session ", b"session 71", b""] {
            assert_eq!(unseal(&key(1), place, &sealed).err(), Some(CryptoError::Forged));
        }
    }

    /// Every part that a record is bound to counts, and none can pass for another.
    #[test]
    fn each_part_of_a_place_counts() {
        let place = |namespace: &[u8], id: &[u8], numbers: [u64; 3]| {
            let named = crate::AssociatedData::new("record v1").field(namespace).field(id);
            numbers.into_iter().fold(named, crate::AssociatedData::number)
        };
        // Version, absolute expiry, idle duration.
        let (namespace, id, numbers) = (&b"newsletter"[..], [7; 16], [3, 1_800_000_000, 1800]);
        let ours = place(namespace, &id, numbers);
        let sealed = seal(&key(1), ours.as_bytes(), &secret(b"x"), Padding::Classes).unwrap();
        assert!(unseal(&key(1), ours.as_bytes(), &sealed).is_ok());
        let mut others = vec![
            place(b"newslettes", &id, numbers),
            place(b"newslette", &[&b"r"[..], &id].concat(), numbers),
        ];
        for bit in 0..128 {
            let mut other = id;
            other[bit / 8] ^= 1 << (bit % 8);
            others.push(place(namespace, &other, numbers));
        }
        for part in 0..3 {
            for bit in 0..64 {
                let mut other = numbers;
                other[part] ^= 1 << bit;
                others.push(place(namespace, &id, other));
            }
        }
        others.push(place(namespace, &id, [3, 1800, 1_800_000_000]));
        for other in others {
            let refused = unseal(&key(1), other.as_bytes(), &sealed).err();
            assert_eq!(refused, Some(CryptoError::Forged));
        }
    }

    #[test]
    fn half_a_salt_is_kept_and_the_other_half_is_never_the_same() {
        let half = [7; SALT / 2];
        let sealed =
            || seal_salted(&key(1), b"place", &secret(b"x"), Padding::None, &half).unwrap();
        let (one, two) = (sealed(), sealed());
        assert_eq!((one.half_salt(), two.half_salt()), (half, half));
        assert_ne!(one.0[1 + SALT / 2..=SALT], two.0[1 + SALT / 2..=SALT]);
        assert!(unseal(&key(1), b"place", &one).is_ok());
        for at in 0..SALT / 2 {
            let mut bytes = one.as_bytes().to_vec();
            bytes[1 + at] ^= 1;
            let changed = Sealed::from_bytes(bytes).unwrap();
            let refused = unseal(&key(1), b"place", &changed).err();
            assert_eq!(refused, Some(CryptoError::Forged));
        }
    }

    /// AES-GCM alone does not commit to its key: one can craft a ciphertext that opens under
    /// two keys (Dodis, Grubbs, Ristenpart, Woodage 2018). The commitment names the key.
    #[test]
    fn an_envelope_commits_to_its_key() {
        let sealed = sealed(b"a reader's topics");
        let salt = &sealed.0[1..=SALT];
        let (first, second) = (
            RecordKeys::derive(&key(1), salt).unwrap(),
            RecordKeys::derive(&key(2), salt).unwrap(),
        );
        let commitment = &sealed.0[1 + SALT..HEAD];
        assert!(first.commits_to(commitment) && !second.commits_to(commitment));
        // With the other key's commitment its holder gets to the tag, and the first does not.
        let mut bytes = sealed.0.clone();
        second.material.expose(|material| {
            bytes[1 + SALT..HEAD].copy_from_slice(&material[KEY + NONCE_LEN..]);
        });
        let crafted = Sealed::from_bytes(bytes).unwrap();
        assert_eq!(unseal(&key(1), PLACE, &crafted).err(), Some(CryptoError::Forged));
        assert_eq!(unseal(&key(2), PLACE, &crafted).err(), Some(CryptoError::Forged));
    }

    #[test]
    fn an_inner_length_beyond_the_body_is_refused() {
        let salt = [3; SALT];
        let keys = RecordKeys::derive(&key(1), &salt).unwrap();
        let mut body = vec![0, 0, 0, 9, 1, 2, 3, 4];
        keys.cipher.seal_in_place_append_tag(keys.nonce(), Aad::from(PLACE), &mut body).unwrap();
        let mut bytes = [&[VERSION][..], &salt].concat();
        keys.material.expose(|material| bytes.extend_from_slice(&material[KEY + NONCE_LEN..]));
        bytes.extend_from_slice(&body);
        let crafted = Sealed::from_bytes(bytes).unwrap();
        assert_eq!(unseal(&key(1), PLACE, &crafted).err(), Some(CryptoError::Malformed));
    }

    #[test]
    fn two_envelopes_of_the_same_share_nothing() {
        let (one, two) = (sealed(b"same"), sealed(b"same"));
        assert_ne!(one.0[1..=SALT], two.0[1..=SALT]);
        assert_ne!(one.0[1 + SALT..HEAD], two.0[1 + SALT..HEAD]);
        assert_ne!(one.0[HEAD..], two.0[HEAD..]);
    }

    #[test]
    fn lengths_are_hidden_within_a_class() {
        let len = |len| sealed(&vec![7; len]).0.len();
        assert_eq!(len(0), len(64));
        assert_ne!(len(64), len(65));
        for plain in [1_usize, 65, 511, 513, 1000, 4097, 100_000] {
            let padded = Padding::Classes.padded(plain);
            assert!(padded >= plain && padded - plain <= (plain / 4).max(64), "{plain}");
        }
        let exact = seal(&key(1), PLACE, &secret(&[7; 5]), Padding::None).unwrap();
        assert_eq!(exact.0.len(), Sealed::MIN + 5);
    }

    #[test]
    fn the_keys_of_a_record_are_gone_after_use() {
        use evanesce_memory::{assert_no_residue, residue::Needle};
        let keys = RecordKeys::derive(&key(1), &[4; SALT]).unwrap();
        let mut copy = keys.material.try_clone().unwrap();
        let cipher = copy.expose_mut(|bytes| Needle::from_slice(&mut bytes[..KEY]).unwrap());
        let mut text = *b"some text";
        let aad = Aad::from(PLACE);
        let _tag = keys.cipher.seal_in_place_separate_tag(keys.nonce(), aad, &mut text).unwrap();
        drop(keys);
        scrub_stack();
        assert_no_residue!(cipher);
    }

    #[test]
    fn limits() {
        let largest = Sealed::MAX - Sealed::MIN;
        let exact = seal(&key(1), PLACE, &SecretBytes::zeroed(largest).unwrap(), Padding::None);
        assert_eq!(exact.unwrap().0.len(), Sealed::MAX);
        let over = seal(&key(1), PLACE, &SecretBytes::zeroed(largest + 1).unwrap(), Padding::None);
        assert_eq!(over.err(), Some(CryptoError::TooLarge));
        assert!(Sealed::from_bytes(vec![VERSION; Sealed::MAX + 1]).is_err());
        let empty = SecretBytes::zeroed(0).unwrap();
        assert_eq!(
            seal(&empty, PLACE, &secret(b"x"), Padding::None).err(),
            Some(CryptoError::KeyLength)
        );
    }

    #[test]
    fn printing_tells_the_length_only() {
        assert_eq!(format!("{:?}", sealed(b"")), "Sealed(149 bytes)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_unsealed(
            plain in proptest::collection::vec(any::<u8>(), 0..3000),
            place in proptest::collection::vec(any::<u8>(), 0..50),
            padded in any::<bool>(),
        ) {
            let padding = if padded { Padding::Classes } else { Padding::None };
            let plain = secret(&plain);
            let sealed = seal(&key(1), &place, &plain, padding).unwrap();
            let stored = Sealed::from_bytes(sealed.as_bytes().to_vec()).unwrap();
            prop_assert!(unseal(&key(1), &place, &stored).unwrap().ct_eq(&plain));
        }

        #[test]
        fn random_bytes_never_open(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let bytes = [&[VERSION], &bytes[..]].concat();
            let opened = Sealed::from_bytes(bytes).and_then(|sealed| unseal(&key(1), PLACE, &sealed));
            prop_assert!(opened.is_err());
        }
    }
}
