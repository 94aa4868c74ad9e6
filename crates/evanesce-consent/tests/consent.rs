//! Question, answer, withdrawal, receipt, and what the log gets to see of it.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_consent::{
    Analytics, Choices, ConsentError, ConsentReceipt, ConsentRecord, Consents, Essential,
    MemoryConsent, Notice, Performance, Signals, Status,
};
use evanesce_core::{
    Append, BoxFuture, Clock, Entry, Error, ErrorKind, GrantState, Granted, Incorporated,
    NotGranted, Operation, Purpose, PurposeId, StoreKind,
};
use evanesce_crypto::{SigningKey, random_secret};
use evanesce_memory::SecretBytes;
use evanesce_testkit::ManualClock;

#[derive(Default)]
struct Log {
    entries: Mutex<Vec<Entry>>,
    is_down: AtomicBool,
}

impl Log {
    fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }
}

impl Append for Log {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        Box::pin(async move {
            if self.is_down.load(Ordering::SeqCst) {
                let sentence = "the log is down";
                return Err(Error::new(ErrorKind::Unavailable, StoreKind::Folder, sentence));
            }
            let mut entries = self.entries.lock().unwrap();
            entries.push(entry);
            let index = entries.len() as u64 - 1;
            Ok(Incorporated { index, proof: Vec::new(), checkpoint: String::new(), actor: None })
        })
    }

    fn count(&self, entry: Entry) {
        self.entries.lock().unwrap().push(entry);
    }
}

struct House {
    clock: ManualClock,
    log: Arc<Log>,
    consents: Consents,
}

const SESSION: &[u8] = b"one session";

fn notice() -> Notice {
    let notice = Notice::new("newsletter").unwrap();
    let notice = notice.purpose::<Essential>().unwrap();
    notice.purpose::<Analytics>().unwrap().purpose::<Performance>().unwrap()
}

fn key() -> SecretBytes {
    random_secret(32).unwrap()
}

fn house_with(notice: Notice, key: SecretBytes) -> House {
    let (clock, log) = (ManualClock::new(), Arc::new(Log::default()));
    let signing = SigningKey::generate().unwrap();
    let consents =
        Consents::new(Arc::new(notice), signing, key, Arc::new(clock.clone()), log.clone());
    House { clock, log, consents }
}

fn house() -> House {
    house_with(notice(), key())
}

impl House {
    async fn answer(&self, choices: &Choices) -> (MemoryConsent, ConsentReceipt) {
        let challenge = self.consents.ask(SESSION).unwrap();
        let answer =
            self.consents.answer(challenge.text(), SESSION, choices, &Signals::none()).await;
        let (record, receipt) = answer.unwrap();
        let consent = MemoryConsent::new(self.consents.notice().clone());
        consent.put(record);
        (consent, receipt)
    }

    fn states(&self, consent: &MemoryConsent) -> [GrantState; 2] {
        let notice = self.consents.notice();
        let state =
            |record: &ConsentRecord, purpose| record.state(&purpose, notice, &Signals::none());
        consent.with(|record| {
            [Analytics::id(), Performance::id()].map(|purpose| state(record, purpose))
        })
    }
}

#[tokio::test]
async fn accepting_and_refusing_take_the_same_words() {
    use GrantState::{Live, Refused};
    let house = house();
    let notice = house.consents.notice().clone();
    for (choices, expected) in [
        (Choices::accept_all(&notice), [Live, Live]),
        (Choices::refuse_all(&notice), [Refused, Refused]),
        (Choices::new().accept(Analytics::id()), [Live, Refused]),
        (Choices::new().refuse(Analytics::id()), [Refused, Refused]),
        (Choices::from_names(["performance"]).unwrap(), [Refused, Live]),
        // Silence.
        (Choices::new(), [Refused, Refused]),
    ] {
        let (consent, receipt) = house.answer(&choices).await;
        assert_eq!(house.states(&consent), expected);
        let statuses: Vec<Status> = receipt.decisions().iter().map(|d| d.status()).collect();
        let status = |state| if state == Live { Status::Given } else { Status::Refused };
        assert_eq!(statuses, expected.map(status));
    }
}

#[tokio::test]
async fn a_grant_lives_until_it_is_withdrawn() {
    let house = house();
    let (consent, _) = house.answer(&Choices::new().accept(Analytics::id())).await;
    let granted = Granted::<Analytics>::check(Arc::new(consent.clone())).await.unwrap();
    let refused = Granted::<Performance>::check(Arc::new(consent.clone())).await.err();
    assert_eq!(refused, Some(NotGranted::State(GrantState::Refused)));

    let mut record = consent.with(std::mem::take);
    house.consents.withdraw(&mut record, &Analytics::id()).await.unwrap();
    let again = house.consents.withdraw(&mut record, &Analytics::id()).await;
    assert_eq!(again, Err(ConsentError::NotGiven));
    consent.put(record);
    let gone = Err(NotGranted::State(GrantState::Withdrawn));
    assert_eq!(granted.recheck().await, gone);
    let last = house.log.entries().pop().unwrap();
    assert_eq!(last.operation(), Operation::ConsentWithdrawn);
    assert_eq!(last.purpose(), Some(&Analytics::id()));
}

