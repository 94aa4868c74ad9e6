use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
}

/// A way to a server that can be cut in the middle of an operation.
pub struct Proxy {
    port: u16,
    next: Arc<Mutex<Option<Fault>>>,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(Mutex::new(None));
        let armed = Arc::clone(&next);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, Arc::clone(&armed)));
            }
        });
        Self { port, next }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn arm(&self, fault: Fault) {
        *self.next.lock().unwrap() = Some(fault);
    }

    pub fn is_armed(&self) -> bool {
        self.next.lock().unwrap().is_some()
    }
}

async fn carry(mut client: TcpStream, server: u16, next: Arc<Mutex<Option<Fault>>>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut slow = Duration::ZERO;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let fault = next.lock().unwrap().take();
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
