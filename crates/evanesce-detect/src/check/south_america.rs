//! Argentina, Brazil, Chile, and others of South and Central America.

use super::sum::{digits, luhn, number, numeric, uniform, weighted};

/// A taxpayer of Argentina, person or business.
pub(crate) fn is_ar_tax(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        let known = matches!(number(&value[..2]), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55);
        // A rest of one is written as nine, none as nought.
        known && b"012345678990"[rest as usize] == value[10]
    })
}

/// A bank account of Argentina: two parts with a check digit each.
pub(crate) fn is_ar_account(value: &[u8]) -> bool {
    digits::<22>(value).is_some_and(|d| {
        let check = |part: &[u32], last: u32| {
            let weights = [3, 1, 7, 9].into_iter().cycle();
            let sum: u32 = part.iter().rev().zip(weights).map(|(d, w)| d * w).sum();
            (10 - sum % 10) % 10 == last
        };
        check(&d[..7], d[7]) && check(&d[8..21], d[21])
    })
}

/// An identity number of Argentina; there is no check digit.
pub(crate) fn is_ar_dni(value: &[u8]) -> bool {
    matches!(value.len(), 7 | 8) && numeric(value)
}

/// A taxpayer of Brazil.
pub(crate) fn is_br_cpf(value: &[u8]) -> bool {
    let Some(d) = digits::<11>(value) else { return false };
    let check = |n: u32| {
        let count = n as usize - 1;
        let sum: u32 = d[..count].iter().zip((2..=n).rev()).map(|(d, w)| d * w).sum();
        sum * 10 % 11 % 10
    };
    !uniform(value) && check(10) == d[9] && check(11) == d[10]
}

/// A business of Brazil; since 2026 its first twelve places may be letters.
pub(crate) fn is_br_cnpj(value: &[u8]) -> bool {
    let fits = value.len() == 14
        && value[..12].iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && numeric(&value[12..]);
    if !fits || uniform(value) {
        return false;
    }
    let check = |n: usize| {
        let weights = [2, 3, 4, 5, 6, 7, 8, 9].into_iter().cycle();
        let sum: u32 =
            value[..n].iter().rev().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
        let rest = sum % 11;
        u32::from(value[n] - b'0') == if rest < 2 { 0 } else { 11 - rest }
    };
    check(12) && check(13)
}

// Weights 2 to 7 from the right, a rest of ten as K.
fn by_seven(body: &[u8]) -> u32 {
    let weights = [2, 3, 4, 5, 6, 7].into_iter().cycle();
    body.iter().rev().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum::<u32>() % 11
}

/// A taxpayer of Chile.
pub(crate) fn is_cl_rut(value: &[u8]) -> bool {
    matches!(value.len(), 8 | 9) && {
        let (body, check) = value.split_at(value.len() - 1);
        numeric(body) && b"0K987654321"[by_seven(body) as usize] == check[0]
    }
}

/// A taxpayer of Colombia.
pub(crate) fn is_co_tax(value: &[u8]) -> bool {
    numeric(value) && (8..=16).contains(&value.len()) && {
        let (body, check) = value.split_at(value.len() - 1);
        let weights = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71];
        let sum: u32 = body.iter().rev().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
        b"01987654321"[(sum % 11) as usize] == check[0]
    }
}

/// An identity card of the Dominican Republic.
pub(crate) fn is_do_card(value: &[u8]) -> bool {
    value.len() == 11 && luhn(value)
}

/// A taxpayer of the Dominican Republic.
pub(crate) fn is_do_tax(value: &[u8]) -> bool {
    digits::<9>(value).is_some_and(|d| {
        let sum = weighted(&d, &[7, 9, 8, 6, 5, 4, 3, 2]) % 11;
        (10 - sum) % 9 + 1 == d[8]
    })
}

/// A person of Ecuador: province, number, Luhn.
pub(crate) fn is_ec_personal(value: &[u8]) -> bool {
    value.len() == 10
        && luhn(value)
        && matches!(number(&value[..2]), 1..=24 | 30 | 50)
        && value[2] <= b'6'
}

/// A taxpayer of Guatemala.
pub(crate) fn is_gt_tax(value: &[u8]) -> bool {
    (2..=12).contains(&value.len()) && {
        let (body, check) = value.split_at(value.len() - 1);
        numeric(body) && {
            let sum: u32 = body.iter().rev().zip(2..).map(|(b, w)| u32::from(b - b'0') * w).sum();
            let rest = (11 - sum % 11) % 11;
            check[0] == if rest == 10 { b'K' } else { b'0' + rest as u8 }
        }
    }
}

/// An identity number of Peru, with its check or without.
pub(crate) fn is_pe_identity(value: &[u8]) -> bool {
    if value.len() == 8 {
        return numeric(value);
    }
    value.len() == 9 && numeric(&value[..8]) && {
        let sum: u32 = value[..8]
            .iter()
            .zip([3, 2, 7, 6, 5, 4, 3, 2])
            .map(|(b, w)| u32::from(b - b'0') * w)
            .sum();
        let rest = (sum % 11) as usize;
        b"65432110987"[rest] == value[8] || b"KJIHGFEDCBA".get(rest).is_some_and(|l| *l == value[8])
    }
}

/// A taxpayer of Peru.
pub(crate) fn is_pe_tax(value: &[u8]) -> bool {
    digits::<11>(value).is_some_and(|d| {
        let rest = 11 - weighted(&d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        matches!(number(&value[..2]), 10 | 15 | 16 | 17 | 20) && rest % 10 == d[10]
    })
}

/// A taxpayer of Paraguay.
pub(crate) fn is_py_tax(value: &[u8]) -> bool {
    (5..=9).contains(&value.len()) && numeric(value) && {
        let (body, check) = value.split_at(value.len() - 1);
        let sum: u32 = body.iter().rev().zip(2..).map(|(b, w)| u32::from(b - b'0') * w).sum();
        (11 - sum % 11) % 11 % 10 == u32::from(check[0] - b'0')
    }
}

/// A taxpayer of El Salvador.
pub(crate) fn is_sv_tax(value: &[u8]) -> bool {
    let Some(d) = digits::<14>(value) else { return false };
    let check = if &value[10..13] <= b"100".as_slice() {
        let sum = weighted(&d, &[14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        sum % 10
    } else {
        let sum = weighted(&d, &[2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        (11 - sum % 11) % 11 % 10
    };
    matches!(d[0], 0 | 1 | 9) && check == d[13]
}

/// A taxpayer of Uruguay.
pub(crate) fn is_uy_tax(value: &[u8]) -> bool {
    digits::<12>(value).is_some_and(|d| {
        let rest = (11 - weighted(&d, &[4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        (1..=22).contains(&number(&value[..2]))
            && number(&value[2..8]) > 0
            && number(&value[8..11]) == 1
            && rest == d[11]
    })
}

/// A taxpayer of Venezuela: a letter of its sort, eight digits, check.
pub(crate) fn is_ve_tax(value: &[u8]) -> bool {
    if value.len() != 10 || !numeric(&value[1..]) {
        return false;
    }
    let sort = match value[0] {
        b'V' => 4,
        b'E' => 8,
        b'J' => 12,
        b'P' => 16,
        b'G' => 20,
        _ => return false,
    };
    let sum: u32 = value[1..9]
        .iter()
        .zip([3, 2, 7, 6, 5, 4, 3, 2])
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    b"00987654321"[((sort + sum) % 11) as usize] == value[9]
}