#[tokio::test]
async fn what_the_contract_needs_is_never_a_consent() {
    let house = house();
    let named = Choices::new().accept(Essential::id());
    let challenge = house.consents.ask(SESSION).unwrap();
    let answer = house.consents.answer(challenge.text(), SESSION, &named, &Signals::none()).await;
    assert_eq!(answer.err(), Some(ConsentError::NotAsked));
    let (consent, receipt) = house.answer(&Choices::accept_all(house.consents.notice())).await;
    assert!(receipt.decisions().iter().all(|d| *d.purpose() != Essential::id()));
    let refused = Granted::<Essential>::check(Arc::new(consent)).await.err();
    assert_eq!(refused, Some(NotGranted::OtherBasis));
    let is_essential = |entry: &Entry| entry.purpose() == Some(&Essential::id());
    assert!(!house.log.entries().iter().any(is_essential));
}

#[tokio::test]
async fn an_answer_needs_a_fresh_question_to_the_same_session() {
    let house = house();
    let (choices, none) = (Choices::new(), Signals::none());
    let answer = async |text: &str, session: &[u8]| {
        house.consents.answer(text, session, &choices, &none).await.err()
    };
    let challenge = house.consents.ask(SESSION).unwrap();
    let text = challenge.text();
    assert_eq!(challenge.expires(), house.clock.now().plus(Duration::from_secs(3600)));
    assert_eq!(answer(text, b"another session").await, Some(ConsentError::Altered));
    for at in 0..text.len() {
        let mut altered = text.to_owned().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert_eq!(answer(&altered, SESSION).await, Some(ConsentError::Altered), "{at}");
    }
    for text in ["", "AAAA", "é", &"A".repeat(4096)] {
        assert_eq!(answer(text, SESSION).await, Some(ConsentError::Altered));
    }
    house.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(answer(text, SESSION).await, None);
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(answer(text, SESSION).await, Some(ConsentError::Expired));
}

#[tokio::test]
async fn a_changed_notice_asks_again() {
    let shared = key();
    let before = house_with(notice(), shared.try_clone().unwrap());
    let fewer = Notice::new("newsletter").unwrap().purpose::<Analytics>().unwrap();
    let after = house_with(fewer, shared);
    let challenge = before.consents.ask(SESSION).unwrap();
    let (choices, none) = (Choices::new(), Signals::none());
    let answer = after.consents.answer(challenge.text(), SESSION, &choices, &none).await;
    assert_eq!(answer.err(), Some(ConsentError::NoticeChanged));

    let (consent, _) = before.answer(&Choices::accept_all(before.consents.notice())).await;
    let bytes = consent.with(|record| record.to_bytes());
    let record = ConsentRecord::from_bytes(&bytes).unwrap();
    let state = record.state(&Analytics::id(), after.consents.notice(), &none);
    assert_eq!(state, GrantState::Outdated);
}

#[tokio::test]
async fn a_signal_beats_an_older_grant_and_a_later_choice_beats_the_signal() {
    let house = house();
    let objects = Signals::from_sec_gpc(Some(&b"1"[..]));
    let choices = Choices::new().accept(Analytics::id());
    let (consent, _) = house.answer(&choices).await;
    let granted = Granted::<Analytics>::check(Arc::new(consent.clone())).await.unwrap();
    consent.signal(objects);
    let withdrawn = Err(NotGranted::State(GrantState::Withdrawn));
    assert_eq!(granted.recheck().await, withdrawn);
    let mut record = consent.with(std::mem::take);
    assert_eq!(house.consents.heed(&mut record, &objects).await, Ok(1));
    consent.put(record);
    consent.signal(Signals::none());
    assert_eq!(granted.recheck().await, withdrawn);

    let challenge = house.consents.ask(SESSION).unwrap();
    let answer = house.consents.answer(challenge.text(), SESSION, &choices, &objects).await;
    consent.put(answer.unwrap().0);
    consent.signal(objects);
    assert_eq!(granted.recheck().await, Ok(()));
}

