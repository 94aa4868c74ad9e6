use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Server;
use super::process::{Process, tail};
use super::site::{Site, State};
use crate::failure::Failure;

/// A server on its way up. Each process is written down as soon as it runs, so
/// that it is stopped whatever happens next.
pub(crate) struct Started<'a> {
    site: &'a Site,
    server: Server,
    state: State,
}

impl<'a> Started<'a> {
    pub(crate) fn new(site: &'a Site, server: Server, ports: Vec<u16>) -> Result<Self, Failure> {
        let started = Self { site, server, state: State::new(ports) };
        started.site.remember(server.name(), &started.state)?;
        Ok(started)
    }

    pub(crate) fn ports(&self) -> &[u16] {
        &self.state.ports
    }

    /// Writes a process down; `signal` is the one that asks it to stop.
    pub(crate) fn add(&mut self, pid: u32, signal: &str) -> Result<(), Failure> {
        // One that has ended already is reported by who waits for it.
        if let Some(process) = Process::running(pid, signal) {
            self.state.processes.push(process);
            self.site.remember(self.server.name(), &self.state)?;
        }
        Ok(())
    }

    /// Keeps only processes that still run, such as a server whose launcher is done.
    pub(crate) fn drop_ended(&mut self) -> Result<(), Failure> {
        self.state.processes.retain(Process::is_alive);
        self.site.remember(self.server.name(), &self.state)
    }

    /// Waits until the server answers, says every moment how long it has been,
    /// and gives up when a process ends or the time is over.
    pub(crate) fn wait(
        &self,
        child: &mut Child,
        log: &Path,
        limit: Duration,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<(), Failure> {
        let before = Instant::now();
        let mut said = 0;
        loop {
            if is_ready() {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(Failure::new(format!("it ended ({status})\n{}", tail(log))));
            }
            let waited = before.elapsed();
            if waited > limit {
                let limit = limit.as_secs();
                return Err(Failure::new(format!("no answer after {limit} s\n{}", tail(log))));
            }
            if waited.as_secs() > said {
                said = waited.as_secs();
                self.say_waiting(said);
            }
            sleep(Duration::from_millis(30));
        }
    }

    pub(crate) fn say_ready(&self, took: Duration) {
        let ports: Vec<_> = self.state.ports.iter().map(u16::to_string).collect();
        let (seconds, ports) = (took.as_secs_f32(), ports.join(", "));
        self.clear_line();
        eprintln!("{:<16}ready in {seconds:.1} s on port {ports}", self.server.name());
    }

    pub(crate) fn clear_line(&self) {
        if stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }

    fn say_waiting(&self, seconds: u64) {
        let name = self.server.name();
        if stderr().is_terminal() {
            eprint!("\r{name:<16}waiting, {seconds} s");
            let _ = stderr().flush();
        } else if seconds.is_multiple_of(10) {
            eprintln!("{name:<16}waiting, {seconds} s");
        }
    }
}
