//! Looking for a value in files, above all in a core dump that the kernel wrote.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, File},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
};

use crate::{
    Rung, os,
    residue::{CHUNK, Needle, Place, Residue, ResidueError, search},
    wipe_slice,
};

/// Reads a file and looks for every form of the value: a core dump, a swap file, the dump of a
/// store, a log. The findings' addresses are offsets in the file.
///
/// # Errors
///
/// [`ResidueError::FileUnreadable`] when the file can't be read, [`ResidueError::Memory`] when
/// there is no buffer.
pub fn scan_file(needle: &Needle, path: &Path) -> Result<Residue, ResidueError> {
    let mut file = File::open(path).map_err(|_| ResidueError::FileUnreadable)?;
    let overlap = needle.longest().saturating_sub(1);
    let buffer = os::Mapping::new(CHUNK + overlap, Rung::Locked)?;
    // SAFETY: the mapping is zeroed, writable, lives until the end of this function and is
    // reached through this slice alone.
    let bytes =
        unsafe { std::slice::from_raw_parts_mut(buffer.data().as_ptr(), buffer.data_len()) };
    let openings = needle.openings();
    let mut residue = Residue::default();
    let (mut base, mut held) = (0, 0);
    loop {
        let more = fill(&mut file, &mut bytes[held..CHUNK + overlap])?;
        let window = held + more;
        let ended = window < CHUNK + overlap;
        // What begins in the overlap is looked for again with what follows it.
        let step = if ended { window } else { CHUNK };
        search(needle, &openings, &bytes[..window], step, base, Place::ScannedFile, &mut residue);
        residue.scanned += step as u64;
        if ended {
            break;
        }
        bytes.copy_within(step..window, 0);
        held = window - step;
        base += step;
    }
    wipe_slice(bytes);
    Ok(residue)
}

/// Has the kernel write a core dump of this process, as it is at this moment, and looks for every
/// form of the value in it. Unlike [`scan_process`](crate::residue::scan_process) it sees the
/// registers of the calling thread, and what the kernel itself decides to leave out.
///
/// A forked child is what dies: the process goes on. The dump lies in a folder of its own, in
/// memory where there is `/dev/shm`, and is deleted.
///
/// # Errors
///
/// [`ResidueError::NoCoreDump`] where the kernel hands dumps to a program, as many distributions
/// set it up (`kernel.core_pattern` must be a plain file name), or where `RLIMIT_CORE` forbids
/// them.
pub fn scan_core(needle: &Needle) -> Result<Residue, ResidueError> {
    let folder = DumpFolder::new()?;
    let path =
        CString::new(folder.0.as_os_str().as_bytes()).map_err(|_| ResidueError::NoCoreDump)?;
    if !os::dump_in_child(&path) {
        return Err(ResidueError::NoCoreDump);
    }
    scan_file(needle, &folder.dump()?)
}

/// A folder for one dump, removed with it.
pub(crate) struct DumpFolder(PathBuf);

impl DumpFolder {
    pub(crate) fn new() -> Result<Self, ResidueError> {
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")
            .map_err(|_| ResidueError::NoCoreDump)?;
        let pattern = pattern.trim();
        if pattern.is_empty() || pattern.starts_with('|') || pattern.contains('/') {
            return Err(ResidueError::NoCoreDump);
        }
        let in_memory = Path::new("/dev/shm");
        let parent = if in_memory.is_dir() { in_memory.into() } else { std::env::temp_dir() };
        let number = u128::from_ne_bytes(os::random().ok_or(ResidueError::Random)?);
        let path = parent.join(format!("evanesce-core-{number:032x}"));
        DirBuilder::new().mode(0o700).create(&path).map_err(|_| ResidueError::NoCoreDump)?;
        Ok(Self(path))
    }

    /// The only file in the folder, whatever name the kernel gave it.
    pub(crate) fn dump(&self) -> Result<PathBuf, ResidueError> {
        let entry = fs::read_dir(&self.0).ok().and_then(|mut entries| entries.next());
        match entry {
            Some(Ok(entry)) => Ok(entry.path()),
            _ => Err(ResidueError::NoCoreDump),
        }
    }
}

