use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use evanesce_core::{BoxFuture, Code, Digest, Error, ErrorKind, Incarnation, StoreKind, Timestamp};
use evanesce_crypto::{random, sha256};

use crate::{ErasureJournal, SealedJob};

const HEADER: &[u8; 8] = b"evjob\0\0\x01";
// Larger than any envelope.
const MOST: u64 = 2 << 20;

/// A journal in a folder: one file for each open job, synchronised to disk before
/// `put` answers, removed by `done`. So an erasure is remembered where neither the
/// database nor the audit log can be reached.
///
/// Several processes may share a folder. The methods block for as long as the
/// disk does. What a removed file's blocks hold until they are used again, and what
/// a crash leaves in a file that ends with `new`, is ciphertext under the service's
/// root.
pub struct FolderJournal {
    folder: PathBuf,
}

impl FolderJournal {
    /// Opens the journal in a folder, or begins one there.
    ///
    /// # Errors
    /// What the disk answers, with its errno.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| disk(&e, "the journal's folder cannot be made"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn add(&self, job: &SealedJob) -> Result<(), Error> {
        let path = self.path(&job.id);
        let failed = |e: &io::Error| disk(e, "the job cannot be written");
        if path.try_exists().map_err(|e| failed(&e))? {
            return self.sync();
        }
        // A name of its own, so that two nodes that put the same job do not write into
        // one file; a link, because unlike a renaming it never replaces.
        let mut chance = [0; 8];
        random(&mut chance)?;
        let new = path.with_extension(format!("{:016x}.new", u64::from_be_bytes(chance)));
        let mut options = OpenOptions::new();
        options.create_new(true).write(true).mode(0o600);
        let mut file = options.open(&new).map_err(|e| failed(&e))?;
        let requested = job.requested.as_millis().to_be_bytes();
        let bytes = [&HEADER[..], &requested, &job.sealed].concat();
        let linked = file
            .write_all(&bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::hard_link(&new, &path));
        let removed = fs::remove_file(&new);
        match linked {
            Err(error) if error.kind() == Io::AlreadyExists => {}
            other => other.and(removed).map_err(|e| failed(&e))?,
        }
        self.sync()
    }

    fn list(&self, limit: usize) -> Result<Vec<SealedJob>, Error> {
        let failed = |e: &io::Error| disk(e, "the journal cannot be read");
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|e| failed(&e))? {
            let name = entry.map_err(|e| failed(&e))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".job"));
            let Some(Ok(id)) = id.map(str::parse::<Digest>) else { continue };
            match self.read(id) {
                Ok(Some(job)) => jobs.push(job),
                // Taken off meanwhile.
                Ok(None) => {}
                Err(error) => return Err(error),
            }
        }
        jobs.sort_unstable_by_key(|job| (job.requested, job.id));
        jobs.truncate(limit);
        Ok(jobs)
    }

    fn read(&self, id: Digest) -> Result<Option<SealedJob>, Error> {
        let failed = |e: &io::Error| disk(e, "a job cannot be read");
        let file = match File::open(self.path(&id)) {
            Ok(file) => file,
            Err(error) if error.kind() == Io::NotFound => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
        let rest = bytes.strip_prefix(HEADER).and_then(|rest| rest.split_first_chunk());
        let damaged = Error::new(ErrorKind::Corrupt, StoreKind::Folder, "a job's file is damaged");
        let (requested, sealed) = rest.ok_or(damaged)?;
        let requested = Timestamp::from_millis(u64::from_be_bytes(*requested));
        Ok(Some(SealedJob { id, requested, sealed: sealed.to_vec() }))
    }

    fn remove(&self, id: &Digest) -> Result<(), Error> {
        match fs::remove_file(self.path(id)) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == Io::NotFound => Ok(()),
            Err(error) => Err(disk(&error, "a job cannot be removed")),
        }
    }

    fn path(&self, id: &Digest) -> PathBuf {
        self.folder.join(format!("{id}.job"))
    }

    fn sync(&self) -> Result<(), Error> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| {
            let sentence = "the disk did not confirm the journal";
            let error = disk(&error, sentence);
            let unconfirmed = Error::new(ErrorKind::Unconfirmed, StoreKind::Folder, sentence);
            error.code().map_or(unconfirmed, |code| unconfirmed.with_code(code))
        })
    }
}

impl ErasureJournal for FolderJournal {
    fn store(&self) -> StoreKind {
        StoreKind::Folder
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async {
            let about = fs::metadata(&self.folder)
                .map_err(|e| disk(&e, "the journal's folder cannot be read"))?;
            let place = [about.dev().to_be_bytes(), about.ino().to_be_bytes()].concat();
            let digest = sha256(&[&b"evanesce journal folder"[..], &place].concat());
            Ok(Incarnation::new(StoreKind::Folder, digest))
        })
    }

    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.add(job) })
    }

    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>> {
        Box::pin(async move { self.list(limit) })
    }

    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.remove(id) })
    }
}

fn disk(error: &io::Error, sentence: &'static str) -> Error {
    let kind = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Exhausted,
        Io::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    let ours = Error::new(kind, StoreKind::Folder, sentence);
    error.raw_os_error().map_or(ours, |errno| ours.with_code(Code::Os(errno)))
}
