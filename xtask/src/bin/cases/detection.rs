//! Rows of text and of values, answered by evanesce-detect.

use evanesce_detect::{Finding, Kind, Operator, Scanner, check, holds_keys};
use serde_json::{Value, json};

use crate::row::judged;

/// Under which names other projects test what the library tests as well.
const NAMES: &[(&str, Kind)] = &[
    // python-stdnum
    ("ar.cbu", Kind::ArAccount),
    ("ar.cuit", Kind::ArTax),
    ("ar.dni", Kind::ArDni),
    ("at.tin", Kind::AtTax),
    ("at.uid", Kind::AtVat),
    ("at.vnr", Kind::AtInsurance),
    ("au.abn", Kind::AuBusiness),
    ("au.acn", Kind::AuCompany),
    ("au.tfn", Kind::AuTfn),
    ("be.eid", Kind::BeCard),
    ("be.ssn", Kind::BePersonal),
    ("be.vat", Kind::BeVat),
    ("bg.egn", Kind::BgPersonal),
    ("bg.pnf", Kind::BgForeigner),
    ("bg.vat", Kind::BgVat),
    ("bitcoin", Kind::Crypto),
    ("br.cnpj", Kind::BrCnpj),
    ("br.cpf", Kind::BrCpf),
    ("ca.bc_phn", Kind::CaHealthBc),
    ("ca.bn", Kind::CaBusiness),
    ("ca.sin", Kind::CaSin),
    ("ch.ssn", Kind::ChAhv),
    ("ch.uid", Kind::ChBusiness),
    ("ch.vat", Kind::ChVat),
    ("cl.rut", Kind::ClRut),
    ("cn.ric", Kind::CnResident),
    ("cn.uscc", Kind::CnBusiness),
    ("co.nit", Kind::CoTax),
    ("cy.vat", Kind::CyVat),
    ("cz.dic", Kind::CzVat),
    ("cz.ico", Kind::CzBusiness),
    ("cz.rc", Kind::CzBirth),
    ("de.idnr", Kind::DeTaxId),
    ("de.vat", Kind::DeVat),
    ("dk.cpr", Kind::DkCpr),
    ("dk.cvr", Kind::DkBusiness),
    ("ec.ci", Kind::EcPersonal),
    ("ee.ik", Kind::EePersonal),
    ("ee.kmkr", Kind::EeVat),
    ("ee.registrikood", Kind::EeBusiness),
    ("es.cif", Kind::EsCif),
    ("es.dni", Kind::EsNif),
    ("es.nie", Kind::EsNie),
    ("es.nif", Kind::EsTax),
    ("fi.alv", Kind::FiBusiness),
    ("fi.hetu", Kind::FiPersonalIdentityCode),
    ("fi.veronumero", Kind::FiTax),
    ("fi.ytunnus", Kind::FiBusiness),
    ("fo.vn", Kind::FoVat),
    ("fr.nif", Kind::FrTax),
    ("fr.nir", Kind::FrNir),
    ("fr.siren", Kind::FrSiren),
    ("fr.siret", Kind::FrSiret),
    ("fr.tva", Kind::FrVat),
    ("gb.nhs", Kind::UkNhs),
    ("gb.upn", Kind::UkPupil),
    ("gb.utr", Kind::UkTaxpayer),
    ("gb.vat", Kind::UkVat),
    ("gr.amka", Kind::GrAmka),
    ("gr.vat", Kind::GrVat),
    ("gt.nit", Kind::GtTax),
    ("hr.oib", Kind::HrOib),
    ("hu.anum", Kind::HuVat),
    ("iban", Kind::Iban),
    ("ie.pps", Kind::IePps),
    ("ie.vat", Kind::IeVat),
    ("il.hp", Kind::IlCompany),
    ("il.idnr", Kind::IlPersonal),
    ("in.pan", Kind::InPan),
    ("in_.aadhaar", Kind::InAadhaar),
    ("in_.epic", Kind::InVoter),
    ("in_.gstin", Kind::InGst),
    ("in_.pan", Kind::InPan),
    ("in_.vid", Kind::InVirtual),
    ("is.kennitala", Kind::IsKennitala),
    ("is_.kennitala", Kind::IsKennitala),
    ("is_.vsk", Kind::IsVat),
    ("it.codicefiscale", Kind::ItFiscalCode),
    ("it.iva", Kind::ItVat),
    ("jp.cn", Kind::JpCorporate),
    ("jp.in_", Kind::JpMyNumber),
    ("kr.rrn", Kind::KrRrn),
    ("li.peid", Kind::LiPersonal),
    ("lt.asmens", Kind::LtPersonal),
    ("lt.pvm", Kind::LtVat),
    ("lu.tva", Kind::LuVat),
    ("lv.pvn", Kind::LvVat),
    ("me.pib", Kind::MeTax),
    ("mk.edb", Kind::MkTax),
    ("mt.vat", Kind::MtVat),
    ("mx.curp", Kind::MxCurp),
    ("mx.rfc", Kind::MxTax),
    ("my.nric", Kind::MyPersonal),
    ("nl.bsn", Kind::NlBsn),
    ("nl.btw", Kind::NlVat),
    ("nl.identiteitskaartnummer", Kind::NlDocument),
    ("nl.onderwijsnummer", Kind::NlEducation),
    ("no.fodselsnummer", Kind::NoBirth),
    ("no.kontonr", Kind::NoAccount),
    ("no.mva", Kind::NoVat),
    ("no.orgnr", Kind::NoOrganisation),
    ("nz.ird", Kind::NzTax),
    ("pe.cui", Kind::PeIdentity),
    ("pe.ruc", Kind::PeTax),
    ("pk.cnic", Kind::PkPersonal),
    ("pl.nip", Kind::PlTax),
    ("pl.pesel", Kind::PlPesel),
    ("pl.regon", Kind::PlBusiness),
    ("pt.cc", Kind::PtCard),
    ("pt.nif", Kind::PtTax),
    ("py.ruc", Kind::PyTax),
    ("ro.cf", Kind::RoVat),
    ("ro.cnp", Kind::RoPersonal),
    ("rs.pib", Kind::RsTax),
    ("ru.inn", Kind::RuTax),
    ("se.orgnr", Kind::SeOrganisation),
    ("se.personnummer", Kind::SePersonnummer),
    ("se.vat", Kind::SeVat),
    ("sg.uen", Kind::SgEntity),
    ("si.ddv", Kind::SiTax),
    ("si.emso", Kind::SiPersonal),
    ("sk.dph", Kind::SkVat),
    ("sk.ico", Kind::CzBusiness),
    ("sk.rc", Kind::CzBirth),
    ("sv.nit", Kind::SvTax),
    ("th.pin", Kind::ThPersonal),
    ("tr.tckimlik", Kind::TrNationalId),
    ("tr.vkn", Kind::TrTax),
    ("tw.ubn", Kind::TwBusiness),
    ("ua.edrpou", Kind::UaBusiness),
    ("ua.rntrc", Kind::UaTax),
    ("us.ein", Kind::UsEmployer),
    ("us.itin", Kind::UsItin),
    ("us.ptin", Kind::UsPreparer),
    ("us.rtn", Kind::AbaRouting),
    ("us.ssn", Kind::UsSsn),
    ("uy.rut", Kind::UyTax),
    ("ve.rif", Kind::VeTax),
    ("vn.mst", Kind::VnTax),
    ("za.idnr", Kind::ZaId),
    ("za.tin", Kind::ZaTax),
    // validator.js
    ("isAbaRouting", Kind::AbaRouting),
    ("isCreditCard", Kind::CreditCard),
    ("isIBAN", Kind::Iban),
    ("isIMEI", Kind::Imei),
    ("isIP", Kind::Ip),
    ("isIdentityCard FI", Kind::FiPersonalIdentityCode),
    ("isIdentityCard IN", Kind::InAadhaar),
    ("isIdentityCard NO", Kind::NoBirth),
    ("isIdentityCard PL", Kind::PlPesel),
    ("isIdentityCard TH", Kind::ThPersonal),
    ("isIdentityCard he-IL", Kind::IlPersonal),
    ("isIdentityCard zh-CN", Kind::CnResident),
    ("isIdentityCard zh-TW", Kind::TwPersonal),
    ("isMACAddress", Kind::Mac),
    ("isTaxID bg-BG", Kind::BgPersonal),
    ("isTaxID de-AT", Kind::AtTax),
    ("isTaxID de-DE", Kind::DeTaxId),
    ("isTaxID dk-DK", Kind::DkCpr),
    ("isTaxID el-CY", Kind::CyVat),
    ("isTaxID el-GR", Kind::GrVat),
    ("isTaxID en-IE", Kind::IePps),
    ("isTaxID en-IN", Kind::InPan),
    ("isTaxID en-US", Kind::UsEmployer),
    ("isTaxID es-AR", Kind::ArTax),
    ("isTaxID fi-FI", Kind::FiPersonalIdentityCode),
    ("isTaxID fr-BE", Kind::BePersonal),
    ("isTaxID fr-LU", Kind::LuPersonal),
    ("isTaxID hr-HR", Kind::HrOib),
    ("isTaxID it-IT", Kind::ItFiscalCode),
    ("isTaxID lb-LU", Kind::LuPersonal),
    ("isTaxID lt-LT", Kind::LtPersonal),
    ("isTaxID lv-LV", Kind::LvPersonal),
    ("isTaxID nl-BE", Kind::BePersonal),
    ("isTaxID nl-NL", Kind::NlBsn),
    ("isTaxID ro-RO", Kind::RoPersonal),
    ("isTaxID sl-SI", Kind::SiTax),
    ("isTaxID uk-UA", Kind::UaTax),
    ("isVAT AU", Kind::AuBusiness),
    // dd-sensitive-data-scanner
    ("australian_medicare_checksum", Kind::AuMedicare),
    ("australian_tfn_checksum", Kind::AuTfn),
    ("belgium_national_register_checksum", Kind::BePersonal),
    ("brazilian_cnpj_checksum", Kind::BrCnpj),
    ("brazilian_cpf_checksum", Kind::BrCpf),
    ("btc_checksum", Kind::Crypto),
    ("chinese_id_checksum", Kind::CnResident),
    ("dutch_bsn_checksum", Kind::NlBsn),
    ("estonia_personal_code_checksum", Kind::EePersonal),
    ("finnish_hetu_checksum", Kind::FiPersonalIdentityCode),
    ("france_nif_checksum", Kind::FrTax),
    ("france_ssn_checksum", Kind::FrNir),
    ("german_ids_checksum", Kind::DeDocument),
    ("german_svnr_checksum", Kind::DeSocialSecurity),
    ("greece_tin_checksum", Kind::GrVat),
    ("iban_checker", Kind::Iban),
    ("irish_pps_checksum", Kind::IePps),
    ("italian_national_id_checksum", Kind::ItFiscalCode),
    ("lithuanian_personal_identification_number_checksum", Kind::LtPersonal),
    ("luxembourg_individual_nin_checksum", Kind::LuPersonal),
    ("nhs_check_digit", Kind::UkNhs),
    ("nir_checksum", Kind::FrNir),
    ("polish_nip_checksum", Kind::PlTax),
    ("portuguese_tax_id_checksum", Kind::PtTax),
    ("romanian_personal_numeric_code", Kind::RoPersonal),
    ("singapore_nric_checksum", Kind::SgNric),
    ("slovenia_tin_checksum", Kind::SiTax),
    ("slovenian_pin_checksum", Kind::SiPersonal),
    ("spain_dni_checksum", Kind::EsNif),
    ("spanish_nuss_checksum", Kind::EsSocial),
    ("uk_nino_format_check", Kind::UkNino),
    ("us_dea_checksum", Kind::UsDea),
    ("us_npi_checksum", Kind::UsProvider),
];

