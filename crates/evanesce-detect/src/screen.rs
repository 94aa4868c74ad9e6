use std::collections::BTreeSet;
use std::sync::Arc;

use evanesce_core::{Blocked, Label, Screen};

use crate::{Finding, Forbidden, Kind, Scanner, forms, json};

/// The look at what leaves: it holds back whatever has personal data or secrets
/// in it, beyond what is allowed by kind, or by kind in one field of a JSON
/// document. Bytes are read as UTF-8 and, where they look like it, as UTF-16. What cannot
/// be read to its end is held back as `UNFINISHED`: a payload over the scanner's limit, and
/// one that is compressed, unless [`allow_packed`](Self::allow_packed) says otherwise.
///
/// ```
/// use evanesce_core::Screen;
/// use evanesce_detect::{EgressScreen, Kind, Scanner};
///
/// let screen = EgressScreen::new(Scanner::default()).allow_at("reply_to", Kind::Email);
/// assert!(screen.screen(br#"{"reply_to": "desk@example.org"}"#).is_ok());
/// assert!(screen.screen(br#"{"note": "desk@example.org"}"#).is_err());
/// ```
#[derive(Clone)]
pub struct EgressScreen {
    scanner: Scanner,
    allowed: BTreeSet<Kind>,
    fields: BTreeSet<(Box<str>, Kind)>,
    forbidden: Vec<Arc<Forbidden>>,
    packed: Packed,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Packed {
    HeldBack,
    LetThrough,
}

impl EgressScreen {
    /// A screen that lets no kind through.
    #[must_use]
    pub const fn new(scanner: Scanner) -> Self {
        Self {
            scanner,
            allowed: BTreeSet::new(),
            fields: BTreeSet::new(),
            forbidden: Vec::new(),
            packed: Packed::HeldBack,
        }
    }

    /// Lets a kind through everywhere.
    #[must_use]
    pub fn allow(mut self, kind: Kind) -> Self {
        self.allowed.insert(kind);
        self
    }

    /// Lets a kind through in one field, such as `items[].email`, where the payload
    /// is a JSON document.
    #[must_use]
    pub fn allow_at(mut self, path: &str, kind: Kind) -> Self {
        self.fields.insert((path.into(), kind));
        self
    }

    /// Holds back what has one of these values in it, allowed or not.
    #[must_use]
    pub fn forbid(mut self, forbidden: Arc<Forbidden>) -> Self {
        self.forbidden.push(forbidden);
        self
    }

    /// Lets compressed payloads through, which nobody has looked into.
    #[must_use]
    pub const fn allow_packed(mut self) -> Self {
        self.packed = Packed::LetThrough;
        self
    }

    fn offending(&self, text: &str) -> BTreeSet<&'static str> {
        let mut found = self.scanner.scan_all(text);
        found.retain(|f| !self.allowed.contains(&f.kind));
        if !found.is_empty() && !self.fields.is_empty() {
            self.retain_outside_fields(text, &mut found);
        }
        found.iter().map(|f| f.kind.name()).collect()
    }

    // Both lists are in order of place, so one pass over the document is enough.
    fn retain_outside_fields(&self, text: &str, found: &mut Vec<Finding>) {
        let mut allowed = vec![false; found.len()];
        let mut first = 0;
        let is_json = json::values(text, |path, start, end| {
            while found.get(first).is_some_and(|f| f.start < start) {
                first += 1;
            }
            let here = found.iter().enumerate().skip(first).take_while(|(_, f)| f.start < end);
            for (i, f) in here {
                allowed[i] = f.end <= end && self.fields.contains(&(path.into(), f.kind));
            }
        });
        if is_json {
            let mut allowed = allowed.into_iter();
            found.retain(|_| !allowed.next().unwrap_or(false));
        }
    }
}

