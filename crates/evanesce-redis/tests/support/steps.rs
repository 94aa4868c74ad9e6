use evanesce_core::ErrorKind;
use evanesce_redis::RedisStore;
use evanesce_session::{
    ChildToken, Destroyed, Failed, SessionError, SessionStore, Sessions, Token,
};

use super::{copy, patiently, read};

/// Every operation of sessions, and the second request of an update.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    Destroy,
    DestroyChild,
    End,
    Export,
    Open,
    OpenChild,
    Read,
    ReadChild,
    Renew,
    Rotate,
    Sweep,
    Take,
    Update,
    UpdateChild,
    /// What was changed is on its way: the first request of the update has been answered.
    Write,
}

pub const STEPS: [Step; 15] = [
    Step::Destroy,
    Step::DestroyChild,
    Step::End,
    Step::Export,
    Step::Open,
    Step::OpenChild,
    Step::Read,
    Step::ReadChild,
    Step::Renew,
    Step::Rotate,
    Step::Sweep,
    Step::Take,
    Step::Update,
    Step::UpdateChild,
    Step::Write,
];

/// Whether the server's memory was the same before a break and after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Memory {
    Same,
    Another,
}

/// Sessions before a step: one that is destroyed, and one with a child that lives.
pub struct Scene<'a> {
    sessions: &'a Sessions,
    gone: Token,
    held: Token,
    child: ChildToken,
}

/// What came of a step, with the token of a session that it made or gave back.
pub struct Outcome {
    pub error: Option<SessionError>,
    fresh: Option<Token>,
    back: Option<Token>,
}

impl<'a> Scene<'a> {
    /// `between` runs after both sessions were opened and before one of them is destroyed.
    pub async fn set(sessions: &'a Sessions, between: impl AsyncFnOnce()) -> Self {
        let gone = opened(sessions).await;
        let held = opened(sessions).await;
        let child = || sessions.open_child(&held, &String::from("a child"));
        let child = patiently(async || child().await).await.unwrap();
        between().await;
        sessions.destroy(copy(&gone)).await.unwrap();
        Self { sessions, gone, held, child }
    }

    /// One step. `arm` is called right before the request that is to meet the break.
    pub async fn run(&self, step: Step, store: &RedisStore, arm: impl Fn() + Send) -> Outcome {
        let (sessions, token) = (self.sessions, copy(&self.held));
        let child = || ChildToken::parse(&self.child.to_text()).unwrap();
        if step != Step::Write {
            arm();
        }
        match step {
            Step::Destroy => ended(sessions.destroy(token).await),
            Step::DestroyChild => match sessions.destroy_child(child()).await {
                Ok(_) => told(Ok(())),
                Err(failed) => told(Err(failed.error)),
            },
            Step::End => told(sessions.end_epochs().await.map(drop)),
            Step::Export => told(sessions.export::<String>(&token).await.map(drop)),
            Step::Open => made(sessions.open(&String::from("another")).await),
            Step::OpenChild => {
                told(sessions.open_child(&token, &String::from("another")).await.map(drop))
            }
            Step::Read => told(read(sessions, &token).await.map(drop)),
            Step::ReadChild => {
                let read = |text: &String| text.clone();
                told(sessions.read_child(&token, &self.child, read).await.map(drop))
            }
            Step::Renew => told(sessions.renew(&token).await.map(drop)),
            Step::Rotate => match sessions.rotate(token).await {
                Ok(token) => made(Ok(token)),
                Err(failed) => given_back(failed),
            },
            Step::Sweep => {
                let swept = store.sweep(1_000).await.map_err(SessionError::Store);
                told(swept.map(|swept| assert_eq!(swept.expired + swept.without_expiry, 0)))
            }
            Step::Take => match sessions.take::<String>(token).await {
                Ok(_) => told(Ok(())),
                Err(failed) => given_back(failed),
            },
            Step::Update => told(sessions.update(&token, |text: &mut String| text.push('!')).await),
            Step::UpdateChild => {
                let change = |text: &mut String| text.push('!');
                told(sessions.update_child(&token, &self.child, change).await)
            }
            Step::Write => {
                let change = |text: &mut String| {
                    arm();
                    text.push('!');
                };
                told(sessions.update(&token, change).await)
            }
        }
    }

