//! Rows of browser signals, answered by evanesce-consent.

use evanesce_consent::{
    ConsentDocument, ConsentStatus, DocumentKind, GppString, Ids, InvalidDocument, Signals, State,
    StatePrivacy, TcString, UsPrivacy, read_well_known_gpc, well_known_gpc,
};
use evanesce_core::{Date, Timestamp};
use serde_json::{Value, json};

use crate::asking;
use crate::row::{judged, text};

/// None for what the library has no function for.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    if let Some(tc) = text(row, "tc") {
        let read = TcString::parse(tc).ok().map(|tc| tcf(&tc));
        return Some(judged(agrees(row, read), "TcString::parse"));
    }
    if let Some(gpp) = text(row, "gpp") {
        let read = GppString::parse(gpp).ok().map(|read| sections(&read));
        return Some(judged(agrees(row, read), "GppString::parse"));
    }
    if let Some(answer) = status(row).or_else(|| document(row)).or_else(|| asking::answer(row)) {
        return Some(answer);
    }
    match text(row, "kind")? {
        "header" => {
            let expected = row["opt_out"].as_bool()?;
            // As the session layer does: every line of the name.
            let lines = row["headers"].as_array()?.iter().filter(|field| {
                field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("sec-gpc"))
            });
            let values = lines.filter_map(|field| field[1].as_str()).map(str::as_bytes);
            let objects = Signals::from_sec_gpc(values).objects();
            Some(judged(objects == expected, "Signals::from_sec_gpc"))
        }
        "well_known" => {
            let body = text(row, "body")?;
            if read_well_known_gpc(body) != row["support"].as_bool() {
                return Some(judged(false, "read_well_known_gpc"));
            }
            // The document of a service that honours the signal is written, too.
            let (true, Some(updated)) = (row["support"] == true, text(row, "last_update")) else {
                return Some(judged(true, "read_well_known_gpc"));
            };
            let expected: Value = serde_json::from_str(body).ok()?;
            let written: Option<Value> = serde_json::from_str(&well_known_gpc(date(updated)?)).ok();
            Some(judged(written == Some(expected), "well_known_gpc"))
        }
        _ => None,
    }
}

// A term of the vocabulary.
fn status(row: &Value) -> Option<Value> {
    let expected = row["valid_for_processing"].as_bool()?;
    let known = text(row, "id").and_then(ConsentStatus::parse);
    let agrees = known.is_some_and(|status| status.is_valid_for_processing() == expected);
    Some(judged(agrees, "ConsentStatus::is_valid_for_processing"))
}

// A document that is read as what it is and written with all that it says, or the text
// of one that is none.
fn document(row: &Value) -> Option<Value> {
    text(row, "section")?;
    if !row["document"].is_null() {
        let read = ConsentDocument::parse(&row["document"].to_string()).ok();
        let agrees = read.is_some_and(|document| {
            let kind = match document.kind() {
                DocumentKind::Receipt => "dpv:ConsentReceipt",
                DocumentKind::Record => "dpv:ConsentRecord",
            };
            let written: Option<Value> = serde_json::from_str(&document.write()).ok();
            text(row, "type") == Some(kind) && written.as_ref() == Some(&row["document"])
        });
        return Some(judged(agrees, "ConsentDocument::parse and ConsentDocument::write"));
    }
    let raw = text(row, "raw")?;
    let is_refused = ConsentDocument::parse(raw).err() == Some(InvalidDocument::Syntax);
    let is_broken = text(row, "upstream_json_error").is_some();
    Some(judged(is_refused && is_broken, "ConsentDocument::parse refuses what is no JSON"))
}

// What was read is what the row expects, or both refuse.
fn agrees(row: &Value, read: Option<Value>) -> bool {
    match read {
        Some(read) => row["valid"] == true && read == row["decoded"],
        None => row["valid"] == false,
    }
}