impl Screen for EgressScreen {
    fn screen(&self, payload: &[u8]) -> Result<(), Blocked> {
        let packed = self.packed == Packed::HeldBack && forms::is_packed(payload);
        if packed || payload.len() > self.scanner.rules.limit {
            return Err(blocked(["UNFINISHED"]));
        }
        let mut kinds = BTreeSet::new();
        forms::readings(payload, |text| {
            kinds.extend(self.offending(text));
            if self.forbidden.iter().any(|forbidden| forbidden.is_in(text)) {
                kinds.insert("FORBIDDEN");
            }
        });
        if kinds.is_empty() { Ok(()) } else { Err(blocked(kinds)) }
    }
}

fn blocked(kinds: impl IntoIterator<Item = &'static str>) -> Blocked {
    Blocked::new(kinds.into_iter().map(Label::new).collect())
}

#[cfg(test)]
mod tests {
    use evanesce_core::Released;

    use super::*;
    use crate::Rules;

    fn kinds(screen: &EgressScreen, payload: &str) -> Vec<String> {
        match screen.screen(payload.as_bytes()) {
            Ok(()) => Vec::new(),
            Err(blocked) => blocked.kinds().iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn an_address_inside_an_allowed_url_is_held_back() {
        let screen = EgressScreen::new(Scanner::default()).allow(Kind::Url);
        assert!(kinds(&screen, "see https://example.org/issue/7").is_empty());
        for at in ["@", "%40"] {
            let url = format!("see https://example.org/?to=reader{at}example.org");
            assert_eq!(kinds(&screen, &url), ["EMAIL_ADDRESS"]);
        }
    }

    #[test]
    fn a_field_lets_through_its_kind_and_no_other() {
        let screen = EgressScreen::new(Scanner::default()).allow_at("a[].b", Kind::Email);
        assert!(
            kinds(&screen, r#"{"a": [{"b": "x@example.org"}, {"b": "y@example.org"}]}"#).is_empty()
        );
        assert!(!kinds(&screen, r#"{"a": [{"b": "4111111111111111"}]}"#).is_empty());
        assert!(!kinds(&screen, r#"{"a": {"b": "x@example.org"}}"#).is_empty());
        // Said twice, of which a reader keeps either; a key that is an address; a torn document.
        assert!(
            !kinds(&screen, r#"{"a": "x@example.org", "a": [{"b": "y@example.org"}]}"#).is_empty()
        );
        assert!(!kinds(&screen, r#"{"a": [{"x@example.org": 1}]}"#).is_empty());
        assert!(!kinds(&screen, r#"{"a": [{"b": "x@example.org"}]"#).is_empty());
    }

    #[test]
    fn what_cannot_be_finished_is_held_back() {
        let screen = EgressScreen::new(Scanner::new(Rules::new().limit(64)));
        assert!(screen.screen(&[b'a'; 64]).is_ok());
        assert_eq!(kinds(&screen, &"a".repeat(65)), ["UNFINISHED"]);
    }

    #[test]
    fn what_is_packed_is_held_back_unless_that_is_allowed() {
        let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";
        let screen = EgressScreen::new(Scanner::default());
        assert!(screen.screen(packed).is_err());
        assert!(screen.allow_packed().screen(packed).is_ok());
    }

    #[test]
    fn wide_text_hides_nothing() {
        let screen = EgressScreen::new(Scanner::default());
        let wide =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        assert!(screen.screen(&wide("to reader@example.org")).is_err());
        assert!(screen.screen(&wide("to nobody at all")).is_ok());
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hide_what_is() {
        let screen = EgressScreen::new(Scanner::default());
        assert!(screen.screen(b"\xff\xfe reader@example.org \xff").is_err());
        assert!(screen.screen(b"\xff\xfe nothing here \xff").is_ok());
    }

    #[test]
    fn a_forbidden_value_does_not_leave_in_any_form_or_field() {
        let mut values = Forbidden::new([3; 8]);
        values.add("Quartermain").unwrap();
        let screen = EgressScreen::new(Scanner::default()).forbid(Arc::new(values));
        for text in ["quartermain", r#"{"x": "UXVhcnRlcm1haW4="}"#, "517561727465726d61696e"] {
            assert_eq!(kinds(&screen, text), ["FORBIDDEN"], "{text}");
        }
        assert!(Released::screen("a letter".to_owned(), &screen).is_ok());
    }
}
