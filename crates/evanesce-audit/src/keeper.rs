use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Io, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use evanesce_core::{BoxFuture, Error, ErrorKind, StoreKind};

use crate::CheckpointKeeper;
use crate::folder::{disk, sync_folder};
use crate::memory::is_newer;

// A checkpoint has under 400 bytes, cosignatures of witnesses included under 64 KiB.
const MOST: u64 = 64 * 1024;

/// The newest checkpoint in a file: on another disk than the log's, if it is to
/// notice that the log's disk went back in time. One process writes to it; each
/// node of a shared log has a file of its own.
pub struct FileKeeper {
    path: PathBuf,
    // One writer of the file beside at a time.
    writing: Mutex<()>,
}

impl FileKeeper {
    /// Keeps the checkpoint in this file, whose folder must exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), writing: Mutex::new(()) }
    }

    fn read(&self) -> Result<Option<String>, Error> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == Io::NotFound => return Ok(None),
            Err(error) => return Err(disk(&error, "the kept checkpoint cannot be read")),
        };
        let mut bytes = Vec::new();
        file.take(MOST + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| disk(&e, "the kept checkpoint cannot be read"))?;
        let corrupt =
            Error::new(ErrorKind::Corrupt, StoreKind::Folder, "the kept checkpoint is damaged");
        if bytes.len() as u64 > MOST {
            return Err(corrupt);
        }
        String::from_utf8(bytes).map(Some).map_err(|_| corrupt)
    }

    fn write(&self, checkpoint: &str) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_newer(checkpoint, self.read()?.as_deref(), StoreKind::Folder)? {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        options
            .open(&new)
            .and_then(|mut file| {
                file.write_all(checkpoint.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(|e| disk(&e, "the checkpoint cannot be kept"))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
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
