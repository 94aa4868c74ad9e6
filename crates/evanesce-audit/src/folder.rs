use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use evanesce_core::{BoxFuture, Code, Digest, Error, ErrorKind, Incarnation, StoreKind};
use evanesce_crypto::{random, sha256};

use crate::frames::{Frame, HEADER, Places, record_length};
use crate::memory::conflict;
use crate::{AuditStore, StoredLeaf, leaf_hash};

const FOLDER: StoreKind = StoreKind::Folder;

/// A log in a folder, the default of a service with one node: one file that only
/// grows, written and synchronised to disk before an append is answered.
///
/// One process at a time opens it. A record that a crash cut short is left out
/// and overwritten by the next append; whether it had been acknowledged is told
/// by the checkpoint that is kept elsewhere, which is why [`Log::open`](crate::Log::open)
/// asks for one. A damaged record with whole ones behind it is
/// [`ErrorKind::Corrupt`].
///
/// Its methods block for as long as the disk does; on a runtime whose threads
/// must not block, drive the log from one that may.
pub struct FolderAudit {
    folder: PathBuf,
    identity: Digest,
    state: Mutex<State>,
    // Holds the lock for as long as this lives.
    _lock: File,
}

struct State {
    file: File,
    // Up to here the file is whole.
    end: u64,
    leaves: Vec<Place>,
    // Where each record begins.
    records: Vec<u64>,
    checkpoint: Option<String>,
    // Whether half a record lies behind the whole ones.
    torn: bool,
    // After a failed synchronisation nobody knows what the disk holds.
    broken: bool,
}

struct Place {
    hash: Digest,
    bytes: Option<(u64, usize)>,
}

impl FolderAudit {
    /// Opens the log in a folder, or begins one there.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while another process has it open,
    /// [`ErrorKind::Corrupt`] for a damaged file, [`ErrorKind::Unavailable`] and
    /// [`ErrorKind::Exhausted`] with the errno for what the disk answers.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|e| disk(&e, "the folder cannot be made"))?;
        let lock = lock(folder)?;
        let identity = identity(folder)?;
        let file = log_file(folder)?;
        let state = scan(file)?;
        Ok(Self { folder: folder.to_owned(), identity, state: Mutex::new(state), _lock: lock })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, index: u64) -> Result<u64, Error> {
        let mut state = self.state();
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let gone = state.leaves.iter().take(index).filter(|leaf| leaf.bytes.is_some()).count();
        if gone == 0 {
            return Ok(0);
        }
        let failed = |e: &io::Error| disk(e, "the pruned log cannot be written");
        let (path, new) = (self.folder.join("log"), self.folder.join("log.new"));
        let mut file = create(&new).map_err(|e| failed(&e))?;
        file.write_all(HEADER).map_err(|e| failed(&e))?;
        for start in &state.records {
            let (mut frame, _) = state.frame(*start)?;
            for (leaf, at) in frame.leaves.iter_mut().zip(frame.first..) {
                if usize::try_from(at).is_ok_and(|at| at < index) {
                    leaf.bytes = None;
                }
            }
            let (record, _) = frame.encode().ok_or_else(corrupt)?;
            file.write_all(&record).map_err(|e| failed(&e))?;
        }
        file.sync_all().map_err(|e| failed(&e))?;
        fs::rename(&new, &path).map_err(|e| failed(&e))?;
        sync_folder(&self.folder)?;
        *state = scan(log_file(&self.folder)?)?;
        Ok(gone as u64)
    }
}

