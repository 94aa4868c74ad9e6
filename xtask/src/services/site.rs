//! Where the servers keep their files, and under which names they answer.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::process::{Owner, Process, is_root};
use crate::failure::Failure;

/// The folders of this machine's servers.
///
/// Downloads and builds lie in the user's cache and are kept. What belongs to
/// running servers (data, logs, certificates, passwords, process ids) lies in
/// `services/run` beside them. Servers started by root run as a user without
/// rights, who may not be able to enter root's home: then it lies in
/// `/var/cache/evanesce/services/run`.
pub(crate) struct Site {
    cache: PathBuf,
    run: PathBuf,
    owner: Option<Owner>,
}

impl Site {
    pub(crate) fn find() -> Result<Self, Failure> {
        let cache = cache()?;
        let services = cache.join("services");
        fs::create_dir_all(&services).map_err(Failure::at(&services))?;
        let run = if !is_root() || open_to_all(&services) {
            services.join("run")
        } else {
            PathBuf::from("/var/cache/evanesce/services/run")
        };
        fs::create_dir_all(&run).map_err(Failure::at(&run))?;
        Ok(Self { cache, run, owner: Owner::find_or_create()? })
    }

    /// Where a download or a build of that name is kept.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        self.cache.join("services").join(name)
    }

    /// Where tools such as cargo-deny are installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// The folder of a server, which is emptied each time it starts.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.run.join(name)
    }

    /// An empty folder for a server, open to nobody else.
    pub(crate) fn empty_home(&self, name: &str) -> Result<PathBuf, Failure> {
        let home = self.home(name);
        if home.exists() {
            fs::remove_dir_all(&home).map_err(Failure::at(&home))?;
        }
        fs::create_dir_all(&home).map_err(Failure::at(&home))?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))
            .map_err(Failure::at(&home))?;
        Ok(home)
    }

    /// Hands a server's folder to the user that it runs as.
    pub(crate) fn hand_over(&self, home: &Path) -> Result<(), Failure> {
        self.owner.map_or(Ok(()), |owner| owner.give(home))
    }

    /// A command that runs as the servers' user, inside the server's folder.
    pub(crate) fn command(&self, program: impl AsRef<Path>, home: &Path) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(home).env("HOME", home);
        if let Some(owner) = self.owner {
            owner.run(&mut command);
        }
        command
    }

    pub(crate) fn state(&self, name: &str) -> Option<State> {
        let text = fs::read_to_string(self.state_file(name)).ok()?;
        let state: State = serde_json::from_str(&text).ok()?;
        (state.boot == boot()).then_some(state)
    }

    pub(crate) fn remember(&self, name: &str, state: &State) -> Result<(), Failure> {
        let text = serde_json::to_string(state)
            .map_err(|_| Failure::new("the state of a server could not be written"))?;
        write_private(&self.state_file(name), &text)
    }

    pub(crate) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.state_file(name));
    }

    fn state_file(&self, name: &str) -> PathBuf {
        self.run.join(format!("{name}.json"))
    }
}

/// What is written down about a server that was started.
#[derive(Deserialize, Serialize)]
pub(crate) struct State {
    boot: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) processes: Vec<Process>,
}

impl State {
    pub(crate) fn new(ports: Vec<u16>) -> Self {
        Self { boot: boot(), ports, processes: Vec::new() }
    }

    /// Whether the server was started and every process of it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        !self.processes.is_empty() && self.processes.iter().all(Process::is_alive)
    }
}

/// The passwords of the servers, made up when the first of them starts.
#[derive(Deserialize, Serialize)]
pub(crate) struct Secrets {
    pub(crate) redis_app: String,
    pub(crate) redis_admin: String,
    pub(crate) postgres_app: String,
    pub(crate) postgres_admin: String,
    pub(crate) elasticsearch: String,
    pub(crate) influxdb_password: String,
    pub(crate) influxdb_token: String,
}

impl Secrets {
    /// Reads `secrets.json` of the run folder (mode 0600), or writes it.
    pub(crate) fn load(site: &Site) -> Result<Self, Failure> {
        let path = site.run.join("secrets.json");
        if let Ok(text) = fs::read_to_string(&path) {
            return serde_json::from_str(&text).map_err(|_| {
                Failure::new(format!("{} is damaged: remove it and start anew", path.display()))
            });
        }
        let secrets = Self {
            redis_app: random()?,
            redis_admin: random()?,
            postgres_app: random()?,
            postgres_admin: random()?,
            elasticsearch: random()?,
            influxdb_password: random()?,
            influxdb_token: random()?,
        };
        let text = serde_json::to_string(&secrets)
            .map_err(|_| Failure::new("the passwords could not be written"))?;
        write_private(&path, &text)?;
        Ok(secrets)
    }
}

/// Writes a file that only its owner can read, in one step.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .map_err(Failure::at(&fresh))?;
    file.write_all(text.as_bytes()).map_err(Failure::at(&fresh))?;
    fs::rename(&fresh, path).map_err(Failure::at(path))
}

fn cache() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = set("EVANESCE_CACHE") {
        return Ok(cache);
    }
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("evanesce"))
        .ok_or_else(|| Failure::new("no cache folder: set EVANESCE_CACHE, XDG_CACHE_HOME or HOME"))
}

fn open_to_all(path: &Path) -> bool {
    path.ancestors()
        .all(|folder| fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0))
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn random() -> Result<String, Failure> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 24];
    let mut file = fs::File::open(source).map_err(Failure::at(source))?;
    file.read_exact(&mut bytes).map_err(Failure::at(source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 48);
        assert_ne!(one, two);
    }

    #[test]
    fn a_private_file_is_private_and_replaced_whole() {
        let path = std::env::temp_dir().join(format!("evanesce-xtask-{}.json", std::process::id()));
        write_private(&path, "first").unwrap();
        write_private(&path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
    }
}
