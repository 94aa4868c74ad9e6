use crate::json::Parser;
use crate::redact::WHOLE;

/// Fields of JSON documents whose values never leave, whatever they are: passwords,
/// notes, whole objects.
///
/// A path is a row of keys with dots between, `user.address.street`; a key with other
/// signs than letters, digits, `_` and `$` stands in brackets and quotes, `a["x-y"]`; `*`
/// and `[*]` stand for every key or element, `[2]` for one element. A key is compared after
/// its escapes are decoded, and of one that is there twice both values go.
///
/// ```
/// use evanesce_detect::Fields;
/// let fields = Fields::parse(["user.password", "notes[*].text"])?;
/// let out = fields.redact(r#"{"user": {"password": "x", "id": 7}}"#);
/// assert_eq!(out.as_deref(), Some(r#"{"user": {"password": "<REDACTED>", "id": 7}}"#));
/// assert!(Fields::parse(["user..password"]).is_err());
/// # Ok::<(), evanesce_detect::BadPath>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fields {
    paths: Vec<Vec<Segment>>,
    mark: String,
}

#[derive(Clone, Debug)]
enum Segment {
    Any,
    Index(usize),
    Key(Box<str>),
}

/// Where the walk is: a key of an object or a place in an array.
#[derive(Clone, Copy)]
enum Step<'t> {
    Index(usize),
    Key(&'t str),
}

/// A path that cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a path of a field cannot be read")]
#[non_exhaustive]
pub struct BadPath {
    /// Which of the paths, from 0.
    pub number: usize,
}

// Deeper paths are refused, as deeper documents are.
const DEEPEST: usize = 64;

impl Fields {
    /// The fields at these paths.
    ///
    /// # Errors
    /// [`BadPath`] for the first that cannot be read.
    pub fn parse<'p>(paths: impl IntoIterator<Item = &'p str>) -> Result<Self, BadPath> {
        let read = |(number, path)| segments(path).ok_or(BadPath { number });
        let paths = paths.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { paths, mark: quoted(WHOLE) })
    }

    /// With another text in the place of the values.
    #[must_use]
    pub fn marked(mut self, mark: &str) -> Self {
        self.mark = quoted(mark);
        self
    }

    /// The document without the values of these fields; none for a text that is no JSON
    /// (RFC 8259) or is nested more than 64 deep, which is to be held back.
    #[must_use]
    pub fn redact(&self, json: &str) -> Option<String> {
        let mut parser = Parser::new(json);
        let mut spans = Vec::new();
        let all: Vec<_> = (0..self.paths.len()).map(|path| (path, 0)).collect();
        self.walk(&mut parser, &all, 0, &mut spans)?;
        if parser.next().is_some() {
            return None;
        }
        let mut out = String::with_capacity(json.len());
        let mut done = 0;
        for (start, end) in spans {
            out.push_str(json.get(done..start)?);
            out.push_str(&self.mark);
            done = end;
        }
        out.push_str(json.get(done..)?);
        Some(out)
    }

    // `active` are the paths that lead here, with how much of each is done.
    fn walk(
        &self,
        parser: &mut Parser<'_>,
        active: &[(usize, usize)],
        depth: usize,
        spans: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        let open = parser.next()?;
        if active.is_empty() || !matches!(open, b'{' | b'[') {
            return parser.skip(depth);
        }
        let close = if open == b'{' { b'}' } else { b']' };
        if depth >= DEEPEST {
            return None;
        }
        parser.take(open)?;
        let mut index = 0;
        if parser.next()? == close {
            return parser.take(close);
        }
        loop {
            let next = if open == b'{' {
                let key = parser.key()?;
                parser.take(b':')?;
                self.advance(active, Step::Key(&key))
            } else {
                index += 1;
                self.advance(active, Step::Index(index - 1))
            };
            parser.next()?;
            let start = parser.at();
            match next {
                Some(next) => self.walk(parser, &next, depth + 1, spans)?,
                None => {
                    parser.skip(depth + 1)?;
                    spans.push((start, parser.at()));
                }
            }
            if parser.next()? != b',' {
                return parser.take(close);
            }
            parser.take(b',')?;
        }
    }

    // The paths that lead one step on; none if one of them ends there.
    fn advance(&self, active: &[(usize, usize)], step: Step<'_>) -> Option<Vec<(usize, usize)>> {
        let mut next = Vec::new();
        for &(path, done) in active {
            let Some(segment) = self.paths.get(path).and_then(|it| it.get(done)) else { continue };
            if segment.is(step) {
                if done + 1 == self.paths[path].len() {
                    return None;
                }
                next.push((path, done + 1));
            }
        }
        Some(next)
    }
}

impl Segment {
    fn is(&self, step: Step<'_>) -> bool {
        match (self, step) {
            (Self::Any, _) => true,
            (Self::Index(n), Step::Index(i)) => *n == i,
            (Self::Index(n), Step::Key(key)) => key == n.to_string(),
            (Self::Key(name), Step::Key(key)) => **name == *key,
            (Self::Key(_), Step::Index(_)) => false,
        }
    }
}

