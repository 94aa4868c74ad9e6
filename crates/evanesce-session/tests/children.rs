//! Children cannot outlive their parent, and open nothing without it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use evanesce_session::{ChildToken, Destroyed, SessionError, SessionPolicy, Sessions, Token};
use support::{HOUR, House, parts, policy};

struct Family {
    house: House,
    parent: Token,
    child: ChildToken,
}

impl Family {
    async fn new() -> Self {
        let house = House::new();
        let parent = house.sessions.open(&String::from("parent")).await.unwrap();
        let child = house.sessions.open_child(&parent, &String::from("child")).await.unwrap();
        let family = Self { house, parent, child };
        assert_eq!(family.read().await.unwrap(), "child");
        family
    }

    async fn read(&self) -> Result<String, SessionError> {
        read(&self.house.sessions, &self.parent, &self.child).await
    }

    fn parent(&self) -> Token {
        Token::parse(&self.parent.to_text()).unwrap()
    }

    fn child(&self) -> ChildToken {
        ChildToken::parse(&self.child.to_text()).unwrap()
    }
}

async fn read(
    sessions: &Sessions,
    parent: &Token,
    child: &ChildToken,
) -> Result<String, SessionError> {
    sessions.read_child(parent, child, |text: &String| text.clone()).await
}

#[tokio::test]
async fn a_child_is_read_updated_and_destroyed_beside_its_parent() {
    let family = Family::new().await;
    let sessions = &family.house.sessions;
    let change = |text: &mut String| text.push('!');
    sessions.update_child(&family.parent, &family.child, change).await.unwrap();
    assert_eq!(read(&family.house.node(), &family.parent, &family.child).await.unwrap(), "child!");
    let second = sessions.open_child(&family.parent, &String::from("second")).await.unwrap();
    assert_eq!(sessions.destroy_child(family.child()).await.unwrap(), Destroyed::Removed);
    assert!(matches!(family.read().await, Err(SessionError::Absent)));
    assert_eq!(sessions.destroy_child(family.child()).await.unwrap(), Destroyed::Absent);
    assert_eq!(read(sessions, &family.parent, &second).await.unwrap(), "second");
    let parent = sessions.read(&family.parent, |text: &String| text.clone()).await;
    assert_eq!(parent.unwrap(), "parent");
}

#[tokio::test]
async fn children_are_gone_with_their_destroyed_parent() {
    let family = Family::new().await;
    family.house.sessions.destroy(family.parent()).await.unwrap();
    assert!(matches!(family.read().await, Err(SessionError::Absent)));
    let update =
        family.house.sessions.update_child(&family.parent, &family.child, |_: &mut String| ());
    assert!(matches!(update.await, Err(SessionError::Absent)));
    let late = family.house.sessions.open_child(&family.parent, &String::new()).await;
    assert!(matches!(late, Err(SessionError::Absent)));
}

#[tokio::test]
async fn children_are_gone_with_their_taken_parent() {
    let family = Family::new().await;
    drop(family.house.sessions.take::<String>(family.parent()).await.unwrap());
    assert!(matches!(family.read().await, Err(SessionError::Absent)));
}

#[tokio::test]
async fn children_are_gone_with_the_epoch() {
    let family = Family::new().await;
    family.house.node().end_epochs().await.unwrap();
    assert!(matches!(family.read().await, Err(SessionError::EpochEnded)));
}

#[tokio::test]
async fn children_are_gone_with_their_idle_parent() {
    let family = Family::new().await;
    family.house.clock.advance(HOUR);
    assert!(matches!(family.read().await, Err(SessionError::Absent | SessionError::Expired)));
}

#[tokio::test]
async fn using_a_child_is_using_its_parent() {
    let family = Family::new().await;
    for _ in 0..7 {
        family.house.clock.advance(HOUR / 2);
        family.read().await.unwrap();
    }
    family.house.sessions.read(&family.parent, |_: &String| ()).await.unwrap();
    family.house.clock.advance(HOUR / 2);
    assert!(family.read().await.is_err(), "but the four hours of both are over");
}

