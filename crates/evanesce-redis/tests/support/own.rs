use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use evanesce_redis::{Failover, RedisBuilder, RedisStore, Timeouts};
use evanesce_tls::Tls;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::fresh_namespace;

/// A server of one's own, in plain on the loopback, to kill, pause and configure.
pub struct Own {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: tokio::sync::Mutex<Child>,
}

impl Own {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let port = free_port();
        let child = tokio::sync::Mutex::new(spawn(&folder, port, &arguments));
        let own = Self { folder, port, arguments, child };
        own.ready().await;
        own
    }

    /// A copy of another one, up to date.
    pub async fn replica_of(primary: &Self) -> Self {
        let own = Self::start_with(&["--repl-diskless-load", "on-empty-db"]).await;
        own.follow(primary).await;
        own
    }

    /// Becomes a replica, and is up to date.
    pub async fn follow(&self, primary: &Self) {
        let _: String = self.ask(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]).await;
        for _ in 0..200 {
            let info: String = self.ask(&["INFO", "replication"]).await;
            if info.contains("master_link_status:up") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a replica did not become ready");
    }

    pub async fn promote(&self) {
        let _: String = self.ask(&["REPLICAOF", "NO", "ONE"]).await;
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn store(&self) -> Arc<RedisStore> {
        self.store_within(Timeouts::default()).await
    }

    pub async fn store_within(&self, timeouts: Timeouts) -> Arc<RedisStore> {
        Arc::new(builder(timeouts).connect(&self.url()).await.unwrap())
    }

    /// One that keeps sessions across a failover.
    pub async fn kept_store(&self) -> Arc<RedisStore> {
        let builder = builder(Timeouts::default()).failover(Failover::Keep);
        Arc::new(builder.connect(&self.url()).await.unwrap())
    }

    pub async fn admin(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    pub async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.admin().await).await.unwrap()
    }

    /// Does nothing for a tenth of a second, and lets what is sent wait meanwhile. The
    /// connection that asked for it is to be kept as long.
    pub async fn sleep(&self) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(b"DEBUG SLEEP 0.1\r\n").await.unwrap();
        stream
    }

    pub async fn kill(&self) {
        self.child.lock().await.kill().await.unwrap();
    }

    /// Stops the process without ending it, so that it neither answers nor hangs up.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, name: &str) {
        let id = self.child.lock().await.id().unwrap().to_string();
        let done = Command::new("kill").args([name, &id]).status().await.unwrap();
        assert!(done.success());
    }

    pub async fn start_again(&self) {
        *self.child.lock().await = spawn(&self.folder, self.port, &self.arguments);
        self.ready().await;
    }

    /// What lies on the disk after `SAVE`.
    pub async fn dump(&self) -> Vec<u8> {
        let _: String = self.ask(&["SAVE"]).await;
        std::fs::read(self.folder.path().join("dump.rdb")).unwrap()
    }

    async fn ready(&self) {
        for _ in 0..200 {
            let client = redis::Client::open(self.url()).unwrap();
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("a redis-server did not become ready");
    }
}

/// A cluster of one's own: primaries, each with so many replicas.
pub struct OwnCluster {
    pub nodes: Vec<Own>,
    primaries: usize,
}