fn segments(path: &str) -> Option<Vec<Segment>> {
    let (mut out, mut rest) = (Vec::new(), path);
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    while !rest.is_empty() && out.len() < DEEPEST {
        if let Some(inner) = rest.strip_prefix('[') {
            let (segment, after) = bracketed(inner)?;
            out.push(segment);
            rest = after;
        } else {
            let part = if out.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = part.find(|c| !name(c)).unwrap_or(part.len());
            let (key, after) = part.split_at(end);
            if let Some(after) = part.strip_prefix('*') {
                out.push(Segment::Any);
                rest = after;
            } else if key.starts_with(|c: char| c.is_ascii_digit()) || key.is_empty() {
                return None;
            } else {
                out.push(Segment::Key(key.into()));
                rest = after;
            }
        }
    }
    (rest.is_empty() && !out.is_empty()).then_some(out)
}

// After the bracket: `*]`, `12]`, or a key in one of three kinds of quotes.
fn bracketed(inner: &str) -> Option<(Segment, &str)> {
    if let Some(after) = inner.strip_prefix("*]") {
        return Some((Segment::Any, after));
    }
    let quote = inner.chars().next()?;
    if matches!(quote, '"' | '\'' | '`') {
        let (key, after) = inner[1..].split_once(quote)?;
        let after = after.strip_prefix(']')?;
        return (!key.is_empty()).then(|| (Segment::Key(key.into()), after));
    }
    let (digits, after) = inner.split_once(']')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    Some((Segment::Index(digits.parse().ok().filter(|_| plain)?), after))
}

// As a string of JSON.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(paths: &[&str], json: &str) -> Option<String> {
        Fields::parse(paths.iter().copied()).unwrap().marked("-").redact(json)
    }

    #[test]
    fn each_path_takes_its_values_and_no_others() {
        for (paths, json, out) in [
            (
                &["a.b"][..],
                r#"{"a": {"b": 1, "c": 2}, "b": 3}"#,
                r#"{"a": {"b": "-", "c": 2}, "b": 3}"#,
            ),
            (&["a.*"], r#"{"a": [1, {"x": 2}], "b": 3}"#, r#"{"a": ["-", "-"], "b": 3}"#),
            (
                &["*.c", "*.*.c"],
                r#"{"a": {"c": 1}, "b": {"d": {"c": [2]}}}"#,
                r#"{"a": {"c": "-"}, "b": {"d": {"c": "-"}}}"#,
            ),
            (&["a[1].b"], r#"{"a": [{"b": 1}, {"b": 2}]}"#, r#"{"a": [{"b": 1}, {"b": "-"}]}"#),
            (&["[\"x-y\"]['z z']"], r#"{"x-y": {"z z": {}}}"#, r#"{"x-y": {"z z": "-"}}"#),
            (&["a"], r#"{"\u0061": 1, "a": 2, "A": 3}"#, r#"{"\u0061": "-", "a": "-", "A": 3}"#),
            (&["a.b"], r#"{"a": "s"}"#, r#"{"a": "s"}"#),
            (&["a"], "7", "7"),
        ] {
            assert_eq!(redacted(paths, json).as_deref(), Some(out), "{paths:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_not_given_back() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for json in ["", "{", r#"{"a": 1} x"#, r#"{"a" 1}"#, r#"{"a": tru}"#, &deep] {
            assert_eq!(redacted(&["a", "*.*"], json), None, "{json}");
        }
    }

    #[test]
    fn paths_that_cannot_be_read_are_refused_by_their_number() {
        for path in [
            "", ".", "a.", "a..b", ".a", "a b", "a-b", "1a", "a[", "a[]", "a[x]", "a[\"\"]",
            "a[\"b\"", "a*", "@",
        ] {
            let refused = Fields::parse(["fine", path]).map(|_| ());
            assert_eq!(refused, Err(BadPath { number: 1 }), "{path}");
        }
        assert!(Fields::parse(["a.".repeat(100).trim_end_matches('.')]).is_err());
    }

    proptest! {
        #[test]
        fn no_value_of_a_field_is_left_and_every_other_is(
            keys in prop::collection::vec("[a-c]", 0..8), path in "(a|b|\\*)(\\.(a|b|\\*)){0,2}"
        ) {
            // Objects in objects, each with a number that stands nowhere else.
            let mut json = String::from("0");
            for (i, key) in keys.iter().enumerate() {
                json = format!("{{\"x\": {}, \"{key}\": {json}}}", 1000 + i);
            }
            let out = redacted(&[&path], &json).unwrap();
            prop_assert!(redacted(&[&path], &out).is_some_and(|again| again == out));
            let wanted: Vec<&str> = path.split('.').collect();
            let names: Vec<&str> = keys.iter().rev().map(String::as_str).collect();
            let is = |n: usize, name: &str| wanted[n] == "*" || wanted[n] == name;
            let depth = wanted.len();
            let hit = names.len() >= depth && (0..depth).all(|n| is(n, names[n]));
            // What lies deeper than the path is there unless the path leads to it.
            for (i, _) in keys.iter().enumerate() {
                let level = keys.len() - 1 - i;
                let own = level + 1 == depth && (0..level).all(|n| is(n, names[n])) && is(level, "x");
                let gone = (hit && level >= depth) || own;
                prop_assert_eq!(out.contains(&(1000 + i).to_string()), !gone, "{} {}", json, path);
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}\":,a1\\\\ é]{0,60}", path in "[a.*\\[\\]\"'0-9$]{0,12}") {
            if let Ok(fields) = Fields::parse([path.as_str()]) {
                let _ = fields.redact(&text);
            }
        }
    }
}
