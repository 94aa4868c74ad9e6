use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_core::{BoxFuture, Digest, Error, ErrorKind, Incarnation, StoreKind};
use evanesce_crypto::{random, sha256};

use crate::files::{self, PRIVATE, Touched};
use crate::segments::Segments;
use crate::tilefiles::{TileFiles, WIDTH, damaged};
use crate::tiles::decimal;
use crate::{AuditStore, Disk, StoredLeaf, SystemDisk, leaf_hash};

const FOLDER: StoreKind = StoreKind::Folder;

/// A log in a folder, the default of a service with one node.
///
/// An append is a record at the end of a segment under `wal`, synchronised to disk
/// before it is answered. [`settle`](Self::settle) moves whole tiles of 256 leaves
/// to their C2SP paths under `tile`, each entry bundle and each tile of hashes a
/// file, and lets the segments go; `prune` forgets whole bundles and keeps the
/// hashes.
///
/// One process at a time opens it. A record that a crash cut short is left out
/// and overwritten by the next append; whether it had been acknowledged is told
/// by the checkpoint that is kept elsewhere, which is why [`Log::open`](crate::Log::open)
/// asks for one. A damaged record with whole ones behind it is
/// [`ErrorKind::Corrupt`]. What happens when the process is killed at any write,
/// when the disk is full and when half a page arrives is tried in `tests/crash.rs`.
///
/// Its methods block for as long as the disk does; on a runtime whose threads
/// must not block, drive the log from one that may.
pub struct FolderAudit {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    identity: Digest,
    tiles: TileFiles,
    state: Mutex<State>,
    // One at a time moves leaves into tiles or forgets them.
    settling: Mutex<()>,
    // Holds the lock for as long as this lives.
    _lock: File,
}

struct State {
    segments: Segments,
    // The bytes of leaves before this one are forgotten.
    minimum: u64,
}

