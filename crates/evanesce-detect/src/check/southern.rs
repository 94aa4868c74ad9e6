//! Cyprus, Greece, Italy, Malta, Portugal and Spain.

use super::sum::{digits, is_date, luhn, number, numeric, shaped, weighted, worth};

/// The value added tax of Cyprus: digits in odd places are translated.
pub(crate) fn is_cy_vat(value: &[u8]) -> bool {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    shaped(value, b"ddddddddl") && !value.starts_with(b"12") && {
        let worth = |(i, b): (usize, &u8)| match (i % 2, u32::from(b - b'0')) {
            (0, d) => ODD[d as usize],
            (_, d) => d,
        };
        let sum: u32 = value[..8].iter().enumerate().map(worth).sum();
        sum % 26 == u32::from(value[8] - b'A')
    }
}

/// A social security number of Greece: birth date, serial, Luhn.
pub(crate) fn is_gr_amka(value: &[u8]) -> bool {
    value.len() == 11 && luhn(value) && {
        let (month, day) = (number(&value[2..4]), number(&value[..2]));
        // The century is not told.
        is_date(1900 + number(&value[4..6]), month, day)
            || is_date(2000 + number(&value[4..6]), month, day)
    }
}

/// The value added tax of Greece; old ones have eight digits.
pub(crate) fn is_gr_vat(value: &[u8]) -> bool {
    if !numeric(value) || !matches!(value.len(), 8 | 9) {
        return false;
    }
    let Some((check, body)) = value.split_last() else { return false };
    let sum = body.iter().fold(0, |sum, b| sum * 2 + u32::from(b - b'0')) * 2;
    number(value) > 0 && sum % 11 % 10 == u32::from(check - b'0')
}

/// The tax code of a person, or of an organisation, which is its value added tax.
pub(crate) fn is_it_tax(value: &[u8]) -> bool {
    is_it_fiscal_code(value) || is_it_vat(value)
}

/// Sixteen characters; odd places are worth what the decree of 1976 says.
pub(crate) fn is_it_fiscal_code(value: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    // L for a letter, N for a digit or one of the letters that stand for it.
    let fits = |(b, shape): (&u8, &u8)| match shape {
        b'L' => b.is_ascii_uppercase(),
        _ => b.is_ascii_digit() || b"LMNPQRSTUV".contains(b),
    };
    if value.len() != 16 || !value.iter().zip(b"LLLLLLNNLNNLNNNL").all(fits) {
        return false;
    }
    let worth = |(i, b): (usize, &u8)| {
        let n = u32::from(if b.is_ascii_digit() { b - b'0' } else { b - b'A' });
        if i % 2 == 0 { ODD[n as usize] } else { n }
    };
    let sum: u32 = value[..15].iter().enumerate().map(worth).sum();
    b"ABCDEHLMPRST".contains(&value[8]) && sum % 26 == u32::from(value[15] - b'A')
}

/// The value added tax of Italy: a number, an office, Luhn.
pub(crate) fn is_it_vat(value: &[u8]) -> bool {
    value.len() == 11
        && luhn(value)
        && number(&value[..7]) > 0
        && matches!(number(&value[7..10]), 1..=100 | 120 | 121 | 888 | 999)
}

/// The value added tax of Malta.
pub(crate) fn is_mt_vat(value: &[u8]) -> bool {
    digits::<8>(value)
        .is_some_and(|d| d[0] != 0 && weighted(&d, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37))
}

/// A taxpayer of Portugal, person or business.
pub(crate) fn is_pt_tax(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        d[0] != 0 && rest % 11 % 10 == d[8]
    })
}

/// A citizen card of Portugal: nine digits, two places of the version, a check digit;
/// every other place counts twice.
pub(crate) fn is_pt_card(value: &[u8]) -> bool {
    shaped(value, b"dddddddddxxd") && {
        let worth = |(i, b): (usize, &u8)| {
            let n = worth(*b)?;
            Some(match (i % 2, n * 2) {
                (0, twice) if twice > 9 => twice - 9,
                (0, twice) => twice,
                _ => n,
            })
        };
        let sum = value.iter().enumerate().map(worth).sum::<Option<u32>>();
        sum.is_some_and(|sum| sum.is_multiple_of(10))
    }
}

const NIF_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// An identity number of Spain; a leading nought may be missing.
pub(crate) fn is_es_nif(value: &[u8]) -> bool {
    if value.len() == 8 {
        return is_es_nif(&[b"0", value].concat());
    }
    value.len() == 9
        && digits::<8>(&value[..8]).is_some()
        && NIF_LETTERS[number(&value[..8]) as usize % 23] == value[8]
}

/// A foreigner's number of Spain.
pub(crate) fn is_es_nie(value: &[u8]) -> bool {
    if value.len() != 9 || digits::<7>(&value[1..8]).is_none() {
        return false;
    }
    let lead = match value[0] {
        b'X' => 0,
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => return false,
    };
    NIF_LETTERS[(lead + number(&value[1..8])) as usize % 23] == value[8]
}

/// An organisation of Spain: a letter of its sort, seven digits, and a check that is a
/// letter for some sorts and a digit for others.
pub(crate) fn is_es_cif(value: &[u8]) -> bool {
    if value.len() != 9 || !numeric(&value[1..8]) || !b"ABCDEFGHJNPQRSUVW".contains(&value[0]) {
        return false;
    }
    // Luhn's sum over seven digits and the check digit.
    let cross = |n: u32| n / 10 + n % 10;
    let sum: u32 = value[1..8]
        .iter()
        .zip([2, 1, 2, 1, 2, 1, 2])
        .map(|(b, w)| cross(u32::from(b - b'0') * w))
        .sum();
    let check = (10 - sum % 10) % 10;
    let digit = u32::from(value[8].wrapping_sub(b'0')) == check;
    let letter = b"JABCDEFGHI"[check as usize] == value[8];
    match value[0] {
        b'N' | b'P' | b'Q' | b'R' | b'S' | b'W' => letter,
        b'A' | b'B' | b'E' | b'H' => digit,
        _ => digit || letter,
    }
}

/// A taxpayer of Spain: one of the above, or K, L or M with a person's check.
pub(crate) fn is_es_tax(value: &[u8]) -> bool {
    let special = |v: &[u8]| {
        v.len() == 9
            && b"KLM".contains(&v[0])
            && numeric(&v[1..8])
            && NIF_LETTERS[number(&v[1..8]) as usize % 23] == v[8]
    };
    is_es_nif(value) || is_es_nie(value) || is_es_cif(value) || special(value)
}

/// A social security number of Spain: province, number, and the rest by 97.
pub(crate) fn is_es_social(value: &[u8]) -> bool {
    if value.len() != 12 || !numeric(value) {
        return false;
    }
    let (province, serial) = (u64::from(number(&value[..2])), u64::from(number(&value[2..10])));
    let body = if serial < 10_000_000 {
        province * 10_000_000 + serial
    } else {
        province * 100_000_000 + serial
    };
    body % 97 == u64::from(number(&value[10..]))
}
