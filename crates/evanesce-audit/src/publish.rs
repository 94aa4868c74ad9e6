use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use evanesce_core::{Digest, Error};
use evanesce_crypto::VerifyingKey;

use crate::files::{self, PUBLIC, Touched};
use crate::tilefiles::{TileFiles, WIDTH, damaged};
use crate::tree::Tree;
use crate::{
    AuditError, Checked, CheckpointBody, Disk, Log, SystemDisk, decode, entries_path, leaf_hash,
    tile_path,
};

const MOST: u64 = 1 << 20;

/// Writes a log as files that a static web server can serve: C2SP tlog-tiles. The
/// checkpoint comes last, so that whoever reads it finds every tile that it needs.
///
/// For a [`FolderAudit`](crate::FolderAudit) the folder may be the log's own, whose
/// whole tiles lie at the same paths. Serve `checkpoint` and `tile`, and nothing
/// else of that folder.
pub struct Publisher {
    tiles: TileFiles,
    disk: Arc<dyn Disk>,
    // Comparing and writing the checkpoint are one step.
    showing: Mutex<()>,
}

impl Publisher {
    /// Publishes to a folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::new_on(Arc::new(SystemDisk), folder)
    }

    /// The same on another [`Disk`].
    #[must_use]
    pub fn new_on(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        let tiles = TileFiles::new(Arc::clone(&disk), folder.to_owned());
        Self { tiles, disk, showing: Mutex::new(()) }
    }

    /// Writes what the log has and the folder has not, and says how many leaves the
    /// published checkpoint covers.
    ///
    /// # Errors
    /// [`AuditError::RolledBack`] if the folder shows a larger log already,
    /// [`AuditError::Corrupt`] for leaves that are not their hashes', and what store
    /// and disk answer.
    pub async fn publish(&self, log: &Log) -> Result<u64, AuditError> {
        let Some(checkpoint) = log.checkpoint() else { return Ok(0) };
        let body = log.opened(&checkpoint)?;
        let shown = self.shown(log)?;
        if shown > body.size {
            return Err(AuditError::RolledBack);
        }
        let available = log.available_from().await? / WIDTH;
        let mut touched = Touched::default();
        for tile in shown / WIDTH..body.size.div_ceil(WIDTH) {
            let end = body.size.min((tile + 1) * WIDTH);
            let leaves = log.stored(tile * WIDTH..end).await?;
            let partial = u8::try_from(leaves.len()).unwrap_or(0);
            let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf.hash).collect();
            let bytes: Option<Vec<Vec<u8>>> = leaves.into_iter().map(|leaf| leaf.bytes).collect();
            self.tiles.write_leaves(tile, partial, &hashes, bytes.as_deref(), &mut touched)?;
        }
        self.tiles.write_above(body.size, &mut touched)?;
        self.tiles.write_partial_above(body.size, &mut touched)?;
        touched.sync(&*self.disk).map_err(|error| unwritten(&error))?;
        self.show(&body, &checkpoint, log)?;
        self.forget(available)?;
        self.tidy(shown, body.size)?;
        Ok(body.size)
    }

    // The checkpoint, unless another call has shown a newer one meanwhile.
    fn show(&self, body: &CheckpointBody, text: &str, log: &Log) -> Result<(), AuditError> {
        let _one = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shown(log)? > body.size {
            return Ok(());
        }
        let path = self.tiles.root().join("checkpoint");
        files::replace(&*self.disk, &path, text.as_bytes(), PUBLIC)
            .map_err(|error| unwritten(&error).into())
    }

    // How many leaves the checkpoint in the folder covers.
    fn shown(&self, log: &Log) -> Result<u64, AuditError> {
        let Some(text) = checkpoint(self.tiles.root())? else { return Ok(0) };
        Ok(log.opened(&text)?.size)
    }

    // What the log has forgotten is not shown any longer either.
    fn forget(&self, available: u64) -> Result<(), Error> {
        let mut touched = Touched::default();
        for tile in (0..available).rev() {
            if !self.tiles.remove_bundle(tile, &mut touched)? {
                break;
            }
        }
        touched.sync(&*self.disk).map_err(|error| unwritten(&error))
    }

    // Unfinished tiles go once the whole one is there.
    fn tidy(&self, shown: u64, size: u64) -> Result<(), Error> {
        let mut touched = Touched::default();
        let (mut old, mut new) = (shown, size);
        for level in 0..8 {
            (old, new) = (old / WIDTH, new / WIDTH);
            for index in old..new {
                self.tiles.remove_partial(&tile_path(level, index, 0), &mut touched)?;
                if level == 0 {
                    self.tiles.remove_partial(&entries_path(index, 0), &mut touched)?;
                }
            }
        }
        touched.sync(&*self.disk).map_err(|error| unwritten(&error))
    }
}