impl FolderAudit {
    /// Opens the log in a folder, or begins one there.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while another process has it open,
    /// [`ErrorKind::Corrupt`] for a damaged file, [`ErrorKind::Unavailable`] and
    /// [`ErrorKind::Exhausted`] with the errno for what the disk answers.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_on(Arc::new(SystemDisk), folder)
    }

    /// The same on another [`Disk`].
    ///
    /// # Errors
    /// As [`FolderAudit::open`].
    pub fn open_on(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, Error> {
        let made = disk.make_folder(folder);
        made.map_err(|error| files::failed(&error, "the folder cannot be made"))?;
        let lock = lock(folder)?;
        let identity = identity(&*disk, folder)?;
        let segments = Segments::open(Arc::clone(&disk), &folder.join("wal"))?;
        let minimum = minimum(folder)?;
        if minimum > segments.size() || !minimum.is_multiple_of(WIDTH) {
            return Err(damaged("the log's minimum index lies outside the log"));
        }
        let folder = folder.to_owned();
        let log = Self {
            tiles: TileFiles::new(Arc::clone(&disk), folder.clone()),
            disk,
            folder,
            identity,
            state: Mutex::new(State { segments, minimum }),
            settling: Mutex::new(()),
            _lock: lock,
        };
        log.forget_rest()?;
        Ok(log)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves whole tiles to their files, and says how many leaves lie there now.
    /// Appends go on meanwhile. Pruning begins with it.
    ///
    /// # Errors
    /// What the disk answers. Leaves stay where they are until their tile is durable.
    pub fn settle(&self) -> Result<u64, Error> {
        let _one = self.settling();
        self.settle_whole()
    }

    fn settle_whole(&self) -> Result<u64, Error> {
        let (base, size) = {
            let state = self.state();
            (state.segments.base(), state.segments.size())
        };
        let until = size / WIDTH * WIDTH;
        let mut touched = Touched::default();
        for tile in base / WIDTH..until / WIDTH {
            // What an earlier run wrote before it was cut short is whole.
            if self.tiles.has(tile) {
                continue;
            }
            let leaves = self.read(tile * WIDTH, 256)?;
            let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf.hash).collect();
            let bytes: Option<Vec<Vec<u8>>> = leaves.into_iter().map(|leaf| leaf.bytes).collect();
            self.tiles.write_leaves(tile, 0, &hashes, bytes.as_deref(), &mut touched)?;
        }
        self.tiles.write_above(until, &mut touched)?;
        let synced = touched.sync(&*self.disk);
        synced.map_err(|error| files::failed(&error, "tiles cannot be made durable"))?;
        self.state().segments.settle(until)?;
        Ok(until)
    }

    fn forget(&self, index: u64) -> Result<u64, Error> {
        let _one = self.settling();
        let settled = self.settle_whole()?;
        let whole = index.min(settled) / WIDTH * WIDTH;
        let before = self.state().minimum;
        if whole <= before {
            return Ok(0);
        }
        self.leave_segments(whole)?;
        let text = format!("{whole}\n");
        files::replace(&*self.disk, &self.folder.join("minimum"), text.as_bytes(), PRIVATE)
            .map_err(|error| files::failed(&error, "the minimum index cannot be written"))?;
        self.state().minimum = whole;
        self.remove_bundles(before / WIDTH..whole / WIDTH)?;
        Ok(whole - before)
    }

    // Ends what a crash within `forget` left: bytes that are there and count as gone.
    fn forget_rest(&self) -> Result<(), Error> {
        let minimum = self.state().minimum;
        if minimum == 0 {
            return Ok(());
        }
        if self.state().segments.reaches_below(minimum) {
            self.settle_whole()?;
            self.leave_segments(minimum)?;
        }
        // Bundles are removed from the first on, so that the rest are the last ones.
        let whole = minimum / WIDTH;
        let first = (0..whole).rev().take_while(|tile| self.has_bundle(*tile)).last();
        self.remove_bundles(first.unwrap_or(whole)..whole)
    }

    fn leave_segments(&self, index: u64) -> Result<(), Error> {
        let mut state = self.state();
        if state.segments.reaches_below(index) { state.segments.compact() } else { Ok(()) }
    }

    fn has_bundle(&self, tile: u64) -> bool {
        self.folder.join(crate::entries_path(tile, 0)).exists()
    }

    fn remove_bundles(&self, tiles: std::ops::Range<u64>) -> Result<(), Error> {
        let mut touched = Touched::default();
        for tile in tiles {
            self.tiles.remove_bundle(tile, &mut touched)?;
        }
        let synced = touched.sync(&*self.disk);
        synced.map_err(|error| files::failed(&error, "the log's folder cannot be synchronised"))
    }

    fn read(&self, start: u64, limit: usize) -> Result<Vec<StoredLeaf>, Error> {
        let (size, base) = {
            let state = self.state();
            (state.segments.size(), state.segments.base())
        };
        let end = size.min(start.saturating_add(limit as u64));
        let mut leaves = Vec::new();
        let mut at = start;
        while at < end.min(base) {
            let until = end.min(base).min((at / WIDTH + 1) * WIDTH);
            leaves.extend(self.read_tile(at, until)?);
            at = until;
        }
        if at < end {
            let places = {
                let state = self.state();
                if state.segments.base() > at {
                    // Moved into tiles meanwhile.
                    drop(state);
                    leaves.extend(self.read(at, usize::try_from(end - at).unwrap_or(0))?);
                    return Ok(leaves);
                }
                state.segments.places(at, usize::try_from(end - at).unwrap_or(0))
            };
            for place in places {
                let bytes = place.read()?;
                leaves.push(StoredLeaf { hash: leaf_hash(&bytes), bytes: Some(bytes) });
            }
        }
        Ok(leaves)
    }

    // Leaves of one tile.
    fn read_tile(&self, from: u64, to: u64) -> Result<Vec<StoredLeaf>, Error> {
        let tile = from / WIDTH;
        let hashes = self.tiles.hashes(0, tile, 0)?;
        let hashes = hashes.ok_or_else(|| damaged("a tile is missing"))?;
        let bundle = self.tiles.bundle(tile, 0)?;
        // Asked for after the bundle was: it may have been forgotten between.
        let is_gone = self.state().minimum > from;
        if bundle.is_none() && !is_gone {
            return Err(damaged("a bundle of entries is missing"));
        }
        let mut bundle = bundle.filter(|_| !is_gone);
        let (skip, take) = (from % WIDTH, to - from);
        let mut leaves = Vec::new();
        for (nth, hash) in (0..).zip(hashes) {
            if nth >= skip && nth < skip + take {
                let bytes = bundle
                    .as_mut()
                    .and_then(|bundle| bundle.get_mut(usize::try_from(nth).unwrap_or(usize::MAX)))
                    .map(std::mem::take);
                leaves.push(StoredLeaf { hash, bytes });
            }
        }
        Ok(leaves)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settling(&self) -> MutexGuard<'_, ()> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditStore for FolderAudit {
    fn store(&self) -> StoreKind {
        FOLDER
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async { Ok(Incarnation::new(FOLDER, self.identity)) })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async { Ok(self.state().segments.size()) })
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.state().segments.add(expected, leaves, checkpoint) })
    }

    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>> {
        Box::pin(async move { self.read(start, limit) })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(self.state().segments.checkpoint().map(str::to_owned)) })
    }

    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { self.forget(index) })
    }
}

fn lock(folder: &Path) -> Result<File, Error> {
    lock_file(&folder.join("lock"), "another process has this log open")
}

/// Holds a file's lock until the file is dropped.
pub(crate) fn lock_file(path: &Path, taken: &'static str) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(PRIVATE);
    let file = options.open(path);
    let file = file.map_err(|error| files::failed(&error, "the folder cannot be locked"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::new(ErrorKind::Conflict, FOLDER, taken)),
        Err(fs::TryLockError::Error(error)) => {
            Err(files::failed(&error, "the folder cannot be locked"))
        }
    }
}

// A random name and the place of the file that holds it: a copy lies elsewhere.
fn identity(disk: &dyn Disk, folder: &Path) -> Result<Digest, Error> {
    let sentence = "the folder's identity cannot be read or written";
    let path = folder.join("identity");
    let failed = |error: io::Error| files::failed(&error, sentence);
    if files::read(&path, 32, sentence)?.is_none() {
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        files::replace(disk, &path, &bytes, PRIVATE).map_err(failed)?;
    }
    let name = files::read(&path, 32, sentence)?.filter(|name| name.len() == 32);
    let name = name.ok_or_else(|| damaged("the folder's identity is damaged"))?;
    let about = fs::metadata(&path).map_err(failed)?;
    let place = [about.dev().to_be_bytes(), about.ino().to_be_bytes()].concat();
    Ok(sha256(&[&b"evanesce audit folder"[..], &name, &place].concat()))
}

fn minimum(folder: &Path) -> Result<u64, Error> {
    let Some(bytes) = files::read(&folder.join("minimum"), 21, "the minimum index cannot be read")?
    else {
        return Ok(0);
    };
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let number = text.and_then(|text| decimal(text).ok());
    number.ok_or_else(|| damaged("the minimum index is damaged"))
}
