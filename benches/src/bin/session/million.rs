//! A million sessions of 1 KiB in the memory of one process: to create, to load, to keep. Each
//! side has a process of its own; 64 tasks work on as many threads as there are processors.

use std::sync::Arc;
use std::time::Instant;

use benches::{TASKS, figure, ours, peers, runtime, text};
use evanesce_session::{Sessions, Token};
use serde::{Deserialize, Serialize};
use tower_sessions::MemoryStore;

const COUNT: usize = 1_000_000;
const TURNS: usize = 3;
/// Room for the text of a token or an id: it is the client's, and is there before the count.
const TEXT: usize = 64;

/// For each session: nanoseconds, nanoseconds, bytes.
#[derive(Deserialize, Serialize)]
struct Figures {
    create: f64,
    load: f64,
    resident: f64,
}

pub(crate) fn compare() {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(figure::child::<Figures>(&["million", "ours"]));
        peer.push(figure::child::<Figures>(&["million", "tower-sessions"]));
    }
    let print = |name: &str, unit, of: fn(&Figures) -> f64| {
        let each = |side: &[Figures]| side.iter().map(of).collect::<Vec<_>>();
        let name = format!("session/memory-{name}-1000000 vs tower-sessions");
        figure::print(&name, unit, &each(&ours), &each(&peer));
    };
    print("create", "ns", |figures| figures.create);
    print("load", "ns", |figures| figures.load);
    print("resident", "B", |figures| figures.resident);
}

pub(crate) fn side(name: &str) {
    let runtime = runtime();
    let clients = vec![Vec::new(); TASKS];
    let figures = runtime.block_on(async {
        match name {
            "ours" => {
                let side = Ours(ours::sessions(&ours::memory()).await);
                measure(side, clients).await
            }
            "tower-sessions" => measure(Peer(MemoryStore::default()), clients).await,
            _ => panic!("{name} is not a side"),
        }
    });
    figure::answer(&figures);
}

trait Side: Clone + Send + 'static {
    fn create(&self, value: &String) -> impl Future<Output = String> + Send;
    fn load(&self, text: &str) -> impl Future<Output = usize> + Send;
}

#[derive(Clone)]
struct Ours(Sessions);

impl Side for Ours {
    async fn create(&self, value: &String) -> String {
        let token = self.0.open(value).await.expect("a session");
        (*token.to_text()).clone()
    }

    async fn load(&self, text: &str) -> usize {
        let token = Token::parse(text).expect("a token");
        self.0.read(&token, |text: &String| text.len()).await.expect("its data")
    }
}

#[derive(Clone)]
struct Peer(MemoryStore);

impl Side for Peer {
    async fn create(&self, value: &String) -> String {
        peers::current::open(&self.0, value).await.to_string()
    }

    async fn load(&self, text: &str) -> usize {
        peers::current::read(&self.0, &text.parse().expect("an id")).await
    }
}

type Client = Vec<[u8; TEXT]>;

async fn measure<S: Side>(side: S, mut clients: Vec<Client>) -> Figures {
    let value = Arc::new(text());
    for client in &mut clients {
        *client = vec![[b' '; TEXT]; COUNT / TASKS];
    }
    // One session beforehand: what is set up once is not what a session costs.
    let first = side.create(&value).await;
    assert_eq!(side.load(&first).await, value.len());
    let (before, start) = (figure::resident(), Instant::now());
    let clients = each(clients, |mut client| {
        let (side, value) = (side.clone(), Arc::clone(&value));
        async move {
            for text in &mut client {
                let created = side.create(&value).await;
                text[..created.len()].copy_from_slice(created.as_bytes());
            }
            client
        }
    });
    let clients = clients.await;
    let create = start.elapsed();
    let resident = figure::resident().saturating_sub(before);
    let start = Instant::now();
    each(clients, |client| {
        let (side, length) = (side.clone(), value.len());
        async move {
            for text in &client {
                let text = std::str::from_utf8(text).expect("text").trim_end();
                assert_eq!(side.load(text).await, length);
            }
            client
        }
    })
    .await;
    let load = start.elapsed();
    let each = |nanos: u128| nanos as f64 / (COUNT / TASKS * TASKS) as f64;
    Figures {
        create: each(create.as_nanos()),
        load: each(load.as_nanos()),
        resident: resident as f64 / (COUNT / TASKS * TASKS) as f64,
    }
}

async fn each<F: Future<Output = Client> + Send + 'static>(
    clients: Vec<Client>,
    work: impl Fn(Client) -> F,
) -> Vec<Client> {
    let running: Vec<_> = clients.into_iter().map(|client| tokio::spawn(work(client))).collect();
    let mut done = Vec::with_capacity(TASKS);
    for task in running {
        done.push(task.await.expect("a task"));
    }
    done
}
