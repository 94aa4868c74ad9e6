//! Denmark, Finland, the Faroe Islands, Iceland, Norway and Sweden.

use super::sum::{digits, is_date, is_day, luhn, number, numeric, weighted};

/// A person's number of Denmark: birth date, then a serial whose first digit says the
/// century. Numbers given since 2007 need not have the old check digit.
pub(crate) fn is_dk_cpr(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let year = number(&value[4..6]);
        let century = match (d[6], year) {
            (5..=8, 58..) => 1800,
            (0..=3, _) | (4 | 9, 37..) => 1900,
            _ => 2000,
        };
        is_date(century + year, number(&value[2..4]), number(&value[..2]))
    })
}

/// The old check of that number, which almost all still pass.
pub(crate) fn is_dk_cpr_checked(value: &[u8]) -> bool {
    is_dk_cpr(value)
        && digits::<10>(value)
            .is_some_and(|d| weighted(&d, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// A business of Denmark.
pub(crate) fn is_dk_cvr(value: &[u8]) -> bool {
    digits::<8>(value)
        .is_some_and(|d| d[0] != 0 && weighted(&d, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// DDMMYY, a sign for the century, a serial, mod 31. The sign is kept in `value`.
pub(crate) fn is_fi(value: &[u8]) -> bool {
    if value.len() != 11 || !value[..6].iter().chain(&value[7..10]).all(u8::is_ascii_digit) {
        return false;
    }
    let (birth, serial) = (number(&value[..6]), number(&value[7..10]));
    let century = match value[6].to_ascii_uppercase() {
        b'+' => 1800,
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return false,
    };
    let check = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(birth * 1000 + serial) as usize % 31];
    serial >= 2
        && is_date(century + birth % 100, birth / 100 % 100, birth / 10_000)
        && check == value[10].to_ascii_uppercase()
}

/// A business of Finland.
pub(crate) fn is_fi_business(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11))
}

/// A worker of the building sites of Finland; how its last digit comes about is not
/// published.
pub(crate) fn is_fi_tax(value: &[u8]) -> bool {
    value.len() == 12 && numeric(value)
}

/// A taxpayer of the Faroe Islands; there is no check digit.
pub(crate) fn is_fo_vat(value: &[u8]) -> bool {
    value.len() == 6 && numeric(value)
}

/// A person or, with 40 added to the day, an organisation of Iceland.
pub(crate) fn is_is_kennitala(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let day = number(&value[..2]);
        let century = match d[9] {
            9 => 1900,
            0 => 2000,
            _ => return false,
        };
        let date = (century + number(&value[4..6]), number(&value[2..4]));
        weighted(&d, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
            && is_date(date.0, date.1, if day > 40 { day - 40 } else { day })
    })
}

/// The value added tax of Iceland; there is no check digit.
pub(crate) fn is_is_vat(value: &[u8]) -> bool {
    matches!(value.len(), 5 | 6) && numeric(value)
}

/// A person of Norway: birth date (40 more in the day or the month for other
/// registers), the individual number, two check digits.
pub(crate) fn is_no_birth(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let (mut day, mut month) = (number(&value[..2]), number(&value[2..4]));
        day -= if day > 40 { 40 } else { 0 };
        month -= match month {
            81.. => 80,
            41.. => 40,
            _ => 0,
        };
        let (year, serial) = (number(&value[4..6]), number(&value[6..9]));
        let century = match (serial, year) {
            (500..=749, 54..) => 1800,
            (0..=499, _) | (900..=999, 40..) => 1900,
            (500..=999, ..=39) => 2000,
            _ => return false,
        };
        is_date(century + year, month, day)
            && weighted(&d, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
            && weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
    })
}

/// An organisation of Norway.
pub(crate) fn is_no_organisation(value: &[u8]) -> bool {
    digits::<9>(value)
        .is_some_and(|d| weighted(&d, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// The same with the letters of value added tax.
pub(crate) fn is_no_vat(value: &[u8]) -> bool {
    is_no_organisation(value.strip_suffix(b"MVA").unwrap_or(value))
}

/// A bank account of Norway; old ones of the post have seven digits.
pub(crate) fn is_no_account(value: &[u8]) -> bool {
    if let [b'0', b'0', b'0', b'0', giro @ ..] = value
        && giro.len() == 7
    {
        return luhn(giro);
    }
    (value.len() == 7 && luhn(value))
        || digits::<11>(value)
            .is_some_and(|d| weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11))
}

/// An organisation of Sweden.
pub(crate) fn is_se_organisation(value: &[u8]) -> bool {
    value.len() == 10 && luhn(value)
}

/// Ten digits, or twelve with the century; a coordination number adds 60 to the day.
pub(crate) fn is_se_personnummer(value: &[u8]) -> bool {
    let ten = match value.len() {
        10 => value,
        12 if matches!(&value[..2], b"18" | b"19" | b"20") => &value[2..],
        _ => return false,
    };
    luhn(ten) && {
        let day = number(&ten[4..6]);
        is_day(number(&ten[2..4]), if day > 60 { day - 60 } else { day })
    }
}

/// The value added tax of Sweden: an organisation, then 01.
pub(crate) fn is_se_vat(value: &[u8]) -> bool {
    value.strip_suffix(b"01").is_some_and(is_se_organisation)
}
