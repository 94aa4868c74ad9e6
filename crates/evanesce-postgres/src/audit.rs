use std::sync::PoisonError;

use evanesce_audit::{AuditStore, StoredLeaf, leaf_hash};
use evanesce_core::{BoxFuture, Error, ErrorKind, Incarnation, StoreKind};

use crate::PostgresStore;
use crate::error::error;
use crate::store::{clamp, column, digest, from_sql, only};

// One statement, one round trip, one commit. The row of the head orders those who
// append: whoever waited for it finds another size and writes nothing. Where this
// node has seen the head, the checkpoint must be the one that it saw: tables that were
// put back and went on to the same size are another log.
const APPEND: &str = "WITH head AS ( \
         UPDATE audit_head SET size = size + cardinality($2::bytea[]), checkpoint = $4 \
         WHERE size = $1 AND ($5::text IS NULL OR checkpoint = $5) RETURNING size \
     ), added AS ( \
         INSERT INTO audit_leaf (leaf_index, hash, bytes) \
         SELECT $1 + leaf.nth - 1, leaf.hash, leaf.bytes \
         FROM unnest($2::bytea[], $3::bytea[]) WITH ORDINALITY AS leaf (hash, bytes, nth) \
         WHERE EXISTS (SELECT FROM head) \
     ) SELECT size FROM head";
const HEAD: &str = "SELECT size, checkpoint FROM audit_head";
const LEAVES: &str = "SELECT hash, bytes FROM audit_leaf WHERE leaf_index >= $1 \
     ORDER BY leaf_index LIMIT $2";
const PRUNE: &str = "WITH pruned AS ( \
         UPDATE audit_leaf SET bytes = NULL WHERE bytes IS NOT NULL \
         AND leaf_index < (SELECT least($1, size) / 256 * 256 FROM audit_head) RETURNING 1 \
     ) SELECT count(*) FROM pruned";

impl PostgresStore {
    async fn append_leaves(
        &self,
        expected: u64,
        leaves: &[Vec<u8>],
        checkpoint: &str,
    ) -> Result<(), Error> {
        let lost = error(ErrorKind::Conflict, "another node appended to the audit log first");
        // A log of 2^63 leaves is none that there is.
        let expected = i64::try_from(expected).map_err(|_| lost)?;
        let hashes: Vec<_> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let hashes: Vec<&[u8]> = hashes.iter().map(|hash| hash.as_bytes().as_slice()).collect();
        let bytes: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
        let seen = self.seen(expected);
        let heads = self.write(APPEND, &[&expected, &hashes, &bytes, &checkpoint, &seen]).await?;
        let Some(head) = heads.first() else { return Err(lost) };
        self.see(column(head, 0)?, Some(checkpoint.to_owned()));
        Ok(())
    }

    async fn read_head(&self) -> Result<(i64, Option<String>), Error> {
        let rows = self.read(HEAD, &[]).await?;
        let head = only(&rows)?;
        let (size, checkpoint): (i64, Option<String>) = (column(head, 0)?, column(head, 1)?);
        self.see(size, checkpoint.clone());
        Ok((size, checkpoint))
    }

    // The newest head that this node saw. An older one, read by an operation that was
    // overtaken, leaves it as it is; a log that went back is for the caller to notice.
    fn see(&self, size: i64, checkpoint: Option<String>) {
        let mut seen = self.head_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checkpoint) =
            checkpoint.filter(|_| seen.as_ref().is_none_or(|(s, _)| *s < size))
        {
            *seen = Some((size, checkpoint));
        }
    }

    // The checkpoint that this node saw at a size.
    fn seen(&self, size: i64) -> Option<String> {
        let seen = self.head_seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().filter(|(at, _)| *at == size).map(|(_, checkpoint)| checkpoint.clone())
    }

    async fn read_leaves(&self, start: u64, limit: usize) -> Result<Vec<StoredLeaf>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.read(LEAVES, &[&clamp(start), &limit]).await?;
        let leaf = |row| Ok(StoredLeaf { hash: digest(column(row, 0)?)?, bytes: column(row, 1)? });
        rows.iter().map(leaf).collect()
    }
}

impl AuditStore for PostgresStore {
    fn store(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.read_incarnation())
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async { from_sql(self.read_head().await?.0) })
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.append_leaves(expected, leaves, checkpoint))
    }

    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>> {
        Box::pin(self.read_leaves(start, limit))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(self.read_head().await?.1) })
    }

    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(
            async move { from_sql(column(only(&self.write(PRUNE, &[&clamp(index)]).await?)?, 0)?) },
        )
    }
}
