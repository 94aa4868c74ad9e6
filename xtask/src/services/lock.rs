use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::process::Process;
use super::site::write_private;
use crate::failure::Failure;

/// One command at a time starts or stops servers. The file names its holder,
/// so that the lock of a command that was killed is taken over.
pub(crate) struct Lock {
    file: PathBuf,
}

impl Lock {
    pub(crate) fn take(run: &Path) -> Result<Self, Failure> {
        let file = run.join("lock");
        let me = Process::running(std::process::id(), "TERM")
            .and_then(|process| serde_json::to_string(&process).ok())
            .ok_or_else(|| Failure::new("this program does not find itself in /proc"))?;
        let mine = run.join(format!("lock.{}", std::process::id()));
        write_private(&mine, &me)?;
        // Building influxd is the longest that a holder may take.
        let deadline = Instant::now() + Duration::from_secs(1800);
        let taken = loop {
            // A hard link appears whole or not at all.
            if fs::hard_link(&mine, &file).is_ok() {
                break true;
            }
            if is_abandoned(&file) {
                let _ = fs::remove_file(&file);
            } else if Instant::now() > deadline {
                break false;
            } else {
                sleep(Duration::from_millis(100));
            }
        };
        let _ = fs::remove_file(&mine);
        if taken {
            return Ok(Self { file });
        }
        Err(Failure::new(format!("another command holds {}: end it first", file.display())))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

fn is_abandoned(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| {
        serde_json::from_str::<Process>(&text).map_or(true, |holder| !holder.is_alive())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("evanesce-lock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_lock_is_given_back() {
        let folder = folder("back");
        drop(Lock::take(&folder).unwrap());
        drop(Lock::take(&folder).unwrap());
        assert!(!folder.join("lock").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_lock_of_a_command_that_is_gone_is_taken_over() {
        let folder = folder("gone");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let holder = Process::running(child.id(), "TERM").unwrap();
        fs::write(folder.join("lock"), serde_json::to_string(&holder).unwrap()).unwrap();
        assert!(!is_abandoned(&folder.join("lock")));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(Lock::take(&folder).unwrap());
        fs::remove_dir_all(folder).unwrap();
    }
}
