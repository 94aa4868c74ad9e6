use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use evanesce_core::{Clock, Error, ErrorKind, SystemClock};
use tokio::time::{sleep, timeout};

use crate::address::Place;
use crate::dial::Dialer;
use crate::error::{Redirect, Refusal, TIMEOUT, UNAVAILABLE, new};
use crate::identity::{Identifier, Identity};
use crate::link::{Link, Target};
use crate::reply::Reply;
use crate::request::{Encode, Out, Request};
use crate::slots::{Part, ranges};
use crate::wire::Ask;

/// The nodes of a Redis Cluster, one connection each, and which of them holds what.
pub(crate) struct Cluster {
    dialer: Arc<Dialer>,
    identifier: Identifier,
    seeds: Vec<Place>,
    slots: [u16; Part::COUNT],
    map: RwLock<Arc<Map>>,
    /// Nodes that were named by a redirection and are not in the map.
    strangers: Mutex<HashMap<Place, Arc<Link>>>,
    refreshing: tokio::sync::Mutex<Duration>,
}

#[derive(Default)]
struct Map {
    generation: u64,
    nodes: Vec<Arc<Link>>,
    of: Vec<Option<usize>>,
}

impl Cluster {
    /// Asks the seeds in turn for the cluster's layout.
    pub(crate) async fn connect(
        dialer: Arc<Dialer>,
        identifier: Identifier,
        seeds: Vec<Place>,
        slots: [u16; Part::COUNT],
    ) -> Result<Self, Error> {
        let (map, strangers) = (RwLock::default(), Mutex::default());
        let refreshing = tokio::sync::Mutex::default();
        let cluster = Self { dialer, identifier, seeds, slots, map, strangers, refreshing };
        cluster.refresh(0).await?;
        for node in cluster.nodes()? {
            node.connect().await?;
        }
        Ok(cluster)
    }

