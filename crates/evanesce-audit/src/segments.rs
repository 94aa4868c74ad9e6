//! The newest leaves of a folder's log: segments of records, written and
//! synchronised before an append is answered, until their whole tiles lie in files.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evanesce_core::{Code, Error, ErrorKind, StoreKind};

use crate::Disk;
use crate::files::{self, PRIVATE};
use crate::frames::{Frame, HEADER, encode, record_length};
use crate::memory::conflict;
use crate::tilefiles::damaged;

// A segment that has grown past this is followed by another.
const SEGMENT: u64 = 8 << 20;
// Room is made in steps, so that most writes change no length of the file and
// their synchronisation is that of their own bytes.
const STEP: u64 = 1 << 20;
// How many leaves that move to another segment share a record.
const CHUNK: usize = 128;

/// Leaves that are not in tiles yet, and those behind them that are.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    // Oldest first; the last is written to.
    segments: Vec<Segment>,
    // The first leaf of `leaves`.
    base: u64,
    leaves: Vec<Place>,
    checkpoint: Option<String>,
    // After a failed synchronisation nobody knows what the disk holds.
    broken: bool,
}

struct Segment {
    first: u64,
    path: PathBuf,
    file: Arc<File>,
    // Up to here the file is whole.
    end: u64,
    // Up to here it has room.
    room: u64,
    // Whether half a record lies behind the whole ones.
    torn: bool,
}

/// Where the bytes of a leaf lie.
#[derive(Clone)]
pub(crate) struct Place {
    file: Arc<File>,
    at: u64,
    length: u32,
}

impl Place {
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.length as usize];
        let read = self.file.read_exact_at(&mut bytes, self.at);
        read.map_err(|error| files::failed(&error, "the log cannot be read"))?;
        Ok(bytes)
    }
}

