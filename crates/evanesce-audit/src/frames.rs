//! The records of a segment: one write of the log each, length before and SHA-256
//! behind, so that half a record is told from a whole one.

use evanesce_crypto::sha256;

/// What a segment begins with.
pub(crate) const HEADER: &[u8; 16] = b"evanesce audit 2";
/// The most bytes between length and hash of a record.
pub(crate) const MAX_BODY: usize = 16 << 20;

const LENGTH: usize = 4;
const HASH: usize = 32;

/// Where in its record the bytes of each leaf lie, and how many.
pub(crate) type Places = Vec<(usize, u32)>;

/// One write: its leaves, and the checkpoint that covers them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) first: u64,
    pub(crate) checkpoint: String,
    pub(crate) places: Places,
}

/// A whole record and where in it the leaves lie, unless it would be too long.
pub(crate) fn encode(
    first: u64,
    leaves: &[Vec<u8>],
    checkpoint: &str,
) -> Option<(Vec<u8>, Places)> {
    let content: usize = leaves.iter().map(Vec::len).sum();
    let mut record = Vec::with_capacity(64 + checkpoint.len() + content + 4 * leaves.len() + HASH);
    record.extend_from_slice(&[0; LENGTH]);
    record.extend_from_slice(&first.to_be_bytes());
    put(&mut record, checkpoint.as_bytes())?;
    record.extend_from_slice(&u32::try_from(leaves.len()).ok()?.to_be_bytes());
    let mut places = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let length = put(&mut record, leaf)?;
        places.push((record.len() - leaf.len(), length));
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

impl Frame {
    /// Reads a whole record.
    pub(crate) fn decode(record: &[u8]) -> Option<Self> {
        let (rest, hash) = record.split_at_checked(record.len().checked_sub(HASH)?)?;
        if sha256(rest).as_bytes()[..] != *hash {
            return None;
        }
        let mut input = Input { bytes: rest, at: LENGTH };
        let first = u64::from_be_bytes(*input.take(8)?.first_chunk()?);
        let length = input.number()?;
        let checkpoint = String::from_utf8(input.take(length as usize)?.to_vec()).ok()?;
        let count = input.number()?;
        let mut places = Vec::new();
        for _ in 0..count {
            let length = input.number()?;
            places.push((input.at, length));
            input.take(length as usize)?;
        }
        (input.at == rest.len()).then_some(Self { first, checkpoint, places })
    }
}

/// The length of the record that begins with these bytes.
pub(crate) fn record_length(start: &[u8]) -> Option<usize> {
    let body = u32::from_be_bytes(*start.first_chunk()?) as usize;
    // No leaf at all is 16 bytes; less is what room that was not written yet reads as.
    (16..=MAX_BODY).contains(&body).then_some(LENGTH + body + HASH)
}

fn put(record: &mut Vec<u8>, bytes: &[u8]) -> Option<u32> {
    let length = u32::try_from(bytes.len()).ok()?;
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(bytes);
    Some(length)
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

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_back(leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let (record, places) = encode(7, &leaves, "origin\n7\n").unwrap();
            prop_assert_eq!(record_length(&record), Some(record.len()));
            let read = Frame::decode(&record).unwrap();
            prop_assert_eq!((read.first, &*read.checkpoint), (7, "origin\n7\n"));
            prop_assert_eq!(&read.places, &places);
            prop_assert_eq!(places.len(), leaves.len());
            for ((at, length), bytes) in places.iter().zip(&leaves) {
                prop_assert_eq!(&record[*at..*at + *length as usize], &bytes[..]);
            }
        }

        #[test]
        fn a_changed_or_cut_record_is_refused(at: prop::sample::Index, bit in 0u8..8) {
            let (record, _) = encode(7, &[vec![1; 20], vec![2; 9]], "origin\n7\n").unwrap();
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
