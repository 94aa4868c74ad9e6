//! The report shows what it was given, and nothing green that was not measured.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::Arc;

use common::{ORIGIN, key, open};
use evanesce_audit::{
    MemoryAudit, MemoryKeeper, Period, Report, Retained, Rules, Summary, verify_receipt,
};
use evanesce_core::{
    Append, DataClass, Digest, Entry, Erasure, ErasureReason, ErasureReceipt, Error, ErrorKind,
    Evidence, FnProbe, Incarnation, Label, Operation, Presence, Reading, StoreErasure, StoreKind,
    Timestamp,
};
use evanesce_crypto::{commit, sha256};
use evanesce_testkit::ManualClock;

const HOUR: u64 = 3_600_000;

fn period() -> Period {
    let from = Timestamp::from_millis(1_767_225_600_000);
    Period { from, to: from.plus(std::time::Duration::from_secs(86_400)) }
}

fn report() -> Report {
    Report::new(Label::new("Newsletter, January"), period())
}

async fn measured(fact: &'static str, reading: Result<Reading, Error>) -> Evidence {
    let read = move || reading.clone();
    let probe =
        FnProbe::new(StoreKind::Redis, Label::parse(fact).unwrap(), Label::new("CONFIG GET"), read);
    Evidence::measure(&ManualClock::new(), &probe).await
}

async fn retained(ceiling: u64, oldest: Result<Reading, Error>) -> Retained {
    Retained {
        store: StoreKind::Redis,
        class: DataClass::Ephemeral,
        ceiling: measured("maximum age", Ok(Reading::Millis(ceiling))).await,
        setting: Label::new("save"),
        oldest: measured("oldest record", oldest).await,
    }
}

async fn receipt(log: &dyn Append, after: Presence) -> ErasureReceipt {
    let at = period().from;
    let incarnation = Incarnation::new(StoreKind::Redis, sha256(b"run id"));
    let erasure = Erasure {
        reason: ErasureReason::Requested,
        requested: at,
        completed: at,
        stores: vec![StoreErasure {
            store: StoreKind::Redis,
            incarnation,
            before: Presence::Present,
            removed: 1,
            after,
        }],
    };
    let salt = Digest::new([3; 32]);
    let commitment = commit(&salt, &serde_json::to_vec(&erasure).unwrap());
    let entry = Entry::new(at, Operation::Erased, DataClass::Ephemeral).with_commitment(commitment);
    let incorporated = log.append(entry.clone()).await.unwrap();
    ErasureReceipt { erasure, salt, entry, incorporated }
}

#[tokio::test]
async fn a_receipt_verifies_offline_and_any_change_of_it_does_not() {
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    let good = receipt(&log, Presence::Absent).await;
    assert!(verify_receipt(&good, &key(), ORIGIN).is_ok());
    let mut told = good.clone();
    told.erasure.stores[0].removed = 2;
    assert!(verify_receipt(&told, &key(), ORIGIN).is_err());
    let mut salted = good.clone();
    salted.salt = Digest::new([4; 32]);
    assert!(verify_receipt(&salted, &key(), ORIGIN).is_err());
    let mut entry = good.clone();
    entry.entry = entry.entry.with_count(3);
    assert!(verify_receipt(&entry, &key(), ORIGIN).is_err());
    assert!(verify_receipt(&good, &key(), "example.org/other").is_err());
    let present = receipt(&log, Presence::Present).await;
    assert!(verify_receipt(&present, &key(), ORIGIN).is_err());
}

#[tokio::test]
async fn figures_are_counted_and_turn_red() {
    let mut summary = Summary::new(Rules::standard());
    let at = period().from;
    for count in [1, 2, 3] {
        let read = Entry::new(at, Operation::SessionRead, DataClass::Ephemeral).with_count(count);
        summary.add(&read);
    }
    assert_eq!((summary.total(), summary.operations(), summary.rate()), (3, 6, Some(10_000)));
    let green = report().entries(summary.clone()).to_markdown();
    assert!(green.contains("3 of 3 (100.00 %)"), "{green}");
    summary.add(&Entry::new(at, Operation::LeakFound, DataClass::Operational));
    assert_eq!((summary.violating(), summary.rate()), (1, Some(7_500)));
    let red = report().entries(summary);
    let text = red.to_markdown();
    assert!(text.contains("3 of 4 (75.00 %)"));
    assert!(text.contains("1 of 1 entries broke it"));
    assert!(
        text.contains("- Erase the user content found in logs or metrics, and find its way in.")
    );
    assert!(red.to_html().contains("class=\"bad\""));
}

#[tokio::test]
async fn a_hundred_percent_is_shown_only_without_a_violation() {
    let mut summary = Summary::new(Rules::standard());
    let at = period().from;
    for _ in 0..100_000 {
        summary.add(&Entry::new(at, Operation::SessionRead, DataClass::Ephemeral));
    }
    summary.add(&Entry::new(at, Operation::LeakFound, DataClass::Ephemeral));
    assert_eq!(summary.rate(), Some(9_999));
    assert_eq!(Summary::new(Rules::standard()).rate(), None);
}

