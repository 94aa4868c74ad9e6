//! Runs of base64 and of hex, decoded once.

use crate::decode::{as_text, hex};
use crate::marks::places;
use crate::recognize::{LEAST, may_be_sure};
use crate::window::Window;

/// A run of one encoding, and where each decoded byte came from.
pub(crate) struct Run {
    /// The decoded bytes as text: what is not text has become spaces.
    pub(crate) text: String,
    start: usize,
    // So many encoded characters make so many bytes.
    unit: (usize, usize),
    end: usize,
    is_text: bool,
}

// So long is what is found in a run that is not text throughout: among the bytes of hashes
// and signatures an address of eight is there by chance, once in 100,000 reports.
const LEAST_IN_NOISE: usize = 10;

impl Run {
    /// Whether something found in the decoded text was put there by somebody.
    pub(crate) fn is_meant(&self, start: usize, end: usize) -> bool {
        self.is_text || end - start >= LEAST_IN_NOISE
    }

    /// The outer span of a span of the decoded text.
    pub(crate) fn outer(&self, start: usize, end: usize) -> (usize, usize) {
        let (chars, bytes) = self.unit;
        let from = self.start + start / bytes * chars;
        let to = self.start + end.div_ceil(bytes) * chars;
        (from, to.min(self.end))
    }
}

/// Hands every run of base64 or hex that decodes to some text to `each`.
pub(crate) fn runs(w: &Window<'_>, mut each: impl FnMut(&Run)) {
    encoded(w, (0, w.bytes.len()), |start, end| {
        let mut offer = Offer { w, span: (start, end), bytes: Vec::new() };
        if is_hex(&w.bytes[start..end]) {
            offer.hex(|_| true, &mut each);
        }
        offer.base64(|_| true, &mut each);
    });
}

/// As [`runs`], of those that end after `from`, begin before `to`, and may hold a
/// finding that is sure.
pub(crate) fn sure_runs(w: &Window<'_>, span: (usize, usize), mut each: impl FnMut(&Run)) {
    let mut sure = |run: &Run| {
        if may_be_sure(run.text.as_bytes()) {
            each(run);
        }
    };
    encoded(w, span, |start, end| {
        let run = &w.bytes[start..end];
        w.count(run.len());
        let mut offer = Offer { w, span: (start, end), bytes: Vec::new() };
        if is_hex(run) {
            let signs = [hex_signs(run), hex_signs(&run[1..])];
            offer.hex(|shift| signs[shift].may_be_sure((run.len() - shift) / 2), &mut sure);
        }
        // A short one needs digits, `@` or `:`; a long one may hold words alone.
        if decoded(run.len()) < LEAST && !may_tell(run) {
            return;
        }
        let signs = base64_signs(run);
        offer.base64(|shift| signs[shift].may_be_sure(decoded(run.len() - shift)), &mut sure);
    });
}

// The shortest run that is looked at.
const SHORTEST: usize = 8;

// Every run of at least eight characters of base64 that ends after `from` and
// begins before `to`.
fn encoded(w: &Window<'_>, (from, to): (usize, usize), mut each: impl FnMut(usize, usize)) {
    let first = w.marks().start(from, |block| block.base);
    for part in w.marks().between(first, to) {
        let (eight, _) = part.long(|block| block.base);
        let after = part.block.base << 1 | part.before.base >> 63;
        for start in places(part.at, part.block.base & !after & eight & part.within) {
            each(start, w.marks().end(start + SHORTEST, |block| block.base));
        }
    }
}

/// How many of some decoded bytes are printable, and what they tell: a digit counts 1,
/// `@` or `:` counts 4.
#[derive(Clone, Copy, Default)]
struct Signs {
    printable: usize,
    telling: usize,
}

impl Signs {
    // Whether `n` bytes with these signs may be readable and hold a finding that is sure.
    const fn may_be_sure(self, n: usize) -> bool {
        is_enough(self.printable, n) && (n >= LEAST || self.telling >= 4)
    }

    const fn of(b: u8) -> Self {
        let telling = match b {
            b'0'..=b'9' => 1,
            b'@' | b':' => 4,
            _ => 0,
        };
        Self { printable: is_printable(b) as usize, telling }
    }
}

// What a decoded byte is: 1 for a printable one, and 256 for each that it tells.
static SIGNS: [u16; 256] = {
    let (mut signs, mut b) = ([0; 256], 0);
    while b < 256 {
        let one = Signs::of(b as u8);
        signs[b] = one.printable as u16 | (one.telling as u16) << 8;
        b += 1;
    }
    signs
};

