//! SHA-256 (FIPS 180-4) over the two shapes that a Merkle tree hashes, straight on its
//! compression function: the padding of a node is known beforehand, and no buffer
//! stands between. `hash::tests` compare every length with the general function.

use evanesce_core::Digest;
use evanesce_crypto::sha256;
use sha2::block_api::compress256;

const BLOCK: usize = 64;
/// Blocks for an entry of 246 bytes at most with its prefix and padding.
const SHORT: usize = 4;
/// Blocks for a leaf of 1024 bytes.
const MOST: usize = 17;
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// SHA-256(0x00 ‖ bytes).
pub(crate) fn leaf(bytes: &[u8]) -> Digest {
    // Most entries take four blocks, and zeros for seventeen cost as much as half of one.
    if bytes.len() < SHORT * BLOCK - 9 {
        padded::<SHORT>(bytes)
    } else if bytes.len() < MOST * BLOCK - 9 {
        padded::<MOST>(bytes)
    } else {
        sha256(&[&[0], bytes].concat())
    }
}

/// SHA-256(0x01 ‖ left ‖ right): 65 bytes, two blocks.
pub(crate) fn node(left: &Digest, right: &Digest) -> Digest {
    let mut path = Path::new(right);
    path.after(left);
    path.hash()
}

/// A hash on its way up a tree. It stays in words, and of the two blocks that each step
/// compresses only what changes is written.
pub(crate) struct Path {
    words: [u64; 4],
    blocks: [[u8; BLOCK]; 2],
}

impl Path {
    /// At a leaf or node.
    #[inline]
    pub(crate) fn new(start: &Digest) -> Self {
        let mut blocks = [[0; BLOCK]; 2];
        // 520 bits.
        blocks[1][62..].copy_from_slice(&[2, 8]);
        Self { words: words(start), blocks }
    }

    /// Up to the node whose left child is `sibling` and whose right one is this.
    #[inline]
    pub(crate) fn after(&mut self, sibling: &Digest) {
        self.step(words(sibling), self.words);
    }

    /// Up to the node whose right child is `sibling` and whose left one is this.
    #[inline]
    pub(crate) fn before(&mut self, sibling: &Digest) {
        self.step(self.words, words(sibling));
    }

    /// Where it has come to.
    #[inline]
    pub(crate) fn hash(&self) -> Digest {
        let mut bytes = [0; 32];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.words) {
            *place = word.to_be_bytes();
        }
        Digest::new(bytes)
    }

    #[inline]
    fn step(&mut self, [a, b, c, d]: [u64; 4], [e, f, g, h]: [u64; 4]) {
        // Everything lies one byte further than its own bounds, behind the prefix.
        let shifted = |before: u64, word: u64| before << 56 | word >> 8;
        let input = [
            shifted(1, a),
            shifted(a, b),
            shifted(b, c),
            shifted(c, d),
            shifted(d, e),
            shifted(e, f),
            shifted(f, g),
            shifted(g, h),
        ];
        let [first, second] = &mut self.blocks;
        for (place, word) in first.as_chunks_mut().0.iter_mut().zip(input) {
            *place = word.to_be_bytes();
        }
        let rest = h << 56 | 0x80 << 48;
        second[..8].copy_from_slice(&rest.to_be_bytes());
        let mut state = START;
        compress256(&mut state, &self.blocks);
        for (word, pair) in self.words.iter_mut().zip(state.as_chunks::<2>().0) {
            *word = u64::from(pair[0]) << 32 | u64::from(pair[1]);
        }
    }
}

#[inline]
fn words(digest: &Digest) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_bytes().as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

// The bytes behind the prefix of a leaf, followed by padding; they fit with ten bytes more.
#[inline]
fn padded<const BLOCKS: usize>(bytes: &[u8]) -> Digest {
    let mut blocks = [[0; BLOCK]; BLOCKS];
    let length = bytes.len() + 1;
    let input = blocks.as_flattened_mut();
    if let Some(place) = input.get_mut(1..length) {
        place.copy_from_slice(bytes);
    }
    if let Some(end) = input.get_mut(length) {
        *end = 0x80;
    }
    let used = (length + 9).div_ceil(BLOCK);
    if let Some(place) = input.get_mut(used * BLOCK - 8..used * BLOCK) {
        place.copy_from_slice(&(length as u64 * 8).to_be_bytes());
    }
    digest(blocks.get(..used).unwrap_or(&blocks))
}

fn digest(blocks: &[[u8; BLOCK]]) -> Digest {
    let mut state = START;
    compress256(&mut state, blocks);
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    Digest::new(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_leaf_of_every_length_is_hashed_as_by_the_general_function() {
        for length in 0..1200 {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 + length) as u8).collect();
            assert_eq!(leaf(&bytes), sha256(&[&[0], &bytes[..]].concat()), "{length}");
        }
    }

    proptest! {
        #[test]
        fn a_node_is_hashed_as_by_the_general_function(left: [u8; 32], right: [u8; 32]) {
            let expected = sha256(&[&[1], &left[..], &right].concat());
            let (left, right) = (Digest::new(left), Digest::new(right));
            prop_assert_eq!(node(&left, &right), expected);
            let mut path = Path::new(&left);
            path.before(&right);
            prop_assert_eq!(path.hash(), expected);
        }
    }
}
