use evanesce_core::{Basis, Digest, GrantState, PurposeId, Timestamp};
use zeroize::{Zeroize, Zeroizing};

use crate::{Notice, Signals};

const VERSION: u8 = 1;
const MOST: usize = 64;
// Flags, time, notice.
const TAIL: usize = 1 + 8 + 32;

const GIVEN: u8 = 1;
const REFUSED: u8 = 2;
const WITHDRAWN: u8 = 3;
const SIGNALLED: u8 = 4;

/// What one session said, for the session's own sealed record and nowhere else. It
/// is wiped when dropped, and has neither `Debug` nor `Serialize`.
///
/// What counts, from top to bottom:
///
/// | the session | the browser's signal now | state |
/// |---|---|---|
/// | the purpose is not asked about | any | `Absent` |
/// | never answered | none | `Absent` |
/// | never answered | objects | `Refused` |
/// | withdrew | any | `Withdrawn` |
/// | accepted, without the signal | objects | `Withdrawn` |
/// | refused, without the signal | objects | `Refused` |
/// | answered another version of the notice | any other | `Outdated` |
/// | refused | any | `Refused` |
/// | accepted while the browser objected | any | `Live` |
/// | accepted | none | `Live` |
///
/// So a signal beats a grant from before it, and a choice that was made in its
/// presence beats the signal.
#[derive(Default)]
pub struct ConsentRecord {
    choices: Vec<Choice>,
}

struct Choice {
    purpose: PurposeId,
    flags: u8,
    at: u64,
    notice: [u8; 32],
}

impl Choice {
    const fn decision(&self) -> u8 {
        self.flags & 3
    }

    const fn was_signalled(&self) -> bool {
        self.flags & SIGNALLED != 0
    }
}

impl Drop for Choice {
    fn drop(&mut self) {
        self.flags.zeroize();
        self.at.zeroize();
        self.notice.zeroize();
    }
}

impl ConsentRecord {
    /// Nobody was asked.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`InvalidRecord`] for everything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidRecord> {
        let (head, mut rest) = bytes.split_first_chunk::<2>().ok_or(InvalidRecord)?;
        let [version, count] = *head;
        if version != VERSION || usize::from(count) > MOST {
            return Err(InvalidRecord);
        }
        let mut record = Self { choices: Vec::with_capacity(usize::from(count)) };
        for _ in 0..count {
            let choice;
            (choice, rest) = read(rest).ok_or(InvalidRecord)?;
            if record.choice(&choice.purpose).is_some() {
                return Err(InvalidRecord);
            }
            record.choices.push(choice);
        }
        if rest.is_empty() { Ok(record) } else { Err(InvalidRecord) }
    }

    /// The record as bytes that are wiped when dropped: a byte 1, the number of
    /// choices, and for each the length of the purpose's name in one byte, the name,
    /// one byte of flags (1 given, 2 refused, 3 withdrawn; plus 4 if the browser
    /// objected at the time), the time in 8 bytes of milliseconds, big-endian, and
    /// the notice's version of 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let names = self.choices.iter().map(|choice| 1 + choice.purpose.as_str().len());
        let length = 2 + names.map(|name| name + TAIL).sum::<usize>();
        // Once allocated it does not grow, so that no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(VERSION);
        bytes.push(u8::try_from(self.choices.len()).unwrap_or(u8::MAX));
        for choice in &self.choices {
            let name = choice.purpose.as_str().as_bytes();
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(name);
            bytes.push(choice.flags);
            bytes.extend_from_slice(&choice.at.to_be_bytes());
            bytes.extend_from_slice(&choice.notice);
        }
        bytes
    }

    /// The state of the grant for a purpose, by the table above.
    #[must_use]
    pub fn state(&self, purpose: &PurposeId, notice: &Notice, signals: &Signals) -> GrantState {
        let Some(offer) = notice.offer(purpose) else { return GrantState::Absent };
        if offer.basis != Basis::Consent {
            return GrantState::Absent;
        }
        let objects = signals.objects();
        let Some(choice) = self.choice(purpose) else {
            return if objects { GrantState::Refused } else { GrantState::Absent };
        };
        let is_overruled = objects && !choice.was_signalled();
        match choice.decision() {
            WITHDRAWN => GrantState::Withdrawn,
            GIVEN if is_overruled => GrantState::Withdrawn,
            REFUSED if is_overruled => GrantState::Refused,
            _ if choice.notice != *notice.version().as_bytes() => GrantState::Outdated,
            GIVEN => GrantState::Live,
            _ => GrantState::Refused,
        }
    }

    /// When the person chose for or against a purpose, or withdrew.
    #[must_use]
    pub fn decided_at(&self, purpose: &PurposeId) -> Option<Timestamp> {
        self.choice(purpose).map(|choice| Timestamp::from_millis(choice.at))
    }

    /// The version of the notice that the person answered for a purpose.
    #[must_use]
    pub fn answered_version(&self, purpose: &PurposeId) -> Option<Digest> {
        self.choice(purpose).map(|choice| Digest::new(choice.notice))
    }

    /// Takes a grant back; `false` if there was none to take back.
    #[must_use]
    pub fn withdraw(&mut self, purpose: &PurposeId, at: Timestamp) -> bool {
        let choice = self.choices.iter_mut().find(|choice| choice.purpose == *purpose);
        let Some(choice) = choice.filter(|choice| choice.decision() == GIVEN) else { return false };
        choice.flags = WITHDRAWN | choice.flags & SIGNALLED;
        choice.at = at.as_millis();
        true
    }

    /// Makes the browser's signal last: takes back the grants from before it, and
    /// names them.
    #[must_use]
    pub fn heed(&mut self, signals: &Signals, at: Timestamp) -> Vec<PurposeId> {
        let overruled = |choice: &&Choice| {
            signals.objects() && choice.decision() == GIVEN && !choice.was_signalled()
        };
        let purposes: Vec<PurposeId> =
            self.choices.iter().filter(overruled).map(|choice| choice.purpose.clone()).collect();
        for purpose in &purposes {
            let _ = self.withdraw(purpose, at);
        }
        purposes
    }

    pub(crate) fn decide(
        &mut self,
        purpose: PurposeId,
        accepted: bool,
        notice: Digest,
        signals: &Signals,
        at: Timestamp,
    ) {
        let decision = if accepted { GIVEN } else { REFUSED };
        let signalled = if signals.objects() { SIGNALLED } else { 0 };
        self.choices.retain(|choice| choice.purpose != purpose);
        self.choices.push(Choice {
            purpose,
            flags: decision | signalled,
            at: at.as_millis(),
            notice: *notice.as_bytes(),
        });
    }

    fn choice(&self, purpose: &PurposeId) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.purpose == *purpose)
    }
}

