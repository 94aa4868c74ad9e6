//! Looks for a value in the memory of this process, in the forms in which it tends to survive.
//!
//! ```
//! use evanesce_memory::{assert_no_residue, residue::Needle, SecretBytes};
//!
//! let mut bytes = [0; 24];
//! let needle = Needle::random(&mut bytes)?; // `bytes` now holds the value to look for
//! let secret = SecretBytes::from_slice(&mut bytes)?;
//! drop(secret);
//! assert_no_residue!(needle);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is not promised: registers, swap, other processes, buffers of the kernel, and memory
//! that the kernel does not let the process read by address are not seen. The last includes
//! live secrets on [`crate::Rung::Kernel`].

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    ops::Range,
    sync::{Mutex, PoisonError},
};

pub use crate::core_dump::{scan_core, scan_file};
use crate::{MemoryError, Rung, os, process::range, wipe_slice};

/// How many bytes are read at a time.
pub(crate) const CHUNK: usize = 256 * 1024;
/// Shorter values occur by chance.
const SHORTEST: usize = 8;
/// How much of a freed block an allocator may overwrite with its lists.
const OVERWRITTEN: usize = 16;

/// Why nothing could be looked for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ResidueError {
    /// A file that was to be scanned can't be read.
    #[error("the file cannot be read")]
    FileUnreadable,
    /// The scanner's own memory could not be had, or the map of the process not be read.
    #[error("the process cannot be scanned")]
    Memory(#[source] MemoryError),
    /// The system writes no core dump that could be read.
    #[error(
        "the kernel wrote no core dump to read: `kernel.core_pattern` must be a plain file name, and RLIMIT_CORE above zero"
    )]
    NoCoreDump,
    /// No random bytes for the mask.
    #[error("the kernel gave no random bytes")]
    Random,
    /// The value has fewer than 8 bytes and would be found by chance.
    #[error("a value to look for needs at least 8 bytes")]
    TooShort,
}

impl From<MemoryError> for ResidueError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

/// The form in which a value was found.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Form {
    /// Base64, standard or URL-safe, at any of its three alignments.
    Base64,
    /// Hexadecimal, in either case.
    Hex,
    /// As it is.
    Plain,
    /// Last byte first.
    Reversed,
    /// UTF-16, little-endian.
    Utf16,
}

/// What kind of mapping a value was found in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// Pages without a file: heaps of threads, large blocks, stacks of threads, locked memory.
    Anonymous,
    /// Writable pages of a file, such as a program's static variables.
    File,
    /// The main heap.
    Heap,
    /// A file that was scanned, such as a core dump.
    ScannedFile,
    /// The stack of the main thread.
    Stack,
}

/// One find.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Its address.
    pub address: usize,
    /// In which form.
    pub form: Form,
    /// In what kind of memory.
    pub place: Place,
}

/// What a scan saw.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Residue {
    /// Where the value was found; at most 256 finds are kept.
    pub findings: Vec<Finding>,
    /// How many bytes were read.
    pub scanned: u64,
    /// How many bytes are mapped readable but could not be read.
    pub unreadable: u64,
}

impl Residue {
    /// Whether memory was read and the value not found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.scanned > 0 && self.findings.is_empty()
    }
}

/// A value to look for, held only under a random mask, so that a scan does not find the needle
/// itself.
///
/// Of a form of 32 bytes or more the first 16 are not compared, because an allocator writes its
/// own lists over the beginning of a freed block. Choose values that differ in what follows.
pub struct Needle {
    variants: Vec<Variant>,
    mask: [u8; 32],
}

impl Needle {
    /// Takes a value and wipes the source. Copies that the caller made stay, and will be found.
    ///
    /// # Errors
    ///
    /// [`ResidueError::TooShort`], [`ResidueError::Random`].
    pub fn from_slice(value: &mut [u8]) -> Result<Self, ResidueError> {
        let needle = Self::of(value)?;
        wipe_slice(value);
        Ok(needle)
    }

