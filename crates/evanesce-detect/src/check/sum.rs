//! The sums that check digits are made of, and dates inside of numbers.

pub(super) use super::card::luhn;

/// The digits as numbers, if there are exactly `N` and nothing else.
pub(super) fn digits<const N: usize>(value: &[u8]) -> Option<[u32; N]> {
    let value: &[u8; N] = value.try_into().ok()?;
    value.iter().all(u8::is_ascii_digit).then(|| value.map(|b| u32::from(b - b'0')))
}

/// Whether there are only digits, and some.
pub(super) fn numeric(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

/// The sum of each digit times its weight.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// What a few digits say in decimal.
pub(super) fn number(value: &[u8]) -> u32 {
    value.iter().fold(0, |n, b| n.wrapping_mul(10).wrapping_add(u32::from(b.wrapping_sub(b'0'))))
}

/// What up to 19 digits say in decimal.
pub(super) fn large(value: &[u8]) -> u64 {
    value.iter().fold(0, |n, b| n.wrapping_mul(10).wrapping_add(u64::from(b.wrapping_sub(b'0'))))
}

/// The value of a digit, or of a letter from 10 on.
pub(super) fn worth(b: u8) -> Option<u32> {
    match b {
        b'0'..=b'9' => Some(u32::from(b - b'0')),
        b'A'..=b'Z' => Some(u32::from(b - b'A') + 10),
        _ => None,
    }
}

/// The rest of the number that digits and letters say (ISO/IEC 7064, MOD 97-10).
pub(super) fn mod_97(value: impl IntoIterator<Item = u8>) -> Option<u32> {
    value.into_iter().try_fold(0, |rest, b| {
        let n = worth(b)?;
        Some((rest * if n > 9 { 100 } else { 10 } + n) % 97)
    })
}

/// ISO/IEC 7064, MOD 11,10, over all digits with the last as the check.
pub(super) fn mod_11_10(digits: &[u32]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |p, d| {
        let sum = (p + d) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (product + check) % 10 == 1
}

/// Verhoeff's dihedral check over ASCII digits, the last of them the check digit.
pub(super) fn verhoeff(value: &[u8]) -> bool {
    const PERMUTE: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication of the dihedral group D5.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let sum = |c, (i, b): (usize, &u8)| times(c, PERMUTE[i % 8][usize::from(b - b'0')]);
    numeric(value) && value.iter().rev().enumerate().fold(0, sum) == 0
}

/// Whether a month has such a day, in some year.
pub(super) fn is_day(month: u32, day: u32) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Whether there was such a day.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    is_day(month, day) && (month != 2 || day < 29 || leap)
}

/// Whether all bytes are one and the same.
pub(super) fn uniform(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether each byte is of its sort: `l` a letter in upper case, `d` a digit, `x`
/// either, and any other sign itself.
pub(super) fn shaped(value: &[u8], shape: &[u8]) -> bool {
    value.len() == shape.len()
        && value.iter().zip(shape).all(|(b, sort)| match sort {
            b'd' => b.is_ascii_digit(),
            b'l' => b.is_ascii_uppercase(),
            b'x' => b.is_ascii_digit() || b.is_ascii_uppercase(),
            sign => b == sign,
        })
}
