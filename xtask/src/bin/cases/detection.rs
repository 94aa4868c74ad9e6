//! Rows of text and of values, answered by evanesce-detect.

use evanesce_detect::{Finding, Kind, Operator, Scanner, check};
use serde_json::{Value, json};

use crate::row::judged;

/// Under which names other projects test what the library tests as well.
const NAMES: &[(&str, Kind)] = &[
    // python-stdnum
    ("au.tfn", Kind::AuTfn),
    ("br.cpf", Kind::BrCpf),
    ("ca.sin", Kind::CaSin),
    ("ch.ssn", Kind::ChAhv),
    ("de.idnr", Kind::DeTaxId),
    ("es.dni", Kind::EsNif),
    ("es.nie", Kind::EsNie),
    ("fi.hetu", Kind::FiPersonalIdentityCode),
    ("fr.nir", Kind::FrNir),
    ("gb.nhs", Kind::UkNhs),
    ("iban", Kind::Iban),
    ("in_.aadhaar", Kind::InAadhaar),
    ("it.codicefiscale", Kind::ItFiscalCode),
    ("jp.in_", Kind::JpMyNumber),
    ("kr.rrn", Kind::KrRrn),
    ("nl.bsn", Kind::NlBsn),
    ("pl.pesel", Kind::PlPesel),
    ("se.personnummer", Kind::SePersonnummer),
    ("tr.tckimlik", Kind::TrNationalId),
    ("us.itin", Kind::UsItin),
    ("us.rtn", Kind::AbaRouting),
    ("us.ssn", Kind::UsSsn),
    ("za.idnr", Kind::ZaId),
    // validator.js
    ("isAbaRouting", Kind::AbaRouting),
    ("isCreditCard", Kind::CreditCard),
    ("isIBAN", Kind::Iban),
    // dd-sensitive-data-scanner
    ("aba_rtn_checksum", Kind::AbaRouting),
    ("australian_tfn_checksum", Kind::AuTfn),
    ("brazilian_cpf_checksum", Kind::BrCpf),
    ("dutch_bsn_checksum", Kind::NlBsn),
    ("finnish_hetu_checksum", Kind::FiPersonalIdentityCode),
    ("france_ssn_checksum", Kind::FrNir),
    ("german_svnr_checksum", Kind::DeSocialSecurity),
    ("iban_checker", Kind::Iban),
    ("italian_national_id_checksum", Kind::ItFiscalCode),
    ("nhs_check_digit", Kind::UkNhs),
    ("nir_checksum", Kind::FrNir),
    ("polish_national_id_checksum", Kind::PlPesel),
    ("singapore_nric_checksum", Kind::SgNric),
    ("spain_dni_checksum", Kind::EsNif),
    ("uk_nino_format_check", Kind::UkNino),
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
            let found = self.scanner.scan(content).iter().any(|found| found.kind.is_secret());
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
    if let Some(value) = row["address"].as_str().or_else(|| row["e164"].as_str()) {
        return Some((None, value));
    }
    row.get("valid")?;
    let value = row["value"].as_str()?;
    // Formatting is another question; options narrow what the library does not narrow.
    let asks = row["function"].as_str().is_none_or(|name| matches!(name, "is_valid" | "validate"));
    let plain = ["args", "kwargs"].iter().all(|name| is_empty(&row[name]));
    let name = ["module", "validator", "entity"].iter().find_map(|name| row[name].as_str());
    Some((name.filter(|_| asks && plain).and_then(kind), value))
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
