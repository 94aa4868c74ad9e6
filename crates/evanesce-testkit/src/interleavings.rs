//! Every order, at the granularity of store commands, of concurrent operations on one
//! session: nothing destroyed comes back, and nothing live is lost without a typed error.
//!
//! Two operations at once are tried in every order. Of three a sample is tried, seeded by
//! `EVANESCE_SEED`; with `EVANESCE_EXHAUSTIVE=1` all of them. The operations run on two nodes
//! that share the store and nothing else.
#![allow(clippy::print_stdout, reason = "a run says what it tried, and on which store")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Entry, Error, ErrorKind, Incorporated, Lifetime, Namespace, StoreKind,
};
use evanesce_crypto::{Root, random};
use evanesce_session::{
    ChildToken, Destroyed, EpochStore, MemoryStore, SessionError, SessionParts, SessionPolicy,
    SessionStore, Sessions, Snapshot, Token,
};

use crate::ManualClock;
use crate::stepping::{Gate, Stepping};

/// An empty namespace on a store, for one order.
pub struct Ground {
    /// Its name, which no other ground has.
    pub namespace: Namespace,
    /// The store of sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The store of epochs.
    pub epochs: Arc<dyn EpochStore>,
    /// The nodes' clock. That of a server does not follow when it is moved.
    pub clock: ManualClock,
    /// How the store is put back, if a test can do that to it.
    pub backups: Option<Arc<dyn Backups>>,
}

/// Gives a ground for each order.
pub type Grounds = dyn Fn() -> BoxFuture<'static, Ground> + Send + Sync;

/// A store that a test can put back to what it was.
pub trait Backups: Send + Sync {
    /// Keeps a copy of everything.
    fn save(&self, which: Backup) -> BoxFuture<'_, ()>;
    /// Puts the copy in the place of what is there, as a server does that comes back.
    fn restore(&self, which: Backup) -> BoxFuture<'_, ()>;
}

/// Which copy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backup {
    /// A dump of an hour ago, with a session that was destroyed since.
    HourAgo,
    /// What a replica had when the operations began.
    Replica,
}

/// What may happen at once.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is the operation of its name")]
pub enum Op {
    Destroy,
    DestroyChild,
    End,
    Expire,
    Open,
    OpenChild,
    Promote,
    Read,
    ReadChild,
    Renew,
    Restore,
    Rotate,
    Sweep,
    Take,
    Update,
    UpdateChild,
}

/// All of them.
pub const OPS: [Op; 16] = [
    Op::Destroy,
    Op::DestroyChild,
    Op::End,
    Op::Expire,
    Op::Open,
    Op::OpenChild,
    Op::Promote,
    Op::Read,
    Op::ReadChild,
    Op::Renew,
    Op::Restore,
    Op::Rotate,
    Op::Sweep,
    Op::Take,
    Op::Update,
    Op::UpdateChild,
];

/// Tries every order of each two operations, and says how many there were.
pub async fn two_operations_in_every_order(name: &str, grounds: &Grounds) -> u64 {
    let (ops, mut tried) = (possible(grounds).await, 0);
    for (at, one) in ops.iter().enumerate() {
        for two in &ops[at..] {
            tried += every_order(&[*one, *two], grounds).await;
        }
    }
    println!("{name}: {tried} orders of two operations, all there are");
    tried
}

/// Tries `each` orders of each three operations, or all of them where
/// `EVANESCE_EXHAUSTIVE` is 1, and says how many it were.
pub async fn three_operations_in_many_orders(name: &str, grounds: &Grounds, each: u32) -> u64 {
    let (ops, mut triples) = (possible(grounds).await, Vec::new());
    for (at, one) in ops.iter().enumerate() {
        for (next, two) in ops.iter().enumerate().skip(at) {
            triples.extend(ops[next..].iter().map(|three| [*one, *two, *three]));
        }
    }
    let mut tried = 0;
    if std::env::var("EVANESCE_EXHAUSTIVE").is_ok_and(|value| value == "1") {
        for ops in &triples {
            tried += every_order(ops, grounds).await;
        }
        println!("{name}: {tried} orders of three operations, all there are");
        return tried;
    }
    let seed = std::env::var("EVANESCE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(1);
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for ops in &triples {
        for _ in 0..each {
            let pick = |_: usize, alive: usize| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random % alive as u64) as usize
            };
            schedule(ops, grounds, pick).await;
            tried += 1;
        }
    }
    println!("{name}: {tried} orders of three operations, a sample seeded with {seed}");
    tried
}

