//! Each operation is polled n times and dropped, for every n, before and after each command:
//! the session is then whole or gone, never half, and no plaintext is left behind. One test,
//! so that no other runs beside it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use evanesce_memory::Wipe;
use evanesce_memory::residue::{Needle, scan_process};
use evanesce_session::{ChildToken, SessionError, Sessions, Token};
use support::{HOUR, Halting, House, poll_once, run};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Op {
    Destroy,
    DestroyChild,
    EndEpochs,
    Export,
    Open,
    OpenChild,
    Read,
    ReadChild,
    Renew,
    Rotate,
    RotateEpochs,
    Take,
    Update,
    UpdateChild,
}

const OPS: [Op; 14] = [
    Op::Destroy,
    Op::DestroyChild,
    Op::EndEpochs,
    Op::Export,
    Op::Open,
    Op::OpenChild,
    Op::Read,
    Op::ReadChild,
    Op::Renew,
    Op::Rotate,
    Op::RotateEpochs,
    Op::Take,
    Op::Update,
    Op::UpdateChild,
];

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn start<'a>(
    sessions: &'a Sessions,
    op: Op,
    token: Token,
    child: ChildToken,
    new: String,
) -> Running<'a> {
    // Nothing that it would leave on the heap itself.
    let shorten = |text: &mut String| text.truncate(text.len() - 1);
    let mut new = Some(new);
    if !matches!(op, Op::Open | Op::OpenChild) {
        new.take().into_iter().for_each(wipe);
    }
    Box::pin(async move {
        match op {
            Op::Destroy => drop(sessions.destroy(token).await.unwrap()),
            Op::DestroyChild => drop(sessions.destroy_child(child).await.unwrap()),
            Op::EndEpochs => drop(sessions.end_epochs().await.unwrap()),
            Op::Export => drop(sessions.export::<String>(&token).await.unwrap()),
            Op::Open => {
                let opening = sessions.open(new.as_ref().unwrap());
                new.into_iter().for_each(wipe);
                drop(opening.await.unwrap());
            }
            Op::OpenChild => {
                let opening = sessions.open_child(&token, new.as_ref().unwrap());
                new.into_iter().for_each(wipe);
                drop(opening.await.unwrap());
            }
            Op::Read => sessions.read(&token, |_: &String| ()).await.unwrap(),
            Op::ReadChild => sessions.read_child(&token, &child, |_: &String| ()).await.unwrap(),
            Op::Renew => drop(sessions.renew(&token).await.unwrap()),
            Op::Rotate => drop(sessions.rotate(token).await.unwrap()),
            Op::RotateEpochs => drop(sessions.rotate_epochs().await.unwrap()),
            Op::Take => drop(sessions.take::<String>(token).await.unwrap()),
            Op::Update => sessions.update(&token, shorten).await.unwrap(),
            Op::UpdateChild => sessions.update_child(&token, &child, shorten).await.unwrap(),
        }
    })
}

fn wipe(mut text: String) {
    text.wipe();
}

/// Three copies of one text, so that one look at the memory finds each of them.
fn values() -> (Needle, String, String, String) {
    let mut bytes = vec![0; 64];
    let needle = Needle::random(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    (needle, text.clone(), text.clone(), text)
}

/// Whether it is there, and how often it was changed.
fn seen(read: Result<usize, SessionError>) -> Option<usize> {
    match read {
        Ok(length) => Some(64 - length),
        Err(SessionError::Absent | SessionError::EpochEnded) => None,
        Err(error) => panic!("half a session: {error}"),
    }
}

#[test]
fn a_dropped_operation_leaves_the_session_whole_or_gone() {
    let mut dropped = 0;
    for op in OPS {
        for polls in 1.. {
            let finished = one(op, polls);
            dropped += 1;
            if finished {
                assert!(polls > 1, "{op:?} waits for the store at least once");
                break;
            }
        }
    }
    assert!(dropped > 60, "{dropped}");
}

// Says whether the operation came to its end within so many polls.
fn one(op: Op, polls: u32) -> bool {
    let house = House::with(|store| Arc::new(Halting(store)));
    let sessions = &house.sessions;
    let (needle, text, child_text, new_text) = values();
    let token = run(sessions.open(&text)).unwrap();
    let child = run(sessions.open_child(&token, &child_text)).unwrap();
    wipe(text);
    wipe(child_text);
    // So that a read notes a use.
    house.clock.advance(HOUR / 5);
    let same = || Token::parse(&token.to_text()).unwrap();
    let same_child = || ChildToken::parse(&child.to_text()).unwrap();

    let mut running = start(sessions, op, same(), same_child(), new_text);
    let finished = (0..polls).any(|_| poll_once(&mut running) == Poll::Ready(()));
    drop(running);
    let found = scan_process(&needle).unwrap();
    assert!(found.is_clean(), "{op:?} after {polls} polls: {found:?}");

    let length = |text: &String| text.len();
    let parent = seen(run(sessions.read(&token, length)));
    let below = seen(run(sessions.read_child(&token, &child, length)));
    let may_go = matches!(op, Op::Destroy | Op::EndEpochs | Op::Rotate | Op::Take);
    assert!(parent.is_some() || may_go, "{op:?} after {polls} polls: lost");
    assert!(below.is_none() || parent.is_some(), "{op:?}: a child without its parent");
    assert!(below.is_some() || parent.is_none() || op == Op::DestroyChild, "{op:?}: child lost");
    assert!(parent.unwrap_or(0) <= usize::from(op == Op::Update), "{op:?}: changed twice");
    assert!(below.unwrap_or(0) <= usize::from(op == Op::UpdateChild), "{op:?}: changed twice");
    if finished {
        match op {
            Op::Destroy | Op::EndEpochs | Op::Rotate | Op::Take => assert_eq!(parent, None),
            Op::DestroyChild => assert_eq!((parent, below), (Some(0), None)),
            Op::Update => assert_eq!((parent, below), (Some(1), Some(0))),
            Op::UpdateChild => assert_eq!((parent, below), (Some(0), Some(1))),
            _ => assert_eq!((parent, below), (Some(0), Some(0))),
        }
    }
    // At most what was there and one that a dropped opening or renaming left, which nobody
    // has a token for; and a session is never there under two names.
    let more = usize::from(matches!(op, Op::Open | Op::OpenChild));
    let records = house.store.snapshot().records().count();
    assert!(records <= 2 + more, "{op:?} after {polls} polls: {records} records");
    // Whatever is left goes on: it can be changed, and ended.
    if parent.is_some() {
        run(sessions.update(&token, |text: &mut String| text.push('?'))).unwrap();
    }
    assert!(run(sessions.destroy(same())).is_ok());
    assert!(run(sessions.read(&token, length)).is_err());
    assert!(run(sessions.read_child(&token, &child, length)).is_err());
    finished
}
