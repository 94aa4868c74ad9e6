//! What goes wrong between us and a real server, and that errors say it without a
//! word of the server's or of the URL's.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the tests share reports by panicking"
)]

mod common;

use std::net::TcpListener;

use common::{House, pid, variable, waiting_for, with_house};
use evanesce_anonymize::{
    AggregateStore, Folded, Release, ReleasedTable, SealedPartial, Spent, WindowId,
};
use evanesce_audit::AuditStore;
use evanesce_core::{Code, Digest, Error, ErrorKind, Timestamp};
use evanesce_postgres::PostgresStore;
use evanesce_tls::Tls;

macro_rules! server_test {
    ($name:ident, |$house:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        #[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
        async fn $name() {
            with_house(|$house| async move $body).await;
        }
    };
}

async fn refusal(house: &House, url: &str, tls: &Tls) -> Error {
    let error = PostgresStore::connect(url, tls, &house.namespace).await.unwrap_err();
    let (_, rest) = url.split_once("://").unwrap();
    let (credentials, place) = rest.split_once('@').unwrap();
    let (role, password) = credentials.split_once(':').unwrap();
    let text = format!("{error} {error:?}");
    for part in [role, password, place.split(['/', '?']).next().unwrap()] {
        assert!(!text.contains(part), "an error holds a part of the URL");
    }
    assert!(std::error::Error::source(&error).is_none());
    error
}

server_test!(a_wrong_password_is_authentication, |house| {
    let (head, _) = house.url.rsplit_once('@').unwrap();
    let (role, password) = head.rsplit_once(':').unwrap();
    let url = house.url.replace(&format!("{role}:{password}"), &format!("{role}:planted-wrong"));
    let error = refusal(&house, &url, &house.tls).await;
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.code(), Some(Code::SqlState(*b"28P01")));
});

server_test!(an_unknown_authority_is_authentication, |house| {
    // Our own certificate as the only root: it did not sign the server's.
    let tls = Tls::builder().ca_file(variable("EVANESCE_TLS_CERT")).build().unwrap();
    // sslmode in the URL does not soften it.
    for mode in ["", "?sslmode=disable", "?sslmode=prefer"] {
        let error = refusal(&house, &format!("{}{mode}", house.url), &tls).await;
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert_eq!(error.sentence(), "the server's certificate is not trusted");
    }
});

server_test!(another_name_than_the_certificates_is_authentication, |house| {
    let (head, tail) = house.url.split_once("@localhost").unwrap();
    let url = format!("{head}@db.invalid{tail}?hostaddr=127.0.0.1");
    let error = refusal(&house, &url, &house.tls).await;
    assert_eq!(error.sentence(), "the server's certificate is not trusted");
});

server_test!(a_plain_connection_is_not_accepted_by_this_server, |house| {
    let error = refusal(&house, &house.url, &Tls::plaintext_loopback().unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.code(), Some(Code::SqlState(*b"28000")));
});

server_test!(a_closed_port_is_unavailable, |house| {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (head, _) = house.url.split_once("@localhost").unwrap();
    let url = format!("{head}@127.0.0.1:{port}/evanesce");
    assert_eq!(refusal(&house, &url, &house.tls).await.kind(), ErrorKind::Unavailable);
});

server_test!(another_database_is_missing, |house| {
    let url = format!("{}-planted", house.url);
    assert_eq!(refusal(&house, &url, &house.tls).await.kind(), ErrorKind::Missing);
});

server_test!(a_store_prints_no_url, |house| {
    let text = format!("{:?}", house.store().await);
    let (credentials, _) = house.url.rsplit_once('@').unwrap();
    let (_, password) = credentials.rsplit_once(':').unwrap();
    assert!(!text.contains(password) && !text.contains("localhost"));
    assert!(text.contains(&house.schema));
});

server_test!(what_the_server_says_stays_there, |house| {
    let store = house.store().await;
    let client = house.client().await;
    client
        .batch_execute(
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'planted: %', NEW USING ERRCODE = '22000'; END $$; \
             CREATE TRIGGER tell BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION tell()",
        )
        .await
        .unwrap();
    let error = store.append(0, &[b"leaf".to_vec()], "planted-checkpoint").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, Some(Code::SqlState(*b"22000"))));
    assert!(!format!("{error} {error:?}").contains("planted"));
    assert_eq!(AuditStore::size(&store).await, Ok(0));
});

