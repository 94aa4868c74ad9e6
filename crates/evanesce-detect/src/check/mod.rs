//! Checksums and structure of the numbers that have them, on compact values:
//! letters in upper case, no separators. One file for each part of the world. The sums are
//! those that the issuing offices publish; lists of offices and prefixes (Austria, Italy, England,
//! Romania, employers of the United States) and one sum of Czechia were read off the answers of
//! python-stdnum.

mod asia;
mod balkan;
mod baltic;
mod benelux;
mod british;
mod card;
mod central;
mod french;
mod german;
mod iban;
mod net;
mod nordic;
mod north_america;
mod others;
mod phone;
mod south_america;
mod southern;
mod sum;

pub(crate) use asia::*;
pub(crate) use balkan::*;
pub(crate) use baltic::*;
pub(crate) use benelux::*;
pub(crate) use british::*;
pub(crate) use card::is_card;
pub(crate) use central::*;
pub(crate) use french::*;
pub(crate) use german::*;
pub(crate) use iban::{iban_len, is_iban};
pub(crate) use net::*;
pub(crate) use nordic::*;
pub(crate) use north_america::*;
pub(crate) use others::*;
pub(crate) use phone::{Plan, is_international};
pub(crate) use south_america::*;
pub(crate) use southern::*;

use crate::Kind;

/// Whether a whole value is a well-formed one of `kind`, by structure and
/// checksum, whatever the separators and with the letters of its country or without;
/// `None` where the kind has no such check.
///
/// ```
/// use evanesce_detect::{Kind, check};
/// assert_eq!(check(Kind::CreditCard, "4111 1111 1111 1111"), Some(true));
/// assert_eq!(check(Kind::CreditCard, "4111 1111 1111 1112"), Some(false));
/// assert_eq!(check(Kind::AtVat, "ATU13585627"), Some(true));
/// assert_eq!(check(Kind::DateOfBirth, "anything"), None);
/// ```
#[must_use]
pub fn check(kind: Kind, value: &str) -> Option<bool> {
    match kind {
        Kind::Crypto => return Some(is_bitcoin(value.trim())),
        Kind::Email => return Some(is_mailbox(value)),
        Kind::EuVat => return Some(is_vat(value)),
        Kind::FiPersonalIdentityCode => return Some(is_fi(value.trim().as_bytes())),
        Kind::Ip => return Some(is_ip(value)),
        Kind::Mac => return Some(is_mac(value)),
        Kind::Phone => return Some(is_international(value)),
        _ => {}
    }
    let (prefixes, test) = scheme(kind)?;
    if !is_grouped(value.trim(), groups(kind)) {
        return Some(false);
    }
    Some(compact(value).is_some_and(|value| {
        test(&value) || prefixes.iter().any(|p| value.strip_prefix(p.as_bytes()).is_some_and(test))
    }))
}

type Test = fn(&[u8]) -> bool;

