use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_core::{Label, Namespace};
use evanesce_session::{LookupId, Tag};

use crate::request::Out;
use crate::slots::Part;

/// The names of one namespace's keys. The braces make a cluster keep all keys of a tag
/// in one slot (Redis Cluster specification, "Hash tags").
#[derive(Clone)]
pub(crate) struct Keys(Box<str>);

/// Which of a tag's epochs.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    Current,
    Draining,
    Newest,
}

impl Slot {
    /// In the order in which they are read.
    pub(crate) const ALL: [Self; 3] = [Self::Current, Self::Draining, Self::Newest];

    const fn letter(self) -> u8 {
        match self {
            Self::Current => b'c',
            Self::Draining => b'd',
            Self::Newest => b'n',
        }
    }
}

impl Keys {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self(namespace.as_str().into())
    }

    /// What decides the slot of a part: what stands between the braces.
    pub(crate) fn hash_tag(&self, part: Part) -> String {
        match u8::try_from(part.index()) {
            Ok(tag) => format!("{}:{tag:02x}", self.0),
            Err(_) => format!("{}:lease", self.0),
        }
    }

    /// Writes the name of a session's record.
    pub(crate) fn session(&self, out: &mut Out<'_>, id: &LookupId) {
        out.arg_of(self.0.len() + 8 + ID, |into| {
            self.tag(into, id.tag());
            into.extend_from_slice(b":s:");
            let mut digits = [0; ID];
            let _ = Base64UrlUnpadded::encode(id.id(), &mut digits);
            into.extend_from_slice(&digits);
        });
    }

    /// Writes the name of one of a tag's epochs.
    pub(crate) fn epoch(&self, out: &mut Out<'_>, tag: Tag, slot: Slot) {
        out.arg_of(self.0.len() + 9, |into| {
            self.tag(into, tag);
            into.extend_from_slice(b":e:");
            into.push(slot.letter());
        });
    }

    /// Writes the names of all three.
    pub(crate) fn epochs(&self, out: &mut Out<'_>, tag: Tag) {
        for slot in Slot::ALL {
            self.epoch(out, tag, slot);
        }
    }

    /// What matches every session of the namespace and nothing else. None of the
    /// characters that a namespace may have means anything in a pattern.
    pub(crate) fn every_session(&self) -> String {
        format!("{{{}:??}}:s:*", self.0)
    }

    /// The tag in the name of a session, or `None` for what is no such name.
    pub(crate) fn tag_of(&self, name: &[u8]) -> Option<Tag> {
        let rest = name.strip_prefix(b"{")?.strip_prefix(self.0.as_bytes())?.strip_prefix(b":")?;
        let (digits, rest) = rest.split_first_chunk::<2>()?;
        let is_one = rest.starts_with(b"}:s:");
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        is_one.then_some(Tag(digit(digits[0])? << 4 | digit(digits[1])?))
    }

    /// A lease, and the number of its last holder.
    pub(crate) fn lease(&self, name: &Label) -> [String; 2] {
        ["l", "f"].map(|part| format!("{{{}:lease}}:{part}:{name}", self.0))
    }

    fn tag(&self, into: &mut Vec<u8>, tag: Tag) {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        into.push(b'{');
        into.extend_from_slice(self.0.as_bytes());
        let [high, low] = [tag.0 >> 4, tag.0 & 15].map(|digit| DIGITS[usize::from(digit)]);
        into.extend_from_slice(&[b':', high, low, b'}']);
    }
}

const ID: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ask;

    fn written(write: impl FnOnce(&mut Out<'_>)) -> Vec<String> {
        let mut buffer = Vec::new();
        write(&mut Out::new(&mut buffer, Ask::Plainly));
        let text = String::from_utf8(buffer).unwrap();
        let mut names = Vec::new();
        for pair in text.lines().collect::<Vec<_>>().chunks(2) {
            assert_eq!(pair[0], format!("${}", pair[1].len()), "the length is the name's");
            names.push(pair[1].to_owned());
        }
        names
    }

    #[test]
    fn the_keys_of_a_tag_share_one_hash_tag() {
        let keys = Keys::new(&Namespace::new("news").unwrap());
        let id = LookupId::new(Tag(10), [0xff; 32]);
        let session = written(|out| keys.session(out, &id));
        assert_eq!(session, [format!("{{news:0a}}:s:{}8", "_".repeat(42))]);
        let epochs = written(|out| keys.epochs(out, Tag(10)));
        assert_eq!(epochs, ["{news:0a}:e:c", "{news:0a}:e:d", "{news:0a}:e:n"]);
        assert_eq!(keys.every_session(), "{news:??}:s:*");
        assert_eq!(keys.hash_tag(Part::tag(Tag(10))), "news:0a");
        assert_eq!(keys.hash_tag(Part::LEASES), "news:lease");
    }

    #[test]
    fn the_tag_is_read_from_a_name_and_from_nothing_else() {
        let keys = Keys::new(&Namespace::new("news").unwrap());
        for tag in (0..=u8::MAX).map(Tag) {
            let id = LookupId::new(tag, [7; 32]);
            let name = written(|out| keys.session(out, &id)).remove(0);
            assert_eq!(keys.tag_of(name.as_bytes()), Some(tag));
        }
        for name in ["", "{news:0a}", "{news:0A}:s:x", "{news:zz}:s:x", "{other:0a}:s:x", "{news:"]
        {
            assert_eq!(keys.tag_of(name.as_bytes()), None, "{name}");
        }
    }
}
