//! The United Kingdom and Ireland.

use super::sum::{digits, is_date, number, numeric, shaped, uniform, weighted};

/// A number of the National Health Service.
pub(crate) fn is_uk_nhs(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        rest % 11 == d[9] && rest != 10 && !uniform(value)
    })
}

/// Two letters that HMRC assigns (or ZZ of temporary numbers), six digits, a suffix.
pub(crate) fn is_uk_nino(value: &[u8]) -> bool {
    if value.len() != 9 || digits::<6>(&value[2..8]).is_none() {
        return false;
    }
    let [a, b] = [value[0], value[1]];
    let letters = a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && !b"DFIQUV".contains(&a)
        && !b"DFIQUVO".contains(&b)
        && !matches!(&[a, b], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN");
    match value[8] {
        b'A'..=b'D' => letters && (a, b) != (b'Z', b'Z'),
        b'T' => (a, b) == (b'Z', b'Z'),
        _ => false,
    }
}

/// A driver's number of Great Britain: five places of the name, the birth date with
/// the sex in its month, initials, and places that the agency does not explain.
pub(crate) fn is_uk_driver(value: &[u8]) -> bool {
    if value.len() != 16 && value.len() != 18 {
        return false;
    }
    let name = &value[..5];
    let letters = name.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let named = letters > 0 && name[letters..].iter().all(|b| *b == b'9');
    let issue = value.len() == 16 || numeric(&value[16..]);
    if !named || !issue || !numeric(&value[5..11]) {
        return false;
    }
    let month = number(&value[6..8]);
    let month = if month > 50 { month - 50 } else { month };
    let initials = value[11..13].iter().all(|b| b.is_ascii_uppercase() || *b == b'9');
    // The year is told in two digits: any with a 29th of February will do.
    is_date(2000, month, number(&value[8..10]))
        && initials
        && value[13..16].iter().all(u8::is_ascii_alphanumeric)
}

/// A taxpayer of the United Kingdom.
pub(crate) fn is_uk_taxpayer(value: &[u8]) -> bool {
    let value = value.strip_suffix(b"K").unwrap_or(value);
    digits::<10>(value).is_some_and(|d| {
        let rest = weighted(&d[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
        u32::from(b"21987654321"[rest as usize] - b'0') == d[0]
    })
}

// The local authorities of England.
const AUTHORITIES: &[(u32, u32)] = &[
    (201, 213),
    (301, 320),
    (330, 336),
    (340, 344),
    (350, 359),
    (370, 373),
    (380, 384),
    (390, 394),
    (420, 420),
    (800, 803),
    (805, 808),
    (810, 813),
    (815, 816),
    (821, 823),
    (825, 826),
    (830, 831),
    (835, 837),
    (840, 841),
    (845, 846),
    (850, 852),
    (855, 857),
    (860, 861),
    (865, 874),
    (876, 896),
    (908, 909),
    (916, 919),
    (921, 921),
    (925, 926),
    (928, 929),
    (931, 938),
];

/// A pupil of England: a check letter, twelve places of which the first three are an
/// authority and the last may be a letter.
pub(crate) fn is_uk_pupil(value: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
    if value.len() != 13 || !numeric(&value[1..12]) {
        return false;
    }
    let Some(last) = LETTERS
        .iter()
        .chain(b"")
        .position(|l| *l == value[12])
        .or_else(|| value[12].is_ascii_digit().then(|| usize::from(value[12] - b'0')))
    else {
        return false;
    };
    let authority = number(&value[1..4]);
    if !AUTHORITIES.iter().any(|(from, to)| (*from..=*to).contains(&authority)) {
        return false;
    }
    let sum: usize = value[1..12].iter().zip(2..).map(|(b, w)| usize::from(b - b'0') * w).sum();
    LETTERS[(sum + last * 13) % 23] == value[0]
}

/// The value added tax of the United Kingdom: nine digits by two rests of 97, a branch,
/// or an office of government or of health.
pub(crate) fn is_uk_vat(value: &[u8]) -> bool {
    match value {
        [b'G' | b'H', b'D' | b'A', b'8', b'8', b'8', b'8', rest @ ..] => {
            let limits = if value[0] == b'G' { 0..500 } else { 500..1000 };
            rest.len() == 5
                && numeric(rest)
                && limits.contains(&number(&rest[..3]))
                && number(&rest[..3]) % 97 == number(&rest[3..])
        }
        [b'G', b'D', rest @ ..] => rest.len() == 3 && numeric(rest) && number(rest) < 500,
        [b'H', b'A', rest @ ..] => rest.len() == 3 && numeric(rest) && number(rest) >= 500,
        _ => {
            let branch = value.len() == 9 || (value.len() == 12 && numeric(&value[9..]));
            branch
                && digits::<9>(&value[..9]).is_some_and(|d| {
                    let rest = weighted(&d, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
                    number(value.get(..9).unwrap_or(&[])) > 0 && matches!(rest, 0 | 42)
                })
        }
    }
}

const IE_LETTERS: &[u8; 23] = b"WABCDEFGHIJKLMNOPQRSTUV";

// Seven digits and the check letter; a second letter counts nine times, but not the
// old W, T and X.
fn is_ie(digits: &[u8], check: u8, second: u8) -> bool {
    let more = match second {
        b'A'..=b'I' => u32::from(second - b'A') + 1,
        _ => 0,
    };
    numeric(digits) && digits.len() == 7 && {
        let sum: u32 = digits.iter().zip((2..=8).rev()).map(|(b, w)| u32::from(b - b'0') * w).sum();
        IE_LETTERS[((sum + 9 * more) % 23) as usize] == check
    }
}

/// A personal public service number of Ireland.
pub(crate) fn is_ie_pps(value: &[u8]) -> bool {
    match value.len() {
        8 => is_ie(&value[..7], value[7], b' '),
        9 => b"ABHTWX".contains(&value[8]) && is_ie(&value[..7], value[7], value[8]),
        _ => false,
    }
}

/// The value added tax of Ireland: as above, or the old form with a letter or a sign
/// in the second place.
pub(crate) fn is_ie_vat(value: &[u8]) -> bool {
    if shaped(value, b"dldddddl") {
        let old = [b"0", &value[2..7], &value[..1]].concat();
        return is_ie(&old, value[7], b' ');
    }
    match value.len() {
        8 => is_ie(&value[..7], value[7], b' '),
        9 => value[8].is_ascii_uppercase() && is_ie(&value[..7], value[7], value[8]),
        _ => false,
    }
}
