use std::sync::Arc;
use std::time::Duration;

use evanesce_core::Error;
use evanesce_session::{Swept, Tag};
use futures_util::future::try_join_all;

use crate::RedisStore;
use crate::error::CORRUPT;
use crate::keys::Slot;
use crate::link::Link;
use crate::reply::Reply;
use crate::request::{Encode, Out, Request};
use crate::scripts::Script;
use crate::wire::Ask;

/// How many keys one step of a scan looks at, so that nobody else waits long.
const STEP: u64 = 512;
/// How many keys are gathered before anything is done with them.
const GATHERED: usize = 8_192;
/// How many keys one command names.
const BATCH: usize = 64;
/// How many commands go in one write.
const COMMANDS: usize = 64;

/// Names of sessions, by their tag.
type Found = Vec<(Tag, Vec<Vec<u8>>)>;

/// Who is told how many records are gone, batch by batch.
type Told<'a> = dyn Fn(u64) + Send + Sync + 'a;

impl RedisStore {
    pub(crate) async fn sweep_batches(&self, limit: usize) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        for node in self.servers.nodes()? {
            let mut scan = Scan::new(&node);
            while let Some(found) = self.gather(&mut scan).await? {
                for (_, names) in found {
                    for batch in names.chunks(BATCH) {
                        self.sweep_batch(&node, batch, limit, &mut swept).await?;
                    }
                }
                if swept.expired + swept.without_expiry >= limit as u64 {
                    return Ok(swept);
                }
            }
        }
        Ok(swept)
    }

    async fn sweep_batch(
        &self,
        node: &Link,
        names: &[Vec<u8>],
        limit: usize,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let left = (limit as u64).saturating_sub(swept.expired + swept.without_expiry);
        let request = Request::write(|out: &mut Out<'_>| {
            out.script(&self.scripts.sweep, names.len(), 1);
            for name in names {
                out.arg(name);
            }
            out.number(left);
        });
        let (reply, _) = node.call(&request, Ask::Plainly).await?;
        let [expired, without_expiry, overdue] = reply.array()?;
        swept.examined += names.len() as u64;
        swept.expired += expired.count()?;
        swept.without_expiry += without_expiry.count()?;
        swept.overdue = swept.overdue.max(Duration::from_millis(overdue.count()?));
        Ok(())
    }

    /// Every server for itself, at the same time.
    pub(crate) async fn reclaim_batches(&self, told: &Told<'_>) -> Result<u64, Error> {
        let nodes = self.servers.nodes()?;
        let removed = try_join_all(nodes.iter().map(|node| self.reclaim_on(node, told))).await?;
        Ok(removed.into_iter().sum())
    }

    // While one gathering is removed, the next is gathered.
    async fn reclaim_on(&self, node: &Arc<Link>, told: &Told<'_>) -> Result<u64, Error> {
        let mut scan = Scan::new(node);
        let mut removed = 0;
        let mut gathered = self.gather(&mut scan).await?;
        while let Some(found) = gathered {
            let (gone, next) =
                tokio::join!(self.remove_fallen(node, found), self.gather(&mut scan));
            let gone = gone?;
            if gone > 0 {
                told(gone);
            }
            removed += gone;
            gathered = next?;
        }
        Ok(removed)
    }

    /// Removes what is sealed under no epoch that stands.
    ///
    /// Of a tag without any standing epoch everything that was found before may go: what
    /// lies under an epoch that has ended never comes to lie under one that stands. Of the
    /// others each record is looked at, in the same step in which it goes.
    async fn remove_fallen(&self, node: &Link, found: Found) -> Result<u64, Error> {
        let asked = Request::read(|out: &mut Out<'_>| {
            for (tag, _) in &found {
                out.command("EXISTS", 2);
                self.keys.epoch(out, *tag, Slot::Current);
                self.keys.epoch(out, *tag, Slot::Draining);
            }
        });
        let standing = answers(node, &asked, found.len()).await?;
        let mut batches = Vec::new();
        for ((tag, names), standing) in found.iter().zip(standing) {
            let stands = standing.count()? > 0;
            batches.extend(names.chunks(BATCH).map(|batch| (*tag, stands, batch)));
        }
        let mut removed = 0;
        for commands in batches.chunks(COMMANDS) {
            let request = Request::write(|out: &mut Out<'_>| {
                for (tag, stands, names) in commands {
                    if *stands {
                        self.fallen(out, &self.scripts.reclaim, *tag, names);
                        continue;
                    }
                    out.command("UNLINK", names.len());
                    for name in *names {
                        out.arg(name);
                    }
                }
            });
            for answer in answers(node, &request, commands.len()).await? {
                removed += answer.count()?;
            }
        }
        Ok(removed)
    }

    /// How many records are sealed under no epoch that stands.
    pub(crate) async fn count_fallen(&self) -> Result<u64, Error> {
        let mut fallen = 0;
        for node in self.servers.nodes()? {
            let mut scan = Scan::new(&node);
            while let Some(found) = self.gather(&mut scan).await? {
                let batches: Vec<(Tag, &[Vec<u8>])> = found
                    .iter()
                    .flat_map(|(tag, names)| names.chunks(BATCH).map(|batch| (*tag, batch)))
                    .collect();
                for commands in batches.chunks(COMMANDS) {
                    let request = Request::read(|out: &mut Out<'_>| {
                        for (tag, names) in commands {
                            self.fallen(out, &self.scripts.unreadable, *tag, names);
                        }
                    });
                    for count in answers(&node, &request, commands.len()).await? {
                        fallen += count.count()?;
                    }
                }
            }
        }
        Ok(fallen)
    }

    // A script over sessions of one tag, behind the names of its epochs.
    fn fallen(&self, out: &mut Out<'_>, script: &Script, tag: Tag, names: &[Vec<u8>]) {
        out.script(script, 2 + names.len(), 0);
        self.keys.epoch(out, tag, Slot::Current);
        self.keys.epoch(out, tag, Slot::Draining);
        for name in names {
            out.arg(name);
        }
    }

    /// The age of the oldest session by its server's clock.
    pub(crate) async fn oldest(&self) -> Result<Option<Duration>, Error> {
        let mut oldest = None;
        for node in self.servers.nodes()? {
            let mut scan = Scan::new(&node);
            while let Some(found) = self.gather(&mut scan).await? {
                let batches: Vec<&[Vec<u8>]> =
                    found.iter().flat_map(|(_, names)| names.chunks(BATCH)).collect();
                for commands in batches.chunks(COMMANDS) {
                    let request = Request::read(|out: &mut Out<'_>| {
                        for names in commands {
                            out.script(&self.scripts.oldest, names.len(), 0);
                            for name in *names {
                                out.arg(name);
                            }
                        }
                    });
                    for age in answers(&node, &request, commands.len()).await? {
                        let age = u64::try_from(age.int()?).ok().map(Duration::from_millis);
                        oldest = oldest.max(age);
                    }
                }
            }
        }
        Ok(oldest)
    }

    // `None` at the end. SCAN walks the whole key space without stopping anybody.
    async fn gather(&self, scan: &mut Scan<'_>) -> Result<Option<Found>, Error> {
        if scan.is_over {
            return Ok(None);
        }
        let pattern = self.keys.every_session();
        let mut by_tag: Vec<Vec<Vec<u8>>> = vec![Vec::new(); 256];
        let mut gathered = 0;
        while gathered < GATHERED && !scan.is_over {
            let request = Request::read(|out: &mut Out<'_>| {
                out.command("SCAN", 5).number(scan.cursor);
                out.arg("MATCH").arg(&pattern).arg("COUNT").number(STEP);
            });
            let (reply, _) = scan.node.call(&request, Ask::Plainly).await?;
            let [cursor, names] = reply.array()?;
            scan.cursor = cursor.text()?.parse().map_err(|_| CORRUPT)?;
            scan.is_over = scan.cursor == 0;
            for name in names.list()? {
                let name = name.bytes()?.ok_or(CORRUPT)?;
                if let Some(tag) = self.keys.tag_of(&name) {
                    by_tag[usize::from(tag.0)].push(name);
                    gathered += 1;
                }
            }
        }
        let found = (0..=u8::MAX).map(Tag).zip(by_tag).filter(|(_, names)| !names.is_empty());
        Ok(Some(found.collect()))
    }
}

struct Scan<'a> {
    node: &'a Link,
    cursor: u64,
    is_over: bool,
}

impl<'a> Scan<'a> {
    const fn new(node: &'a Link) -> Self {
        Self { node, cursor: 0, is_over: false }
    }
}

// One answer for each of so many commands.
async fn answers(
    node: &Link,
    request: &Request<impl Encode>,
    count: usize,
) -> Result<Vec<Reply>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let (reply, _) = node.call(request, Ask::Plainly).await?;
    match reply {
        one if count == 1 => Ok(vec![one]),
        Reply::Array(answers) if answers.len() == count => Ok(answers),
        _ => Err(CORRUPT),
    }
}
