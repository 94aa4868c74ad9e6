use std::collections::BTreeSet;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Address, https, variable};

/// Redis as its administrator sees it.
pub(crate) struct Redis {
    connection: redis::aio::MultiplexedConnection,
}

const PLANTED: &str = "planted:";

impl Redis {
    pub(crate) async fn connect() -> Self {
        let pem = |name: &str| std::fs::read(variable(name)).unwrap();
        let client_tls = redis::ClientTlsConfig {
            client_cert: pem("EVANESCE_TLS_CERT"),
            client_key: pem("EVANESCE_TLS_KEY"),
        };
        let certificates = redis::TlsCertificates {
            client_tls: Some(client_tls),
            root_cert: Some(pem("EVANESCE_TLS_CA")),
        };
        let url = variable("EVANESCE_REDIS_ADMIN_URL");
        let client = redis::Client::build_with_tls(url, certificates).unwrap();
        Self { connection: client.get_multiplexed_async_connection().await.unwrap() }
    }

    async fn names(&mut self) -> BTreeSet<Vec<u8>> {
        let mut names = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("COUNT").arg(1000);
            let (next, some): (u64, Vec<Vec<u8>>) =
                scan.query_async(&mut self.connection).await.unwrap();
            names.extend(some);
            cursor = next;
            if cursor == 0 {
                return names;
            }
        }
    }

    pub(crate) async fn keys(&mut self) -> Vec<u8> {
        self.names().await.into_iter().collect::<Vec<_>>().join(&b'\n')
    }

    /// Every value, in the form that a dump file has it, and strings and hashes as
    /// they are: a dump compresses.
    pub(crate) async fn values(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in self.names().await {
            let value: redis::Value =
                match redis::cmd("GET").arg(&name).query_async(&mut self.connection).await {
                    Ok(value) => value,
                    Err(_) => redis::cmd("HGETALL")
                        .arg(&name)
                        .query_async(&mut self.connection)
                        .await
                        .unwrap_or(redis::Value::Nil),
                };
            flatten(&value, &mut bytes);
            bytes.push(b'\n');
        }
        bytes
    }

    /// The names of the sessions of a namespace.
    pub(crate) async fn session_keys(&mut self, namespace: &str) -> Vec<String> {
        let prefix = format!("{{{namespace}:");
        let names = self.names().await;
        let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        names.filter(|name| name.starts_with(&prefix) && name.contains("}:s:")).collect()
    }

    /// Removes what a namespace keeps beside its sessions.
    pub(crate) async fn forget(&mut self, namespace: &str) {
        let prefix = format!("{{{namespace}:");
        for name in self.names().await {
            if name.starts_with(prefix.as_bytes()) {
                let _: () =
                    redis::cmd("DEL").arg(&name).query_async(&mut self.connection).await.unwrap();
            }
        }
    }

    pub(crate) async fn plant_key(&mut self, leak: &str) {
        let _: () = redis::cmd("SET")
            .arg(format!("{PLANTED}{leak}"))
            .arg("1")
            .query_async(&mut self.connection)
            .await
            .unwrap();
    }

    pub(crate) async fn plant_value(&mut self, leak: &str) {
        let _: () = redis::cmd("SET")
            .arg(format!("{PLANTED}value"))
            .arg(leak)
            .query_async(&mut self.connection)
            .await
            .unwrap();
    }

    pub(crate) async fn echo(&mut self, leak: &str) {
        let _: String =
            redis::cmd("ECHO").arg(leak).query_async(&mut self.connection).await.unwrap();
    }

    pub(crate) async fn unplant(&mut self) {
        for name in self.names().await {
            if name.starts_with(PLANTED.as_bytes()) {
                let _: () =
                    redis::cmd("DEL").arg(&name).query_async(&mut self.connection).await.unwrap();
            }
        }
    }
}

fn flatten(value: &redis::Value, into: &mut Vec<u8>) {
    match value {
        redis::Value::BulkString(bytes) => into.extend_from_slice(bytes),
        redis::Value::SimpleString(text) => into.extend_from_slice(text.as_bytes()),
        redis::Value::Array(values) | redis::Value::Set(values) => {
            for value in values {
                flatten(value, into);
                into.push(b' ');
            }
        }
        redis::Value::Map(pairs) => {
            for (name, value) in pairs {
                flatten(name, into);
                into.push(b' ');
                flatten(value, into);
                into.push(b' ');
            }
        }
        _ => {}
    }
}

/// What `MONITOR` shows, from a connection of its own.
pub(crate) struct Monitor {
    stop: oneshot::Sender<()>,
    reading: JoinHandle<Vec<u8>>,
}

