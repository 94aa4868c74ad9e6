//! Czechia, Hungary, Poland and Slovakia.

use super::sum::{digits, is_date, large, number, numeric, weighted, worth};

/// A birth number of Czechia or Slovakia: nine digits until 1953, then ten that eleven
/// divides. Women add 50 to the month; 20 more where the day's numbers ran out.
pub(crate) fn is_cz_birth(value: &[u8]) -> bool {
    if !numeric(value) || !matches!(value.len(), 9 | 10) {
        return false;
    }
    let month = number(&value[2..4]) % 50 % 20;
    let mut year = 1900 + number(&value[..2]);
    if value.len() == 9 {
        year -= if year >= 1980 { 100 } else { 0 };
        return year < 1954 && is_date(year, month, number(&value[4..6]));
    }
    year += if year < 1954 { 100 } else { 0 };
    let rest = large(&value[..9]) % 11;
    let check = u64::from(value[9] - b'0');
    // A rest of ten was written as nought until 1985, and by some offices later.
    rest % 10 == check && is_date(year, month, number(&value[4..6]))
}

/// A business of Czechia or Slovakia.
pub(crate) fn is_cz_business(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| {
        let rest = (11 - weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        (if rest == 0 { 1 } else { rest }) % 10 == d[7]
    })
}

/// The value added tax of Czechia: a business, a birth number, or a special number.
pub(crate) fn is_cz_vat(value: &[u8]) -> bool {
    match value {
        [b'9', ..] if value.len() == 8 => false,
        [b'6', rest @ ..] if value.len() == 9 => {
            digits::<8>(rest)
                .is_some_and(|d| (weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) % 11 + 8) % 10 == d[7])
                || is_cz_birth(value)
        }
        _ => is_cz_business(value) || is_cz_birth(value),
    }
}

/// The value added tax of Hungary.
pub(crate) fn is_hu_vat(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| weighted(&d, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10))
}

/// A person's tax number of Hungary: 8, days since 1867, serial, check digit.
pub(crate) fn is_hu_tax(value: &[u8]) -> bool {
    digits::<10>(value)
        .is_some_and(|d| d[0] == 8 && weighted(&d[..9], &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == d[9])
}

/// Birth date with the century in the month, serial, weights 1, 3, 7, 9.
pub(crate) fn is_pl_pesel(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let month = number(&value[2..4]);
        let century = [1900, 2000, 2100, 2200, 1800][(month / 20) as usize % 5];
        weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
            && is_date(century + number(&value[..2]), month % 20, number(&value[4..6]))
    })
}

/// A taxpayer of Poland.
pub(crate) fn is_pl_tax(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        number(&value[..9]) > 0 && weighted(&d, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == d[9]
    })
}

/// A business of Poland, of nine digits, or fourteen with its branch.
pub(crate) fn is_pl_business(value: &[u8]) -> bool {
    let whole = |v: &[u8]| {
        digits::<9>(v).is_some_and(|d| weighted(&d, &[8, 9, 2, 3, 4, 5, 6, 7]) % 11 % 10 == d[8])
    };
    match value.len() {
        9 => whole(value),
        14 => {
            whole(&value[..9])
                && digits::<14>(value).is_some_and(|d| {
                    weighted(&d, &[2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8]) % 11 % 10 == d[13]
                })
        }
        _ => false,
    }
}

/// An identity card of Poland: three letters, a check digit, five digits.
pub(crate) fn is_pl_card(value: &[u8]) -> bool {
    let shape =
        value.len() == 9 && value[..3].iter().all(u8::is_ascii_uppercase) && numeric(&value[3..]);
    shape
        && value
            .iter()
            .zip([7, 3, 1, 9, 7, 3, 1, 7, 3])
            .try_fold(0, |sum, (b, w)| Some(sum + worth(*b)? * w))
            .is_some_and(|sum| sum.is_multiple_of(10))
}

/// The value added tax of Slovakia, or a person's birth number.
pub(crate) fn is_sk_vat(value: &[u8]) -> bool {
    let legal = value.len() == 10
        && numeric(value)
        && value[0] != b'0'
        && b"234789".contains(&value[2])
        && large(value).is_multiple_of(11);
    legal || is_cz_birth(value)
}
