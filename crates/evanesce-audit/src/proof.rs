use evanesce_core::Digest;

use crate::hash::Path;
use crate::tree::{empty_root, node_hash};

/// Whether `proof` leads from leaf `index` to `root`, the root of `size` leaves:
/// RFC 9162 section 2.1.3.2.
#[must_use]
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut path) = (index, size - 1, Path::new(leaf));
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            path.after(sibling);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            path.before(sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && path.hash() == *root
}

/// Whether `proof` shows that the tree of `new` leaves with `new_root` begins
/// with the tree of `old` leaves with `old_root`: RFC 9162 section 2.1.4.2. An
/// empty tree is the beginning of every tree and needs no proof.
#[must_use]
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Digest],
    old_root: &Digest,
    new_root: &Digest,
) -> bool {
    match old {
        0 => proof.is_empty() && *old_root == empty_root(),
        _ if old > new => false,
        _ if old == new => proof.is_empty() && old_root == new_root,
        _ => verify_subtree_consistency(0..old, new, proof, old_root, new_root),
    }
}

/// Whether `proof` leads from leaf `index` to `root`, the hash of the subtree
/// over `subtree`: draft-ietf-plants-merkle-tree-certs, section 4.3.
#[must_use]
pub fn verify_subtree_inclusion(
    leaf: &Digest,
    index: u64,
    subtree: std::ops::Range<u64>,
    proof: &[Digest],
    root: &Digest,
) -> bool {
    is_subtree(&subtree)
        && subtree.contains(&index)
        && verify_inclusion(leaf, index - subtree.start, subtree.end - subtree.start, proof, root)
}

/// Whether `proof` shows that the tree of `size` leaves with `root` holds the
/// subtree over `subtree` with `subtree_root`: draft-ietf-plants-merkle-tree-certs,
/// section 4.4.
#[must_use]
pub fn verify_subtree_consistency(
    subtree: std::ops::Range<u64>,
    size: u64,
    proof: &[Digest],
    subtree_root: &Digest,
    root: &Digest,
) -> bool {
    if !is_subtree(&subtree) || subtree.end > size {
        return false;
    }
    let (mut first, mut node, mut last) = (subtree.start, subtree.end - 1, size - 1);
    while first != node && (node & 1 == 1 || node == last) {
        (first, node, last) = (first >> 1, node >> 1, last >> 1);
    }
    let mut rest = proof.iter();
    // A complete subtree is itself a node of the tree, and its hash is known.
    let start = if first == node { Some(subtree_root) } else { rest.next() };
    let Some(start) = start else { return false };
    let (mut ours, mut whole) = (*start, *start);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            if first < node {
                ours = node_hash(sibling, &ours);
            }
            whole = node_hash(sibling, &whole);
            while node & 1 == 0 && node != 0 {
                (first, node, last) = (first >> 1, node >> 1, last >> 1);
            }
        } else {
            whole = node_hash(&whole, sibling);
        }
        (first, node, last) = (first >> 1, node >> 1, last >> 1);
    }
    last == 0 && ours == *subtree_root && whole == *root
}

// A range that begins at a multiple of the power of two that spans it.
fn is_subtree(range: &std::ops::Range<u64>) -> bool {
    let Some(size) = range.end.checked_sub(range.start).filter(|size| *size > 0) else {
        return false;
    };
    size.checked_next_power_of_two()
        .map_or(range.start == 0, |span| range.start.is_multiple_of(span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{leaf_hash, root_of, split};

    fn hashes(range: std::ops::Range<u64>) -> Vec<Digest> {
        range.map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    // The draft's recursive definition, kept naive on purpose: SUBTREE_SUBPROOF.
    fn subproof(from: u64, to: u64, start: u64, end: u64, known: bool) -> Vec<Digest> {
        if (from, to) == (start, end) {
            return if known { vec![] } else { vec![root_of(&hashes(start..end))] };
        }
        let middle = start + split(end - start);
        let (mut proof, sibling) = if to <= middle {
            (subproof(from, to, start, middle, known), middle..end)
        } else if from >= middle {
            (subproof(from, to, middle, end, known), start..middle)
        } else {
            (subproof(middle, to, middle, end, false), start..middle)
        };
        proof.push(root_of(&hashes(sibling)));
        proof
    }

    #[test]
    fn every_subtree_of_small_trees_is_proven_and_no_other_root_is() {
        for size in 1..24 {
            let root = root_of(&hashes(0..size));
            for start in 0..size {
                for end in start + 1..=size {
                    if !is_subtree(&(start..end)) {
                        continue;
                    }
                    let ours = root_of(&hashes(start..end));
                    let proof = subproof(start, end, 0, size, true);
                    assert!(
                        verify_subtree_consistency(start..end, size, &proof, &ours, &root),
                        "{start}..{end} of {size}"
                    );
                    let wrong = leaf_hash(b"wrong");
                    assert!(!verify_subtree_consistency(start..end, size, &proof, &wrong, &root));
                    assert!(!verify_subtree_consistency(start..end, size, &proof, &ours, &wrong));
                }
            }
        }
    }

    #[test]
    fn sizes_at_the_end_of_the_numbers_do_not_overflow() {
        let hash = leaf_hash(b"");
        let proof = vec![hash; 70];
        assert!(!verify_inclusion(&hash, u64::MAX - 1, u64::MAX, &proof, &hash));
        assert!(!verify_consistency(u64::MAX - 1, u64::MAX, &proof, &hash, &hash));
        assert!(!verify_subtree_consistency(1..u64::MAX, u64::MAX, &proof, &hash, &hash));
        assert!(!verify_inclusion(&hash, 0, 0, &[], &hash));
        assert!(!verify_consistency(5, 4, &[], &hash, &hash));
    }
}
