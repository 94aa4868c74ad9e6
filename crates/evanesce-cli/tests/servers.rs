//! The operator's command on the real servers, each test in a namespace of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod desk;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use desk::{Desk, READER, Visit, at_desk, sections, variable};
use evanesce_core::{Clock, ErasureReceipt, Presence, StoreKind, SystemClock};
use evanesce_service::{Approval, Evanesce};
use evanesce_telemetry::{Level, LogRecord, LogSink};
use evanesce_testkit::ManualClock;
use serde_json::Value;
use tempfile::TempDir;

const ALL: [&str; 4] = ["redis", "postgres", "elasticsearch", "influxdb"];

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn verified(desk: &Desk, receipt: &str, key: &str) {
    desk.write("receipt.json", receipt);
    let ended = desk.run(&["verify", "receipt.json", "--key", key]).await;
    assert_eq!(ended.status, 0, "{}", ended.err);
}

#[tokio::test]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up"]
async fn stores_are_made_and_checked() {
    at_desk(&sections(&ALL), async |desk| {
        let before = desk.run(&["retention", "--format", "json"]).await;
        let rows = parsed(&before.out);
        let bucket = &rows["stores"][3];
        assert_ne!(bucket["verdict"], "kept", "there is no bucket yet: {bucket}");
        for _ in 0..2 {
            let made = desk.run(&["migrate"]).await;
            assert_eq!(made.status, 0, "{}{}", made.out, made.err);
            assert_eq!(made.out.matches("ready").count(), 3, "{}", made.out);
        }
        let ended = desk.run(&["check", "--format", "json"]).await;
        let told = parsed(&ended.out);
        assert_eq!(told["service"], desk.name.as_str());
        assert_eq!(told["status"], ended.status);
        let stores = told["stores"].as_array().unwrap();
        let names: Vec<_> = stores.iter().map(|store| store["store"].as_str().unwrap()).collect();
        assert_eq!(names, ["redis", "postgres", "elasticsearch", "influxdb"]);
        for store in stores {
            assert_eq!(store["failed"], Value::Null, "{store}");
            assert!(store["facts"].as_array().unwrap().len() >= 2, "{store}");
            assert!(store["retention"]["ceiling"].is_object(), "{store}");
        }
        // What the command says is what a service that starts would have computed.
        let table = desk.run(&["check"]).await;
        assert_eq!(table.status, ended.status);
        for word in ["Redis", "PostgreSQL", "Elasticsearch", "InfluxDB", "appendonly"] {
            assert!(table.out.contains(word), "{}", table.out);
        }
        let retention = desk.run(&["retention"]).await;
        assert_eq!(retention.out.lines().count(), 5, "{}", retention.out);
        assert!(retention.out.contains("90 d") && retention.out.contains("365 d"));
        let rows = parsed(&desk.run(&["retention", "--format", "json"]).await.out);
        assert_eq!(rows["stores"][3]["verdict"], "kept", "{rows}");
    })
    .await;
}

/// A server of one's own, in plain on the loopback.
struct Own {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Own {
    async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server can be started");
        let own = Self { child, port, _folder: folder };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return own;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("a redis-server did not become ready");
    }