async fn possible(grounds: &Grounds) -> Vec<Op> {
    let restorable = grounds().await.backups.is_some();
    let needs_backups = |op: &Op| matches!(op, Op::Promote | Op::Restore);
    OPS.into_iter().filter(|op| restorable || !needs_backups(op)).collect()
}

/// All orders of these operations, each run from the beginning.
async fn every_order(ops: &[Op], grounds: &Grounds) -> u64 {
    let (mut tried, mut prefix) = (0, Vec::<usize>::new());
    loop {
        let pick = |at: usize, alive: usize| prefix.get(at).copied().unwrap_or(0).min(alive - 1);
        let steps = schedule(ops, grounds, pick).await;
        tried += 1;
        let Some(at) = steps.iter().rposition(|(choice, of)| choice + 1 < *of) else {
            return tried;
        };
        prefix = steps[..=at].iter().map(|(choice, _)| *choice).collect();
        prefix[at] += 1;
    }
}

/// Runs one order, as `choose` picks among those that still run, and says what was picked
/// out of how many. A new session whose random tag meets another's needs fewer commands,
/// which would be another order: such a run, one in 256, is made again.
async fn schedule(
    ops: &[Op],
    grounds: &Grounds,
    mut choose: impl FnMut(usize, usize) -> usize,
) -> Vec<(usize, usize)> {
    loop {
        let world = World::new(grounds().await).await;
        let (steps, outcomes) = world.run(ops, &mut choose).await;
        let met = world.tags_met(&outcomes);
        world.judge(ops, outcomes).await;
        if !met {
            return steps;
        }
    }
}

/// How an operation ended.
#[expect(missing_docs, reason = "each is the outcome of the operation of its name")]
pub enum Done {
    Destroyed(Result<Destroyed, SessionError>),
    DestroyedChild(Result<Destroyed, SessionError>),
    /// Of what no answer is judged.
    Happened,
    Opened(Result<Token, SessionError>),
    OpenedChild(Result<ChildToken, SessionError>),
    Read(Result<u64, SessionError>),
    ReadChild(Result<u64, SessionError>),
    Renewed(Result<(), SessionError>),
    Rotated(Result<Token, SessionError>),
    Swept(u64),
    Taken(Result<u64, SessionError>),
    Updated(Result<(), SessionError>),
    UpdatedChild(Result<(), SessionError>),
}

type Running<'a> = Pin<Box<dyn Future<Output = Done> + 'a>>;

/// A session with a child, on two nodes; and one that was destroyed within the last hour.
pub struct World {
    gate: Gate,
    ground: Ground,
    root: Arc<Root>,
    nodes: [Sessions; 2],
    token: Token,
    child: ChildToken,
    ghost: Token,
}

const VALUE: u64 = 0;
const CHILD: u64 = 1000;
const NEW: u64 = 100_000;

impl World {
    /// Sets it up on a ground.
    pub async fn new(ground: Ground) -> Self {
        let (gate, root) = (Gate::default(), Arc::new(Root::generate().unwrap()));
        let nodes = [node(&ground, &gate, &root), node(&ground, &gate, &root)];
        let ghost = nodes[0].open(&VALUE).await.unwrap();
        let token = nodes[0].open(&VALUE).await.unwrap();
        let child = nodes[1].open_child(&token, &CHILD).await.unwrap();
        if let Some(backups) = &ground.backups {
            backups.save(Backup::HourAgo).await;
        }
        // Long enough that a read has a use to note, which is a write of its own.
        ground.clock.advance(Duration::from_secs(3600));
        let destroyed = nodes[1].destroy(copy(&ghost)).await.unwrap();
        assert_eq!(destroyed, Destroyed::Removed);
        if let Some(backups) = &ground.backups {
            backups.save(Backup::Replica).await;
        }
        Self { gate, ground, root, nodes, token, child, ghost }
    }

    /// The session that the operations are about.
    pub fn token(&self) -> Token {
        copy(&self.token)
    }

    /// The node on which the first operation runs.
    pub const fn sessions(&self) -> &Sessions {
        &self.nodes[0]
    }

