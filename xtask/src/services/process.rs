//! Processes that outlive the command that started them.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A process, told apart from a later one with the same number by the moment
/// it started (field 22 of `/proc/PID/stat`, proc(5)).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Process {
    pid: u32,
    start: u64,
    signal: String,
}

impl Process {
    /// The running process of that number. `signal` is what asks it to stop.
    pub(crate) fn running(pid: u32, signal: &str) -> Option<Self> {
        let start = start_time(pid)?;
        Some(Self { pid, start, signal: signal.to_owned() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.start)
    }

    /// Asks it to stop, and kills it if it has not ended after 20 seconds.
    pub(crate) fn stop(&self) {
        for signal in [self.signal.as_str(), "KILL"] {
            if !self.is_alive() {
                return;
            }
            send(self.pid, signal);
            let deadline = Instant::now() + Duration::from_secs(20);
            while self.is_alive() && Instant::now() < deadline {
                sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The unprivileged user that servers run as when xtask itself runs as root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    const NAME: &str = "evanesce-services";

    /// That user, created if missing; none when xtask does not run as root.
    pub(crate) fn find_or_create() -> Result<Option<Self>, Failure> {
        if !is_root() {
            return Ok(None);
        }
        if let Some(owner) = Self::find() {
            return Ok(Some(owner));
        }
        let arguments =
            ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
        let done = Command::new("useradd").args(arguments).arg(Self::NAME).status();
        match (done.is_ok_and(|status| status.success()), Self::find()) {
            (true, Some(owner)) => Ok(Some(owner)),
            _ => Err(Failure::new(format!("useradd could not create the user {}", Self::NAME))),
        }
    }

    fn find() -> Option<Self> {
        let users = fs::read_to_string("/etc/passwd").ok()?;
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == Self::NAME).then_some(())?;
            Some(Self { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        })
    }

    /// Hands a file, or a folder with all that lies in it, to the user.
    pub(crate) fn give(self, path: &Path) -> Result<(), Failure> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(Failure::at(path))?;
        if !path.is_dir() || path.is_symlink() {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(Failure::at(path))? {
            self.give(&entry.map_err(Failure::at(path))?.path())?;
        }
        Ok(())
    }

    /// Runs the command as the user, without supplementary groups.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// Starts a server with its output in `log` and out of reach of Ctrl-C.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Child, Failure> {
    let out = File::create(log).map_err(Failure::at(log))?;
    let err = out.try_clone().map_err(Failure::at(log))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let name = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|error| Failure::new(format!("{name} could not be started: {error}")))
}

/// Runs a command to its end and gives what it printed; its own words are the
/// failure if it does not succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("{name} could not be started: {error}")))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said =
        String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
    Err(Failure::new(format!("{name} failed: {}", said.trim())))
}

/// The last lines of a log, for a failure that points at it.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

// The shell's own `kill` is there on every system, the program is not.
fn send(pid: u32, signal: &str) {
    let command = format!("kill -{signal} {pid}");
    let _ = Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).status();
}

// A zombie has ended, though its parent has not yet looked.
fn start_time(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    (fields.next()? != "Z").then_some(())?;
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_stopped_and_seen_to_be_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::running(child.id(), "TERM").unwrap();
        assert!(process.is_alive());
        process.stop();
        assert!(!process.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn another_process_under_the_same_number_is_not_touched() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut process = Process::running(child.id(), "KILL").unwrap();
        process.start += 1;
        process.stop();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
