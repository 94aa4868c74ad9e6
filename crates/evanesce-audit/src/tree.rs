use evanesce_core::Digest;
use evanesce_crypto::sha256;

use crate::{AuditError, hash};

/// How many levels of nodes a tile spans: 256 leaves.
pub(crate) const TILE_LEVELS: usize = 8;

/// The hash of a leaf: SHA-256(0x00 ‖ bytes), RFC 6962 section 2.1.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    hash::leaf(bytes)
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    hash::node(left, right)
}

/// The root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    sha256(b"")
}

/// The root over leaf hashes.
#[must_use]
pub fn root_of(leaves: &[Digest]) -> Digest {
    let mut tree = Tree::default();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    tree.root()
}

/// A Merkle tree that grows: an append costs one hash on average, the root as
/// many as the tree has levels.
///
/// It keeps all nodes from the level of whole tiles (256 leaves) upwards, and
/// below only those of the last, unfinished tile: 64 bytes for 256 leaves.
#[derive(Clone, Default)]
pub struct Tree {
    size: u64,
    levels: Vec<Level>,
}

// The nodes of one height that are complete, from `first` on.
#[derive(Clone, Default)]
struct Level {
    first: u64,
    nodes: Vec<Digest>,
}

impl Tree {
    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        let mut index = self.size;
        self.size += 1;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Level { first: index, nodes: Vec::new() });
            }
            let Some(level) = self.levels.get_mut(height) else { return };
            level.nodes.push(node);
            if index & 1 == 0 {
                return;
            }
            // The left sibling of a complete odd node is always still there.
            let Some(left) = level.nodes.len().checked_sub(2).and_then(|i| level.nodes.get(i))
            else {
                return;
            };
            node = node_hash(left, &node);
            index >>= 1;
        }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        // From the right: the last complete node of each height that the size's bits name.
        let mut root = None;
        for (height, level) in self.levels.iter().enumerate() {
            if let Some(left) = level.nodes.last().filter(|_| self.size >> height & 1 == 1) {
                root = Some(root.map_or(*left, |right| node_hash(left, &right)));
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// Forgets the leaves from `size` on, which must not have been compacted away.
    pub(crate) fn truncate(&mut self, size: u64) {
        self.size = self.size.min(size);
        for (height, level) in self.levels.iter_mut().enumerate() {
            let complete = self.size >> height;
            level.nodes.truncate(length(complete.saturating_sub(level.first)));
        }
    }

    /// Forgets the nodes below whole tiles (256 leaves); root and growth stay as they are.
    pub fn compact(&mut self) {
        let tiles = self.size >> TILE_LEVELS;
        for (height, level) in self.levels.iter_mut().enumerate().take(TILE_LEVELS) {
            let keep_from = tiles << (TILE_LEVELS - height);
            let gone = length(keep_from.saturating_sub(level.first)).min(level.nodes.len());
            level.nodes.drain(..gone);
            level.first = level.first.max(keep_from);
        }
    }

    /// The hashes from leaf `index` to the root of the first `size` leaves, RFC
    /// 9162 section 2.1.3.1; nodes that were compacted away come from `tile`.
    pub(crate) fn inclusion(
        &self,
        index: u64,
        size: u64,
        tile: &Tile,
    ) -> Result<Vec<Digest>, AuditError> {
        if index >= size || size > self.size {
            return Err(AuditError::OutOfRange);
        }
        let mut proof = Vec::with_capacity(64);
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            let sibling = if index < middle { (middle, end) } else { (start, middle) };
            proof.push(self.hash(sibling.0, sibling.1, tile)?);
            if index < middle { end = middle } else { start = middle }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The hashes that show that the first `old` leaves of the first `new` did
    /// not change, RFC 9162 section 2.1.4.1.
    pub(crate) fn consistency(
        &self,
        old: u64,
        new: u64,
        tile: &Tile,
    ) -> Result<Vec<Digest>, AuditError> {
        if old > new || new > self.size {
            return Err(AuditError::OutOfRange);
        }
        let mut proof = Vec::with_capacity(64);
        if old == 0 || old == new {
            return Ok(proof);
        }
        let (mut start, mut end, mut whole) = (0, new, true);
        while end != old {
            let middle = start + split(end - start);
            if old <= middle {
                proof.push(self.hash(middle, end, tile)?);
                end = middle;
            } else {
                proof.push(self.hash(start, middle, tile)?);
                start = middle;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.hash(start, end, tile)?);
        }
        proof.reverse();
        Ok(proof)
    }

    fn hash(&self, start: u64, end: u64, tile: &Tile) -> Result<Digest, AuditError> {
        self.range_with(start, end, Some(tile)).ok_or(AuditError::Corrupt)
    }

    // The root of the leaves of a range that begins where a subtree does.
    fn range_with(&self, start: u64, end: u64, tile: Option<&Tile>) -> Option<Digest> {
        let size = end.checked_sub(start).filter(|size| *size > 0)?;
        if size.is_power_of_two() {
            let height = size.trailing_zeros();
            if let Some(node) = self.node(height, start >> height) {
                return Some(node);
            }
        }
        if let Some(node) = tile.and_then(|tile| tile.range(start, end)) {
            return Some(node);
        }
        let middle = start + split(size);
        if size == 1 {
            return None;
        }
        let left = self.range_with(start, middle, tile)?;
        Some(node_hash(&left, &self.range_with(middle, end, tile)?))
    }

    pub(crate) fn node(&self, height: u32, index: u64) -> Option<Digest> {
        let level = self.levels.get(height as usize)?;
        level.nodes.get(length(index.checked_sub(level.first)?)).copied()
    }
}

/// Leaf hashes that were read back from the store, by whole tiles.
#[derive(Default)]
pub(crate) struct Tile(Vec<(u64, Vec<Digest>)>);

impl Tile {
    /// Adds the leaves of one tile, from its first.
    pub(crate) fn add(&mut self, first: u64, leaves: Vec<Digest>) {
        self.0.push((first, leaves));
    }

    fn range(&self, start: u64, end: u64) -> Option<Digest> {
        self.0.iter().find_map(|(first, leaves)| {
            let from = length(start.checked_sub(*first)?);
            let to = length(end.checked_sub(*first)?);
            leaves.get(from..to).map(root_of)
        })
    }
}

/// The largest power of two smaller than `size`, or 1.
pub(crate) const fn split(size: u64) -> u64 {
    if size <= 2 { 1 } else { 1 << (63 - (size - 1).leading_zeros()) }
}

// A count of nodes in memory; saturating, so that a wrong one finds nothing.
fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;
    use crate::{verify_consistency, verify_inclusion};

    fn hashes(size: u64) -> Vec<Digest> {
        (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::default();
        hashes(size).into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }

    fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
        let mut oracle = MemoryBackedTree::new();
        (0..size).for_each(|i| oracle.push(i.to_be_bytes().to_vec()));
        oracle
    }

    fn flat(proof: &[Digest]) -> Vec<u8> {
        proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    #[test]
    fn the_root_is_that_of_the_oracle_at_every_size() {
        assert_eq!(
            empty_root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for size in 1..=70 {
            assert_eq!(
                tree(size).root().as_bytes()[..],
                oracle(size).root().as_bytes()[..],
                "{size}"
            );
        }
    }

    #[test]
    fn a_truncated_tree_is_the_smaller_tree() {
        for size in 0..40 {
            let mut cut = tree(40);
            cut.truncate(size);
            assert_eq!(cut.root(), tree(size).root(), "{size}");
            hashes(40).into_iter().skip(size as usize).for_each(|leaf| cut.push(leaf));
            assert_eq!(cut.root(), tree(40).root(), "{size}");
        }
    }

    #[test]
    fn compacting_keeps_root_and_growth_and_proofs_of_read_back_tiles() {
        let all = hashes(1000);
        let mut compacted = Tree::default();
        for (i, leaf) in all.iter().enumerate() {
            compacted.push(*leaf);
            if i % 7 == 0 {
                compacted.compact();
            }
        }
        compacted.compact();
        assert!(compacted.levels[0].nodes.len() < 256);
        assert_eq!(compacted.root(), tree(1000).root());
        for index in [0u64, 1, 255, 256, 511, 767, 768, 999] {
            let mut tile = Tile::default();
            let first = index / 256 * 256;
            tile.add(first, all.iter().skip(first as usize).take(256).copied().collect());
            let proof = compacted.inclusion(index, 1000, &tile).unwrap();
            assert!(verify_inclusion(&all[index as usize], index, 1000, &proof, &compacted.root()));
        }
    }

    proptest! {
        #[test]
        fn proofs_are_those_of_the_oracle(size in 1u64..300, a: u64, b: u64) {
            let (index, old) = (a % size, b % size + 1);
            let (tree, oracle) = (tree(size), oracle(size));
            let inclusion = tree.inclusion(index, size, &Tile::default()).unwrap();
            let theirs = oracle.prove_inclusion(index as usize);
            prop_assert_eq!(&flat(&inclusion)[..], theirs.as_bytes());
            let leaf = leaf_hash(&index.to_be_bytes());
            prop_assert!(verify_inclusion(&leaf, index, size, &inclusion, &tree.root()));

            let consistency = tree.consistency(old, size, &Tile::default()).unwrap();
            let theirs = oracle.prove_consistency((size - old) as usize);
            prop_assert_eq!(&flat(&consistency)[..], theirs.as_bytes());
            let old_root = root_of(&hashes(old));
            prop_assert!(verify_consistency(old, size, &consistency, &old_root, &tree.root()));
        }

        #[test]
        fn a_changed_proof_proves_nothing(size in 2u64..200, a: u64, at: prop::sample::Index, bit in 0u8..8) {
            let index = a % size;
            let tree = tree(size);
            let leaf = leaf_hash(&index.to_be_bytes());
            let mut proof = tree.inclusion(index, size, &Tile::default()).unwrap();
            let at = at.index(proof.len());
            let mut bytes = *proof[at].as_bytes();
            bytes[usize::from(bit)] ^= 1 << bit;
            proof[at] = Digest::new(bytes);
            prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &tree.root()));
            proof.pop();
            prop_assert!(!verify_inclusion(&leaf, index, size, &proof, &tree.root()));
        }
    }
}