/// The test of a kind, and the letters that its numbers may begin with.
pub(crate) fn scheme(kind: Kind) -> Option<(&'static [&'static str], Test)> {
    let (prefixes, test): (&'static [&'static str], Test) = match kind {
        Kind::AbaRouting => (&[], is_aba),
        Kind::ArAccount => (&[], is_ar_account),
        Kind::ArDni => (&[], is_ar_dni),
        Kind::ArTax => (&[], is_ar_tax),
        Kind::AtInsurance => (&[], is_at_insurance),
        Kind::AtTax => (&[], is_at_tax),
        Kind::AtVat => (&["AT"], is_at_vat),
        Kind::AuBusiness => (&[], is_au_business),
        Kind::AuCompany => (&[], is_au_company),
        Kind::AuMedicare => (&[], is_au_medicare),
        Kind::AuTfn => (&[], is_au_tfn),
        Kind::BeCard => (&[], is_be_card),
        Kind::BePersonal => (&[], is_be_personal),
        Kind::BeVat => (&["BE"], is_be_vat),
        Kind::BgForeigner => (&[], is_bg_foreigner),
        Kind::BgPersonal => (&[], is_bg_personal),
        Kind::BgVat => (&["BG"], is_bg_vat),
        Kind::BrCnpj => (&[], is_br_cnpj),
        Kind::BrCpf => (&[], is_br_cpf),
        Kind::CaBusiness => (&[], is_ca_business),
        Kind::CaHealthBc => (&[], is_ca_health_bc),
        Kind::CaSin => (&[], is_ca_sin),
        Kind::ChAhv => (&[], is_ch_ahv),
        Kind::ChBusiness => (&["CHE"], is_ch_business),
        Kind::ChVat => (&[], is_ch_vat),
        Kind::ClRut => (&["CL"], is_cl_rut),
        Kind::CnBusiness => (&[], is_cn_business),
        Kind::CnResident => (&[], is_cn_resident),
        Kind::CoTax => (&[], is_co_tax),
        Kind::CreditCard => (&[], is_card),
        Kind::CyVat => (&["CY"], is_cy_vat),
        Kind::CzBirth => (&[], is_cz_birth),
        Kind::CzBusiness => (&[], is_cz_business),
        Kind::CzVat => (&["CZ"], is_cz_vat),
        Kind::DeDocument => (&[], is_de_document),
        Kind::DeHealth => (&[], is_de_health),
        Kind::DePhysician => (&[], is_de_physician),
        Kind::DeSocialSecurity => (&[], is_de_social_security),
        Kind::DeTaxId => (&[], is_de_tax_id),
        Kind::DeVat => (&["DE"], is_de_vat),
        Kind::DkBusiness => (&["DK"], is_dk_cvr),
        Kind::DkCpr => (&[], is_dk_cpr),
        Kind::DoCard => (&[], is_do_card),
        Kind::DoTax => (&[], is_do_tax),
        Kind::EcPersonal => (&[], is_ec_personal),
        Kind::EeBusiness => (&[], is_ee_business),
        Kind::EePersonal => (&[], is_ee_personal),
        Kind::EeVat => (&["EE"], is_ee_vat),
        Kind::EsCif => (&[], is_es_cif),
        Kind::EsNie => (&[], is_es_nie),
        Kind::EsNif => (&[], is_es_nif),
        Kind::EsSocial => (&[], is_es_social),
        Kind::EsTax => (&["ES"], is_es_tax),
        Kind::FiBusiness => (&["FI"], is_fi_business),
        Kind::FiTax => (&[], is_fi_tax),
        Kind::FoVat => (&["FO"], is_fo_vat),
        Kind::FrNir => (&[], is_fr_nir),
        Kind::FrSiren => (&[], is_fr_siren),
        Kind::FrSiret => (&[], is_fr_siret),
        Kind::FrTax => (&[], is_fr_tax),
        Kind::FrVat => (&["FR"], is_fr_vat),
        Kind::GrAmka => (&[], is_gr_amka),
        Kind::GrVat => (&["EL", "GR"], is_gr_vat),
        Kind::GtTax => (&[], is_gt_tax),
        Kind::HrOib => (&["HR"], is_hr_oib),
        Kind::HuTax => (&[], is_hu_tax),
        Kind::HuVat => (&["HU"], is_hu_vat),
        Kind::Iban => (&[], is_iban),
        Kind::IePps => (&[], is_ie_pps),
        Kind::IeVat => (&["IE"], is_ie_vat),
        Kind::IlCompany => (&[], is_il_company),
        Kind::IlPersonal => (&[], is_il_personal),
        Kind::Imei => (&[], is_imei),
        Kind::InAadhaar => (&[], is_in_aadhaar),
        Kind::InGst => (&[], is_in_gst),
        Kind::InPan => (&[], is_in_pan),
        Kind::InVirtual => (&[], is_in_virtual),
        Kind::InVoter => (&[], is_in_voter),
        Kind::IsKennitala => (&[], is_is_kennitala),
        Kind::IsVat => (&["IS"], is_is_vat),
        Kind::ItFiscalCode => (&[], is_it_tax),
        Kind::ItVat => (&["IT"], is_it_vat),
        Kind::JpCorporate => (&[], is_jp_corporate),
        Kind::JpMyNumber => (&[], is_jp_my_number),
        Kind::KrBusiness => (&[], is_kr_business),
        Kind::KrForeigner => (&[], is_kr_foreigner),
        Kind::KrRrn => (&[], is_kr_rrn),
        Kind::LiPersonal => (&[], is_li_personal),
        Kind::LtPersonal => (&[], is_lt_personal),
        Kind::LtVat => (&["LT"], is_lt_vat),
        Kind::LuPersonal => (&[], is_lu_personal),
        Kind::LuVat => (&["LU"], is_lu_vat),
        Kind::LvPersonal => (&[], is_lv_personal),
        Kind::LvVat => (&["LV"], is_lv_vat),
        Kind::MeTax => (&[], is_me_tax),
        Kind::MkTax => (&["MK"], is_mk_tax),
        Kind::MtVat => (&["MT"], is_mt_vat),
        Kind::MxCurp => (&[], is_mx_curp),
        Kind::MxTax => (&[], is_mx_tax),
        Kind::MyPersonal => (&[], is_my_personal),
        Kind::NgPersonal => (&[], is_ng_personal),
        Kind::NlBsn => (&[], is_nl_bsn),
        Kind::NlDocument => (&[], is_nl_document),
        Kind::NlEducation => (&[], is_nl_education),
        Kind::NlVat => (&["NL"], is_nl_vat),
        Kind::NoAccount => (&[], is_no_account),
        Kind::NoBirth => (&[], is_no_birth),
        Kind::NoOrganisation => (&[], is_no_organisation),
        Kind::NoVat => (&["NO"], is_no_vat),
        Kind::NzTax => (&["NZ"], is_nz_tax),
        Kind::PeIdentity => (&[], is_pe_identity),
        Kind::PeTax => (&[], is_pe_tax),
        Kind::PhTax => (&[], is_ph_tax),
        Kind::PkPersonal => (&[], is_pk_personal),
        Kind::PlBusiness => (&[], is_pl_business),
        Kind::PlCard => (&[], is_pl_card),
        Kind::PlPesel => (&[], is_pl_pesel),
        Kind::PlTax => (&["PL"], is_pl_tax),
        Kind::PtCard => (&[], is_pt_card),
        Kind::PtTax => (&["PT"], is_pt_tax),
        Kind::PyTax => (&[], is_py_tax),
        Kind::RoPersonal => (&[], is_ro_personal),
        Kind::RoVat => (&["RO"], is_ro_vat),
        Kind::RsTax => (&["RS"], is_rs_tax),
        Kind::RuTax => (&[], is_ru_tax),
        Kind::SeOrganisation => (&[], is_se_organisation),
        Kind::SePersonnummer => (&[], is_se_personnummer),
        Kind::SeVat => (&["SE"], is_se_vat),
        Kind::SgEntity => (&[], is_sg_entity),
        Kind::SgNric => (&[], is_sg_nric),
        Kind::SiPersonal => (&[], is_si_personal),
        Kind::SiTax => (&["SI"], is_si_tax),
        Kind::SkVat => (&["SK"], is_sk_vat),
        Kind::SvTax => (&["SV"], is_sv_tax),
        Kind::ThPersonal => (&[], is_th_personal),
        Kind::TrNationalId => (&[], is_tr_national_id),
        Kind::TrTax => (&[], is_tr_tax),
        Kind::TwBusiness => (&[], is_tw_business),
        Kind::TwPersonal => (&[], is_tw_personal),
        Kind::UaBusiness => (&[], is_ua_business),
        Kind::UaTax => (&[], is_ua_tax),
        Kind::UkDriver => (&[], is_uk_driver),
        Kind::UkNhs => (&[], is_uk_nhs),
        Kind::UkNino => (&[], is_uk_nino),
        Kind::UkPupil => (&[], is_uk_pupil),
        Kind::UkTaxpayer => (&[], is_uk_taxpayer),
        Kind::UkVat => (&["GB", "XI"], is_uk_vat),
        Kind::UsAtin => (&[], is_us_atin),
        Kind::UsDea => (&[], is_us_dea),
        Kind::UsEmployer => (&[], is_us_employer),
        Kind::UsItin => (&[], is_us_itin),
        Kind::UsMedicare => (&[], is_us_medicare),
        Kind::UsPreparer => (&[], is_us_preparer),
        Kind::UsProvider => (&[], is_us_provider),
        Kind::UsSsn => (&[], is_us_ssn),
        Kind::UyTax => (&["UY"], is_uy_tax),
        Kind::VeTax => (&[], is_ve_tax),
        Kind::VnTax => (&[], is_vn_tax),
        Kind::ZaId => (&[], is_za_id),
        Kind::ZaTax => (&[], is_za_tax),
        _ => return None,
    };
    Some((prefixes, test))
}

