//! The audit log: its tree beside ct-merkle, its group commit beside one without hashing, and
//! what it costs to count an operation.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use benches::turns::{Side, in_turns, side};
use benches::{TASKS, ours, runtime, text};
use criterion::{Criterion, criterion_group, criterion_main};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use evanesce_audit::{
    FolderAudit, Log, LogParts, MemoryKeeper, Origin, Tree, encode, leaf_hash, verify_inclusion,
};
use evanesce_core::{
    Append, Clock, DataClass, Digest, Entry, Operation, StoreKind, SystemClock, Timestamp,
};
use evanesce_crypto::{SigningKey, sha256};
use sha2::Sha256;
use tokio::sync::oneshot;

criterion_group!(audit, append, append_one, verify, durable, counted);
criterion_main!(audit);

const EACH: Duration = Duration::from_millis(500);
/// How many leaves the trees have before anything is measured: neither just before nor just
/// after a power of two.
const BEFORE: u64 = 100_000;

type Peer = MemoryBackedTree<Sha256, Vec<u8>>;

fn entry(n: u64) -> Entry {
    let at = Timestamp::from_millis(1_767_225_600_000);
    Entry::new(at, Operation::SessionOpened, DataClass::Ephemeral)
        .with_store(StoreKind::Redis)
        .with_commitment(sha256(&n.to_be_bytes()))
}

fn leaf(n: u64) -> Vec<u8> {
    encode(&entry(n)).expect("an entry")
}

fn peer(size: u64) -> Peer {
    let mut tree = Peer::new();
    (0..size).for_each(|n| tree.push(leaf(n)));
    tree
}

/// Leaves appended, and the root over all of them once after each write: a write of the log
/// takes whoever waits, here 64.
fn append(criterion: &mut Criterion) {
    appended(criterion, "audit/append", 64);
}

/// The root after each leaf, as for a log that nobody writes to at once.
fn append_one(criterion: &mut Criterion) {
    appended(criterion, "audit/append-one", 1);
}

fn appended(criterion: &mut Criterion, name: &str, write: usize) {
    let mut ours = Tree::default();
    (0..BEFORE).for_each(|n| ours.push(leaf_hash(&leaf(n))));
    // A frontier, which is what the log keeps between two writes.
    ours.compact();
    let theirs = peer(BEFORE);
    let leaves: Vec<Vec<u8>> = (BEFORE..BEFORE + 4096).map(leaf).collect();
    // At every size the roots are the same, or nothing is compared.
    let (mut one, mut other) = (ours.clone(), theirs.clone());
    for leaf in leaves.iter().take(600) {
        one.push(leaf_hash(leaf));
        other.push(leaf.clone());
        assert_eq!(one.root().as_bytes()[..], other.root().as_bytes()[..]);
    }
    let mut sides: Vec<Side<'_>> = vec![
        (
            "ours",
            Box::new(|times| {
                let mut tree = ours.clone();
                // Once before, so that no side grows a copied vector while it is measured.
                tree.push(leaf_hash(&leaves[0]));
                let all = leaves.iter().cycle().take(count(times));
                let start = Instant::now();
                for (leaf, nth) in all.zip(1..) {
                    tree.push(leaf_hash(leaf));
                    if nth % write == 0 {
                        black_box(tree.root());
                        tree.compact();
                    }
                }
                start.elapsed()
            }),
        ),
        (
            "ct-merkle",
            Box::new(|times| {
                let mut tree = theirs.clone();
                tree.push(leaves[0].clone());
                // It keeps the leaves; making them is not measured.
                let owned: Vec<Vec<u8>> =
                    leaves.iter().cycle().take(count(times)).cloned().collect();
                let start = Instant::now();
                for (leaf, nth) in owned.into_iter().zip(1..) {
                    tree.push(leaf);
                    if nth % write == 0 {
                        black_box(tree.root());
                    }
                }
                start.elapsed()
            }),
        ),
    ];
    in_turns(criterion, name, &mut sides, EACH);
}

fn count(times: u64) -> usize {
    usize::try_from(times).expect("a count")
}

/// One proof of inclusion, from the bytes of the entry to the root.
fn verify(criterion: &mut Criterion) {
    let theirs = peer(BEFORE + 77);
    let root = theirs.root();
    let index = 40_000;
    let bytes = leaf(index);
    let proof = theirs.prove_inclusion(count(index));
    let hashes: Vec<Digest> =
        proof.as_bytes().as_chunks().0.iter().map(|hash| Digest::new(*hash)).collect();
    let digest = Digest::new(root.as_bytes().to_vec().try_into().expect("32 bytes"));
    let size = BEFORE + 77;
    assert!(verify_inclusion(&leaf_hash(&bytes), index, size, &hashes, &digest));
    assert!(root.verify_inclusion(&bytes, index, &proof).is_ok());
    let mut sides = vec![
        side("ours", || {
            assert!(verify_inclusion(&leaf_hash(black_box(&bytes)), index, size, &hashes, &digest));
        }),
        side("ct-merkle", || {
            assert!(root.verify_inclusion(black_box(&bytes), index, &proof).is_ok());
        }),
    ];
    in_turns(criterion, "audit/verify-inclusion", &mut sides, EACH);
}