server_test!(a_deadlock_is_run_again, |house| {
    let store = house.store().await;
    let (gate, observer) = (house.client().await, house.client().await);
    // The store takes the journal and then the lease's row; the blocker the other way
    // round. Between the two the store waits at the gate, so that it is the one whose
    // wait closes the circle, and the blocker does not look for circles.
    gate.batch_execute(
        "INSERT INTO lease VALUES ('crossing', 1, now()), ('gate', 1, now()); \
         CREATE FUNCTION cross_over() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         LOCK TABLE journal IN ACCESS EXCLUSIVE MODE; \
         PERFORM FROM lease WHERE name = 'gate' FOR UPDATE; \
         UPDATE lease SET fence = fence WHERE name = 'crossing'; RETURN NEW; END $$; \
         CREATE TRIGGER cross_over BEFORE UPDATE ON window_ledger \
         FOR EACH ROW EXECUTE FUNCTION cross_over()",
    )
    .await
    .unwrap();
    gate.batch_execute("BEGIN; SELECT FROM lease WHERE name = 'gate' FOR UPDATE").await.unwrap();
    let blocker = house.client_of("EVANESCE_POSTGRES_ADMIN_URL").await;
    blocker.batch_execute("SET deadlock_timeout TO '5min'; BEGIN").await.unwrap();
    let cross = "UPDATE lease SET fence = fence WHERE name = 'crossing'";
    blocker.batch_execute(cross).await.unwrap();

    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release(&release()).await }
    });
    let releaser = waiting_for(&observer, pid(&gate).await).await;
    let crossing = tokio::spawn(async move {
        blocker.batch_execute("SELECT FROM journal").await.unwrap();
        blocker.batch_execute("COMMIT").await.unwrap();
    });
    waiting_for(&observer, releaser).await;
    gate.batch_execute("ROLLBACK").await.unwrap();
    // The blocker got what the store held, so the store's transaction was rolled back.
    crossing.await.unwrap();
    assert_eq!(releasing.await.unwrap(), Ok(()));
    let spent = Spent { micro_epsilon: 5, is_released: true };
    assert_eq!(store.spent(WindowId(1)).await, Ok(spent));
    assert_eq!(store.released("composed").await.unwrap().len(), 1, "released once");
});

server_test!(a_release_waits_for_a_fold_that_is_under_way, |house| {
    let store = house.store().await;
    let (gate, observer) = (house.client().await, house.client().await);
    gate.batch_execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM FROM audit_head FOR UPDATE; RETURN NEW; END $$; \
         CREATE TRIGGER wait BEFORE INSERT ON partial FOR EACH ROW EXECUTE FUNCTION wait()",
    )
    .await
    .unwrap();
    // An earlier fold makes the ledger's row, as in every window but for its first fold.
    let partial = |batch| SealedPartial {
        window: WindowId(1),
        batch: Digest::new([batch; 32]),
        sealed: vec![batch],
    };
    store.fold(&partial(1)).await.unwrap();
    gate.batch_execute("BEGIN; SELECT FROM audit_head FOR UPDATE").await.unwrap();
    let folding = tokio::spawn({
        let (store, partial) = (store.clone(), partial(2));
        async move { store.fold(&partial).await }
    });
    let folder = waiting_for(&observer, pid(&gate).await).await;
    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release(&release()).await }
    });
    waiting_for(&observer, folder).await;
    gate.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(folding.await.unwrap(), Ok(Folded::Added));
    assert_eq!(releasing.await.unwrap(), Ok(()));
    assert_eq!(store.windows().await, Ok(Vec::new()), "and takes its partial with it");
});

server_test!(an_append_without_an_answer_is_unconfirmed, |house| {
    let store = house.store().await;
    let (blocker, observer) = (house.client().await, house.client().await);
    blocker.batch_execute("BEGIN; SELECT FROM audit_head FOR UPDATE").await.unwrap();
    let holder = pid(&blocker).await;
    let appending = tokio::spawn({
        let store = store.clone();
        async move {
            let leaves = [b"leaf".to_vec()];
            let lost = store.append(0, &leaves, "first").await.unwrap_err();
            // At once, and not on the broken connection.
            (lost.kind(), store.append(0, &leaves, "second").await)
        }
    });
    let first = waiting_for(&observer, holder).await;
    end(&observer, first).await;
    while !appending.is_finished() && waiting_for(&observer, holder).await == first {}
    blocker.batch_execute("ROLLBACK").await.unwrap();
    // That the second begins at 0 says that nothing of the first was written.
    assert_eq!(appending.await.unwrap(), (ErrorKind::Unconfirmed, Ok(())));
    assert_eq!(store.checkpoint().await, Ok(Some("second".to_owned())));
});

