use evanesce_core::Error;

use crate::error::{CORRUPT, Refusal};

/// What a server answered. RESP3's further types are folded into these: a map is the
/// array of its keys and values in turn, a truth value a number, a double its text
/// (<https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>).
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Array(Vec<Reply>),
    Bytes(Vec<u8>),
    Int(i64),
    Nil,
    Refused(Refusal),
}

impl Reply {
    /// An array of exactly `N` elements.
    pub(crate) fn array<const N: usize>(self) -> Result<[Self; N], Error> {
        self.list()?.try_into().map_err(|_| CORRUPT)
    }

    pub(crate) fn list(self) -> Result<Vec<Self>, Error> {
        match self {
            Self::Array(elements) => Ok(elements),
            Self::Refused(refusal) => Err(refusal.error()),
            _ => Err(CORRUPT),
        }
    }

    /// A value, or that there is none.
    pub(crate) fn bytes(self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(Some(bytes)),
            Self::Nil => Ok(None),
            Self::Refused(refusal) => Err(refusal.error()),
            Self::Array(_) | Self::Int(_) => Err(CORRUPT),
        }
    }

    pub(crate) fn text(self) -> Result<String, Error> {
        let bytes = self.bytes()?.ok_or(CORRUPT)?;
        String::from_utf8(bytes).map_err(|_| CORRUPT)
    }

    pub(crate) fn int(self) -> Result<i64, Error> {
        match self {
            Self::Int(number) => Ok(number),
            Self::Refused(refusal) => Err(refusal.error()),
            _ => Err(CORRUPT),
        }
    }

    pub(crate) fn count(self) -> Result<u64, Error> {
        self.int()?.try_into().map_err(|_| CORRUPT)
    }

    /// That it went well, whatever it says.
    pub(crate) fn done(self) -> Result<(), Error> {
        match self {
            Self::Refused(refusal) => Err(refusal.error()),
            _ => Ok(()),
        }
    }

    /// The first refusal, of the answer itself or of one of the commands in it.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Array(elements) => elements.iter().find_map(|element| match element {
                Self::Refused(refusal) => Some(refusal),
                _ => None,
            }),
            _ => None,
        }
    }
}

/// That the bytes are no answer of a Redis server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

/// Reads answers as their bytes come, in whatever pieces.
///
/// It is linear in what it reads and keeps what it has read of an unfinished answer, so
/// that nothing but a single line is looked at twice. Memory is taken for what has come,
/// never for what is announced, and an answer is refused beyond fixed bounds on its bytes,
/// its elements, its depth and the length of a line.
#[derive(Default)]
pub(crate) struct Parser {
    open: Vec<Frame>,
    bytes: usize,
    elements: usize,
}

struct Frame {
    kind: Aggregate,
    left: usize,
    elements: Vec<Reply>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Aggregate {
    Array,
    /// What is said beside an answer.
    Attribute,
    /// What is said without having been asked for.
    Push,
}

enum Item {
    Open(Aggregate, usize),
    Value(Reply),
}

/// The most that one answer may have; Redis's own bound on a value is 512 MiB.
const MOST_BYTES: usize = 64 << 20;
const MOST_ELEMENTS: usize = 1 << 20;
const DEEPEST: usize = 8;
const LONGEST_LINE: usize = 4 << 10;

impl Parser {
    /// Reads from `bytes` at `at`, which moves behind what was read, until an answer is
    /// whole; `None` if more has to come first.
    ///
    /// # Errors
    /// [`Malformed`], after which nothing more can be read.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
    ) -> Result<Option<Reply>, Malformed> {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            let Some((item, length)) = item(rest)? else { return Ok(None) };
            *at += length;
            self.bytes += length;
            self.elements += 1;
            if self.bytes > MOST_BYTES || self.elements > MOST_ELEMENTS {
                return Err(Malformed);
            }
            let value = match item {
                Item::Value(value) => Some(value),
                Item::Open(kind, left) => self.open(kind, left)?,
            };
            if let Some(whole) = value.and_then(|value| self.close(value)) {
                (self.bytes, self.elements) = (0, 0);
                return Ok(Some(whole));
            }
        }
    }

    fn open(&mut self, kind: Aggregate, left: usize) -> Result<Option<Reply>, Malformed> {
        let is_nested_push = kind == Aggregate::Push && !self.open.is_empty();
        if self.open.len() >= DEEPEST || is_nested_push {
            return Err(Malformed);
        }
        match (kind, left) {
            (Aggregate::Array, 0) => Ok(Some(Reply::Array(Vec::new()))),
            (_, 0) => Ok(None),
            _ => {
                let elements = Vec::with_capacity(left.min(8));
                self.open.push(Frame { kind, left, elements });
                Ok(None)
            }
        }
    }

    // Puts a value where it belongs, and gives the answer that it makes whole.
    fn close(&mut self, mut value: Reply) -> Option<Reply> {
        loop {
            let Some(frame) = self.open.last_mut() else { return Some(value) };
            frame.left -= 1;
            if frame.kind == Aggregate::Array {
                frame.elements.push(value);
            }
            if frame.left > 0 {
                return None;
            }
            let frame = self.open.pop()?;
            match frame.kind {
                Aggregate::Array => value = Reply::Array(frame.elements),
                Aggregate::Attribute | Aggregate::Push => return None,
            }
        }
    }
}

