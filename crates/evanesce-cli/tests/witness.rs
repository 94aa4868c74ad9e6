//! The witness as its own process: it cosigns what continues, over standard input and over
//! HTTP, and refuses a log that went back in time or was forked.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use evanesce_audit::{
    AuditError, CheckpointBody, FileKeeper, FolderAudit, Log, LogParts, MemoryAudit, MemoryKeeper,
    NoteKey, Origin, with_cosignatures, write_witness_request,
};
use evanesce_core::{Append, DataClass, Entry, Operation, SystemClock, Timestamp};
use evanesce_crypto::{Root, SigningKey};
use evanesce_service::{Evanesce, HttpsWitness, StartError};
use evanesce_tls::Tls;

const ORIGIN: &str = "example.org/audit";

fn signer() -> SigningKey {
    let seed = evanesce_memory::SecretBytes::from_slice(&mut [7; 32]).unwrap();
    SigningKey::from_seed(seed).unwrap()
}

async fn log(at: &Path) -> Log {
    Log::open(LogParts {
        store: Arc::new(FolderAudit::open(&at.join("audit")).unwrap()),
        keeper: Arc::new(FileKeeper::new(&at.join("checkpoint"))),
        signer: signer(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap()
}

async fn grow(log: &Log, count: u64) {
    let entry = Entry::new(Timestamp::from_millis(0), Operation::Heartbeat, DataClass::Operational);
    log.append(entry.with_count(count)).await.unwrap();
}

async fn request(log: &Log, old: u64) -> String {
    let checkpoint = log.checkpoint().unwrap();
    let size = CheckpointBody::peek(&checkpoint).unwrap().size;
    write_witness_request(old, &log.consistency(old, size).await.unwrap(), &checkpoint)
}

fn witness(at: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evanesce"));
    let key = NoteKey::new(ORIGIN, &signer().verifying_key()).unwrap().to_string();
    command.args(["witness", "--name", "witness.example.org", "--log", &key]);
    command.arg("--root").arg(at.join("witness.key"));
    command.arg("--state").arg(at.join("witness"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ask(at: &Path, request: &str) -> Output {
    let mut child = witness(at).spawn().unwrap();
    // One that refuses at once may be gone before it was asked.
    let _ = child.stdin.take().unwrap().write_all(request.as_bytes());
    child.wait_with_output().unwrap()
}

fn public(said: &str) -> NoteKey {
    let key = said.lines().find_map(|line| line.strip_prefix("cosigns as ")).unwrap();
    NoteKey::parse(key).unwrap()
}

#[tokio::test]
async fn a_log_that_continues_is_cosigned_and_one_that_went_back_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path()).await;
    grow(&log, 1).await;
    let earlier = request(&log, 0).await;
    let first = ask(folder.path(), &earlier);
    let said = String::from_utf8(first.stderr).unwrap();
    assert_eq!(first.status.code(), Some(0), "{said}");
    let lines = String::from_utf8(first.stdout).unwrap();
    let cosigned = with_cosignatures(&log.checkpoint().unwrap(), &lines, &public(&said));
    assert!(cosigned.is_ok(), "the line is the witness's");
    let old = log.size();
    grow(&log, 2).await;
    assert_eq!(ask(folder.path(), &request(&log, old).await).status.code(), Some(0));

    let back = ask(folder.path(), &earlier);
    assert_eq!((back.status.code(), back.stdout.len()), (Some(1), 0), "the log went back");
    assert!(String::from_utf8(back.stderr).unwrap().contains("refuses: 409"));
    let fork = forked(old).await;
    let forked = ask(folder.path(), &fork);
    assert_eq!((forked.status.code(), forked.stdout.len()), (Some(1), 0), "another log");
}

// A checkpoint that the same key signed over other entries, of the same size and more.
async fn forked(old: u64) -> String {
    let other = Log::open(LogParts {
        store: Arc::new(MemoryAudit::new()),
        keeper: Arc::new(MemoryKeeper::new()),
        signer: signer(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap();
    for count in 10..=10 + old {
        grow(&other, count).await;
    }
    request(&other, old).await
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn over_http_it_answers_as_the_protocol_says() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path()).await;
    grow(&log, 1).await;
    let child = witness(folder.path()).args(["--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut serving = Serving(child);
    let mut said = BufReader::new(serving.0.stderr.take().unwrap()).lines();
    let key = public(&said.next().unwrap().unwrap());
    let line = said.next().unwrap().unwrap();
    let address = line.strip_prefix("listens on http://").unwrap();
    let address = address.strip_suffix("/add-checkpoint").unwrap();

    let (status, body) = post(address, "/add-checkpoint", &request(&log, 0).await);
    assert_eq!(status, 200);
    assert!(with_cosignatures(&log.checkpoint().unwrap(), &body, &key).is_ok());
    let (status, body) = post(address, "/add-checkpoint", &request(&log, 0).await);
    assert_eq!((status, body), (409, format!("{}\n", log.size())));
    assert_eq!(post(address, "/add-checkpoint", "hello").0, 400);
    assert_eq!(post(address, "/", "").0, 404);
    // Another process is refused while this one has the folder.
    assert_eq!(ask(folder.path(), "hello").status.code(), Some(2));
}

/// A service with this process as its witness: it starts again under it, and a copy of its
/// log that grew apart does not.
#[tokio::test]
async fn a_service_asks_it_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let key = SigningKey::from_root(&Root::create_file(&root).unwrap(), b"evanesce audit log");
    let key = NoteKey::new("evanesce/news", &key.unwrap().verifying_key()).unwrap().to_string();
    let child = witness(folder.path()).args(["--log", &key, "--listen", "127.0.0.1:0"]).spawn();
    let mut serving = Serving(child.unwrap());
    let mut said = BufReader::new(serving.0.stderr.take().unwrap()).lines();
    let key = public(&said.next().unwrap().unwrap());
    let line = said.next().unwrap().unwrap();
    let address = line.strip_prefix("listens on ").unwrap();
    let start = async |log: &str| {
        let (tls, at) = (Tls::plaintext_loopback().unwrap(), folder.path().join(log));
        Evanesce::builder("news", Root::from_file(&root).unwrap())
            .audit(FolderAudit::open(&at.join("audit")).unwrap())
            .checkpoint_keeper(FileKeeper::new(&at.join("checkpoint")))
            .witness(HttpsWitness::new(address, &tls).unwrap(), key.clone())
            .start()
            .await
    };
    std::fs::create_dir_all(folder.path().join("log")).unwrap();
    start("log").await.unwrap().stop().await.unwrap();
    let mut copy = Command::new("cp");
    copy.args(["-r", "log", "copy"]).current_dir(folder.path());
    assert!(copy.status().unwrap().success());
    let house = start("log").await.unwrap();
    let cosigned = house.cosigned_checkpoint().unwrap();
    assert!(with_cosignatures(&cosigned, "", &key).is_ok());
    house.stop().await.unwrap();
    start("log").await.unwrap().stop().await.unwrap();
    let refused = start("copy").await.err().unwrap();
    assert!(matches!(refused, StartError::Audit(AuditError::RolledBack)), "{refused}");
    drop(serving);
    let refused = start("log").await.err().unwrap();
    assert!(matches!(refused, StartError::Witness(_)), "{refused}");
}

fn post(address: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
