//! A ciphertext that opens under two keys, made by the recipe of Dodis, Grubbs, Ristenpart and
//! Woodage ("Fast Message Franking", CRYPTO 2018, section 3), against AES-GCM and against the
//! envelope.

use super::*;
use crate::{
    hazmat::open_aes_256_gcm,
    vectors::aes::{encrypt_block, invert, multiply},
    vectors::secret,
};

const PLACE: &[u8] = b"session 7";
const BLOCKS: usize = 5;
/// The block that is given up to make both tags equal; which one it is does not matter.
const GIVEN_UP: usize = 3;

/// What AES-GCM makes of a record's key and nonce.
struct Side {
    key: [u8; KEY],
    nonce: [u8; NONCE_LEN],
    /// The point at which GHASH is evaluated: the cipher's block of zeros.
    point: u128,
}

impl Side {
    fn of(keys: &RecordKeys) -> Self {
        keys.material.expose(|material| {
            let key: [u8; KEY] = material[..KEY].try_into().unwrap();
            let nonce = material[KEY..KEY + NONCE_LEN].try_into().unwrap();
            Self { key, nonce, point: u128::from_be_bytes(encrypt_block(&key, [0; 16])) }
        })
    }

    /// The cipher's block for a counter; 1 hides the tag, the text begins at 2.
    fn counter(&self, counter: u32) -> u128 {
        let mut block = [0; 16];
        block[..NONCE_LEN].copy_from_slice(&self.nonce);
        block[NONCE_LEN..].copy_from_slice(&counter.to_be_bytes());
        u128::from_be_bytes(encrypt_block(&self.key, block))
    }

    fn tag(&self, ciphertext: &[u128; BLOCKS]) -> u128 {
        let mut padded = PLACE.to_vec();
        padded.resize(16, 0);
        let place = u128::from_be_bytes(padded.try_into().unwrap());
        let bits = (PLACE.len() as u128 * 8) << 64 | (BLOCKS as u128 * 128);
        let blocks = std::iter::once(place).chain(*ciphertext).chain([bits]);
        blocks.fold(0, |sum, block| multiply(sum ^ block, self.point)) ^ self.counter(1)
    }

    /// By what the given-up block is multiplied on its way into the tag.
    fn weight(&self) -> u128 {
        let after = BLOCKS - GIVEN_UP;
        (0..after).fold(self.point, |power, _| multiply(power, self.point))
    }
}

/// Ciphertext and tag that open under both, the text of the first as it is given but for one
/// block.
fn for_both(one: &Side, two: &Side, text: [u128; BLOCKS]) -> Vec<u8> {
    let mut ciphertext: [u128; BLOCKS] =
        std::array::from_fn(|at| text[at] ^ one.counter(2 + at as u32));
    ciphertext[GIVEN_UP] = 0;
    let apart = one.tag(&ciphertext) ^ two.tag(&ciphertext);
    ciphertext[GIVEN_UP] = multiply(apart, invert(one.weight() ^ two.weight()));
    let tag = one.tag(&ciphertext);
    assert_eq!(tag, two.tag(&ciphertext));
    ciphertext.into_iter().chain([tag]).flat_map(u128::to_be_bytes).collect()
}

fn envelope(salt: &[u8; SALT], commitment: &RecordKeys, body: &[u8]) -> Sealed {
    let mut bytes = [&[VERSION][..], salt].concat();
    commitment.material.expose(|material| bytes.extend_from_slice(&material[KEY + NONCE_LEN..]));
    bytes.extend_from_slice(body);
    Sealed::from_bytes(bytes).unwrap()
}

#[test]
fn what_opens_under_two_keys_in_gcm_opens_under_one_in_an_envelope() {
    let salt = [9; SALT];
    let keys = [secret(&[1; 32]), secret(&[2; 32])];
    let records = [0, 1].map(|at| RecordKeys::derive(&keys[at], &salt).unwrap());
    let sides = [Side::of(&records[0]), Side::of(&records[1])];
    // A record of 40 bytes, whose text is the first key's holder's to read.
    let mut plain = [&40_u32.to_be_bytes()[..], &[b'a'; 40], &[0; 36]].concat();
    plain.resize(16 * BLOCKS, 0);
    let text = std::array::from_fn(|at| {
        u128::from_be_bytes(plain[16 * at..16 * at + 16].try_into().unwrap())
    });
    let body = for_both(&sides[0], &sides[1], text);

    // The control: AES-GCM alone opens it under either key, to another text.
    let opened = [0, 1].map(|at| {
        open_aes_256_gcm(&secret(&sides[at].key), sides[at].nonce, PLACE, &body).unwrap()
    });
    assert!(!opened[0].ct_eq(&opened[1]));
    opened[0].expose(|bytes| assert_eq!(bytes[..44], plain[..44]));

    // The envelope names its key: it opens under that one, and the other is refused.
    let first = envelope(&salt, &records[0], &body);
    assert!(unseal(&keys[0], PLACE, &first).unwrap().ct_eq(&secret(&[b'a'; 40])));
    assert_eq!(unseal(&keys[1], PLACE, &first).err(), Some(CryptoError::Forged));
    let second = envelope(&salt, &records[1], &body);
    assert_eq!(unseal(&keys[0], PLACE, &second).err(), Some(CryptoError::Forged));
    // Its own key gets past commitment and tag, to a text without meaning.
    assert_eq!(unseal(&keys[1], PLACE, &second).err(), Some(CryptoError::Malformed));
}
