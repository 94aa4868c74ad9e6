//! The operator's command where no server is needed: what it refuses, what it completes,
//! and what it is built of.

mod desk;

use std::process::Command as Process;

use desk::Desk;

const TOKEN: &str = "ev1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU";

#[tokio::test]
async fn a_secret_has_no_argument_and_is_not_repeated() {
    let desk = Desk::new("");
    for arguments in [
        vec!["erase", TOKEN],
        vec!["erase", "--token", TOKEN],
        vec!["erase", "--token-file", TOKEN],
        vec![TOKEN],
        vec!["purge", "--emergency", "--confirm", TOKEN],
        vec!["purge", "--expired", "--confirm", TOKEN],
        vec!["check", "--format", TOKEN],
        vec!["check", "--config", TOKEN],
        vec!["report", "--since", TOKEN],
        vec!["check", "--password", "hunter2"],
    ] {
        let ended = desk.run(&arguments).await;
        assert_ne!(ended.status, 0, "{arguments:?}");
        assert!(ended.out.is_empty() && ended.err.starts_with("evanesce: "), "{}", ended.err);
        for said in [TOKEN, "hunter2", "ev1_"] {
            assert!(!ended.err.contains(said), "{}", ended.err);
        }
    }
}

#[tokio::test]
async fn a_configuration_is_refused_by_the_name_of_its_key() {
    let desk = Desk::new("redsi = \"rediss://app:hunter2@cache\"");
    for command in ["check", "retention", "report", "migrate", "erase"] {
        let ended = desk.run(&[command]).await;
        assert_eq!(ended.status, 2, "{command}");
        assert_eq!(ended.err, "evanesce: keys.redsi: no such key is known\n", "{command}");
    }
    for purge in ["--expired", "--emergency"] {
        assert_eq!(desk.run(&["purge", purge]).await.status, 2);
    }
    let ended = desk.run(&["check", "--config", "missing.toml"]).await;
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("cannot be read"), "{}", ended.err);
}

#[tokio::test]
async fn a_purge_says_what_it_is() {
    let desk = Desk::new("");
    let neither = desk.run(&["purge"]).await;
    let both = desk.run(&["purge", "--expired", "--emergency"]).await;
    assert_eq!((neither.status, both.status), (2, 2), "{}{}", neither.err, both.err);
    let asked = desk.run(&["purge", "--emergency"]).await;
    assert_eq!(asked.status, 3);
    assert!(asked.out.contains("Nothing was done."), "{}", asked.out);
    assert!(asked.out.contains("1 version to be retired, for good"), "{}", asked.out);
}

/// Whoever has only a folder is told what is missing, and a log in a folder is enough for a
/// report.
#[tokio::test]
async fn a_report_needs_a_log() {
    let desk = Desk::new("[tls]\nplaintext_loopback = true\n");
    let ended = desk.run(&["report"]).await;
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("audit.folder: missing"), "{}", ended.err);
    let desk = Desk::new(
        "[tls]\nplaintext_loopback = true\n\
         [audit]\nfolder = \"audit\"\ncheckpoint_file = \"checkpoint\"\n",
    );
    desk.ended(desk.house().await).await;
    for (format, begin) in [("markdown", "# "), ("json", "{"), ("html", "<!"), ("oscal", "{")] {
        let ended = desk.run(&["report", "--format", format]).await;
        assert_eq!(ended.status, 0, "{}", ended.err);
        assert!(ended.out.starts_with(begin), "{}", ended.out);
    }
    let ended = desk.run(&["report", "--since", "2026-02-01", "--until", "2026-01-01"]).await;
    assert_eq!(ended.status, 2);
    let written = desk.run(&["report", "--output", "report.md"]).await;
    assert_eq!((written.status, written.out.as_str()), (0, ""));
    assert!(desk.file("report.md").is_file());
    // A log that a running service holds is not pried open.
    let house = desk.house().await;
    let told = desk.run(&["check"]).await;
    assert_eq!(told.status, 0, "{}", told.out);
    assert!(told.out.contains("held by a running process"), "{}", told.out);
    let held = desk.run(&["report"]).await;
    assert_eq!(held.status, 2);
    assert!(held.err.contains("the audit log does not open") || held.err.contains("audit.folder"));
    desk.ended(house).await;
}

/// `check` reads the whole log: one that continues what was kept is told apart from one that
/// went back, one that nothing vouches for and one that is damaged.
#[tokio::test]
async fn a_log_that_went_back_in_time_is_found_out() {
    let desk = Desk::new(
        "[tls]\nplaintext_loopback = true\n\
         [audit]\nfolder = \"audit\"\ncheckpoint_file = \"checkpoint\"\n",
    );
    let said = async |status: i32, word: &str| {
        let told = desk.run(&["check"]).await;
        assert_eq!(told.status, status, "{}", told.out);
        assert!(told.out.contains(word), "{word}: {}", told.out);
    };
    let check = desk.run(&["check"]).await;
    assert!(check.status == 0 && !desk.file("audit").exists(), "nothing is begun by a check");
    desk.ended(desk.house().await).await;
    said(0, "continues the kept checkpoint").await;
    let copy = |from: &str, to: &str| {
        let done = Process::new("cp").args(["-r", from, to]).current_dir(desk.path()).status();
        assert!(done.unwrap().success());
    };
    copy("audit", "earlier");
    copy("checkpoint", "kept");
    desk.ended(desk.house().await).await;
    std::fs::rename(desk.file("audit"), desk.file("later")).unwrap();
    std::fs::rename(desk.file("earlier"), desk.file("audit")).unwrap();
    said(1, "went back in time").await;
    std::fs::rename(desk.file("checkpoint"), desk.file("newer")).unwrap();
    said(1, "has no kept checkpoint").await;
    copy("kept", "checkpoint");
    said(0, "continues the kept checkpoint").await;
}

#[tokio::test]
async fn completions_know_every_command() {
    let desk = Desk::new("");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = desk.run(&["completions", shell]).await;
        assert_eq!(ended.status, 0);
        for word in ["check", "erase", "purge", "report", "retention", "verify", "emergency"] {
            assert!(ended.out.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(desk.run(&["completions", "dos"]).await.status, 2);
}

/// The command of an auditor carries no driver: what verifies a receipt cannot reach a store.
#[test]
fn without_servers_there_is_no_driver() {
    const DRIVERS: [&str; 6] =
        ["redis", "tokio-postgres", "elasticsearch", "rustls", "reqwest", "deadpool-postgres"];
    let tree = |arguments: &[&str]| {
        let mut cargo = Process::new(env!("CARGO"));
        cargo.args(["tree", "--offline", "--locked", "-p", "evanesce-cli", "-e", "normal"]);
        cargo.args(["--prefix", "none", "--format", "{p}"]).args(arguments);
        let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let name = |line: &str| line.split(' ').next().unwrap().to_owned();
        text.lines().map(name).collect::<Vec<_>>()
    };
    let (with, without) = (tree(&[]), tree(&["--no-default-features"]));
    for driver in DRIVERS {
        assert!(with.iter().any(|name| name == driver), "{driver} has another name now");
        assert!(without.iter().all(|name| name != driver), "{driver}");
    }
    assert!(without.iter().any(|name| name == "evanesce-audit"));
}
