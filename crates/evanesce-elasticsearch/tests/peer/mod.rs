//! A scripted peer that misbehaves in ways that a healthy server cannot be asked to.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What the peer does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Reads it and closes the connection.
    Nothing,
    /// Answers with a status, further header lines and a body.
    Http(u16, &'static str, String),
}

/// An HTTP peer on loopback that answers with the script, then with its last line.
pub(crate) struct Peer {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub(crate) fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
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
        Self { url, requests }
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
