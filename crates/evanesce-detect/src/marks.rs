//! What each byte of a text is, as bits of 64 bytes at a time: most bytes call for
//! nothing, and whole words are passed over in a step.

use crate::engine::{BLOCK, mask, within};

/// For each of 64 bytes a bit in each mask.
#[derive(Clone, Copy, Default)]
pub(crate) struct Block {
    /// Letters and digits of ASCII.
    pub(crate) alnum: u64,
    /// Those of base64 in either alphabet.
    pub(crate) base: u64,
    pub(crate) digit: u64,
    /// Letters that a word before a password begins with: `b`, `p`, `u`.
    pub(crate) lead: u64,
    /// Signs that may mark something, and some that mark nothing.
    pub(crate) sign: u64,
    /// What may be decoded: `%`, `\`, `&` and all beyond ASCII.
    pub(crate) tell: u64,
    /// All that may be in a token: no blanks and no double quotes.
    pub(crate) token: u64,
}

// The byte before 64 others, these, and the one after.
type Around = [u8; BLOCK + 2];

impl Block {
    fn of(around: &Around) -> Self {
        let alnum = mask(|i| is_letter(around[i + 1]) | within(around[i + 1], DIGITS));
        let token = mask(|i| (around[i + 1] > b' ') & (around[i + 1] != b'"'));
        let lead = mask(|i| {
            let b = around[i + 1] | 0x20;
            (b == b'b') | (b == b'p') | (b == b'u')
        });
        let plain = Self { alnum, base: alnum, lead, token, ..Self::default() };
        if is_quiet(around) {
            // What stands between words alone, and a comma after a quote.
            let next = alnum >> 1 | u64::from(around[BLOCK + 1].is_ascii_alphanumeric()) << 63;
            let first = u64::from(is_sign(around[0], around[1]));
            return Self { sign: token & !alnum & next | first, ..plain };
        }
        Self {
            base: alnum | mask(|i| (around[i + 1] | 4) == b'/' || is_joint(around[i + 1])),
            digit: mask(|i| within(around[i + 1], DIGITS)),
            sign: mask(|i| is_sign(around[i], around[i + 1])),
            tell: mask(|i| is_telling(around[i + 1])),
            ..plain
        }
    }

    /// The first of the letters and digits that stand together, where `before` says
    /// whether the byte before the block is one.
    pub(crate) const fn starts(&self, before: bool) -> u64 {
        self.alnum & !(self.alnum << 1 | before as u64)
    }
}

type Range = (u8, u8);

const DIGITS: Range = (b'0', 10);

#[inline(always)]
const fn is_letter(b: u8) -> bool {
    within(b | 0x20, (b'a', 26))
}

// `+` and `/` have one bit more than each other.
#[inline(always)]
const fn is_joint(b: u8) -> bool {
    (b == b'-') | (b == b'_')
}

// A comma counts after a quote only.
#[inline(always)]
const fn is_sign(before: u8, b: u8) -> bool {
    let quoted = (before == b'"') | (before == b'\'') | (before == b'`');
    ((b == b',') & quoted)
        | within(b, (b':', 5))
        | (b == b'@')
        | (b == b'(')
        | within(b, (b'-', 2))
        | (b == b'_')
        | (b == b'~')
        | (b == b'$')
}

#[inline(always)]
const fn is_telling(b: u8) -> bool {
    (b >= 0x80) | (b == b'%') | (b == b'+') | (b == b'\\') | (b == b'&')
}

// Nothing but words and the signs of sentences. A comma in front has a quote before it,
// perhaps.
#[inline(never)]
fn is_quiet(around: &Around) -> bool {
    let mut other = [false; 16];
    for n in 0..BLOCK / 16 {
        for (i, other) in other.iter_mut().enumerate() {
            let b = around[16 * n + i + 1];
            let usual =
                is_letter(b) | (b == b' ') | (b == b'.') | (b == b',') | (b == b'?') | (b == b'\n');
            *other |= !usual;
        }
    }
    !other.contains(&true)
}

/// The blocks of a text, and an empty one behind.
pub(crate) struct Marks(Vec<Block>);

impl Marks {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut blocks = Vec::with_capacity(bytes.len() / BLOCK + 2);
        let (mut padded, mut at) = ([0; BLOCK + 2], 0);
        while at < bytes.len() {
            let whole = at.checked_sub(1).and_then(|from| bytes.get(from..from + BLOCK + 2));
            match whole.and_then(|it| it.first_chunk()) {
                Some(around) => blocks.push(Block::of(around)),
                None => {
                    let from = at.saturating_sub(1);
                    let rest = &bytes[from..bytes.len().min(at + BLOCK + 1)];
                    padded.fill(0);
                    let open = usize::from(at == 0);
                    padded[open..open + rest.len()].copy_from_slice(rest);
                    blocks.push(Block::of(&padded));
                }
            }
            at += BLOCK;
        }
        blocks.push(Block::default());
        Self(blocks)
    }

    /// Each block that has bytes from `from` on and before `to`: where it begins, the bits
    /// of these bytes, the block, and those around it.
    pub(crate) fn between(&self, from: usize, to: usize) -> impl Iterator<Item = Part<'_>> {
        let last = to.div_ceil(BLOCK).min(self.0.len() - 1);
        (from / BLOCK..last).map(move |n| {
            let at = n * BLOCK;
            let low = !0_u64 << from.saturating_sub(at).min(BLOCK - 1);
            let high = !0_u64 >> (at + BLOCK).saturating_sub(to).min(BLOCK - 1);
            let before = n.checked_sub(1).map_or(&EMPTY, |n| &self.0[n]);
            Part { at, within: low & high, before, block: &self.0[n], next: &self.0[n + 1] }
        })
    }
}