impl Monitor {
    pub(crate) async fn start() -> Self {
        let address = Address::of("EVANESCE_REDIS_ADMIN_URL");
        let mut stream = https::connect(&address).await;
        let login = format!("AUTH {} {}\r\nMONITOR\r\n", address.user, address.password);
        stream.write_all(login.as_bytes()).await.unwrap();
        let mut hello = Vec::new();
        let mut buffer = [0; 65536];
        while hello.windows(3).filter(|w| w == b"+OK").count() < 2 {
            let n = stream.read(&mut buffer).await.unwrap();
            assert!(n > 0, "Redis refused MONITOR");
            hello.extend_from_slice(&buffer[..n]);
        }
        let (stop, mut stopped) = oneshot::channel();
        let reading = tokio::spawn(async move {
            let mut seen = Vec::new();
            loop {
                tokio::select! {
                    read = stream.read(&mut buffer) => match read {
                        Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
                        _ => return seen,
                    },
                    _ = &mut stopped => return seen,
                }
            }
        });
        Self { stop, reading }
    }

    /// What was seen. A short wait lets the last commands arrive; the server sends
    /// them when it likes.
    pub(crate) async fn stop(self) -> Vec<u8> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _ = self.stop.send(());
        unescaped(&self.reading.await.unwrap())
    }
}

