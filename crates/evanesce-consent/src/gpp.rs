use crate::bits::Bits;
use crate::{InvalidSignal, TcString};

/// A string of the Global Privacy Platform (IAB Tech Lab, "Global Privacy Platform
/// String", version 1): one section for each law that was asked under.
///
/// Sections 2, 6, and 7 to 12 are read; others are kept out, and
/// [`unread`](Self::unread) names them.
///
/// ```
/// use evanesce_consent::{GppString, State};
/// let gpp = GppString::parse("DBABBg~BUoAAABY.QA")?;
/// assert_eq!(gpp.states()[0].state, State::California);
/// assert!(!gpp.opts_out()); // 2 is "did not opt out"
/// # Ok::<(), evanesce_consent::InvalidSignal>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GppString {
    tcf: Option<TcString>,
    us_privacy: Option<UsPrivacy>,
    states: Vec<StatePrivacy>,
    unread: Vec<u16>,
}

/// The predecessor for California, in four letters (section 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UsPrivacy {
    /// Whether a notice was given.
    pub notice: Answer,
    /// Whether the sale was opted out of.
    pub opt_out_sale: Answer,
    /// Whether a limited service provider agreement covers it.
    pub lspa: Answer,
}

/// Yes, no, or not applicable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// `N`.
    No,
    /// `-`.
    NotApplicable,
    /// `Y`.
    Yes,
}

impl Answer {
    /// As it is written.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::No => 'N',
            Self::NotApplicable => '-',
            Self::Yes => 'Y',
        }
    }

    const fn read(letter: u8) -> Option<Self> {
        match letter {
            b'N' => Some(Self::No),
            b'-' => Some(Self::NotApplicable),
            b'Y' => Some(Self::Yes),
            _ => None,
        }
    }
}

/// Under whose law a section was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Section 8.
    California,
    /// Section 10.
    Colorado,
    /// Section 12.
    Connecticut,
    /// Section 7: the national approach.
    National,
    /// Section 11.
    Utah,
    /// Section 9.
    Virginia,
}

/// A section of a state of the US.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatePrivacy {
    /// Which.
    pub state: State,
    /// The section's version.
    pub version: u8,
    /// Its fields in their order: the name in the specification and the values. 0 is "not
    /// applicable"; for a notice 1 is "yes", for an opt-out 1 is "opted out" and 2 "did not".
    pub fields: Vec<(&'static str, Vec<u8>)>,
    /// Whether the browser said Global Privacy Control when it was asked.
    pub gpc: Option<bool>,
}

impl StatePrivacy {
    /// The first value of a field; for a field that the state does not have, none.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<u8> {
        let field = self.fields.iter().find(|(field, _)| *field == name);
        field.and_then(|(_, values)| values.first().copied())
    }

    /// Whether sale, sharing or targeted advertising was opted out of, here or by Global
    /// Privacy Control.
    #[must_use]
    pub fn opts_out(&self) -> bool {
        let outs = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];
        self.gpc == Some(true) || outs.iter().any(|name| self.value(name) == Some(1))
    }
}

impl GppString {
    /// Reads a string, in a time that is linear in its length.
    ///
    /// # Errors
    /// [`InvalidSignal`].
    pub fn parse(text: &str) -> Result<Self, InvalidSignal> {
        if text.len() > LONGEST {
            return Err(InvalidSignal::TooLong);
        }
        let mut sections = text.split('~');
        let ids = header(sections.next().unwrap_or_default())?;
        let bodies: Vec<&str> = sections.collect();
        if ids.len() != bodies.len() {
            return Err(InvalidSignal::Sections);
        }
        let mut read = Self::default();
        for (id, body) in ids.into_iter().zip(bodies) {
            match id {
                2 => read.tcf = Some(TcString::parse(body)?),
                6 => read.us_privacy = Some(us_privacy(body)?),
                _ => match layout(id) {
                    Some(layout) => read.states.push(state(layout, body)?),
                    None => read.unread.push(id),
                },
            }
        }
        Ok(read)
    }

    /// The section of the European framework.
    #[must_use]
    pub const fn tcf(&self) -> Option<&TcString> {
        self.tcf.as_ref()
    }

    /// The four letters of the predecessor.
    #[must_use]
    pub const fn us_privacy(&self) -> Option<&UsPrivacy> {
        self.us_privacy.as_ref()
    }

    /// The sections of states.
    #[must_use]
    pub fn states(&self) -> &[StatePrivacy] {
        &self.states
    }

    /// The numbers of sections that are not read.
    #[must_use]
    pub fn unread(&self) -> &[u16] {
        &self.unread
    }

