use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The example as a process of its own.
pub(crate) struct Program {
    child: Child,
    output: Vec<u8>,
}

impl Program {
    /// Starts it with the servers of the environment.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let child = Command::new(path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, output: Vec::new() }
    }

    /// Reads its output until `line` comes.
    pub(crate) async fn wait_for(&mut self, line: &str) {
        let wanted = line.as_bytes();
        let output = self.child.stdout.as_mut().unwrap();
        let mut buffer = [0; 4096];
        loop {
            let read = tokio::time::timeout(Duration::from_secs(60), output.read(&mut buffer));
            let n = read.await.expect("the program goes on").unwrap();
            self.output.extend_from_slice(&buffer[..n]);
            if self.output.windows(wanted.len()).any(|w| w == wanted) {
                return;
            }
            if n == 0 {
                let mut errors = Vec::new();
                let _ = self.child.stderr.as_mut().unwrap().read_to_end(&mut errors).await;
                panic!(
                    "the program ended early:\n{}{}",
                    String::from_utf8_lossy(&self.output),
                    String::from_utf8_lossy(&errors)
                );
            }
        }
    }

    /// Presses Enter, waits for the end, and returns what it printed: the reader's
    /// screen, and everything else.
    pub(crate) async fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").await.unwrap();
        let rest = self.child.wait_with_output().await.unwrap();
        self.output.extend(rest.stdout);
        assert!(rest.status.success(), "{}", String::from_utf8_lossy(&rest.stderr));
        (self.output, rest.stderr)
    }
}

// Cargo builds the examples before the tests, beside them.
fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let path = profile.join("examples/newsletter");
    assert!(path.exists(), "{} is not built", path.display());
    path
}