    async fn run(
        &self,
        ops: &[Op],
        choose: &mut impl FnMut(usize, usize) -> usize,
    ) -> (Vec<(usize, usize)>, Vec<Done>) {
        let start = |(at, op): (usize, &Op)| Some(self.start(&self.nodes[at % 2], *op));
        let mut running: Vec<Option<Running<'_>>> = ops.iter().enumerate().map(start).collect();
        let mut outcomes: Vec<Option<Done>> = ops.iter().map(|_| None).collect();
        // The first step runs up to the first command; from then on a step is a command.
        for operation in running.iter_mut().flatten() {
            assert!(self.gate.step(operation).await.is_none(), "each sends a command");
        }
        let mut steps = Vec::new();
        loop {
            let alive: Vec<usize> = (0..ops.len()).filter(|at| running[*at].is_some()).collect();
            if alive.is_empty() {
                break;
            }
            let choice = choose(steps.len(), alive.len());
            steps.push((choice, alive.len()));
            let at = alive[choice];
            if let Some(operation) = &mut running[at]
                && let Some(done) = self.gate.step(operation).await
            {
                outcomes[at] = Some(done);
                running[at] = None;
            }
            assert!(steps.len() < 200, "{ops:?}: no end");
        }
        self.gate.open();
        (steps, outcomes.into_iter().flatten().collect())
    }

    fn start<'a>(&'a self, node: &'a Sessions, op: Op) -> Running<'a> {
        let (token, child) = (copy(&self.token), copy_child(&self.child));
        match op {
            Op::Destroy => Box::pin(async move {
                Done::Destroyed(node.destroy(token).await.map_err(|failed| failed.error))
            }),
            Op::DestroyChild => Box::pin(async move {
                let destroyed = node.destroy_child(child).await;
                Done::DestroyedChild(destroyed.map_err(|failed| failed.error))
            }),
            Op::End => Box::pin(async move {
                node.end_epochs().await.unwrap();
                Done::Happened
            }),
            Op::Expire => self.happens(async |world: &Self| {
                world.ground.clock.advance(Duration::from_secs(5 * 3600));
            }),
            Op::Open => Box::pin(async move { Done::Opened(node.open(&NEW).await) }),
            Op::OpenChild => {
                Box::pin(async move { Done::OpenedChild(node.open_child(&token, &NEW).await) })
            }
            Op::Promote => self.happens(async |world: &Self| world.restore(Backup::Replica).await),
            Op::Read => Box::pin(async move { Done::Read(value(node, &token).await) }),
            Op::ReadChild => {
                Box::pin(async move { Done::ReadChild(child_value(node, &token, &child).await) })
            }
            Op::Renew => Box::pin(async move { Done::Renewed(node.renew(&token).await.map(drop)) }),
            Op::Restore => self.happens(async |world: &Self| world.restore(Backup::HourAgo).await),
            Op::Rotate => Box::pin(async move {
                Done::Rotated(node.rotate(token).await.map_err(|failed| failed.error))
            }),
            Op::Sweep => Box::pin(async move {
                self.gate.pass().await;
                let swept = self.ground.sessions.sweep(1000).await.unwrap();
                assert_eq!(swept.without_expiry, 0);
                Done::Swept(swept.expired)
            }),
            Op::Take => Box::pin(async move {
                let taken = node.take::<u64>(token).await;
                Done::Taken(taken.map(|plain| *plain).map_err(|failed| failed.error))
            }),
            Op::Update => Box::pin(async move {
                Done::Updated(node.update(&token, |value: &mut u64| *value += 1).await)
            }),
            Op::UpdateChild => Box::pin(async move {
                let change = |value: &mut u64| *value += 1;
                Done::UpdatedChild(node.update_child(&token, &child, change).await)
            }),
        }
    }

    fn happens<'a>(&'a self, what: impl AsyncFnOnce(&Self) + 'a) -> Running<'a> {
        Box::pin(async move {
            self.gate.pass().await;
            what(self).await;
            Done::Happened
        })
    }

    async fn restore(&self, which: Backup) {
        self.ground.backups.as_ref().unwrap().restore(which).await;
    }