    /// Fills `value` with random lower-case letters and digits and keeps a masked copy: a value
    /// for tests, which no other part of the process knows.
    ///
    /// # Errors
    ///
    /// [`ResidueError::TooShort`], [`ResidueError::Random`].
    pub fn random(value: &mut [u8]) -> Result<Self, ResidueError> {
        for byte in value.iter_mut() {
            let [random] = os::random::<1>().ok_or(ResidueError::Random)?;
            *byte = b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(random % 32)];
        }
        Self::of(value)
    }

    fn of(value: &[u8]) -> Result<Self, ResidueError> {
        if value.len() < SHORTEST {
            return Err(ResidueError::TooShort);
        }
        let mask = os::random().ok_or(ResidueError::Random)?;
        let forms: [(Form, Box<dyn Iterator<Item = u8> + '_>); 5] = [
            (Form::Plain, Box::new(value.iter().copied())),
            (Form::Reversed, Box::new(value.iter().rev().copied())),
            (Form::Hex, Box::new(hex(value, b"0123456789abcdef"))),
            (Form::Hex, Box::new(hex(value, b"0123456789ABCDEF"))),
            (
                Form::Utf16,
                Box::new(
                    std::str::from_utf8(value)
                        .unwrap_or_default()
                        .encode_utf16()
                        .flat_map(u16::to_le_bytes),
                ),
            ),
        ];
        let mut variants: Vec<Variant> =
            forms.into_iter().map(|(form, bytes)| Variant::masked(form, bytes, &mask)).collect();
        for alphabet in [STANDARD, URL_SAFE] {
            for shift in 0..3 {
                let bytes = base64(value, shift, alphabet);
                variants.push(Variant::masked(Form::Base64, bytes, &mask));
            }
        }
        variants.retain(|variant| variant.masked.len() >= SHORTEST);
        Ok(Self { variants, mask })
    }

    pub(crate) fn longest(&self) -> usize {
        let lengths = self.variants.iter().map(|variant| variant.masked.len());
        lengths.max().unwrap_or_default()
    }

    /// The pairs of bytes that some variant begins with.
    pub(crate) fn openings(&self) -> Vec<bool> {
        let mut openings = vec![false; 1 << 16];
        for variant in &self.variants {
            if let [first, second, ..] = variant.masked[..] {
                let mask = &self.mask[variant.skipped..];
                openings[pair(first ^ mask[0], second ^ mask[1])] = true;
            }
        }
        openings
    }

    fn matches(&self, variant: &Variant, window: &[u8]) -> bool {
        window.len() >= variant.masked.len()
            && variant
                .masked
                .iter()
                .zip(window)
                .zip(self.mask.iter().cycle().skip(variant.skipped))
                .all(|((masked, byte), mask)| masked ^ mask == *byte)
    }
}

struct Variant {
    form: Form,
    masked: Vec<u8>,
    /// How many bytes of the value, and so of the mask, come before `masked`.
    skipped: usize,
}

impl Variant {
    fn masked(form: Form, bytes: impl Iterator<Item = u8>, mask: &[u8; 32]) -> Self {
        let mut masked: Vec<u8> =
            bytes.zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        // A freed block keeps its end when its beginning is overwritten.
        let skipped = if masked.len() >= 2 * OVERWRITTEN { OVERWRITTEN } else { 0 };
        masked.drain(..skipped);
        Self { form, masked, skipped }
    }
}

/// Reads the process's writable memory and looks for every form of the value. It takes about a
/// second for 200 MB in an unoptimised build. Other threads go on meanwhile.
///
/// Read-only pages of files are left out: they hold the program, not its data.
///
/// # Errors
///
/// [`ResidueError::Memory`] when the map of the process or a buffer can't be had.
pub fn scan_process(needle: &Needle) -> Result<Residue, ResidueError> {
    // A second scan at the same time would find what the first has in its buffer.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let overlap = needle.longest().saturating_sub(1);
    let buffer = os::Mapping::new(CHUNK + overlap, Rung::Locked)?;
    let own = buffer.data().as_ptr().addr()..buffer.data().as_ptr().addr() + buffer.data_len();
    // SAFETY: the mapping is zeroed, writable, lives until the end of this function and is
    // reached through this slice alone.
    let bytes =
        unsafe { std::slice::from_raw_parts_mut(buffer.data().as_ptr(), buffer.data_len()) };
    let openings = needle.openings();
    let mut reader = Reader { file: File::open("/proc/self/mem").ok() };
    let mut residue = Residue::default();
    for (span, place) in writable_spans()? {
        for part in without(span, &own) {
            scan_span(needle, &openings, part, place, &mut reader, bytes, &mut residue);
        }
    }
    wipe_slice(bytes);
    Ok(residue)
}

fn scan_span(
    needle: &Needle,
    openings: &[bool],
    span: Range<usize>,
    place: Place,
    reader: &mut Reader,
    buffer: &mut [u8],
    residue: &mut Residue,
) {
    let overlap = needle.longest().saturating_sub(1);
    let mut at = span.start;
    while at < span.end {
        // Windows overlap, so that a value across two of them is seen once, in the first.
        let len = (CHUNK + overlap).min(span.end - at);
        let step = CHUNK.min(span.end - at);
        let window = &mut buffer[..len];
        if reader.read(at, window) {
            residue.scanned += step as u64;
            search(needle, openings, window, step, at, place, residue);
        } else {
            residue.unreadable += step as u64;
        }
        at += step;
    }
}

pub(crate) fn search(
    needle: &Needle,
    openings: &[bool],
    window: &[u8],
    step: usize,
    base: usize,
    place: Place,
    residue: &mut Residue,
) {
    for (at, two) in window.windows(2).take(step).enumerate() {
        if !openings[pair(two[0], two[1])] {
            continue;
        }
        for variant in &needle.variants {
            if needle.matches(variant, &window[at..]) && residue.findings.len() < 256 {
                residue.findings.push(Finding { address: base + at, form: variant.form, place });
            }
        }
    }
}

/// Reads by address: through `/proc/self/mem`, or `process_vm_readv(2)` where the file may not
/// be opened, as after [`crate::protect_process`].
struct Reader {
    file: Option<File>,
}

