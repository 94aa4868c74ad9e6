//! The real servers that the tests run against: Redis, a Redis Cluster,
//! PostgreSQL, Elasticsearch and InfluxDB, on loopback, with verified TLS and
//! passwords.

mod certs;
mod elasticsearch;
mod http;
mod influxdb;
mod keys;
mod lock;
mod postgres;
mod process;
mod provision;
mod redis;
mod site;
mod started;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::certs::Certs;
use self::lock::Lock;
pub(crate) use self::provision::{on_path, shown};
use self::site::{Secrets, Site};
use self::started::Started;
use crate::failure::Failure;

/// The servers in the order in which they start.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Server {
    Redis,
    RedisCluster,
    Postgres,
    Elasticsearch,
    Influxdb,
}

impl Server {
    pub(crate) const ALL: [Self; 5] =
        [Self::Redis, Self::RedisCluster, Self::Postgres, Self::Elasticsearch, Self::Influxdb];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
            Self::Postgres => "postgres",
            Self::Elasticsearch => "elasticsearch",
            Self::Influxdb => "influxdb",
        }
    }

    /// The name in the reason of an ignored test: `needs Redis: …`.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::RedisCluster => "Redis Cluster",
            Self::Postgres => "PostgreSQL",
            Self::Elasticsearch => "Elasticsearch",
            Self::Influxdb => "InfluxDB",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, Failure> {
        Self::ALL.into_iter().find(|server| server.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Failure::new(format!("no server is called {name}: the servers are {names}"))
        })
    }

    /// The first port, and how many follow it; the variable that moves them.
    fn port(self) -> (&'static str, u16, u16) {
        match self {
            Self::Redis => ("EVANESCE_REDIS_PORT", 17379, 1),
            Self::RedisCluster => ("EVANESCE_REDIS_CLUSTER_PORT", 17401, 3),
            Self::Postgres => ("EVANESCE_POSTGRES_PORT", 17432, 1),
            Self::Elasticsearch => ("EVANESCE_ELASTICSEARCH_PORT", 17200, 1),
            Self::Influxdb => ("EVANESCE_INFLUXDB_PORT", 17086, 1),
        }
    }

    fn ports(self) -> Result<Vec<u16>, Failure> {
        let (variable, usual, count) = self.port();
        let first = match std::env::var(variable) {
            Ok(text) => {
                text.parse::<u16>().ok().filter(|port| (1024..=55_000).contains(port)).ok_or_else(
                    || Failure::new(format!("{variable} must be a port from 1024 to 55000")),
                )?
            }
            Err(_) => usual,
        };
        Ok((first..first + count).collect())
    }

    fn provision(self, ground: &Ground) -> Result<(), Failure> {
        match self {
            Self::Redis | Self::RedisCluster => redis::provision(),
            Self::Postgres => provision::postgres().map(|_| ()),
            Self::Elasticsearch => provision::elasticsearch(&ground.site).map(|_| ()),
            Self::Influxdb => provision::influxdb(&ground.site, &ground.root).map(|_| ()),
        }
    }

    fn start(self, ground: &Ground, started: &mut Started) -> Result<(), Failure> {
        match self {
            Self::Redis => redis::start(ground, started),
            Self::RedisCluster => redis::start_cluster(ground, started),
            Self::Postgres => postgres::start(ground, started),
            Self::Elasticsearch => elasticsearch::start(ground, started),
            Self::Influxdb => influxdb::start(ground, started),
        }
    }

    fn is_ready(self, ground: &Ground, ports: &[u16]) -> bool {
        match self {
            Self::Redis => redis::is_ready(ground, ports),
            Self::RedisCluster => redis::is_cluster_ready(ground, ports),
            Self::Postgres => postgres::is_ready(ground, ports),
            Self::Elasticsearch => elasticsearch::is_ready(ground, ports),
            Self::Influxdb => influxdb::is_ready(ground, ports),
        }
    }

    fn variables(self, ground: &Ground, ports: &[u16]) -> Vec<(&'static str, String)> {
        match self {
            Self::Redis => redis::variables(ground, ports),
            Self::RedisCluster => redis::cluster_variables(ground, ports),
            Self::Postgres => postgres::variables(ground, ports),
            Self::Elasticsearch => elasticsearch::variables(ground, ports),
            Self::Influxdb => influxdb::variables(ground, ports),
        }
    }
}

/// What every server stands on: folders, certificates, passwords.
pub(crate) struct Ground {
    root: PathBuf,
    site: Site,
    certs: Certs,
    secrets: Secrets,
}

impl Ground {
    /// `root` is the workspace's.
    pub(crate) fn find(root: &Path) -> Result<Self, Failure> {
        let site = Site::find()?;
        let (certs, secrets) = (Certs::at(&site), Secrets::load(&site)?);
        Ok(Self { root: root.to_owned(), site, certs, secrets })
    }

    /// Where tools such as cargo-deny are installed.
    pub(crate) fn tools(&self) -> PathBuf {
        self.site.tools()
    }

