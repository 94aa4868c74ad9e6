use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use evanesce_core::{Clock, Error, ErrorKind, SystemClock};
use tokio::time::{sleep, timeout};

use crate::address::Place;
use crate::dial::{Dialer, life};
use crate::error::{CORRUPT, Effect, TIMEOUT, UNAVAILABLE};
use crate::identity::{Identifier, Identity, Life, lineage};
use crate::reply::Reply;
use crate::request::{Encode, Out, Request};
use crate::sentinel::Sentinels;
use crate::wire::{Ask, Wire};

/// The connection to one server, made anew when it breaks.
///
/// Each is asked who the server is before its first use, and about once a second while
/// it is used, in the same write as what is asked of it: so an answer comes with the
/// incarnation that gave it, a restart cuts the connection, and a primary that became a
/// replica is found out even if it cuts none.
pub(crate) struct Link {
    dialer: Arc<Dialer>,
    identifier: Identifier,
    target: Target,
    live: RwLock<Option<Arc<Live>>>,
    dialing: tokio::sync::Mutex<Backoff>,
}

/// Where the server is.
pub(crate) enum Target {
    At(Place),
    /// Wherever the sentinels say.
    Named(Sentinels),
}

struct Live {
    wire: Wire,
    place: Place,
    life: Life,
    term: u64,
    identity: Mutex<Identity>,
    dialed: u64,
    /// On the monotonic clock, in milliseconds.
    checked: AtomicU64,
}

#[derive(Default)]
struct Backoff {
    failures: u32,
    not_before: Duration,
}

