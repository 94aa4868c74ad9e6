//! A disk that stops, fails or tears at its n-th operation.
#![allow(
    dead_code,
    clippy::unwrap_in_result,
    reason = "each test binary uses a part of this, and its own failures panic"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use evanesce_audit::{Disk, SystemDisk};

/// What happens at the n-th operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The process stops before it.
    Before,
    /// The process stops within it: the first half of the bytes arrive.
    FirstHalf,
    /// The process stops within it: a page at the end arrives, the ones before do not.
    LastPage,
    /// The machine stops after it: what was not synchronised is gone.
    PowerLoss,
    /// There is no space for it, nor for anything after until there is.
    Full,
    /// There is no space for more than half of its bytes.
    HalfFull,
}

/// What an operation needs, which says what can go wrong within it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Bytes, and space for them.
    Bytes,
    /// Nothing.
    Nothing,
    /// Space.
    Space,
}

impl Kind {
    /// The ways in which a process or a machine stops at such an operation. After one
    /// is before the next.
    pub(crate) fn stops(self) -> &'static [Fault] {
        match self {
            Self::Bytes => &[Fault::Before, Fault::FirstHalf, Fault::LastPage, Fault::PowerLoss],
            Self::Nothing | Self::Space => &[Fault::Before, Fault::PowerLoss],
        }
    }

    /// The ways in which a disk is full at it.
    pub(crate) fn full(self) -> &'static [Fault] {
        match self {
            Self::Bytes => &[Fault::Full, Fault::HalfFull],
            Self::Nothing => &[],
            Self::Space => &[Fault::Full],
        }
    }
}

/// How a [`FaultyDisk`] stops its process: by an error for ever after, or for real.
pub(crate) type Stop = Arc<dyn Fn() + Send + Sync>;

pub(crate) struct FaultyDisk {
    state: Mutex<State>,
    stop: Stop,
}

struct State {
    done: Vec<Kind>,
    at: usize,
    fault: Fault,
    is_dead: bool,
    is_full: bool,
    // What undoes what was not synchronised yet, newest last.
    unsynced: Vec<Undo>,
}

enum Undo {
    Bytes { path: PathBuf, at: u64, before: Vec<u8>, length: u64 },
    Name { folder: PathBuf, from: Option<PathBuf>, to: PathBuf, before: Option<Vec<u8>> },
}

impl FaultyDisk {
    /// A disk with a fault at operation `at`, counted from 0.
    pub(crate) fn new(at: usize, fault: Fault) -> Arc<Self> {
        Self::stopping(at, fault, Arc::new(|| {}))
    }

    /// The same, which calls `stop` when the process has to end.
    pub(crate) fn stopping(at: usize, fault: Fault, stop: Stop) -> Arc<Self> {
        let state = State {
            done: Vec::new(),
            at,
            fault,
            is_dead: false,
            is_full: false,
            unsynced: Vec::new(),
        };
        Arc::new(Self { state: Mutex::new(state), stop })
    }

    /// A disk without a fault, to count the operations of a workload.
    pub(crate) fn counting() -> Arc<Self> {
        Self::new(usize::MAX, Fault::Before)
    }

    /// The operations so far.
    pub(crate) fn done(&self) -> Vec<Kind> {
        self.state.lock().unwrap().done.clone()
    }

    /// Somebody made space.
    pub(crate) fn make_space(&self) {
        let mut state = self.state.lock().unwrap();
        (state.is_full, state.at) = (false, usize::MAX);
    }

    // One operation: `part` does a part of it, `whole` all of it.
    fn run<T>(
        &self,
        kind: Kind,
        part: impl FnOnce(Fault),
        whole: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state.lock().unwrap();
        if state.is_dead {
            return Err(io::Error::other("the process has ended"));
        }
        let needs_space = kind != Kind::Nothing;
        // A disk is full for the first operation that needs space, from `at` on.
        let is_due = match state.fault {
            Fault::Full | Fault::HalfFull => needs_space && state.done.len() >= state.at,
            _ => state.done.len() == state.at,
        };
        state.done.push(kind);
        if state.is_full && needs_space {
            return Err(full());
        }
        if !is_due {
            return whole(&mut state);
        }
        let result = match state.fault {
            Fault::Before => Err(io::Error::other("the process has ended")),
            Fault::FirstHalf | Fault::LastPage => {
                part(state.fault);
                Err(io::Error::other("the process has ended"))
            }
            Fault::PowerLoss => whole(&mut state),
            Fault::Full => {
                state.is_full = true;
                return Err(full());
            }
            Fault::HalfFull => {
                state.is_full = true;
                part(Fault::FirstHalf);
                return Err(full());
            }
        };
        if state.fault == Fault::PowerLoss {
            for undo in std::mem::take(&mut state.unsynced).into_iter().rev() {
                undo.run();
            }
        }
        state.is_dead = true;
        drop(state);
        (self.stop)();
        result.and(Err(io::Error::other("the process has ended")))
    }
}