    /// Where data that outlives a checkout is kept.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        self.site.kept(name)
    }

    /// Starts those servers that are not running in good health, and gives the
    /// ones that it started.
    pub(crate) fn up(&self, servers: &[Server]) -> Result<Vec<Server>, Failure> {
        let _lock = Lock::take(self.site.run())?;
        let missing: Vec<_> =
            servers.iter().copied().filter(|server| !self.is_up(*server)).collect();
        for server in servers.iter().filter(|server| !missing.contains(server)) {
            eprintln!("{:<16}is up", server.name());
        }
        if missing.is_empty() {
            return Ok(missing);
        }
        for server in &missing {
            server.provision(self)?;
        }
        self.certs.make()?;
        for server in &missing {
            self.start(*server)?;
        }
        Ok(missing)
    }

    pub(crate) fn down(&self, servers: &[Server]) -> Result<(), Failure> {
        let _lock = Lock::take(self.site.run())?;
        for server in servers.iter().rev() {
            if self.stop(*server) {
                eprintln!("{:<16}stopped", server.name());
            }
        }
        Ok(())
    }

    /// Whether the server runs and answers.
    pub(crate) fn is_up(&self, server: Server) -> bool {
        self.site
            .state(server.name())
            .is_some_and(|state| state.is_alive() && server.is_ready(self, &state.ports))
    }

    /// The variables that tests and examples read, of the servers that run.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = Server::ALL
            .into_iter()
            .filter_map(|server| {
                let state = self.site.state(server.name())?;
                state.is_alive().then(|| server.variables(self, &state.ports))
            })
            .flatten()
            .collect();
        if !all.is_empty() {
            let client = self.certs.client();
            all.push(("EVANESCE_TLS_CA", shown_path(&self.certs.authority_certificate())));
            all.push(("EVANESCE_TLS_CERT", shown_path(&client.certificate)));
            all.push(("EVANESCE_TLS_KEY", shown_path(&client.key)));
        }
        all
    }

    /// Writes what containers need to run the same servers.
    pub(crate) fn keys(&self, folder: &Path) -> Result<(), Failure> {
        let _lock = Lock::take(self.site.run())?;
        keys::write(self, folder)
    }

    /// One line a server: name, state, ports, process ids.
    pub(crate) fn status(&self) -> Vec<[String; 4]> {
        Server::ALL.map(|server| self.line(server)).to_vec()
    }

    fn line(&self, server: Server) -> [String; 4] {
        let name = server.name().to_owned();
        let Some(state) = self.site.state(server.name()) else {
            return [name, "down".to_owned(), String::new(), String::new()];
        };
        let word =
            match (self.is_up(server), state.processes.iter().any(process::Process::is_alive)) {
                (true, _) => "up",
                (false, true) => "does not answer",
                (false, false) => "ended by itself",
            };
        let join = |numbers: Vec<String>| numbers.join(" ");
        let ports = join(state.ports.iter().map(u16::to_string).collect());
        let pids = join(state.processes.iter().map(|process| process.pid().to_string()).collect());
        [name, word.to_owned(), ports, pids]
    }

    fn start(&self, server: Server) -> Result<(), Failure> {
        self.stop(server);
        let ports = server.ports()?;
        if let Some(port) = ports.iter().find(|port| is_taken(**port)) {
            return Err(Failure::new(format!(
                "{}: port {port} is taken by another program: set {} to a free one",
                server.name(),
                server.port().0
            )));
        }
        let before = Instant::now();
        let mut started = Started::new(&self.site, server, ports)?;
        if let Err(failure) = server.start(self, &mut started) {
            started.clear_line();
            self.stop(server);
            return Err(Failure::new(format!("{} did not start: {failure}", server.name())));
        }
        started.say_ready(before.elapsed());
        Ok(())
    }

    fn stop(&self, server: Server) -> bool {
        let Some(state) = self.site.state(server.name()) else { return false };
        let alive = state.processes.iter().any(process::Process::is_alive);
        for process in &state.processes {
            process.stop();
        }
        self.site.forget(server.name());
        alive
    }
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}

fn is_taken(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The line of a shell that sets a variable.
pub(crate) fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_is_found_by_its_name() {
        for server in Server::ALL {
            assert_eq!(Server::parse(server.name()).unwrap(), server);
        }
        assert!(Server::parse("mysql").unwrap_err().to_string().contains("redis-cluster"));
    }

    #[test]
    fn no_port_is_the_usual_one_and_none_is_used_twice() {
        let mut all: Vec<u16> =
            Server::ALL.into_iter().flat_map(|one| one.ports().unwrap()).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!([6379, 5432, 9200, 8086].iter().all(|usual| !all.contains(usual)));
    }

    #[test]
    fn a_value_survives_the_shell() {
        let value = "https://localhost:1?org=a&bucket='b' $c";
        let script = format!("{}; printf %s \"$X\"", export("X", value));
        let done = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(done.stdout).unwrap(), value);
    }
}
