//! Consent: asked, answered, taken back, and checked each time data moves.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, in its helpers too"
)]

mod common;

use common::{Composed, Ground, HOUR, Marketing, Topic, Usage, agreed, opened};
use evanesce_anonymize::FoldError;
use evanesce_consent::{Choices, ConsentError, Signals};
use evanesce_core::{Contribution, GrantState, NotGranted, Operation, Purpose};
use evanesce_service::ServiceError;

const EVENT: Composed = Composed { topic: Topic::Energy };

fn not_granted<T>(result: Result<T, NotGranted>) -> GrantState {
    match result {
        Err(NotGranted::State(state)) => state,
        _ => panic!("there is no such answer"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_no_answer() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Absent);
    session.ask().unwrap();
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_refusal() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let challenge = session.ask().unwrap();
    let choices = Choices::new().accept(Marketing::id());
    let receipt = session.answer(challenge.text(), &choices).await.unwrap();
    assert_eq!(receipt.decisions().len(), 2);
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Refused);
    session.granted::<Marketing>().await.unwrap();
    assert_eq!(ground.count(Operation::ConsentGiven), 1);
    assert_eq!(ground.count(Operation::ConsentRefused), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_moves_nothing() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    let _ = house.release_under("a page".to_owned(), &granted).await.unwrap();

    session.withdraw::<Usage>().await.unwrap();
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Withdrawn);
    let withheld = house.release_under("a page".to_owned(), &granted).await;
    assert!(matches!(withheld, Err(ServiceError::NotGranted(_))));
    let folded = session.fold(EVENT, &granted).await;
    assert!(matches!(folded, Err(ServiceError::Fold(FoldError::NotGranted(_)))));
    assert_eq!(ground.count(Operation::OutputReleased), 1);
    assert_eq!(ground.count(Operation::ConsentWithdrawn), 1);

    let twice = session.withdraw::<Usage>().await;
    assert!(matches!(twice, Err(ServiceError::Consent(ConsentError::NotGiven))));
    // Nor was the session's contribution used up.
    let granted = agreed(&session).await;
    assert_eq!(session.fold(EVENT, &granted).await.unwrap(), Contribution::First);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_stands_without_a_log() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    ground.audit.fail();
    let withdrawn = session.withdraw::<Usage>().await;
    assert!(matches!(withdrawn, Err(ServiceError::Consent(ConsentError::Audit(_)))));
    ground.audit.recover();
    assert_eq!(not_granted(granted.recheck().await), GrantState::Withdrawn);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_nothing_is_granted() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let challenge = session.ask().unwrap();
    ground.audit.fail();
    let choices = Choices::new().accept(Usage::id());
    let answered = session.answer(challenge.text(), &choices).await;
    assert!(matches!(answered, Err(ServiceError::Consent(ConsentError::Audit(_)))));
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_signal_outweighs_an_older_consent() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    agreed(&session).await;
    let session = session.with_signals(Signals::from_sec_gpc(Some(&b"1"[..])));
    assert_eq!(not_granted(session.granted::<Usage>().await), GrantState::Withdrawn);
    // Whoever says yes with the signal on has said it to this service.
    agreed(&session).await;
    session.granted::<Usage>().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_of_one_session_and_one_hour() {
    let ground = Ground::new();
    let house = ground.start().await;
    let (one, other) = (opened(&house).await, opened(&house).await);
    let challenge = one.ask().unwrap();
    let choices = Choices::new().accept(Usage::id());
    for text in [challenge.text(), "", "AAAA"] {
        let answered = other.answer(text, &choices).await;
        assert!(matches!(answered, Err(ServiceError::Consent(ConsentError::Altered))));
    }
    assert_eq!(not_granted(other.granted::<Usage>().await), GrantState::Absent);
    ground.pass(HOUR / 2).await;
    one.renew().await.unwrap();
    ground.pass(HOUR / 2).await;
    let answered = one.answer(challenge.text(), &choices).await;
    assert!(matches!(answered, Err(ServiceError::Consent(ConsentError::Expired))));
    assert_eq!(ground.count(Operation::ConsentGiven), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_with_its_session() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    session.erase().await.unwrap();
    assert!(matches!(granted.recheck().await, Err(NotGranted::Unknown(_))));
    let withheld = house.release_under("a page".to_owned(), &granted).await;
    assert!(matches!(withheld, Err(ServiceError::NotGranted(NotGranted::Unknown(_)))));
}