impl Drop for DumpFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, into: &mut [u8]) -> Result<usize, ResidueError> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Err(ResidueError::FileUnreadable),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::SecretBytes;

    #[test]
    fn a_value_is_found_across_the_borders_of_what_is_read() {
        let mut value = [0; 40];
        let needle = Needle::random(&mut value).unwrap();
        let path = std::env::temp_dir().join(format!("evanesce-scan-{}", std::process::id()));
        for at in [0, CHUNK - 20, CHUNK, 2 * CHUNK - 1, 2 * CHUNK + 900] {
            let mut text = vec![b'.'; at];
            text.extend_from_slice(&value);
            text.extend_from_slice(&[b'.'; 10]);
            fs::write(&path, &text).unwrap();
            let residue = scan_file(&needle, &path).unwrap();
            // Of a long form the first bytes are not compared.
            let found: Vec<_> = residue.findings.iter().map(|found| found.address).collect();
            assert_eq!(found, [at + 16]);
            assert_eq!(residue.scanned, text.len() as u64);
        }
        fs::write(&path, vec![b'.'; 3 * CHUNK]).unwrap();
        assert!(scan_file(&needle, &path).unwrap().is_clean());
        fs::remove_file(&path).unwrap();
        assert_eq!(scan_file(&needle, &path), Err(ResidueError::FileUnreadable));
    }

    /// What a process holds when it dies; each role is a process of its own.
    fn die_as(role: &str) -> ! {
        let mut stdin = File::open("/dev/stdin").unwrap();
        let mut secret = SecretBytes::zeroed(40).unwrap();
        secret.fill_from(&mut stdin).unwrap();
        let locked = os::Mapping::new(40, Rung::Locked).unwrap();
        let mut leaked = Vec::new();
        match role {
            "guarded" => assert!(secret.rung() >= Rung::Locked),
            // SAFETY: the mapping is at least 40 bytes long and owned by this function.
            "locked" => secret.expose(|bytes| unsafe {
                bytes.as_ptr().copy_to_nonoverlapping(locked.data().as_ptr(), bytes.len());
            }),
            "protected" => {
                leaked = secret.expose(<[u8]>::to_vec);
                crate::protect_process().unwrap();
            }
            _ => leaked = secret.expose(<[u8]>::to_vec),
        }
        os::tests::allow_dumps_unless_protected();
        std::hint::black_box(&leaked);
        // SAFETY: abort ends the process; `locked`, `secret` and `leaked` are alive.
        unsafe { libc::abort() }
    }

    /// Runs this test again as `role`, with a fresh value, and returns what its dump holds.
    #[expect(clippy::unwrap_in_result, reason = "a dump may be absent, all else must succeed")]
    fn dump_of(role: &str) -> Option<Residue> {
        let folder = DumpFolder::new().unwrap();
        let mut value = [0; 40];
        let needle = Needle::random(&mut value).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "core_dump::tests::a_dump_holds_no_secret", "--include-ignored"])
            .env("EVANESCE_DIE_AS", role)
            .current_dir(&folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&value).unwrap();
        let status = child.wait().unwrap();
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!(signal, Some(libc::SIGABRT), "{role}");
        folder.dump().ok().map(|path| scan_file(&needle, &path).unwrap())
    }

    #[test]
    #[ignore = "needs a kernel that writes core files: sysctl -w kernel.core_pattern=core"]
    fn a_dump_holds_no_secret() {
        if let Ok(role) = std::env::var("EVANESCE_DIE_AS") {
            die_as(&role);
        }
        // The control: a process that leaks is found out, so the dump is one and is read.
        let leaky = dump_of("leaky").unwrap();
        assert!(!leaky.findings.is_empty() && leaky.scanned > 100_000);
        for role in ["guarded", "locked"] {
            let residue = dump_of(role).unwrap();
            assert!(residue.is_clean(), "{role}: {:?}", residue.findings);
        }
        assert_eq!(dump_of("protected"), None);
    }
}
