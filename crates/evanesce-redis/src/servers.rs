use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, Error, Incarnation, StoreKind, SystemClock};
use evanesce_crypto::sha256;
use futures_util::future::try_join_all;
use tokio::time::sleep;

use crate::cluster::{Cluster, was_not_sent};
use crate::error::CORRUPT;
use crate::identity::Identity;
use crate::link::Link;
use crate::reply::Reply;
use crate::request::{Encode, Out, Request};
use crate::slots::Part;
use crate::wire::Ask;

/// The servers that a store lies on.
pub(crate) enum Servers {
    Cluster(Box<Cluster>),
    /// One, wherever it is now.
    One(Arc<Link>),
    /// One that sentinels name.
    Watched(Arc<Link>),
}

impl Servers {
    /// Sends a request to the server that holds the part, and says who answered.
    pub(crate) async fn call(
        &self,
        part: Part,
        request: &Request<impl Encode>,
    ) -> Result<(Reply, Identity), Error> {
        match self {
            Self::Cluster(cluster) => cluster.call(part, request).await,
            Self::One(link) => link.call(request, Ask::Plainly).await,
            Self::Watched(link) => call_through(link, request).await,
        }
    }

    /// Asks the server that holds the part anew who it is.
    pub(crate) async fn doubt(&self, part: Part) -> Result<Identity, Error> {
        match self {
            Self::Cluster(cluster) => cluster.doubt(part).await,
            Self::One(link) | Self::Watched(link) => link.doubt().await,
        }
    }

    /// Every server that holds a part.
    pub(crate) fn nodes(&self) -> Result<Vec<Arc<Link>>, Error> {
        match self {
            Self::Cluster(cluster) => cluster.nodes(),
            Self::One(link) | Self::Watched(link) => Ok(vec![Arc::clone(link)]),
        }
    }

    /// The server that holds every part, where there is one.
    pub(crate) fn only(&self) -> Option<&Link> {
        match self {
            Self::Cluster(_) => None,
            Self::One(link) | Self::Watched(link) => Some(link),
        }
    }

    /// The parts that one of [`nodes`](Self::nodes) holds.
    pub(crate) fn parts_of(&self, node: &Arc<Link>) -> Vec<Part> {
        match self {
            Self::Cluster(cluster) => cluster.parts_of(node),
            Self::One(_) | Self::Watched(_) => Part::all().collect(),
        }
    }

    /// The incarnation of the one server, or of all of a cluster's together.
    pub(crate) async fn incarnation(&self) -> Result<Incarnation, Error> {
        // A command goes to each server first: a connection may have died unnoticed.
        let ping = Request::read(|out: &mut Out<'_>| {
            out.words(&["PING"]);
        });
        let nodes = self.nodes()?;
        let asked = nodes.iter().map(|node| async {
            let (reply, identity) = node.call(&ping, Ask::Plainly).await?;
            reply.done()?;
            Ok::<_, Error>(identity.incarnation)
        });
        let mut incarnations = try_join_all(asked).await?;
        match (self, incarnations.as_slice()) {
            (Self::One(_) | Self::Watched(_), [one]) => Ok(*one),
            (Self::Cluster(_), [_, ..]) => {
                incarnations.sort_by_key(|incarnation| *incarnation.digest().as_bytes());
                incarnations.dedup();
                let digests: Vec<u8> =
                    incarnations.iter().flat_map(|i| *i.digest().as_bytes()).collect();
                Ok(Incarnation::new(StoreKind::Redis, sha256(&digests)))
            }
            _ => Err(CORRUPT),
        }
    }
}

// A failover takes a moment. What was refused by a server that is no primary any more, or
// was never sent, is sent again to the one that is.
async fn call_through(
    link: &Link,
    request: &Request<impl Encode>,
) -> Result<(Reply, Identity), Error> {
    let until = SystemClock.monotonic() + link.dialer().timeouts.response;
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = link.call(request, Ask::Plainly).await;
        let again = match &outcome {
            Ok((reply, _)) => request.refusal(reply).is_some_and(|r| r.ends_the_connection()),
            Err(error) => was_not_sent(error),
        };
        if !again || SystemClock.monotonic() >= until {
            return outcome;
        }
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);