// What the three bytes are that have bits of both of two neighbours in base64, one for each
// place in a group of four, 16 bits for each. They are in the order in which a rotation by
// the place of the first one in the run brings each to the number of the shift that has it so.
#[inline(always)]
fn pair_signs(a: u8, b: u8) -> u64 {
    let signs = |byte: u8| u64::from(SIGNS[usize::from(byte)]);
    signs(a << 2 | b >> 4) | signs(a << 6 | b) << 32 | signs(a << 4 | b >> 2) << 48
}

// For a sign of base64 the most that the bytes may tell that it begins, or ends at the third
// place of a group: one byte for each shift, in an order as that of `pair_signs`.
static MOST: [u32; 256] = {
    let (mut most, mut b) = ([0; 256], 0);
    while b < 256 {
        let sextet = SEXTETS[b];
        if sextet != NONE {
            let first = match sextet {
                12 | 13 => 1,
                14 | 16 => 4,
                _ => 0,
            };
            let second = if matches!(sextet & 15, 3 | 4) { 4 } else { 0 };
            let third = match sextet {
                48..=57 => 1,
                0 | 58 => 4,
                _ => 0,
            };
            most[b] = first | second << 24 | third << 8;
        }
        b += 1;
    }
    most
};

// Whether the bytes that a short run is decoded to may tell something at one of the shifts.
fn may_tell(run: &[u8]) -> bool {
    let most = |(i, b): (usize, &u8)| MOST[usize::from(*b)].rotate_left(8 * (i & 3) as u32);
    let sum = run.iter().enumerate().map(most).fold(0, u32::wrapping_add);
    sum & 0xfcfc_fcfc != 0
}

// How many pairs are summed up before a sum of eight bits may be full.
const FEW: usize = 60;

// Of what a run of base64 is when it is decoded from each of its first four characters.
fn base64_signs(run: &[u8]) -> [Signs; 4] {
    let mut out = [Signs::default(); 4];
    let sextet = |b: &u8| SEXTETS[usize::from(*b)] & 63;
    let mut from = 0;
    while from + 1 < run.len() {
        let to = run.len().min(from + FEW + 1);
        let (mut sum, mut a) = (0_u64, sextet(&run[from]));
        for (i, b) in run[from + 1..to].iter().enumerate() {
            let b = sextet(b);
            let pair = pair_signs(a, b).rotate_left(16 * ((i & 3) as u32));
            // The first pairs lie before the later shifts.
            sum += if from + i < 3 { pair & !(!0 << (16 * (i + 1))) } else { pair };
            a = b;
        }
        for (n, signs) in out.iter_mut().enumerate() {
            signs.printable += (sum >> (16 * n) & 0xff) as usize;
            signs.telling += (sum >> (16 * n + 8) & 0xff) as usize;
        }
        from = to - 1;
    }
    out
}

fn hex_signs(run: &[u8]) -> Signs {
    run.chunks_exact(2).map(pair).map(Signs::of).fold(Signs::default(), |sum, signs| Signs {
        printable: sum.printable + signs.printable,
        telling: sum.telling + signs.telling,
    })
}

fn pair(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |value, b| value << 4 | hex(*b).unwrap_or(0))
}

fn is_hex(run: &[u8]) -> bool {
    run.len() >= 12 && run.iter().fold(true, |all, b| all & hex(*b).is_some())
}

// How many bytes so many characters of base64 are.
const fn decoded(chars: usize) -> usize {
    chars / 4 * 3 + (chars % 4).saturating_sub(1)
}

struct Offer<'w, 't> {
    w: &'w Window<'t>,
    span: (usize, usize),
    bytes: Vec<u8>,
}

impl Offer<'_, '_> {
    fn hex(&mut self, wanted: impl Fn(usize) -> bool, each: &mut impl FnMut(&Run)) {
        let run = &self.w.bytes[self.span.0..self.span.1];
        for shift in (0..2).filter(|shift| wanted(*shift)) {
            self.bytes.extend(run[shift..].chunks_exact(2).map(pair));
            self.hand(shift, (2, 1), each);
        }
    }

    fn base64(&mut self, wanted: impl Fn(usize) -> bool, each: &mut impl FnMut(&Run)) {
        let run = &self.w.bytes[self.span.0..self.span.1];
        for shift in (0..4).filter(|shift| wanted(*shift)) {
            push_base64(&mut self.bytes, run, shift);
            self.hand(shift, (4, 3), each);
        }
    }

