//! An input is gone in every outcome, and what is said of it was measured.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that it calls"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_core::{
    Append, Blocked, BoxFuture, Clock, Entry, Error, Incorporated, Label, Operation, Outcome,
    Reading, Screen, Standing,
};
use evanesce_pipeline::{Limits, Pipeline, PipelineError, PipelineParts};
use evanesce_testkit::ManualClock;

#[derive(Default)]
struct Counted(Mutex<Vec<Entry>>);

impl Append for Counted {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        panic!("a pipeline only counts")
    }

    fn count(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }
}

fn pipeline(clock: &ManualClock) -> (Pipeline, Arc<Counted>) {
    let audit = Arc::new(Counted::default());
    let parts = PipelineParts {
        clock: Arc::new(clock.clone()),
        audit: Arc::clone(&audit) as Arc<dyn Append>,
        limits: Limits { max_input: 1000, deadline: Duration::from_secs(5), ..Limits::default() },
    };
    (Pipeline::new(parts), audit)
}

fn letter() -> Vec<u8> {
    b"Dear reader, ".iter().chain(b"your number is 4711").copied().collect()
}

#[tokio::test]
async fn work_sees_the_input_and_the_evidence_says_that_it_is_wiped() {
    let (pipeline, audit) = pipeline(&ManualClock::new());
    let input = pipeline.accept(letter()).unwrap();
    let done = pipeline.process(input, |bytes, _| bytes.len()).await.unwrap();
    let (value, evidence) = done.into_parts();
    assert_eq!(value, letter().len());
    let left = evidence.iter().find(|e| e.fact().as_str() == "input bytes left in guarded memory");
    assert_eq!(left.unwrap().reading(), Some(&Reading::Count(0)));
    assert!(evidence.iter().all(|e| e.standing() == Standing::Measured));
    let heap = evidence.iter().find(|e| e.fact().as_str() == "heap of the closure").unwrap();
    assert_eq!(heap.reading(), Some(&Reading::Word(Label::new("HeapNotWiped"))));
    let entries = audit.0.lock().unwrap();
    assert_eq!(entries[0].operation(), Operation::Processed);
    assert_eq!(entries[0].outcome(), Outcome::Done);
}

#[tokio::test]
async fn output_after_the_deadline_is_refused() {
    let clock = ManualClock::new();
    let (pipeline, audit) = pipeline(&clock);
    let input = pipeline.accept(letter()).unwrap();
    let late = pipeline
        .process(input, |_, deadline| {
            assert!(!deadline.has_passed());
            clock.advance(Duration::from_millis(5001));
            assert!(deadline.has_passed());
            "late"
        })
        .await;
    assert_eq!(late.err(), Some(PipelineError::Late));
    assert_eq!(audit.0.lock().unwrap()[0].outcome(), Outcome::Failed);
}

#[tokio::test]
async fn a_panic_becomes_an_outcome_without_its_message() {
    let (pipeline, _) = pipeline(&ManualClock::new());
    let input = pipeline.accept(letter()).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = pipeline
        .process(input, |bytes, _| -> () { panic!("{}", String::from_utf8_lossy(bytes)) })
        .await;
    std::panic::set_hook(hook);
    let error = result.err().unwrap();
    assert_eq!(error, PipelineError::Panicked);
    assert!(!format!("{error} {error:?}").contains("4711"));
}

#[tokio::test]
async fn what_waits_is_ciphertext() {
    let (pipeline, _) = pipeline(&ManualClock::new());
    let input = pipeline.accept(letter()).unwrap();
    assert!(input.len() > letter().len());
    assert_eq!(pipeline.accept(vec![1; 1001]).err(), Some(PipelineError::TooLarge));
}

#[tokio::test]
async fn output_leaves_only_through_the_screen() {
    struct NoNumbers;
    impl Screen for NoNumbers {
        fn screen(&self, payload: &[u8]) -> Result<(), Blocked> {
            if payload.iter().any(u8::is_ascii_digit) {
                return Err(Blocked::new(vec![Label::new("NUMBER")]));
            }
            Ok(())
        }
    }
    let (pipeline, _) = pipeline(&ManualClock::new());
    for (wanted, take) in [(true, 12), (false, 30)] {
        let input = pipeline.accept(letter()).unwrap();
        let done = pipeline.process(input, |bytes, _| bytes[..take].to_vec()).await.unwrap();
        assert_eq!(done.release(&NoNumbers).is_ok(), wanted);
    }
}

#[test]
fn a_deadline_counts_down_by_the_monotonic_clock() {
    let clock = ManualClock::new();
    let timed = evanesce_pipeline::Deadline::run(&clock, Duration::from_secs(2), |deadline| {
        clock.step_to(evanesce_core::Timestamp::from_millis(0));
        clock.advance(Duration::from_secs(1));
        deadline.remaining()
    });
    assert_eq!(timed.unwrap().value, Duration::from_secs(1));
    assert_eq!(clock.now().as_millis(), 1000);
}
