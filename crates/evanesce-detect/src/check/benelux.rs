//! Belgium, Luxembourg and the Netherlands.

use super::sum::{digits, is_date, large, luhn, mod_97, number, numeric, verhoeff, weighted};

// The rest by 97, with a two before it for births since 2000. Month and day may be
// unknown, or run on where a day's numbers were used up.
fn is_checked(value: &[u8]) -> bool {
    value.len() == 11 && numeric(value) && {
        let (body, check) = (large(&value[..9]), u64::from(number(&value[9..])));
        [body, 2_000_000_000 + body].into_iter().any(|n| 97 - n % 97 == check)
    }
}

/// A national number of Belgium.
pub(crate) fn is_be_national(value: &[u8]) -> bool {
    is_checked(value) && number(&value[2..4]) <= 12
}

/// A number of those who are not in Belgium's register: 20 or 40 more in the month.
pub(crate) fn is_be_bis(value: &[u8]) -> bool {
    is_checked(value) && matches!(number(&value[2..4]), 20..=32 | 40..=52)
}

/// One of the two.
pub(crate) fn is_be_personal(value: &[u8]) -> bool {
    is_be_national(value) || is_be_bis(value)
}

/// An identity card of Belgium.
pub(crate) fn is_be_card(value: &[u8]) -> bool {
    value.len() == 12 && numeric(value) && {
        let rest = large(&value[..10]) % 97;
        (if rest == 0 { 97 } else { rest }) == u64::from(number(&value[10..]))
    }
}

/// The value added tax of Belgium, which is also the number of a business; old ones
/// lack the leading zero.
pub(crate) fn is_be_vat(value: &[u8]) -> bool {
    if !numeric(value) || !matches!(value.len(), 9 | 10) {
        return false;
    }
    let (body, check) = value.split_at(value.len() - 2);
    let led = value.len() == 9 || matches!(value[0], b'0' | b'1');
    led && large(body) > 0 && 97 - large(body) % 97 == u64::from(number(check))
}

/// The value added tax of Luxembourg.
pub(crate) fn is_lu_vat(value: &[u8]) -> bool {
    value.len() == 8 && numeric(value) && number(&value[..6]) % 89 == number(&value[6..])
}

/// A person of Luxembourg: birth date, serial, a digit by Luhn, a digit by Verhoeff.
pub(crate) fn is_lu_personal(value: &[u8]) -> bool {
    if value.len() != 13 || !numeric(value) {
        return false;
    }
    let mut second = [0; 12];
    second[..11].copy_from_slice(&value[..11]);
    second[11] = value[12];
    is_date(number(&value[..4]), number(&value[4..6]), number(&value[6..8]))
        && luhn(&value[..12])
        && verhoeff(&second)
}

fn eleven(value: &[u8]) -> Option<u32> {
    let d = digits::<9>(value)?;
    let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    // The last digit counts minus one.
    (number(value) > 0).then_some((sum + 11 - d[8]) % 11)
}

/// The "eleven test" of the citizen service number; leading noughts may be missing.
pub(crate) fn is_nl_bsn(value: &[u8]) -> bool {
    if (7..9).contains(&value.len()) {
        return is_nl_bsn(&[b"0", value].concat());
    }
    eleven(value) == Some(0)
}

/// A number of education, for those without the above: its test leaves 5.
pub(crate) fn is_nl_education(value: &[u8]) -> bool {
    value.starts_with(b"10") && eleven(value) == Some(5)
}

/// An identity card or passport of the Netherlands: neither O nor, in the middle, other
/// letters that are read wrongly; there is no check digit.
pub(crate) fn is_nl_document(value: &[u8]) -> bool {
    value.len() == 9
        && value[..2].iter().all(u8::is_ascii_uppercase)
        && value[2..8].iter().all(u8::is_ascii_alphanumeric)
        && value[8].is_ascii_digit()
        && !value.contains(&b'O')
}

/// The value added tax of the Netherlands: a number that is a person's or passes mod
/// 97, B, and two digits. Leading noughts may be missing.
pub(crate) fn is_nl_vat(value: &[u8]) -> bool {
    if (10..12).contains(&value.len()) {
        return is_nl_vat(&[b"0", value].concat());
    }
    value.len() == 12
        && value[9] == b'B'
        && numeric(&value[..9])
        && numeric(&value[10..])
        && number(&value[..9]) > 0
        && number(&value[10..]) > 0
        && (is_nl_bsn(&value[..9]) || mod_97(b"NL".iter().chain(value).copied()) == Some(1))
}
