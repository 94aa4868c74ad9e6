use evanesce_core::Timestamp;

use crate::InvalidSignal;
use crate::bits::{Bits, Ids};

/// A consent string of the Transparency and Consent Framework, version 2, as a consent
/// platform keeps it (IAB Europe, "Transparency and Consent String with Global Vendor &
/// CMP List Formats", version 2.2).
///
/// It says what somebody chose on a platform that this service has not asked; whether a
/// purpose of this service is meant, the program maps by itself, and it is never a grant:
/// a grant is asked for here.
///
/// ```
/// use evanesce_consent::TcString;
/// let tc = TcString::parse("CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAAAAAAAAAAA.IAAA.YAAAAAAAAAAA")?;
/// assert_eq!((tc.platform, tc.purposes.contains(1)), (880, false));
/// # Ok::<(), evanesce_consent::InvalidSignal>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TcString {
    /// When it was made first, to a tenth of a second.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    /// The number of the platform that wrote it.
    pub platform: u16,
    /// The platform's version.
    pub platform_version: u16,
    /// The screen on which it was chosen.
    pub screen: u16,
    /// The language in which it was asked (ISO 639-1, capitals).
    pub language: [u8; 2],
    /// The version of the list of vendors.
    pub vendor_list: u16,
    /// The version of the framework's policies.
    pub policy: u16,
    /// Whether it is for one site only.
    pub is_service_specific: bool,
    /// Whether the platform used words of its own.
    pub has_own_texts: bool,
    /// Whether purpose 1 was told without asking.
    pub is_purpose_one_told: bool,
    /// The publisher's country (ISO 3166-1, capitals).
    pub country: [u8; 2],
    /// Special features that were opted into.
    pub features: Ids,
    /// Purposes with consent.
    pub purposes: Ids,
    /// Purposes with a legitimate interest that was told and not objected to.
    pub interests: Ids,
    /// Vendors with consent.
    pub vendors: Ids,
    /// Vendors with a legitimate interest that was told and not objected to.
    pub vendor_interests: Ids,
    /// What the publisher forbids or changes.
    pub restrictions: Vec<Restriction>,
    /// Vendors that were shown.
    pub disclosed: Ids,
    /// Vendors that the publisher lets act.
    pub allowed: Ids,
    /// The publisher's own purposes.
    pub publisher: Publisher,
}

/// What a publisher forbids or changes for some vendors.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restriction {
    /// For this purpose.
    pub purpose: u16,
    /// 0 forbids it, 1 asks for consent, 2 for a legitimate interest.
    pub kind: u8,
    /// For these vendors.
    pub vendors: Ids,
}

/// What was chosen for the publisher itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Publisher {
    /// Purposes with consent.
    pub purposes: Ids,
    /// Purposes with a legitimate interest.
    pub interests: Ids,
    /// How many purposes of its own it has.
    pub own: u16,
    /// Own purposes with consent.
    pub own_purposes: Ids,
    /// Own purposes with a legitimate interest.
    pub own_interests: Ids,
}

/// The longest string that is read.
const LONGEST: usize = 64 * 1024;

impl TcString {
    /// Reads a string, in a time that is linear in its length.
    ///
    /// # Errors
    /// [`InvalidSignal`].
    pub fn parse(text: &str) -> Result<Self, InvalidSignal> {
        if text.len() > LONGEST {
            return Err(InvalidSignal::TooLong);
        }
        let mut segments = text.split('.');
        let mut read = Self::core(Bits::new(segments.next().unwrap_or_default())?)?;
        for segment in segments {
            let mut bits = Bits::new(segment)?;
            match bits.number(3)? {
                1 => read.disclosed = vendors(&mut bits)?,
                2 => read.allowed = vendors(&mut bits)?,
                3 => read.publisher = publisher(&mut bits)?,
                _ => return Err(InvalidSignal::Value),
            }
        }
        Ok(read)
    }

