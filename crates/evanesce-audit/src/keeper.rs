use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use evanesce_core::{BoxFuture, Error, ErrorKind, StoreKind};

use crate::files::{self, PRIVATE};
use crate::memory::is_newer;
use crate::{CheckpointKeeper, Disk, SystemDisk};

// A checkpoint has under 400 bytes, cosignatures of witnesses included under 64 KiB.
const MOST: u64 = 64 * 1024;

/// The newest checkpoint in a file: on another disk than the log's, if it is to
/// notice that the log's disk went back in time. One process writes to it; each
/// node of a shared log has a file of its own.
pub struct FileKeeper {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    // One writer of the file beside at a time.
    writing: Mutex<()>,
}

impl FileKeeper {
    /// Keeps the checkpoint in this file, whose folder must exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self::new_on(Arc::new(SystemDisk), path)
    }

    /// The same on another [`Disk`].
    #[must_use]
    pub fn new_on(disk: Arc<dyn Disk>, path: &Path) -> Self {
        Self { disk, path: path.to_owned(), writing: Mutex::new(()) }
    }

    fn read(&self) -> Result<Option<String>, Error> {
        let Some(bytes) = files::read(&self.path, MOST, "the kept checkpoint cannot be read")?
        else {
            return Ok(None);
        };
        let corrupt =
            Error::new(ErrorKind::Corrupt, StoreKind::Folder, "the kept checkpoint is damaged");
        String::from_utf8(bytes).map(Some).map_err(|_| corrupt)
    }

    fn write(&self, checkpoint: &str) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_newer(checkpoint, self.read()?.as_deref(), StoreKind::Folder)? {
            return Ok(());
        }
        files::replace(&*self.disk, &self.path, checkpoint.as_bytes(), PRIVATE)
            .map_err(|error| files::failed(&error, "the checkpoint cannot be kept"))
    }
}

impl CheckpointKeeper for FileKeeper {
    fn newest(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { self.read() })
    }

    fn keep<'a>(&'a self, checkpoint: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.write(checkpoint) })
    }
}
