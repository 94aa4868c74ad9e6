//! Estonia, Latvia and Lithuania.

use super::sum::{digits, is_date, number, weighted};

// Birth date with the sex and century before it, serial, and a check digit with two
// rows of weights.
fn is_personal(value: &[u8]) -> Option<[u32; 11]> {
    let d = digits::<11>(value)?;
    let check = match weighted(&d, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(&d, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        rest => rest,
    };
    (check == d[10]).then_some(d)
}

fn birth(value: &[u8], century: u32) -> bool {
    is_date(century + number(&value[1..3]), number(&value[3..5]), number(&value[5..7]))
}

/// A person of Estonia.
pub(crate) fn is_ee_personal(value: &[u8]) -> bool {
    is_personal(value)
        .is_some_and(|d| (1..=8).contains(&d[0]) && birth(value, 1800 + (d[0] - 1) / 2 * 100))
}

/// A business of Estonia.
pub(crate) fn is_ee_business(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| {
        let check = match weighted(&d, &[1, 2, 3, 4, 5, 6, 7]) % 11 {
            10 => weighted(&d, &[3, 4, 5, 6, 7, 8, 9]) % 11 % 10,
            rest => rest,
        };
        matches!(d[0], 1 | 7..=9) && check == d[7]
    })
}

/// The value added tax of Estonia.
pub(crate) fn is_ee_vat(value: &[u8]) -> bool {
    digits::<9>(value)
        .is_some_and(|d| weighted(&d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
}

/// A person of Lithuania; those with a leading 9 have no date in it.
pub(crate) fn is_lt_personal(value: &[u8]) -> bool {
    is_personal(value).is_some_and(|d| match d[0] {
        9 => true,
        1..=8 => birth(value, 1800 + (d[0] - 1) / 2 * 100),
        _ => false,
    })
}

/// The value added tax of Lithuania: nine digits, or twelve for a while.
pub(crate) fn is_lt_vat(value: &[u8]) -> bool {
    let sign = match value.len() {
        9 => value[7],
        12 => value[10],
        _ => return false,
    };
    let Some((check, body)) = value.split_last() else { return false };
    if sign != b'1' || !value.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = |by: usize| {
        body.iter().enumerate().map(|(i, b)| (1 + (i + by) % 9) as u32 * u32::from(b - b'0')).sum()
    };
    let first: u32 = sum(0);
    let rest = if first % 11 == 10 { sum(2) % 11 % 10 } else { first % 11 };
    rest == u32::from(check - b'0')
}

/// A person of Latvia: the birth date and a check, or, since 2017, a number that
/// begins with 32 and says nothing.
pub(crate) fn is_lv_personal(value: &[u8]) -> bool {
    let Some(d) = digits::<11>(value) else { return false };
    let century = 1800 + d[6] * 100;
    let check = (1 + weighted(&d, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    let birth = || {
        d[6] <= 2
            && is_date(century + number(&value[4..6]), number(&value[2..4]), number(&value[..2]))
    };
    check == d[10] && (value.starts_with(b"32") || birth())
}

/// The value added tax of Latvia: an organisation's number, or a person's.
pub(crate) fn is_lv_vat(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| match d[0] {
        4.. => weighted(&d, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3,
        _ => is_lv_personal(value),
    })
}