/// Everything by the default settings.
#[derive(Default)]
pub(crate) struct Detection {
    scanner: Scanner,
}

impl Detection {
    /// What is found in a text, and what would be let out.
    pub(crate) fn text(&self, text: &str, with_claims: bool) -> Value {
        let redacted = self.scanner.redact(text, &Operator::Replace);
        let findings: Vec<Value> = redacted.findings.iter().map(finding).collect();
        let mut answer = json!({ "findings": findings, "redacted": redacted.text });
        if with_claims {
            let claims: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            answer["claims"] = json!(claims);
        }
        answer
    }

    /// Whole files that do or do not hold a secret, and examples of a registry.
    pub(crate) fn content(&self, row: &Value) -> Option<Value> {
        if let (Some(content), Some(expected)) =
            (row["content"].as_str(), row["expect_finding"].as_bool())
        {
            let named = row["path"].as_str().is_some_and(holds_keys);
            let found =
                named || self.scanner.scan(content).iter().any(|found| found.kind.is_secret());
            return Some(judged(found == expected, "secrets in the file"));
        }
        let is_registry = row["iban_regex"].is_string();
        let example = row["example"].as_str().filter(|_| is_registry)?;
        Some(judged(is_valid(Kind::Iban, example)?, "the example of the country"))
    }
}