// One line, with the bytes that it announces.
fn item(bytes: &[u8]) -> Result<Option<(Item, usize)>, Malformed> {
    let Some((line, end)) = line(bytes)? else { return Ok(None) };
    let Some((kind, line)) = line.split_first() else { return Err(Malformed) };
    let value = match kind {
        b'+' | b'(' | b',' => Reply::Bytes(line.to_vec()),
        b'-' => Reply::Refused(Refusal::of(line)),
        b':' => Reply::Int(number(line)?),
        b'_' => Reply::Nil,
        b'#' => Reply::Int(i64::from(line == b"t")),
        b'$' | b'=' | b'!' => match length(line)? {
            None => Reply::Nil,
            Some(length) => {
                let rest = bytes.get(end..).unwrap_or_default();
                let Some(text) = text(rest, length)? else { return Ok(None) };
                let value = match kind {
                    b'=' => Reply::Bytes(text.get(4..).ok_or(Malformed)?.to_vec()),
                    b'!' => Reply::Refused(Refusal::of(text)),
                    _ => Reply::Bytes(text.to_vec()),
                };
                return Ok(Some((Item::Value(value), end + length + 2)));
            }
        },
        b'*' | b'~' => match length(line)? {
            None => Reply::Nil,
            Some(length) => return Ok(Some((Item::Open(Aggregate::Array, length), end))),
        },
        b'%' => return Ok(Some((Item::Open(Aggregate::Array, twice(line)?), end))),
        b'|' => return Ok(Some((Item::Open(Aggregate::Attribute, twice(line)?), end))),
        b'>' => {
            let length = length(line)?.ok_or(Malformed)?;
            return Ok(Some((Item::Open(Aggregate::Push, length), end)));
        }
        _ => return Err(Malformed),
    };
    Ok(Some((Item::Value(value), end)))
}

fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    let searched = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let Some(end) = searched.iter().position(|byte| *byte == b'\r') else {
        return if searched.len() < LONGEST_LINE { Ok(None) } else { Err(Malformed) };
    };
    match bytes.get(end + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(bytes.get(..end).map(|line| (line, end + 2))),
        Some(_) => Err(Malformed),
    }
}

fn text(bytes: &[u8], length: usize) -> Result<Option<&[u8]>, Malformed> {
    match bytes.split_at_checked(length) {
        None => Ok(None),
        Some((text, [b'\r', b'\n', ..])) => Ok(Some(text)),
        Some((_, [] | [b'\r'])) => Ok(None),
        Some(_) => Err(Malformed),
    }
}

fn number(line: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or(Malformed)
}

fn length(line: &[u8]) -> Result<Option<usize>, Malformed> {
    match number(line)? {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) if length <= MOST_BYTES => Ok(Some(length)),
            _ => Err(Malformed),
        },
    }
}

fn twice(line: &[u8]) -> Result<usize, Malformed> {
    Ok(2 * length(line)?.ok_or(Malformed)?)
}

