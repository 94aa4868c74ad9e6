use evanesce_core::Timestamp;

use crate::packed::{ID, Packed};

/// The records of one tag: a table with open addressing in which what has expired is freed
/// as others come.
///
/// It lies 78 to 88 % full, where a map that doubles lies half empty on average, and costs a
/// record 20 bytes. An id is the output of HKDF over a secret that this library drew, so that
/// its first bytes are a hash that nobody chooses; equal first bytes cost time and nothing else.
#[derive(Clone, Default)]
pub(crate) struct Table {
    // One byte of the id for each place, or 0 where there is none: most searches look at one
    // line of the cache and at one record.
    marks: Vec<u8>,
    places: Vec<Option<Packed>>,
    len: usize,
    // Where the next look for what has expired begins.
    cursor: usize,
}

/// How many places a table grows by at least.
const FEWEST: usize = 8;

/// How many places are looked at with each new record.
pub(crate) const STEP: usize = 3;

impl Table {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// How many places there are, taken or not.
    #[cfg(test)]
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, id: &[u8; ID]) -> Option<&Packed> {
        self.places.get(self.find(id)?)?.as_ref()
    }

    /// Puts a record in, in the place of one with the same id, and frees some of what has
    /// expired: three looks for each new record, where finding one costs a look too. So
    /// after as many new records as there are places, all that had expired is freed, and
    /// more is freed than comes as long as most of it has expired.
    pub(crate) fn insert(&mut self, record: Packed, now: Timestamp) {
        if let Some(place) = self.find(record.id()).and_then(|at| self.places.get_mut(at)) {
            *place = Some(record);
            return;
        }
        self.free_some(now);
        if (self.len + 1) * 8 > self.places.len() * 7 {
            self.resize(self.places.len() + self.places.len() / 8 + FEWEST);
        }
        self.place(record);
    }

    pub(crate) fn remove(&mut self, id: &[u8; ID]) -> Option<Packed> {
        let at = self.find(id)?;
        self.remove_at(at)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Packed> {
        self.places.iter().flatten()
    }

    /// Keeps those that `stays` says, and gives back the room of the others.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&Packed) -> bool) {
        let gone: Vec<_> = self.iter().filter(|held| !stays(held)).map(|held| *held.id()).collect();
        for id in &gone {
            self.remove(id);
        }
        if self.len * 2 < self.places.len() {
            self.resize(self.len + self.len / 4 + FEWEST);
        }
    }

    fn free_some(&mut self, now: Timestamp) {
        for _ in 0..STEP.min(self.places.len()) {
            if self.cursor >= self.places.len() {
                self.cursor = 0;
            }
            let at = self.cursor;
            let expired = |held: &Packed| held.until() <= now;
            if self.places.get(at).and_then(Option::as_ref).is_some_and(expired) {
                // What moves into the gap is looked at next.
                self.remove_at(at);
            } else {
                self.cursor += 1;
            }
        }
    }

    fn find(&self, id: &[u8; ID]) -> Option<usize> {
        let (mark, mut at) = (mark(id), self.home(id)?);
        loop {
            match *self.marks.get(at)? {
                0 => return None,
                held if held == mark && self.places.get(at)?.as_ref()?.is(id) => return Some(at),
                _ => {}
            }
            at = self.after(at);
        }
    }

    fn place(&mut self, record: Packed) {
        if let Some(home) = self.home(record.id()) {
            self.place_from(home, mark(record.id()), record);
        }
    }

    // There is a free place: at most seven of eight are taken.
    fn place_from(&mut self, mut at: usize, mark: u8, record: Packed) {
        while self.marks.get(at).is_some_and(|taken| *taken != 0) {
            at = self.after(at);
        }
        if let (Some(place), Some(marked)) = (self.places.get_mut(at), self.marks.get_mut(at)) {
            (*place, *marked) = (Some(record), mark);
            self.len += 1;
        }
    }

    // Closes the gap by moving up what would not be found behind it.
    fn remove_at(&mut self, at: usize) -> Option<Packed> {
        let removed = self.places.get_mut(at)?.take()?;
        self.len -= 1;
        let (mut gap, mut next) = (at, self.after(at));
        while let Some(held) = self.places.get(next).and_then(Option::as_ref) {
            let home = self.home(held.id())?;
            if self.distance(home, next) >= self.distance(gap, next) {
                let moved = self.places.get_mut(next)?.take();
                *self.marks.get_mut(gap)? = *self.marks.get(next)?;
                *self.places.get_mut(gap)? = moved;
                if gap < self.cursor && next >= self.cursor {
                    self.cursor = gap;
                }
                gap = next;
            }
            next = self.after(next);
        }
        *self.marks.get_mut(gap)? = 0;
        Some(removed)
    }

    fn resize(&mut self, places: usize) {
        let before = std::mem::take(&mut self.places);
        self.marks = vec![0; places];
        self.places = std::iter::repeat_with(|| None).take(places).collect();
        (self.len, self.cursor) = (0, 0);
        // All ids are read before any record is moved: the processor waits for many of them
        // at once.
        let there = before.iter().flatten();
        let homes = there.map(|record| (self.home(record.id()), mark(record.id())));
        let homes: Vec<_> = homes.collect();
        for (record, (home, mark)) in before.into_iter().flatten().zip(homes) {
            if let Some(home) = home {
                self.place_from(home, mark, record);
            }
        }
    }

    /// Where a record lies if nothing is in its way: the share of the table that its first
    /// 8 bytes are of all numbers.
    fn home(&self, id: &[u8; ID]) -> Option<usize> {
        let hash = u64::from_be_bytes(*id.first_chunk()?);
        let home = (u128::from(hash) * self.places.len() as u128) >> 64;
        usize::try_from(home).ok().filter(|home| *home < self.places.len())
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 >= self.places.len() { 0 } else { at + 1 }
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.places.len() - from }
    }
}

