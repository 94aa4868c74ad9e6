use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to the next thing that a client sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Half of it arrives; then the connection is cut.
    CutRequest,
    /// It arrives and is answered; the answer is lost with the connection.
    LoseAnswer,
    /// It arrives late, and nothing else does.
    Late(Duration),
    /// It arrives late, as everything does after it.
    Slow(Duration),
    /// It arrives and is answered; the answer goes no further, and the connection stays.
    Withhold,
}

/// A way to a server that can be cut in the middle of an operation.
pub struct Proxy {
    port: u16,
    way: Arc<Way>,
}

struct Way {
    server: AtomicU16,
    next: Mutex<Option<Fault>>,
    withheld: Notify,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = AtomicU16::new(server);
        let way = Arc::new(Way { server, next: Mutex::new(None), withheld: Notify::new() });
        let taken = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&taken)));
            }
        });
        Self { port, way }
    }

    /// New connections go to another server.
    pub fn lead_to(&self, server: u16) {
        self.way.server.store(server, Ordering::SeqCst);
    }

    /// Waits until an answer was withheld.
    pub async fn withheld(&self) {
        let withheld = self.way.withheld.notified();
        let withheld = tokio::time::timeout(Duration::from_secs(5), withheld);
        withheld.await.expect("the server answers");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn arm(&self, fault: Fault) {
        *self.way.next.lock().unwrap() = Some(fault);
    }

    pub fn is_armed(&self) -> bool {
        self.way.next.lock().unwrap().is_some()
    }
}

async fn carry(mut client: TcpStream, way: Arc<Way>) {
    let port = way.server.load(Ordering::SeqCst);
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut slow = Duration::ZERO;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let fault = way.next.lock().unwrap().take();
                if let Some(Fault::Slow(each)) = fault {
                    slow = each;
                }
                tokio::time::sleep(slow).await;
                if let Some(Fault::Late(once)) = fault {
                    tokio::time::sleep(once).await;
                }
                let sent = if fault == Some(Fault::CutRequest) { read / 2 } else { read };
                if server.write_all(&asked[..sent]).await.is_err() {
                    return;
                }
                if [Some(Fault::CutRequest), Some(Fault::LoseAnswer)].contains(&fault) {
                    if fault == Some(Fault::LoseAnswer) {
                        let _ = server.read(&mut answered).await;
                    }
                    return;
                }
                if fault == Some(Fault::Withhold) {
                    let _ = server.read(&mut answered).await;
                    way.withheld.notify_one();
                    // Until either side hangs up.
                    tokio::select! {
                        () = swallow(&mut client) => {}
                        () = swallow(&mut server) => {}
                    }
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn swallow(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(1..) = stream.read(&mut bytes).await {}
}
