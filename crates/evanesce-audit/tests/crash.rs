//! The crash matrix of the folder: the process is killed at every operation on the
//! disk, the machine loses power there, the disk is full there, half a write arrives,
//! an older copy or a fork is put in its place. Nothing that was acknowledged is lost,
//! and nothing that went back is taken for the log.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too, and the matrix prints its counts"
)]

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use common::{ORIGIN, copy_tree, key, parts, unique};
use disk::{Fault, FaultyDisk, Kind};
use evanesce_audit::{
    AuditError, AuditStore, Disk, FileKeeper, FolderAudit, Log, MemoryKeeper, Publisher,
    SystemDisk, encode, fsck, leaf_hash, verify,
};
use evanesce_core::{Append, Error, ErrorKind};
use futures_util::future::join_all;

/// What was acknowledged: the place of an entry and its number.
type Acks = Arc<Mutex<Vec<(u64, u64)>>>;

struct Places {
    log: PathBuf,
    kept: PathBuf,
}

fn places(at: &Path) -> Places {
    Places { log: at.join("log"), kept: at.join("kept/checkpoint") }
}

fn folder() -> tempfile::TempDir {
    let folder = common::folder();
    fs::create_dir(folder.path().join("kept")).unwrap();
    folder
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

async fn open(at: &Path, disk: &Arc<dyn Disk>) -> Result<(Log, Arc<FolderAudit>), AuditError> {
    let places = places(at);
    let store =
        Arc::new(unlocked(&places.log, || FolderAudit::open_on(Arc::clone(disk), &places.log))?);
    let keeper = Arc::new(FileKeeper::new_on(Arc::clone(disk), &places.kept));
    Ok((Log::open(parts(store.clone(), keeper)).await?, store))
}

/// A child has its parent's locks until it has executed, which may be a moment after `spawn`
/// returned: a folder is opened while nothing is spawned and nobody else has its lock.
static FORKS: RwLock<()> = RwLock::new(());

fn unlocked<T>(at: &Path, open: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let _no_child = FORKS.read().unwrap();
    if let Ok(lock) = File::open(at.join("lock")) {
        lock.lock().unwrap();
    }
    open()
}

fn spawn(command: &mut Command) -> Child {
    let _alone = FORKS.write().unwrap();
    command.spawn().unwrap()
}

/// Appends entries at once, so that they share a write, and notes what was acknowledged.
async fn append(log: &Log, numbers: std::ops::Range<u64>, acks: &Acks) -> Result<(), AuditError> {
    let answers = join_all(numbers.clone().map(|n| log.append(unique(n)))).await;
    let mut result = Ok(());
    for (n, answer) in numbers.zip(answers) {
        match answer {
            Ok(place) => acks.lock().unwrap().push((place.index, n)),
            Err(error) => result = Err(AuditError::Store(error)),
        }
    }
    result
}

/// Everything that a folder's log does to its disk: begin, append, tiles, publishing,
/// forgetting, opening again. `between` is called after each step.
async fn work(
    at: &Path,
    disk: &Arc<dyn Disk>,
    acks: &Acks,
    between: &dyn Fn(&Log),
) -> Result<(), AuditError> {
    let (log, store) = open(at, disk).await?;
    append(&log, 0..1, acks).await?;
    between(&log);
    append(&log, 1..90, acks).await?;
    between(&log);
    append(&log, 90..258, acks).await?;
    between(&log);
    let publisher = Publisher::new_on(Arc::clone(disk), &places(at).log);
    publisher.publish(&log).await?;
    store.settle()?;
    append(&log, 258..259, acks).await?;
    between(&log);
    log.prune(256).await?;
    append(&log, 259..260, acks).await?;
    between(&log);
    publisher.publish(&log).await?;
    drop((log, store));
    let (log, _store) = open(at, disk).await?;
    append(&log, 260..262, acks).await?;
    between(&log);
    Ok(())
}

const ENTRIES: usize = 262;

/// Opens what a crash left, and counts acknowledged entries that are not there.
fn recover(at: &Path, acks: &[(u64, u64)], what: &str) -> usize {
    block_on(async {
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        let (log, store) = open(at, &disk).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        // That the hashes are those of the log's root, opening has checked.
        let leaves = store.leaves(0, 10_000).await.unwrap();
        let hash = |n: u64| leaf_hash(&encode(&unique(n)).unwrap());
        let lost = acks.iter().filter(|(index, n)| {
            leaves.get(usize::try_from(*index).unwrap()).map(|leaf| leaf.hash) != Some(hash(*n))
        });
        let lost = lost.count();
        for (index, n) in acks.iter().rev().take(1).chain(acks.first()) {
            let place = log.prove(*index).await.unwrap();
            verify(&unique(*n), &place, &key(), ORIGIN).unwrap();
        }
        // It goes on, and all of it fits together, files for a web server too.
        let place = log.append(unique(9_999)).await.unwrap();
        verify(&unique(9_999), &place, &key(), ORIGIN).unwrap();
        let places = places(at);
        Publisher::new(&places.log).publish(&log).await.unwrap();
        let published = fsck(&places.log, &key(), ORIGIN);
        assert_eq!(published.map(|checked| checked.leaves), Ok(log.size()), "{what}");
        lost
    })
}

/// Runs something for each number on a few threads.
fn each(numbers: usize, run: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= numbers {
                        break;
                    }
                    run(n);
                }
            });
        }
    });
}

