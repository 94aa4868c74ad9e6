use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry};
use evanesce_core::{
    BoxFuture, Clock, Code, DataClass, Error, ErrorKind, Label, StoreKind, Timestamp,
};

use crate::{SweepJob, SweepReport};

// Deeper trees are not what programs make of temporary files; what lies there is a
// failure that is reported, not a folder that is left out in silence.
const DEPTH: usize = 16;

/// Deletes files of a folder that are older than an age.
///
/// The folder is held open, and everything is deleted relative to it and without
/// following links: a link is itself deleted when it is old, and what it points to
/// is left alone. A folder that became empty stays.
pub struct TemporaryFiles {
    folder: Dir,
    age: Duration,
    clock: Arc<dyn Clock>,
}

impl TemporaryFiles {
    /// Over a folder that the service alone writes to.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] with the errno if the folder cannot be opened.
    pub fn open(folder: &Path, age: Duration, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let folder = Dir::open_ambient_dir(folder, ambient_authority())
            .map_err(|e| disk(&e, "the folder of temporary files cannot be opened"))?;
        Ok(Self { folder, age, clock })
    }

    fn sweep(&self) -> Result<SweepReport, Error> {
        let mut report = SweepReport::default();
        let mut failed = None;
        self.walk(&self.folder, 0, &mut report, &mut failed);
        failed.map_or(Ok(report), Err)
    }

    // Goes on after a failure, so that one file does not keep the others.
    fn walk(
        &self,
        folder: &Dir,
        depth: usize,
        report: &mut SweepReport,
        failed: &mut Option<Error>,
    ) {
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(error) => return note(failed, &error),
        };
        for entry in entries {
            let visited = entry.and_then(|entry| {
                let about = entry.metadata()?;
                if !about.is_dir() {
                    let modified = about.modified()?.into_std();
                    return self.file(&entry, modified, report);
                }
                if depth == DEPTH {
                    return Err(io::Error::from_raw_os_error(TOO_DEEP));
                }
                let inner = entry.open_dir()?;
                self.walk(&inner, depth + 1, report, failed);
                Ok(())
            });
            match visited {
                Err(error) if error.kind() != io::ErrorKind::NotFound => note(failed, &error),
                // Whoever made it deleted it first.
                _ => {}
            }
        }
    }

    fn file(
        &self,
        entry: &DirEntry,
        modified: SystemTime,
        report: &mut SweepReport,
    ) -> io::Result<()> {
        report.examined += 1;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let age = self.clock.now().since(Timestamp::from_millis(millis));
        if age < self.age {
            return Ok(());
        }
        entry.remove_file()?;
        report.removed += 1;
        report.overdue = report.overdue.max(Some(age.saturating_sub(self.age)));
        Ok(())
    }
}

impl SweepJob for TemporaryFiles {
    fn name(&self) -> Label {
        const { Label::new("temporary files") }
    }

    fn store(&self) -> StoreKind {
        StoreKind::Folder
    }

    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }

    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async { self.sweep() })
    }
}

// ENAMETOOLONG: the nearest that the operating system itself would say.
const TOO_DEEP: i32 = 36;

fn note(failed: &mut Option<Error>, error: &io::Error) {
    failed.get_or_insert_with(|| disk(error, "a temporary file cannot be deleted"));
}

fn disk(error: &io::Error, sentence: &'static str) -> Error {
    let ours = Error::new(ErrorKind::Unavailable, StoreKind::Folder, sentence);
    error.raw_os_error().map_or(ours, |errno| ours.with_code(Code::Os(errno)))
}
