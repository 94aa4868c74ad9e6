//! Consent documents: what is read, what is written, what is refused.

use std::sync::Arc;

use evanesce_consent::{
    Analytics, Choices, ConsentDocument, ConsentStatus, Consents, DocumentKind, InvalidDocument,
    Notice, Performance, Process, Required, Service, Signals,
};
use evanesce_core::{Append, BoxFuture, Entry, Error, Incorporated, Purpose};
use evanesce_crypto::{SigningKey, random_secret};
use evanesce_testkit::ManualClock;
use proptest::prelude::*;

const RECORD: &str = r#"{
  "@context": { "dpv": "https://w3id.org/dpv#", "ex": "https://example.org/" },
  "@id": "ex:1", "@type": ["dpv:ConsentRecord", "ex:Thing"], "dct:identifier": "1",
  "dpv:hasProcess": {
    "dpv:hasPurpose": { "skos:broader": ["dpv:Marketing", "dpv:Advertising"] },
    "dpv:hasPersonalData": ["pd:Name", "pd:EmailAddress"],
    "dpv:hasProcess": { "dpv:hasPurpose": "dpv:IdentityVerification", "dpv:hasRecipient": "ex:B" }
  },
  "dpv:hasConsentStatus": [
    { "@type": "dpv:ConsentWithdrawn", "dpv:isIndicatedAtTime": "2024-04-20" },
    { "@type": ["dpv:ExpressedConsent", "dpv:ConsentGiven"],
      "dpv:isIndicatedAtTime": "2024-01-01T10:00:00", "dpv:isIndicatedBy": "dpv:DataSubject" }
  ]
}"#;

// A log that takes everything; what it is told is tested elsewhere.
struct Taken;

impl Append for Taken {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        let incorporated =
            Incorporated { index: 0, proof: Vec::new(), checkpoint: String::new(), actor: None };
        Box::pin(std::future::ready(Ok(incorporated)))
    }

    fn count(&self, _: Entry) {}
}

#[test]
fn a_record_is_read_with_everything_inside_of_everything() {
    let record = ConsentDocument::parse(RECORD).unwrap();
    assert_eq!(record.kind(), DocumentKind::Record);
    assert_eq!(record.identifier(), Some("1"));
    let processes = record.processes();
    let purposes: Vec<_> = processes.iter().flat_map(|process| process.purposes()).collect();
    assert_eq!(purposes, ["dpv:Marketing", "dpv:IdentityVerification"]);
    assert_eq!(processes[0].personal_data(), ["pd:Name", "pd:EmailAddress"]);
    assert_eq!(processes[1].recipients(), ["ex:B"]);
    // By their times, not by their order in the document.
    let events: Vec<_> = record.events().iter().map(|event| event.status()).collect();
    assert_eq!(events, [ConsentStatus::Given, ConsentStatus::Withdrawn]);
    assert_eq!(record.status(), ConsentStatus::Withdrawn);
    assert_eq!(record.events()[0].at().unwrap().to_string(), "2024-01-01T10:00:00Z");
    assert_eq!(record.events()[0].by(), Some("dpv:DataSubject"));
}

#[test]
fn what_is_read_is_written() {
    let record = ConsentDocument::parse(RECORD).unwrap();
    let written: serde_json::Value = serde_json::from_str(&record.write()).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(RECORD).unwrap());
}

