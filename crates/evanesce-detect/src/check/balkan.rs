//! Bulgaria, Croatia, Romania, Serbia, Slovenia, Montenegro and North Macedonia.

use super::sum::{digits, is_date, mod_11_10, number, numeric, weighted};

/// A person of Bulgaria: birth date with the century in the month, serial, check.
pub(crate) fn is_bg_personal(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let (year, month) = (number(&value[..2]), number(&value[2..4]));
        let (century, month) = match month {
            41.. => (2000, month - 40),
            21.. => (1800, month - 20),
            _ => (1900, month),
        };
        is_date(century + year, month, number(&value[4..6]))
            && weighted(&d, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == d[9]
    })
}

/// A foreigner of Bulgaria.
pub(crate) fn is_bg_foreigner(value: &[u8]) -> bool {
    digits::<10>(value)
        .is_some_and(|d| weighted(&d, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10 == d[9])
}

/// The value added tax of Bulgaria: nine digits of a business, or ten of a person,
/// a foreigner or another.
pub(crate) fn is_bg_vat(value: &[u8]) -> bool {
    if let Some(d) = digits::<9>(value) {
        let check = match weighted(&d, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
            10 => weighted(&d, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11,
            rest => rest,
        };
        return check % 10 == d[8];
    }
    let other = digits::<10>(value)
        .is_some_and(|d| (11 - weighted(&d, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 == d[9]);
    other || is_bg_personal(value) || is_bg_foreigner(value)
}

/// A person or a business of Croatia.
pub(crate) fn is_hr_oib(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| mod_11_10(&d))
}

/// A person of Romania: sex and century, birth date, county, serial, check.
pub(crate) fn is_ro_personal(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let century = match d[0] {
            3 | 4 => 1800,
            5 | 6 => 2000,
            1 | 2 | 7..=9 => 1900,
            _ => return false,
        };
        let county = number(&value[7..9]);
        let rest = weighted(&d, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
        matches!(county, 1..=48 | 51 | 52 | 70 | 80..=83)
            && is_date(century + number(&value[1..3]), number(&value[3..5]), number(&value[5..7]))
            && (if rest == 10 { 1 } else { rest }) == d[12]
    })
}

/// A business of Romania.
pub(crate) fn is_ro_business(value: &[u8]) -> bool {
    if !numeric(value) || !(2..=10).contains(&value.len()) || value[0] == b'0' {
        return false;
    }
    let weights = [2, 3, 5, 7, 1, 2, 3, 5, 7];
    let body = value[..value.len() - 1].iter().rev();
    let sum: u32 = body.zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
    sum * 10 % 11 % 10 == u32::from(value[value.len() - 1] - b'0')
}

/// The value added tax of Romania: of a business or a person.
pub(crate) fn is_ro_vat(value: &[u8]) -> bool {
    is_ro_business(value) || is_ro_personal(value)
}

/// A taxpayer of Serbia.
pub(crate) fn is_rs_tax(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| mod_11_10(&d))
}

/// A person of Slovenia and other states of the former Yugoslavia: birth date, region,
/// serial, check.
pub(crate) fn is_si_personal(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let year = number(&value[4..7]);
        let year = if year < 800 { 2000 + year } else { 1000 + year };
        let rest = (11 - weighted(&d, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        is_date(year, number(&value[2..4]), number(&value[..2])) && rest % 10 == d[12]
    })
}

/// The value added tax of Slovenia, of persons and businesses.
pub(crate) fn is_si_tax(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) % 11;
        d[0] != 0 && rest != 11 && rest % 10 == d[7]
    })
}

/// A taxpayer of Montenegro.
pub(crate) fn is_me_tax(value: &[u8]) -> bool {
    digits::<8>(value)
        .is_some_and(|d| (11 - weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == d[7])
}

/// A taxpayer of North Macedonia.
pub(crate) fn is_mk_tax(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        (11 - weighted(&d, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == d[12]
    })
}