/// The value of a row that asks whether it is valid, and its kind if the
/// library claims it.
pub(crate) fn value(row: &Value) -> Option<(Option<Kind>, &str)> {
    if let Some(iban) = row["iban"].as_str() {
        return Some((Some(Kind::Iban), iban));
    }
    if let Some(address) = row["address"].as_str() {
        return Some((Some(Kind::Email), address));
    }
    if let Some(number) = row["e164"].as_str() {
        return Some((Some(Kind::Phone), number));
    }
    row.get("valid")?;
    let value = row["value"].as_str()?;
    // Formatting is another question; options narrow what the library does not narrow,
    // but for the country or language that a validator is asked for.
    let asks = row["function"].as_str().is_none_or(|name| matches!(name, "is_valid" | "validate"));
    let plain = ["args", "kwargs"].iter().all(|name| is_empty(&row[name]));
    let name = ["module", "validator", "entity"].iter().find_map(|name| row[name].as_str())?;
    let known = match row["args"].as_array().map(Vec::as_slice) {
        Some([Value::String(region)]) => kind(&format!("{name} {region}")),
        _ if plain => kind(name),
        _ => None,
    };
    Some((known.filter(|_| asks), value))
}

/// Whether a whole value is a good one; none where there is nothing to check.
pub(crate) fn is_valid(kind: Kind, value: &str) -> Option<bool> {
    check(kind, value)
}

fn kind(name: &str) -> Option<Kind> {
    let other = NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    other.or_else(|| Kind::ALL.iter().copied().find(|kind| kind.name() == name))
}

fn is_empty(value: &Value) -> bool {
    value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

fn finding(found: &Finding) -> Value {
    let score = f64::from(found.score) / 100.0;
    json!({ "kind": found.kind.name(), "start": found.start, "end": found.end, "score": score })
}
