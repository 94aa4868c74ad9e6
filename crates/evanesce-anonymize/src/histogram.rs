use evanesce_core::{Digest, Error, ErrorKind, StoreKind};
use evanesce_crypto::AssociatedData;
use evanesce_memory::SecretBytes;

use crate::WindowId;

const VERSION: u8 = 1;
const HEAD: usize = 1 + 32 + 4;
const COUNT: usize = 8;

/// The counts of one table in guarded memory: until its release a count of a small
/// group is as personal as the events it was made of.
///
/// In memory it already has the form in which it is sealed: a byte 1, the table's
/// schema of 32 bytes, the number of cells in 4 bytes and the counts in 8 bytes
/// each, big-endian.
pub(crate) struct Histogram(SecretBytes);

impl Histogram {
    pub(crate) fn zeroed(schema: &Digest, cells: usize) -> Result<Self, Error> {
        let mut bytes = SecretBytes::zeroed(HEAD + cells * COUNT).map_err(|_| {
            Error::new(ErrorKind::Exhausted, StoreKind::Memory, "no guarded memory for counts")
        })?;
        bytes.expose_mut(|bytes| {
            if let Some((head, _)) = bytes.split_first_chunk_mut::<HEAD>() {
                head.copy_from_slice(&head_of(schema, cells));
            }
        });
        Ok(Self(bytes))
    }

    /// What was sealed, if it is a histogram at all.
    pub(crate) fn parse(bytes: SecretBytes) -> Option<Self> {
        let is_whole = bytes.expose(|bytes| {
            let (head, counts) = bytes.split_first_chunk::<HEAD>()?;
            let cells = u32::from_be_bytes(*head.last_chunk::<4>()?);
            let expected = usize::try_from(cells).ok()?.checked_mul(COUNT)?;
            (head[0] == VERSION && counts.len() == expected).then_some(())
        });
        is_whole.map(|()| Self(bytes))
    }

    pub(crate) const fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    pub(crate) fn is_of(&self, schema: &Digest, cells: usize) -> bool {
        let head = head_of(schema, cells);
        self.0.expose(|bytes| bytes.first_chunk::<HEAD>() == Some(&head))
    }

    /// Counts one more in a cell.
    pub(crate) fn count(&mut self, place: usize) {
        self.0.expose_mut(|bytes| {
            let counts = bytes.get_mut(HEAD..).unwrap_or_default();
            let (counts, _) = counts.as_chunks_mut::<COUNT>();
            if let Some(count) = counts.get_mut(place) {
                *count = u64::from_be_bytes(*count).saturating_add(1).to_be_bytes();
            }
        });
    }

    /// Adds another histogram of the same table.
    pub(crate) fn add(&mut self, other: &Self) {
        other.0.expose(|theirs| {
            self.0.expose_mut(|ours| {
                let (ours, _) = ours.get_mut(HEAD..).unwrap_or_default().as_chunks_mut::<COUNT>();
                let (theirs, _) = theirs.get(HEAD..).unwrap_or_default().as_chunks::<COUNT>();
                for (one, two) in ours.iter_mut().zip(theirs) {
                    let sum = u64::from_be_bytes(*one).saturating_add(u64::from_be_bytes(*two));
                    *one = sum.to_be_bytes();
                }
            });
        });
    }

    /// Lends the counts for the length of a closure.
    pub(crate) fn counts<R>(&self, read: impl FnOnce(&[[u8; COUNT]]) -> R) -> R {
        self.0.expose(|bytes| read(bytes.get(HEAD..).unwrap_or_default().as_chunks().0))
    }
}

/// What binds a sealed partial sum to its window and batch.
pub(crate) fn associated(window: WindowId, batch: &Digest) -> AssociatedData {
    AssociatedData::new("evanesce partial sum v1").number(window.0).field(batch.as_bytes())
}

fn head_of(schema: &Digest, cells: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[0] = VERSION;
    head[1..33].copy_from_slice(schema.as_bytes());
    head[33..].copy_from_slice(&u32::try_from(cells).unwrap_or(u32::MAX).to_be_bytes());
    head
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(histogram: &Histogram) -> Vec<u64> {
        histogram.counts(|counts| counts.iter().map(|c| u64::from_be_bytes(*c)).collect())
    }

    #[test]
    fn counts_add_up() {
        let schema = Digest::new([1; 32]);
        let mut one = Histogram::zeroed(&schema, 3).unwrap();
        let mut two = Histogram::zeroed(&schema, 3).unwrap();
        one.count(0);
        two.count(0);
        two.count(2);
        two.count(3);
        one.add(&two);
        assert_eq!(counts(&one), [2, 0, 1]);
        assert!(one.is_of(&schema, 3));
        assert!(!one.is_of(&schema, 4));
        assert!(!one.is_of(&Digest::new([2; 32]), 3));
    }

    #[test]
    fn a_sealed_form_is_read_back() {
        let mut histogram = Histogram::zeroed(&Digest::new([3; 32]), 5).unwrap();
        histogram.count(4);
        let copy = histogram.bytes().try_clone().unwrap();
        assert_eq!(counts(&Histogram::parse(copy).unwrap()), [0, 0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let secret = SecretBytes::from_slice(&mut bytes).unwrap();
            let _ = Histogram::parse(secret);
        }
    }
}
