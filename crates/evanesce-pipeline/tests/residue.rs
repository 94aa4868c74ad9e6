//! However the work ends, nothing of the input is left in this process.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::panic::panic_any;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use evanesce_core::{Append, BoxFuture, Clock, Entry, Error, Incorporated};
use evanesce_memory::{assert_no_residue, residue::Needle, scrub_stack_deeply};
use evanesce_pipeline::{Limits, Pipeline, PipelineError, PipelineParts};
use evanesce_testkit::ManualClock;

struct Unlogged;

impl Append for Unlogged {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        panic!("a pipeline only counts")
    }

    fn count(&self, _: Entry) {}
}

fn pipeline(clock: &ManualClock, max_input: usize) -> Pipeline {
    Pipeline::new(PipelineParts {
        clock: Arc::new(clock.clone()),
        audit: Arc::new(Unlogged),
        limits: Limits { max_input, ..Limits::default() },
    })
}

/// An input that occurs nowhere else, and what it is looked for by.
#[inline(never)]
fn input() -> (Vec<u8>, Needle) {
    let mut random = [0; 24];
    evanesce_crypto::random(&mut random).unwrap();
    (amid(&random), Needle::from_slice(&mut random).unwrap())
}

/// An allocator writes over both ends of what is freed.
fn amid(bytes: &[u8]) -> Vec<u8> {
    [&[b' '; 200], bytes, &[b' '; 200]].concat()
}

/// As [`input`], of letters.
#[inline(never)]
fn letters() -> (Vec<u8>, Needle) {
    let mut random = [0; 24];
    evanesce_crypto::random(&mut random).unwrap();
    random.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
    (amid(&random), Needle::from_slice(&mut random).unwrap())
}

fn done<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn what_waits_and_what_is_refused_is_not_in_memory() {
    let clock = ManualClock::new();
    let (letter, needle) = input();
    let waits = pipeline(&clock, 1000).accept(letter).unwrap();
    scrub_stack_deeply();
    assert_no_residue!(needle);
    drop(waits);
    let (letter, needle) = input();
    assert_eq!(pipeline(&clock, 23).accept(letter).err(), Some(PipelineError::TooLarge));
    scrub_stack_deeply();
    assert_no_residue!(needle);
}

#[test]
fn work_that_ends_in_time_leaves_nothing() {
    let (letter, needle) = input();
    let pipeline = pipeline(&ManualClock::new(), 1000);
    let input = pipeline.accept(letter).unwrap();
    let length = done(pipeline.process(input, |bytes, _| bytes.len())).unwrap().unwrap();
    assert_eq!(length.into_parts().0, 424);
    scrub_stack_deeply();
    assert_no_residue!(needle);
}

#[test]
fn work_that_panics_leaves_nothing() {
    let (letter, needle) = input();
    let pipeline = pipeline(&ManualClock::new(), 1000);
    let input = pipeline.accept(letter).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ended = done(pipeline.process(input, |bytes, _| -> () {
        assert!(bytes.is_empty(), "of the input only this is said");
    }));
    std::panic::set_hook(hook);
    assert_eq!(ended.unwrap().err(), Some(PipelineError::Panicked));
    scrub_stack_deeply();
    assert_no_residue!(needle);
}

#[test]
fn the_message_of_a_panic_is_wiped_and_may_panic_as_it_is_dropped() {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
    let (letter, needle) = letters();
    let pipeline = pipeline(&ManualClock::new(), 1000);
    let input = pipeline.accept(letter).unwrap();
    let other = pipeline.accept(b"another".to_vec()).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let quoted = done(pipeline.process(input, |bytes, _| -> () {
        panic_any(String::from_utf8(bytes.to_vec()).unwrap());
    }));
    let again = done(pipeline.process(other, |_, _| -> () { panic_any(Again) }));
    std::panic::set_hook(hook);
    assert_eq!(quoted.unwrap().err(), Some(PipelineError::Panicked));
    assert_eq!(again.unwrap().err(), Some(PipelineError::Panicked));
    scrub_stack_deeply();
    assert_no_residue!(needle);
}

#[test]
fn work_that_is_late_leaves_nothing_of_input_or_output() {
    let clock = ManualClock::new();
    let (letter, needle) = input();
    let pipeline = pipeline(&clock, 1000);
    let input = pipeline.accept(letter).unwrap();
    let late = done(pipeline.process(input, |bytes, _| {
        clock.advance(Duration::from_secs(6));
        // Output in guarded memory is wiped as it is dropped.
        let mut output = evanesce_memory::SecretBytes::zeroed(bytes.len()).unwrap();
        assert_eq!(output.copy_at(0, bytes), bytes.len());
        output
    }));
    assert_eq!(late.unwrap().err(), Some(PipelineError::Late));
    assert!(clock.now().as_millis() > 0);
    scrub_stack_deeply();
    assert_no_residue!(needle);
}

#[test]
fn work_that_is_given_up_leaves_nothing() {
    let (letter, needle) = input();
    let pipeline = pipeline(&ManualClock::new(), 1000);
    let input = pipeline.accept(letter).unwrap();
    // Dropped before it began, as when a client has hung up.
    drop(pipeline.process(input, |_, _| panic!("it never runs")));
    scrub_stack_deeply();
    assert_no_residue!(needle);
}
