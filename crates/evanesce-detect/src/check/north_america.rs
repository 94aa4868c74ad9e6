//! The United States, Canada and Mexico.

use super::sum::{digits, is_date, luhn, number, numeric, shaped, uniform, weighted};

/// The routing number of a bank: weights 3, 7, 1, and a prefix that the Federal
/// Reserve assigned.
pub(crate) fn is_aba(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        let prefix = d[0] * 10 + d[1];
        matches!(prefix, 0..=12 | 21..=32 | 61..=72 | 80)
            && weighted(&d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
            && value != b"000000000"
    })
}

/// A social insurance number of Canada.
pub(crate) fn is_ca_sin(value: &[u8]) -> bool {
    value.len() == 9 && luhn(value) && !matches!(value[0], b'0' | b'8')
}

/// A business of Canada, with its programme account or without.
pub(crate) fn is_ca_business(value: &[u8]) -> bool {
    let account = |v: &[u8]| {
        let program: [&[u8]; 4] = [b"RC", b"RM", b"RP", b"RT"];
        v.is_empty() || (v.len() == 6 && program.contains(&&v[..2]) && numeric(&v[2..]))
    };
    value.len() >= 9 && luhn(&value[..9]) && account(&value[9..])
}

/// A health number of British Columbia.
pub(crate) fn is_ca_health_bc(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let sum: u32 = d[1..9].iter().zip([2, 4, 8, 5, 10, 9, 7, 3]).map(|(d, w)| d * w % 11).sum();
        d[0] == 9 && (11 - sum % 11) % 11 == d[9]
    })
}

/// A population registry key of Mexico: letters of the name, birth date, sex, state,
/// consonants, a place that tells namesakes apart, check digit.
pub(crate) fn is_mx_curp(value: &[u8]) -> bool {
    const STATES: &[u8] = b"AS BC BS CC CL CM CS CH DF DG GT GR HG JC MC MN MS NT NL OC PL QT QR \
        SP SL SR TC TS TL VZ YN ZS NE ";
    if !shaped(value, b"llllddddddllllllxd") || !b"HMX".contains(&value[10]) {
        return false;
    }
    let state = STATES.chunks(3).any(|s| s[..2] == value[11..13]);
    let century = if value[16].is_ascii_digit() { 1900 } else { 2000 };
    let date = is_date(century + number(&value[4..6]), number(&value[6..8]), number(&value[8..10]));
    state && date && curp_sum(value)
}

// The alphabet has an Ñ after N.
fn curp_sum(value: &[u8]) -> bool {
    let worth = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'N' => u32::from(b - b'A') + 10,
        _ => u32::from(b - b'A') + 11,
    };
    let sum: u32 = value[..17].iter().zip((2..=18).rev()).map(|(b, w)| worth(*b) * w).sum();
    (10 - sum % 10) % 10 == u32::from(value[17] - b'0')
}

/// A taxpayer of Mexico: three letters of a business or four of a person, a date, and
/// three places of which the last checks; persons may lack them.
pub(crate) fn is_mx_tax(value: &[u8]) -> bool {
    let name = match value.len() {
        10 | 13 => 4,
        12 => 3,
        _ => return false,
    };
    let letters = value[..name].iter().all(|b| b.is_ascii_uppercase() || *b == b'&');
    let date = &value[name..name + 6];
    if !letters || !numeric(date) {
        return false;
    }
    let year = number(&date[..2]);
    // The century is not told.
    let fits = |century| is_date(century + year, number(&date[2..4]), number(&date[4..6]));
    let ends = value[name + 6..].iter().all(u8::is_ascii_alphanumeric);
    (fits(1900) || fits(2000)) && ends
}

/// Whether the last place is the check of what stands before it. The tax office gave
/// out numbers that fail it, so that it is no part of what a number is.
pub(crate) fn is_mx_tax_checked(value: &[u8]) -> bool {
    let worth = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'N' => u32::from(b - b'A') + 10,
        b'&' => 24,
        _ => u32::from(b.wrapping_sub(b'A')) + 11,
    };
    if !is_mx_tax(value) || value.len() < 12 {
        return false;
    }
    // A business counts as if a blank stood before it, which is worth 37.
    let (body, lead) = (&value[..value.len() - 1], if value.len() == 12 { 37 * 13 } else { 0 });
    let weights = (2..=1 + body.len() as u32).rev();
    let sum: u32 = lead + body.iter().zip(weights).map(|(b, w)| worth(*b) * w).sum::<u32>();
    b"0123456789A0"[(11 - sum % 11) as usize] == value[value.len() - 1]
}

/// The number under which physicians of the United States prescribe: two letters and
/// seven digits.
pub(crate) fn is_us_dea(value: &[u8]) -> bool {
    value.len() == 9
        && b"ABCDEFGHJKLMPRSTUX".contains(&value[0])
        && (value[1].is_ascii_uppercase() || value[1] == b'9')
        && digits::<7>(&value[2..])
            .is_some_and(|d| (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6])
}

/// An employer of the United States: a prefix of a campus of the tax office.
pub(crate) fn is_us_employer(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|_| {
        !matches!(
            number(&value[..2]),
            0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97
        )
    })
}

/// 9xx with a group that the Internal Revenue Service gives out.
pub(crate) fn is_us_itin(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        d[0] == 9 && matches!(number(&value[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99)
    })
}

/// A number for a child that is being adopted: 9xx-93-xxxx.
pub(crate) fn is_us_atin(value: &[u8]) -> bool {
    shaped(value, b"9dd93dddd")
}

/// A preparer of tax returns.
pub(crate) fn is_us_preparer(value: &[u8]) -> bool {
    shaped(value, b"Pdddddddd")
}

/// A beneficiary of Medicare: eleven places, of which some are letters without S, L, O,
/// I, B and Z; there is no check digit.
pub(crate) fn is_us_medicare(value: &[u8]) -> bool {
    let letter = |b: u8| b"ACDEFGHJKMNPQRTUVWXY".contains(&b);
    value.len() == 11
        && value.iter().zip(b"cladlxdlldd").enumerate().all(|(i, (b, sort))| match (i, sort) {
            (0, _) => (b'1'..=b'9').contains(b),
            (1 | 4 | 7 | 8, _) => letter(*b),
            (2 | 5, _) => letter(*b) || b.is_ascii_digit(),
            _ => b.is_ascii_digit(),
        })
}

/// A provider of health care in the United States: Luhn with 80840 before it.
pub(crate) fn is_us_provider(value: &[u8]) -> bool {
    value.len() == 10
        && numeric(value)
        && matches!(value[0], b'1' | b'2')
        && luhn(&[b"80840", value].concat())
}

/// No check digit; area, group and serial that the Social Security
/// Administration never assigns, and numbers known from advertisements, are out.
pub(crate) fn is_us_ssn(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|_| {
        let area = number(&value[..3]);
        let known = matches!(value, b"078051120" | b"219099999");
        !matches!(area, 0 | 666 | 900..=999)
            && number(&value[3..5]) != 0
            && number(&value[5..]) != 0
            && !known
            && !uniform(value)
    })
}
