//! China, Japan, Korea, Singapore, Taiwan, Thailand and others of East Asia.

use super::sum::{digits, is_date, number, numeric, shaped, weighted, worth};

/// A resident of China: region, birth date, serial, ISO/IEC 7064 MOD 11-2.
pub(crate) fn is_cn_resident(value: &[u8]) -> bool {
    if value.len() != 18 || !numeric(&value[..17]) {
        return false;
    }
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = value[..17].iter().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
    // Provinces by GB/T 2260.
    let province = matches!(
        number(&value[..2]),
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91
    );
    province
        && is_date(number(&value[6..10]), number(&value[10..12]), number(&value[12..14]))
        && b"10X98765432"[(sum % 11) as usize] == value[17]
}

/// An organisation of China: eighteen places of an alphabet of 31, weights that are
/// powers of three (GB 32100).
pub(crate) fn is_cn_business(value: &[u8]) -> bool {
    const PLACES: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    if value.len() != 18 || !numeric(&value[2..8]) {
        return false;
    }
    let place = |b: &u8| PLACES.iter().position(|p| p == b);
    let sum = value[..17]
        .iter()
        .try_fold((0, 1), |(sum, w), b| Some(((sum + place(b)? * w) % 31, w * 3 % 31)));
    sum.is_some_and(|(sum, _)| PLACES[(31 - sum) % 31] == value[17])
}

/// An individual number of Japan.
pub(crate) fn is_jp_my_number(value: &[u8]) -> bool {
    digits::<12>(value).is_some_and(|d| {
        let rest = weighted(&d[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        d[11] == if rest < 2 { 0 } else { 11 - rest }
    })
}

/// A corporation of Japan; the check digit is the first.
pub(crate) fn is_jp_corporate(value: &[u8]) -> bool {
    digits::<13>(value)
        .is_some_and(|d| 9 - weighted(&d[1..], &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]) % 9 == d[0])
}

/// A business of Korea.
pub(crate) fn is_kr_business(value: &[u8]) -> bool {
    digits::<10>(value).is_some_and(|d| {
        let sum = weighted(&d, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + d[8] * 5 / 10;
        number(&value[..3]) > 100
            && number(&value[3..5]) > 0
            && number(&value[5..9]) > 0
            && (10 - sum % 10) % 10 == d[9]
    })
}

/// A foreigner registered in Korea: as a resident, with 5 to 8 for sex and century.
pub(crate) fn is_kr_foreigner(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let sum = weighted(&d[..12], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
        let checked = (13 - sum % 11) % 10 == d[12];
        let recent = matches!(d[6], 7 | 8) && (20..60).contains(&number(&value[..2]));
        matches!(d[6], 5..=8) && is_kr_birth(value, &d) && (checked || recent)
    })
}

/// Birth date, century and sex, then a serial. Numbers given since October 2020
/// have no check digit, so that only those of older births are held to it.
pub(crate) fn is_kr_rrn(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let sum = weighted(&d[..12], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
        let checked = (11 - sum % 11) % 10 == d[12];
        let recent = matches!(d[6], 3 | 4 | 7 | 8) && (20..60).contains(&number(&value[..2]));
        is_kr_birth(value, &d) && (checked || recent)
    })
}

/// The birth date and sex of a resident of Korea, whatever the check digit.
pub(crate) fn is_kr_resident_date(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| matches!(d[6], 1..=4) && is_kr_birth(value, &d))
}

// The seventh digit says sex, century and whether a foreigner.
fn is_kr_birth(value: &[u8], d: &[u32; 13]) -> bool {
    let century = match d[6] {
        9 | 0 => 1800,
        1 | 2 | 5 | 6 => 1900,
        _ => 2000,
    };
    is_date(century + number(&value[..2]), number(&value[2..4]), number(&value[4..6]))
}

/// A person of Malaysia: birth date, place, serial; there is no check digit.
pub(crate) fn is_my_personal(value: &[u8]) -> bool {
    let born = |century: u32| {
        is_date(century + number(&value[..2]), number(&value[2..4]), number(&value[4..6]))
    };
    value.len() == 12
        && numeric(value)
        && (born(1900) || born(2000))
        && !matches!(number(&value[6..8]), 0 | 17..=20 | 69..=70 | 73 | 80 | 81 | 94..=97)
}

/// A taxpayer of the Philippines: eight digits, a check digit, perhaps a branch.
pub(crate) fn is_ph_tax(value: &[u8]) -> bool {
    matches!(value.len(), 9 | 12 | 14)
        && numeric(value)
        && digits::<9>(&value[..9]).is_some_and(|d| {
            number(&value[..9]) > 0 && weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == d[8]
        })
}

