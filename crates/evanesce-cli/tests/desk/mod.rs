//! A folder with a configuration of its own, the command, and what must never be seen.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it, and reports by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use evanesce_crypto::{Root, RootFile};
use evanesce_macros::Ephemeral;
use evanesce_service::{Config, Evanesce};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a person left in a session.
#[derive(Ephemeral)]
pub struct Visit {
    pub reader: String,
}

pub const READER: &str = "reader@example.org";

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask services up` and load what env prints")
    })
}

pub struct Desk {
    folder: TempDir,
    pub name: String,
    config: String,
}

/// How a command ended, and what it said.
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Desk {
    /// With keys, and a configuration in a namespace that nobody else uses.
    pub fn new(rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = [0; 8];
        evanesce_crypto::random(&mut bytes).unwrap();
        let name = format!("t{:016x}", u64::from_be_bytes(bytes));
        Root::create_file(&folder.path().join("root")).unwrap();
        RootFile::create(&folder.path().join("session-keys")).unwrap();
        let config = format!(
            "name = \"{name}\"\n[keys]\nroot_file = \"root\"\nsession_file = \"session-keys\"\n{rest}"
        );
        let desk = Self { folder, name, config };
        desk.write("evanesce.toml", &desk.config);
        desk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn config(&self) -> Config {
        Config::read(&self.file("evanesce.toml")).unwrap()
    }

    /// The service that the configuration describes.
    pub async fn house(&self) -> Evanesce {
        let builder = Evanesce::configured(&self.config()).await.unwrap();
        builder.mode(evanesce_service::Mode::ReportOnly).start().await.unwrap()
    }

    /// Ends a service whose log lies in the folder, and waits until the log is free: a process
    /// that another test is starting at this moment holds a copy of the lock for an instant.
    pub async fn ended(&self, house: Evanesce) {
        house.stop().await.unwrap();
        for _ in 0..200 {
            if evanesce_audit::FolderAudit::open(&self.file("audit")).is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the log of a service that has ended is still held");
    }

    /// Runs the command in this folder, and looks through all that it says.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evanesce"));
        command.args(arguments).current_dir(self.path()).env_clear();
        for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("EVANESCE_")) {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that refuses at once may be gone before it read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        let ended = Ended { status: output.status.code().unwrap(), out, err };
        self.look_through(&ended, input);
        ended
    }

    // No password, no token, no key and nobody's address is ever said, and no colour where
    // no terminal is.
    fn look_through(&self, ended: &Ended, input: &str) {
        let mut secrets: Vec<String> = vec![READER.to_owned(), "\u{1b}".to_owned()];
        secrets.extend((!input.trim().is_empty()).then(|| input.trim().to_owned()));
        for (name, value) in std::env::vars().filter(|(name, _)| name.starts_with("EVANESCE_")) {
            let user = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
            secrets.extend(user.and_then(|(user, _)| user.split(':').nth(1)).map(str::to_owned));
            if name.ends_with("TOKEN_FILE") {
                secrets.push(fs::read_to_string(&value).unwrap().trim().to_owned());
            }
        }
        for file in ["root", "session-keys"] {
            let lines = fs::read_to_string(self.file(file)).unwrap_or_default();
            secrets.extend(lines.lines().filter_map(|l| Some(l.split_once(':')?.1.to_owned())));
        }
        for secret in secrets {
            assert!(!ended.out.contains(&secret), "a secret on standard output");
            assert!(!ended.err.contains(&secret), "a secret on standard error");
        }
    }
}

/// The sections of the shared servers; a log in a folder, or in PostgreSQL.
pub fn sections(names: &[&str]) -> String {
    let mut text = format!("[tls]\nca_file = \"{}\"\n", variable("EVANESCE_TLS_CA"));
    text.push_str(&format!("cert_file = \"{}\"\n", variable("EVANESCE_TLS_CERT")));
    text.push_str(&format!("key_file = \"{}\"\n", variable("EVANESCE_TLS_KEY")));
    for name in names {
        text.push_str(&match *name {
            "redis" => "[redis]\nurl_env = \"EVANESCE_REDIS_URL\"\n".to_owned(),
            "cluster" => {
                "[redis]\nurl_env = \"EVANESCE_REDIS_CLUSTER_URLS\"\nnodes = \"cluster\"\n"
                    .to_owned()
            }
            "postgres" => "[postgres]\nurl_env = \"EVANESCE_POSTGRES_URL\"\n\
                           [audit]\ncheckpoint_file = \"checkpoint\"\n"
                .to_owned(),
            "folder" => "[audit]\nfolder = \"audit\"\ncheckpoint_file = \"checkpoint\"\n\
                         [erasures]\njournal_folder = \"journal\"\n"
                .to_owned(),
            "elasticsearch" => {
                "[elasticsearch]\nurl_env = \"EVANESCE_ELASTICSEARCH_URL\"\n".to_owned()
            }
            // A bucket of the namespace's own.
            "influxdb" => {
                let url = variable("EVANESCE_INFLUXDB_URL").replace("&bucket=metrics", "");
                let token = variable("EVANESCE_INFLUXDB_TOKEN_FILE");
                format!("[influxdb]\nurl = \"{url}\"\ntoken_file = \"{token}\"\n")
            }
            other => panic!("{other}"),
        });
    }
    text
}

/// Runs a test and clears its namespace out of the shared servers, whatever came of it.
pub async fn at_desk<F: Future<Output = ()> + Send + 'static>(
    sections: &str,
    test: impl FnOnce(Arc<Desk>) -> F,
) {
    let desk = Arc::new(Desk::new(sections));
    let ended = tokio::spawn(test(Arc::clone(&desk))).await;
    clear(&desk, sections).await;
    if let Err(error) = ended {
        resume_unwind(error.into_panic());
    }
}

async fn clear(desk: &Desk, sections: &str) {
    let tls = || {
        let tls = evanesce_tls::Tls::builder().ca_file(variable("EVANESCE_TLS_CA"));
        tls.identity_files(variable("EVANESCE_TLS_CERT"), variable("EVANESCE_TLS_KEY"))
            .build()
            .unwrap()
    };
    let space = evanesce_core::Namespace::new(&desk.name).unwrap();
    if sections.contains("[postgres]") {
        let config: tokio_postgres::Config = variable("EVANESCE_POSTGRES_URL").parse().unwrap();
        let tls = tls().client_config().as_ref().clone();
        let tls = tokio_postgres_rustls_improved::MakeRustlsConnect::new(tls);
        let (client, connection) = config.connect(tls).await.unwrap();
        tokio::spawn(connection);
        let drop = format!("DROP SCHEMA IF EXISTS \"evanesce_{}\" CASCADE", desk.name);
        client.batch_execute(&drop).await.unwrap();
    }
    if sections.contains("[elasticsearch]") {
        let url = variable("EVANESCE_ELASTICSEARCH_URL");
        let sink = evanesce_elasticsearch::ElasticsearchSink::connect(&url, &tls(), &space);
        sink.unwrap().remove().await.unwrap();
    }
    if sections.contains("[influxdb]") {
        let url = variable("EVANESCE_INFLUXDB_URL").replace("&bucket=metrics", "");
        let token = fs::read_to_string(variable("EVANESCE_INFLUXDB_TOKEN_FILE")).unwrap();
        let sink = evanesce_influxdb::InfluxSink::connect(&url, token.trim(), &tls(), &space);
        // Where the bucket was never made there is nothing to remove.
        let _ = sink.unwrap().remove().await;
    }
}
