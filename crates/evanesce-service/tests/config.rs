//! `evanesce.toml`: what is read, what is refused and with which words, and a service that
//! is put together from it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::error::Error as StdError;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use evanesce_core::{Lifetime, SystemClock};
use evanesce_crypto::Root;
use evanesce_service::{Config, ConfigError, Evanesce, Operator, OperatorError, Verdict};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../docs/operations/evanesce.toml");
const SECRET: &str = "hunter2-correct-horse";

fn told(error: &(dyn StdError + 'static)) -> String {
    let mut line = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        line = format!("{line}: {error} {error:?}");
        source = error.source();
    }
    line
}

fn refused(rest: &str) -> ConfigError {
    let text = format!("name = \"newsletter\"\nkeys = {{ root_file = \"root\" }}\n{rest}");
    let error = Config::parse(&text).unwrap_err();
    assert!(!told(&error).contains(SECRET), "{}", told(&error));
    error
}

#[test]
fn the_example_is_read() {
    let config = Config::parse(EXAMPLE).unwrap();
    assert_eq!(config.name().as_str(), "newsletter");
    assert_eq!(config.lifetime(), const { Lifetime::hours(4) });
    let shown = format!("{config:?}");
    for hidden in ["secrets", "metrics.internal", "NEWSLETTER", "/var/lib"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    // Each line that is commented out is a key too: with its rivals away it is read.
    let without = |keys: &[&str]| {
        let kept = EXAMPLE.lines().filter(|line| !keys.iter().any(|key| line.starts_with(key)));
        kept.collect::<Vec<_>>().join("\n")
    };
    let plain = without(&["ca_file", "cert_file", "key_file"]);
    let plain = plain.replace("# plaintext_loopback", "plaintext_loopback");
    assert!(Config::parse(&plain).is_ok());
    assert!(Config::parse(&EXAMPLE.replace("# folder", "folder")).is_ok());
    let both = EXAMPLE.replace("# plaintext_loopback", "plaintext_loopback");
    let error = Config::parse(&both).unwrap_err();
    assert_eq!(error.to_string(), "tls.plaintext_loopback: give this or tls.ca_file, not both");
}

#[test]
fn every_refusal_names_the_key_and_never_the_value() {
    for (rest, said) in [
        ("nmae = \"hunter2-correct-horse\"", "nmae: no such key is known"),
        ("redis = { url_file = \"u\", hosts = 1 }", "redis.hosts: no such key is known"),
        ("redis = { nodes = \"cluster\" }", "redis.url_file: missing"),
        ("redis = 1", "redis: a table is wanted here"),
        (
            "redis = { url = \"rediss://app:hunter2-correct-horse@cache\" }",
            "redis.url: the address carries a secret; put it into a file and name that with \
             url_file, or into the environment with url_env",
        ),
        (
            "redis = { url_file = \"a\", url_env = \"B\" }",
            "redis.url_env: give this or redis.url_file, not both",
        ),
        (
            "redis = { url_file = \"a\", nodes = \"hunter2-correct-horse\" }",
            "redis.nodes: one or cluster is wanted here",
        ),
        ("mode = \"hunter2-correct-horse\"", "mode: strict or report-only is wanted here"),
        ("protect_process = \"yes\"", "protect_process: true or false is wanted here"),
        (
            "sessions = { lifetime = \"25h\" }",
            "sessions.lifetime: 1s to 24h, such as 90m or 4h, is wanted here",
        ),
        ("sessions = { lifetime = 4 }", "sessions.lifetime: a text is wanted here"),
        (
            "aggregates = { window = \"24h\" }",
            "aggregates.window: 1m to 23h, such as 1h, is wanted here",
        ),
        ("influxdb = { url = \"https://m\" }", "influxdb.token_file: missing"),
        // A token has no place in the file.
        (
            "influxdb = { url = \"https://m\", token = \"hunter2-correct-horse\" }",
            "influxdb.token_file: missing",
        ),
        (
            "influxdb = { url = \"https://m\", token_env = \"T\", token = \"hunter2-correct-horse\" }",
            "influxdb.token: no such key is known",
        ),
        ("tls = { cert_file = \"a\" }", "tls.key_file: missing"),
        ("audit = { folder = \"a\" }", "audit.checkpoint_file: missing"),
        ("postgres = { url_env = \"A\" }", "audit.checkpoint_file: missing"),
        ("hunter2-correct-horse = 1", "(a name that is no key): no such key is known"),
        ("url = hunter2-correct-horse", "line 3: this is not TOML 1.0"),
        ("\n\nurl = \"hunter2-correct-horse", "line 5: this is not TOML 1.0"),
    ] {
        assert_eq!(refused(rest).to_string(), said, "{rest}");
    }
    let twice = Config::parse("name = \"a\"\nname = \"hunter2-correct-horse\"").unwrap_err();
    assert_eq!(twice.to_string(), "line 2: this is not TOML 1.0");
    let error = Config::parse("keys = { root_file = \"root\" }").unwrap_err();
    assert_eq!(error.to_string(), "name: missing");
    let error = Config::parse("name = \"News\"\nkeys = { root_file = \"root\" }").unwrap_err();
    assert!(error.to_string().starts_with("name: 1 to 32 of a-z"), "{error}");
    assert_eq!(Config::read(Path::new("/nowhere")).unwrap_err(), ConfigError::Unreadable);
}

fn write(at: &Path, mode: u32, text: &str) {
    fs::write(at, text).unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
}

fn in_folder(at: &Path, rest: &str) -> Config {
    let text = format!("name = \"newsletter\"\nkeys = {{ root_file = \"root\" }}\n{rest}");
    fs::write(at.join("evanesce.toml"), text).unwrap();
    Config::read(&at.join("evanesce.toml")).unwrap()
}

#[tokio::test]
async fn a_service_is_put_together_from_it() {
    let at = tempfile::tempdir().unwrap();
    Root::create_file(&at.path().join("root")).unwrap();
    let config = in_folder(
        at.path(),
        "sessions = { lifetime = \"2h\" }
         audit = { folder = \"audit\", checkpoint_file = \"checkpoint\" }
         erasures = { journal_folder = \"journal\" }
         tls = { plaintext_loopback = true }",
    );
    for _ in 0..2 {
        let house = Evanesce::configured(&config).await.unwrap().start().await.unwrap();
        assert_eq!(house.name().as_str(), "newsletter");
        house.stop().await.unwrap();
    }
    // The log is where the file says, and continues what was kept beside it.
    assert!(at.path().join("audit").is_dir() && at.path().join("journal").is_dir());
    fs::remove_file(at.path().join("checkpoint")).unwrap();
    let refused = Evanesce::configured(&config).await.unwrap().start().await.err().unwrap();
    assert!(refused.to_string().contains("no checkpoint of it was kept"), "{refused}");
}

#[tokio::test]
async fn session_keys_are_made_and_the_root_is_not() {
    let at = tempfile::tempdir().unwrap();
    let text = "name = \"news\"\n[keys]\nroot_file = \"root\"\nsession_file = \"keys\"\n\
                [tls]\nplaintext_loopback = true";
    fs::write(at.path().join("evanesce.toml"), text).unwrap();
    let config = Config::read(&at.path().join("evanesce.toml")).unwrap();
    let refused = Evanesce::configured(&config).await.err().unwrap();
    assert_eq!(refused.to_string(), "keys.root_file: the keys cannot be used");
    Root::create_file(&at.path().join("root")).unwrap();
    // An operator's command makes none: it would purge nothing with them.
    assert!(config.session_key_versions().is_err());
    assert!(Evanesce::configured(&config).await.is_ok());
    assert_eq!(config.session_key_versions().unwrap(), Some(1));
}

/// Where a secret lies, and how, is told by its key; what lies there by nothing.
#[cfg(feature = "redis")]
#[tokio::test]
async fn a_secret_is_read_from_a_file_that_only_its_owner_reads() {
    let at = tempfile::tempdir().unwrap();
    Root::create_file(&at.path().join("root")).unwrap();
    let config = in_folder(
        at.path(),
        "redis = { url_file = \"redis-url\" }\ntls = { plaintext_loopback = true }",
    );
    let opened = async || {
        let error = Evanesce::configured(&config).await.err().unwrap();
        assert!(!told(&error).contains(SECRET), "{}", told(&error));
        error
    };
    let key = || "redis.url_file".to_owned();
    assert_eq!(opened().await, ConfigError::Source { key: key() });
    let url = format!("redis://app:{SECRET}@127.0.0.1:1");
    write(&at.path().join("redis-url"), 0o644, &url);
    assert_eq!(opened().await, ConfigError::Exposed { key: key() });
    write(&at.path().join("redis-url"), 0o600, "  \n");
    assert_eq!(opened().await, ConfigError::Source { key: key() });
    write(&at.path().join("redis-url"), 0o600, &url);
    assert!(matches!(opened().await, ConfigError::Store { key, .. } if key == "redis"));
    // A store that does not answer is not kept, and does not stop the asking.
    let surveys = config.survey(Arc::new(SystemClock)).await.unwrap();
    assert_eq!(surveys.len(), 1);
    assert_eq!(surveys[0].verdict(), Verdict::Unknown);
    assert!(!format!("{surveys:?}").contains(SECRET));
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn a_store_without_its_driver_is_refused() {
    let at = tempfile::tempdir().unwrap();
    Root::create_file(&at.path().join("root")).unwrap();
    let rest = "redis = { url_env = \"URL\" }\ntls = { plaintext_loopback = true }";
    let config = in_folder(at.path(), rest);
    let refused = Evanesce::configured(&config).await.err().unwrap();
    assert_eq!(refused, ConfigError::NotBuilt { key: "redis".to_owned() });
}

#[tokio::test]
async fn an_operator_without_what_an_operation_needs_is_told_the_key() {
    let at = tempfile::tempdir().unwrap();
    Root::create_file(&at.path().join("root")).unwrap();
    let config = in_folder(at.path(), "tls = { plaintext_loopback = true }");
    let operator = Operator::open(&config, Arc::new(SystemClock)).await.unwrap();
    let missing = |error: OperatorError| match error {
        OperatorError::Config(ConfigError::Missing { key }) => key,
        other => panic!("{other}"),
    };
    assert_eq!(missing(operator.emergency(&|_| ()).await.unwrap_err()), "redis");
    let token = evanesce_session_token().await;
    assert_eq!(missing(operator.erase(&token).await.unwrap_err()), "erasures.journal_folder");
    let error = operator.erase(SECRET).await.unwrap_err();
    assert!(matches!(error, OperatorError::Token(_)));
    assert!(!told(&error).contains(SECRET));
}

async fn evanesce_session_token() -> String {
    let house = Evanesce::builder("newsletter", Root::generate().unwrap()).start().await.unwrap();
    let session = house.open(&Visit { words: 1 }).await.unwrap();
    session.token().to_string()
}

#[derive(evanesce_macros::Ephemeral)]
struct Visit {
    words: u64,
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\PC{0,12}|name|redis|url| = |\"|\\[|\\]|\\{|\\}|\n){0,20}") {
        let _ = Config::parse(&text);
    }

    #[test]
    fn the_example_with_any_line_broken_is_read_or_refused(at in 0usize..60, with in "\\PC{0,20}") {
        let lines = EXAMPLE.lines().enumerate();
        let broken: Vec<_> = lines.map(|(n, line)| if n == at { &with } else { line }).collect();
        if let Err(error) = Config::parse(&broken.join("\n")) {
            prop_assert!(with.len() < 6 || !error.to_string().contains(&with));
        }
    }
}
