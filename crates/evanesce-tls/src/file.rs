use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

/// Certificates and keys are a few kilobytes; a whole bundle of roots is about 200.
const MAX: u64 = 1 << 20;

/// Why a file was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FileError {
    Exposed,
    Unreadable,
}

/// The bytes of a file that anybody may read.
pub(crate) fn read_public(path: &Path) -> Result<Vec<u8>, FileError> {
    let (file, metadata) = open(path)?;
    let mut bytes = Vec::new();
    fill(file, &metadata, &mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file that only its owner may read. The mode is that of the open
/// file, so that nobody can exchange it between the question and the reading.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (file, metadata) = open(path)?;
    if is_exposed(&metadata) {
        return Err(FileError::Exposed);
    }
    // Capacity for all of it at once: a buffer that grows leaves copies behind.
    let capacity = usize::try_from(metadata.len().min(MAX)).unwrap_or(0).saturating_add(64);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    fill(file, &metadata, &mut bytes)?;
    Ok(bytes)
}

fn open(path: &Path) -> Result<(File, Metadata), FileError> {
    // A pipe or a device would block or never end.
    if !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return Err(FileError::Unreadable);
    }
    let file = File::open(path).map_err(|_| FileError::Unreadable)?;
    let metadata = file.metadata().map_err(|_| FileError::Unreadable)?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(FileError::Unreadable) }
}

fn fill(file: File, metadata: &Metadata, bytes: &mut Vec<u8>) -> Result<(), FileError> {
    if metadata.len() > MAX {
        return Err(FileError::Unreadable);
    }
    file.take(metadata.len()).read_to_end(bytes).map_err(|_| FileError::Unreadable)?;
    Ok(())
}

#[cfg(unix)]
fn is_exposed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden != 0
}

#[cfg(not(unix))]
const fn is_exposed(_: &Metadata) -> bool {
    false
}