fn tcf(tc: &TcString) -> Value {
    let restrictions: Vec<Value> = tc
        .restrictions
        .iter()
        .map(|one| json!({ "purposeId": one.purpose, "type": one.kind, "vendors": ids(&one.vendors) }))
        .collect();
    json!({
        "version": 2,
        "created": millis(tc.created),
        "lastUpdated": millis(tc.updated),
        "cmpId": tc.platform,
        "cmpVersion": tc.platform_version,
        "consentScreen": tc.screen,
        "consentLanguage": letters(tc.language),
        "vendorListVersion": tc.vendor_list,
        "policyVersion": tc.policy,
        "isServiceSpecific": tc.is_service_specific,
        "useNonStandardTexts": tc.has_own_texts,
        "purposeOneTreatment": tc.is_purpose_one_told,
        "publisherCountryCode": letters(tc.country),
        "specialFeatureOptins": ids(&tc.features),
        "purposeConsents": ids(&tc.purposes),
        "purposeLegitimateInterests": ids(&tc.interests),
        "vendorConsents": ids(&tc.vendors),
        "vendorLegitimateInterests": ids(&tc.vendor_interests),
        "vendorsDisclosed": ids(&tc.disclosed),
        "publisherConsents": ids(&tc.publisher.purposes),
        "publisherLegitimateInterests": ids(&tc.publisher.interests),
        "numCustomPurposes": tc.publisher.own,
        "publisherCustomConsents": ids(&tc.publisher.own_purposes),
        "publisherCustomLegitimateInterests": ids(&tc.publisher.own_interests),
        "publisherRestrictions": restrictions,
    })
}

fn sections(gpp: &GppString) -> Value {
    let mut all = serde_json::Map::new();
    if let Some(tc) = gpp.tcf() {
        all.insert("tcfeuv2".into(), tcf_section(tc));
    }
    if let Some(UsPrivacy { notice, opt_out_sale, lspa }) = gpp.us_privacy() {
        let letter = |answer: evanesce_consent::Answer| answer.letter().to_string();
        let (notice, sale, lspa) = (letter(*notice), letter(*opt_out_sale), letter(*lspa));
        let old =
            json!({ "Version": 1, "Notice": notice, "OptOutSale": sale, "LspaCovered": lspa });
        all.insert("uspv1".into(), old);
    }
    for state in gpp.states() {
        let name = match state.state {
            State::California => "usca",
            State::Colorado => "usco",
            State::Connecticut => "usct",
            State::National => "usnat",
            State::Utah => "usut",
            State::Virginia => "usva",
            _ => "other",
        };
        all.insert(name.into(), state_section(state));
    }
    Value::Object(all)
}

// The same string as the platform's own decoder names its fields.
fn tcf_section(tc: &TcString) -> Value {
    let flags =
        |ids: &Ids, count: u16| -> Vec<bool> { (1..=count).map(|id| ids.contains(id)).collect() };
    json!({
        "Version": 2,
        "Created": millis(tc.created),
        "LastUpdated": millis(tc.updated),
        "CmpId": tc.platform,
        "CmpVersion": tc.platform_version,
        "ConsentScreen": tc.screen,
        "ConsentLanguage": letters(tc.language),
        "VendorListVersion": tc.vendor_list,
        "PolicyVersion": tc.policy,
        "IsServiceSpecific": tc.is_service_specific,
        "UseNonStandardStacks": tc.has_own_texts,
        "SpecialFeatureOptins": flags(&tc.features, 12),
        "PurposeConsents": flags(&tc.purposes, 24),
        "PurposeLegitimateInterests": flags(&tc.interests, 24),
        "PurposeOneTreatment": tc.is_purpose_one_told,
        "PublisherCountryCode": letters(tc.country),
        "VendorConsents": ids(&tc.vendors),
        "VendorLegitimateInterests": ids(&tc.vendor_interests),
        "PublisherRestrictions": tc.restrictions.iter().map(|one| one.purpose).collect::<Vec<_>>(),
        "PublisherPurposesSegmentType": 3,
        "PublisherConsents": flags(&tc.publisher.purposes, 24),
        "PublisherLegitimateInterests": flags(&tc.publisher.interests, 24),
        "NumCustomPurposes": tc.publisher.own,
        "PublisherCustomConsents": flags(&tc.publisher.own_purposes, tc.publisher.own),
        "PublisherCustomLegitimateInterests": flags(&tc.publisher.own_interests, tc.publisher.own),
        "VendorsAllowedSegmentType": 2,
        "VendorsAllowed": ids(&tc.allowed),
        "VendorsDisclosedSegmentType": 1,
        "VendorsDisclosed": ids(&tc.disclosed),
    })
}

