use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use evanesce_memory::SecretBytes;

use crate::{CryptoError, Root, RootProvider, RootVersion};

/// Root keys in a file that this process may change: rotation and retirement that outlive it.
///
/// # Contract
/// A change is on disk before its method returns: the new file is written beside the old one,
/// flushed, and put in its place in one step, so that a crash leaves the old keys or the new ones
/// and never half a file. Every other process of the machine that has the file open through this
/// type uses the new keys from its next derivation on. When the file can't be read, no key is
/// given.
///
/// # Erasure
/// A retired version is gone from the file, and the blocks of the old file are overwritten with
/// zeros. What that is worth depends on what lies below: a file system that copies on write, a
/// solid-state disk, a snapshot or a backup may keep the old blocks. Where that matters, keep the
/// file in memory (`/run`, `/dev/shm`), on an encrypted volume whose key dies too, or the keys in
/// a key service behind [`RootProvider`].
///
/// ```
/// use evanesce_crypto::{RootFile, rewrap, unwrap, wrap};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("root");
/// let root = RootFile::create(&path)?;
/// # let secret = evanesce_crypto::random_secret(32)?;
/// let wrapped = wrap(&root, b"epoch", &secret)?;
///
/// // Routine: what was wrapped before goes over to the new version, then the old one ends.
/// root.rotate()?;
/// let newer = rewrap(&root, b"epoch", &wrapped)?;
/// root.retire(wrapped.version())?;
/// assert!(unwrap(&root, b"epoch", &wrapped).is_err());
///
/// // An emergency: nothing that was wrapped until now opens again.
/// root.retire_all()?;
/// assert!(unwrap(&root, b"epoch", &newer).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RootFile {
    path: PathBuf,
    held: RwLock<Held>,
}

struct Held {
    root: Root,
    mark: Mark,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Mark {
    changed: (i64, i64),
    device: u64,
    inode: u64,
    len: u64,
}

impl RootFile {
    /// Makes a key file of mode 0600 with a fresh key of version 1. An existing file is left
    /// alone.
    ///
    /// # Errors
    /// As [`Root::create_file`].
    pub fn create(path: &Path) -> Result<Self, CryptoError> {
        Root::create_file(path)?;
        Self::open(path)
    }

    /// Opens a key file as [`Root::from_file`] reads it.
    ///
    /// # Errors
    /// As [`Root::from_file`].
    pub fn open(path: &Path) -> Result<Self, CryptoError> {
        let held = Held::read(path)?;
        Ok(Self { path: path.to_owned(), held: RwLock::new(held) })
    }

    /// Adds a fresh key that new wrappings use; old versions go on to unwrap.
    ///
    /// # Errors
    /// [`CryptoError::KeyFile`] when the file can't be changed; it is then as it was.
    pub fn rotate(&self) -> Result<RootVersion, CryptoError> {
        self.change(Root::rotate)
    }

    /// Forgets a version, here and in the file: what was wrapped under it never opens again. The
    /// newest can't be retired.
    ///
    /// # Errors
    /// [`CryptoError::UnknownVersion`] when it is not there, or is the newest;
    /// [`CryptoError::KeyFile`] when the file can't be changed.
    pub fn retire(&self, version: RootVersion) -> Result<(), CryptoError> {
        self.change(|root| root.retire(version))
    }

    /// For an emergency: a fresh version and the end of all before it, in one change. Nothing
    /// that was wrapped until now opens again.
    ///
    /// # Errors
    /// As [`RootFile::rotate`].
    pub fn retire_all(&self) -> Result<RootVersion, CryptoError> {
        self.change(|root| {
            let fresh = root.rotate()?;
            let before: Vec<RootVersion> =
                root.versions().filter(|version| *version != fresh).collect();
            before.into_iter().try_for_each(|version| root.retire(version))?;
            Ok(fresh)
        })
    }

    /// The versions that open, ascending.
    ///
    /// # Errors
    /// As [`Root::from_file`], when the file changed.
    pub fn versions(&self) -> Result<Vec<RootVersion>, CryptoError> {
        self.with_newest(|root| Ok(root.versions().collect()))
    }

