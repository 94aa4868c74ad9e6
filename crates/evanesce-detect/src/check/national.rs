use super::{digits, is_day, luhn, number, weighted};

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

pub(crate) fn is_au_tfn(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        weighted(&d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && value != b"000000000"
    })
}

pub(crate) fn is_br_cpf(value: &[u8]) -> bool {
    let Some(d) = digits::<11>(value) else { return false };
    let check = |n: u32| {
        let count = n as usize - 1;
        let sum: u32 = d[..count].iter().zip((2..=n).rev()).map(|(d, w)| d * w).sum();
        sum * 10 % 11 % 10
    };
    !is_uniform(value) && check(10) == d[9] && check(11) == d[10]
}

pub(crate) fn is_ca_sin(value: &[u8]) -> bool {
    value.len() == 9 && luhn(value) && !matches!(value[0], b'0' | b'8')
}

/// AHV number: 756, then an EAN-13 check digit.
pub(crate) fn is_ch_ahv(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        value.starts_with(b"756")
            && weighted(&d, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
    })
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
    let product = d[..10].iter().fold(10, |p, d| {
        let sum = (p + d) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    d[0] != 0 && repeated == 1 && matches!(most, 2 | 3) && (11 - product) % 10 == d[10]
}

const NIF_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

pub(crate) fn is_es_nif(value: &[u8]) -> bool {
    value.len() == 9
        && digits::<8>(&value[..8]).is_some()
        && NIF_LETTERS[number(&value[..8]) as usize % 23] == value[8]
}

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

/// DDMMYY, a sign for the century, a serial, mod 31. The sign is kept in `value`.
pub(crate) fn is_fi(value: &[u8]) -> bool {
    if value.len() != 11 || !value[..6].iter().chain(&value[7..10]).all(u8::is_ascii_digit) {
        return false;
    }
    let (birth, serial) = (number(&value[..6]), number(&value[7..10]));
    let sign = value[6].to_ascii_uppercase();
    let known = matches!(sign, b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y');
    let check = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(birth * 1000 + serial) as usize % 31];
    known
        && serial >= 2
        && is_day(birth / 100 % 100, birth / 10_000)
        && check == value[10].to_ascii_uppercase()
}

/// Sex, year, month, department, commune, order, then 97 minus the rest.
pub(crate) fn is_fr_nir(value: &[u8]) -> bool {
    if value.len() != 15 {
        return false;
    }
    let mut body = [0; 13];
    body.copy_from_slice(&value[..13]);
    let corsica = match (body[5], body[6]) {
        (b'2', b'A') => 1_000_000,
        (b'2', b'B') => 2_000_000,
        _ => 0,
    };
    if corsica > 0 {
        body[6] = b'0';
    }
    if digits::<13>(&body).is_none() || digits::<2>(&value[13..]).is_none() {
        return false;
    }
    let n = body.iter().fold(0_u64, |n, b| n * 10 + u64::from(b - b'0')) - corsica;
    let month = number(&body[3..5]);
    let possible = matches!(month, 1..=12 | 20 | 30..=42 | 50..=99);
    matches!(body[0], b'1'..=b'4' | b'7' | b'8')
        && possible
        && 97 - n % 97 == u64::from(number(&value[13..]))
}

/// Twelve digits, the first 2 to 9, Verhoeff's dihedral check.
pub(crate) fn is_in_aadhaar(value: &[u8]) -> bool {
    const PERMUTE: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication of the dihedral group D5.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    digits::<12>(value).is_some_and(|d| {
        let check =
            d.iter().rev().enumerate().fold(0, |c, (i, d)| times(c, PERMUTE[i % 8][*d as usize]));
        d[0] >= 2 && check == 0 && !value.iter().eq(value.iter().rev())
    })
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

pub(crate) fn is_jp_my_number(value: &[u8]) -> bool {
    digits::<12>(value).is_some_and(|d| {
        let rest = weighted(&d[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        d[11] == if rest < 2 { 0 } else { 11 - rest }
    })
}

/// Birth date, century and sex, then a serial. Numbers given since October 2020
/// have no check digit, so that only those of older births are held to it.
pub(crate) fn is_kr_rrn(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let sum = weighted(&d[..12], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
        let checked = (11 - sum % 11) % 10 == d[12];
        let recent = matches!(d[6], 3 | 4 | 7 | 8) && number(&value[..2]) >= 20;
        matches!(d[6], 1..=8)
            && is_day(number(&value[2..4]), number(&value[4..6]))
            && (checked || recent)
    })
}

/// The "eleven test" of the citizen service number.
pub(crate) fn is_nl_bsn(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
        sum > 0 && sum % 11 == d[8]
    })
}

/// Birth date with the century in the month, serial, weights 1, 3, 7, 9.
pub(crate) fn is_pl_pesel(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let month = number(&value[2..4]) % 20;
        weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
            && is_day(month, number(&value[4..6]))
    })
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