impl OwnCluster {
    pub async fn start(primaries: usize, replicas: usize) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..primaries * (1 + replicas) {
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "500"];
            nodes.push(Own::start_with(&arguments).await);
        }
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"])
            .stdout(Stdio::null())
            .status()
            .await
            .expect("redis-cli can be started");
        assert!(made.success(), "the nodes make a cluster");
        let cluster = Self { nodes, primaries };
        cluster.ready().await;
        cluster
    }

    pub async fn store(&self, timeouts: Timeouts) -> Arc<RedisStore> {
        self.store_of(builder(timeouts)).await
    }

    pub async fn store_of(&self, builder: RedisBuilder) -> Arc<RedisStore> {
        let urls: Vec<String> = self.nodes.iter().map(Own::url).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        Arc::new(builder.connect_cluster(&urls).await.unwrap())
    }

    /// The node that holds a slot, and its id.
    pub async fn holder(&self, slot: u16) -> (&Own, String) {
        let text: String = self.any().await.ask(&["CLUSTER", "NODES"]).await;
        for line in text.lines().filter(|line| line.contains("master")) {
            let words: Vec<&str> = line.split(' ').collect();
            let has = words[8..].iter().any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                matches!((first.parse(), last.parse()), (Ok(first), Ok(last))
                    if (first..=last).contains(&slot))
            });
            if has {
                let port = words[1].split('@').next().unwrap().rsplit(':').next().unwrap();
                let node = self.nodes.iter().find(|node| node.port.to_string() == port);
                return (node.unwrap(), words[0].to_owned());
            }
        }
        panic!("nobody holds slot {slot}");
    }

    /// The replica of a primary.
    pub async fn replica_of(&self, id: &str) -> &Own {
        let text: String = self.any().await.ask(&["CLUSTER", "NODES"]).await;
        let line = text.lines().find(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            words[2].contains("slave") && words[3] == id
        });
        let address = line.expect("it has one").split(' ').nth(1).unwrap();
        let port = address.split('@').next().unwrap().rsplit(':').next().unwrap();
        self.nodes.iter().find(|node| node.port.to_string() == port).unwrap()
    }

    async fn any(&self) -> &Own {
        for node in &self.nodes {
            let client = redis::Client::open(node.url()).unwrap();
            if client.get_multiplexed_async_connection().await.is_ok() {
                return node;
            }
        }
        panic!("no node is up");
    }

    /// Waits until these nodes say that every slot is served.
    pub async fn serves(&self, nodes: &[Own]) {
        for _ in 0..300 {
            let mut well = true;
            for node in nodes {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await;
                well &= info.contains("cluster_state:ok");
            }
            if well {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a cluster did not become whole again");
    }

    /// Waits until every slot is served and every replica is known.
    pub async fn ready(&self) {
        let replicas = self.nodes.len() - self.primaries;
        for _ in 0..300 {
            let mut well = true;
            for node in &self.nodes {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await;
                let nodes: String = node.ask(&["CLUSTER", "NODES"]).await;
                let linked: String = node.ask(&["INFO", "replication"]).await;
                well &= info.contains("cluster_state:ok")
                    && nodes.matches("slave").count() == replicas
                    && !linked.contains("master_link_status:down");
            }
            if well {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a cluster did not become ready");
    }
}

/// A sentinel that watches one primary under the name `sessions`.
pub struct Sentinel {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl Sentinel {
    pub async fn start(primary: &Own, quorum: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor sessions 127.0.0.1 {} {quorum}\n\
             sentinel down-after-milliseconds sessions 1000\n\
             sentinel failover-timeout sessions 2000\n",
            folder.path().display(),
            primary.port,
        );
        std::fs::write(&file, text).unwrap();
        let child = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server can be started");
        let sentinel = Self { _folder: folder, port, child };
        sentinel.until(|answer| answer.contains("sessions")).await;
        sentinel
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Waits until what it says of its primary is so.
    pub async fn until(&self, is_so: impl Fn(&str) -> bool) {
        for _ in 0..400 {
            let client = redis::Client::open(self.url()).unwrap();
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && let Ok(words) = redis::cmd("SENTINEL")
                    .arg(&["MASTER", "sessions"])
                    .query_async::<Vec<String>>(&mut connection)
                    .await
                && is_so(&words.join(" "))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("a sentinel did not come to say so");
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

pub fn builder(timeouts: Timeouts) -> RedisBuilder {
    let tls = Tls::plaintext_loopback().unwrap();
    RedisStore::builder(&tls, &fresh_namespace()).timeouts(timeouts).failover(Failover::End)
}

// A node of a cluster needs the port ten thousand above its own as well.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = if port > 50_000 { port - 30_000 } else { port };
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

fn spawn(folder: &TempDir, port: u16, arguments: &[String]) -> Child {
    let folder = folder.path().to_str().unwrap();
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", folder])
        .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "local"])
        .args(["--repl-diskless-sync-delay", "0"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server can be started")
}