/// Value added tax of a member of the European Union, with the letters of its country.
fn is_vat(value: &str) -> bool {
    let Some(value) = compact(value) else { return false };
    let kind = match value.get(..2) {
        Some(b"AT") => Kind::AtVat,
        Some(b"BE") => Kind::BeVat,
        Some(b"BG") => Kind::BgVat,
        Some(b"CY") => Kind::CyVat,
        Some(b"CZ") => Kind::CzVat,
        Some(b"DE") => Kind::DeVat,
        Some(b"DK") => Kind::DkBusiness,
        Some(b"EE") => Kind::EeVat,
        Some(b"EL" | b"GR") => Kind::GrVat,
        Some(b"ES") => Kind::EsTax,
        Some(b"FI") => Kind::FiBusiness,
        Some(b"FR") => Kind::FrVat,
        Some(b"HR") => Kind::HrOib,
        Some(b"HU") => Kind::HuVat,
        Some(b"IE") => Kind::IeVat,
        Some(b"IT") => Kind::ItVat,
        Some(b"LT") => Kind::LtVat,
        Some(b"LU") => Kind::LuVat,
        Some(b"LV") => Kind::LvVat,
        Some(b"MT") => Kind::MtVat,
        Some(b"NL") => Kind::NlVat,
        Some(b"PL") => Kind::PlTax,
        Some(b"PT") => Kind::PtTax,
        Some(b"RO") => Kind::RoVat,
        Some(b"SE") => Kind::SeVat,
        Some(b"SI") => Kind::SiTax,
        Some(b"SK") => Kind::SkVat,
        Some(b"XI") => Kind::UkVat,
        _ => return false,
    };
    scheme(kind).is_some_and(|(_, test)| test(&value[2..]))
}

