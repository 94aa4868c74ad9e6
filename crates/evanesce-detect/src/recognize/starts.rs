//! A first look at a place where a word may begin.

/// The first four bytes of all words, or three of those that have no more, as bits of a
/// hash: a look at a place that passes over almost all where none begins.
pub(super) struct Starts {
    fours: [u64; 256],
    threes: [u64; 256],
}

impl Starts {
    /// No words yet.
    pub(super) const NONE: Self = Self { fours: [0; 256], threes: [0; 256] };

    /// With this word, which has at least three bytes.
    pub(super) const fn with(mut self, word: &str) -> Self {
        let word = word.as_bytes();
        if word.len() > 3 {
            let (slot, bit) = place(word, 4);
            self.fours[slot] |= 1 << bit;
        } else {
            let (slot, bit) = place(word, 3);
            self.threes[slot] |= 1 << bit;
        }
        self
    }

    /// Whether a word may begin here.
    pub(super) fn may_be(&self, here: &[u8]) -> bool {
        let has = |bits: &[u64; 256], len| {
            let (slot, bit) = place(here, len);
            bits[slot] >> bit & 1 != 0
        };
        here.len() > 3 && has(&self.fours, 4) || here.len() > 2 && has(&self.threes, 3)
    }
}

const fn place(bytes: &[u8], len: usize) -> (usize, u32) {
    let (mut hash, mut i) = (0_u32, 0);
    while i < len {
        hash = hash << 8 | bytes[i] as u32;
        i += 1;
    }
    let hash = hash.wrapping_mul(0x9e37_79b1) >> 18;
    ((hash >> 6) as usize, hash & 63)
}
