//! The main job on the four real servers: after it, and while its session is open,
//! nothing of the reader lies in any of them, in the logs, or in the report. Then
//! one leak is planted in each place and encoding, and each is found where it is
//! and nowhere else.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that it calls"
)]

mod servers;

use std::path::{Path, PathBuf};

use evanesce_testkit::trace::{Encoding, Needle, Sink, search};
use servers::{Elasticsearch, Influx, Monitor, Postgres, Program, Redis, unique};

/// Everything that the reader brought, made unique for this run.
struct Reader {
    folder: tempfile::TempDir,
    namespace: String,
    address: String,
    sentence: String,
}

impl Reader {
    fn new() -> Self {
        let mark = unique();
        let address = format!("reader.{mark}@example.org");
        let sentence =
            format!("Replace the gasket {mark} before the first frost and write down the date");
        let text = format!(
            "# Letters on houses {mark}\n\n\
             ## Heating\n\n- {sentence}.\n- Set the pump {mark} to 38 degrees at night.\n\n\
             ## Roof\n\n- Check the seam {mark} after each storm.\n- Order slate {mark} in March.\n\n\
             ## Garden\n\n- Plant the hedge {mark} in October.\n- Read the guide {mark} on mulching.\n\n\
             You receive this letter as {address}.\n"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("letter.md"), text).unwrap();
        Self { folder, namespace: format!("test-{mark}"), address, sentence }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn needles(&self) -> Vec<Needle> {
        let token = std::fs::read_to_string(self.path("token")).unwrap();
        let secret = token.trim().trim_start_matches("ev1_").to_owned();
        vec![
            Needle::new("address", &self.address),
            Needle::new("sentence", &self.sentence),
            Needle::new("token", &secret),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis, PostgreSQL, Elasticsearch and InfluxDB: cargo xtask services up all"]
async fn nothing_of_the_reader_is_left_anywhere_and_every_leak_would_be_seen() {
    let reader = Reader::new();
    let (mut redis, postgres, logs, metrics) = connect().await;
    let monitor = Monitor::start().await;
    let wal = postgres.wal_position().await;

    let mut program = Program::start(&[
        reader.path("letter.md").to_str().unwrap(),
        "--reader",
        &reader.address,
        "--report",
        reader.path("report").to_str().unwrap(),
        "--token-file",
        reader.path("token").to_str().unwrap(),
        "--namespace",
        &reader.namespace,
        "--state",
        reader.path("state").to_str().unwrap(),
        "--hold",
    ]);
    program.wait_for("session is open").await;
    let needles = reader.needles();
    let open = vec![
        Sink::new("Redis keys, session open", redis.keys().await),
        Sink::new("Redis values, session open", redis.values().await),
    ];
    assert_clean(&open, &needles);
    let lying = redis.session_keys(&reader.namespace).await;
    assert_eq!(lying.len(), 1, "the session lies in Redis while it is open");
    let (screen, mut output) = program.finish().await;
    // The screen is the reader's, who may see the letter; the token not even there.
    assert_clean(&[Sink::new("the reader's screen", screen)], &needles[2..]);
    output.extend(servers::logs());
    let monitored = monitor.stop().await;
    assert!(monitored.windows(4).any(|w| w == b"EVAL"), "MONITOR saw the session's commands");

    let after = redis.session_keys(&reader.namespace).await;
    assert_eq!(after, Vec::<String>::new(), "the session is gone from Redis");
    let places = Places { redis: monitored, wal: postgres.wal_since(&wal).await, output };
    let sinks =
        places.collect(&mut redis, &postgres, &logs, &metrics, &reader.path("report")).await;
    for sink in &sinks {
        println!("{:<28} {} bytes looked through", sink.name(), sink.bytes().len());
    }
    assert_clean(&sinks, &needles);
    plant_everywhere(&reader, places, (&mut redis, &postgres, &logs, &metrics)).await;
    redis.forget(&reader.namespace).await;
    postgres.forget(&reader.namespace).await;
    logs.forget(&reader.namespace).await;
}

/// What was recorded during the run, and cannot be read again.
struct Places {
    redis: Vec<u8>,
    wal: Vec<u8>,
    output: Vec<u8>,
}

impl Places {
    async fn collect(
        &self,
        redis: &mut Redis,
        postgres: &Postgres,
        logs: &Elasticsearch,
        metrics: &Influx,
        report: &Path,
    ) -> Vec<Sink> {
        vec![
            Sink::new("Redis keys", redis.keys().await),
            Sink::new("Redis values", redis.values().await),
            Sink::new("Redis MONITOR", self.redis.clone()),
            Sink::new("PostgreSQL rows", postgres.rows().await),
            Sink::new("PostgreSQL WAL", self.wal.clone()),
            Sink::new("Elasticsearch documents", logs.documents().await),
            Sink::new("InfluxDB points", metrics.points().await),
            Sink::new("log lines", self.output.clone()),
            Sink::new("report", folder_bytes(report)),
        ]
    }
}

async fn plant_everywhere(
    reader: &Reader,
    places: Places,
    stores: (&mut Redis, &Postgres, &Elasticsearch, &Influx),
) {
    let (redis, postgres, logs, metrics) = stores;
    let needles = [Needle::new("address", &reader.address)];
    let report = reader.path("report");
    let names = [
        "Redis keys",
        "Redis values",
        "Redis MONITOR",
        "PostgreSQL rows",
        "PostgreSQL WAL",
        "Elasticsearch documents",
        "InfluxDB points",
        "log lines",
        "report",
    ];
    let mut found = 0;
    for name in names {
        for encoding in Encoding::ALL {
            let leak = String::from_utf8(encoding.encode(&reader.address)).unwrap();
            let mut places = Places {
                redis: places.redis.clone(),
                wal: places.wal.clone(),
                output: places.output.clone(),
            };
            match name {
                "Redis keys" => redis.plant_key(&leak).await,
                "Redis values" => redis.plant_value(&leak).await,
                "Redis MONITOR" => {
                    let monitor = Monitor::start().await;
                    redis.echo(&leak).await;
                    places.redis.extend(monitor.stop().await);
                }
                "PostgreSQL rows" => postgres.plant_row(&leak).await,
                "PostgreSQL WAL" => {
                    let from = postgres.wal_position().await;
                    postgres.plant_wal(&leak).await;
                    places.wal.extend(postgres.wal_since(&from).await);
                }
                "Elasticsearch documents" => logs.plant(&leak).await,
                "InfluxDB points" => metrics.plant(&leak).await,
                "log lines" => places.output.extend(leak.as_bytes()),
                _ => std::fs::write(report.join("planted.txt"), &leak).unwrap(),
            }
            let sinks = places.collect(redis, postgres, logs, metrics, &report).await;
            let lines = search(&sinks, &needles);
            let red: Vec<_> = lines.iter().filter(|line| line.count > 0).collect();
            assert_eq!(red.len(), 1, "planted {encoding:?} in {name}: {red:?}");
            assert_eq!((red[0].sink, red[0].encoding), (name, encoding));
            found += 1;
            redis.unplant().await;
            postgres.unplant().await;
            logs.unplant().await;
            metrics.unplant().await;
            let _ = std::fs::remove_file(report.join("planted.txt"));
        }
    }
    println!("{found} planted leaks, each found in its own line and in no other");
}

async fn connect() -> (Redis, Postgres, Elasticsearch, Influx) {
    (Redis::connect().await, Postgres::connect().await, Elasticsearch::connect(), Influx::connect())
}

fn assert_clean(sinks: &[Sink], needles: &[Needle]) {
    let lines = search(sinks, needles);
    let red: Vec<_> = lines.iter().filter(|line| line.count > 0).map(ToString::to_string).collect();
    assert!(red.is_empty(), "traces of the reader:\n{}", red.join("\n"));
}

fn folder_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        bytes.push(b'\n');
    }
    assert!(!bytes.is_empty(), "a report was written");
    bytes
}