impl Link {
    pub(crate) fn new(dialer: Arc<Dialer>, identifier: Identifier, target: Target) -> Self {
        let (live, dialing) = (RwLock::default(), tokio::sync::Mutex::default());
        Self { dialer, identifier, target, live, dialing }
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// The place, where it does not change.
    pub(crate) const fn place(&self) -> Option<&Place> {
        match &self.target {
            Target::At(place) => Some(place),
            Target::Named(_) => None,
        }
    }

    /// Where it is connected to now.
    pub(crate) async fn reached(&self) -> Result<Place, Error> {
        Ok(self.live().await?.place.clone())
    }

    /// Makes sure that there is a connection.
    pub(crate) async fn connect(&self) -> Result<(), Error> {
        self.live().await.map(|_| ())
    }

    /// Sends a request and gives the answer, which may be a refusal, with the identity of
    /// the server that gave it. What reads is sent once more if the connection turned out
    /// to be gone; what writes was sent at most once if this is `Unconfirmed`, and not at
    /// all if it is another error.
    pub(crate) async fn call(
        &self,
        request: &Request<impl Encode>,
        ask: Ask,
    ) -> Result<(Reply, Identity), Error> {
        for last in [false, true] {
            let live = self.live().await?;
            match self.call_live(&live, request, ask).await {
                Ok(reply) => return Ok((reply, live.identity())),
                // Nothing was sent, or nothing depends on it.
                Err(error) if !last && live.wire.has_ended() && may_repeat(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(UNAVAILABLE)
    }

    /// Asks the server anew who it is, where an epoch speaks of another one.
    pub(crate) async fn doubt(&self) -> Result<Identity, Error> {
        let live = self.live().await?;
        let age = now().saturating_sub(live.dialed);
        if matches!(self.target, Target::Named(_)) && age > CHECKED_EACH {
            // Only the sentinels can say in which term it serves.
            live.wire.end();
            return Ok(self.live().await?.identity());
        }
        self.check(&live).await?;
        Ok(live.identity())
    }

    async fn call_live(
        &self,
        live: &Live,
        request: &Request<impl Encode>,
        ask: Ask,
    ) -> Result<Reply, Error> {
        let within = self.dialer.timeouts.response;
        let sent = live.wire.call(request, ask, within);
        let reply = if live.falls_due() {
            let (checked, reply) = tokio::join!(biased; self.check(live), sent);
            // A write tells by itself whether it was refused.
            if request.effect == Effect::None {
                checked?;
            }
            reply?
        } else {
            sent.await?
        };
        match request.refusal(&reply) {
            Some(refusal) if refusal.word() == "NOSCRIPT" => {
                // Nothing ran, so that running it now is the first time.
                self.load(&live.wire).await?;
                live.wire.call(request, ask, within).await
            }
            Some(refusal) if refusal.ends_the_connection() => {
                live.wire.end();
                Ok(reply)
            }
            _ => Ok(reply),
        }
    }

    // Compares the server's history with what it was. Whatever fails ends the connection.
    async fn check(&self, live: &Live) -> Result<(), Error> {
        let asked = Request::read(|out: &mut Out<'_>| {
            out.words(&["INFO", "replication"]);
        });
        let reply = live.wire.call(&asked, Ask::Plainly, self.dialer.timeouts.response).await;
        let compared = reply.and_then(Reply::text).and_then(|replication| {
            let replication = lineage(&replication)?.to_owned();
            let life = Life { replication, ..live.life.clone() };
            let identity = self.identifier.identity(&life, live.term);
            *live.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
            Ok(())
        });
        if let (Ok(()), Target::Named(sentinels)) = (&compared, &self.target) {
            sentinels.watch(live.place.clone(), live.term, live.wire.ender());
        }
        compared.inspect_err(|_| live.wire.end())
    }

    async fn live(&self) -> Result<Arc<Live>, Error> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let mut backoff = self.dialing.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        if SystemClock.monotonic() < backoff.not_before {
            return Err(UNAVAILABLE);
        }
        let dialed = timeout(self.dialer.timeouts.connect, self.dial_patiently()).await;
        match dialed.unwrap_or(Err(TIMEOUT)) {
            Ok(live) => {
                *backoff = Backoff::default();
                let live = Arc::new(live);
                let mut slot = self.live.write().unwrap_or_else(PoisonError::into_inner);
                *slot = Some(Arc::clone(&live));
                Ok(live)
            }
            Err(error) => {
                let pause = FIRST_PAUSE * (1 << backoff.failures.min(MOST_DOUBLINGS));
                backoff.failures += 1;
                backoff.not_before = SystemClock.monotonic() + pause;
                Err(error)
            }
        }
    }

    fn current(&self) -> Option<Arc<Live>> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.as_ref().filter(|live| !live.wire.has_ended()).cloned()
    }

    // A server that restarts is away for a moment only.
    async fn dial_patiently(&self) -> Result<Live, Error> {
        for pause in [FIRST_PAUSE, 4 * FIRST_PAUSE] {
            match self.dial().await {
                Err(error) if error.kind() == ErrorKind::Unavailable => sleep(pause).await,
                result => return result,
            }
        }
        self.dial().await
    }

    async fn dial(&self) -> Result<Live, Error> {
        let (place, term) = match &self.target {
            Target::At(place) => (place.clone(), 0),
            Target::Named(sentinels) => sentinels.resolve().await?,
        };
        let wire = self.dialer.connect(&place).await?;
        let life = life(&wire, self.dialer.timeouts.connect).await?;
        self.load(&wire).await?;
        let identity = Mutex::new(self.identifier.identity(&life, term));
        let dialed = now();
        Ok(Live { wire, place, life, term, identity, dialed, checked: AtomicU64::new(dialed) })
    }

    /// Gives the server every script, in one trip.
    async fn load(&self, wire: &Wire) -> Result<(), Error> {
        let scripts = &self.dialer.scripts;
        let load = Request::read(|out: &mut Out<'_>| {
            for script in scripts.all() {
                out.words(&["SCRIPT", "LOAD", script.code()]);
            }
        });
        let reply = wire.call(&load, Ask::Plainly, self.dialer.timeouts.response).await?;
        match reply.refusal() {
            Some(refusal) => Err(refusal.error()),
            None if reply == Reply::Nil => Err(CORRUPT),
            None => Ok(()),
        }
    }
}

impl Live {
    fn identity(&self) -> Identity {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // True for one caller in each period.
    fn falls_due(&self) -> bool {
        let (now, checked) = (now(), self.checked.load(Ordering::Relaxed));
        now.saturating_sub(checked) >= CHECKED_EACH
            && self
                .checked
                .compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

// An answer that was late may come once more as late.
fn may_repeat(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
}

fn now() -> u64 {
    u64::try_from(SystemClock.monotonic().as_millis()).unwrap_or(u64::MAX)
}

const CHECKED_EACH: u64 = 1_000;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Two seconds at most, roughly.
const MOST_DOUBLINGS: u32 = 5;
