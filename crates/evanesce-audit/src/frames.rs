//! The records of the folder's file: one write of the log each, length before
//! and SHA-256 behind, so that half a record is told from a whole one.

use evanesce_core::Digest;
use evanesce_crypto::sha256;

use crate::{StoredLeaf, leaf_hash};

/// What the file begins with.
pub(crate) const HEADER: &[u8; 16] = b"evanesce audit 1";
/// The most bytes between length and hash of a record.
pub(crate) const MAX_BODY: usize = 16 << 20;

const LENGTH: usize = 4;
const HASH: usize = 32;

/// One write: its leaves, and the checkpoint that covers them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) first: u64,
    pub(crate) checkpoint: String,
    pub(crate) leaves: Vec<StoredLeaf>,
}

/// Where in its record the bytes of each leaf lie, `None` for a pruned one.
pub(crate) type Places = Vec<Option<(usize, usize)>>;

impl Frame {
    /// The whole record and where in it the leaves lie, unless it would be too long.
    pub(crate) fn encode(&self) -> Option<(Vec<u8>, Places)> {
        let mut record = vec![0; LENGTH];
        let mut places = Vec::with_capacity(self.leaves.len());
        record.extend_from_slice(&self.first.to_be_bytes());
        put(&mut record, self.checkpoint.as_bytes())?;
        record.extend_from_slice(&u32::try_from(self.leaves.len()).ok()?.to_be_bytes());
        for leaf in &self.leaves {
            match &leaf.bytes {
                None => {
                    record.push(0);
                    record.extend_from_slice(leaf.hash.as_bytes());
                    places.push(None);
                }
                Some(bytes) => {
                    record.push(1);
                    put(&mut record, bytes)?;
                    places.push(Some((record.len() - bytes.len(), bytes.len())));
                }
            }
        }
        let body = record.len() - LENGTH;
        if body > MAX_BODY {
            return None;
        }
        let length = u32::try_from(body).ok()?.to_be_bytes();
        record.get_mut(..LENGTH)?.copy_from_slice(&length);
        let hash = sha256(&record);
        record.extend_from_slice(hash.as_bytes());
        Some((record, places))
    }

    /// Reads a whole record, and where in it the leaves lie.
    pub(crate) fn decode(record: &[u8]) -> Option<(Self, Places)> {
        let (rest, hash) = record.split_at_checked(record.len().checked_sub(HASH)?)?;
        if sha256(rest).as_bytes()[..] != *hash {
            return None;
        }
        let mut input = Input { bytes: rest, at: LENGTH };
        let first = u64::from_be_bytes(*input.take(8)?.first_chunk()?);
        let checkpoint = input.bytes()?;
        let checkpoint = String::from_utf8(checkpoint.to_vec()).ok()?;
        let count = input.number()?;
        let (mut leaves, mut places) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (leaf, place) = input.leaf()?;
            leaves.push(leaf);
            places.push(place);
        }
        (input.at == rest.len()).then_some((Self { first, checkpoint, leaves }, places))
    }
}

/// The length of the record that begins with these bytes.
pub(crate) fn record_length(start: &[u8]) -> Option<usize> {
    let body = u32::from_be_bytes(*start.first_chunk()?) as usize;
    // No leaf at all is 16 bytes; less is what a hole in the file reads as.
    (16..=MAX_BODY).contains(&body).then_some(LENGTH + body + HASH)
}

fn put(record: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    record.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
    record.extend_from_slice(bytes);
    Some(())
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?) as usize)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    fn leaf(&mut self) -> Option<(StoredLeaf, Option<(usize, usize)>)> {
        match self.take(1)? {
            [0] => {
                let hash = Digest::new(*self.take(HASH)?.first_chunk()?);
                Some((StoredLeaf { hash, bytes: None }, None))
            }
            [1] => {
                let bytes = self.bytes()?;
                let place = (self.at - bytes.len(), bytes.len());
                let leaf = StoredLeaf { hash: leaf_hash(bytes), bytes: Some(bytes.to_vec()) };
                Some((leaf, Some(place)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(leaves: Vec<Vec<u8>>) -> Frame {
        let stored = |(i, bytes): (usize, Vec<u8>)| StoredLeaf {
            hash: leaf_hash(&bytes),
            bytes: (i % 3 != 2).then_some(bytes),
        };
        let leaves = leaves.into_iter().enumerate().map(stored).collect();
        Frame { first: 7, checkpoint: "origin\n7\n".into(), leaves }
    }

    proptest! {
        #[test]
        fn a_record_is_read_back(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let (record, places) = frame(leaves.clone()).encode().unwrap();
            prop_assert_eq!(record_length(&record), Some(record.len()));
            prop_assert_eq!(Frame::decode(&record), Some((frame(leaves.clone()), places.clone())));
            for (place, bytes) in places.iter().zip(&leaves) {
                if let Some((at, length)) = place {
                    prop_assert_eq!(&record[*at..at + length], &bytes[..]);
                }
            }
        }

        #[test]
        fn a_changed_or_cut_record_is_refused(at: prop::sample::Index, bit in 0u8..8) {
            let (record, _) = frame(vec![vec![1; 20], vec![2; 9]]).encode().unwrap();
            let at = at.index(record.len());
            prop_assert_eq!(Frame::decode(&record[..at]), None);
            let mut other = record.clone();
            other[at] ^= 1 << bit;
            prop_assert_eq!(Frame::decode(&other), None);
        }

        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Frame::decode(&body);
            // With a right hash, so that what is behind it is reached too.
            let hash = sha256(&body);
            let _ = Frame::decode(&[&body[..], hash.as_bytes()].concat());
            let _ = record_length(&body);
        }
    }
}
