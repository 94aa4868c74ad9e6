use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use evanesce_core::{BoxFuture, Error, ErrorKind, StoreKind};

use crate::WindowId;

const HEADING: &str = "evanesce spending v1";
// A day has 1,440 windows at most, each of under 48 bytes.
const MOST: u64 = 256 * 1024;

/// Which windows were released or are about to be, outside of the store that has the
/// ledger: if that goes back in time, by a restored backup or a promoted replica, its
/// ledger knows nothing of a release that readers have seen.
///
/// # Contract
/// A note is durable before `note` returns, and stands until it is retracted or its
/// window lies before `oldest`: a window whose key has died is never released again.
/// All nodes that release from one store need one keeper.
///
/// # Errors
/// `Corrupt` for what cannot be understood, which is never taken for "nothing noted".
pub trait SpendingKeeper: Send + Sync {
    /// Notes that a window is about to be released at this cost in millionths of epsilon,
    /// and may forget windows before `oldest`.
    fn note(
        &self,
        window: WindowId,
        micro_epsilon: u64,
        oldest: WindowId,
    ) -> BoxFuture<'_, Result<(), Error>>;

    /// What was noted of a window.
    fn noted(&self, window: WindowId) -> BoxFuture<'_, Result<Option<u64>, Error>>;

    /// Takes back a note of a release that certainly did not happen.
    fn retract(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>>;
}

/// Notes in this process: for tests, and for stores that do not outlive it.
#[derive(Default)]
pub struct MemorySpending(Mutex<BTreeMap<WindowId, u64>>);

impl MemorySpending {
    /// Nothing is noted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<WindowId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpendingKeeper for MemorySpending {
    fn note(
        &self,
        window: WindowId,
        micro_epsilon: u64,
        oldest: WindowId,
    ) -> BoxFuture<'_, Result<(), Error>> {
        let mut notes = self.notes();
        notes.retain(|noted, _| *noted >= oldest);
        notes.insert(window, micro_epsilon);
        Box::pin(std::future::ready(Ok(())))
    }

    fn noted(&self, window: WindowId) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        Box::pin(std::future::ready(Ok(self.notes().get(&window).copied())))
    }

    fn retract(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>> {
        self.notes().remove(&window);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Notes in a file, on another disk than the store's if it is to notice that the store's
/// disk went back. One process writes to it.
///
/// A heading, and for each window a line of its number and its cost, in the order of the
/// windows. It is replaced whole, so that a crash leaves the old one or the new one.
pub struct FileSpending {
    path: PathBuf,
    writing: Mutex<()>,
}

impl FileSpending {
    /// Keeps the notes in this file, whose folder must exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), writing: Mutex::new(()) }
    }

    fn read(&self) -> Result<BTreeMap<WindowId, u64>, Error> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == Io::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut text = String::new();
        file.take(MOST + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
        parse(&text).ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                StoreKind::Folder,
                "the notes of what is spent are damaged",
            )
        })
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<WindowId, u64>)) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = self.read()?;
        change(&mut notes);
        self.replace(&written(&notes)).map_err(|error| failed(&error))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        let beside = PathBuf::from(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        // The name is durable once its folder is.
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

impl SpendingKeeper for FileSpending {
    fn note(
        &self,
        window: WindowId,
        micro_epsilon: u64,
        oldest: WindowId,
    ) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.change(|notes| {
                notes.retain(|noted, _| *noted >= oldest);
                notes.insert(window, micro_epsilon);
            })
        })
    }

    fn noted(&self, window: WindowId) -> BoxFuture<'_, Result<Option<u64>, Error>> {
        Box::pin(async move { Ok(self.read()?.get(&window).copied()) })
    }

    fn retract(&self, window: WindowId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.change(|notes| {
                notes.remove(&window);
            })
        })
    }
}

fn written(notes: &BTreeMap<WindowId, u64>) -> String {
    let lines = notes.iter().map(|(window, cost)| format!("{} {cost}\n", window.0));
    format!("{HEADING}\n{}", lines.collect::<String>())
}

// There is one text for the same notes, and no other is read.
fn parse(text: &str) -> Option<BTreeMap<WindowId, u64>> {
    let lines = text.strip_prefix(HEADING)?.strip_prefix('\n')?;
    let mut notes = BTreeMap::new();
    for line in lines.split_terminator('\n') {
        let (window, cost) = line.split_once(' ')?;
        notes.insert(WindowId(window.parse().ok()?), cost.parse().ok()?);
    }
    (text.len() as u64 <= MOST && written(&notes) == text).then_some(notes)
}

fn failed(error: &io::Error) -> Error {
    let kind = match error.kind() {
        Io::InvalidData => ErrorKind::Corrupt,
        Io::PermissionDenied => ErrorKind::Refused,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, StoreKind::Folder, "what is spent cannot be noted in its file")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_notes_are_read() {
        let notes = BTreeMap::from([(WindowId(7), 250_000), (WindowId(9), 0)]);
        let text = written(&notes);
        assert_eq!(text, "evanesce spending v1\n7 250000\n9 0\n");
        assert_eq!(parse(&text), Some(notes));
        for end in 0..text.len() {
            let is_whole = text[..end].ends_with('\n') && end > HEADING.len();
            assert_eq!(parse(&text[..end]).is_some(), is_whole, "{end}");
        }
        for wrong in ["9 0\n7 1\n", "7 1\n7 1\n", "07 1\n", "7  1\n", "7 -1\n", "7 1 \n", "\n"] {
            assert_eq!(parse(&format!("{HEADING}\n{wrong}")), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(evanesce spending v1\n)?[0-9 \n]{0,60}") {
            if let Some(notes) = parse(&text) {
                prop_assert_eq!(written(&notes), text);
            }
        }
    }
}