    /// Whether any section opts out of sale, sharing or targeted advertising.
    #[must_use]
    pub fn opts_out(&self) -> bool {
        self.states.iter().any(StatePrivacy::opts_out)
            || self.us_privacy.is_some_and(|old| old.opt_out_sale == Answer::Yes)
    }
}

const LONGEST: usize = 128 * 1024;
/// More sections than there are laws.
const MOST: usize = 256;

// Type 3, version 1, and the sections' numbers as ranges of Fibonacci-coded distances.
fn header(text: &str) -> Result<Vec<u16>, InvalidSignal> {
    let mut bits = Bits::new(text)?;
    if (bits.number(6)?, bits.number(6)?) != (3, 1) {
        return Err(InvalidSignal::Version);
    }
    let (mut ids, mut last) = (Vec::new(), 0_u64);
    for _ in 0..bits.number(12)? {
        let is_range = bits.flag()?;
        let first = last + bits.fibonacci()?;
        last = if is_range { first + bits.fibonacci()? } else { first };
        if last > u64::from(u16::MAX) || ids.len() as u64 + (last - first) >= MOST as u64 {
            return Err(InvalidSignal::Sections);
        }
        ids.extend((first..=last).filter_map(|id| u16::try_from(id).ok()));
    }
    Ok(ids)
}

fn us_privacy(text: &str) -> Result<UsPrivacy, InvalidSignal> {
    let &[version, notice, sale, lspa] = text.as_bytes() else {
        return Err(InvalidSignal::Encoding);
    };
    if version != b'1' {
        return Err(InvalidSignal::Version);
    }
    let read = |letter| Answer::read(letter).ok_or(InvalidSignal::Value);
    Ok(UsPrivacy { notice: read(notice)?, opt_out_sale: read(sale)?, lspa: read(lspa)? })
}

// A state's fields after the version: the name and how many values of two bits.
struct Layout {
    state: State,
    versions: std::ops::RangeInclusive<u8>,
    fields: &'static [(&'static str, usize)],
    // Whether a segment with Global Privacy Control may follow.
    has_gpc: bool,
}

fn layout(section: u16) -> Option<&'static Layout> {
    Some(match section {
        7 => &NATIONAL,
        8 => &CALIFORNIA,
        9 => &VIRGINIA,
        10 => &COLORADO,
        11 => &UTAH,
        12 => &CONNECTICUT,
        _ => return None,
    })
}

const SENSITIVE: &str = "SensitiveDataProcessing";
const CHILD: &str = "KnownChildSensitiveDataConsents";
const MSPA: [(&str, usize); 3] =
    [("MspaCoveredTransaction", 1), ("MspaOptOutOptionMode", 1), ("MspaServiceProviderMode", 1)];

static NATIONAL: Layout = Layout {
    state: State::National,
    versions: 1..=2,
    fields: &[
        ("SharingNotice", 1),
        ("SaleOptOutNotice", 1),
        ("SharingOptOutNotice", 1),
        ("TargetedAdvertisingOptOutNotice", 1),
        ("SensitiveDataProcessingOptOutNotice", 1),
        ("SensitiveDataLimitUseNotice", 1),
        ("SaleOptOut", 1),
        ("SharingOptOut", 1),
        ("TargetedAdvertisingOptOut", 1),
        (SENSITIVE, 16),
        (CHILD, 3),
        ("PersonalDataConsents", 1),
        MSPA[0],
        MSPA[1],
        MSPA[2],
    ],
    has_gpc: true,
};

static CALIFORNIA: Layout = Layout {
    state: State::California,
    versions: 1..=1,
    fields: &[
        ("SaleOptOutNotice", 1),
        ("SharingOptOutNotice", 1),
        ("SensitiveDataLimitUseNotice", 1),
        ("SaleOptOut", 1),
        ("SharingOptOut", 1),
        (SENSITIVE, 9),
        (CHILD, 2),
        ("PersonalDataConsents", 1),
        MSPA[0],
        MSPA[1],
        MSPA[2],
    ],
    has_gpc: true,
};

// Virginia, Colorado and Connecticut ask the same, and differ in how many kinds of
// sensitive data and of children they know.
macro_rules! asks {
    ($sensitive:literal, $child:literal) => {
        &[
            ("SharingNotice", 1),
            ("SaleOptOutNotice", 1),
            ("TargetedAdvertisingOptOutNotice", 1),
            ("SaleOptOut", 1),
            ("TargetedAdvertisingOptOut", 1),
            (SENSITIVE, $sensitive),
            (CHILD, $child),
            MSPA[0],
            MSPA[1],
            MSPA[2],
        ]
    };
}