/// 64 writers whose entries are durable when they are answered. The peer is a group commit
/// of the same bytes: a file, `fdatasync`, no hash, no signature, no proof.
fn durable(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = folder();
    let log = runtime.block_on(log(&folder));
    let bare = Bare::start(&folder.join("bare"));
    let run = |writers: Vec<tokio::task::JoinHandle<()>>| async {
        for writer in writers {
            writer.await.expect("a writer");
        }
    };
    let mut sides: Vec<Side<'_>> = vec![
        (
            "ours",
            Box::new(|times| {
                let start = Instant::now();
                runtime.block_on(async {
                    let writers = shares(times).map(|numbers| {
                        let log = Arc::clone(&log);
                        tokio::spawn(async move {
                            for n in numbers {
                                black_box(log.append(entry(n)).await.expect("durable"));
                            }
                        })
                    });
                    run(writers.collect()).await;
                });
                start.elapsed()
            }),
        ),
        (
            "bare",
            Box::new(|times| {
                let start = Instant::now();
                runtime.block_on(async {
                    let writers = shares(times).map(|numbers| {
                        let bare = bare.clone();
                        tokio::spawn(async move {
                            for n in numbers {
                                bare.append(leaf(n)).await;
                            }
                        })
                    });
                    run(writers.collect()).await;
                });
                start.elapsed()
            }),
        ),
    ];
    in_turns(criterion, "audit/durable-64", &mut sides, EACH * 3);
    drop(sides);
    drop(log);
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

// So many appends, spread over the writers.
fn shares(times: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    let writers = TASKS as u64;
    (0..writers).map(move |writer| times * writer / writers..times * (writer + 1) / writers)
}

fn folder() -> PathBuf {
    // On the disk that holds the target folder, not in memory.
    let folder = std::env::current_exe().expect("a program").with_extension("audit");
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

async fn log(folder: &std::path::Path) -> Arc<Log> {
    let log = Log::open(LogParts {
        store: Arc::new(FolderAudit::open(&folder.join("log")).expect("a folder")),
        keeper: Arc::new(MemoryKeeper::new()),
        signer: SigningKey::generate().expect("a key"),
        origin: Origin::new("example.org/bench").expect("a name"),
        clock: Arc::new(SystemClock),
    });
    Arc::new(log.await.unwrap_or_else(|error| panic!("no log: {error}")))
}

type Asked = (Vec<u8>, oneshot::Sender<()>);

/// A group commit and nothing else: whatever waits is written at once and synchronised.
#[derive(Clone)]
struct Bare(mpsc::Sender<Asked>);

impl Bare {
    fn start(path: &std::path::Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || Self::run(&file, &receiver));
        Self(sender)
    }

    fn run(mut file: &File, receiver: &mpsc::Receiver<Asked>) {
        let mut bytes = Vec::new();
        while let Ok(first) = receiver.recv() {
            let mut asked = vec![first];
            asked.extend(receiver.try_iter().take(1023));
            bytes.clear();
            asked.iter().for_each(|(leaf, _)| bytes.extend_from_slice(leaf));
            file.write_all(&bytes).expect("room");
            file.sync_data().expect("a disk");
            for (_, answer) in asked {
                answer.send(()).ok();
            }
        }
    }

    async fn append(&self, leaf: Vec<u8>) {
        let (sender, receiver) = oneshot::channel();
        self.0.send((leaf, sender)).expect("the writer");
        receiver.await.expect("an answer");
    }
}

/// An operation that is counted beside what it is counted for: reading a session of 1 KiB in
/// the memory of this process, everything on.
fn counted(criterion: &mut Criterion) {
    let runtime = runtime();
    let (sessions, token, log) = runtime.block_on(async {
        let sessions = ours::sessions(&ours::memory()).await;
        let token = sessions.open(&text()).await.expect("a session");
        (sessions, token, log(&folder()).await)
    });
    let mut sides = vec![
        side("ours", || {
            let read = Entry::new(SystemClock.now(), Operation::SessionRead, DataClass::Ephemeral);
            log.count(black_box(read.with_store(StoreKind::Memory)));
        }),
        side("session-read", || {
            let read = sessions.read(&token, |text: &String| black_box(text.len()));
            runtime.block_on(read).expect("its data")
        }),
    ];
    in_turns(criterion, "audit/counted", &mut sides, EACH);
}
