//! What each of 64 bytes is, as bits, in a few steps for all of them.

use super::inner::MOST;
use super::plan::SIGNS;

/// For each of 64 bytes a bit in each mask.
#[derive(Clone, Copy, Default)]
pub(super) struct Masks {
    pub(super) digit: u64,
    pub(super) lower: u64,
    /// Capitals and the underscore.
    pub(super) upper: u64,
    pub(super) sign: u64,
    /// Signs that mark a pattern from inside.
    pub(super) mark: u64,
}

/// The number of bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

impl Masks {
    // Each loop is one that the compiler turns into steps of 16 bytes or more, as long as
    // it stands alone.
    #[inline(never)]
    pub(super) fn of(block: &[u8; BLOCK], signs: &[u8; SIGNS], marks: &[u8; MOST]) -> Self {
        let (signs, marks) = (*signs, *marks);
        Self {
            digit: mask(|i| within(block[i], DIGITS)),
            lower: mask(|i| within(block[i], LOWER)),
            upper: mask(|i| within(block[i], UPPER) | (block[i] == b'_')),
            sign: mask(|i| signs.iter().fold(false, |any, sign| any | (block[i] == *sign))),
            mark: mask(|i| marks.iter().fold(false, |any, mark| any | (block[i] == *mark))),
        }
    }
}

/// Bytes from one on, and how many.
pub(crate) type Range = (u8, u8);

const DIGITS: Range = (b'0', 10);
const LOWER: Range = (b'a', 26);
const UPPER: Range = (b'A', 26);

/// Whether a byte is in a range.
#[inline(always)]
pub(crate) const fn within(b: u8, range: Range) -> bool {
    b.wrapping_sub(range.0) < range.1
}

/// Whether a byte is a sign that a match may begin with, or that may follow the word that
/// it begins with.
#[inline(always)]
pub(super) const fn is_sign(b: u8) -> bool {
    within(b, (b'#', 4)) | (b == b'+') | (b == b'-') | (b == b'/') | within(b, (b':', 7))
}

/// For each of 64 places a bit that says what holds there. Four at a distance of 16 become
/// bits of one byte, in steps that regard 16 places each.
#[inline(always)]
pub(crate) fn mask(is: impl Fn(usize) -> bool) -> u64 {
    let mut flags = [0_u8; 16];
    for (i, flag) in flags.iter_mut().enumerate() {
        let bit = |n: usize| u8::from(is(16 * n + i)) << (2 * n);
        *flag = bit(0) | bit(1) | bit(2) | bit(3);
    }
    let flags = u128::from_le_bytes(flags);
    let (low, high) = (flags as u64, (flags >> 64) as u64);
    transposed(low | (high << 1))
}

// Bit 8 m + n becomes bit 8 n + m (Warren, Hacker's Delight, section 7-3).
#[inline(always)]
const fn transposed(x: u64) -> u64 {
    let t = (x ^ (x >> 7)) & 0x00aa_00aa_00aa_00aa;
    let x = x ^ t ^ (t << 7);
    let t = (x ^ (x >> 14)) & 0x0000_cccc_0000_cccc;
    let x = x ^ t ^ (t << 14);
    let t = (x ^ (x >> 28)) & 0x0000_0000_f0f0_f0f0;
    x ^ t ^ (t << 28)
}

/// Whether a block holds a digit, a sign, an underscore, a capital after a letter, or a byte
/// of the first range and then one of the second. `around` is the block with the byte before
/// it and the byte after.
#[inline(never)]
pub(super) fn is_telling(around: &[u8; BLOCK + 2], [first, second]: [Range; 2]) -> bool {
    let tells = |before: u8, b: u8| {
        let hot = within(b, (b'/', 18)) | within(b, (b'#', 4)) | (b == b'+') | (b == b'-');
        let pair = within(b, UPPER) & within(before | 0x20, LOWER);
        hot | (b == b'_') | pair | (within(before, first) & within(b, second))
    };
    let mut any = [0_u8; 16];
    for n in 0..BLOCK / 16 {
        for (i, any) in any.iter_mut().enumerate() {
            *any |= u8::from(tells(around[16 * n + i], around[16 * n + i + 1]));
        }
    }
    u128::from_le_bytes(any) != 0 || tells(around[BLOCK], around[BLOCK + 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_bit_says_what_its_byte_is(bytes in prop::array::uniform32(any::<u8>())) {
            let mut block = [0; BLOCK];
            block[..32].copy_from_slice(&bytes);
            for (slot, b) in block[32..].iter_mut().zip(bytes) {
                *slot = b & 0x7f;
            }
            let signs = *b"@:-+";
            let marks = *b"@:";
            let masks = Masks::of(&block, &signs, &marks);
            for (i, b) in block.iter().enumerate() {
                let is = |mask: u64| mask >> i & 1 == 1;
                prop_assert_eq!(is(masks.digit), b.is_ascii_digit());
                prop_assert_eq!(is(masks.lower), b.is_ascii_lowercase());
                prop_assert_eq!(is(masks.upper), b.is_ascii_uppercase() || *b == b'_');
                prop_assert_eq!(is(masks.sign), signs.contains(b));
                prop_assert_eq!(is(masks.mark), marks.contains(b));
            }
        }

        #[test]
        fn a_block_tells_by_one_byte(text in "[a-z .]{66}", at in 0_usize..66, b in any::<u8>()) {
            let mut around: [u8; BLOCK + 2] = text.as_bytes().try_into().unwrap();
            let pairs = [(b'A', 6), (b'b', 2)];
            prop_assert!(!is_telling(&around, pairs));
            around[at] = b;
            let hot = (is_sign(b) || b.is_ascii_digit() || b == b'_') && at > 0;
            let upper = b.is_ascii_uppercase() && at > 0 && around[at - 1].is_ascii_alphabetic();
            let next = around.get(at + 1);
            let pair = matches!(b, b'A'..=b'F') && matches!(next, Some(b'b' | b'c'));
            prop_assert_eq!(is_telling(&around, pairs), hot || upper || pair);
        }
    }
}