impl State {
    fn add(&mut self, expected: u64, leaves: &[Vec<u8>], checkpoint: &str) -> Result<(), Error> {
        if self.broken {
            return Err(Error::new(
                ErrorKind::Unavailable,
                FOLDER,
                "the disk failed; open the log again",
            ));
        }
        if self.leaves.len() as u64 != expected {
            return Err(conflict(FOLDER));
        }
        // Cut only now: before, the log was compared with the checkpoint kept elsewhere,
        // and what may be an acknowledged record is not thrown away.
        if self.torn {
            self.file.set_len(self.end).map_err(|e| disk(&e, "the log cannot be cut"))?;
            self.torn = false;
        }
        let stored =
            |bytes: &Vec<u8>| StoredLeaf { hash: leaf_hash(bytes), bytes: Some(bytes.clone()) };
        let leaves = leaves.iter().map(stored).collect();
        let frame = Frame { first: expected, checkpoint: checkpoint.to_owned(), leaves };
        let too_long = || Error::new(ErrorKind::Invalid, FOLDER, "one append is too long");
        let (record, places) = frame.encode().ok_or_else(too_long)?;
        if let Err(error) = self.file.write_all_at(&record, self.end) {
            // Half a record would be left out when it is read; without it there is less to explain.
            self.broken = self.file.set_len(self.end).is_err();
            return Err(disk(&error, "the log cannot be written"));
        }
        if let Err(error) = self.file.sync_data() {
            self.broken = true;
            let unconfirmed = "the disk did not confirm the write";
            return Err(Error::new(ErrorKind::Unconfirmed, FOLDER, unconfirmed)
                .with_code(Code::Os(error.raw_os_error().unwrap_or(0))));
        }
        self.take(frame, &places, record.len());
        Ok(())
    }

    // Adds a record that is whole on the disk.
    fn take(&mut self, frame: Frame, places: &Places, length: usize) {
        for (leaf, place) in frame.leaves.into_iter().zip(places) {
            let bytes = place.map(|(at, length)| (self.end + at as u64, length));
            self.leaves.push(Place { hash: leaf.hash, bytes });
        }
        self.records.push(self.end);
        self.end += length as u64;
        self.checkpoint = Some(frame.checkpoint);
    }

    fn read(&self, start: u64, limit: usize) -> Result<Vec<StoredLeaf>, Error> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let mut leaves = Vec::new();
        for place in self.leaves.iter().skip(start).take(limit) {
            let bytes = match place.bytes {
                None => None,
                Some((at, length)) => {
                    let mut bytes = vec![0; length];
                    self.file
                        .read_exact_at(&mut bytes, at)
                        .map_err(|e| disk(&e, "the log cannot be read"))?;
                    Some(bytes)
                }
            };
            leaves.push(StoredLeaf { hash: place.hash, bytes });
        }
        Ok(leaves)
    }

    fn frame(&self, start: u64) -> Result<(Frame, Places), Error> {
        let size = self.file.metadata().map_err(|e| disk(&e, "the log cannot be read"))?.len();
        let record = record(&self.file, start, size)?.ok_or_else(corrupt)?;
        Frame::decode(&record).ok_or_else(corrupt)
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
        Box::pin(async { Ok(self.state().leaves.len() as u64) })
    }

    fn append<'a>(
        &'a self,
        expected: u64,
        leaves: &'a [Vec<u8>],
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.state().add(expected, leaves, checkpoint) })
    }

    fn leaves(&self, start: u64, limit: usize) -> BoxFuture<'_, Result<Vec<StoredLeaf>, Error>> {
        Box::pin(async move { self.state().read(start, limit) })
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, Error>> {
        Box::pin(async { Ok(self.state().checkpoint.clone()) })
    }

    fn prune(&self, index: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { self.forget(index) })
    }
}

