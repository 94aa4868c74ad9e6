//! Everything unreadable, with a million sessions of 1 KiB in Redis, and then reclaimed; beside
//! what is done without epochs: KEYS and DEL, or SCAN and UNLINK of 1,000 at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use benches::redis_server::RedisServer;
use benches::{TASKS, figure, ours, runtime, text};
use evanesce_redis::RedisStore;
use evanesce_session::{EpochStore, SessionError, SessionStore, Sessions};
use redis::Connection;
use tokio::runtime::Runtime;

const MANY: usize = 1_000_000;
const FEW: usize = 10_000;
/// So many sessions begin an epoch in nearly every one of the 256 tags.
const TAGS: usize = 2_000;
/// How often everything is ended, for the median.
const ENDINGS: usize = 15;
/// How long the bystander is watched each time.
const WINDOW: Duration = Duration::from_millis(20);

pub(crate) fn compare() {
    let (runtime, server) = (runtime(), RedisServer::start());
    let ground = Ground::new(&runtime, &server);
    ground.open(FEW);
    let few = ground.endings();
    ground.open(MANY - ground.sessions());
    let many = ground.endings();
    let length = ground.record_length();
    assert!(ground.sessions() >= MANY, "the sessions are still there, unreadable");

    let by_keys = vec![ground.flushed_and_filled(length).keys_and_del(); many.took.len()];
    figure::print("session/unreadable-1000000 vs KEYS+DEL", "ns", &many.took, &by_keys);
    figure::print("session/unreadable-1000000 vs 10000", "ns", &many.took, &few.took);
    figure::print("session/unreadable-round-trips vs one", "", &many.reads, &[1.0]);
    figure::print("session/unreadable-bystander vs idle", "ns", &many.bystander, &many.idle);

    let (mut reclaimed, mut scanned) = (Vec::new(), Vec::new());
    let (mut beside_ours, mut beside_peer) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        ground.flushed_and_filled(length);
        let (took, worst) = ground.watched(|| ground.scan_and_unlink());
        scanned.push(took);
        beside_peer.push(worst);
        ground.flushed().open(MANY);
        ground.end();
        let (took, worst) = ground.watched(|| ground.reclaim());
        reclaimed.push(took);
        beside_ours.push(worst);
    }
    figure::print("session/reclaimed-1000000 vs SCAN+UNLINK", "ns", &reclaimed, &scanned);
    figure::print("session/reclaimed-bystander vs SCAN+UNLINK", "ns", &beside_ours, &beside_peer);
}

/// One server with our sessions, and a connection to look at it.
struct Ground<'a> {
    runtime: &'a Runtime,
    server: &'a RedisServer,
    store: Arc<RedisStore>,
    sessions: Sessions,
    value: Arc<String>,
}

/// What was measured when everything ended, time after time.
#[derive(Default)]
struct Endings {
    took: Vec<f64>,
    /// How often the server read from a connection meanwhile: the round trips.
    reads: Vec<f64>,
    /// The longest that the bystander waited, with an ending in the window and without.
    bystander: Vec<f64>,
    idle: Vec<f64>,
}

impl<'a> Ground<'a> {
    fn new(runtime: &'a Runtime, server: &'a RedisServer) -> Self {
        let (store, sessions) = runtime.block_on(async {
            let store = ours::redis(&server.url()).await;
            let sessions = ours::sessions(&store).await;
            (store, sessions)
        });
        Self { runtime, server, store, sessions, value: Arc::new(text()) }
    }

    fn connection(&self) -> Connection {
        let client = redis::Client::open(self.server.url()).expect("an address");
        client.get_connection().expect("a connection")
    }

    fn open(&self, count: usize) {
        self.runtime.block_on(async {
            let mut running = tokio::task::JoinSet::new();
            for task in 0..TASKS {
                let (sessions, value) = (self.sessions.clone(), Arc::clone(&self.value));
                running.spawn(async move {
                    for _ in (task..count).step_by(TASKS) {
                        sessions.open(&*value).await.expect("a session");
                    }
                });
            }
            running.join_all().await;
        });
    }

    // Each ending needs epochs that stand, and so a few sessions that were opened since the last.
    fn endings(&self) -> Endings {
        let mut endings = Endings::default();
        let mut counting = self.connection();
        for _ in 0..ENDINGS {
            self.open(TAGS);
            let token = self.runtime.block_on(self.sessions.open(&*self.value)).expect("a session");

            let before = reads(&mut counting);
            endings.took.push(self.end());
            // The question how many there were is one of them.
            endings.reads.push(reads(&mut counting) - before - 1.0);

            let read = self.sessions.read(&token, |text: &String| text.len());
            let read = self.runtime.block_on(read);
            assert!(matches!(read, Err(SessionError::EpochEnded)), "a session outlived its epoch");

            self.open(TAGS);
            std::thread::sleep(WINDOW);
            let bystander = Bystander::watch(self.connection());
            std::thread::sleep(WINDOW / 2);
            let idle = Instant::now();
            std::thread::sleep(WINDOW);
            let busy = Instant::now();
            self.end();
            std::thread::sleep((busy + WINDOW).saturating_duration_since(Instant::now()));
            let end = Instant::now();
            let waits = bystander.finish();
            endings.idle.push(worst(&waits, idle, busy));
            endings.bystander.push(worst(&waits, busy, end));
        }
        endings
    }

