//! The audit log of a house: under a root that is rotated, in roles, before a witness, and
//! published.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use common::stores::{Audit, Keeper, SharedRoot};
use common::{Ground, MINUTE, number, opened};
use evanesce_audit::{
    Alert, AuditError, Cosign, Log, LogParts, MemoryKeeper, NoteKey, NoteSigner, Origin, Period,
    Role, Witness, WitnessAnswer, WitnessedLog, decode_as, fsck, verify_receipt,
};
use evanesce_core::{
    Append, BoxFuture, DataClass, Entry, ErasureReceipt, Error, ErrorKind, Operation, Outcome,
    StoreKind, label,
};
use evanesce_crypto::{Root, RootVersion, SigningKey};
use evanesce_service::{Evanesce, Mode, StartError};

const OPERATOR: Role = Role::new("operator");
const ORIGIN: &str = "evanesce/tests";

async fn erased(house: &Evanesce) -> ErasureReceipt {
    opened(house).await.erase().await.unwrap()
}

/// A ground whose root lies in a file.
fn on_file(path: &Path) -> Ground {
    Root::create_file(path).unwrap();
    Ground { root: SharedRoot(Arc::new(Root::from_file(path).unwrap())), ..Ground::new() }
}

/// The same with its root one version on.
fn rotated(ground: &Ground, path: &Path, retire: Option<RootVersion>) -> Ground {
    let mut root = Root::from_file(path).unwrap();
    root.rotate().unwrap();
    if let Some(version) = retire {
        root.retire(version).unwrap();
    }
    Ground { root: SharedRoot(Arc::new(root)), ..ground.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_under_a_rotated_root_and_its_receipts_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let ground = on_file(&path);
    let house = ground.start().await;
    let before = house.log_key();
    let receipt = erased(&house).await;
    house.stop().await.unwrap();
    let ground = rotated(&ground, &path, None);
    let house = ground.start().await;
    assert!(house.log_key() != before);
    assert!(house.earlier_log_keys() == [before]);
    let second = erased(&house).await;
    assert!(verify_receipt(&receipt, &before, ORIGIN).is_ok());
    assert!(verify_receipt(&second, &before, ORIGIN).is_err());
    assert!(verify_receipt(&second, &house.log_key(), ORIGIN).is_ok());
    let now = evanesce_core::Clock::now(&ground.clock);
    let period = Period { from: now.minus(MINUTE * 60), to: now.plus(MINUTE) };
    let report = house.report(label!("both"), period, vec![receipt, second], vec![]).await;
    let shown = report.unwrap().to_markdown();
    assert!(shown.contains("| Deletion is verified | 2 of 2 |"), "{shown}");
    house.stop().await.unwrap();
    // What the new key signed needs the old one no more.
    let root = &ground.root.0;
    let parts = LogParts {
        store: Arc::new(ground.audit.clone()),
        keeper: Arc::new(ground.keeper.clone()),
        signer: SigningKey::from_root(&**root, b"evanesce audit log").unwrap(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(ground.clock.clone()),
    };
    assert!(Log::open(parts).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_is_named_or_the_log_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root");
    let ground = on_file(&path);
    let house = ground.start().await;
    let before = house.log_key();
    house.stop().await.unwrap();
    let ground = rotated(&ground, &path, Some(RootVersion(1)));
    let refused = ground.builder().start().await.err().unwrap();
    assert!(matches!(refused, StartError::Audit(AuditError::Unsigned)));
    let house = ground.builder().earlier_log_key(before).start().await.unwrap();
    house.stop().await.unwrap();
    ground.builder().start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_in_a_role_is_told_with_it_and_checked() {
    let ground = Ground::new();
    let seen: Arc<Mutex<Vec<Alert>>> = Arc::default();
    let alerts = Arc::clone(&seen);
    let house = ground
        .builder()
        .role(OPERATOR)
        .alerts(move |alert: &Alert| alerts.lock().unwrap().push(alert.clone()))
        .start()
        .await
        .unwrap();
    let session = opened(&house).await;
    assert_eq!(house.acting(&Role::new("officer")).err(), Some(AuditError::Role));
    let acting = house.acting(&OPERATOR).unwrap();
    let purging = tokio::spawn({
        let house = house.clone();
        async move { house.purge_everything_as(acting).await }
    });
    // It waits for operations that had begun before.
    ground.settled(4).await;
    let report = ground.ended(purging).await.unwrap();
    let origin = house.log_origin().as_str();
    verify_receipt(&report.receipt, &house.log_key(), origin).unwrap();
    let mut other = report.receipt.clone();
    for actor in [None, Some(label!("officer"))] {
        other.incorporated.actor = actor;
        let refused = verify_receipt(&other, &house.log_key(), origin);
        assert_eq!(refused.unwrap_err(), AuditError::Unproven);
    }
    assert_eq!(number(&session).await, None);
    let told = |operation| {
        let leaves = ground.audit.leaves();
        let mut of = leaves.iter().map(|leaf| decode_as(leaf).unwrap());
        of.find(|(entry, _)| entry.operation() == operation).unwrap().1
    };
    assert_eq!(told(Operation::EmergencyPurged), Some(OPERATOR));
    assert_eq!(told(Operation::ServiceStarted), None);
    // A role is above no rule.
    let acting = house.acting(&OPERATOR).unwrap();
    let now = evanesce_core::Clock::now(&ground.clock);
    let outside = Entry::new(now, Operation::SessionOpened, DataClass::Ephemeral);
    assert!(seen.lock().unwrap().is_empty());
    acting.append(outside.with_store(StoreKind::Elasticsearch)).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_log_is_whole_for_a_stranger() {
    let ground = Ground::new();
    let folder = tempfile::tempdir().unwrap();
    let house = ground.builder().publish_log(folder.path()).start().await.unwrap();
    let key = house.log_key();
    for n in 0..3 {
        opened(&house).await;
        ground.settled(4).await;
        ground.clock.advance(MINUTE);
        ground.settled(4).await;
        let shown = fsck(folder.path(), &key, ORIGIN).unwrap().leaves;
        assert!(shown > n, "{shown} entries are shown after minute {n}");
    }
    house.stop().await.unwrap();
    let shown = fsck(folder.path(), &key, ORIGIN).unwrap().leaves;
    assert_eq!(shown, ground.audit.leaves().len() as u64);
}

/// A witness that can be out of reach.
#[derive(Clone)]
struct Distant(Option<Arc<Witness>>);

impl Cosign for Distant {
    fn add_checkpoint<'a>(
        &'a self,
        request: &'a str,
    ) -> BoxFuture<'a, Result<WitnessAnswer, Error>> {
        match &self.0 {
            Some(witness) => witness.add_checkpoint(request),
            None => Box::pin(async {
                Err(Error::new(ErrorKind::Unavailable, StoreKind::Folder, "nobody answers"))
            }),
        }
    }
}

fn witness(ground: &Ground, at: &Path) -> (Distant, NoteKey) {
    let signer = NoteSigner::cosigner("witness.example/w1", SigningKey::generate().unwrap());
    let key = SigningKey::from_root(&*ground.root.0, b"evanesce audit log").unwrap();
    let keys = vec![NoteKey::new(ORIGIN, &key.verifying_key()).unwrap()];
    let logs = vec![WitnessedLog { origin: ORIGIN.to_owned(), keys }];
    let clock = Arc::new(ground.clock.clone());
    let witness = Arc::new(Witness::open(at, signer.unwrap(), logs, clock).unwrap());
    let key = witness.public().clone();
    (Distant(Some(witness)), key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_put_back_with_its_keeper_is_refused_by_its_witness() {
    let ground = Ground::new();
    let at = tempfile::tempdir().unwrap();
    let (witness, key) = witness(&ground, at.path());
    let builder = |ground: &Ground| ground.builder().witness(witness.clone(), key.clone());
    let house = builder(&ground).start().await.unwrap();
    // The log was empty, and there was nothing to be cosigned until its first entry.
    ground.pass(MINUTE * 15).await;
    let cosigned = house.cosigned_checkpoint().unwrap();
    assert!(cosigned.contains("witness.example/w1"));
    house.stop().await.unwrap();
    let old = Ground { audit: ground.audit.copy(), keeper: Keeper::new(), ..ground.clone() };
    let checkpoint = evanesce_audit::AuditStore::checkpoint(&old.audit).await.unwrap().unwrap();
    evanesce_audit::CheckpointKeeper::keep(&old.keeper, &checkpoint).await.unwrap();
    // The log grows, is cosigned at start, and then log and keeper are put back together.
    let house = builder(&ground).start().await.unwrap();
    opened(&house).await;
    house.stop().await.unwrap();
    builder(&ground).start().await.unwrap().stop().await.unwrap();
    let refused = builder(&old).mode(Mode::ReportOnly).start().await.err().unwrap();
    assert!(matches!(refused, StartError::Audit(AuditError::RolledBack)), "{refused}");
    // Nothing but the witness could have told.
    old.builder().start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_out_of_reach_is_refused_or_written_down() {
    let ground = Ground::new();
    ground.start().await.stop().await.unwrap();
    let at = tempfile::tempdir().unwrap();
    let (_, key) = witness(&ground, at.path());
    let builder = || ground.builder().witness(Distant(None), key.clone());
    let refused = builder().start().await.err().unwrap();
    assert!(matches!(refused, StartError::Witness(_)), "{refused}");
    let house = builder().mode(Mode::ReportOnly).start().await.unwrap();
    assert_eq!(ground.count(Operation::PolicyOverridden), 1);
    assert_eq!(house.cosigned_checkpoint(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_log_under_the_same_key_raises_an_alert() {
    let ground = Ground::new();
    let at = tempfile::tempdir().unwrap();
    let (witness, key) = witness(&ground, at.path());
    let seen: Arc<Mutex<Vec<Alert>>> = Arc::default();
    let alerts = Arc::clone(&seen);
    let house = ground
        .builder()
        .witness(witness.clone(), key.clone())
        .alerts(move |alert: &Alert| alerts.lock().unwrap().push(alert.clone()))
        .start()
        .await
        .unwrap();
    ground.pass(MINUTE * 15).await;
    assert!(house.cosigned_checkpoint().is_some() && seen.lock().unwrap().is_empty());
    // Somebody runs a copy, which the witness sees first.
    let copy: Audit = ground.audit.copy();
    let parts = LogParts {
        store: Arc::new(copy),
        keeper: Arc::new(MemoryKeeper::new()),
        signer: SigningKey::from_root(&*ground.root.0, b"evanesce audit log").unwrap(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(ground.clock.clone()),
    };
    let other = Log::open(parts).await.unwrap();
    other.heartbeat().await.unwrap();
    other.cosign(&witness, &key).await.unwrap();
    ground.pass(MINUTE * 15).await;
    let told = seen.lock().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].entry.operation(), Operation::IncarnationChanged);
    assert_eq!(told[0].entry.outcome(), Outcome::Violation);
}