// No number that is checked here has more than 34 characters.
fn compact(value: &str) -> Option<Vec<u8>> {
    if value.len() > 128 {
        return None;
    }
    let mut out = Vec::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '-'
            | '.'
            | '/'
            | '+'
            | ','
            | ':'
            | '_'
            | '('
            | ')'
            | '\u{2010}'..='\u{2015}'
            | '\u{2212}' => {}
            _ if c.is_whitespace() => {}
            _ if c.is_ascii_alphanumeric() || c == '&' => out.push(c.to_ascii_uppercase() as u8),
            _ => out.push(latin(c)?),
        }
    }
    Some(out)
}

// Letters of other alphabets that look like those of a country.
const fn latin(c: char) -> Option<u8> {
    Some(match c {
        'А' | 'Α' => b'A',
        'В' | 'Β' => b'B',
        'Е' | 'Ε' => b'E',
        'К' | 'Κ' => b'K',
        'М' | 'Μ' => b'M',
        'Н' | 'Η' => b'H',
        'О' | 'Ο' => b'O',
        'Р' | 'Ρ' => b'P',
        'С' => b'C',
        'Т' | 'Τ' => b'T',
        'У' | 'Υ' => b'Y',
        'Х' | 'Χ' => b'X',
        _ => return None,
    })
}

// Numbers whose groups are a part of how they are written: between other digits than
// these a sign is a mistake.
const fn groups(kind: Kind) -> &'static [usize] {
    match kind {
        Kind::UsAtin | Kind::UsItin | Kind::UsSsn => &[3, 2, 4],
        Kind::UsEmployer => &[2, 7],
        _ => &[],
    }
}

fn is_grouped(value: &str, groups: &[usize]) -> bool {
    let sign = |c: char| !c.is_ascii_alphanumeric();
    groups.is_empty()
        || !value.contains(sign)
        || value.split(sign).map(str::len).eq(groups.iter().copied())
}

#[cfg(test)]
mod tests;