/// Checks a published folder as a stranger does who has nothing but the log's key:
/// the signature, every tile of hashes, every entry, and the root over all of them.
///
/// # Errors
/// [`AuditError::Unsigned`] for another key or log, [`AuditError::Corrupt`] if files
/// do not fit together or one is missing, [`AuditError::Malformed`] for an entry that
/// is not in its format, and what the disk answers.
pub fn fsck(folder: &Path, key: &VerifyingKey, origin: &str) -> Result<Checked, AuditError> {
    let tiles = TileFiles::new(Arc::new(SystemDisk), folder.to_owned());
    let Some(text) = checkpoint(folder)? else {
        return Err(damaged("the folder holds no checkpoint").into());
    };
    let body = CheckpointBody::open(&text, key, origin)?;
    let mut checked = Checked { leaves: 0, pruned: 0 };
    let mut tree = Tree::default();
    for tile in 0..body.size.div_ceil(WIDTH) {
        let width = WIDTH.min(body.size - tile * WIDTH);
        let partial = if width == WIDTH { 0 } else { u8::try_from(width).unwrap_or(0) };
        let hashes = tiles.hashes(0, tile, partial)?.ok_or(AuditError::Corrupt)?;
        match tiles.bundle(tile, partial)? {
            // Only whole bundles are forgotten, and only from the log's beginning.
            None if partial == 0 && checked.pruned == checked.leaves => checked.pruned += width,
            None => return Err(AuditError::Corrupt),
            Some(entries) => {
                for (entry, hash) in entries.iter().zip(&hashes) {
                    if leaf_hash(entry) != *hash {
                        return Err(AuditError::Corrupt);
                    }
                    decode(entry)?;
                }
            }
        }
        hashes.iter().for_each(|hash| tree.push(*hash));
        tree.compact();
        checked.leaves += width;
    }
    if tree.root() != body.root {
        return Err(AuditError::Corrupt);
    }
    check_above(&tiles, &tree, body.size)?;
    Ok(checked)
}

// The tiles above the leaves say what the leaves give.
fn check_above(tiles: &TileFiles, tree: &Tree, size: u64) -> Result<(), AuditError> {
    let mut nodes = size;
    for level in 1..8u8 {
        nodes /= WIDTH;
        for index in 0..nodes.div_ceil(WIDTH) {
            let width = WIDTH.min(nodes - index * WIDTH);
            let partial = if width == WIDTH { 0 } else { u8::try_from(width).unwrap_or(0) };
            let hashes = tiles.hashes(level, index, partial)?.ok_or(AuditError::Corrupt)?;
            for (hash, nth) in hashes.iter().zip(index * WIDTH..) {
                if tree.node(u32::from(level) * 8, nth).as_ref() != Some(hash) {
                    return Err(AuditError::Corrupt);
                }
            }
        }
    }
    Ok(())
}

fn checkpoint(folder: &Path) -> Result<Option<String>, AuditError> {
    let bytes = files::read(&folder.join("checkpoint"), MOST, "the checkpoint cannot be read")?;
    let text = bytes.map(String::from_utf8).transpose();
    text.map_err(|_| AuditError::Malformed)
}

fn unwritten(error: &std::io::Error) -> Error {
    files::failed(error, "the log cannot be published")
}
