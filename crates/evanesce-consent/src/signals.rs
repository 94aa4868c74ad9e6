use evanesce_core::Date;

use crate::GppString;

// A document of two members has no need of more.
const LONGEST: usize = 16 * 1024;

/// What the person's browser says with a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Signals {
    gpc: bool,
}

impl Signals {
    /// No signal.
    #[must_use]
    pub const fn none() -> Self {
        Self { gpc: false }
    }

    /// Global Privacy Control, from the values of the request's `Sec-GPC` header lines.
    /// It is set by the value `1` alone; any other value is as if there were none
    /// (Global Privacy Control, W3C, section 3.2). Of several lines one is enough.
    #[must_use]
    pub fn from_sec_gpc<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { gpc: values.into_iter().any(|value| value.trim_ascii() == b"1") }
    }

    /// With what a string of the Global Privacy Platform says: an opt-out of sale, sharing
    /// or targeted advertising under any law counts as Global Privacy Control does. It
    /// only adds an objection, and takes none away.
    #[must_use]
    pub fn with_gpp(self, gpp: &GppString) -> Self {
        Self { gpc: self.gpc || gpp.opts_out() }
    }

    /// Whether the browser asks that the person's data be not used beyond what is
    /// needed.
    #[must_use]
    pub const fn objects(&self) -> bool {
        self.gpc
    }
}

/// The document at `/.well-known/gpc.json` of a service that honours Global Privacy
/// Control, as of a day (section 4 of the same).
#[must_use]
pub fn well_known_gpc(last_update: Date) -> String {
    format!("{{\"gpc\":true,\"lastUpdate\":\"{last_update}\"}}")
}

/// Whether the site that this document is from says that it honours the signal; `None`
/// if the document says nothing of the kind. As the specification wants it, `gpc` is
/// `true` or `false` and nothing else, and further members are passed over.
#[must_use]
pub fn read_well_known_gpc(document: &str) -> Option<bool> {
    #[derive(serde::Deserialize)]
    struct Said {
        gpc: bool,
    }
    let is_read = document.len() <= LONGEST;
    is_read.then(|| serde_json::from_str::<Said>(document).ok()).flatten().map(|said| said.gpc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_a_signal() {
        assert!(Signals::from_sec_gpc(Some(&b"1"[..])).objects());
        assert!(Signals::from_sec_gpc(Some(&b" 1 "[..])).objects());
        for value in ["", "0", "true", "11", "1, 1", "1;x", "?1", "\u{ff11}"] {
            assert!(!Signals::from_sec_gpc(Some(value.as_bytes())).objects(), "{value}");
        }
        assert_eq!(Signals::from_sec_gpc(None), Signals::none());
        assert!(Signals::from_sec_gpc([&b"0"[..], b"1"]).objects());
    }

    #[test]
    fn a_platform_adds_an_objection_and_takes_none_away() {
        let out = GppString::parse("DBABTA~1YYN").unwrap();
        let not = GppString::parse("DBABTA~1YNN").unwrap();
        let gpc = Signals::from_sec_gpc([&b"1"[..]]);
        assert!(Signals::none().with_gpp(&out).objects());
        assert!(!Signals::none().with_gpp(&not).objects());
        assert!(gpc.with_gpp(&not).objects());
    }

    #[test]
    fn a_document_says_yes_or_no_or_nothing() {
        let date = Date::new(2026, 1, 2).unwrap();
        assert_eq!(read_well_known_gpc(&well_known_gpc(date)), Some(true));
        assert_eq!(read_well_known_gpc(r#"{"gpc":false,"more":[1]}"#), Some(false));
        for nothing in ["gpc=true", "{}", r#"{"gpc":"true"}"#, r#"{"gpc":1}"#, "true", "[]", ""] {
            assert_eq!(read_well_known_gpc(nothing), None, "{nothing}");
        }
        let long = format!(r#"{{"gpc":true,"x":"{}"}}"#, "x".repeat(20_000));
        assert_eq!(read_well_known_gpc(&long), None);
    }

    #[test]
    fn the_document_is_json() {
        let text = well_known_gpc(Date::new(2026, 1, 2).unwrap());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::json!({ "gpc": true, "lastUpdate": "2026-01-02" }));
    }
}