/// An identity number of Singapore.
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

/// An entity of Singapore: a business, a local company with its year, or another with
/// its sort.
pub(crate) fn is_sg_entity(value: &[u8]) -> bool {
    match value.len() {
        9 if numeric(&value[..8]) => digits::<8>(&value[..8]).is_some_and(|d| {
            b"XMKECAWLJDB"[(weighted(&d, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11) as usize] == value[8]
        }),
        10 if numeric(&value[..9]) => digits::<9>(&value[..9]).is_some_and(|d| {
            let sum = weighted(&d, &[10, 8, 6, 4, 9, 7, 5, 3, 1]);
            (1800..=2100).contains(&number(&value[..4]))
                && b"ZKCMDNERGWH"[(sum % 11) as usize] == value[9]
        }),
        10 => is_sg_other(value),
        _ => false,
    }
}

fn is_sg_other(value: &[u8]) -> bool {
    const PLACES: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";
    const SORTS: &[u8] = b"CC CD CH CL CM CP CS CX DP FB FC FM FN GA GB GS HS LL LP MB MC MD MH \
        MM MQ NB NR PA PB PF RF RP SM SS TC TU VH XL ";
    let lead = b"RST".contains(&value[0]) && numeric(&value[1..3]) && numeric(&value[5..9]);
    let sort = SORTS.chunks(3).any(|s| s[..2] == value[3..5]);
    let place = |b: &u8| PLACES.iter().position(|p| p == b);
    let weights = [4, 3, 5, 3, 10, 2, 2, 5, 7];
    let sum = value[..9].iter().zip(weights).try_fold(0, |sum, (b, w)| Some(sum + place(b)? * w));
    lead && sort && sum.is_some_and(|sum| PLACES[(sum + 11 * 11 - 5) % 11] == value[9])
}

/// A person of Thailand.
pub(crate) fn is_th_personal(value: &[u8]) -> bool {
    digits::<13>(value).is_some_and(|d| {
        let sum = weighted(&d, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
        let province = number(&value[1..3]);
        let known =
            !matches!(province, 0..=9 | 28 | 29 | 59 | 68 | 69 | 78 | 79 | 87..=89 | 97..=99);
        matches!(d[0], 1..=8) && known && (11 - sum % 11) % 10 == d[12]
    })
}

/// A person of Taiwan: a letter of the place, the sex, a serial, a check digit.
pub(crate) fn is_tw_personal(value: &[u8]) -> bool {
    // The letters in the order of the numbers that they stand for, from 10 on.
    const PLACES: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    if !shaped(value, b"lddddddddd") || !matches!(value[1], b'1' | b'2' | b'8' | b'9') {
        return false;
    }
    let place = PLACES.iter().position(|p| *p == value[0]).map_or(0, |n| n as u32 + 10);
    let rest = value[1..9].iter().zip((1..=8).rev()).map(|(b, w)| u32::from(b - b'0') * w);
    let sum = place / 10 + place % 10 * 9 + rest.sum::<u32>() + u32::from(value[9] - b'0');
    sum.is_multiple_of(10)
}

/// A business of Taiwan, whose sum is of cross sums that five divides.
pub(crate) fn is_tw_business(value: &[u8]) -> bool {
    digits::<8>(value).is_some_and(|d| {
        let cross = |n: u32| n / 10 + n % 10;
        let sum: u32 = d.iter().zip([1, 2, 1, 2, 1, 2, 4, 1]).map(|(d, w)| cross(d * w)).sum();
        sum.is_multiple_of(5) || (d[6] == 7 && (sum + 1).is_multiple_of(5))
    })
}

/// A taxpayer of Vietnam: ten digits, or thirteen with the branch.
pub(crate) fn is_vn_tax(value: &[u8]) -> bool {
    let branch = value.len() == 10 || (value.len() == 13 && number(&value[10..]) > 0);
    numeric(value)
        && branch
        && number(&value[2..9]) > 0
        && digits::<10>(&value[..10])
            .is_some_and(|d| 10 - weighted(&d, &[31, 29, 23, 19, 17, 13, 7, 5, 3]) % 11 == d[9])
}

/// Whether a letter or digit has a worth, for those that sum in base 36.
pub(crate) fn luhn_36(value: &[u8]) -> bool {
    let sum = value.iter().rev().enumerate().try_fold(0, |sum, (i, b)| {
        let n = worth(*b)? * (1 + i as u32 % 2);
        Some(sum + n / 36 + n % 36)
    });
    sum.is_some_and(|sum| sum.is_multiple_of(36))
}
