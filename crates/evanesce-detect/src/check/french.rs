//! France and Monaco.

use super::sum::{digits, large, luhn, number, numeric};

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
    let n = large(&body) - corsica;
    let month = number(&body[3..5]);
    let possible = matches!(month, 1..=12 | 20 | 30..=42 | 50..=99);
    matches!(body[0], b'1'..=b'4' | b'7' | b'8')
        && possible
        && 97 - n % 97 == u64::from(number(&value[13..]))
}

/// A taxpayer of France: the rest of the first ten digits by 511.
pub(crate) fn is_fr_tax(value: &[u8]) -> bool {
    value.len() == 13
        && numeric(value)
        && matches!(value[0], b'0'..=b'3')
        && large(&value[..10]) % 511 == u64::from(number(&value[10..]))
}

/// A business of France.
pub(crate) fn is_fr_siren(value: &[u8]) -> bool {
    value.len() == 9 && luhn(value)
}

/// A place of business. Those of the post office have a sum of their own.
pub(crate) fn is_fr_siret(value: &[u8]) -> bool {
    if value.len() != 14 || !numeric(value) || !is_fr_siren(&value[..9]) {
        return false;
    }
    let sum: u32 = value.iter().map(|b| u32::from(b - b'0')).sum();
    luhn(value) || (value.starts_with(b"356000000") && sum.is_multiple_of(5))
}

/// The value added tax of France: two places of check, then a business; Monaco's begin
/// with three zeros.
pub(crate) fn is_fr_vat(value: &[u8]) -> bool {
    const PLACES: &[u8; 34] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    if value.len() != 11 || !numeric(&value[2..]) {
        return false;
    }
    let siren = &value[2..];
    if !siren.starts_with(b"000") && !is_fr_siren(siren) {
        return false;
    }
    let n = large(siren);
    if numeric(&value[..2]) {
        return (n * 100 + 12) % 97 == u64::from(number(&value[..2]));
    }
    let place = |b: u8| PLACES.iter().position(|p| *p == b).map(|n| n as u64);
    let (Some(a), Some(b)) = (place(value[0]), place(value[1])) else { return false };
    let Some(check) =
        (if a < 10 { a * 24 + b } else { a * 34 + b }).checked_sub(if a < 10 { 10 } else { 100 })
    else {
        return false;
    };
    (n + 1 + check / 11) % 11 == check % 11
}
