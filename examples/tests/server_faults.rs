//! What can be wrong with the servers, on the real ones: one line, exit status 2, no
//! URL with its password, and no word of the reader's.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that it calls"
)]

use std::process::Command;

use evanesce::audit::{AuditStore, FolderAudit, decode};
use evanesce::core::{Namespace, Operation};
use evanesce::redis::{Failover, RedisStore};
use evanesce::{Evanesce, Lifetime, Root, Tls};

const LETTER: &str = "- Update your telephone before you travel abroad.";

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(cargo xtask services env)\" first"))
}

struct Setting {
    folder: tempfile::TempDir,
    command: Command,
}

impl Setting {
    /// The program with this machine's certificates and none of its servers.
    fn new() -> Self {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().unwrap().parent().unwrap().join("examples/newsletter");
        let folder = tempfile::tempdir().unwrap();
        let letter = folder.path().join("letter.md");
        std::fs::write(&letter, LETTER).unwrap();
        let mut command = Command::new(path);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVANESCE_")) {
            if !name.starts_with("EVANESCE_TLS_") {
                command.env_remove(name);
            }
        }
        command.arg(letter);
        for name in ["report", "state"] {
            command.arg(format!("--{name}")).arg(folder.path().join(name));
        }
        Self { folder, command }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.command.arg(name).arg(value);
        self
    }

    fn fails(mut self, says: &[&str], hides: &[&str]) {
        let output = self.command.output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        for word in says {
            assert!(line.contains(word), "{line:?} says nothing of {word:?}");
        }
        for word in hides.iter().chain(&["telephone", "panicked"]) {
            assert!(!line.contains(word), "{line:?} says {word:?}");
        }
    }
}

/// The URL with another password, and that password.
fn wrong_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (account, place) = rest.split_once('@').unwrap();
    let (user, _) = account.split_once(':').unwrap();
    format!("{scheme}://{user}:not-the-password@{place}")
}

/// The URL with a port where nobody listens.
fn nobody(url: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let start = url.rfind("localhost:").unwrap() + "localhost:".len();
    let end = url[start..].find(|c: char| !c.is_ascii_digit()).map_or(url.len(), |n| start + n);
    format!("{}{free}{}", &url[..start], &url[end..])
}

const SERVERS: [(&str, &str, &str); 3] = [
    ("--redis", "EVANESCE_REDIS_URL", "Redis"),
    ("--postgres", "EVANESCE_POSTGRES_URL", "PostgreSQL"),
    ("--elasticsearch", "EVANESCE_ELASTICSEARCH_URL", "Elasticsearch"),
];

#[test]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
fn a_server_that_is_not_there_is_named() {
    for (option, name, server) in SERVERS {
        let url = variable(name);
        let password = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
        let password = password.split_once(':').unwrap().1.to_owned();
        Setting::new().with(option, &nobody(&url)).fails(&[server], &[&password, "://"]);
    }
    Setting::new()
        .with("--influxdb", &nobody(&variable("EVANESCE_INFLUXDB_URL")))
        .with("--influxdb-token-file", &variable("EVANESCE_INFLUXDB_TOKEN_FILE"))
        .fails(&["InfluxDB"], &["://"]);
}

#[test]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
fn a_wrong_password_is_said_without_it() {
    for (option, name, server) in SERVERS {
        let url = wrong_password(&variable(name));
        Setting::new().with(option, &url).fails(&[server], &["not-the-password", "://"]);
    }
    let setting = Setting::new();
    let token = setting.folder.path().join("token");
    std::fs::write(&token, "not-the-token").unwrap();
    setting
        .with("--influxdb", &variable("EVANESCE_INFLUXDB_URL"))
        .with("--influxdb-token-file", token.to_str().unwrap())
        .fails(&["InfluxDB"], &["not-the-token", "://"]);
}

#[test]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
fn an_unknown_authority_is_refused() {
    let foreign = tempfile::NamedTempFile::new().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(foreign.path(), authority.self_signed(&key).unwrap().pem()).unwrap();
    for (option, name, server) in SERVERS {
        Setting::new()
            .with(option, &variable(name))
            .with("--ca", foreign.path().to_str().unwrap())
            .fails(&[server], &["://"]);
    }
}

#[test]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
fn an_address_without_tls_is_refused() {
    for (option, url) in [
        ("--redis", "redis://app:a-password@localhost:6379"),
        ("--elasticsearch", "http://elastic:a-password@localhost:9200"),
        ("--redis", "not a url with a-password"),
        ("--postgres", "not a url with a-password"),
    ] {
        Setting::new().with(option, url).fails(&[], &["a-password"]);
    }
    Setting::new()
        .with("--ca", "/no/such/file")
        .with("--redis", "rediss://x@localhost")
        .fails(&[], &["://"]);
}

/// Whoever keeps sessions across a failover has it in the log of each start, on the real
/// server; whoever does not has nothing there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
async fn sessions_that_are_kept_across_a_failover_are_written_down_at_the_start() {
    for (failover, told) in [(Failover::Keep, 1), (Failover::End, 0)] {
        let namespace = Namespace::new("failover").unwrap();
        let store = RedisStore::builder(&Tls::from_env().unwrap(), &namespace).failover(failover);
        let store = store.connect(&variable("EVANESCE_REDIS_URL")).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let house = Evanesce::builder("failover", Root::generate().unwrap())
            .sessions(store, const { Lifetime::hours(4) })
            .audit(FolderAudit::open(folder.path()).unwrap());
        let house = house.start().await.unwrap();
        house.stop().await.unwrap();
        let audit = FolderAudit::open(folder.path()).unwrap();
        let leaves = audit.leaves(0, 1_000).await.unwrap();
        let entries = leaves.iter().map(|leaf| decode(leaf.bytes.as_ref().unwrap()).unwrap());
        let overridden = entries.filter(|e| e.operation() == Operation::PolicyOverridden).count();
        assert_eq!(overridden, told, "{failover:?}");
    }
}
