//! Australia, New Zealand, India and its neighbours, Israel, Turkey, South Africa and
//! others of the south and the east.

use super::asia::luhn_36;
use super::sum::{digits, is_day, luhn, number, numeric, shaped, uniform, verhoeff, weighted};

/// A business of Australia: one less in the first place, weights, mod 89.
pub(crate) fn is_au_business(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let sum = weighted(&d, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
        number(&value[..2]) > 10 && (sum - 10).is_multiple_of(89)
    })
}

/// A company of Australia.
pub(crate) fn is_au_company(value: &[u8]) -> bool {
    digits::<9>(value)
        .is_some_and(|d| (10 - weighted(&d, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == d[8])
}

/// A card of Australia's Medicare: eight digits, a check digit, an issue, and perhaps
/// a place on the card.
pub(crate) fn is_au_medicare(value: &[u8]) -> bool {
    matches!(value.len(), 10 | 11)
        && numeric(value)
        && matches!(value[0], b'2'..=b'6')
        && digits::<9>(&value[..9])
            .is_some_and(|d| weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == d[8])
}

/// A tax file number of Australia; old ones have eight digits.
pub(crate) fn is_au_tfn(value: &[u8]) -> bool {
    if let Some(d) = digits::<8>(value) {
        return weighted(&d, &[10, 7, 8, 4, 6, 3, 5, 1]).is_multiple_of(11) && number(value) > 0;
    }
    digits::<9>(value).is_some_and(|d| {
        weighted(&d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && number(value) > 0
    })
}

/// A taxpayer of New Zealand.
pub(crate) fn is_nz_tax(value: &[u8]) -> bool {
    if !numeric(value) || !matches!(value.len(), 8 | 9) {
        return false;
    }
    let n = number(value);
    if !(10_000_000..=150_000_000).contains(&n) {
        return false;
    }
    let mut d = [0; 8];
    let mut rest = n / 10;
    d.iter_mut().rev().for_each(|d| (*d, rest) = (rest % 10, rest / 10));
    let check = match (11 - weighted(&d, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 {
        10 => (11 - weighted(&d, &[7, 4, 3, 2, 5, 2, 7, 6]) % 11) % 11,
        check => check,
    };
    check == n % 10
}

/// Twelve digits, the first 2 to 9, Verhoeff's dihedral check.
pub(crate) fn is_in_aadhaar(value: &[u8]) -> bool {
    value.len() == 12 && verhoeff(value) && value[0] >= b'2' && !value.iter().eq(value.iter().rev())
}

/// A number that stands in for an Aadhaar number for a while.
pub(crate) fn is_in_virtual(value: &[u8]) -> bool {
    value.len() == 16 && verhoeff(value) && value[0] >= b'2' && !value.iter().eq(value.iter().rev())
}

/// An account number of India's tax office: the fourth letter is the holder's sort.
pub(crate) fn is_in_pan(value: &[u8]) -> bool {
    shaped(value, b"lllllddddl") && b"ABCFGHJKLPT".contains(&value[3]) && number(&value[5..9]) > 0
}

/// A taxpayer of goods and services in India: state, account number, Luhn in base 36.
pub(crate) fn is_in_gst(value: &[u8]) -> bool {
    value.len() == 15
        && matches!(number(&value[..2]), 1..=38 | 97 | 99)
        && numeric(&value[..2])
        && is_in_pan(&value[2..12])
        && value[12] != b'0'
        && value[13] == b'Z'
        && luhn_36(value)
}

/// A voter of India: three letters, six digits, Luhn.
pub(crate) fn is_in_voter(value: &[u8]) -> bool {
    shaped(value, b"lllddddddd") && luhn(&value[3..])
}

/// A person of Israel; leading noughts may be missing.
pub(crate) fn is_il_personal(value: &[u8]) -> bool {
    (5..=9).contains(&value.len()) && luhn(value) && number(value) > 0
}

/// A company of Israel.
pub(crate) fn is_il_company(value: &[u8]) -> bool {
    value.len() == 9 && value[0] == b'5' && luhn(value)
}

/// A person of Nigeria: Verhoeff's check.
pub(crate) fn is_ng_personal(value: &[u8]) -> bool {
    value.len() == 11 && verhoeff(value)
}

/// A person of Pakistan: province, place, family, sex; there is no check digit.
pub(crate) fn is_pk_personal(value: &[u8]) -> bool {
    value.len() == 13 && numeric(value) && matches!(value[0], b'1'..=b'7') && value[12] != b'0'
}

/// An identity number of Turkey.
pub(crate) fn is_tr_national_id(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let odd: u32 = d[..9].iter().step_by(2).sum();
        let even: u32 = d[1..8].iter().step_by(2).sum();
        let tenth = (odd * 7 + 90 - even) % 10;
        d[0] != 0 && tenth == d[9] && d[..10].iter().sum::<u32>() % 10 == d[10]
    })
}

/// A taxpayer of Turkey.
pub(crate) fn is_tr_tax(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let part = |(i, d): (usize, &u32)| {
            let (n, power) = ((d + 9 - i as u32) % 10, 1 << (9 - i as u32));
            let rest = n * power % 9;
            if n != 0 && rest == 0 { 9 } else { rest }
        };
        let sum: u32 = d[..9].iter().enumerate().map(part).sum();
        (10 - sum % 10) % 10 == d[9]
    })
}

/// A taxpayer of Ukraine, person or sole trader.
pub(crate) fn is_ua_tax(value: &[u8]) -> bool {
    // The first weight is minus one.
    digits::<10>(value).is_some_and(|d| {
        let sum = weighted(&d[1..], &[5, 7, 9, 4, 6, 10, 5, 7]) + 11 * 9 - d[0];
        sum % 11 % 10 == d[9]
    })
}

/// A business of Ukraine.
pub(crate) fn is_ua_business(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| {
        let high = !matches!(d[0], 3..=5);
        let (a, b): (&[u32], &[u32]) = if high {
            (&[1, 2, 3, 4, 5, 6, 7], &[3, 4, 5, 6, 7, 8, 9])
        } else {
            (&[7, 1, 2, 3, 4, 5, 6], &[9, 3, 4, 5, 6, 7, 8])
        };
        let check = match weighted(&d, a) % 11 {
            10 => weighted(&d, b) % 11 % 10,
            rest => rest,
        };
        check == d[7]
    })
}

/// A taxpayer of Russia, business or person.
pub(crate) fn is_ru_tax(value: &[u8]) -> bool {
    if let Some(d) = digits::<10>(value) {
        return weighted(&d, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == d[9];
    }
    digits::<12>(value).is_some_and(|d| {
        weighted(&d, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == d[10]
            && weighted(&d, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == d[11]
    })
}

/// Birth date, sequence, citizenship, Luhn.
pub(crate) fn is_za_id(value: &[u8]) -> bool {
    value.len() == 13
        && luhn(value)
        && is_day(number(&value[2..4]), number(&value[4..6]))
        && matches!(value[10], b'0' | b'1' | b'2')
}

/// A taxpayer of South Africa.
pub(crate) fn is_za_tax(value: &[u8]) -> bool {
    value.len() == 10 && luhn(value) && matches!(value[0], b'0'..=b'3' | b'9')
}

/// A mobile device: fourteen digits, Luhn; with a version in its place there is no check.
pub(crate) fn is_imei(value: &[u8]) -> bool {
    value.len() == 15 && luhn(value) && !uniform(value)
}