    fn change<R>(
        &self,
        change: impl FnOnce(&mut Root) -> Result<R, CryptoError>,
    ) -> Result<R, CryptoError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        // Two processes that change the file at once would each lose the other's keys.
        let _turn = lock_beside(&self.path)?;
        let mut root = Root::from_file(&self.path)?;
        let result = change(&mut root)?;
        replace(&self.path, &root)?;
        *held = Held { root, mark: Mark::of(&self.path)? };
        Ok(result)
    }

    fn with_newest<R>(
        &self,
        read: impl FnOnce(&Root) -> Result<R, CryptoError>,
    ) -> Result<R, CryptoError> {
        let mark = Mark::of(&self.path)?;
        {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            if held.mark == mark {
                return read(&held.root);
            }
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = Held::read(&self.path)?;
        read(&held.root)
    }
}

impl RootProvider for RootFile {
    fn current(&self) -> RootVersion {
        // A file that can't be read has no version; deriving then says why.
        self.with_newest(|root| Ok(root.current())).unwrap_or(RootVersion(0))
    }

    fn derive(
        &self,
        version: RootVersion,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        self.with_newest(|root| root.derive(version, context, len))
    }
}

impl Held {
    fn read(path: &Path) -> Result<Self, CryptoError> {
        // The mark first: a change between the two is then noticed at the next derivation.
        let mark = Mark::of(path)?;
        Ok(Self { root: Root::from_file(path)?, mark })
    }
}

impl Mark {
    fn of(path: &Path) -> Result<Self, CryptoError> {
        let about = fs::metadata(path).map_err(|_| CryptoError::KeyFile)?;
        Ok(Self {
            changed: (about.ctime(), about.ctime_nsec()),
            device: about.dev(),
            inode: about.ino(),
            len: about.len(),
        })
    }
}

/// The path with an ending of our own.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Held until the file is dropped, or the process ends.
fn lock_beside(path: &Path) -> Result<File, CryptoError> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(beside(path, ".lock"))
        .map_err(|_| CryptoError::KeyFile)?;
    lock.lock().map_err(|_| CryptoError::KeyFile)?;
    Ok(lock)
}

/// Puts a new file in the place of the old one and overwrites the old one's blocks.
fn replace(path: &Path, root: &Root) -> Result<(), CryptoError> {
    let failed = |_| CryptoError::KeyFile;
    let mut old = OpenOptions::new().write(true).open(path).map_err(failed)?;
    let next = beside(path, ".new");
    // What a crash may have left there holds keys.
    if let Ok(mut left) = OpenOptions::new().write(true).open(&next) {
        overwrite(&mut left)?;
        fs::remove_file(&next).map_err(failed)?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next).map_err(failed)?;
    file.write_all(root.lines().as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&next, path).map_err(failed)?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    overwrite(&mut old)
}