    fn core(mut bits: Bits<'_>) -> Result<Self, InvalidSignal> {
        if bits.number(6)? != 2 {
            return Err(InvalidSignal::Version);
        }
        let bits = &mut bits;
        Ok(Self {
            created: tenths(bits)?,
            updated: tenths(bits)?,
            platform: bits.small(12)?,
            platform_version: bits.small(12)?,
            screen: bits.small(6)?,
            language: bits.letters()?,
            vendor_list: bits.small(12)?,
            policy: bits.small(6)?,
            is_service_specific: bits.flag()?,
            has_own_texts: bits.flag()?,
            features: bits.set(12)?,
            purposes: bits.set(24)?,
            interests: bits.set(24)?,
            is_purpose_one_told: bits.flag()?,
            country: bits.letters()?,
            vendors: vendors(bits)?,
            vendor_interests: vendors(bits)?,
            restrictions: restrictions(bits)?,
            disclosed: Ids::default(),
            allowed: Ids::default(),
            publisher: Publisher::default(),
        })
    }
}

fn tenths(bits: &mut Bits<'_>) -> Result<Timestamp, InvalidSignal> {
    Ok(Timestamp::from_millis(bits.number(36)? * 100))
}

fn vendors(bits: &mut Bits<'_>) -> Result<Ids, InvalidSignal> {
    let most = bits.small(16)?;
    if bits.flag()? { ranges(bits) } else { bits.set(most) }
}

fn ranges(bits: &mut Bits<'_>) -> Result<Ids, InvalidSignal> {
    let mut ids = Ids::default();
    for _ in 0..bits.number(12)? {
        let is_range = bits.flag()?;
        let first = bits.small(16)?;
        let last = if is_range { bits.small(16)? } else { first };
        ids.add(first, last)?;
    }
    Ok(ids.ordered())
}

fn restrictions(bits: &mut Bits<'_>) -> Result<Vec<Restriction>, InvalidSignal> {
    let mut read = Vec::new();
    for _ in 0..bits.number(12)? {
        let (purpose, kind) = (bits.small(6)?, bits.number(2)? as u8);
        read.push(Restriction { purpose, kind, vendors: ranges(bits)? });
    }
    Ok(read)
}

fn publisher(bits: &mut Bits<'_>) -> Result<Publisher, InvalidSignal> {
    let (purposes, interests, own) = (bits.set(24)?, bits.set(24)?, bits.small(6)?);
    Ok(Publisher {
        purposes,
        interests,
        own,
        own_purposes: bits.set(own)?,
        own_interests: bits.set(own)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &str =
        "CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA";

    #[test]
    fn a_known_string_is_read() {
        let tc = TcString::parse(KNOWN).unwrap();
        assert_eq!(tc.created.to_string(), "2022-01-01T00:00:00Z");
        assert_eq!((tc.platform, tc.vendor_list, tc.policy), (880, 48, 2));
        assert_eq!((&tc.language, &tc.country), (b"EN", b"DE"));
        assert_eq!(tc.vendors.iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(tc.disclosed.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 100, 404]);
    }

    #[test]
    fn what_is_no_such_string_is_told_apart() {
        assert_eq!(TcString::parse(""), Err(InvalidSignal::Encoding));
        assert_eq!(TcString::parse(&format!("{KNOWN}==")), Err(InvalidSignal::Encoding));
        assert_eq!(TcString::parse(&format!(".{KNOWN}")), Err(InvalidSignal::Encoding));
        assert_eq!(TcString::parse(&format!("B{}", &KNOWN[1..])), Err(InvalidSignal::Version));
        assert_eq!(TcString::parse(&KNOWN[..20]), Err(InvalidSignal::Truncated));
        assert_eq!(TcString::parse(&"C".repeat(70_000)), Err(InvalidSignal::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[C-D][A-Za-z0-9_-]{0,120}(\\.[A-Za-z0-9_-]{0,40}){0,3}") {
            let _ = TcString::parse(&text);
        }

        #[test]
        fn a_cut_string_never_says_more(end in 0..KNOWN.len()) {
            if let Ok(cut) = TcString::parse(&KNOWN[..end]) {
                let whole = TcString::parse(KNOWN).unwrap();
                prop_assert!(cut.vendors.iter().all(|id| whole.vendors.contains(id)));
                prop_assert!(cut.disclosed.iter().all(|id| whole.disclosed.contains(id)));
            }
        }
    }
}
