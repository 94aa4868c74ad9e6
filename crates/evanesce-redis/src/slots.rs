use evanesce_core::Error;
use evanesce_session::Tag;

use crate::address::Place;
use crate::error::CORRUPT;
use crate::keys::Keys;
use crate::reply::Reply;

/// What of a namespace lies together in one of a cluster's slots: a tag with its
/// sessions and epochs, or the leases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Part(u16);

impl Part {
    pub(crate) const COUNT: usize = 257;
    pub(crate) const LEASES: Self = Self(256);

    pub(crate) const fn tag(tag: Tag) -> Self {
        Self(tag.0 as u16)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=256).map(Self)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which slot each part lies in.
pub(crate) fn slots(keys: &Keys) -> [u16; Part::COUNT] {
    let mut slots = [0; Part::COUNT];
    for (slot, part) in slots.iter_mut().zip(Part::all()) {
        *slot = crc16(keys.hash_tag(part).as_bytes()) % SLOTS;
    }
    slots
}

/// The ranges of slots that `CLUSTER SLOTS` lists, with their primaries. A node that
/// names no host is at the one that was asked.
pub(crate) fn ranges(reply: Reply, asked: &Place) -> Result<Vec<(u16, u16, Place)>, Error> {
    let range = |entry: Reply| {
        let mut entry = entry.list()?.into_iter();
        let mut next = || entry.next().ok_or(CORRUPT);
        let slot = |reply: Reply| u16::try_from(reply.int()?).map_err(|_| CORRUPT);
        let (first, last) = (slot(next()?)?, slot(next()?)?);
        Ok((first, last, node(next()?, asked)?))
    };
    reply.list()?.into_iter().map(range).collect()
}

// Host or address, port, id, and since 7.0 what else it is known by, such as a host name:
// that is what a certificate names.
fn node(reply: Reply, asked: &Place) -> Result<Place, Error> {
    let mut fields = reply.list()?.into_iter();
    let mut next = || fields.next().ok_or(CORRUPT);
    let (preferred, port) = (next()?.bytes()?, next()?.int()?);
    let _id = next()?;
    let port = u16::try_from(port).map_err(|_| CORRUPT)?;
    let known_by = match fields.next() {
        Some(Reply::Array(pairs)) => {
            let (pairs, _) = pairs.as_chunks::<2>();
            pairs.iter().find_map(|pair| match pair {
                [Reply::Bytes(name), Reply::Bytes(host)] if name == b"hostname" => {
                    Some(host.clone())
                }
                _ => None,
            })
        }
        _ => None,
    };
    let stated =
        known_by.into_iter().chain(preferred).find(|host| !host.is_empty() && host != b"?");
    match stated {
        None => Ok(Place::new(&asked.host, port)),
        Some(host) => Ok(Place::new(std::str::from_utf8(&host).map_err(|_| CORRUPT)?, port)),
    }
}

const SLOTS: u16 = 16_384;

/// CRC-16/XMODEM, as the Redis Cluster specification says in its appendix A.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn the_specifications_own_value_is_met() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b"foo") % SLOTS, 12_182);
    }

    #[test]
    fn nodes_are_known_by_their_host_names_where_they_have_one() {
        let asked = Place::new("seed", 1);
        let entry = |node: Vec<Reply>| {
            Reply::Array(vec![Reply::Array(vec![Reply::Int(0), Reply::Int(9), Reply::Array(node)])])
        };
        let place = |node: Vec<Reply>| ranges(entry(node), &asked).map(|r| r[0].2.clone());
        let host = |place: Result<Place, Error>| place.unwrap().host;
        let older = vec![bytes("10.0.0.1"), Reply::Int(7), bytes("id")];
        assert_eq!(host(place(older.clone())), "10.0.0.1");
        let mut newer = older.clone();
        newer.push(Reply::Array(vec![bytes("hostname"), bytes("node.example")]));
        assert_eq!(host(place(newer)), "node.example");
        assert_eq!(host(place(vec![Reply::Nil, Reply::Int(7), bytes("id")])), "seed");
        assert_eq!(host(place(vec![bytes("?"), Reply::Int(7), bytes("id")])), "seed");
        assert!(place(vec![bytes("h"), Reply::Int(70_000), bytes("id")]).is_err());
        assert!(ranges(Reply::Array(vec![Reply::Nil]), &asked).is_err());
        assert!(ranges(Reply::Int(1), &asked).is_err());
    }

    impl Clone for Reply {
        fn clone(&self) -> Self {
            match self {
                Self::Array(elements) => Self::Array(elements.clone()),
                Self::Bytes(bytes) => Self::Bytes(bytes.clone()),
                Self::Int(number) => Self::Int(*number),
                Self::Nil | Self::Refused(_) => Self::Nil,
            }
        }
    }
}
