//! A process that forbids core dumps says so in its report. In a file of its own, because
//! it holds for the whole process.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use common::Ground;
use evanesce_audit::Period;
use evanesce_core::{Timestamp, label};

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_process_says_what_the_kernel_answered() {
    let period = Period { from: Timestamp::from_millis(0), to: Timestamp::MAX };
    let told = |house: evanesce_service::Evanesce| async move {
        let report = house.report(label!("tests"), period, vec![], vec![]).await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        let evidence = json["report"]["evidence"].as_array().unwrap().clone();
        let fact = evidence.into_iter().find(|e| e["fact"] == "core dumps and tracing").unwrap();
        house.stop().await.unwrap();
        fact["reading"]["word"].as_str().unwrap().to_owned()
    };
    let ground = Ground::new();
    assert_eq!(told(ground.start().await).await, "allowed");
    let protected = ground.builder().protect_process().start().await.unwrap();
    assert_eq!(told(protected).await, "forbidden");
}