static VIRGINIA: Layout =
    Layout { state: State::Virginia, versions: 1..=1, fields: asks!(8, 1), has_gpc: false };

static COLORADO: Layout =
    Layout { state: State::Colorado, versions: 1..=1, fields: asks!(7, 1), has_gpc: true };

static CONNECTICUT: Layout =
    Layout { state: State::Connecticut, versions: 1..=1, fields: asks!(8, 3), has_gpc: true };

static UTAH: Layout = Layout {
    state: State::Utah,
    versions: 1..=1,
    fields: &[
        ("SharingNotice", 1),
        ("SaleOptOutNotice", 1),
        ("TargetedAdvertisingOptOutNotice", 1),
        ("SensitiveDataProcessingOptOutNotice", 1),
        ("SaleOptOut", 1),
        ("TargetedAdvertisingOptOut", 1),
        (SENSITIVE, 8),
        (CHILD, 1),
        MSPA[0],
        MSPA[1],
        MSPA[2],
    ],
    has_gpc: false,
};

fn state(layout: &Layout, body: &str) -> Result<StatePrivacy, InvalidSignal> {
    let mut segments = body.split('.');
    let mut core = Bits::new(segments.next().unwrap_or_default())?;
    let version = core.number(6)? as u8;
    if !layout.versions.contains(&version) {
        return Err(InvalidSignal::Version);
    }
    // The national section's first version knows fewer kinds. Strings of either version are
    // met in either length, so that the length tells how they are laid out; kinds that a
    // version knows and a string has no place for are "not applicable".
    let whole: usize = 6 + layout.fields.iter().map(|(_, count)| count * 2).sum::<usize>();
    let is_short = layout.state == State::National && core.len() < whole;
    let mut fields = Vec::with_capacity(layout.fields.len());
    for &(name, count) in layout.fields {
        let told = match name {
            SENSITIVE if is_short => 12,
            CHILD if is_short => 2,
            _ => count,
        };
        let mut values = Vec::with_capacity(count);
        for _ in 0..told {
            values.push(core.number(2)? as u8);
        }
        let known = match name {
            SENSITIVE if layout.state == State::National && version == 1 => 12,
            CHILD if layout.state == State::National && version == 1 => 2,
            _ => count,
        };
        values.resize(known, 0);
        fields.push((name, values));
    }
    let gpc = segments.next().map(gpc).transpose()?;
    if segments.next().is_some() || (gpc.is_some() && !layout.has_gpc) {
        return Err(InvalidSignal::Sections);
    }
    Ok(StatePrivacy { state: layout.state, version, fields, gpc })
}

fn gpc(segment: &str) -> Result<bool, InvalidSignal> {
    let mut bits = Bits::new(segment)?;
    if bits.number(2)? != 1 {
        return Err(InvalidSignal::Value);
    }
    bits.flag()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sections_of_states_are_read() {
        let gpp = GppString::parse("DBABrw~BVAUAAAAAABk.QA~BAAAAABA.YA").unwrap();
        let [national, california] = gpp.states() else { panic!("two sections") };
        assert_eq!((national.state, national.gpc), (State::National, Some(false)));
        assert_eq!(national.value("SaleOptOut"), Some(1));
        assert_eq!((california.state, california.gpc), (State::California, Some(true)));
        assert!(national.opts_out() && california.opts_out() && gpp.opts_out());
        let old = GppString::parse("DBABTA~1YYN").unwrap();
        assert!(old.opts_out());
        assert_eq!(old.us_privacy().unwrap().lspa, Answer::No);
    }

    #[test]
    fn what_is_no_such_string_is_told_apart() {
        assert_eq!(GppString::parse("DBABMA"), Err(InvalidSignal::Sections));
        assert_eq!(GppString::parse("DBABBg~B.AAAABY"), Err(InvalidSignal::Truncated));
        assert_eq!(GppString::parse("CPSG_8AP"), Err(InvalidSignal::Version));
        assert_eq!(GppString::parse("DBABTA~2YYN"), Err(InvalidSignal::Version));
        assert_eq!(GppString::parse("DBABTA~1YYn"), Err(InvalidSignal::Value));
        assert_eq!(GppString::parse(""), Err(InvalidSignal::Encoding));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "DBA[A-Za-z0-9_-]{1,8}(~[A-Z0-9.-]{0,24}){0,4}") {
            let _ = GppString::parse(&text);
        }
    }
}