impl Marks {
    /// Where the run of the bits of this mask ends that goes on at `from`.
    #[inline(always)]
    pub(crate) fn end(&self, from: usize, mask: impl Fn(&Block) -> u64) -> usize {
        let mut at = from;
        while let Some(block) = self.0.get(at / BLOCK) {
            let rest = !mask(block) >> (at % BLOCK);
            if rest != 0 {
                return at + rest.trailing_zeros() as usize;
            }
            at = (at / BLOCK + 1) * BLOCK;
        }
        at
    }

    /// Where the run of the bits of this mask begins that goes on before `to`.
    #[inline(always)]
    pub(crate) fn start(&self, to: usize, mask: impl Fn(&Block) -> u64) -> usize {
        let mut at = to;
        while at > 0 {
            let bits = self.0.get((at - 1) / BLOCK).map_or(0, &mask);
            let rest = !bits << (BLOCK - 1 - (at - 1) % BLOCK);
            if rest != 0 {
                return at - rest.leading_zeros() as usize;
            }
            at = (at - 1) / BLOCK * BLOCK;
        }
        0
    }
}

static EMPTY: Block = Block { alnum: 0, base: 0, digit: 0, lead: 0, sign: 0, tell: 0, token: 0 };

/// A block of a text, or some of its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Part<'m> {
    pub(crate) at: usize,
    /// The bits of the bytes that count.
    pub(crate) within: u64,
    pub(crate) before: &'m Block,
    pub(crate) block: &'m Block,
    pub(crate) next: &'m Block,
}

impl Part<'_> {
    /// Where letters and digits begin after none.
    pub(crate) const fn starts(&self) -> u64 {
        self.block.starts(self.before.alnum >> 63 != 0)
    }

    /// Where neither a letter nor a digit follows one.
    pub(crate) const fn ends(&self) -> u64 {
        !self.block.alnum & (self.block.alnum << 1 | self.before.alnum >> 63)
    }

    /// Those bytes after which a letter or a digit comes.
    pub(crate) const fn before_alnum(&self) -> u64 {
        self.block.alnum >> 1 | self.next.alnum << 63
    }

    /// Those bytes after which a digit comes.
    pub(crate) const fn before_digit(&self) -> u64 {
        self.block.digit >> 1 | self.next.digit << 63
    }

    /// Where a run of this mask has 8 and more, and 14 and more bits to come.
    pub(crate) fn long(&self, mask: fn(&Block) -> u64) -> (u64, u64) {
        let all = u128::from(mask(self.block)) | u128::from(mask(self.next)) << 64;
        let two = all & all >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        (eight as u64, (eight & eight >> 6) as u64)
    }
}

/// The places of the bits of a mask that begins at `at`.
pub(crate) fn places(at: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (bits != 0).then(|| at + bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        next
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_bit_says_what_its_byte_is(
            text in "([a-zA-Z ,.?]{0,70}|[ -~]{0,70}|[\",'`:;<=>@($~_.-]{0,70}|\\PC{0,9}|\n){0,6}",
        ) {
            let bytes = text.as_bytes();
            let marks = Marks::of(bytes);
            let mut seen = 0;
            for part in marks.between(0, bytes.len()) {
                for i in places(part.at, part.within) {
                    let (b, before) = (bytes[i], i.checked_sub(1).map_or(0, |i| bytes[i]));
                    let is = |mask: u64| mask >> (i - part.at) & 1 == 1;
                    prop_assert_eq!(is(part.block.alnum), b.is_ascii_alphanumeric());
                    let base = b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
                    prop_assert_eq!(is(part.block.base), base);
                    prop_assert_eq!(is(part.block.digit), b.is_ascii_digit());
                    prop_assert_eq!(is(part.block.lead), b"bBpPuU".contains(&b));
                    prop_assert_eq!(is(part.block.tell), b >= 0x80 || b"%+\\&".contains(&b));
                    prop_assert_eq!(is(part.block.token), b > b' ' && b != b'"');
                    let comma = b == b',' && b"\"'`".contains(&before);
                    let dot = b == b'.' && bytes.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
                    let sign = b":=>@(-_~$".contains(&b) || comma || dot;
                    prop_assert!(is(part.block.sign) || !sign);
                    let word = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphanumeric);
                    let after = i > 0 && word(i - 1);
                    prop_assert_eq!(is(part.starts()), word(i) && !after);
                    prop_assert_eq!(is(part.ends()), !word(i) && after);
                    prop_assert_eq!(is(part.before_alnum()), word(i + 1));
                    let run = bytes[i..].iter().take_while(|b| **b > b' ' && **b != b'"').count();
                    let (eight, fourteen) = part.long(|block| block.token);
                    prop_assert_eq!((is(eight), is(fourteen)), (run >= 8, run >= 14));
                    let words = |part: &[u8]| part.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
                    let back: Vec<u8> = bytes[..i].iter().rev().copied().collect();
                    prop_assert_eq!(marks.end(i, |block| block.alnum), i + words(&bytes[i..]));
                    prop_assert_eq!(marks.start(i, |block| block.alnum), i - words(&back));
                    seen += 1;
                }
            }
            prop_assert_eq!(seen, bytes.len());
        }

        #[test]
        fn a_part_of_a_text_has_the_bits_of_its_bytes(len in 0_usize..300, a in 0_usize..310, b in 0_usize..310) {
            let text = "x".repeat(len);
            let marks = Marks::of(text.as_bytes());
            let (a, b) = (a.min(len), b.min(len));
            let all: Vec<_> = marks.between(a, b).flat_map(|p| places(p.at, p.within)).collect();
            prop_assert_eq!(all, (a..b.max(a)).collect::<Vec<_>>());
        }
    }
}