/// What the clients sent: `MONITOR` shows it with backslashes of its own.
fn unescaped(shown: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((first, after)) = rest.split_first() {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let (byte, used) = match (first, after.first()) {
            (b'\\', Some(b'x')) => match after.get(1..3).and_then(hex) {
                Some(byte) => (byte, 4),
                None => (*first, 1),
            },
            (b'\\', Some(escaped @ (b'\\' | b'"'))) => (*escaped, 2),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    bytes
}

/// PostgreSQL as its administrator sees it.
pub(crate) struct Postgres {
    client: tokio_postgres::Client,
}

impl Postgres {
    pub(crate) async fn connect() -> Self {
        let connector = tokio_postgres_rustls_improved::MakeRustlsConnect::new(https::tls());
        let (client, connection) =
            tokio_postgres::connect(&variable("EVANESCE_POSTGRES_ADMIN_URL"), connector)
                .await
                .unwrap();
        tokio::spawn(connection);
        Self { client }
    }

    /// Every row of every table outside the catalogue, as text.
    pub(crate) async fn rows(&self) -> Vec<u8> {
        let tables = self
            .client
            .query(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
                 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
                &[],
            )
            .await
            .unwrap();
        let mut bytes = Vec::new();
        for table in tables {
            let table: String = table.get(0);
            // Another test may drop its schema meanwhile.
            let Ok(rows) = self.client.query(&format!("SELECT t::text FROM {table} t"), &[]).await
            else {
                continue;
            };
            for row in rows {
                bytes.extend_from_slice(table.as_bytes());
                // A row as text doubles the backslashes and quotes of its fields.
                let row = row.get::<_, String>(0).replace("\\\\", "\\").replace("\"\"", "\"");
                bytes.extend_from_slice(row.as_bytes());
                bytes.push(b'\n');
            }
        }
        bytes
    }

    pub(crate) async fn wal_position(&self) -> String {
        let row =
            self.client.query_one("SELECT pg_current_wal_insert_lsn()::text", &[]).await.unwrap();
        row.get(0)
    }

    /// The bytes of the log since a position, from the files themselves.
    pub(crate) async fn wal_since(&self, from: &str) -> Vec<u8> {
        self.client.batch_execute("SELECT pg_switch_wal()").await.unwrap();
        let rows = self
            .client
            .query(
                "SELECT name FROM pg_ls_waldir() WHERE name >= pg_walfile_name($1::text::pg_lsn) \
                 AND length(name) = 24 ORDER BY name",
                &[&from],
            )
            .await
            .unwrap();
        let folder = std::path::Path::new(&variable("EVANESCE_POSTGRES_DATA")).join("pg_wal");
        let mut bytes = Vec::new();
        for row in rows {
            let name: String = row.get(0);
            if let Ok(segment) = std::fs::read(folder.join(name)) {
                bytes.extend(segment);
            }
        }
        assert!(!bytes.is_empty(), "the write-ahead log can be read");
        // What was never written is zero.
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }

    // An unlogged table's rows do not reach the write-ahead log.
    pub(crate) async fn plant_row(&self, leak: &str) {
        self.client
            .batch_execute("CREATE UNLOGGED TABLE IF NOT EXISTS public.planted (text text)")
            .await
            .unwrap();
        self.client.execute("INSERT INTO public.planted VALUES ($1)", &[&leak]).await.unwrap();
    }

    // A logical message lies in the write-ahead log and in no table.
    pub(crate) async fn plant_wal(&self, leak: &str) {
        self.client
            .execute("SELECT pg_logical_emit_message(false, 'planted', $1)", &[&leak])
            .await
            .unwrap();
    }

    pub(crate) async fn forget(&self, namespace: &str) {
        let schema = format!("evanesce_{}", namespace.replace('-', "_"));
        let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
        self.client.batch_execute(&drop).await.unwrap();
    }

    pub(crate) async fn unplant(&self) {
        self.client.batch_execute("DROP TABLE IF EXISTS public.planted").await.unwrap();
    }
}

/// Elasticsearch over plain requests.
pub(crate) struct Elasticsearch {
    address: Address,
}

impl Elasticsearch {
    pub(crate) fn connect() -> Self {
        Self { address: Address::of("EVANESCE_ELASTICSEARCH_URL") }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let account = https::basic(&self.address);
        https::request(&self.address, &account, method, path, "application/json", body).await
    }

    pub(crate) async fn documents(&self) -> Vec<u8> {
        let (status, _) = self.ask("POST", "/_refresh", "").await;
        assert_eq!(status, 200);
        let (status, body) =
            self.ask("GET", "/_search?size=10000&ignore_unavailable=true", "").await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    pub(crate) async fn plant(&self, leak: &str) {
        let (status, body) =
            self.ask("PUT", "/planted/_doc/1", &format!("{{\"text\":\"{leak}\"}}")).await;
        assert!(status < 300, "{}", String::from_utf8_lossy(&body));
    }

    pub(crate) async fn forget(&self, namespace: &str) {
        let (status, indices) = self.ask("GET", &format!("/{namespace}-logs-*"), "").await;
        assert_eq!(status, 200);
        let indices: serde_json::Value = serde_json::from_slice(&indices).unwrap();
        for index in indices.as_object().unwrap().keys() {
            let (status, body) = self.ask("DELETE", &format!("/{index}"), "").await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        }
        let template = format!("/_index_template/{namespace}-logs");
        let (status, _) = self.ask("DELETE", &template, "").await;
        assert!(status == 200 || status == 404);
    }

    pub(crate) async fn unplant(&self) {
        let (status, _) = self.ask("DELETE", "/planted", "").await;
        assert!(status == 200 || status == 404);
    }
}

/// InfluxDB over plain requests.
pub(crate) struct Influx {
    address: Address,
    token: String,
}

impl Influx {
    pub(crate) fn connect() -> Self {
        let token = std::fs::read_to_string(variable("EVANESCE_INFLUXDB_TOKEN_FILE")).unwrap();
        Self {
            address: Address::of("EVANESCE_INFLUXDB_URL"),
            token: format!("Token {}", token.trim()),
        }
    }

    fn query(&self) -> (String, String) {
        let pairs = self.address.rest.trim_start_matches(['/', '?']);
        let of = |name: &str| {
            let pair = pairs.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.unwrap().to_owned()
        };
        (of("org"), of("bucket"))
    }

    async fn buckets(&self) -> Vec<String> {
        let (status, body) =
            self.ask("GET", "/api/v2/buckets?limit=100", "application/json", "").await;
        assert_eq!(status, 200);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let buckets = body["buckets"].as_array().unwrap().iter();
        let names = buckets.filter_map(|bucket| bucket["name"].as_str().map(str::to_owned));
        names.filter(|name| !name.starts_with('_')).collect()
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Vec<u8>) {
        https::request(&self.address, &self.token, method, path, kind, body).await
    }

    pub(crate) async fn points(&self) -> Vec<u8> {
        let (org, _) = self.query();
        let mut bytes = Vec::new();
        for bucket in self.buckets().await {
            let flux = format!("from(bucket: \"{bucket}\") |> range(start: 0)");
            let path = format!("/api/v2/query?org={org}");
            let (status, body) = self.ask("POST", &path, "application/vnd.flux", &flux).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            bytes.extend(body);
        }
        bytes
    }

    pub(crate) async fn plant(&self, leak: &str) {
        let (org, bucket) = self.query();
        let path = format!("/api/v2/write?org={org}&bucket={bucket}");
        let line = format!("planted text=\"{leak}\"");
        let (status, body) = self.ask("POST", &path, "text/plain", &line).await;
        assert_eq!(status, 204, "{}", String::from_utf8_lossy(&body));
    }

    pub(crate) async fn unplant(&self) {
        let (org, bucket) = self.query();
        let path = format!("/api/v2/delete?org={org}&bucket={bucket}");
        let body = r#"{"start":"1970-01-01T00:00:00Z","stop":"2200-01-01T00:00:00Z","predicate":"_measurement=\"planted\""}"#;
        let (status, _) = self.ask("POST", &path, "application/json", body).await;
        assert_eq!(status, 204);
    }
}