fn overwrite(file: &mut File) -> Result<(), CryptoError> {
    let len = file.metadata().map_err(|_| CryptoError::KeyFile)?.len();
    let zeros = vec![0; usize::try_from(len).map_err(|_| CryptoError::KeyFile)?];
    file.write_all(&zeros).and_then(|()| file.sync_all()).map_err(|_| CryptoError::KeyFile)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, sync::Arc};

    use super::*;
    use crate::{rewrap, unwrap, vectors::secret, wrap};

    fn fresh() -> (tempfile::TempDir, PathBuf, RootFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        let root = RootFile::create(&path).unwrap();
        (folder, path, root)
    }

    #[test]
    fn a_rotation_outlives_the_process() {
        let (_folder, path, root) = fresh();
        let wrapped = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert_eq!(root.rotate().unwrap(), RootVersion(2));
        let again = RootFile::open(&path).unwrap();
        assert_eq!(again.current(), RootVersion(2));
        assert!(unwrap(&again, b"epoch", &wrapped).unwrap().ct_eq(&secret(b"a secret")));
        let newer = rewrap(&again, b"epoch", &wrapped).unwrap();
        assert_eq!(newer.version(), RootVersion(2));
        assert!(unwrap(&root, b"epoch", &newer).unwrap().ct_eq(&secret(b"a secret")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_retired_version_opens_nothing_also_after_a_restart() {
        let (_folder, path, root) = fresh();
        let wrapped = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert_eq!(root.retire(RootVersion(1)), Err(CryptoError::UnknownVersion));
        root.rotate().unwrap();
        root.retire(RootVersion(1)).unwrap();
        let gone = Some(CryptoError::UnknownVersion);
        assert_eq!(unwrap(&root, b"epoch", &wrapped).err(), gone);
        let again = RootFile::open(&path).unwrap();
        assert_eq!(again.versions().unwrap(), [RootVersion(2)]);
        assert_eq!(unwrap(&again, b"epoch", &wrapped).err(), gone);
    }

    #[test]
    fn an_emergency_leaves_one_fresh_version() {
        let (_folder, path, root) = fresh();
        let first = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        root.rotate().unwrap();
        let second = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert_eq!(root.retire_all().unwrap(), RootVersion(3));
        for old in [first, second] {
            assert_eq!(unwrap(&root, b"epoch", &old).err(), Some(CryptoError::UnknownVersion));
        }
        assert_eq!(RootFile::open(&path).unwrap().versions().unwrap(), [RootVersion(3)]);
        let fresh = wrap(&root, b"epoch", &secret(b"a secret")).unwrap();
        assert!(unwrap(&root, b"epoch", &fresh).is_ok());
    }

    #[test]
    fn the_old_file_is_overwritten_and_no_other_keeps_its_key() {
        let (folder, path, root) = fresh();
        // A second name keeps the old file's blocks reachable for a look at them.
        let kept = folder.path().join("kept");
        fs::hard_link(&path, &kept).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let key = before.trim().strip_prefix("1:").unwrap();
        // A file that a crash left half-way is overwritten as well.
        let left = folder.path().join("root.new");
        fs::write(&left, &before).unwrap();
        let left_kept = folder.path().join("left");
        fs::hard_link(&left, &left_kept).unwrap();

        root.retire_all().unwrap();
        assert!(fs::read(&kept).unwrap().iter().all(|byte| *byte == 0));
        assert!(fs::read(&left_kept).unwrap().iter().all(|byte| *byte == 0));
        for entry in fs::read_dir(folder.path()).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains(key));
        }
        assert!(!left.exists());
    }

    #[test]
    fn another_process_sees_a_change_at_its_next_derivation() {
        let (_folder, path, root) = fresh();
        let other = RootFile::open(&path).unwrap();
        let wrapped = wrap(&other, b"epoch", &secret(b"a secret")).unwrap();
        root.retire_all().unwrap();
        assert_eq!(other.current(), RootVersion(2));
        assert_eq!(unwrap(&other, b"epoch", &wrapped).err(), Some(CryptoError::UnknownVersion));
        // Without a file there are no keys.
        fs::remove_file(&path).unwrap();
        let derived = other.derive(RootVersion(2), b"epoch", 32).err();
        assert_eq!(derived, Some(CryptoError::KeyFile));
        assert_eq!(wrap(&other, b"x", &secret(b"x")).err(), Some(CryptoError::KeyFile));
    }

    #[test]
    fn rotations_at_once_lose_no_key() {
        let (_folder, path, root) = fresh();
        let root = Arc::new(root);
        std::thread::scope(|scope| {
            for turn in 0..4 {
                let (root, path) = (Arc::clone(&root), &path);
                scope.spawn(move || {
                    let own = RootFile::open(path).unwrap();
                    for _ in 0..5 {
                        if turn % 2 == 0 {
                            root.rotate().unwrap()
                        } else {
                            own.rotate().unwrap()
                        };
                    }
                });
            }
        });
        assert_eq!(root.versions().unwrap().len(), 21);
        assert_eq!(root.current(), RootVersion(21));
    }

    #[test]
    fn an_exposed_or_spoilt_file_gives_no_key_and_is_not_changed() {
        let (_folder, path, root) = fresh();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = Some(CryptoError::KeyFileExposed);
        assert_eq!(root.derive(RootVersion(1), b"epoch", 32).err(), exposed);
        assert_eq!(root.rotate().err(), exposed);
        assert_eq!(RootFile::open(&path).err(), exposed);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        assert_eq!(root.derive(RootVersion(1), b"epoch", 32).err(), Some(CryptoError::KeyForm));
        assert_eq!(root.rotate().err(), Some(CryptoError::KeyForm));
        assert_eq!(fs::read_to_string(&path).unwrap(), "no key");
        assert_eq!(RootFile::create(&path).err(), Some(CryptoError::KeyFile));
    }
}