    /// Compares with the model: what any order of whole operations could have given.
    pub async fn judge(&self, ops: &[Op], outcomes: Vec<Done>) {
        let any = |some: &[Op]| some.iter().any(|op| ops.contains(op));
        let went_back = any(&[Op::Promote, Op::Restore]);
        let ended = went_back || any(&[Op::End, Op::Expire]);
        let mut found = Found::default();
        for outcome in outcomes {
            found.note(ops, outcome);
        }
        let Found { ends, updates, child_ends, child_updates, .. } = found;
        assert!(ends <= 1 || went_back, "{ops:?}: ended twice");
        assert!(child_ends <= 1 || went_back, "{ops:?}: a child ended twice");
        assert!(found.rotated.len() <= 1 || went_back, "{ops:?}: two successors");
        if let Some(value) = found.taken {
            // What was acknowledged before a copy came back is part of neither.
            assert!(value == updates || went_back, "{ops:?}: taken too early");
        }
        let read = found.reads.iter().all(|value| *value <= updates);
        let read_child = found.child_reads.iter().all(|value| value - CHILD <= child_updates);
        assert!(read && read_child, "{ops:?}: read what never was");
        assert!(found.swept == 0 || ops.contains(&Op::Expire), "{ops:?}: swept what lives");

        let latest = found.rotated.first().unwrap_or(&self.token);
        // A node that saw nothing of all this must not be fooled either.
        let fresh = node(&self.ground, &self.gate, &self.root);
        for node in [&self.nodes[0], &self.nodes[1], &fresh] {
            let over = ended || ends > 0;
            outlived(ops, value(node, latest).await, (!over).then_some(updates));
            let child = CHILD + child_updates;
            let child = (!over && child_ends == 0).then_some(child);
            outlived(ops, child_value(node, latest, &self.child).await, child);
            outlived(ops, value(node, &self.ghost).await, None);
            if !found.rotated.is_empty() {
                outlived(ops, value(node, &self.token).await, None);
                outlived(ops, child_value(node, &self.token, &self.child).await, None);
            }
            for token in &found.opened_children {
                let kept = (!over).then_some(NEW);
                outlived(ops, child_value(node, latest, token).await, kept);
            }
            for token in &found.opened {
                // Opened before everything ended, or after.
                let own = value(node, token).await;
                assert!(matches!(own, Ok(NEW)) || ended, "{ops:?}: a new session was lost");
            }
        }
    }

    fn tags_met(&self, outcomes: &[Done]) -> bool {
        let opened = outcomes.iter().filter_map(|outcome| match outcome {
            Done::Opened(Ok(token)) => Some(token),
            _ => None,
        });
        let tag = |token| self.nodes[0].subject(token).unwrap().handle()[0];
        let mut tags: Vec<u8> = opened.chain([&self.token, &self.ghost]).map(tag).collect();
        let all = tags.len();
        tags.sort_unstable();
        tags.dedup();
        tags.len() < all
    }
}

/// What the operations said that they did.
#[derive(Default)]
struct Found {
    ends: u64,
    child_ends: u64,
    updates: u64,
    child_updates: u64,
    swept: u64,
    reads: Vec<u64>,
    child_reads: Vec<u64>,
    taken: Option<u64>,
    rotated: Vec<Token>,
    opened: Vec<Token>,
    opened_children: Vec<ChildToken>,
}

impl Found {
    fn note(&mut self, ops: &[Op], outcome: Done) {
        match outcome {
            Done::Destroyed(result) => {
                self.ends += u64::from(result.unwrap() == Destroyed::Removed);
            }
            Done::DestroyedChild(result) => {
                self.child_ends += u64::from(result.unwrap() == Destroyed::Removed);
            }
            Done::Happened => {}
            Done::Opened(result) => self.opened.extend(expected(ops, false, result)),
            Done::OpenedChild(result) => self.opened_children.extend(expected(ops, true, result)),
            Done::Read(result) => self.reads.extend(expected(ops, true, result)),
            Done::ReadChild(result) => self.child_reads.extend(expected_child(ops, result)),
            Done::Renewed(result) => drop(expected(ops, true, result)),
            Done::Rotated(result) => self.rotated.extend(expected(ops, true, result)),
            Done::Swept(expired) => self.swept += expired,
            Done::Taken(result) => {
                if let Some(value) = expected(ops, true, result) {
                    self.ends += 1;
                    self.taken = Some(value);
                }
            }
            Done::Updated(result) => {
                self.updates += u64::from(expected(ops, true, result).is_some());
            }
            Done::UpdatedChild(result) => {
                self.child_updates += u64::from(expected_child(ops, result).is_some());
            }
        }
    }
}