/// Bytes are not a consent record of this version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bytes are not a consent record")]
pub struct InvalidRecord;

fn read(bytes: &[u8]) -> Option<(Choice, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (tail, rest) = rest.split_first_chunk::<TAIL>()?;
    let (flags, tail) = tail.split_first()?;
    let (at, notice) = tail.split_first_chunk::<8>()?;
    let choice = Choice {
        purpose: PurposeId::parse(std::str::from_utf8(name).ok()?).ok()?,
        flags: *flags,
        at: u64::from_be_bytes(*at),
        notice: notice.try_into().ok()?,
    };
    let is_known = *flags <= (WITHDRAWN | SIGNALLED) && choice.decision() != 0;
    let is_in_time = choice.at <= Timestamp::MAX.as_millis();
    (is_known && is_in_time).then_some((choice, rest))
}

#[cfg(test)]
mod tests {
    use evanesce_core::Purpose;
    use proptest::prelude::*;

    use super::*;
    use crate::{Analytics, Essential, Performance};

    const OBJECTS: Signals = Signals::none();

    fn objecting() -> Signals {
        Signals::from_sec_gpc(Some(&b"1"[..]))
    }

    fn notice() -> Notice {
        Notice::new("newsletter")
            .unwrap()
            .purpose::<Essential>()
            .and_then(Notice::purpose::<Analytics>)
            .unwrap()
    }

    fn record(accepted: bool, notice: &Notice, signals: &Signals) -> ConsentRecord {
        let mut record = ConsentRecord::new();
        let at = Timestamp::from_millis(60_000);
        record.decide(Analytics::id(), accepted, notice.version(), signals, at);
        record
    }

