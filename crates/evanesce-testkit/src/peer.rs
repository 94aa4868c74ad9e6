//! A scripted peer that misbehaves in ways that a healthy server cannot be asked to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What the peer does with one request.
#[derive(Clone)]
pub enum Reply {
    /// Reads it and closes the connection.
    Nothing,
    /// Answers with a status, further header lines and a body.
    Http(u16, &'static str, String),
}

/// An HTTP peer on loopback that answers with the script, then with its last line.
pub struct Peer {
    /// Where it listens, as `127.0.0.1:port`.
    pub address: String,
    /// Each request that came, head and body.
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Starts it. The last line of the script is said for ever.
    pub fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut script = script.into_iter().peekable();
            for socket in listener.incoming() {
                let socket = socket.unwrap();
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                let Some(request) = read_request(&mut reader) else { continue };
                seen.lock().unwrap().push(request);
                let reply = script.next().unwrap();
                if script.peek().is_none() {
                    script = vec![reply.clone()].into_iter().peekable();
                }
                answer(socket, reply);
            }
        });
        Self { address, requests }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(format!("{head}\n{}", String::from_utf8(body).unwrap()))
}

fn answer(mut socket: impl Write, reply: Reply) {
    if let Reply::Http(status, headers, body) = reply {
        let _ = write!(
            socket,
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
}
