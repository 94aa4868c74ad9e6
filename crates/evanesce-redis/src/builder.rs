use std::sync::Arc;

use evanesce_core::{Error, ErrorKind, Namespace};
use evanesce_tls::Tls;

use crate::RedisStore;
use crate::address::{Address, Place};
use crate::cluster::Cluster;
use crate::dial::{Dialer, Kind, Timeouts};
use crate::error::new;
use crate::identity::{Failover, Identifier};
use crate::keys::Keys;
use crate::link::{Link, Target};
use crate::scripts::Scripts;
use crate::sentinel::Sentinels;
use crate::servers::Servers;
use crate::slots::slots;
use crate::store::Prolonged;

/// How a store is connected to.
#[derive(Clone)]
#[must_use = "nothing is connected before one of the connect functions"]
pub struct RedisBuilder {
    tls: Tls,
    namespace: Namespace,
    failover: Failover,
    timeouts: Timeouts,
}

impl RedisStore {
    /// Begins with two seconds for a connection and for each answer, and with sessions
    /// that end where the server is another.
    pub fn builder(tls: &Tls, namespace: &Namespace) -> RedisBuilder {
        RedisBuilder {
            tls: tls.clone(),
            namespace: namespace.clone(),
            failover: Failover::End,
            timeouts: Timeouts::default(),
        }
    }

    /// Connects to `rediss://user:password@host:port/db`, as a
    /// [`builder`](Self::builder) begins.
    ///
    /// # Errors
    /// As [`RedisBuilder::connect`].
    pub async fn connect(url: &str, tls: &Tls, namespace: &Namespace) -> Result<Self, Error> {
        Self::builder(tls, namespace).connect(url).await
    }

    /// As [`connect`](Self::connect), with other limits.
    ///
    /// # Errors
    /// As [`RedisBuilder::connect`].
    pub async fn connect_within(
        url: &str,
        tls: &Tls,
        namespace: &Namespace,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        Self::builder(tls, namespace).timeouts(timeouts).connect(url).await
    }
}

impl RedisBuilder {
    /// Other limits.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What becomes of sessions where the server is another.
    pub const fn failover(mut self, failover: Failover) -> Self {
        self.failover = failover;
        self
    }

    /// Connects to one server, at `rediss://user:password@host:port/db`.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] for a plain `redis://` address, except to this machine
    /// under [`Tls::plaintext_loopback`], and where the user may not run `INFO` or load
    /// scripts; [`ErrorKind::Unsupported`] for a server without RESP3, of a cluster, or
    /// that is a sentinel; [`ErrorKind::Authentication`], [`ErrorKind::Unavailable`],
    /// [`ErrorKind::Timeout`]. None of them repeats the address.
    pub async fn connect(self, url: &str) -> Result<RedisStore, Error> {
        let address = Address::parse(url, &self.tls)?;
        let scripts = Arc::new(Scripts::new());
        let dialer = Arc::new(self.dialer(&address, Kind::Standalone, &scripts));
        let link = Arc::new(Link::new(dialer, self.identifier(), Target::At(address.place)));
        link.connect().await?;
        Ok(self.store(Servers::One(link), scripts))
    }

    /// Connects to a Redis Cluster through the nodes at these addresses, of which one has
    /// to answer; the others are found out. The credentials are those of the first.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); [`ErrorKind::Invalid`] without any address, and
    /// [`ErrorKind::Unavailable`] where a slot that is needed is served by no node.
    pub async fn connect_cluster(self, urls: &[&str]) -> Result<RedisStore, Error> {
        let addresses = self.addresses(urls)?;
        let first = addresses.first().ok_or(NO_ADDRESS)?;
        if first.greeting.db() != 0 {
            return Err(new(ErrorKind::Invalid, "a cluster has no numbered databases"));
        }
        let scripts = Arc::new(Scripts::new());
        let dialer = Arc::new(self.dialer(first, Kind::ClusterNode, &scripts));
        let seeds: Vec<Place> = addresses.into_iter().map(|address| address.place).collect();
        let slots = slots(&Keys::new(&self.namespace));
        let cluster = Cluster::connect(dialer, self.identifier(), seeds, slots).await?;
        Ok(self.store(Servers::Cluster(Box::new(cluster)), scripts))
    }

    /// Connects to the primary that sentinels at these addresses know by a name, and
    /// follows it when they name another. The `primary` is an address with the name in
    /// the host's place, such as `rediss://user:password@sessions/0`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); [`ErrorKind::Invalid`] without any sentinel, and
    /// [`ErrorKind::Missing`] where none of them knows the name.
    pub async fn connect_sentinel(
        self,
        sentinels: &[&str],
        primary: &str,
    ) -> Result<RedisStore, Error> {
        let address = Address::parse_named(primary, &self.tls)?;
        let addresses = self.addresses(sentinels)?;
        if addresses.is_empty() {
            return Err(NO_ADDRESS);
        }
        let scripts = Arc::new(Scripts::new());
        let asked = addresses.into_iter().map(|sentinel| {
            let dialer = self.dialer(&sentinel, Kind::Sentinel, &scripts);
            (dialer, sentinel.place)
        });
        let named = Sentinels::new(asked.collect(), address.place.host.clone());
        let dialer = Arc::new(self.dialer(&address, Kind::Standalone, &scripts));
        let link = Arc::new(Link::new(dialer, self.identifier(), Target::Named(named)));
        link.connect().await?;
        Ok(self.store(Servers::Watched(link), scripts))
    }

    fn addresses(&self, urls: &[&str]) -> Result<Vec<Address>, Error> {
        urls.iter().map(|url| Address::parse(url, &self.tls)).collect()
    }

    fn dialer(&self, address: &Address, kind: Kind, scripts: &Arc<Scripts>) -> Dialer {
        Dialer::new(address, &self.tls, kind, self.timeouts, Arc::clone(scripts))
    }

    fn identifier(&self) -> Identifier {
        Identifier::new(self.failover, &self.namespace)
    }

    fn store(self, servers: Servers, scripts: Arc<Scripts>) -> RedisStore {
        let (keys, prolonged) = (Keys::new(&self.namespace), Prolonged::new());
        RedisStore { servers, keys, scripts, prolonged, failover: self.failover }
    }
}

const NO_ADDRESS: Error = new(ErrorKind::Invalid, "an address is needed");