fn state_section(state: &StatePrivacy) -> Value {
    let mut all = serde_json::Map::new();
    all.insert("Version".into(), state.version.into());
    for (name, values) in &state.fields {
        let value = match values.as_slice() {
            [one] => (*one).into(),
            many => json!(many),
        };
        all.insert((*name).into(), value);
    }
    if let Some(gpc) = state.gpc {
        all.insert("GpcSegmentType".into(), 1.into());
        all.insert("Gpc".into(), gpc.into());
    }
    Value::Object(all)
}

fn ids(ids: &Ids) -> Vec<u16> {
    ids.iter().collect()
}

fn letters(letters: [u8; 2]) -> String {
    letters.map(char::from).iter().collect()
}

// With three digits after the second, as the rows write it.
fn millis(at: Timestamp) -> String {
    let text = at.to_string();
    let whole = text.trim_end_matches('Z');
    match whole.split_once('.') {
        Some((whole, rest)) => format!("{whole}.{rest:0<3}Z"),
        None => format!("{whole}.000Z"),
    }
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(row: &Value) -> Option<String> {
        answer(row).map(|answer| answer["outcome"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_header_objects_or_does_not() {
        let row = |headers: Value, opt_out: bool| {
            outcome(&json!({ "kind": "header", "headers": headers, "opt_out": opt_out })).unwrap()
        };
        assert_eq!(row(json!([["sec-gpc", "1"]]), true), "pass");
        assert_eq!(row(json!([["Sec-GPC", "0"], ["Sec-GPC", "1"]]), true), "pass");
        assert_eq!(row(json!([["DNT", "1"], ["Sec-GPC", "yes"]]), true), "fail");
        assert_eq!(row(json!([["DNT", "1"]]), false), "pass");
    }

    #[test]
    fn a_record_is_read_and_written_or_refused() {
        let row = |kind: &str, document: Value| {
            let row = json!({ "section": "8", "type": kind, "document": document, "raw": null });
            outcome(&row).unwrap()
        };
        let record = json!({ "@type": "dpv:ConsentRecord", "dpv:hasProcess": [{ "x": 1 }] });
        assert_eq!(row("dpv:ConsentRecord", record.clone()), "pass");
        assert_eq!(row("dpv:ConsentReceipt", record), "fail");
        let raw = |raw: &str, error: Value| {
            outcome(&json!({ "section": "8", "raw": raw, "upstream_json_error": error })).unwrap()
        };
        assert_eq!(raw("{ ]", json!("Expecting a name")), "pass");
        assert_eq!(raw("{}", json!("Expecting a name")), "fail");
    }

    #[test]
    fn a_status_is_valid_for_processing_or_not() {
        let row = |term: &str, valid: bool| {
            let id = format!("https://w3id.org/dpv#{term}");
            outcome(&json!({ "id": id, "valid_for_processing": valid })).unwrap()
        };
        assert_eq!(row("ConsentGiven", true), "pass");
        assert_eq!(row("ConsentGiven", false), "fail");
        assert_eq!(row("ConsentRevoked", false), "pass");
        assert_eq!(row("ConsentTaken", false), "fail");
    }

    #[test]
    fn a_document_is_written_and_read() {
        let row = |support: Value, body: &str| {
            outcome(
                &json!({ "kind": "well_known", "support": support, "body": body, "last_update": "2024-02-29" }),
            )
        };
        let pass = row(json!(true), r#"{"lastUpdate": "2024-02-29", "gpc": true}"#);
        assert_eq!(pass.as_deref(), Some("pass"));
        let fail = row(json!(true), r#"{"lastUpdate": "2024-02-28", "gpc": true}"#);
        assert_eq!(fail.as_deref(), Some("fail"));
        let said = |support: Value, body: &str| row(support, body).unwrap();
        assert_eq!(said(json!(false), r#"{"gpc": false}"#), "pass");
        assert_eq!(said(json!(false), "no JSON"), "fail");
        assert_eq!(said(json!(null), "no JSON"), "pass");
    }
}
