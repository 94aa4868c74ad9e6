//! A violation is told at once: to a closure, into a log, to a server.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{open, unique};
use evanesce_audit::{
    AlertSink, Alerts, LoggedAlerts, MemoryAudit, MemoryKeeper, Post, Rules, Verdict, Watched,
    Webhook,
};
use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Entry, Error, ErrorKind, Operation, Outcome, PurposeId,
    Rule, StoreKind,
};
use evanesce_testkit::ManualClock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A POST over a plain connection to this machine.
struct Plain(SocketAddr);

impl Post for Plain {
    fn post<'a>(&'a self, body: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let failed = |_| Error::new(ErrorKind::Unavailable, StoreKind::Memory, "no answer");
            let mut stream = TcpStream::connect(self.0).await.map_err(failed)?;
            let request = format!(
                "POST /alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await.map_err(failed)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.map_err(failed)?;
            let refused = Error::new(ErrorKind::Refused, StoreKind::Memory, "the server refused");
            if answer.starts_with("HTTP/1.1 204 ") { Ok(()) } else { Err(refused) }
        })
    }
}

/// A server that refuses the first requests and keeps the bodies of the others.
async fn server(refuse: usize) -> (SocketAddr, Arc<Mutex<Vec<String>>>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (taken, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (bodies, count) = (Arc::clone(&taken), Arc::clone(&asked));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let body = loop {
                stream.read_buf(&mut request).await.unwrap();
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                if body.len() == length.unwrap().parse::<usize>().unwrap() {
                    assert!(head.starts_with("POST /alerts HTTP/1.1\r\n"));
                    break body.to_owned();
                }
            };
            let status = if count.fetch_add(1, Ordering::SeqCst) < refuse {
                "503 Service Unavailable"
            } else {
                bodies.lock().unwrap().push(body);
                "204 No Content"
            };
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (at, taken, asked)
}

fn violation() -> Entry {
    let at = ManualClock::new().now();
    Entry::new(at, Operation::LeakFound, DataClass::Operational)
        .with_store(StoreKind::Elasticsearch)
        .with_purpose(PurposeId::new("usage"))
        .with_count(2)
        .with_commitment(evanesce_core::Digest::new([7; 32]))
}

// Lets the other tasks run until something holds. Sockets of this machine take a moment.
async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to hold");
}

#[tokio::test]
async fn a_violation_is_at_the_server_within_a_second_even_if_it_refuses_twice() {
    for refuse in [0, 1, 2] {
        let (at, taken, asked) = server(refuse).await;
        let clock = ManualClock::new();
        let webhook = Arc::new(Webhook::new(Arc::new(Plain(at)), Arc::new(clock.clone())));
        let running = tokio::spawn({
            let webhook = Arc::clone(&webhook);
            async move { webhook.run().await }
        });
        let log =
            open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
        let watched = Watched::new(Arc::new(log), Rules::standard(), webhook.clone());
        watched.append(unique(0)).await.unwrap();
        watched.append(violation()).await.unwrap();
        let before = clock.monotonic();
        for refused in 1..=refuse {
            until(|| asked.load(Ordering::SeqCst) == refused && clock.sleepers() == 1).await;
            assert!(taken.lock().unwrap().is_empty());
            clock.advance(Duration::from_millis(250 * refused as u64));
        }
        until(|| taken.lock().unwrap().len() == 1).await;
        assert!(clock.monotonic() - before < Duration::from_secs(1));
        let body: Value = serde_json::from_str(&taken.lock().unwrap()[0]).unwrap();
        let expected = json!({
            "version": 1, "at": "2026-01-01T00:00:00Z", "operation": "leak-found",
            "class": "operational", "outcome": "done", "count": 2, "rules": ["no-user-content"],
            "store": "elasticsearch", "purpose": "usage",
        });
        assert_eq!(body, expected, "and nothing else, not even the commitment");
        assert_eq!(webhook.lost(), 0);
        running.abort();
    }
}

#[tokio::test]
async fn an_alert_that_no_server_takes_is_counted_as_lost_and_the_next_is_sent() {
    let (at, taken, asked) = server(20).await;
    let clock = ManualClock::new();
    let webhook = Arc::new(Webhook::new(Arc::new(Plain(at)), Arc::new(clock.clone())));
    let running = tokio::spawn({
        let webhook = Arc::clone(&webhook);
        async move { webhook.run().await }
    });
    let alert = |entry: Entry| match Rules::standard().check(&entry) {
        Verdict::Violated(rules) => evanesce_audit::Alert { entry, rules },
        Verdict::Clear => panic!("no violation"),
    };
    webhook.alert(&alert(violation()));
    webhook.alert(&alert(violation().with_count(9)));
    for refused in 1..20 {
        until(|| asked.load(Ordering::SeqCst) == refused && clock.sleepers() == 1).await;
        clock.advance(Duration::from_secs(60));
    }
    until(|| taken.lock().unwrap().len() == 1).await;
    assert_eq!(webhook.lost(), 1);
    assert!(taken.lock().unwrap()[0].contains("\"count\":9"));
    running.abort();
    // While nothing is sent the newest 1024 wait.
    for _ in 0..1030 {
        webhook.alert(&alert(violation()));
    }
    assert_eq!(webhook.lost(), 7);
}

#[tokio::test]
async fn a_violation_is_told_to_every_sink_before_it_is_written() {
    let store = Arc::new(MemoryAudit::new());
    let log = Arc::new(open(&store, &Arc::new(MemoryKeeper::new())).await.unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let closure = {
        let seen = Arc::clone(&seen);
        move |alert: &evanesce_audit::Alert| seen.lock().unwrap().push(alert.rules.clone())
    };
    let sinks = Alerts::new(vec![
        Arc::new(closure),
        Arc::new(LoggedAlerts::new(log.clone() as Arc<dyn Append>)),
    ]);
    let watched = Watched::new(log.clone(), Rules::standard(), Arc::new(sinks));
    let pending = watched.append(violation());
    assert_eq!(*seen.lock().unwrap(), [vec![Rule::NoUserContent]]);
    pending.await.unwrap();
    watched.count(violation());
    assert_eq!(seen.lock().unwrap().len(), 2);
    // A violation that an entry states itself is in the log with it.
    let stated = violation().with_outcome(Outcome::Violation).with_rule(Rule::NoUserContent);
    watched.append(stated.clone()).await.unwrap();
    log.flush().await.unwrap();
    let entries = log.entries(0..log.size()).await.unwrap();
    let entries: Vec<Entry> = entries.into_iter().map(|logged| logged.entry.unwrap()).collect();
    let told = Entry::new(violation().at(), Operation::LeakFound, DataClass::Operational)
        .with_store(StoreKind::Elasticsearch)
        .with_outcome(Outcome::Violation)
        .with_rule(Rule::NoUserContent);
    // Twice counted, and written as one or as two.
    let alike = entries.iter().filter(|entry| entry.adds_to(&told));
    assert_eq!(alike.map(Entry::count).sum::<u64>(), 2);
    assert!(entries.contains(&stated));
}