// Reads a file record by record up to its end or to a record that is not whole.
fn scan(file: File) -> Result<State, Error> {
    let size = file.metadata().map_err(|e| disk(&e, "the log cannot be read"))?.len();
    let mut state = State {
        file,
        end: HEADER.len() as u64,
        leaves: Vec::new(),
        records: Vec::new(),
        checkpoint: None,
        torn: false,
        broken: false,
    };
    while state.end < size {
        let whole = match record(&state.file, state.end, size)? {
            None => break,
            Some(record) => match Frame::decode(&record) {
                Some((frame, places)) => (frame, places, record.len()),
                // One write is on its way at a time: whole records behind a broken
                // one mean that it was whole before.
                None if is_record(&state.file, state.end + record.len() as u64, size)? => {
                    return Err(corrupt());
                }
                None => break,
            },
        };
        if whole.0.first != state.leaves.len() as u64 {
            return Err(corrupt());
        }
        state.take(whole.0, &whole.1, whole.2);
    }
    state.torn = state.end < size;
    Ok(state)
}

// The bytes of the record at a place, if the file is long enough for them.
fn record(file: &File, at: u64, size: u64) -> Result<Option<Vec<u8>>, Error> {
    let rest = size.saturating_sub(at);
    let failed = |e: io::Error| disk(&e, "the log cannot be read");
    if rest < 4 {
        return Ok(None);
    }
    let mut length = [0; 4];
    file.read_exact_at(&mut length, at).map_err(failed)?;
    let Some(length) = record_length(&length).filter(|length| *length as u64 <= rest) else {
        return Ok(None);
    };
    let mut record = vec![0; length];
    file.read_exact_at(&mut record, at).map_err(failed)?;
    Ok(Some(record))
}

fn is_record(file: &File, at: u64, size: u64) -> Result<bool, Error> {
    Ok(record(file, at, size)?.is_some_and(|record| Frame::decode(&record).is_some()))
}

fn lock(folder: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(folder.join("lock"));
    let file = file.map_err(|e| disk(&e, "the folder cannot be locked"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Conflict, FOLDER, "another process has this log open"))
        }
        Err(fs::TryLockError::Error(error)) => Err(disk(&error, "the folder cannot be locked")),
    }
}

// A random name and the place of the file that holds it: a copy lies elsewhere.
fn identity(folder: &Path) -> Result<Digest, Error> {
    let path = folder.join("identity");
    let failed = |e: &io::Error| disk(e, "the folder's identity cannot be read or written");
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == Io::NotFound => {
            let mut bytes = [0; 32];
            random(&mut bytes)?;
            let new = folder.join("identity.new");
            let mut file = create(&new).map_err(|e| failed(&e))?;
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
            fs::rename(&new, &path).map_err(|e| failed(&e))?;
            sync_folder(folder)?;
            File::open(&path).map_err(|e| failed(&e))?
        }
        Err(error) => return Err(failed(&error)),
    };
    let mut name = [0; 32];
    file.read_exact(&mut name).map_err(|e| failed(&e))?;
    let about = file.metadata().map_err(|e| failed(&e))?;
    let place = [about.dev().to_be_bytes(), about.ino().to_be_bytes()].concat();
    Ok(sha256(&[&b"evanesce audit folder"[..], &name, &place].concat()))
}

fn log_file(folder: &Path) -> Result<File, Error> {
    let failed = |e: &io::Error| disk(e, "the log cannot be opened");
    let path = folder.join("log");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let file = options.open(path).map_err(|e| failed(&e))?;
    let mut header = Vec::new();
    (&file).take(HEADER.len() as u64).read_to_end(&mut header).map_err(|e| failed(&e))?;
    if header.len() < HEADER.len() && HEADER.starts_with(&header) {
        file.write_all_at(HEADER, 0).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
        sync_folder(folder)?;
    } else if header != HEADER {
        return Err(corrupt());
    }
    Ok(file)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// Makes renamed and new files of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|e| disk(&e, "the folder cannot be synchronised"))
}

pub(crate) fn disk(error: &io::Error, sentence: &'static str) -> Error {
    let kind = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Exhausted,
        Io::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    let ours = Error::new(kind, FOLDER, sentence);
    error.raw_os_error().map_or(ours, |errno| ours.with_code(Code::Os(errno)))
}

fn corrupt() -> Error {
    Error::new(ErrorKind::Corrupt, FOLDER, "the log's file is damaged")
}
