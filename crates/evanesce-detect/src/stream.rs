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

#[cfg(test)]
mod tests {
    use super::*;

    // One of each sort: what is plain, what is encoded, what reaches over others.
    const TEXT: &str = "Write to jürgen@müller.example or call +1 (202) 555-0123, card 4111 1111 1111 1111;\n\
        IBAN DE89 3704 0044 0532 0130 00, from [2001:db8::7:1] and 203.0.113.77, reader%40example.org,\n\
        reader&#64;example.org, reader\\u0040example.org, cmVhZGVyQGV4YW1wbGUub3Jn, read\u{200b}er@example.org,\n\
        password='hunter2!' postgres://app:s3cr3t@db/stats born on 1985-03-12 https://a.example/?m=x@b.example\n\
        eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl AKIAQ3EGRTYUIOP24680\n\
        -----BEGIN EC PRIVATE KEY-----\nbm90IGEga2V5\n-----END EC PRIVATE KEY-----\n";

    fn pushed(scanner: &Scanner, chunks: &[&[u8]]) -> Vec<Finding> {
        let mut stream = Stream::new(scanner);
        let mut out: Vec<_> = chunks.iter().flat_map(|chunk| stream.push(chunk)).collect();
        out.extend(stream.finish());
        out
    }

    #[test]
    fn every_split_gives_what_the_whole_gives() {
        // Windows of 64 KiB, and ones that are smaller than the text.
        for scanner in [Scanner::default(), Scanner::default().with_block(400)] {
            let whole = scanner.scan(TEXT);
            assert!(whole.len() >= 15, "{}", whole.len());
            for at in 0..=TEXT.len() {
                let (one, two) = TEXT.as_bytes().split_at(at);
                assert_eq!(pushed(&scanner, &[one, two]), whole, "{at}");
            }
            let single: Vec<_> = TEXT.as_bytes().chunks(1).collect();
            assert_eq!(pushed(&scanner, &single), whole);
        }
    }

    #[test]
    fn no_chunk_makes_it_hold_more() {
        let scanner = Scanner::default();
        for unit in ["a", "@", "=", "é", "%", "QUJD", "-----BEGIN PRIVATE KEY-----\n", "\u{1f600}"]
        {
            let mut stream = Stream::new(&scanner);
            let chunk = unit.repeat((256 << 10) / unit.len());
            for _ in 0..3 {
                drop(stream.push(chunk.as_bytes()));
                assert!(stream.held() < 128 << 10, "{unit}");
                assert!(stream.buffer.capacity() < 256 << 10, "{unit}");
            }
        }
    }
}