/// Every failure is one that the other operations explain. `bound` says whether it
/// concerned a session that others might move or destroy.
fn expected<T>(ops: &[Op], bound: bool, result: Result<T, SessionError>) -> Option<T> {
    let any = |some: &[Op]| some.iter().any(|op| ops.contains(op));
    let ended = any(&[Op::End, Op::Promote, Op::Restore]);
    let moved = bound && any(&[Op::Destroy, Op::Rotate, Op::Take]);
    match result {
        Ok(value) => Some(value),
        Err(SessionError::EpochEnded) if ended => None,
        Err(SessionError::Expired) if bound && any(&[Op::Expire]) => None,
        // A write that met an ended epoch, or a session that went.
        Err(SessionError::Absent) if ended || moved || any(&[Op::Expire]) => None,
        Err(error) => panic!("{ops:?}: not explained: {error}"),
    }
}

fn expected_child<T>(ops: &[Op], result: Result<T, SessionError>) -> Option<T> {
    match result {
        Err(SessionError::Absent) if ops.contains(&Op::DestroyChild) => None,
        result => expected(ops, true, result),
    }
}

fn outlived(ops: &[Op], read: Result<u64, SessionError>, expected: Option<u64>) {
    match (read, expected) {
        (Ok(found), Some(expected)) => assert_eq!(found, expected, "{ops:?}: an update was lost"),
        (Err(_), None) => {}
        (Ok(_), None) => panic!("{ops:?}: it came back"),
        (Err(error), Some(_)) => panic!("{ops:?}: lost without a trace: {error}"),
    }
}

async fn value(node: &Sessions, token: &Token) -> Result<u64, SessionError> {
    node.read(token, |value: &u64| *value).await
}

async fn child_value(
    node: &Sessions,
    parent: &Token,
    child: &ChildToken,
) -> Result<u64, SessionError> {
    node.read_child(parent, child, |value: &u64| *value).await
}

fn copy(token: &Token) -> Token {
    Token::parse(&token.to_text()).unwrap()
}

fn copy_child(token: &ChildToken) -> ChildToken {
    ChildToken::parse(&token.to_text()).unwrap()
}

fn node(ground: &Ground, gate: &Gate, root: &Arc<Root>) -> Sessions {
    let store = Arc::new(Stepping {
        sessions: Arc::clone(&ground.sessions),
        epochs: Arc::clone(&ground.epochs),
        gate: gate.clone(),
    });
    let parts = SessionParts {
        namespace: ground.namespace.clone(),
        store: Arc::clone(&store) as _,
        epochs: store,
        root: Arc::clone(root) as _,
        clock: Arc::new(ground.clock.clone()),
        audit: Arc::new(Unlogged),
    };
    let hours = const { Lifetime::hours(4) };
    Sessions::new(parts, SessionPolicy { lifetime: hours, idle: hours, ..SessionPolicy::default() })
}

struct Unlogged;

impl Append for Unlogged {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        let none = Error::new(ErrorKind::Unsupported, StoreKind::Memory, "there is no log here");
        Box::pin(std::future::ready(Err(none)))
    }

    fn count(&self, _: Entry) {}
}

/// A ground in this process's memory, which can be put back.
pub fn in_memory() -> BoxFuture<'static, Ground> {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
    let ground = Ground {
        namespace: fresh_namespace(),
        sessions: Arc::clone(&store) as _,
        epochs: Arc::clone(&store) as _,
        clock,
        backups: Some(Arc::new(Copies { store, kept: Mutex::default() })),
    };
    Box::pin(std::future::ready(ground))
}

/// A name that no other ground has.
pub fn fresh_namespace() -> Namespace {
    let mut bytes = [0; 8];
    random(&mut bytes).unwrap();
    Namespace::new(&format!("orders-{:016x}", u64::from_be_bytes(bytes))).unwrap()
}

/// The copies of an in-memory store.
pub struct Copies {
    store: Arc<MemoryStore>,
    kept: Mutex<[Option<Snapshot>; 2]>,
}

impl Copies {
    /// Puts a copy back and hides it, as only a hostile store does.
    pub fn rewind(&self, which: Backup) {
        self.store.rewind(self.kept.lock().unwrap()[which as usize].as_ref().unwrap());
    }

    /// Of this store.
    pub fn of(store: Arc<MemoryStore>) -> Self {
        Self { store, kept: Mutex::default() }
    }
}

impl Backups for Copies {
    fn save(&self, which: Backup) -> BoxFuture<'_, ()> {
        self.kept.lock().unwrap()[which as usize] = Some(self.store.snapshot());
        Box::pin(async {})
    }

    fn restore(&self, which: Backup) -> BoxFuture<'_, ()> {
        self.store.restore(self.kept.lock().unwrap()[which as usize].as_ref().unwrap()).unwrap();
        Box::pin(async {})
    }
}