server_test!(a_release_lost_in_its_commit_is_unconfirmed_and_the_ledger_tells, |house| {
    let store = house.store().await;
    let (blocker, observer) = (house.client().await, house.client().await);
    // A deferred trigger runs within COMMIT, and waits there for the blocker.
    blocker
        .batch_execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM FROM audit_head FOR UPDATE; RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON window_ledger \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()",
        )
        .await
        .unwrap();
    blocker.batch_execute("BEGIN; SELECT FROM audit_head FOR UPDATE").await.unwrap();
    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release(&release()).await }
    });
    end(&observer, waiting_for(&observer, pid(&blocker).await).await).await;
    assert_eq!(releasing.await.unwrap().unwrap_err().kind(), ErrorKind::Unconfirmed);
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
    assert_eq!(store.released("composed").await, Ok(Vec::new()));
    store.release(&release()).await.unwrap();
});

server_test!(after_a_connection_was_ended_a_read_goes_to_another, |house| {
    let store = house.store().await;
    // Used by one after the other, the store has one connection, and its last statement
    // is that of the last check.
    store.checks(&evanesce_core::SystemClock).await;
    let observer = house.client().await;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'evanesce' AND query LIKE '%rolbypassrls%'";
    assert!(observer.execute(sql, &[]).await.unwrap() >= 1);
    assert_eq!(AuditStore::size(&store).await, Ok(0));
});

server_test!(a_release_lost_before_its_commit_is_run_again, |house| {
    let store = house.store().await;
    let (blocker, observer) = (house.client().await, house.client().await);
    blocker.batch_execute("INSERT INTO window_ledger VALUES (1)").await.unwrap();
    blocker.batch_execute("BEGIN; SELECT FROM window_ledger FOR UPDATE").await.unwrap();
    let holder = pid(&blocker).await;
    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release(&release()).await }
    });
    let first = waiting_for(&observer, holder).await;
    end(&observer, first).await;
    // Another connection tries.
    while waiting_for(&observer, holder).await == first {}
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(releasing.await.unwrap(), Ok(()));
    assert_eq!(store.released("composed").await.unwrap().len(), 1, "released once");
    let spent = Spent { micro_epsilon: 5, is_released: true };
    assert_eq!(store.spent(WindowId(1)).await, Ok(spent));
});

server_test!(an_operation_that_was_dropped_holds_no_lock, |house| {
    let store = house.store().await;
    let (blocker, observer) = (house.client().await, house.client().await);
    blocker.batch_execute("INSERT INTO window_ledger VALUES (1)").await.unwrap();
    blocker.batch_execute("BEGIN; SELECT FROM window_ledger FOR UPDATE").await.unwrap();
    let releasing = tokio::spawn({
        let store = store.clone();
        async move { store.release(&release()).await }
    });
    waiting_for(&observer, pid(&blocker).await).await;
    releasing.abort();
    assert!(releasing.await.unwrap_err().is_cancelled());
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
    store.release(&release()).await.unwrap();
});

#[cfg(feature = "blocking")]
server_test!(the_blocking_client_migrates_to_the_same_schema, |house| {
    // Within async code, where the client by itself would panic; and twice.
    for _ in 0..2 {
        evanesce_postgres::blocking::migrate(&house.url, &house.tls, &house.namespace).unwrap();
    }
    let rows = house.client().await.query("SELECT version FROM migration", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let store = house.store().await;
    store.append(0, &[b"leaf".to_vec()], "first").await.unwrap();
    store.release(&release()).await.unwrap();

    let wrong = Tls::builder().ca_file(variable("EVANESCE_TLS_CERT")).build().unwrap();
    let error = evanesce_postgres::blocking::migrate(&house.url, &wrong, &house.namespace);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Authentication);
});

async fn end(observer: &tokio_postgres::Client, process: i32) {
    let row = observer.query_one("SELECT pg_terminate_backend($1)", &[&process]).await.unwrap();
    assert!(row.get::<_, bool>(0));
}

fn release() -> Release {
    Release {
        window: WindowId(1),
        spent: Spent::default(),
        debit: 5,
        tables: vec![ReleasedTable {
            table: "composed".to_owned(),
            window: WindowId(1),
            at: Timestamp::from_millis(1_767_225_600_000),
            rows: Vec::new(),
        }],
    }
}
