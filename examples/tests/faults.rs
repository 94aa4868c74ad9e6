//! Whatever is wrong with the input: one line on standard error that names the thing
//! and what to do, exit status 2, and nothing of the reader's text.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that it calls"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/newsletter");
    assert!(path.exists(), "{} is not built", path.display());
    let mut command = Command::new(path);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("EVANESCE_")) {
        command.env_remove(name);
    }
    command
}

fn run(folder: &tempfile::TempDir, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .args(arguments)
        .args(["--report", folder.path().join("report").to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ended before it read its input has closed the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn fails(arguments: &[&str], input: &[u8], says: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&folder, arguments, input);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    for word in says {
        assert!(line.contains(word), "{line:?} says nothing of {word:?}");
    }
    assert!(!line.contains("panicked"), "{line}");
}

fn written(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("letter");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_wrong_path_is_named() {
    fails(&["/no/such/letter.md"], b"", &["/no/such/letter.md", "name a file or -"]);
    fails(&["/"], b"", &["folder", "name a file or -"]);
}

#[test]
fn bytes_that_are_no_text_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, b"\xff\xfe a secret sentence");
    fails(&[path.to_str().unwrap()], b"", &["letter", "not UTF-8", "convert"]);
    fails(&["-"], b"\xc3\x28", &["standard input", "not UTF-8"]);
}

#[test]
fn a_letter_without_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, b" \n\t\n");
    fails(&[path.to_str().unwrap()], b"", &["letter", "empty"]);
    fails(&["-"], b"", &["standard input", "empty"]);
    fails(&["-"], b"hello", &["no insight"]);
}

#[test]
fn a_letter_of_more_than_a_mebibyte_is_refused() {
    fails(&["-"], &vec![b'a'; 1024 * 1024 + 1], &["larger than 1 MiB", "shorten"]);
}

#[test]
fn wrong_words_on_the_command_line_are_refused() {
    fails(&["--colour"], b"", &["unknown option", "--help"]);
    fails(&["one", "two"], b"", &["one newsletter at a time"]);
}

#[test]
fn a_report_that_cannot_be_written_is_named() {
    let output = program().args(["--report", "/proc/no/such/folder"]).output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(line.contains("/proc/no/such/folder") && line.lines().count() == 1, "{line}");
}

#[test]
fn the_letter_is_read_from_standard_input_in_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let letters: [&[u8]; 3] = [
        b"# Tips\n\n- Update your telephone before you travel abroad.\n- Read the guide to bread.\n",
        b"<h1>Tips</h1><ul><li>Update your telephone before you travel abroad.</li></ul>",
        b"TIPS\n\nUpdate your telephone before you travel abroad.\n",
    ];
    for letter in letters {
        let output = run(&folder, &["-"], letter);
        let screen = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(screen.contains("Update your telephone"), "{screen}");
        let report = std::fs::read_to_string(folder.path().join("report/report.md")).unwrap();
        assert!(!report.contains("telephone"), "the report says nothing of the letter");
    }
}

#[test]
fn the_screen_of_the_reader_never_shows_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let output = run(&folder, &["--token-file", file.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(0));
    let token = std::fs::read_to_string(file).unwrap();
    assert!(token.len() > 40, "a token was given");
    for stream in [output.stdout, output.stderr] {
        assert!(!String::from_utf8_lossy(&stream).contains(&token));
    }
}