    fn hand(&mut self, shift: usize, unit: (usize, usize), each: &mut impl FnMut(&Run)) {
        let (start, end) = self.span;
        self.w.count(end - start);
        if is_readable(&self.bytes) {
            let (is_text, start) = (is_text(&self.bytes), start + shift);
            let text = as_text(std::mem::take(&mut self.bytes));
            let run = Run { text, start, unit, end, is_text };
            each(&run);
            self.bytes = run.text.into_bytes();
        }
        self.bytes.clear();
    }
}

// Noise is printable in three bytes of eight; nothing that is looked for is under six long.
fn is_readable(bytes: &[u8]) -> bool {
    is_enough(bytes.iter().filter(|b| is_printable(**b)).count(), bytes.len())
}

const fn is_enough(printable: usize, bytes: usize) -> bool {
    bytes >= 6 && printable * 2 >= bytes
}

const fn is_printable(b: u8) -> bool {
    b >= b' ' && b < 0x7f
}

fn is_text(bytes: &[u8]) -> bool {
    let is_control = |b: &u8| b.is_ascii_control() && !b.is_ascii_whitespace();
    std::str::from_utf8(bytes).is_ok() && !bytes.iter().any(is_control)
}

/// Base64 of either alphabet from `shift` on, without regard to padding.
pub(crate) fn base64(run: &[u8], shift: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len() * 3 / 4 + 3);
    push_base64(&mut out, run, shift);
    out
}

fn push_base64(out: &mut Vec<u8>, run: &[u8], shift: usize) {
    for chunk in run.get(shift..).unwrap_or(&[]).chunks(4) {
        let mut bits = 0_u32;
        let mut n = 0;
        for b in chunk {
            let value = SEXTETS[usize::from(*b)];
            if value == NONE {
                break;
            }
            bits = bits << 6 | u32::from(value);
            n += 1;
        }
        if n >= 2 {
            let bytes = (bits << (6 * (4 - n))).to_be_bytes();
            out.extend_from_slice(&bytes[1..n]);
        }
        if n < 4 {
            break;
        }
    }
}

const NONE: u8 = 0xff;

const SEXTETS: [u8; 256] = {
    let (mut sextets, mut b) = ([NONE; 256], 0);
    while b < 256 {
        sextets[b] = match b as u8 {
            b @ b'A'..=b'Z' => b - b'A',
            b @ b'a'..=b'z' => b - b'a' + 26,
            b @ b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        b += 1;
    }
    sextets
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_are_found_at_any_shift() {
        for text in
            ["cmVhZGVyQGV4YW1wbGUub3Jn", "x/cmVhZGVyQGV4YW1wbGUub3Jn", "72656164657240657861"]
        {
            let mut seen = false;
            runs(&Window::new(text), |run| seen |= run.text.contains("reader@exa"));
            assert!(seen, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_run_that_may_be_sure_is_not_passed_over(
            text in "([A-Za-z0-9+/_-]{1,30}|[0-9a-f]{6,20}|YUBiLmNj|OjoxIDo6|MTIzNA|3a3a31| ){0,12}"
        ) {
            let (w, mut all, mut sure) = (Window::new(&text), Vec::new(), Vec::new());
            let seen = |run: &Run| (run.start, run.unit, run.text.clone());
            runs(&w, |run| all.push(seen(run)));
            sure_runs(&w, (0, text.len()), |run| sure.push(seen(run)));
            all.retain(|(.., text)| may_be_sure(text.as_bytes()));
            prop_assert_eq!(sure, all);
        }

        #[test]
        fn the_signs_are_those_of_what_is_decoded(
            run in "([A-Za-z0-9+/_-]{1,200}|[0-9a-f]{2,40})", from in 0_usize..8
        ) {
            let run = run.get(from..).unwrap_or(&run).as_bytes();
            let same = |signs: Signs, bytes: &[u8]| {
                let all = || bytes.iter().map(|b| Signs::of(*b));
                signs.printable == all().map(|s| s.printable).sum()
                    && signs.telling == all().map(|s| s.telling).sum::<usize>()
            };
            for (shift, signs) in base64_signs(run).into_iter().enumerate().take(run.len()) {
                let bytes = base64(run, shift);
                prop_assert!(same(signs, &bytes));
                prop_assert_eq!(decoded(run.len() - shift), bytes.len());
            }
        }

        #[test]
        fn every_span_of_a_run_lies_in_the_text(text in "([A-Za-z0-9+/_-]{1,40}|[0-9a-f]{6,20}| |é){0,9}") {
            runs(&Window::new(&text), |run| {
                let (a, b) = run.outer(0, run.text.len());
                assert!(text.get(a..b).is_some());
            });
        }
    }
}
