//! A light client: requests that were written beforehand, over connections that stay.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::{SESSION, TASKS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// How long one turn takes.
const TURN: Duration = Duration::from_millis(1_500);

/// A server in a process of its own, with connections to it that each have a session.
pub(crate) struct Server {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    clients: Vec<Client>,
}

/// Nanoseconds for each request.
pub(crate) struct Measured {
    pub(crate) time: f64,
    /// Of the server's process, on all processors together.
    pub(crate) processor: f64,
}

impl Server {
    pub(crate) fn start(runtime: &Runtime, side: &str, redis: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
            .args(["serve", side, redis])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program, once more");
        let questions = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self { child, questions, answers, clients: Vec::new() };
        let port = server.line() as u16;
        server.clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..TASKS {
                clients.push(Client::connect(port).await);
            }
            clients
        });
        server
    }

    /// Asks on all connections at once until the turn is over.
    pub(crate) fn turn(&mut self, runtime: &Runtime) -> Measured {
        let (done, before, start) = (Arc::new(AtomicU64::new(0)), self.processor(), Instant::now());
        self.clients = runtime.block_on(async {
            let mut running = tokio::task::JoinSet::new();
            for mut client in self.clients.drain(..) {
                let done = Arc::clone(&done);
                running.spawn(async move {
                    while start.elapsed() < TURN {
                        assert_eq!(client.ask().await, SESSION.to_string().as_bytes());
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    client
                });
            }
            running.join_all().await
        });
        let (took, after) = (start.elapsed(), self.processor());
        let requests = done.load(Ordering::Relaxed) as f64;
        Measured { time: took.as_nanos() as f64 / requests, processor: (after - before) / requests }
    }

    fn processor(&mut self) -> f64 {
        self.questions.write_all(b"\n").expect("a question");
        self.line()
    }

    fn line(&mut self) -> f64 {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim().parse().unwrap_or_else(|_| panic!("the server printed {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    // Opens a session and remembers its cookie, if there is one.
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let request = b"GET /open HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
        let mut client = Self { stream, request, buffer: Vec::with_capacity(4096) };
        client.ask().await;
        let head = String::from_utf8_lossy(&client.buffer).into_owned();
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = cookie.and_then(|cookie| cookie.split(';').next());
        let cookie = cookie.map_or_else(String::new, |cookie| format!("cookie: {cookie}\r\n"));
        client.request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{cookie}\r\n").into_bytes();
        client
    }

    // The body of one answer.
    async fn ask(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).await.expect("a request");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert!(read > 0, "the server closed the connection");
            if let Some(body) = body(&self.buffer) {
                return &self.buffer[body..];
            }
        }
    }
}

// Where the body begins, once all of it is there.
fn body(answer: &[u8]) -> Option<usize> {
    let start = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..start]).expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
    (answer.len() >= start + length).then_some(start)
}
