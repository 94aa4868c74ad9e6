//! Austria, Germany, Liechtenstein and Switzerland.

use super::sum::{digits, luhn, mod_11_10, number, numeric, shaped, weighted, worth};

// The tax offices of Austria.
const AT_OFFICES: &[u32] = &[
    3, 4, 6, 7, 8, 9, 10, 12, 15, 16, 18, 22, 23, 29, 33, 38, 41, 46, 51, 52, 53, 54, 57, 59, 61,
    65, 67, 68, 69, 71, 72, 81, 82, 83, 84, 90, 91, 93, 97, 98,
];

/// A tax account of Austria: office, number, and the sum of Luhn.
pub(crate) fn is_at_tax(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|_| AT_OFFICES.contains(&number(&value[..2])) && luhn(value))
}

/// A social insurance number of Austria: serial, check digit, birth date, whose months
/// may be made up.
pub(crate) fn is_at_insurance(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let rest = weighted(&d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
        d[0] != 0 && rest == d[3]
    })
}

/// The value added tax of Austria, with its U.
pub(crate) fn is_at_vat(value: &[u8]) -> bool {
    value.strip_prefix(b"U").and_then(digits::<8>).is_some_and(|d| {
        let cross = |n: u32| n / 10 + n % 10;
        let sum: u32 = d[..7].iter().zip([1, 2, 1, 2, 1, 2, 1]).map(|(d, w)| cross(d * w)).sum();
        (10 - (sum + 4) % 10) % 10 == d[7]
    })
}

/// AHV number: 756, then an EAN-13 check digit.
pub(crate) fn is_ch_ahv(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        value.starts_with(b"756")
            && weighted(&d, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
    })
}

/// A business of Switzerland.
pub(crate) fn is_ch_business(value: &[u8]) -> bool {
    digits::<9>(value)
        .is_some_and(|d| weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11))
}

/// The same with the letters of value added tax, in one of the languages.
pub(crate) fn is_ch_vat(value: &[u8]) -> bool {
    let tax: [&[u8]; 4] = [b"MWST", b"TVA", b"IVA", b"TPV"];
    let Some(value) = value.strip_prefix(b"CHE") else { return false };
    tax.into_iter().any(|tax| value.strip_suffix(tax).is_some_and(is_ch_business))
}

/// Area, birth date, first letter of the name, serial, check digit; the sum is of
/// the cross sums of the products (VKVV, section 4).
pub(crate) fn is_de_social_security(value: &[u8]) -> bool {
    if value.len() != 12 || !value[8].is_ascii_uppercase() {
        return false;
    }
    let letter = u32::from(value[8] - b'A') + 1;
    let mut d = [0_u32; 13];
    for (i, byte) in value.iter().enumerate().filter(|(i, _)| *i != 8) {
        if !byte.is_ascii_digit() {
            return false;
        }
        d[if i < 8 { i } else { i + 1 }] = u32::from(byte - b'0');
    }
    (d[8], d[9]) = (letter / 10, letter % 10);
    let cross = |n: u32| n / 10 + n % 10;
    let sum: u32 =
        d.iter().zip([2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]).map(|(d, w)| cross(d * w)).sum();
    let (day, month) = (d[2] * 10 + d[3], d[4] * 10 + d[5]);
    sum % 10 == d[12] && (1..=81).contains(&day) && (1..=12).contains(&month)
}

/// Identification number: one digit repeats within the first ten, and ISO/IEC
/// 7064 MOD 11,10 gives the last.
pub(crate) fn is_de_tax_id(value: &[u8]) -> bool {
    let Some(d) = digits::<11>(value) else { return false };
    let mut counts = [0_u8; 10];
    d[..10].iter().for_each(|d| counts[*d as usize] += 1);
    let repeated = counts.iter().filter(|n| **n > 1).count();
    let most = counts.iter().max().copied().unwrap_or(0);
    d[0] != 0 && repeated == 1 && matches!(most, 2 | 3) && mod_11_10(&d)
}

/// The check digit of that number alone.
pub(crate) fn is_de_tax_sum(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| d[0] != 0 && mod_11_10(&d))
}

/// The unchanging part of a health insurance number: a letter, eight digits, and the
/// sum of Luhn with the letter as two digits.
pub(crate) fn is_de_health(value: &[u8]) -> bool {
    if !shaped(value, b"lddddddddd") {
        return false;
    }
    let letter = u32::from(value[0] - b'A') + 1;
    let cross = |n: u32| n / 10 + n % 10;
    let rest = value[1..9].iter().map(|b| u32::from(b - b'0'));
    let body = [letter / 10, letter % 10].into_iter().chain(rest);
    let sum: u32 = body.zip([1, 2].into_iter().cycle()).map(|(d, w)| cross(d * w)).sum();
    sum % 10 == u32::from(value[9] - b'0')
}

// Weights 7, 3, 1 over digits and letters, as ICAO 9303 has it.
fn icao(value: &[u8]) -> Option<u32> {
    let weights = [7, 3, 1].into_iter().cycle();
    value.iter().zip(weights).try_fold(0, |sum, (b, w)| Some(sum + worth(*b)? * w))
}

// The serials of documents hold neither vowels nor letters that look like digits.
const DE_SERIAL: &[u8] = b"0123456789CFGHJKLMNPRTVWXYZ";

/// A passport or identity card of Germany: a letter of the office, eight more places,
/// and the check digit by ICAO 9303; D for the nationality may follow.
pub(crate) fn is_de_document(value: &[u8]) -> bool {
    let value = if value.len() == 11 { value.strip_suffix(b"D").unwrap_or(value) } else { value };
    value.len() == 10
        && value[..9].iter().all(|b| DE_SERIAL.contains(b))
        && value[0].is_ascii_uppercase()
        && value[9].is_ascii_digit()
        && icao(&value[..9]).is_some_and(|sum| sum % 10 == u32::from(value[9] - b'0'))
}

/// The nine places of such a document that stand on its face; cards before 2010 and
/// some since begin with a letter and go on in digits.
pub(crate) fn is_de_serial(value: &[u8]) -> bool {
    value.len() == 9
        && value.iter().all(|b| DE_SERIAL.contains(b))
        && value[0].is_ascii_uppercase()
        && value[1..].iter().filter(|b| b.is_ascii_digit()).count() >= 3
}

/// A physician of statutory health care: six digits, a check digit, two of the subject.
pub(crate) fn is_de_physician(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        let sum = weighted(&d, &[4, 9, 4, 9, 4, 9]);
        (10 - sum % 10) % 10 == d[6]
    })
}

/// The value added tax of Germany.
pub(crate) fn is_de_vat(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| d[0] != 0 && mod_11_10(&d))
}

/// A person of Liechtenstein; there is no check digit.
pub(crate) fn is_li_personal(value: &[u8]) -> bool {
    numeric(value) && (4..=12).contains(&value.len())
}
