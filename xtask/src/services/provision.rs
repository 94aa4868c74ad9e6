//! What a server needs on the machine before it can start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::is_root;
use super::site::Site;
use crate::failure::Failure;

const ELASTICSEARCH: &str = "8.19.16";
const INFLUXDB: &str = "2.9.1";

/// Makes sure that a program is there, from the Debian package of that name.
pub(crate) fn package(program: &str, package: &str) -> Result<(), Failure> {
    if on_path(program).is_some() {
        return Ok(());
    }
    install(program, package)?;
    on_path(program)
        .map(|_| ())
        .ok_or_else(|| Failure::new(format!("the package {package} brought no {program}")))
}

/// The folder of PostgreSQL's own programs, which Debian keeps off the path.
pub(crate) fn postgres() -> Result<PathBuf, Failure> {
    if let Some(found) = find_postgres() {
        return Ok(found);
    }
    install("postgres", "postgresql")?;
    find_postgres().ok_or_else(|| Failure::new("the package postgresql brought no server"))
}

/// The archive of Elasticsearch's test distribution, from Maven Central.
pub(crate) fn elasticsearch(site: &Site) -> Result<PathBuf, Failure> {
    for (program, name) in
        [("java", "openjdk-17-jre-headless"), ("unzip", "unzip"), ("curl", "curl")]
    {
        package(program, name)?;
    }
    let folder = site.kept("elasticsearch");
    let archive = folder.join(format!("elasticsearch-{ELASTICSEARCH}.zip"));
    if archive.exists() {
        return Ok(archive);
    }
    package("mvn", "maven")?;
    eprintln!("elasticsearch   fetching the {ELASTICSEARCH} test distribution (100 MB)");
    // A folder of its own first: a copy that was cut short must not be found as the archive.
    let fresh = folder.join("new");
    fs::create_dir_all(&fresh).map_err(Failure::at(&fresh))?;
    let mut command = Command::new("mvn");
    command
        .args(["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"])
        .arg(format!(
            "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH}:zip"
        ))
        .arg(format!("-DoutputDirectory={}", fresh.display()))
        .current_dir(&fresh);
    shown(&mut command)?;
    let fetched = fresh.join(format!("elasticsearch-{ELASTICSEARCH}.zip"));
    fs::rename(&fetched, &archive).map_err(Failure::at(&fetched))?;
    Ok(archive)
}

/// The program `influxd`, built once from its Go module.
pub(crate) fn influxdb(site: &Site, root: &Path) -> Result<PathBuf, Failure> {
    package("curl", "curl")?;
    let folder = site.kept(&format!("influxd-v{INFLUXDB}"));
    let program = folder.join("bin/influxd");
    if program.exists() {
        return Ok(program);
    }
    if on_path("go").is_none() {
        return Err(Failure::new(
            "influxd is built with Go 1.25 or newer: install it and put it on PATH",
        ));
    }
    eprintln!(
        "influxdb        building influxd {INFLUXDB} from its Go module (4 to 6 minutes, once)"
    );
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    for name in ["go.mod", "go.sum"] {
        let from = root.join("xtask/services/influxd").join(name);
        fs::copy(&from, folder.join(name)).map_err(Failure::at(&from))?;
    }
    // influxd links a Rust library, flux, whose build is steered by a pkg-config of its own.
    let finder = folder.join("bin/pkg-config");
    shown(go(&folder).arg("build").arg("-o").arg(&finder).arg("github.com/influxdata/pkg-config"))?;
    let fresh = folder.join("bin/influxd.new");
    let mut build = go(&folder);
    build.env("PKG_CONFIG", &finder);
    if let Some(toolchain) = toolchain() {
        build.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    build.args(["build", "-tags", "sqlite_foreign_keys,sqlite_json", "-o"]).arg(&fresh);
    shown(build.arg("github.com/influxdata/influxdb/v2/cmd/influxd"))?;
    fs::rename(&fresh, &program).map_err(Failure::at(&fresh))?;
    Ok(program)
}

pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn find_postgres() -> Option<PathBuf> {
    let whole = |folder: &Path| {
        ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())
    };
    let link = on_path("postgres").and_then(|file| fs::canonicalize(file).ok());
    let near = link.and_then(|file| file.parent().map(Path::to_owned));
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let installed = versions.into_iter().rev().map(|(_, folder)| folder);
    near.into_iter().chain(installed).find(|folder| whole(folder))
}

fn install(program: &str, package: &str) -> Result<(), Failure> {
    let by_hand = format!("{program} is missing: install it (Debian: apt-get install {package})");
    if !is_root() || on_path("apt-get").is_none() {
        return Err(Failure::new(by_hand));
    }
    eprintln!("installing {package}");
    let once = || shown(apt().args(["install", "-y", "--no-install-recommends", package]));
    if once().is_ok() {
        return Ok(());
    }
    // The lists may be missing or name versions that are gone.
    shown(apt().arg("update"))?;
    once().map_err(|_| Failure::new(by_hand))
}

// In run level 1 Debian's scripts leave the service they install alone; ours
// has ports of its own, so that one which starts all the same is not in the way.
fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q").env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}

// What Cargo sets for this program would lead flux's own Cargo astray.
fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO") && text != "CARGO_HOME" || text.starts_with("RUSTFLAGS") {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder);
    command
}

// Flux names a toolchain of its own, which need not be installed.
fn toolchain() -> Option<String> {
    if let Ok(name) = std::env::var("RUSTUP_TOOLCHAIN") {
        return Some(name);
    }
    let done = Command::new("rustup").args(["show", "active-toolchain"]).output().ok()?;
    String::from_utf8(done.stdout).ok()?.split_whitespace().next().map(str::to_owned)
}

/// Runs a command whose output is progress: it goes to standard error.
pub(crate) fn shown(command: &mut Command) -> Result<(), Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("{name} failed ({status})"))),
        Err(error) => Err(Failure::new(format!("{name} could not be started: {error}"))),
    }
}