impl Segments {
    /// Reads the segments of a folder, or begins the first one.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, Error> {
        let failed = |error: &io::Error| files::failed(error, "the log cannot be opened");
        disk.make_folder(folder).map_err(|error| failed(&error))?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| failed(&error))?.flatten() {
            match name_of(&entry.path()) {
                Some(first) => paths.push((first, entry.path())),
                // What a crash left half written.
                None if entry.path().extension().is_some_and(|end| end == "new") => {
                    disk.remove(&entry.path()).map_err(|error| failed(&error))?;
                }
                None => return Err(damaged("the log's folder holds a foreign file")),
            }
        }
        paths.sort();
        let mut all = Self {
            disk,
            folder: folder.to_owned(),
            segments: Vec::new(),
            base: paths.first().map_or(0, |(first, _)| *first),
            leaves: Vec::new(),
            checkpoint: None,
            broken: false,
        };
        for (first, path) in paths {
            all.load(first, path)?;
        }
        if all.segments.is_empty() {
            all.begin(0, &[])?;
        }
        Ok(all)
    }

    /// How many leaves the log has.
    pub(crate) fn size(&self) -> u64 {
        self.base + self.leaves.len() as u64
    }

    /// The first leaf whose bytes are here.
    pub(crate) const fn base(&self) -> u64 {
        self.base
    }

    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    /// Where some leaves lie, from one that is here.
    pub(crate) fn places(&self, start: u64, limit: usize) -> Vec<Place> {
        let start = usize::try_from(start.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.leaves.iter().skip(start).take(limit).cloned().collect()
    }

    /// Adds leaves behind the `expected` ones that are there, durably.
    pub(crate) fn add(
        &mut self,
        expected: u64,
        leaves: &[Vec<u8>],
        checkpoint: &str,
    ) -> Result<(), Error> {
        if self.broken {
            let sentence = "the disk failed; open the log again";
            return Err(Error::new(ErrorKind::Unavailable, StoreKind::Folder, sentence));
        }
        if self.size() != expected {
            return Err(conflict(StoreKind::Folder));
        }
        let invalid = |sentence| Error::new(ErrorKind::Invalid, StoreKind::Folder, sentence);
        if leaves.iter().any(|leaf| leaf.len() > usize::from(u16::MAX)) {
            return Err(invalid("one leaf is too long"));
        }
        let record = encode(expected, leaves, checkpoint);
        let (record, places) = record.ok_or_else(|| invalid("one append is too long"))?;
        if self.segments.last().is_none_or(|segment| segment.end >= SEGMENT) {
            self.begin(expected, &[])?;
        }
        let Some(segment) = self.segments.last_mut() else {
            return Err(conflict(StoreKind::Folder));
        };
        let start = segment.end;
        if let Err(error) = segment.write(&*self.disk, record) {
            self.broken = segment.torn && segment.mend(&*self.disk).is_err();
            return Err(files::failed(&error, "the log cannot be written"));
        }
        if let Err(error) = self.disk.sync(&segment.path, &segment.file) {
            self.broken = true;
            let unconfirmed = "the disk did not confirm the write";
            return Err(Error::new(ErrorKind::Unconfirmed, StoreKind::Folder, unconfirmed)
                .with_code(Code::Os(error.raw_os_error().unwrap_or(0))));
        }
        let file = Arc::clone(&segment.file);
        self.take(&file, start, &places);
        self.checkpoint = Some(checkpoint.to_owned());
        Ok(())
    }

    /// Lets go of the leaves before `until`, which lie in tiles, and of the segments
    /// that hold nothing else.
    pub(crate) fn settle(&mut self, until: u64) -> Result<(), Error> {
        let gone = until.min(self.size()).saturating_sub(self.base);
        self.leaves.drain(..usize::try_from(gone).unwrap_or(0));
        self.base += gone;
        let keep = self.segments.iter().skip(1).take_while(|next| next.first <= until).count();
        self.remove(keep)
    }

    /// Whether a segment still has bytes of leaves before `index`.
    pub(crate) fn reaches_below(&self, index: u64) -> bool {
        self.segments.first().is_some_and(|segment| segment.first < index)
    }

    /// Moves what is not in tiles into a segment of its own, so that nothing before
    /// the first of them has bytes here any more.
    pub(crate) fn compact(&mut self) -> Result<(), Error> {
        let rest: Result<Vec<Vec<u8>>, Error> = self.leaves.iter().map(Place::read).collect();
        self.begin(self.base, &rest?)?;
        self.remove(self.segments.len().saturating_sub(1))
    }

    // Begins a segment, with the leaves from `first` on if there are any.
    fn begin(&mut self, first: u64, leaves: &[Vec<u8>]) -> Result<(), Error> {
        let failed = |error: io::Error| files::failed(&error, "a segment cannot be begun");
        let mut bytes = HEADER.to_vec();
        let mut records = Vec::new();
        // The newest checkpoint goes with the log wherever it goes on.
        if let Some(checkpoint) = self.checkpoint.as_deref() {
            let mut at = first;
            let none = leaves.is_empty().then_some(&[][..]);
            for chunk in leaves.chunks(CHUNK).chain(none) {
                let (record, places) = encode(at, chunk, checkpoint)
                    .ok_or_else(|| damaged("leaves do not fit into a record"))?;
                records.push((bytes.len() as u64, places));
                bytes.extend_from_slice(&record);
                at += chunk.len() as u64;
            }
        }
        let path = self.folder.join(format!("{first:020}"));
        files::replace(&*self.disk, &path, &bytes, PRIVATE).map_err(failed)?;
        let file = Arc::new(writable(&path).map_err(failed)?);
        let end = bytes.len() as u64;
        self.leaves.truncate(usize::try_from(first - self.base).unwrap_or(usize::MAX));
        for (start, places) in records {
            self.take(&file, start, &places);
        }
        self.segments.push(Segment { first, path, file, end, room: end, torn: false });
        Ok(())
    }

    fn take(&mut self, file: &Arc<File>, start: u64, places: &[(usize, u32)]) {
        self.leaves.extend(places.iter().map(|(at, length)| Place {
            file: Arc::clone(file),
            at: start + *at as u64,
            length: *length,
        }));
    }

    fn remove(&mut self, count: usize) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        let failed = |error: io::Error| files::failed(&error, "a segment cannot be removed");
        for segment in self.segments.drain(..count) {
            self.disk.remove(&segment.path).map_err(failed)?;
        }
        self.disk.sync_folder(&self.folder).map_err(failed)
    }

    // Reads one segment. What the one before holds behind its beginning is here too.
    fn load(&mut self, first: u64, path: PathBuf) -> Result<(), Error> {
        if first > self.size() {
            return Err(damaged("the log has a gap"));
        }
        let failed = |error: io::Error| files::failed(&error, "the log cannot be read");
        let file = Arc::new(writable(&path).map_err(failed)?);
        let size = file.metadata().map_err(failed)?.len();
        let mut header = [0; HEADER.len()];
        if size < HEADER.len() as u64 {
            return Err(damaged("a segment of the log has no beginning"));
        }
        file.read_exact_at(&mut header, 0).map_err(failed)?;
        if header != *HEADER {
            return Err(damaged("a segment of the log has another beginning"));
        }
        self.leaves.truncate(usize::try_from(first - self.base).unwrap_or(usize::MAX));
        let mut end = header.len() as u64;
        while let Some((frame, length)) = whole(&file, end, size)? {
            if frame.first != self.size() {
                return Err(damaged("the records of the log do not follow each other"));
            }
            self.take(&file, end, &frame.places);
            self.checkpoint = Some(frame.checkpoint);
            end += length as u64;
        }
        let torn = !is_empty(&file, end, size).map_err(failed)?;
        self.segments.push(Segment { first, path, file, end, room: size, torn });
        Ok(())
    }
}