#[test]
fn a_status_that_nobody_knows_is_no_consent() {
    for status in [r#""ex:ConsentGiven""#, r#"{ "@type": "dpv:ConsentGivne" }"#, "7", "[]"] {
        let text = format!(r#"{{"@type":"dpv:ConsentRecord","dpv:hasConsentStatus":{status}}}"#);
        let status = ConsentDocument::parse(&text).unwrap().status();
        assert_eq!(status, ConsentStatus::Unknown, "{text}");
        assert!(!status.is_valid_for_processing());
    }
}

#[test]
fn what_could_mean_something_else_is_refused() {
    let refused = |text: &str| ConsentDocument::parse(text).err();
    let with = |context: &str| {
        refused(&format!(r#"{{"@type":"dpv:ConsentRecord","@context":{context}}}"#))
    };
    let context = Some(InvalidDocument::Context);
    assert_eq!(with(r#"{ "dpv": "https://evil.example/dpv#" }"#), context);
    assert_eq!(with(r#""https://evil.example/context""#), context);
    assert_eq!(with(r#""https://w3id.org/dpvX""#), context);
    assert_eq!(with(r#"{ "@vocab": "https://evil.example/" }"#), context);
    assert_eq!(with(r#"{ "dpv:hasNotice": "https://evil.example/" }"#), context);
    assert_eq!(with(r#"["https://w3id.org/dpv", { "ex": "https://example.org/" }]"#), None);
    let twice = r#"{"@type":"dpv:ConsentRecord","a":{"b":1,"b":2}}"#;
    assert_eq!(refused(twice), Some(InvalidDocument::Duplicate));
    assert_eq!(refused(r#"{"@type":"dpv:Process"}"#), Some(InvalidDocument::Kind));
    assert_eq!(refused("[]"), Some(InvalidDocument::Kind));
    assert_eq!(refused("{"), Some(InvalidDocument::Syntax));
    assert_eq!(refused(&"[".repeat(10_000)), Some(InvalidDocument::Syntax));
    assert_eq!(refused(&" ".repeat(300_000)), Some(InvalidDocument::TooLong));
}

#[test]
fn a_receipt_needs_two_fields_and_a_record_all() {
    let receipt = ConsentDocument::parse(r#"{"@type":"dpv:ConsentReceipt"}"#).unwrap();
    assert_eq!(receipt.missing(), [Required::Identifier, Required::SchemaVersion]);
    let record = ConsentDocument::parse(RECORD).unwrap();
    let missing = record.missing();
    for there in [Required::Identifier, Required::Purpose, Required::Status, Required::IndicatedAt]
    {
        assert!(!missing.contains(&there), "{there:?}");
    }
    // Given by somebody, withdrawn by nobody; of two processes one has no data.
    for lacking in [Required::IndicatedBy, Required::PersonalData, Required::Notice] {
        assert!(missing.contains(&lacking), "{lacking:?}");
    }
}

#[tokio::test]
async fn an_own_receipt_becomes_a_whole_record() {
    let notice = Notice::new("newsletter").unwrap();
    let notice = notice.purpose::<Analytics>().unwrap().purpose::<Performance>().unwrap();
    let consents = Consents::new(
        Arc::new(notice),
        SigningKey::generate().unwrap(),
        random_secret(32).unwrap(),
        Arc::new(ManualClock::new()),
        Arc::new(Taken),
    );
    let challenge = consents.ask(b"session").unwrap();
    let choices = Choices::new().accept(Analytics::id());
    let none = Signals::none();
    let answer = consents.answer(challenge.text(), b"session", &choices, &none);
    let (_, receipt) = answer.await.unwrap();
    let service = Service {
        control: "https://example.org/consent",
        controller: "https://example.org/",
        jurisdiction: "loc:DE",
        personal_data: "dpv:AnonymisedData",
        recipients: &["https://example.org/"],
        storage: "loc:DE",
    };
    let record = ConsentDocument::of_receipt(&receipt, "urn:uuid:0", &service);
    assert_eq!(record.missing(), []);
    let read = ConsentDocument::parse(&record.write()).unwrap();
    assert_eq!(read.missing(), []);
    let processes = read.processes();
    let of =
        |process: &Process<'_>| (process.purposes()[0].to_owned(), process.events()[0].status());
    let decided: Vec<_> = processes.iter().map(of).collect();
    assert_eq!(
        decided,
        [
            ("analytics".to_owned(), ConsentStatus::Given),
            ("performance".to_owned(), ConsentStatus::Refused),
        ]
    );
    // The whole has no state of its own, so that a part's is never taken for it.
    assert_eq!(read.status(), ConsentStatus::Unknown);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = ConsentDocument::parse(&text);
    }

    #[test]
    fn no_change_of_a_record_panics(at in 0_usize..RECORD.len(), byte in 0x20_u8..0x7f) {
        let mut bytes = RECORD.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(document) = ConsentDocument::parse(std::str::from_utf8(&bytes).unwrap()) {
            let again = ConsentDocument::parse(&document.write()).unwrap();
            prop_assert_eq!(again.write(), document.write());
            prop_assert_eq!(again.status(), document.status());
        }
    }
}