fn full() -> io::Error {
    // ENOSPC
    io::Error::from_raw_os_error(28)
}

impl Undo {
    fn run(self) {
        match self {
            Self::Bytes { path, at, before, length } => {
                if let Ok(file) = File::options().write(true).open(path) {
                    file.write_all_at(&before, at).unwrap();
                    file.set_len(length).unwrap();
                }
            }
            Self::Name { from, to, before, .. } => {
                if let Some(from) = from {
                    fs::rename(&to, from).unwrap();
                }
                match before {
                    Some(bytes) => fs::write(&to, bytes).unwrap(),
                    None => drop(fs::remove_file(&to)),
                }
            }
        }
    }
}

fn bytes_before(path: &Path, file: &File, at: u64, length: usize) -> Undo {
    let size = file.metadata().unwrap().len();
    let kept = size.saturating_sub(at).min(length as u64);
    let mut before = vec![0; kept as usize];
    file.read_exact_at(&mut before, at).unwrap();
    Undo::Bytes { path: path.to_owned(), at, before, length: size }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap().to_owned()
}

impl Disk for FaultyDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.run(Kind::Space, |_| {}, |_| SystemDisk.make_folder(path))
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        self.run(
            Kind::Space,
            |_| {},
            |state| {
                let undo = Undo::Name {
                    folder: parent(path),
                    from: None,
                    to: path.to_owned(),
                    before: fs::read(path).ok(),
                };
                state.unsynced.push(undo);
                SystemDisk.create(path, mode)
            },
        )
    }

    fn write(&self, path: &Path, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let torn = |fault| {
            if fault == Fault::FirstHalf {
                file.write_all_at(&bytes[..bytes.len() / 2], at).unwrap();
            } else {
                let from = bytes.len().saturating_sub(1) / 512 * 512;
                file.write_all_at(&bytes[from..], at + from as u64).unwrap();
            }
        };
        self.run(Kind::Bytes, torn, |state| {
            state.unsynced.push(bytes_before(path, file, at, bytes.len()));
            SystemDisk.write(path, file, bytes, at)
        })
    }

    fn cut(&self, path: &Path, file: &File, length: u64) -> io::Result<()> {
        self.run(
            Kind::Nothing,
            |_| {},
            |state| {
                let size = file.metadata().unwrap().len();
                state.unsynced.push(bytes_before(path, file, length, (size - length) as usize));
                SystemDisk.cut(path, file, length)
            },
        )
    }

    fn sync(&self, path: &Path, file: &File) -> io::Result<()> {
        self.run(
            Kind::Nothing,
            |_| {},
            |state| {
                state
                    .unsynced
                    .retain(|undo| !matches!(undo, Undo::Bytes { path: p, .. } if p == path));
                SystemDisk.sync(path, file)
            },
        )
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.run(
            Kind::Nothing,
            |_| {},
            |state| {
                state
                    .unsynced
                    .retain(|undo| !matches!(undo, Undo::Name { folder, .. } if folder == path));
                SystemDisk.sync_folder(path)
            },
        )
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(
            Kind::Nothing,
            |_| {},
            |state| {
                // The file that was made goes with its name.
                state.unsynced.retain(
                    |undo| !matches!(undo, Undo::Name { from: None, to, .. } if to == from),
                );
                state.unsynced.push(Undo::Name {
                    folder: parent(to),
                    from: Some(from.to_owned()),
                    to: to.to_owned(),
                    before: fs::read(to).ok(),
                });
                SystemDisk.rename(from, to)
            },
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(
            Kind::Nothing,
            |_| {},
            |state| {
                let before = fs::read(path).ok();
                let result = SystemDisk.remove(path);
                if result.is_ok() {
                    state.unsynced.push(Undo::Name {
                        folder: parent(path),
                        from: None,
                        to: path.to_owned(),
                        before,
                    });
                }
                result
            },
        )
    }
}
