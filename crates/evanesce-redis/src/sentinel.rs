use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evanesce_core::{Error, ErrorKind};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::address::Place;
use crate::dial::{Dialer, field};
use crate::error::{CORRUPT, TIMEOUT, UNAVAILABLE, new};
use crate::reply::Reply;
use crate::request::{Out, Request};
use crate::wire::{Ask, Ender, Wire};

/// Several sentinels, which know where the primary of a name is.
///
/// All of them are asked and the one with the newest configuration is believed: one that
/// was cut off from the others still names the primary from before.
#[derive(Clone)]
pub(crate) struct Sentinels(Arc<Inner>);

struct Inner {
    sentinels: Vec<Sentinel>,
    name: String,
    watching: AtomicBool,
}

struct Sentinel {
    dialer: Dialer,
    place: Place,
    wire: tokio::sync::Mutex<Option<Wire>>,
}

impl Sentinels {
    pub(crate) fn new(sentinels: Vec<(Dialer, Place)>, name: String) -> Self {
        let sentinels = sentinels
            .into_iter()
            .map(|(dialer, place)| Sentinel { dialer, place, wire: tokio::sync::Mutex::default() })
            .collect();
        Self(Arc::new(Inner { sentinels, name, watching: AtomicBool::new(false) }))
    }

    /// Where the primary is, and in which term it is that: a number that grows with each
    /// failover.
    pub(crate) async fn resolve(&self) -> Result<(Place, u64), Error> {
        let asked = self.0.sentinels.iter().map(|sentinel| sentinel.ask(&self.0.name));
        let mut failed = UNAVAILABLE;
        let mut newest: Option<(Place, u64)> = None;
        for answer in join_all(asked).await {
            match answer {
                Ok((place, term)) if newest.as_ref().is_none_or(|(_, best)| *best < term) => {
                    newest = Some((place, term));
                }
                Ok(_) => {}
                Err(error) => failed = error,
            }
        }
        newest.ok_or(failed)
    }

    /// Asks again beside everything else, and ends a connection to what is not the
    /// primary any more.
    pub(crate) fn watch(&self, place: Place, term: u64, connection: Ender) {
        if self.0.watching.swap(true, Ordering::AcqRel) {
            return;
        }
        let sentinels = self.clone();
        tokio::spawn(async move {
            let resolved = sentinels.resolve().await;
            // As long as no sentinel answers, the primary stays what it was.
            if resolved.is_ok_and(|(now, newest)| newest > term || now != place) {
                connection.end();
            }
            sentinels.0.watching.store(false, Ordering::Release);
        });
    }
}

impl Sentinel {
    async fn ask(&self, name: &str) -> Result<(Place, u64), Error> {
        // The others are not to wait long for one that is silent.
        let within = self.dialer.timeouts.connect / 4;
        let mut kept = self.wire.lock().await;
        for fresh in [false, true] {
            if kept.as_ref().is_none_or(Wire::has_ended) || fresh {
                let dialed = timeout(within, self.dialer.connect(&self.place)).await;
                *kept = Some(dialed.unwrap_or(Err(TIMEOUT))?);
            }
            let Some(wire) = &*kept else { break };
            let asked = Request::read(|out: &mut Out<'_>| {
                out.words(&["SENTINEL", "MASTER", name]);
            });
            match wire.call(&asked, Ask::Plainly, within).await {
                Ok(reply) => return primary(reply),
                Err(error) if fresh => return Err(error),
                Err(_) => {}
            }
        }
        Err(UNAVAILABLE)
    }
}

fn primary(reply: Reply) -> Result<(Place, u64), Error> {
    if reply.refusal().is_some_and(|refusal| refusal.word() == "ERR") {
        return Err(new(ErrorKind::Missing, "no sentinel knows a primary of this name"));
    }
    let map = reply.list()?;
    let text = |name: &str| match field(&map, name.as_bytes()) {
        Some(Reply::Bytes(bytes)) => std::str::from_utf8(bytes).map_err(|_| CORRUPT),
        _ => Err(CORRUPT),
    };
    let port = text("port")?.parse().map_err(|_| CORRUPT)?;
    let term = text("config-epoch")?.parse::<u64>().map_err(|_| CORRUPT)?;
    // A term is never 0, so that it tells itself from no term.
    Ok((Place::new(text("ip")?, port), term.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Reply {
        let bytes = |text: &str| Reply::Bytes(text.as_bytes().to_vec());
        Reply::Array(pairs.iter().flat_map(|(a, b)| [bytes(a), bytes(b)]).collect())
    }

    #[test]
    fn a_primary_is_a_place_and_a_term() {
        let whole = [("name", "x"), ("ip", "::1"), ("port", "7"), ("config-epoch", "3")];
        let (place, term) = primary(map(&whole)).unwrap();
        assert_eq!((place.host.as_str(), place.port, term), ("::1", 7, 4));
        for missing in 1..4 {
            let mut pairs = whole.to_vec();
            pairs.remove(missing);
            assert_eq!(primary(map(&pairs)).err(), Some(CORRUPT));
        }
        let unknown = primary(Reply::Refused(crate::error::Refusal::of(b"ERR No such master")));
        assert_eq!(unknown.err().map(|error| error.kind()), Some(ErrorKind::Missing));
    }
}