#[tokio::test]
async fn every_flipped_byte_of_a_receipt_is_noticed() {
    let house = house();
    let (_, receipt) = house.answer(&Choices::new().accept(Analytics::id())).await;
    let key = house.consents.verifying_key();
    let text = receipt.text();
    let read = ConsentReceipt::verify(text, &key).unwrap();
    assert_eq!(read.text(), text);
    assert_eq!(read.notice(), house.consents.notice().version());
    assert_eq!(read.decisions()[0].sentence(), Analytics::NOTICE);
    for at in 0..text.len() {
        for flip in [1, 0x20] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= flip;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(ConsentReceipt::verify(&changed, &key).is_err(), "byte {at}");
        }
    }
    for other in [format!("{text} "), text.replacen(':', ": ", 1), text[1..].to_owned()] {
        assert!(ConsentReceipt::verify(&other, &key).is_err());
    }
    let stranger = SigningKey::generate().unwrap().verifying_key();
    assert!(ConsentReceipt::verify(text, &stranger).is_err());
}

#[tokio::test]
async fn a_receipt_says_what_was_told_in_the_words_of_the_vocabulary() {
    let house = house();
    let (_, receipt) = house.answer(&Choices::new().accept(Analytics::id())).await;
    let value: serde_json::Value = serde_json::from_str(receipt.text()).unwrap();
    let content = &value["receipt"];
    assert_eq!(content["@context"]["dpv"], "https://w3id.org/dpv#");
    assert_eq!(content["@type"], "dpv:ConsentReceipt");
    assert_eq!(content["dpv:hasDataController"], "newsletter");
    assert_eq!(content["dct:created"], "2026-01-01T00:00:00Z");
    let first = &content["dpv:hasProcess"][0];
    assert_eq!(first["dpv:hasPurpose"], "analytics");
    assert_eq!(first["dct:description"], Analytics::NOTICE);
    assert_eq!(first["dpv:hasLegalBasis"], "dpv:Consent");
    assert_eq!(first["dpv:hasDuration"], "P12M");
    assert_eq!(first["dpv:hasConsentStatus"], "dpv:ConsentGiven");
    let second = &content["dpv:hasProcess"][1];
    assert_eq!(second["dpv:hasConsentStatus"], "dpv:ConsentRefused");
    assert!(!receipt.text().contains("one session"));
}

#[tokio::test]
async fn the_log_has_commitments_that_only_the_receipt_opens() {
    let house = house();
    let (_, mine) = house.answer(&Choices::new().accept(Analytics::id())).await;
    let (_, other) = house.answer(&Choices::new().accept(Analytics::id())).await;
    let entries = house.log.entries();
    let what: Vec<_> = entries
        .iter()
        .map(|entry| (entry.operation(), entry.purpose().map(PurposeId::as_str)))
        .collect();
    let asked = (Operation::ConsentAsked, None);
    let given = (Operation::ConsentGiven, Some("analytics"));
    let refused = (Operation::ConsentRefused, Some("performance"));
    assert_eq!(what, [asked, given, refused, asked, given, refused]);
    let commitments: Vec<_> = entries.iter().filter_map(Entry::commitment).collect();
    let mut distinct = commitments.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((commitments.len(), distinct.len()), (4, 4));
    let logged = |receipt: &ConsentReceipt| -> Vec<bool> {
        entries.iter().map(|entry| receipt.is_logged_as(entry)).collect()
    };
    assert_eq!(logged(&mine), [false, true, true, false, false, false]);
    assert_eq!(logged(&other), [false, false, false, false, true, true]);
}

#[tokio::test]
async fn a_log_that_is_down_stops_a_grant_and_no_withdrawal() {
    let house = house();
    let (choices, none) = (Choices::new().accept(Analytics::id()), Signals::none());
    let (consent, _) = house.answer(&choices).await;
    house.log.is_down.store(true, Ordering::SeqCst);
    let challenge = house.consents.ask(SESSION).unwrap();
    let answer = house.consents.answer(challenge.text(), SESSION, &choices, &none).await;
    assert!(matches!(answer.err(), Some(ConsentError::Audit(_))));
    let mut record = consent.with(std::mem::take);
    let withdrawn = house.consents.withdraw(&mut record, &Analytics::id()).await;
    assert!(matches!(withdrawn, Err(ConsentError::Audit(_))));
    let state = record.state(&Analytics::id(), house.consents.notice(), &none);
    assert_eq!(state, GrantState::Withdrawn);
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_receipt_text_panics(text in ".{0,200}") {
            let key = evanesce_crypto::VerifyingKey::new([7; 32]);
            prop_assert!(ConsentReceipt::verify(&text, &key).is_err());
        }

        #[test]
        fn no_names_panic(names in prop::collection::vec(".{0,40}", 0..5)) {
            let _ = Choices::from_names(names.iter().map(String::as_str));
        }
    }
}