impl Reader {
    fn read(&mut self, address: usize, into: &mut [u8]) -> bool {
        let through_file = self.file.as_mut().is_some_and(|file| {
            file.seek(SeekFrom::Start(address as u64)).is_ok() && file.read_exact(into).is_ok()
        });
        through_file || os::read_own_memory(address, into).is_some()
    }
}

fn writable_spans() -> Result<Vec<(Range<usize>, Place)>, MemoryError> {
    let maps = File::open("/proc/self/maps").map_err(|_| MemoryError::MapUnreadable)?;
    let mut spans = Vec::new();
    for line in BufReader::new(maps).lines() {
        let line = line.map_err(|_| MemoryError::MapUnreadable)?;
        let (start, end) = range(&line).ok_or(MemoryError::MapUnreadable)?;
        let mut columns = line.split_ascii_whitespace().skip(1);
        let permissions = columns.next().unwrap_or_default();
        let place = match columns.nth(3) {
            None => Place::Anonymous,
            Some("[heap]") => Place::Heap,
            Some("[stack]") => Place::Stack,
            Some(name) if name.starts_with("[v") => continue,
            Some(name) if name.starts_with('[') => Place::Anonymous,
            Some(_) if permissions.contains('w') => Place::File,
            Some(_) => continue,
        };
        if permissions.starts_with('r') {
            spans.push((start..end, place));
        }
    }
    Ok(spans)
}

/// `span` without the part that is `hole`.
fn without(span: Range<usize>, hole: &Range<usize>) -> [Range<usize>; 2] {
    let before = span.start..span.end.min(hole.start.max(span.start));
    let after = span.start.max(hole.end.min(span.end))..span.end;
    if hole.end <= span.start || hole.start >= span.end { [span, 0..0] } else { [before, after] }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

fn hex<'a>(value: &'a [u8], digits: &'a [u8; 16]) -> impl Iterator<Item = u8> + 'a {
    value.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]])
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The Base64 digits that depend on the value alone when `shift` unknown bytes precede it and
/// anything may follow (RFC 4648, section 4).
fn base64<'a>(
    value: &'a [u8],
    shift: usize,
    alphabet: &'a [u8; 64],
) -> impl Iterator<Item = u8> + 'a {
    let first = (shift * 8).div_ceil(6);
    let end = (shift + value.len()) * 8 / 6;
    (first..end).map(move |digit| {
        let bits = (0..6).map(|bit| digit * 6 + bit - shift * 8);
        let index = bits
            .fold(0, |index, bit| index << 1 | usize::from(value[bit / 8] >> (7 - bit % 8) & 1));
        alphabet[index]
    })
}

/// Fails the test when a [`Needle`](crate::residue::Needle) is found in this process's memory,
/// and when the memory can't be read. With `core dump` it has the kernel dump the process too, and
/// fails when the value is in there or no dump is to be had; see
/// [`scan_core`](crate::residue::scan_core) for what the system must allow.
///
/// ```no_run
/// # use evanesce_memory::{assert_no_residue, residue::Needle};
/// # let needle = Needle::random(&mut [0; 24])?;
/// assert_no_residue!(needle);
/// assert_no_residue!(needle, core dump);
/// # Ok::<(), evanesce_memory::residue::ResidueError>(())
/// ```
#[macro_export]
macro_rules! assert_no_residue {
    ($needle:expr) => {
        match $crate::residue::scan_process(&$needle) {
            Ok(residue) => {
                assert!(residue.is_clean(), "the value is still in memory: {:?}", residue.findings)
            }
            Err(error) => panic!("{error}"),
        }
    };
    ($needle:expr, core dump) => {{
        $crate::assert_no_residue!($needle);
        match $crate::residue::scan_core(&$needle) {
            Ok(residue) => {
                assert!(residue.is_clean(), "the value is in the core dump: {:?}", residue.findings)
            }
            Err(error) => panic!("{error}"),
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_digits_at_each_alignment() {
        let digits = |shift| base64(b"foobarbaz!", shift, STANDARD).collect::<Vec<_>>();
        // "foobarbaz!", "?foobarbaz!" and "??foobarbaz!", without the digits at the borders.
        assert_eq!(digits(0), b"Zm9vYmFyYmF6I");
        assert_eq!(digits(1), b"Zvb2JhcmJhei");
        assert_eq!(digits(2), b"mb29iYXJiYXoh");
    }

    #[test]
    fn holes_are_cut_out() {
        assert_eq!(without(10..20, &(12..15)), [10..12, 15..20]);
        assert_eq!(without(10..20, &(5..15)), [10..10, 15..20]);
        assert_eq!(without(10..20, &(15..25)), [10..15, 20..20]);
        assert_eq!(without(10..20, &(0..10)), [10..20, 0..0]);
        assert_eq!(without(10..20, &(10..20)), [10..10, 20..20]);
    }

    #[test]
    fn short_values_are_refused() {
        assert_eq!(Needle::from_slice(&mut [1; 7]).err(), Some(ResidueError::TooShort));
    }
}