    /// What must hold once the server is whole again: how many sessions came back that were
    /// destroyed, and how many were lost without an error.
    pub async fn judge(&self, step: Step, memory: Memory, outcome: Outcome) -> (usize, usize) {
        let what = format!("{step:?}, {:?}", outcome.error);
        let (mut back, mut lost) = (0, 0);
        back += usize::from(self.value(&self.gone).await.is_ok());
        let seen = self.value(&self.held).await;
        if let Err(error) = &seen {
            let typed = matches!(error, SessionError::Absent | SessionError::EpochEnded);
            assert!(typed, "{what}, then {error:?}");
        }
        let done = outcome.error.is_none();
        let consumes = matches!(step, Step::Destroy | Step::End | Step::Rotate | Step::Take);
        back += usize::from(consumes && done && seen.is_ok());
        lost += usize::from(memory == Memory::Same && !consumes && seen.is_err());
        let changes = matches!(step, Step::Update | Step::Write);
        if let Ok(value) = &seen {
            let (new, old) = (value == "somebody!", value == "somebody");
            assert!(new || old, "{what}: {value}");
            lost += usize::from(changes && done && !new);
            assert!(changes || old, "{what}: {value}");
        }
        self.judge_child(step, done, seen.is_ok(), (memory, &what), &mut back, &mut lost).await;
        if let Some(token) = &outcome.fresh {
            let fresh = self.value(token).await;
            lost += usize::from(memory == Memory::Same && fresh.is_err());
            let two = step == Step::Rotate && fresh.is_ok() && seen.is_ok();
            assert!(!two, "two sessions of one: {what}");
        }
        if let Some(token) = outcome.back {
            // The token that a failure gave back ends what there still is.
            let again = patiently(async || {
                self.sessions.destroy(copy(&token)).await.map_err(|failed| failed.error)
            });
            let again = again.await;
            assert!(
                matches!(again, Ok(Destroyed::Removed | Destroyed::Absent)),
                "{what}: {again:?}"
            );
            back += usize::from(self.value(&token).await.is_ok());
        }
        (back, lost)
    }

    async fn judge_child(
        &self,
        step: Step,
        done: bool,
        parent: bool,
        (memory, what): (Memory, &str),
        back: &mut usize,
        lost: &mut usize,
    ) {
        let read = async || {
            self.sessions.read_child(&self.held, &self.child, |text: &String| text.clone()).await
        };
        let seen = patiently(read).await;
        let over = !parent || (step == Step::DestroyChild && done);
        *back += usize::from(over && seen.is_ok());
        let lives = memory == Memory::Same && parent && step != Step::DestroyChild;
        *lost += usize::from(lives && seen.is_err());
        if let Ok(value) = seen {
            let new = value == "a child!";
            assert!(new || value == "a child", "{what}: {value}");
            assert!(step == Step::UpdateChild || !new, "{what}: {value}");
            *lost += usize::from(step == Step::UpdateChild && done && !new);
        }
    }

    async fn value(&self, token: &Token) -> Result<String, SessionError> {
        patiently(async || read(self.sessions, token).await).await
    }
}

async fn opened(sessions: &Sessions) -> Token {
    let opened = patiently(async || sessions.open(&String::from("somebody")).await).await;
    opened.unwrap()
}

fn told(result: Result<(), SessionError>) -> Outcome {
    Outcome { error: result.err(), fresh: None, back: None }
}

fn made(result: Result<Token, SessionError>) -> Outcome {
    match result {
        Ok(token) => Outcome { error: None, fresh: Some(token), back: None },
        Err(error) => told(Err(error)),
    }
}

fn ended(result: Result<Destroyed, Failed>) -> Outcome {
    result.map_or_else(given_back, |_| told(Ok(())))
}

fn given_back(failed: Failed) -> Outcome {
    Outcome { error: Some(failed.error), fresh: None, back: Some(failed.token) }
}