// From other bytes than the home, so that neighbours differ in it.
fn mark(id: &[u8; ID]) -> u8 {
    id[ID - 1].max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use evanesce_crypto::Sealed;
    use proptest::prelude::*;

    use super::*;
    use crate::{Record, Version};

    fn packed(id: [u8; ID], version: u64, until: u64) -> Packed {
        let zero = Timestamp::from_millis(0);
        let sealed = [&[1][..], &[0; Sealed::MIN - 1]].concat();
        let record = Record {
            version: Version(version),
            epoch: 1,
            opened: zero,
            expiry: zero,
            absolute: zero,
            idle: Duration::ZERO,
            last_seen: zero,
            sealed: Sealed::from_bytes(sealed).unwrap(),
        };
        Packed::new(&id, &record, Timestamp::from_millis(until))
    }

    // Few ids that lie close together and around the end, so that chains are long.
    fn id(number: u8) -> [u8; ID] {
        let mut id = [number; ID];
        id[..8]
            .copy_from_slice(&(u64::MAX - u64::from(number % 5) * (u64::MAX / 40)).to_be_bytes());
        id
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u64),
        Remove(u8),
        Retain(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (any::<u8>(), 0..3_u64).prop_map(|(id, until)| Step::Insert(id % 64, until)),
            2 => any::<u8>().prop_map(|id| Step::Remove(id % 64)),
            1 => (2..5_u8).prop_map(Step::Retain),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        /// Against a plain map; what has expired (`until` 0) may be gone at any time.
        #[test]
        fn it_is_a_map(steps in steps()) {
            let (mut table, mut model) = (Table::default(), HashMap::new());
            let now = Timestamp::from_millis(0);
            for (version, step) in (1..).zip(steps) {
                match step {
                    Step::Insert(number, until) => {
                        table.insert(packed(id(number), version, until), now);
                        model.insert(id(number), (version, until));
                    }
                    Step::Remove(number) => {
                        let removed = table.remove(&id(number)).map(|held| held.version().0);
                        let expected = model.remove(&id(number));
                        if removed.is_some() || expected.is_some_and(|(_, until)| until > 0) {
                            prop_assert_eq!(removed, expected.map(|(version, _)| version));
                        }
                    }
                    Step::Retain(rest) => {
                        let stays = |id: &[u8; ID]| !id[ID - 1].is_multiple_of(rest);
                        table.retain(|held| stays(held.id()));
                        model.retain(|id, _| stays(id));
                    }
                }
                model.retain(|id, (_, until)| *until > 0 || table.get(id).is_some());
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.iter().count(), model.len());
                for (id, (version, _)) in &model {
                    prop_assert_eq!(table.get(id).map(|held| held.version().0), Some(*version));
                }
            }
        }
    }

    #[test]
    fn what_has_expired_is_freed_as_others_come() {
        let (mut table, now) = (Table::default(), Timestamp::from_millis(10));
        let place = |number: u32| {
            let mut id = [7; ID];
            id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            id
        };
        for number in 0..10_000 {
            table.insert(packed(place(number), 1, 20), now);
        }
        let (places, later) = (table.places(), Timestamp::from_millis(20));
        let new = places as u32;
        for number in 10_000..10_000 + new {
            table.insert(packed(place(number), 1, 30), later);
        }
        assert_eq!(table.len(), new as usize, "each of the 10,000 is gone");
        assert!(table.places() * 3 < places * 4, "and no room was made for them");
    }
}