#[tokio::test]
async fn each_fact_that_is_not_as_it_should_be_has_its_advice() {
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    let down = Error::new(ErrorKind::Unavailable, StoreKind::Redis, "down");
    let calm = report()
        .log(&log)
        .evidence(vec![measured("persistence is off", Ok(Reading::Holds(true))).await])
        .retention(vec![
            retained(23 * HOUR, Ok(Reading::Millis(HOUR))).await,
            retained(23 * HOUR, Ok(Reading::Word(Label::new("empty")))).await,
        ])
        .receipts(vec![receipt(&log, Presence::Absent).await], &[key()], ORIGIN);
    assert_eq!(calm.recommendations(), vec![]);
    let advice = |report: Report| -> Vec<&'static str> {
        report.recommendations().iter().map(|advice| advice.sentence).collect()
    };
    assert_eq!(
        advice(
            report()
                .evidence(vec![measured("persistence is off", Ok(Reading::Holds(false))).await])
        ),
        ["Make this fact hold."]
    );
    assert_eq!(
        advice(report().evidence(vec![measured("persistence is off", Err(down)).await])),
        ["Let the service read this fact, or declare it."]
    );
    for late in [
        retained(25 * HOUR, Ok(Reading::Millis(0))).await,
        retained(HOUR, Ok(Reading::Millis(25 * HOUR))).await,
    ] {
        assert_eq!(
            advice(report().retention(vec![late])),
            ["Change this setting: data stays longer than its class allows."]
        );
    }
    assert_eq!(
        advice(report().retention(vec![retained(HOUR, Err(down)).await])),
        ["Let the service read this setting: how long data stays is not known."]
    );
    assert_eq!(
        advice(report().receipts(vec![receipt(&log, Presence::Present).await], &[key()], ORIGIN)),
        ["Repeat the erasures whose receipts do not verify."]
    );
    let store = Arc::new(MemoryAudit::new());
    open(&store, &Arc::new(MemoryKeeper::new())).await.unwrap().heartbeat().await.unwrap();
    let unwitnessed = open(&store, &Arc::new(MemoryKeeper::new())).await.unwrap();
    assert_eq!(
        advice(report().log(&unwitnessed)),
        ["Keep the newest checkpoint outside the store that holds the log."]
    );
}

#[tokio::test]
async fn the_three_forms_say_the_same_and_load_nothing() {
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    let proof = receipt(&log, Presence::Absent).await;
    log.count(
        Entry::new(period().from, Operation::SessionRead, DataClass::Ephemeral).with_count(41),
    );
    log.count(Entry::new(period().from, Operation::TelemetryWritten, DataClass::Operational));
    log.count(Entry::new(period().from, Operation::LeakFound, DataClass::Operational));
    log.flush().await.unwrap();
    let summary = Summary::read(&log, Rules::standard(), period()).await.unwrap();
    let report = report()
        .log(&log)
        .evidence(vec![
            measured("persistence is off", Ok(Reading::Holds(true))).await,
            measured("TLS group", Ok(Reading::Word(Label::new("X25519MLKEM768")))).await,
            Evidence::declared(
                &ManualClock::new(),
                StoreKind::Postgres,
                Label::new("disk is encrypted"),
                Reading::Holds(true),
            ),
        ])
        .entries(summary)
        .retention(vec![retained(23 * HOUR, Ok(Reading::Millis(HOUR))).await])
        .receipts(vec![proof], &[key()], ORIGIN);
    let (markdown, html) = (report.to_markdown(), report.to_html());
    for text in [
        "X25519MLKEM768",
        "41",
        "declared",
        "no-user-content",
        "verified",
        ORIGIN,
        "not addressable",
    ] {
        let shown = text != "not addressable";
        assert_eq!(markdown.contains(text), shown, "{text}");
        assert_eq!(html.contains(text), shown, "{text}");
    }
    for outside in ["http:", "https:", "src=", "url(", "@import", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for needed in
        ["prefers-color-scheme: dark", "@media print", "<caption>", "scope=\"col\"", "lang=\"en\""]
    {
        assert!(html.contains(needed), "{needed}");
    }
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["report"]["operations"]["violating"], 1);
    assert_eq!(json["report"]["erasures"][0]["proven"], true);
    // For whoever wants to look at it: EVANESCE_REPORT=folder writes the three forms there.
    if let Some(folder) = std::env::var_os("EVANESCE_REPORT") {
        let folder = std::path::Path::new(&folder);
        std::fs::write(folder.join("report.html"), &html).unwrap();
        std::fs::write(folder.join("report.md"), &markdown).unwrap();
    }
}