/// What the work does to its disk.
fn operations() -> Vec<Kind> {
    let (at, acks) = (folder(), Acks::default());
    let counting = FaultyDisk::counting();
    let disk: Arc<dyn Disk> = counting.clone();
    block_on(work(at.path(), &disk, &acks, &|_| {})).unwrap();
    assert_eq!(acks.lock().unwrap().len(), ENTRIES);
    counting.done()
}

/// Every operation with every fault that it can have.
fn points(faults: impl Fn(Kind) -> &'static [Fault]) -> Vec<(usize, Fault)> {
    let all = operations().into_iter().enumerate();
    all.flat_map(|(at, kind)| faults(kind).iter().map(move |fault| (at, *fault))).collect()
}

#[test]
fn no_stop_at_any_operation_loses_an_acknowledged_entry() {
    let points = points(Kind::stops);
    let operations = operations().len();
    assert!(operations > 100, "{operations}");
    let (lost, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each(points.len(), |n| {
        let (at, fault) = points[n];
        let (place, acks) = (folder(), Acks::default());
        let disk: Arc<dyn Disk> = FaultyDisk::new(at, fault);
        let ended = block_on(work(place.path(), &disk, &acks, &|_| {}));
        assert!(ended.is_err(), "{fault:?} at {at} stopped nothing");
        let acks = acks.lock().unwrap();
        let what = format!("{fault:?} at operation {at}");
        lost.fetch_add(recover(place.path(), &acks, &what), Ordering::SeqCst);
        kept.fetch_add(acks.len(), Ordering::SeqCst);
    });
    let (lost, kept) = (lost.into_inner(), kept.into_inner());
    println!(
        "stops: {} points tried at {operations} operations, {kept} acknowledged entries looked for, {lost} lost",
        points.len(),
    );
    assert_eq!(lost, 0);
}

#[test]
fn a_full_disk_at_any_operation_loses_nothing_and_the_log_goes_on_when_there_is_space() {
    let points = points(Kind::full);
    let (lost, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each(points.len(), |n| {
        let (at, fault) = points[n];
        let (place, acks) = (folder(), Acks::default());
        let faulty = FaultyDisk::new(at, fault);
        let disk: Arc<dyn Disk> = faulty.clone();
        let what = format!("{fault:?} at operation {at}");
        let ended = block_on(work(place.path(), &disk, &acks, &|_| {}));
        // A write that finds no room for what is to follow does without.
        if let Err(error) = ended {
            refused.fetch_add(1, Ordering::SeqCst);
            let is_told = matches!(
                &error,
                AuditError::Store(error)
                    if matches!(error.kind(), ErrorKind::Exhausted | ErrorKind::Unconfirmed)
            );
            assert!(is_told, "{what}: {error:?}");
        }
        faulty.make_space();
        lost.fetch_add(recover(place.path(), &acks.lock().unwrap(), &what), Ordering::SeqCst);
    });
    let (lost, refused) = (lost.into_inner(), refused.into_inner());
    println!("full disk: {} points tried, {refused} told, {lost} entries lost", points.len());
    assert!(refused > points.len() / 2);
    assert_eq!(lost, 0);
}

#[test]
fn an_open_log_goes_on_when_there_is_space_again() {
    let place = folder();
    block_on(async {
        let faulty = FaultyDisk::counting();
        let disk: Arc<dyn Disk> = faulty.clone();
        let (log, store) = open(place.path(), &disk).await.unwrap();
        log.append(unique(0)).await.unwrap();
        let full = FaultyDisk::new(faulty.done().len(), Fault::HalfFull);
        drop((log, store));
        let disk: Arc<dyn Disk> = full.clone();
        let (log, _store) = open(place.path(), &disk).await.unwrap();
        let mut told = None;
        for n in 1..20 {
            if let Err(error) = log.append(unique(n)).await {
                told = Some((n, error));
                break;
            }
        }
        let (n, error): (u64, Error) = told.expect("the disk is full at some entry");
        assert!(matches!(error.kind(), ErrorKind::Exhausted | ErrorKind::Unconfirmed));
        full.make_space();
        let place = log.append(unique(n + 100)).await.unwrap();
        verify(&unique(n + 100), &place, &key(), ORIGIN).unwrap();
        log.fsck().await.unwrap();
    });
}

#[test]
fn no_older_copy_and_no_fork_is_taken_for_the_log() {
    let (place, copies, acks) = (folder(), folder(), Acks::default());
    let count = AtomicUsize::new(0);
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    let copy = |_: &Log| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        copy_tree(&places(place.path()).log, &copies.path().join(n.to_string()));
    };
    block_on(work(place.path(), &disk, &acks, &copy)).unwrap();
    let copies_made = count.into_inner();
    let kept = places(place.path()).kept;
    let (mut tried, mut undetected) = (0, 0);
    let mut judge = |at: &Path, expected: &[AuditError], what: &str| {
        let error = block_on(async {
            let store = unlocked(at, || FolderAudit::open(at)).map(Arc::new)?;
            let keeper = Arc::new(FileKeeper::new(&kept));
            Log::open(parts(store, keeper)).await.map(drop)
        });
        tried += 1;
        match error {
            Ok(()) => undetected += 1,
            Err(error) => assert!(
                expected.contains(&error) || matches!(error, AuditError::Store(_)),
                "{what}: {error:?}"
            ),
        }
    };
    // The last copy is the log itself.
    for n in 0..copies_made - 1 {
        let older = copies.path().join(n.to_string());
        // The whole folder from a backup, and parts of it among newer ones.
        for part in ["", "wal", "tile", "minimum"] {
            let at = folder();
            copy_tree(&copies.path().join((copies_made - 1).to_string()), at.path());
            let (from, to) = (older.join(part), at.path().join(part));
            if part.is_empty() {
                fs::remove_dir_all(at.path()).unwrap();
            } else if !from.exists() || part == "tile" || part == "minimum" {
                // Tiles and the minimum index alone decide nothing about the log's size.
                continue;
            } else {
                fs::remove_dir_all(&to).unwrap();
            }
            copy_tree(&from, &to);
            judge(at.path(), &[AuditError::RolledBack, AuditError::Corrupt], "older");
        }
        // The copy goes on under a keeper of its own, to the same size and beyond.
        for more in [1, ENTRIES as u64] {
            let at = folder();
            copy_tree(&older, at.path());
            block_on(async {
                let store = Arc::new(unlocked(at.path(), || FolderAudit::open(at.path())).unwrap());
                let log = Log::open(parts(store, Arc::new(MemoryKeeper::new()))).await.unwrap();
                for start in (0..more).step_by(100) {
                    let numbers = (start..more.min(start + 100)).map(|n| 50_000 + n);
                    for answer in join_all(numbers.map(|n| log.append(unique(n)))).await {
                        answer.unwrap();
                    }
                }
            });
            judge(at.path(), &[AuditError::Forked, AuditError::RolledBack], "fork");
        }
    }
    // No folder at all is a log that went back to nothing.
    let nothing = folder();
    judge(nothing.path().join("new").as_path(), &[AuditError::RolledBack], "nothing");
    println!("rollbacks and forks: {tried} tried, {undetected} undetected");
    assert!(tried > 15, "{tried}");
    assert_eq!(undetected, 0);
}

const CHILD: &str = "the_workload_ends_with_every_entry_acknowledged";

/// By itself, the workload without a fault. As the child of the next test, a process
/// that stops for ever at one operation and waits to be killed.
#[test]
fn the_workload_ends_with_every_entry_acknowledged() {
    let Ok(at) = std::env::var("EVANESCE_AUDIT_CRASH_FOLDER").map(PathBuf::from) else {
        return assert!(operations().len() > 100);
    };
    let number: usize = std::env::var("EVANESCE_AUDIT_CRASH_AT").unwrap().parse().unwrap();
    let stopped = at.join("stopped");
    let stop = Arc::new(move || {
        fs::write(&stopped, "").unwrap();
        loop {
            std::thread::park();
        }
    });
    let disk: Arc<dyn Disk> = FaultyDisk::stopping(number, Fault::FirstHalf, stop);
    block_on(tell(&at, &disk));
}

// The workload of a child: each acknowledgement is told at once.
async fn tell(at: &Path, disk: &Arc<dyn Disk>) {
    let acks = Acks::default();
    let told = AtomicUsize::new(0);
    let tell = |_: &Log| {
        let mut file = OpenOptions::new().create(true).append(true).open(at.join("acks")).unwrap();
        let acks = acks.lock().unwrap();
        let lines: String = acks[told.swap(acks.len(), Ordering::SeqCst)..]
            .iter()
            .map(|(index, n)| format!("{index} {n}\n"))
            .collect();
        file.write_all(lines.as_bytes()).unwrap();
    };
    if let Err(error) = work(at, disk, &acks, &tell).await {
        fs::write(at.join("error"), error.to_string()).unwrap();
    }
}

fn told(at: &Path) -> Vec<(u64, u64)> {
    let text = fs::read_to_string(at.join("acks")).unwrap_or_default();
    text.lines()
        .map(|line| {
            let (index, n) = line.split_once(' ').unwrap();
            (index.parse().unwrap(), n.parse().unwrap())
        })
        .collect()
}

#[test]
fn a_process_killed_at_any_operation_loses_no_acknowledged_entry() {
    let operations = operations().len();
    let (lost, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each(operations, |n| {
        let at = folder();
        let mut child = spawn(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", CHILD, "--quiet"])
                .env("EVANESCE_AUDIT_CRASH_FOLDER", at.path())
                .env("EVANESCE_AUDIT_CRASH_AT", n.to_string())
                .stdout(Stdio::null()),
        );
        // Another process's progress is waited for.
        while !at.path().join("stopped").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the child ended before operation {n}");
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL, as `kill -9` sends it.
        child.kill().unwrap();
        child.wait().unwrap();
        let acks = told(at.path());
        let what = format!("killed at operation {n}");
        lost.fetch_add(recover(at.path(), &acks, &what), Ordering::SeqCst);
        kept.fetch_add(acks.len(), Ordering::SeqCst);
    });
    let (lost, kept) = (lost.into_inner(), kept.into_inner());
    println!(
        "kill -9: {operations} points tried, {kept} acknowledged entries looked for, {lost} lost"
    );
    assert_eq!(lost, 0);
}

const LIMITED: &str = "without_a_limit_nothing_is_refused";

/// By itself, the workload; as the child of the next test, under a limit of file size.
#[test]
fn without_a_limit_nothing_is_refused() {
    let given = std::env::var("EVANESCE_AUDIT_LIMIT_FOLDER").map(PathBuf::from);
    let own = folder();
    let at = given.as_deref().unwrap_or(own.path());
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    block_on(tell(at, &disk));
    if given.is_err() {
        assert!(!at.join("error").exists());
        assert_eq!(told(at).len(), ENTRIES);
    }
}

#[test]
fn a_limit_that_the_kernel_sets_is_told_and_loses_nothing() {
    let mut refused = 0;
    // In blocks of 512 bytes.
    for limit in [1, 2, 3, 10, 40, 60, 90, 100, 130, 200, 10_000] {
        let at = folder();
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let program = std::env::current_exe().unwrap();
        let mut child = spawn(
            Command::new("sh")
                .args(["-c", &script, program.to_str().unwrap(), "--exact", LIMITED, "--quiet"])
                .env("EVANESCE_AUDIT_LIMIT_FOLDER", at.path())
                .stdout(Stdio::null()),
        );
        assert!(child.wait().unwrap().success(), "{limit}");
        if let Ok(error) = fs::read_to_string(at.path().join("error")) {
            refused += 1;
            assert!(error.starts_with("Folder: "), "{error}");
        }
        let acks = told(at.path());
        assert_eq!(recover(at.path(), &acks, &format!("{limit} blocks")), 0);
    }
    println!("file size limits: 11 tried, {refused} told, 0 entries lost");
    assert!(refused >= 4, "{refused}");
}

#[tokio::test]
async fn bytes_that_were_pruned_are_nowhere_in_the_folder() {
    let at = folder();
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    let (log, store) = open(at.path(), &disk).await.unwrap();
    for start in (0..600).step_by(100) {
        append(&log, start..start + 100, &Acks::default()).await.unwrap();
    }
    assert!(store.leaves(0, 1).await.unwrap()[0].bytes.is_some());
    assert_eq!(log.prune(600).await, Ok(512));
    let gone = unique(3).commitment().unwrap().to_string();
    let there = unique(513).commitment().unwrap().to_string();
    let holds = |text: &str| {
        let mut grep = Command::new("grep");
        grep.args(["-rlF", text]).arg(places(at.path()).log).stdout(Stdio::piped());
        !spawn(&mut grep).wait_with_output().unwrap().stdout.is_empty()
    };
    assert!(holds(&there), "the search finds what is there");
    assert!(!holds(&gone));
}
