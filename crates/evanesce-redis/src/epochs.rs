use std::sync::Arc;

use evanesce_core::{BoxFuture, Clock, Error, ErrorKind, Lifetime, SystemClock, Timestamp};
use evanesce_session::{EpochRecord, EpochStore, Epochs, Tag, Write};
use futures_util::future::join_all;

use crate::RedisStore;
use crate::error::{CORRUPT, UNCONFIRMED, new};
use crate::keys::Slot;
use crate::link::Link;
use crate::record::pack_epoch;
use crate::reply::Reply;
use crate::request::{Out, Request};
use crate::slots::Part;
use crate::store::{EPOCH_LIVES, NUMBER_LIVES};
use crate::wire::Ask;

impl EpochStore for RedisStore {
    fn epochs(&self, tag: Tag) -> BoxFuture<'_, Result<Epochs, Error>> {
        Box::pin(self.epochs_of(tag))
    }

    fn begin<'a>(
        &'a self,
        tag: Tag,
        after: u64,
        next: &'a EpochRecord,
        drain: Timestamp,
    ) -> BoxFuture<'a, Result<Write, Error>> {
        Box::pin(async move {
            if next.number <= after {
                return Err(new(ErrorKind::Invalid, "an epoch's number is above the one before"));
            }
            let drain = drain.since(SystemClock.now()).min(Lifetime::MAX.duration());
            let drain = u64::try_from(drain.as_millis()).unwrap_or(0);
            let rest = pack_epoch(next);
            let request = Request::write(|out: &mut Out<'_>| {
                out.script(&self.scripts.begin, 3, 6);
                self.keys.epochs(out, tag);
                out.arg(next.number.to_be_bytes()).arg(&rest).number(drain);
                out.arg(after.to_be_bytes()).number(EPOCH_LIVES).number(NUMBER_LIVES);
            });
            self.outcome(tag, &request).await
        })
    }

    /// One round trip to each server, whatever the number of sessions.
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.end_everywhere())
    }
}

impl RedisStore {
    // Every server is asked before any failure is told: what can end, ends.
    async fn end_everywhere(&self) -> Result<u64, Error> {
        if let Some(link) = self.servers.only() {
            return self.end_at_once(link).await;
        }
        let nodes = self.servers.nodes()?;
        let ended = join_all(nodes.iter().map(|node| self.end_on(node))).await;
        let mut left: Vec<bool> = vec![true; 256];
        let (mut removed, mut failed) = (0, None);
        for outcome in ended {
            match outcome {
                Ok(done) => {
                    for (tag, count) in done {
                        left[usize::from(tag.0)] = false;
                        removed += count;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        // What lay elsewhere by then is followed there.
        for tag in (0..=u8::MAX).map(Tag).filter(|tag| left[usize::from(tag.0)]) {
            let request = Request::write(|out: &mut Out<'_>| self.end_command(out, tag));
            let (reply, _) = self.servers.call(Part::tag(tag), &request).await?;
            removed += reply.count()?;
        }
        Ok(removed)
    }

    /// Ends all epochs in one command where one server has them: whoever comes behind it
    /// waits no longer than for that.
    async fn end_at_once(&self, link: &Link) -> Result<u64, Error> {
        let request = Request::write(|out: &mut Out<'_>| {
            out.command("DEL", 2 * 256);
            for tag in (0..=u8::MAX).map(Tag) {
                self.keys.epoch(out, tag, Slot::Current);
                self.keys.epoch(out, tag, Slot::Draining);
            }
        });
        let (reply, _) = link.call(&request, Ask::Plainly).await?;
        reply.count()
    }

    /// Ends the epochs of every tag that a server holds, in one write, and says which were
    /// acknowledged.
    async fn end_on(&self, node: &Arc<Link>) -> Result<Vec<(Tag, u64)>, Error> {
        let parts = self.servers.parts_of(node);
        let tags: Vec<Tag> =
            parts.iter().filter_map(|part| u8::try_from(part.index()).ok().map(Tag)).collect();
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let request = Request::write(|out: &mut Out<'_>| {
            for tag in &tags {
                self.end_command(out, *tag);
            }
        });
        let (reply, _) = node.call(&request, Ask::Plainly).await?;
        let answers = match reply {
            Reply::Array(answers) if answers.len() == tags.len() => answers,
            one if tags.len() == 1 => vec![one],
            _ => return Err(CORRUPT),
        };
        let mut done = Vec::with_capacity(tags.len());
        for (tag, answer) in tags.into_iter().zip(answers) {
            match answer {
                Reply::Int(count) => done.push((tag, u64::try_from(count).unwrap_or(0))),
                Reply::Refused(refusal) if ["ASK", "MOVED"].contains(&refusal.word()) => {}
                Reply::Refused(refusal) => return Err(refusal.error()),
                _ => return Err(UNCONFIRMED),
            }
        }
        Ok(done)
    }

    fn end_command(&self, out: &mut Out<'_>, tag: Tag) {
        out.command("DEL", 2);
        self.keys.epoch(out, tag, Slot::Current);
        self.keys.epoch(out, tag, Slot::Draining);
    }
}
