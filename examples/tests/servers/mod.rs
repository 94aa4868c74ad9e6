//! The four servers as an outsider sees them, without any code of ours in between.

mod https;
mod program;
mod stores;

pub(crate) use program::Program;
pub(crate) use stores::{Elasticsearch, Influx, Monitor, Postgres, Redis};

/// A required variable of `cargo xtask services env`.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(cargo xtask services env)\" first"))
}

/// What the servers wrote into their own logs.
pub(crate) fn logs() -> Vec<u8> {
    let mut bytes = Vec::new();
    for server in ["REDIS", "POSTGRES", "ELASTICSEARCH", "INFLUXDB"] {
        let path = std::path::PathBuf::from(variable(&format!("EVANESCE_{server}_LOG")));
        let files = match std::fs::read_dir(&path) {
            Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => vec![path],
        };
        let before = bytes.len();
        for file in files.into_iter().filter(|file| file.is_file()) {
            bytes.extend(std::fs::read(file).unwrap());
        }
        assert!(bytes.len() > before, "{server} writes a log");
    }
    bytes
}

/// A word that no other run has.
pub(crate) fn unique() -> String {
    use std::hash::{BuildHasher, Hasher};
    let number = std::hash::RandomState::new().build_hasher().finish();
    format!("q{number:016x}")
}

/// The parts of `scheme://user:password@host:port/rest`.
pub(crate) struct Address {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rest: String,
}

impl Address {
    pub(crate) fn of(name: &str) -> Self {
        let url = variable(name);
        let (_, url) = url.split_once("://").unwrap();
        let (account, place) = url.rsplit_once('@').unwrap_or(("", url));
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let end = place.find(['/', '?']).unwrap_or(place.len());
        let (place, rest) = place.split_at(end);
        let (host, port) = place.rsplit_once(':').unwrap();
        Self {
            user: user.into(),
            password: password.into(),
            host: host.into(),
            port: port.parse().unwrap(),
            rest: rest.into(),
        }
    }
}
