//! An axum handler that reads a session of 1 KiB from Redis, over loopback. Each server has a
//! process of its own: ours, the peer's, and one whose handler has no session, so that what a
//! session adds can be told. The client keeps 64 connections busy.

mod client;
mod server;

use benches::figure;
use benches::redis_server::RedisServer;

use client::Server;

const TURNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["serve", side, redis] => server::serve(side, redis),
        _ => {
            eprintln!("usage: tower [serve (ours | tower-sessions | bare) REDIS]");
            std::process::exit(2);
        }
    }
}

fn compare() {
    let redis = RedisServer::start();
    let runtime = benches::runtime();
    let start = |side| Server::start(&runtime, side, &redis.url());
    let (mut ours, mut peer, mut bare) = (start("ours"), start("tower-sessions"), start("bare"));
    let (mut times, mut added) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    // The first turn warms up.
    for turn in 0..=TURNS {
        let [ours, peer, bare] = [&mut ours, &mut peer, &mut bare].map(|s| s.turn(&runtime));
        if turn > 0 {
            for (side, measured) in [ours, peer].iter().enumerate() {
                times[side].push(measured.time);
                added[side].push(measured.processor - bare.processor);
            }
        }
    }
    figure::print("tower/redis-read vs tower-sessions", "ns", &times[0], &times[1]);
    figure::print("tower/redis-read-added-cpu vs tower-sessions", "ns", &added[0], &added[1]);
}