    fn desk(&self) -> Desk {
        Desk::new(&format!(
            "[tls]\nplaintext_loopback = true\n[redis]\nurl = \"redis://127.0.0.1:{}\"\n",
            self.port
        ))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fact<'a>(told: &'a Value, name: &str) -> &'a Value {
    let facts = told["stores"][0]["facts"].as_array().unwrap();
    facts.iter().find(|fact| fact["evidence"]["fact"] == name).unwrap()
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_that_writes_to_disk_is_found_out() {
    let careless = ["--appendonly", "yes", "--save", "60 1"];
    let (own, other) = (Own::start(&careless).await, Own::start(&["--save", ""]).await);
    let desk = own.desk();
    let ended = desk.run(&["check", "--format", "json"]).await;
    assert_eq!(ended.status, 1);
    let told = parsed(&ended.out);
    for name in ["appendonly", "save"] {
        assert_eq!(fact(&told, name)["verdict"], "broken", "{told}");
        assert_eq!(fact(&told, name)["setting"], name);
    }
    assert_eq!(told["stores"][0]["retention"]["verdict"], "broken", "{told}");
    let table = desk.run(&["check"]).await;
    assert_eq!(table.status, 1);
    assert!(table.out.lines().any(|line| {
        line.starts_with("BROKEN") && line.contains("appendonly") && line.contains("change")
    }));
    assert_eq!(desk.run(&["retention"]).await.status, 1);

    let desk = other.desk();
    let told = parsed(&desk.run(&["check", "--format", "json"]).await.out);
    assert_eq!(fact(&told, "appendonly")["verdict"], "kept");
    assert_eq!(told["stores"][0]["retention"]["verdict"], "kept", "{told}");
    drop(other);
    // A store that is gone is not kept and not broken either.
    let ended = desk.run(&["check"]).await;
    assert_eq!(ended.status, 2);
    assert!(ended.out.contains("not reached"), "{}", ended.out);
}

async fn opened(house: &Evanesce, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        let session = house.open(&Visit { reader: READER.to_owned() }).await.unwrap();
        tokens.push(session.token().to_string());
    }
    tokens
}

async fn readable(house: &Evanesce, tokens: &[String]) -> usize {
    let mut count = 0;
    for token in tokens {
        let session = house.session::<Visit>(token).unwrap();
        count += usize::from(session.process(|visit, _| visit.reader.len()).await.is_ok());
    }
    count
}