/// Reads what a stranger sends in a server's place, for a fuzz target, and says how many
/// answers it was; `None` if it was refused.
#[doc(hidden)]
#[must_use]
pub fn replies_in(bytes: &[u8]) -> Option<usize> {
    let (mut parser, mut at, mut count) = (Parser::default(), 0, 0);
    while parser.read(bytes, &mut at).ok()?.is_some() {
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Option<Reply>, Malformed> {
        Parser::default().read(text.as_bytes(), &mut 0)
    }

    fn whole(text: &str) -> Reply {
        let mut at = 0;
        let reply = Parser::default().read(text.as_bytes(), &mut at).unwrap();
        assert_eq!(at, text.len());
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut]), Ok(None), "{cut} bytes of {text:?}");
        }
        reply.expect("it is an answer")
    }

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn every_type_of_both_protocols_is_read() {
        assert_eq!(whole("+OK\r\n"), bytes("OK"));
        assert_eq!(whole(":-12\r\n"), Reply::Int(-12));
        assert_eq!(whole("$5\r\na\r\nbc\r\n"), bytes("a\r\nbc"));
        assert_eq!(whole("$-1\r\n"), Reply::Nil);
        assert_eq!(whole("*-1\r\n"), Reply::Nil);
        assert_eq!(whole("_\r\n"), Reply::Nil);
        assert_eq!(whole("#t\r\n"), Reply::Int(1));
        assert_eq!(whole(",1.5\r\n"), bytes("1.5"));
        assert_eq!(whole("=7\r\ntxt:abc\r\n"), bytes("abc"));
        assert_eq!(whole("*0\r\n"), Reply::Array(vec![]));
        assert_eq!(whole("*2\r\n:1\r\n_\r\n"), Reply::Array(vec![Reply::Int(1), Reply::Nil]));
        assert_eq!(whole("~1\r\n:1\r\n"), Reply::Array(vec![Reply::Int(1)]));
        let map = Reply::Array(vec![bytes("a"), Reply::Int(1)]);
        assert_eq!(whole("%1\r\n+a\r\n:1\r\n"), map);
        assert_eq!(whole("|1\r\n+ttl\r\n*1\r\n:1\r\n:2\r\n"), Reply::Int(2));
        assert_eq!(read(">1\r\n+x\r\n"), Ok(None), "nobody asked");
        assert_eq!(read(">1\r\n+x\r\n:3\r\n"), Ok(Some(Reply::Int(3))));
        for refused in ["-MOVED 5 host:7\r\n", "!14\r\nMOVED 5 host:7\r\n"] {
            let Reply::Refused(refusal) = whole(refused) else { panic!("{refused}") };
            assert_eq!(refusal.word(), "MOVED");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = "*1\r\n".repeat(DEEPEST + 1);
        let long = format!("+{}", "x".repeat(LONGEST_LINE));
        let many = format!("*{}\r\n{}", MOST_BYTES, ":1\r\n".repeat(MOST_ELEMENTS));
        let large = format!("${}\r\n", MOST_BYTES + 1);
        let bad = ["x\r\n", "\r\n", ":\r\n", ":1x\r\n", "+a\rb", "$1\r\nabc", "$-2\r\n"];
        let more = ["*-2\r\n", "=3\r\nabc\r\n", "*2\r\n>1\r\n+x\r\n", &deep, &long, &many, &large];
        for text in bad.into_iter().chain(more) {
            assert_eq!(read(text), Err(Malformed), "{}", &text[..text.len().min(20)]);
        }
        assert_eq!(read("*1000000\r\n"), Ok(None), "and no memory is taken for it");
    }

    fn all(pieces: &[&[u8]]) -> Result<Vec<Reply>, Malformed> {
        let (mut parser, mut held, mut at, mut found) = (Parser::default(), Vec::new(), 0, vec![]);
        for piece in pieces {
            held.extend_from_slice(piece);
            while let Some(reply) = parser.read(&held, &mut at)? {
                found.push(reply);
            }
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn hostile_bytes_read_alike_in_whatever_pieces(
            bytes in prop::collection::vec(
                prop::sample::select(b"*$+-:_#%>|=!~,(012349\r\r\n\n\nab".to_vec()), 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(all(&pieces), all(&[&bytes]));
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let _ = replies_in(&bytes);
        }
    }
}