    #[test]
    fn the_table_of_precedence_holds() {
        use GrantState::{Absent, Live, Outdated, Refused, Withdrawn};
        let (now, none, objects) = (notice(), OBJECTS, objecting());
        let old = Notice::new("newsletter").unwrap().purpose::<Analytics>().unwrap();
        let withdrawn = |signals: &Signals| {
            let mut record = record(true, &notice(), signals);
            assert!(record.withdraw(&Analytics::id(), Timestamp::from_millis(1)));
            record
        };
        // What the session says; the state without a signal; with one.
        let rows = [
            (ConsentRecord::new(), Absent, Refused),
            (withdrawn(&none), Withdrawn, Withdrawn),
            (withdrawn(&objects), Withdrawn, Withdrawn),
            (record(true, &now, &none), Live, Withdrawn),
            (record(true, &now, &objects), Live, Live),
            (record(false, &now, &none), Refused, Refused),
            (record(false, &now, &objects), Refused, Refused),
            (record(true, &old, &none), Outdated, Withdrawn),
            (record(true, &old, &objects), Outdated, Outdated),
            (record(false, &old, &none), Outdated, Refused),
            (record(false, &old, &objects), Outdated, Outdated),
        ];
        for (i, (record, without, with)) in rows.iter().enumerate() {
            assert_eq!(record.state(&Analytics::id(), &now, &none), *without, "row {i}");
            assert_eq!(record.state(&Analytics::id(), &now, &objects), *with, "row {i}");
        }
    }

    #[test]
    fn what_is_not_asked_is_never_a_consent() {
        let notice = notice();
        let mut record = ConsentRecord::new();
        let at = Timestamp::from_millis(0);
        for purpose in [Essential::id(), Performance::id()] {
            record.decide(purpose.clone(), true, notice.version(), &OBJECTS, at);
            assert_eq!(record.state(&purpose, &notice, &OBJECTS), GrantState::Absent);
        }
    }

    #[test]
    fn a_signal_that_was_heeded_lasts() {
        let notice = notice();
        let mut granted = record(true, &notice, &OBJECTS);
        let at = Timestamp::from_millis(120_000);
        assert_eq!(granted.heed(&OBJECTS, at), []);
        assert_eq!(granted.heed(&objecting(), at), [Analytics::id()]);
        assert_eq!(granted.heed(&objecting(), at), []);
        let state = granted.state(&Analytics::id(), &notice, &OBJECTS);
        assert_eq!(state, GrantState::Withdrawn);
        assert_eq!(granted.decided_at(&Analytics::id()), Some(at));

        let mut explicit = record(true, &notice, &objecting());
        assert_eq!(explicit.heed(&objecting(), at), []);
    }

    #[test]
    fn only_a_grant_can_be_withdrawn() {
        let notice = notice();
        let at = Timestamp::from_millis(0);
        assert!(!ConsentRecord::new().withdraw(&Analytics::id(), at));
        assert!(!record(false, &notice, &OBJECTS).withdraw(&Analytics::id(), at));
        let mut granted = record(true, &notice, &OBJECTS);
        assert!(granted.withdraw(&Analytics::id(), at));
        assert!(!granted.withdraw(&Analytics::id(), at));
    }

    proptest! {
        #[test]
        fn a_record_is_read_back(
            choices in prop::collection::btree_map("[a-z0-9_-]{1,32}", (any::<bool>(), any::<bool>(), 0..=Timestamp::MAX.as_millis()), 0..10)
        ) {
            let mut record = ConsentRecord::new();
            for (name, (accepted, objects, at)) in &choices {
                let signals = if *objects { objecting() } else { OBJECTS };
                let purpose = PurposeId::parse(name).unwrap();
                record.decide(purpose, *accepted, Digest::new([5; 32]), &signals, Timestamp::from_millis(*at));
            }
            let bytes = record.to_bytes();
            let read = ConsentRecord::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&*read.to_bytes(), &*bytes);
            for length in 0..bytes.len() {
                prop_assert!(ConsentRecord::from_bytes(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = ConsentRecord::from_bytes(&bytes);
        }

        #[test]
        fn no_flip_panics_or_forges_a_purpose(at in 0_usize..50, bit in 0_u32..8) {
            let mut bytes = record(false, &notice(), &OBJECTS).to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(read) = ConsentRecord::from_bytes(&bytes) {
                prop_assert_eq!(&*read.to_bytes(), &*bytes);
            }
        }
    }

    #[test]
    fn a_purpose_is_in_a_record_once() {
        let notice = notice();
        let bytes = record(true, &notice, &OBJECTS).to_bytes();
        let twice = [&[VERSION, 2][..], &bytes[2..], &bytes[2..]].concat();
        assert!(ConsentRecord::from_bytes(&twice).is_err());
    }
}
