//! Rows about whether a person is asked again, answered by evanesce-consent. A row is
//! a call of another library as it stands in its tests; what the call gives is
//! translated into the words of this one.

use evanesce_consent::{Asking, LastAnswer, Method, Surface};
use evanesce_core::{Digest, PurposeId};
use evanesce_crypto::sha256;
use serde_json::Value;

use crate::row::{judged, text};

/// None for another row.
pub(crate) fn answer(row: &Value) -> Option<Value> {
    let expected = row["ask_again"].as_bool()?;
    let due = text(row, "given").and_then(Call::read).and_then(|call| call.is_due());
    Some(judged(due == Some(expected), "Asking::is_due"))
}

/// What a call is made with, beginning with what the tests' file gives all of them:
/// one notice on a banner, accepted, in version 1.
struct Call {
    experience: String,
    cookie: String,
    saved: String,
    options: String,
}

impl Call {
    fn read(given: &str) -> Option<Self> {
        let mut fields = top_level(given);
        let mut take = |name: &str| {
            let place = fields.iter().position(|(key, _)| key == name)?;
            Some(fields.swap_remove(place).1)
        };
        Some(Self {
            experience: take("experience")?,
            cookie: take("cookie")?,
            saved: take("savedConsent")?,
            options: take("options")?,
        })
    }

    fn is_due(&self) -> Option<bool> {
        let experience = self.experience.as_str();
        if experience == "undefined" {
            // There is nothing to ask about.
            return Some(Asking::new([]).is_due(None));
        }
        let is_framework = experience.contains("mockTCFExperience");
        let asked = match value(experience, "privacy_notices").as_deref() {
            Some("[]") => Vec::new(),
            _ => vec![purpose("notice1")?],
        };
        let mut asking = Asking::new(asked).on(self.surface(is_framework)?);
        for method in value(experience, "resurface_behavior").iter().flat_map(|list| quoted(list)) {
            asking = asking.again_after(method_of(&method)?);
        }
        let version = match value(experience, "version_hash").as_deref() {
            Some("undefined") => None,
            Some(text) => Some(version_of(text)),
            None => is_framework.then(|| version_of("v1")),
        };
        if let Some(version) = version {
            asking = asking.in_version(version);
        }
        if self.options.contains("fidesConsentOverride") {
            asking = asking.decided_elsewhere();
        }
        Some(asking.is_due(self.last(is_framework)?.as_ref()))
    }

    fn surface(&self, is_framework: bool) -> Option<Surface> {
        if self.options.contains("fidesDisableBanner: true") {
            return Some(Surface::Off);
        }
        if self.options.contains("fidesModalDisplay") {
            return Some(Surface::Modal);
        }
        let component = value(&self.experience, "component");
        match component.as_deref() {
            Some("ComponentType.HEADLESS") => Some(Surface::Headless),
            Some("ComponentType.MODAL") => Some(Surface::Modal),
            Some("ComponentType.BANNER_AND_MODAL") => Some(Surface::Banner),
            None if is_framework => {
                let vendors = value(&self.experience, "vendor_count");
                Some(Surface::Framework { vendors: vendors.and_then(|count| count.parse().ok()) })
            }
            None => Some(Surface::Banner),
            Some(_) => None,
        }
    }

    // For a framework an answer is its string, else the saved choices.
    fn last(&self, is_framework: bool) -> Option<Option<LastAnswer>> {
        let saved = match self.saved.as_str() {
            "undefined" if !is_framework => return Some(None),
            "undefined" => Vec::new(),
            "mockSavedConsent" => vec!["notice1".to_owned()],
            object => {
                top_level(object.trim_matches(['{', '}'])).into_iter().map(|it| it.0).collect()
            }
        };
        if self.cookie == "undefined" {
            return Some(None);
        }
        let method = match value(&self.cookie, "consentMethod") {
            Some(method) => method_of(method.strip_prefix("ConsentMethod.")?)?,
            None => Method::Accepted,
        };
        let decided = saved.iter().map(|name| purpose(name)).collect::<Option<Vec<_>>>()?;
        let last = LastAnswer::new(method, decided);
        Some(Some(if is_framework { last.to_version(version_of("v1")) } else { last }))
    }
}

fn method_of(name: &str) -> Option<Method> {
    match name.to_ascii_lowercase().as_str() {
        "accept" => Some(Method::Accepted),
        "dismiss" => Some(Method::Dismissed),
        "gpc" => Some(Method::Signalled),
        "reject" => Some(Method::Refused),
        "save" => Some(Method::Chosen),
        _ => None,
    }
}

fn purpose(name: &str) -> Option<PurposeId> {
    PurposeId::parse(name).ok()
}

fn version_of(text: &str) -> Digest {
    sha256(text.trim_matches('"').as_bytes())
}

fn quoted(list: &str) -> Vec<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

// The value of a key wherever it stands in the text of an object.
fn value(object: &str, key: &str) -> Option<String> {
    let (_, rest) = object.split_once(&format!("{key}: "))?;
    top_level(&format!("it: {rest}")).into_iter().next().map(|(_, value)| value)
}

// The fields of an object's text, whose values may be objects and lists.
fn top_level(text: &str) -> Vec<(String, String)> {
    let (mut parts, mut depth, mut part) = (Vec::new(), 0_i32, String::new());
    for character in text.chars() {
        depth += match character {
            '{' | '[' => 1,
            '}' | ']' => -1,
            _ => 0,
        };
        if depth < 0 {
            break;
        }
        if character == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
    }
    parts.push(part);
    let field = |part: &String| {
        let (key, value) = part.split_once(':')?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    parts.iter().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(given: &str, again: bool) -> Value {
        answer(&json!({ "given": given, "ask_again": again })).unwrap()["outcome"].clone()
    }

    #[test]
    fn a_call_is_translated() {
        let call = |experience: &str, cookie: &str, saved: &str, options: &str| {
            format!(
                "experience: {experience}, cookie: {cookie}, savedConsent: {saved}, options: {options},"
            )
        };
        let plain = call("mockExperience", "mockCookie", "mockSavedConsent", "{}");
        assert_eq!((outcome(&plain, false), outcome(&plain, true)), (json!("pass"), json!("fail")));
        let never = call("mockExperience", "mockCookie", "undefined", "{}");
        assert_eq!(outcome(&never, true), "pass");
        let gpc = "{ ...mockCookie, fides_meta: { consentMethod: ConsentMethod.GPC }, }";
        assert_eq!(outcome(&call("mockExperience", gpc, "mockSavedConsent", "{}"), true), "pass");
        let empty = "{ ...mockExperience, privacy_notices: [] }";
        assert_eq!(outcome(&call(empty, "mockCookie", "undefined", "{}"), false), "pass");
        let framework = "{ ...mockTCFExperience, meta: { version_hash: \"v2\" } }";
        let changed = call(framework, "mockCookie", "mockSavedConsent", "{}");
        assert_eq!(outcome(&changed, true), "pass");
    }

    #[test]
    fn what_cannot_be_read_fails() {
        assert_eq!(outcome("experience: mockExperience", false), "fail");
        assert_eq!(answer(&json!({ "given": "x" })), None);
    }
}
