use evanesce_core::{BoxFuture, Error, ErrorKind, Timestamp};
use evanesce_session::{EpochRecord, EpochStore, Epochs, Tag, Write};

use crate::RedisStore;
use crate::error::new;
use crate::record::{pack_epoch, unpack_epochs};
use crate::store::{EPOCH_LIVES, NUMBER_LIVES, outcome};

impl EpochStore for RedisStore {
    fn epochs(&self, tag: Tag) -> BoxFuture<'_, Result<Epochs, Error>> {
        Box::pin(async move {
            let mut command = redis::cmd("MGET");
            command.arg(self.keys.epochs(tag).as_slice());
            let (values, incarnation) = self.link.read(&command).await?;
            unpack_epochs(values, incarnation)
        })
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
            let mut script = self.scripts.begin.prepare_invoke();
            script.key(self.keys.epochs(tag).as_slice());
            script.arg(pack_epoch(next)).arg(drain.as_millis());
            script.arg(after.to_be_bytes().as_slice()).arg(EPOCH_LIVES).arg(NUMBER_LIVES);
            outcome(self.link.run(&script).await?.0)
        })
    }

    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            // One command with the secrets of every tag: they end together, in one trip.
            let mut command = redis::cmd("DEL");
            for tag in 0..=u8::MAX {
                let [current, draining, _] = self.keys.epochs(Tag(tag));
                command.arg(current).arg(draining);
            }
            self.link.write(&command).await
        })
    }
}
