//! Checksums and structure of the numbers that have them, on compact values:
//! letters in upper case, no separators.

mod card;
mod iban;
mod national;

pub(crate) use card::{is_card, luhn};
pub(crate) use iban::{iban_len, is_iban};
pub(crate) use national::*;

use crate::Kind;

/// Whether a whole value is a well-formed one of `kind`, by structure and
/// checksum, whatever the separators; `None` where the kind has no such check.
///
/// ```
/// use evanesce_detect::{Kind, check};
/// assert_eq!(check(Kind::CreditCard, "4111 1111 1111 1111"), Some(true));
/// assert_eq!(check(Kind::CreditCard, "4111 1111 1111 1112"), Some(false));
/// assert_eq!(check(Kind::Phone, "anything"), None);
/// ```
#[must_use]
pub fn check(kind: Kind, value: &str) -> Option<bool> {
    let test: fn(&[u8]) -> bool = match kind {
        Kind::AbaRouting => is_aba,
        Kind::AuTfn => is_au_tfn,
        Kind::BrCpf => is_br_cpf,
        Kind::CaSin => is_ca_sin,
        Kind::ChAhv => is_ch_ahv,
        Kind::CreditCard => is_card,
        Kind::DeSocialSecurity => is_de_social_security,
        Kind::DeTaxId => is_de_tax_id,
        Kind::EsNie => is_es_nie,
        Kind::EsNif => is_es_nif,
        Kind::FiPersonalIdentityCode => return Some(is_fi(value.trim().as_bytes())),
        Kind::FrNir => is_fr_nir,
        Kind::Iban => is_iban,
        Kind::InAadhaar => is_in_aadhaar,
        Kind::ItFiscalCode => is_it_fiscal_code,
        Kind::JpMyNumber => is_jp_my_number,
        Kind::KrRrn => is_kr_rrn,
        Kind::NlBsn => is_nl_bsn,
        Kind::PlPesel => is_pl_pesel,
        Kind::SePersonnummer => is_se_personnummer,
        Kind::SgNric => is_sg_nric,
        Kind::TrNationalId => is_tr_national_id,
        Kind::UkNhs => is_uk_nhs,
        Kind::UkNino => is_uk_nino,
        Kind::UsItin => is_us_itin,
        Kind::UsSsn => is_us_ssn,
        Kind::ZaId => is_za_id,
        _ => return None,
    };
    Some(compact(value).is_some_and(|value| test(&value)))
}

// No number that is checked here has more than 34 characters.
fn compact(value: &str) -> Option<Vec<u8>> {
    if value.len() > 128 {
        return None;
    }
    let mut out = Vec::with_capacity(value.len());
    for b in value.trim().bytes() {
        match b {
            b' ' | b'-' | b'.' | b'/' | b'+' => {}
            _ if b.is_ascii_alphanumeric() => out.push(b.to_ascii_uppercase()),
            _ => return None,
        }
    }
    Some(out)
}

/// The digits as numbers, if there are exactly `N` and nothing else.
fn digits<const N: usize>(value: &[u8]) -> Option<[u32; N]> {
    let value: &[u8; N] = value.try_into().ok()?;
    value.iter().all(u8::is_ascii_digit).then(|| value.map(|b| u32::from(b - b'0')))
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

fn number(value: &[u8]) -> u32 {
    value.iter().fold(0, |n, b| n.wrapping_mul(10).wrapping_add(u32::from(b.wrapping_sub(b'0'))))
}

fn is_day(month: u32, day: u32) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}