/// A node whose policy gives longer lives gives a child none that is longer than its
/// parent's, in what the store keeps as well.
#[tokio::test]
async fn a_child_ends_with_its_parent_whatever_the_policy_says() {
    let house = House::new();
    let parent = house.sessions.open(&1_u64).await.unwrap();
    house.clock.advance(HOUR / 2);
    let parts = parts(house.store.clone(), &house.clock, &house.root, &house.audit);
    let long = Sessions::new(parts, policy(24, 24, 1000));
    let child = long.open_child(&parent, &2_u64).await.unwrap();
    let snapshot = house.store.snapshot();
    let ends: Vec<_> = snapshot.records().map(|(_, record)| record.absolute).collect();
    assert_eq!(ends.len(), 2);
    assert_eq!(ends[0], ends[1]);
    let read = long.read_child(&parent, &child, |value: &u64| *value).await;
    assert_eq!(read.unwrap(), 2);
    // A parent that is renewed lives on, and its child ends when it was to end.
    house.sessions.renew(&parent).await.unwrap();
    for _ in 0..7 {
        house.clock.advance(HOUR / 2);
        house.sessions.read(&parent, |_: &u64| ()).await.unwrap();
    }
    assert!(long.read_child(&parent, &child, |_: &u64| ()).await.is_err());
    house.sessions.read(&parent, |_: &u64| ()).await.unwrap();
}

#[tokio::test]
async fn a_rotated_parent_keeps_its_children() {
    let family = Family::new().await;
    let rotated = family.house.sessions.rotate(family.parent()).await.unwrap();
    assert!(matches!(family.read().await, Err(SessionError::Absent)), "the old name is dead");
    let sessions = family.house.node();
    assert_eq!(read(&sessions, &rotated, &family.child).await.unwrap(), "child");
    // Data and compartments of the parent change, and its children stay too.
    sessions.update(&rotated, |text: &mut String| text.push('!')).await.unwrap();
    assert_eq!(read(&sessions, &rotated, &family.child).await.unwrap(), "child");
}

/// What opens a child is in three hands: its token, its epoch, and its parent's record.
#[tokio::test]
async fn a_child_without_its_parent_opens_nothing() {
    let family = Family::new().await;
    let sessions = &family.house.sessions;
    // Its token in the form of a session's finds nothing, and the other way round.
    let digits = family.child.to_text()[5..].to_owned();
    let alone = Token::parse(&format!("ev1_{digits}")).unwrap();
    assert!(matches!(sessions.read(&alone, |_: &String| ()).await, Err(SessionError::Absent)));
    assert!(Token::parse(&family.child.to_text()).is_err());
    assert!(ChildToken::parse(&family.parent.to_text()).is_err());
    // Under another parent of the same tag, with a record and an epoch that stand.
    let tag = |token: &Token| sessions.subject(token).unwrap().handle()[0];
    let other = loop {
        let other = sessions.open(&String::from("other")).await.unwrap();
        if tag(&other) == tag(&family.parent) {
            break other;
        }
    };
    assert!(matches!(read(sessions, &other, &family.child).await, Err(SessionError::Absent)));
    sessions.open_child(&other, &String::from("theirs")).await.unwrap();
    assert!(matches!(read(sessions, &other, &family.child).await, Err(SessionError::Crypto(_))));
    assert_eq!(family.read().await.unwrap(), "child", "the control opens");
}

#[tokio::test]
async fn a_parent_of_another_tag_has_no_such_child() {
    let family = Family::new().await;
    let sessions = &family.house.sessions;
    let tag = |token: &Token| sessions.subject(token).unwrap().handle()[0];
    let other = loop {
        let other = sessions.open(&String::from("other")).await.unwrap();
        if tag(&other) != tag(&family.parent) {
            break other;
        }
    };
    assert!(matches!(read(sessions, &other, &family.child).await, Err(SessionError::Absent)));
}

#[tokio::test]
async fn children_count_towards_the_limit_of_their_own_record() {
    let house = House::new();
    let parts = parts(house.store.clone(), &house.clock, &house.root, &house.audit);
    let small = SessionPolicy { max_bytes: 200, ..SessionPolicy::default() };
    let sessions = Sessions::new(parts, small);
    let parent = sessions.open(&1_u64).await.unwrap();
    let large = sessions.open_child(&parent, &"x".repeat(300)).await;
    assert!(matches!(large, Err(SessionError::TooLarge)));
    assert!(sessions.open_child(&parent, &"x".repeat(100)).await.is_ok());
}