    /// Ends every epoch, and says how long that took.
    fn end(&self) -> f64 {
        let start = Instant::now();
        let ended = self.runtime.block_on(self.store.end()).expect("the end");
        let took = start.elapsed();
        assert!(ended >= 200, "only {ended} epochs stood");
        took.as_nanos() as f64
    }

    fn reclaim(&self) {
        let removed = self.runtime.block_on(self.store.reclaim()).expect("a purge");
        assert!(removed >= (MANY - 1) as u64, "only {removed} records were there");
        assert!(self.sessions() < 1_000, "records are left");
    }

    fn keys_and_del(&self) -> f64 {
        let mut connection = self.connection();
        let start = Instant::now();
        let keys: Vec<Vec<u8>> =
            redis::cmd("KEYS").arg("session:*").query(&mut connection).expect("KEYS");
        let gone: u64 = redis::cmd("DEL").arg(keys).query(&mut connection).expect("DEL");
        let took = start.elapsed();
        assert_eq!(gone, MANY as u64);
        took.as_nanos() as f64
    }

    fn scan_and_unlink(&self) {
        let (mut connection, mut cursor, mut gone) = (self.connection(), 0_u64, 0);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("session:*").arg("COUNT").arg(1_000);
            let (next, keys): (u64, Vec<Vec<u8>>) = scan.query(&mut connection).expect("SCAN");
            if !keys.is_empty() {
                let unlinked: redis::RedisResult<u64> =
                    redis::cmd("UNLINK").arg(keys).query(&mut connection);
                gone += unlinked.expect("UNLINK");
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(gone, MANY as u64);
    }

    /// How long the work took, and the bystander's longest wait beside it, the median over
    /// windows as long as those above.
    fn watched(&self, work: impl FnOnce()) -> (f64, f64) {
        let bystander = Bystander::watch(self.connection());
        let start = Instant::now();
        work();
        let took = start.elapsed();
        let waits = bystander.finish();
        let windows = (took.as_nanos() / WINDOW.as_nanos()).max(1) as u32;
        let each =
            |window: u32| worst(&waits, start + WINDOW * window, start + WINDOW * (window + 1));
        let worsts: Vec<f64> = (0..windows).map(each).collect();
        (took.as_nanos() as f64, figure::median(&worsts))
    }

    fn flushed(&self) -> &Self {
        let () =
            redis::cmd("FLUSHALL").arg("SYNC").query(&mut self.connection()).expect("FLUSHALL");
        self
    }

    // As many keys for the peer, with values as long as our records.
    fn flushed_and_filled(&self, length: usize) -> &Self {
        let mut populate = redis::cmd("DEBUG");
        populate.arg("POPULATE").arg(MANY).arg("session").arg(length);
        let () = populate.query(&mut self.flushed().connection()).expect("DEBUG POPULATE");
        self
    }

    fn sessions(&self) -> usize {
        let all: usize = redis::cmd("DBSIZE").query(&mut self.connection()).expect("DBSIZE");
        // Up to three keys for each tag are not sessions.
        all.saturating_sub(3 * 256)
    }

    fn record_length(&self) -> usize {
        let mut connection = self.connection();
        loop {
            let key: Vec<u8> = redis::cmd("RANDOMKEY").query(&mut connection).expect("a key");
            let length: usize =
                redis::cmd("STRLEN").arg(key).query(&mut connection).expect("STRLEN");
            if length > benches::SESSION {
                return length;
            }
        }
    }
}

fn reads(connection: &mut Connection) -> f64 {
    let info: String = redis::cmd("INFO").arg("stats").query(connection).expect("INFO");
    let reads = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
    reads.and_then(|reads| reads.trim().parse().ok()).expect("total_reads_processed")
}

/// Somebody who has nothing to do with all this, and asks for one value again and again.
struct Bystander {
    done: Arc<AtomicBool>,
    asking: JoinHandle<Vec<(Instant, Instant)>>,
}

impl Bystander {
    fn watch(mut connection: Connection) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let asking = std::thread::spawn(move || {
            let mut waits = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let start = Instant::now();
                let got: redis::RedisResult<Option<String>> =
                    redis::cmd("GET").arg("bystander").query(&mut connection);
                got.expect("GET");
                waits.push((start, Instant::now()));
                std::thread::sleep(Duration::from_micros(100));
            }
            waits
        });
        Self { done, asking }
    }

    fn finish(self) -> Vec<(Instant, Instant)> {
        self.done.store(true, Ordering::Relaxed);
        self.asking.join().expect("the bystander")
    }
}

/// The longest wait that touches a span of time.
fn worst(waits: &[(Instant, Instant)], from: Instant, to: Instant) -> f64 {
    let within = waits.iter().filter(|(start, end)| *end >= from && *start < to);
    let worst = within.map(|(start, end)| end.duration_since(*start)).max();
    worst.expect("the bystander was watched").as_nanos() as f64
}