fn code(out: &str) -> String {
    let (_, code) = out.split_once("--confirm ").unwrap();
    code.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and PostgreSQL: cargo xtask services up redis postgres"]
async fn an_emergency_is_confirmed_and_ends_with_a_receipt() {
    at_desk(&sections(&["redis", "postgres"]), async |desk| {
        let house = desk.house().await;
        let tokens = opened(&house, 3000).await;
        let asked = desk.run(&["purge", "--emergency"]).await;
        assert_eq!(asked.status, 3, "{}", asked.err);
        let stale = ManualClock::at(SystemClock.now().minus(Duration::from_secs(301)));
        let stale = Approval::of(&desk.config(), &stale).to_string();
        let early = ManualClock::at(SystemClock.now().plus(Duration::from_secs(60)));
        let early = Approval::of(&desk.config(), &early).to_string();
        let another = Approval::of(&Desk::new("").config(), &SystemClock).to_string();
        for (code, why) in [
            (stale.as_str(), "older than five minutes"),
            (&early, "older than five minutes"),
            (&another, "not of this configuration"),
            ("yes", "not a code"),
            ("", "not a code"),
        ] {
            let refused = desk.run(&["purge", "--emergency", "--confirm", code]).await;
            assert_eq!((refused.status, refused.out.as_str()), (3, ""), "{code}");
            assert!(refused.err.contains(why) && refused.err.contains("nothing was done"));
        }
        assert_eq!(readable(&house, &tokens[..100]).await, 100);

        let code = code(&asked.out);
        let purged = desk.run(&["purge", "--emergency", "--confirm", &code]).await;
        assert_eq!(purged.status, 0, "{}", purged.err);
        assert!(purged.err.contains("1 key version retired"), "{}", purged.err);
        let receipt: ErasureReceipt = serde_json::from_str(&purged.out).unwrap();
        let redis = &receipt.erasure.stores[0];
        assert_eq!((redis.store, redis.after), (StoreKind::Redis, Presence::Absent));
        assert!(redis.removed >= 3000, "{}", redis.removed);
        let actor = receipt.incorporated.actor.as_ref().map(|actor| actor.as_str());
        assert_eq!(actor, Some("operator"));
        verified(&desk, &purged.out, &house.log_key().to_string()).await;
        // The running service sees it, and goes on.
        assert_eq!(readable(&house, &tokens).await, 0);
        let after = opened(&house, 2).await;
        assert_eq!(readable(&house, &after).await, 2);
        house.stop().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis and PostgreSQL: cargo xtask services up redis postgres"]
async fn a_session_is_erased_by_its_token_beside_the_service() {
    at_desk(&sections(&["redis", "postgres"]), async |desk| {
        let house = desk.house().await;
        let tokens = opened(&house, 3).await;
        desk.write("token", &format!("{}\n", tokens[0]));
        let ended = desk.run(&["erase", "--token-file", "token"]).await;
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert!(ended.err.contains("the session is gone"));
        let key = house.log_key().to_string();
        verified(&desk, &ended.out, &key).await;
        let receipt: ErasureReceipt = serde_json::from_str(&ended.out).unwrap();
        let stores: Vec<_> = receipt.erasure.stores.iter().map(|s| (s.store, s.before)).collect();
        let wanted = [
            (StoreKind::Redis, Presence::Present),
            (StoreKind::Postgres, Presence::NotAddressable),
        ];
        assert_eq!(stores, wanted);
        assert_eq!(readable(&house, &tokens).await, 2);

        let again = desk.run_with(&["erase"], &tokens[0]).await;
        assert_eq!(again.status, 0, "{}", again.err);
        assert!(again.err.contains("there was no such session"), "{}", again.err);
        verified(&desk, &again.out, &key).await;
        let none = desk.run_with(&["erase"], "ev1_no-token-at-all").await;
        assert_eq!((none.status, none.out.as_str()), (2, ""));

        // The report lists the receipt as proven, under the same log.
        let report = desk.run(&["report", "--format", "json", "--receipt", "receipt.json"]).await;
        assert_eq!(report.status, 0, "{}", report.err);
        assert_eq!(parsed(&report.out)["report"]["erasures"][0]["proven"], true, "{}", report.out);
        house.stop().await.unwrap();
    })
    .await;
}

/// The log of a running service lies in a folder that it holds: the session goes all the
/// same, the request is remembered, and the receipt follows once the log is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_log_that_is_not_there_keeps_nothing_from_being_erased() {
    at_desk(&sections(&["redis", "folder"]), async |desk| {
        let house = desk.house().await;
        let tokens = opened(&house, 2).await;
        let ended = desk.run_with(&["erase"], &tokens[0]).await;
        assert_eq!((ended.status, ended.out.as_str()), (1, ""), "{}", ended.err);
        assert_eq!(readable(&house, &tokens).await, 1);
        let code = code(&desk.run(&["purge", "--emergency"]).await.out);
        let purged = desk.run(&["purge", "--emergency", "--confirm", &code]).await;
        assert_eq!((purged.status, purged.out.as_str()), (1, ""), "{}", purged.err);
        assert!(purged.err.contains("the audit log gave no receipt"), "{}", purged.err);
        assert_eq!(readable(&house, &tokens).await, 0);
        let held = desk.run(&["purge", "--expired"]).await;
        assert_eq!(held.status, 1);
        assert!(held.out.contains("open erasures") && held.out.contains("FAILED"));
        let open = || std::fs::read_dir(desk.file("journal")).unwrap().count();
        assert!(open() > 0 || house.finish_erasures().await.is_ok());
        desk.ended(house).await;
        let swept = desk.run(&["purge", "--expired"]).await;
        assert_eq!(swept.status, 0, "{}{}", swept.out, swept.err);
        assert_eq!(open(), 0, "{}", swept.out);
    })
    .await;
}

/// With the store of the sessions out of reach the keys are retired all the same, so that a
/// copy of it opens nothing.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn an_emergency_retires_the_keys_of_a_store_that_is_gone() {
    let own = Own::start(&["--save", ""]).await;
    let desk = own.desk();
    drop(own);
    let before = std::fs::read_to_string(desk.file("session-keys")).unwrap();
    let code = code(&desk.run(&["purge", "--emergency"]).await.out);
    let ended = desk.run(&["purge", "--emergency", "--confirm", &code]).await;
    assert_eq!((ended.status, ended.out.as_str()), (1, ""), "{}", ended.err);
    assert!(ended.err.contains("an epoch could not be ended"), "{}", ended.err);
    let after = std::fs::read_to_string(desk.file("session-keys")).unwrap();
    assert!(before.starts_with("1:") && after.starts_with("2:"));
    assert_eq!(after.lines().count(), 1);
}

/// At a terminal there are colours, and none where they were asked off.
#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_terminal_sees_colours_unless_it_asks_for_none() {
    let own = Own::start(&["--appendonly", "yes"]).await;
    let desk = own.desk();
    let at_terminal = |no_color: &str| {
        let mut script = Command::new("script");
        script.args(["-qefc", concat!(env!("CARGO_BIN_EXE_evanesce"), " check"), "/dev/null"]);
        script.current_dir(desk.path()).env("TERM", "xterm").env("NO_COLOR", no_color);
        let output = script.stdin(Stdio::null()).output().expect("script of util-linux");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let coloured = at_terminal("");
    assert!(coloured.contains("\u{1b}[31;1mBROKEN\u{1b}[0m"), "{coloured}");
    let plain = at_terminal("1");
    assert!(plain.contains("BROKEN") && !plain.contains('\u{1b}'), "{plain}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up"]
async fn what_is_over_its_age_is_removed() {
    at_desk(&sections(&ALL), async |desk| {
        desk.house().await.stop().await.unwrap();
        let tls = evanesce_tls::Tls::builder().ca_file(variable("EVANESCE_TLS_CA")).build();
        let space = evanesce_core::Namespace::new(&desk.name).unwrap();
        let url = variable("EVANESCE_ELASTICSEARCH_URL");
        let sink = evanesce_elasticsearch::ElasticsearchSink::connect(&url, &tls.unwrap(), &space);
        let sink = Arc::new(sink.unwrap());
        let now = SystemClock.now();
        let at = |days: u64| now.minus(Duration::from_secs(days * 86_400));
        let batch = [
            LogRecord::new(at(100), Level::Info, "too.old"),
            LogRecord::new(at(1), Level::Info, "young"),
        ];
        sink.write(&batch).await.unwrap();
        assert_eq!(sink.count("too.old").await.unwrap(), 1);
        let swept = desk.run(&["purge", "--expired"]).await;
        assert_eq!(swept.status, 0, "{}{}", swept.out, swept.err);
        let line = swept.out.lines().find(|line| line.starts_with("old logs")).unwrap();
        assert!(line.contains("1 removed, the oldest 1"), "{line}");
        assert_eq!(sink.count("too.old").await.unwrap(), 0);
        assert_eq!(sink.count("young").await.unwrap(), 1);
        for step in ["expired sessions", "old aggregates", "old metrics", "old audit entries"] {
            assert!(swept.out.contains(step), "{}", swept.out);
        }
        // Each step is in the log.
        let report = parsed(&desk.run(&["report", "--format", "json"]).await.out);
        assert!(report.to_string().contains("swept"), "{report}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis Cluster: cargo xtask services up redis-cluster"]
async fn a_cluster_is_checked_and_purged_too() {
    at_desk(&sections(&["cluster", "folder"]), async |desk| {
        let house = desk.house().await;
        let tokens = opened(&house, 200).await;
        desk.ended(house).await;
        // The folders of log and journal have no row of their own.
        let retention = desk.run(&["retention"]).await;
        assert_eq!((retention.status, retention.out.lines().count()), (0, 2), "{}", retention.out);
        let told = parsed(&desk.run(&["check", "--format", "json"]).await.out);
        assert_eq!(fact(&told, "appendonly")["verdict"], "kept", "{told}");
        let code = code(&desk.run(&["purge", "--emergency"]).await.out);
        let purged = desk.run(&["purge", "--emergency", "--confirm", &code]).await;
        assert_eq!(purged.status, 0, "{}", purged.err);
        let house = desk.house().await;
        assert_eq!(readable(&house, &tokens).await, 0);
        verified(&desk, &purged.out, &house.log_key().to_string()).await;
        house.stop().await.unwrap();
    })
    .await;
}