impl Segment {
    // Writes a record at the end, and the room for those that follow where it ends.
    fn write(&mut self, disk: &dyn Disk, mut record: Vec<u8>) -> io::Result<()> {
        // Cut only now: before, the log was compared with the checkpoint kept elsewhere,
        // and what may be an acknowledged record is not thrown away.
        if self.torn {
            self.mend(disk)?;
        }
        let length = record.len();
        let end = self.end + length as u64;
        let room = end.next_multiple_of(STEP);
        self.torn = true;
        if end > self.room {
            record.resize(length + usize::try_from(room - end).unwrap_or(0), 0);
            if disk.write(&self.path, &self.file, &record, self.end).is_ok() {
                (self.end, self.room, self.torn) = (end, room, false);
                return Ok(());
            }
            // A disk that has no room for what follows may have it for this.
            record.truncate(length);
            self.mend(disk)?;
            self.torn = true;
        }
        disk.write(&self.path, &self.file, &record, self.end)?;
        (self.end, self.room, self.torn) = (end, self.room.max(end), false);
        Ok(())
    }

    // Cuts off what lies behind the whole records.
    fn mend(&mut self, disk: &dyn Disk) -> io::Result<()> {
        disk.cut(&self.path, &self.file, self.end)?;
        (self.room, self.torn) = (self.end, false);
        Ok(())
    }
}

// The whole record at a place, unless the log ends there.
fn whole(file: &File, at: u64, size: u64) -> Result<Option<(Frame, usize)>, Error> {
    let Some(bytes) = record(file, at, size)? else { return Ok(None) };
    if let Some(frame) = Frame::decode(&bytes) {
        return Ok(Some((frame, bytes.len())));
    }
    // One write is on its way at a time: whole records behind a broken one mean that
    // it was whole before.
    let behind = record(file, at + bytes.len() as u64, size)?;
    if behind.is_some_and(|bytes| Frame::decode(&bytes).is_some()) {
        return Err(damaged("a record of the log is damaged"));
    }
    Ok(None)
}

// The bytes of the record at a place, if the file is long enough for them.
fn record(file: &File, at: u64, size: u64) -> Result<Option<Vec<u8>>, Error> {
    let failed = |error: io::Error| files::failed(&error, "the log cannot be read");
    let rest = size.saturating_sub(at);
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

fn is_empty(file: &File, mut at: u64, size: u64) -> io::Result<bool> {
    let zeros = vec![0; 64 << 10];
    let mut bytes = zeros.clone();
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(usize::MAX).min(bytes.len());
        let Some(part) = bytes.get_mut(..length) else { break };
        file.read_exact_at(part, at)?;
        if zeros.get(..length) != Some(&*part) {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}

fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

// A segment is named by its first leaf, in 20 digits.
fn name_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let plain = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| plain)
}