    /// Sends a request to the node that holds the part, and follows it where it moves.
    /// It takes no longer than answers may take, and one attempt more.
    pub(crate) async fn call(
        &self,
        part: Part,
        request: &Request<impl Encode>,
    ) -> Result<(Reply, Identity), Error> {
        let until = SystemClock.monotonic() + self.dialer.timeouts.response;
        let mut named: Option<(Arc<Link>, Ask)> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let map = self.map();
            let node = named.take().or_else(|| map.node(part).map(|node| (node, Ask::Plainly)));
            let outcome = match &node {
                Some((node, ask)) => node.call(request, *ask).await,
                None => Err(UNSERVED),
            };
            let late = SystemClock.monotonic() >= until;
            match &outcome {
                Ok((reply, _)) => {
                    match request.refusal(reply).map(|refusal| (refusal, next(refusal))) {
                        None | Some((_, Next::GiveUp)) => return outcome,
                        // It has not run, and will not by us.
                        Some(_) if late => return Err(UNSETTLED),
                        Some((refusal, Next::Follow(ask))) => {
                            let asked = node.and_then(|(node, _)| node.place().cloned());
                            named =
                                refusal.redirect().map(|to| (self.link_to(to, asked, &map), ask));
                            if ask == Ask::WithAsking {
                                continue;
                            }
                            // The node that was named knows better than whoever is asked
                            // for the layout, so that a failure here does no harm.
                            let _ = self.refresh(map.generation).await;
                            continue;
                        }
                        Some((_, Next::Wait)) => {}
                    }
                }
                // What was sent and not acknowledged is never sent again.
                Err(error) if late || !was_not_sent(error) => return outcome,
                Err(_) => {}
            }
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            let _ = self.refresh(map.generation).await;
        }
    }

    pub(crate) async fn doubt(&self, part: Part) -> Result<Identity, Error> {
        self.map().node(part).ok_or(UNSERVED)?.doubt().await
    }

    /// Every primary that holds a part.
    pub(crate) fn nodes(&self) -> Result<Vec<Arc<Link>>, Error> {
        let map = self.map();
        if map.of.iter().any(Option::is_none) || map.of.is_empty() {
            return Err(UNSERVED);
        }
        Ok(map.nodes.clone())
    }

    /// The parts that a node holds, as far as is known.
    pub(crate) fn parts_of(&self, node: &Arc<Link>) -> Vec<Part> {
        let map = self.map();
        let number = map.nodes.iter().position(|known| Arc::ptr_eq(known, node));
        Part::all().filter(|part| number.is_some() && map.number(*part) == number).collect()
    }

    fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn link_to(&self, to: &Redirect, asked: Option<Place>, map: &Map) -> Arc<Link> {
        let host = match (to.host.as_str(), asked) {
            ("", Some(asked)) => asked.host,
            (host, _) => host.to_owned(),
        };
        let place = Place::new(&host, to.port);
        if let Some(node) = map.nodes.iter().find(|node| node.place() == Some(&place)) {
            return Arc::clone(node);
        }
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() >= MOST_STRANGERS {
            strangers.clear();
        }
        let made = || Arc::new(self.link(place.clone()));
        Arc::clone(strangers.entry(place.clone()).or_insert_with(made))
    }

    fn link(&self, place: Place) -> Link {
        Link::new(Arc::clone(&self.dialer), self.identifier.clone(), Target::At(place))
    }

    /// Asks for the layout anew, unless somebody else did since `seen`; not more than ten
    /// times a second, however many ask for it.
    pub(crate) async fn refresh(&self, seen: u64) -> Result<(), Error> {
        let mut last = self.refreshing.lock().await;
        let map = self.map();
        if map.generation != seen {
            return Ok(());
        }
        let since = SystemClock.monotonic().saturating_sub(*last);
        if seen > 0 && since < REFRESHED_EACH {
            sleep(REFRESHED_EACH.saturating_sub(since)).await;
        }
        *last = SystemClock.monotonic();
        let known = map.nodes.iter().filter_map(|node| node.place().cloned());
        let mut places: Vec<Place> = known.chain(self.seeds.iter().cloned()).collect();
        // Another one each time: the first may be the one that is cut off.
        let turn = usize::try_from(seen).unwrap_or(0) % places.len().max(1);
        places.rotate_left(turn);
        let mut failed = UNAVAILABLE;
        for place in places {
            let asked = timeout(self.dialer.timeouts.connect, self.layout(&place, &map)).await;
            match asked.unwrap_or(Err(TIMEOUT)) {
                Ok(next) => {
                    *self.map.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
                    return Ok(());
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn layout(&self, place: &Place, before: &Map) -> Result<Map, Error> {
        let wire = self.dialer.connect(place).await?;
        let asked = Request::read(|out: &mut Out<'_>| {
            out.words(&["CLUSTER", "SLOTS"]);
        });
        let reply = wire.call(&asked, Ask::Plainly, self.dialer.timeouts.response).await?;
        let ranges = ranges(reply, place)?;
        let mut nodes: Vec<Arc<Link>> = Vec::new();
        let mut of = Vec::with_capacity(Part::COUNT);
        for slot in self.slots {
            let range = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
            let Some((_, _, place)) = range else {
                of.push(None);
                continue;
            };
            let is_there = |node: &Arc<Link>| node.place() == Some(place);
            let number = nodes.iter().position(is_there).unwrap_or_else(|| {
                let known = before.nodes.iter().find(|node| is_there(node)).cloned();
                nodes.push(known.unwrap_or_else(|| Arc::new(self.link(place.clone()))));
                nodes.len() - 1
            });
            of.push(Some(number));
        }
        if of.iter().all(Option::is_none) {
            return Err(UNSERVED);
        }
        Ok(Map { generation: before.generation + 1, nodes, of })
    }
}

impl Map {
    fn number(&self, part: Part) -> Option<usize> {
        *self.of.get(part.index())?
    }

    fn node(&self, part: Part) -> Option<Arc<Link>> {
        self.nodes.get(self.number(part)?).cloned()
    }
}

enum Next {
    Follow(Ask),
    GiveUp,
    Wait,
}

// A refused command has not run. What to do is as the specification says.
fn next(refusal: &Refusal) -> Next {
    match refusal.word() {
        "ASK" if refusal.redirect().is_some() => Next::Follow(Ask::WithAsking),
        "MOVED" if refusal.redirect().is_some() => Next::Follow(Ask::Plainly),
        "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" | "TRYAGAIN" => Next::Wait,
        _ => Next::GiveUp,
    }
}

pub(crate) fn was_not_sent(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
}

const UNSERVED: Error = new(ErrorKind::Unavailable, "no node of the cluster serves the slot");
const UNSETTLED: Error =
    new(ErrorKind::Unavailable, "the cluster is moving these keys, or is without a primary");
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);
const REFRESHED_EACH: Duration = Duration::from_millis(100);
const MOST_STRANGERS: usize = 64;