pub(crate) fn is_sg_nric(value: &[u8]) -> bool {
    if value.len() != 9 {
        return false;
    }
    let Some(d) = digits::<7>(&value[1..8]) else { return false };
    let sum = weighted(&d, &[2, 7, 6, 5, 4, 3, 2]) as usize;
    let letter = match value[0] {
        b'S' => b"JZIHGFEDCBA"[sum % 11],
        b'T' => b"JZIHGFEDCBA"[(sum + 4) % 11],
        b'F' => b"XWUTRQPNMLK"[sum % 11],
        b'G' => b"XWUTRQPNMLK"[(sum + 4) % 11],
        b'M' => b"KLJNPQRTUWX"[10 - (sum + 3) % 11],
        _ => return false,
    };
    letter == value[8]
}

pub(crate) fn is_tr_national_id(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let odd: u32 = d[..9].iter().step_by(2).sum();
        let even: u32 = d[1..8].iter().step_by(2).sum();
        let tenth = (odd * 7 + 90 - even) % 10;
        d[0] != 0 && tenth == d[9] && d[..10].iter().sum::<u32>() % 10 == d[10]
    })
}

pub(crate) fn is_uk_nhs(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        rest % 11 == d[9] && rest != 10 && !is_uniform(value)
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

/// 9xx with a group that the Internal Revenue Service gives out.
pub(crate) fn is_us_itin(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        d[0] == 9 && matches!(number(&value[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99)
    })
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
            && !is_uniform(value)
    })
}

/// Birth date, sequence, citizenship, Luhn.
pub(crate) fn is_za_id(value: &[u8]) -> bool {
    value.len() == 13
        && luhn(value)
        && is_day(number(&value[2..4]), number(&value[4..6]))
        && matches!(value[10], b'0' | b'1')
}

fn is_uniform(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Kind, check};

    // Numbers that the issuing offices print in their own explanations, or made
    // up by the rule; each has a twin with one digit changed.
    const KNOWN: &[(Kind, &str, &str)] = &[
        (Kind::AbaRouting, "021000021", "021000022"),
        (Kind::AuTfn, "123 456 782", "123 456 783"),
        (Kind::BrCpf, "111.444.777-35", "111.444.777-36"),
        (Kind::CaSin, "130 692 544", "130 692 545"),
        (Kind::ChAhv, "756.9217.0769.85", "756.9217.0769.86"),
        (Kind::DeSocialSecurity, "15 070649 C 103", "15 070649 C 104"),
        (Kind::DeTaxId, "86 095 742 719", "86 095 742 718"),
        (Kind::EsNie, "X1234567L", "X1234567M"),
        (Kind::EsNif, "12345678Z", "12345678A"),
        (Kind::FiPersonalIdentityCode, "131052-308T", "131052-308U"),
        (Kind::FrNir, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        (Kind::InAadhaar, "2341 2341 2346", "2341 2341 2347"),
        (Kind::ItFiscalCode, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        (Kind::JpMyNumber, "1234 5678 9018", "1234 5678 9019"),
        (Kind::KrRrn, "860101-1234563", "860101-1234564"),
        (Kind::NlBsn, "111222333", "111222334"),
        (Kind::PlPesel, "44051401359", "44051401358"),
        (Kind::SePersonnummer, "811218-9876", "811218-9877"),
        (Kind::SgNric, "S1234567D", "S1234567E"),
        (Kind::TrNationalId, "10000000146", "10000000147"),
        (Kind::UkNhs, "943 476 5919", "943 476 5918"),
        (Kind::UkNino, "AB 12 34 56 C", "AB 12 34 56 E"),
        (Kind::UsItin, "912-70-1234", "912-69-1234"),
        (Kind::UsSsn, "536-22-1234", "666-22-1234"),
        (Kind::ZaId, "8001015009087", "8001015009088"),
    ];

    #[test]
    fn known_numbers_pass_and_their_twins_fail() {
        for (kind, good, bad) in KNOWN {
            assert_eq!(check(*kind, good), Some(true), "{kind} {good}");
            assert_eq!(check(*kind, bad), Some(false), "{kind} {bad}");
        }
    }

    #[test]
    fn every_checked_kind_has_a_known_number() {
        for kind in Kind::ALL {
            let known = KNOWN.iter().any(|(k, ..)| k == kind);
            let elsewhere = matches!(kind, Kind::CreditCard | Kind::Iban);
            assert_eq!(check(*kind, "0").is_some(), known || elsewhere, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in "\\PC{0,40}", compact in "[0-9A-Za-z]{0,36}") {
            for kind in Kind::ALL {
                let _ = check(*kind, &value);
                let _ = check(*kind, &compact);
            }
        }
    }
}
