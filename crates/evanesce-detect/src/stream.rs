use crate::finding::resolve;
use crate::scanner::moved;
use crate::{Finding, Scanner, decode};

/// Scans a text that comes in pieces, in bounded memory: the same findings, with
/// the same offsets from the beginning of the stream, as one
/// [`scan`](Scanner::scan) of the whole.
///
/// ```
/// use evanesce_detect::{Scanner, Stream};
/// let scanner = Scanner::default();
/// let mut stream = Stream::new(&scanner);
/// let mut found = stream.push(b"from reader@exam");
/// found.extend(stream.push(b"ple.org"));
/// found.extend(stream.finish());
/// assert_eq!((found[0].start, found[0].end), (5, 23));
/// ```
pub struct Stream<'s> {
    scanner: &'s Scanner,
    /// Text from `base` on, of which the first `before` bytes are scanned.
    buffer: String,
    before: usize,
    base: usize,
    /// The beginning of a character whose rest has not come.
    torn: Vec<u8>,
}

impl<'s> Stream<'s> {
    /// An empty stream.
    #[must_use]
    pub const fn new(scanner: &'s Scanner) -> Self {
        Self { scanner, buffer: String::new(), before: 0, base: 0, torn: Vec::new() }
    }

    /// Takes the next bytes, and gives what is certain by now. Bytes that are not
    /// UTF-8 count as spaces.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Finding> {
        let mut out = Vec::new();
        // Small bites, so that a large chunk does not make a large buffer.
        for bite in chunk.chunks(16 * 1024) {
            let mut bytes = std::mem::take(&mut self.torn);
            bytes.extend_from_slice(bite);
            let whole = bytes.len() - torn(&bytes);
            self.torn = bytes.split_off(whole);
            self.buffer.push_str(&decode::as_text(bytes));
            while self.buffer.len() - self.before > self.scanner.reach() {
                self.step(&mut out);
            }
        }
        out
    }

    /// Ends the stream, and gives the rest.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        let mut out = Vec::new();
        let rest = std::mem::take(&mut self.torn);
        self.buffer.push_str(&decode::as_text(rest));
        while self.step(&mut out) {}
        out
    }

    /// How many bytes of text are held: never more than the context, one window and
    /// one bite of 16 KiB, together under 128 KiB.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len() + self.torn.len()
    }

    // Whether there is more to do.
    fn step(&mut self, out: &mut Vec<Finding>) -> bool {
        let step = self.scanner.step(&self.buffer, self.before, resolve);
        out.extend(step.found.into_iter().map(|f| moved(f, self.base)));
        let Some(next) = step.next else { return false };
        let from = self.scanner.context(&self.buffer, next);
        self.buffer.drain(..from);
        self.before = next - from;
        self.base += from;
        true
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.buffer);
        zeroize::Zeroize::zeroize(&mut self.torn);
    }
}

// How many bytes at the end may be the beginning of a character.
fn torn(bytes: &[u8]) -> usize {
    for n in 1..=bytes.len().min(3) {
        let lead = bytes[bytes.len() - n];
        let len = match lead {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if len > n { n } else { 0 };
    }
    0
}
