use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Every operation with which this crate changes a disk. [`SystemDisk`] does them;
/// another implementation can count them, fail at one of them, or stop there as a
/// crash does, which is how the crash matrix in `tests/crash.rs` is made.
pub trait Disk: Send + Sync {
    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// What the operating system answers; the same holds for every other operation.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes an empty file, or empties it, for reading and writing.
    ///
    /// # Errors
    /// What the operating system answers.
    fn create(&self, path: &Path, mode: u32) -> io::Result<File>;

    /// Writes all bytes at a place of a file.
    ///
    /// # Errors
    /// What the operating system answers; a part may have been written.
    fn write(&self, path: &Path, file: &File, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Cuts a file to a length.
    ///
    /// # Errors
    /// What the operating system answers.
    fn cut(&self, path: &Path, file: &File, length: u64) -> io::Result<()>;

    /// Waits until what was written to a file is durable.
    ///
    /// # Errors
    /// What the operating system answers; what the disk holds is then unknown.
    fn sync(&self, path: &Path, file: &File) -> io::Result<()>;

    /// Waits until new, renamed and removed names in a folder are durable.
    ///
    /// # Errors
    /// What the operating system answers.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of what had it.
    ///
    /// # Errors
    /// What the operating system answers.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system answers.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disk of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).read(true).write(true).mode(mode).open(path)
    }

    fn write(&self, _: &Path, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn cut(&self, _: &Path, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&self, _: &Path, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
