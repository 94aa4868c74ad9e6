//! Tiles and bundles as files at their C2SP paths, as a static web server serves them.

use std::fs;
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evanesce_core::{Digest, Error, ErrorKind, StoreKind};

use crate::files::{self, PUBLIC, Touched};
use crate::tree::root_of;
use crate::{Disk, entries_path, tile_path};

/// How many hashes a whole tile has, and how many entries a whole bundle.
pub(crate) const WIDTH: u64 = 256;
const HASH: usize = 32;
const MOST_BUNDLE: u64 = WIDTH * (2 + u16::MAX as u64);

/// The tiles below one folder.
pub(crate) struct TileFiles {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl TileFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { disk, root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The hashes of a tile; `partial` is its width, 0 for a whole one.
    pub(crate) fn hashes(
        &self,
        level: u8,
        index: u64,
        partial: u8,
    ) -> Result<Option<Vec<Digest>>, Error> {
        let path = self.root.join(tile_path(level, index, partial));
        let Some(bytes) = files::read(&path, WIDTH * HASH as u64, "a tile cannot be read")? else {
            return Ok(None);
        };
        let (hashes, rest) = bytes.as_chunks::<HASH>();
        if hashes.len() != width(partial) || !rest.is_empty() {
            return Err(damaged("a tile has another length than its own"));
        }
        Ok(Some(hashes.iter().map(|hash| Digest::new(*hash)).collect()))
    }

    /// The entries of a bundle.
    pub(crate) fn bundle(&self, index: u64, partial: u8) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let path = self.root.join(entries_path(index, partial));
        let Some(bytes) = files::read(&path, MOST_BUNDLE, "a bundle cannot be read")? else {
            return Ok(None);
        };
        let entries = split(&bytes).filter(|entries| entries.len() == width(partial));
        entries.map(Some).ok_or_else(|| damaged("a bundle of entries is damaged"))
    }

    /// Whether the tile of leaf hashes is there.
    pub(crate) fn has(&self, index: u64) -> bool {
        self.root.join(tile_path(0, index, 0)).exists()
    }

    /// Writes the leaf hashes of a tile and, unless they were pruned, its entries.
    pub(crate) fn write_leaves(
        &self,
        index: u64,
        partial: u8,
        hashes: &[Digest],
        entries: Option<&[Vec<u8>]>,
        touched: &mut Touched,
    ) -> Result<(), Error> {
        // The bundle first: whoever finds the tile finds its entries.
        if let Some(entries) = entries {
            let bytes =
                join(entries).ok_or_else(|| damaged("an entry is too long for a bundle"))?;
            self.write(&entries_path(index, partial), &bytes, touched)?;
        }
        self.write(&tile_path(0, index, partial), &flat(hashes), touched)
    }

    /// Writes the whole tiles above the leaves that the leaf tiles of a range complete.
    pub(crate) fn write_above(&self, leaves: u64, touched: &mut Touched) -> Result<(), Error> {
        let mut tiles = leaves / WIDTH;
        for level in 1..8 {
            tiles /= WIDTH;
            // They are written in order, so that the search for the first that is
            // missing goes backwards and is short.
            let missing = |index: &u64| !self.root.join(tile_path(level, *index, 0)).exists();
            let first = (0..tiles).rev().take_while(missing).last().unwrap_or(tiles);
            for index in first..tiles {
                let hashes = self.children(level, index, WIDTH)?;
                self.write(&tile_path(level, index, 0), &flat(&hashes), touched)?;
            }
        }
        Ok(())
    }

    /// Writes the unfinished tiles above the leaves of a log of this size.
    pub(crate) fn write_partial_above(
        &self,
        size: u64,
        touched: &mut Touched,
    ) -> Result<(), Error> {
        let mut nodes = size / WIDTH;
        for level in 1..8 {
            let (index, rest) = (nodes / WIDTH, nodes % WIDTH);
            if let Ok(partial @ 1..) = u8::try_from(rest) {
                let hashes = self.children(level, index, rest)?;
                self.write(&tile_path(level, index, partial), &flat(&hashes), touched)?;
            }
            nodes /= WIDTH;
        }
        Ok(())
    }

    /// Removes the unfinished widths of a tile that is whole now.
    pub(crate) fn remove_partial(&self, path: &str, touched: &mut Touched) -> Result<(), Error> {
        let folder = self.root.join(format!("{path}.p"));
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            Err(error) if error.kind() == Io::NotFound => return Ok(()),
            Err(error) => return Err(files::failed(&error, "a folder cannot be read")),
        };
        for name in names.flatten() {
            self.drop_file(&name.path())?;
        }
        touched.note(&folder.join("1"), &self.root);
        Ok(())
    }

    /// Forgets the entries of a whole bundle, and says whether there were any.
    pub(crate) fn remove_bundle(&self, index: u64, touched: &mut Touched) -> Result<bool, Error> {
        let path = self.root.join(entries_path(index, 0));
        touched.note(&path, &self.root);
        self.remove_partial(&entries_path(index, 0), touched)?;
        self.drop_file(&path)
    }

    fn drop_file(&self, path: &Path) -> Result<bool, Error> {
        match self.disk.remove(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(files::failed(&error, "a file cannot be removed")),
        }
    }

    // The roots of the first tiles below a tile.
    fn children(&self, level: u8, index: u64, count: u64) -> Result<Vec<Digest>, Error> {
        let below = (index * WIDTH..).take(usize::try_from(count).unwrap_or(usize::MAX));
        let missing = || damaged("a tile is missing");
        below
            .map(|tile| {
                let hashes = self.hashes(level.saturating_sub(1), tile, 0)?;
                Ok(root_of(&hashes.ok_or_else(missing)?))
            })
            .collect()
    }

    fn write(&self, path: &str, bytes: &[u8], touched: &mut Touched) -> Result<(), Error> {
        let path = self.root.join(path);
        let written: io::Result<()> = (|| {
            self.disk.make_folder(files::parent(&path))?;
            files::put(&*self.disk, &path, bytes, PUBLIC)
        })();
        touched.note(&path, &self.root);
        written.map_err(|error| files::failed(&error, "a tile cannot be written"))
    }
}

/// A damaged file of the log.
pub(crate) const fn damaged(sentence: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, StoreKind::Folder, sentence)
}

const fn width(partial: u8) -> usize {
    if partial == 0 { 256 } else { partial as usize }
}

fn flat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

// C2SP tlog-tiles: each entry behind its length in two bytes.
fn join(entries: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}

fn split(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry.to_vec());
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bundle_is_read_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..9)) {
            prop_assert_eq!(split(&join(&entries).unwrap()), Some(entries));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(entries) = split(&bytes) {
                prop_assert_eq!(join(&entries), Some(bytes));
            }
        }
    }

    #[test]
    fn an_entry_that_its_length_cannot_tell_is_no_entry_of_a_bundle() {
        assert!(join(&[vec![0; 65_535]]).is_some());
        assert!(join(&[vec![0; 65_536]]).is_none());
    }
}
