//! Whole small files: read with a bound, replaced so that a reader and a crash see
//! the old one or the new one and nothing between.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind as Io, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use evanesce_core::{Code, Error, ErrorKind, StoreKind};

use crate::Disk;

/// For this user alone.
pub(crate) const PRIVATE: u32 = 0o600;
/// For whoever may read the log, such as a web server.
pub(crate) const PUBLIC: u32 = 0o644;

/// The bytes of a file, `None` if there is none.
pub(crate) fn read(
    path: &Path,
    most: u64,
    sentence: &'static str,
) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error, sentence)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| failed(&error, sentence))?;
    if bytes.len() as u64 > most {
        return Err(Error::new(ErrorKind::Corrupt, StoreKind::Folder, sentence));
    }
    Ok(Some(bytes))
}

/// Writes a file under another name, makes it durable and gives it its own. The
/// name is durable once its folder was synchronised.
pub(crate) fn put(disk: &dyn Disk, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = beside(path);
    let file = disk.create(&new, mode)?;
    disk.write(&new, &file, bytes, 0)?;
    disk.sync(&new, &file)?;
    disk.rename(&new, path)
}

/// [`put`] and the synchronisation of the folder.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    put(disk, path, bytes, mode)?;
    disk.sync_folder(parent(path))
}

// Where a file lies while it is written. Half of one may stay there after a crash. Two
// that write the same file at once are not to write into each other's.
fn beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", NEXT.fetch_add(1, Ordering::Relaxed)));
    name.into()
}

/// The folder that a file lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Folders whose names changed and are not durable yet.
#[derive(Default)]
pub(crate) struct Touched(BTreeSet<PathBuf>);

impl Touched {
    /// Notes the folder of a file and those above it up to `root`.
    pub(crate) fn note(&mut self, file: &Path, root: &Path) {
        for folder in file.ancestors().skip(1) {
            if folder.starts_with(root) {
                self.0.insert(folder.to_owned());
            }
        }
    }

    /// Makes their names durable.
    pub(crate) fn sync(self, disk: &dyn Disk) -> io::Result<()> {
        self.0.iter().try_for_each(|folder| disk.sync_folder(folder))
    }
}

/// The disk's answer as ours.
pub(crate) fn failed(error: &io::Error, sentence: &'static str) -> Error {
    let kind = match error.kind() {
        Io::FileTooLarge | Io::QuotaExceeded | Io::StorageFull => ErrorKind::Exhausted,
        Io::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    let ours = Error::new(kind, StoreKind::Folder, sentence);
    error.raw_os_error().map_or(ours, |errno| ours.with_code(Code::Os(errno)))
}
