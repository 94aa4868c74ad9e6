//! Rules about Rust source, read without its comments and texts.

use super::Finding;

const MOST_LINES: usize = 600;
const CLOCKS: [&str; 4] =
    ["SystemTime::now", "Instant::now", "OffsetDateTime::now_utc", "Utc::now"];
const PRINTS: [&str; 5] = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
const BANNED: [&str; 10] = [
    "Common", "Commons", "Handler", "Handlers", "Helper", "Helpers", "Manager", "Managers", "Util",
    "Utils",
];

/// Everything that one file of Rust breaks.
pub(crate) fn check(place: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let mut found = Vec::new();
    if text.lines().count() > MOST_LINES {
        found.push(Finding::new(place, format!("has more than {MOST_LINES} lines: split it")));
    }
    let is_library = place.starts_with("crates/");
    if is_library
        && place.ends_with("/src/lib.rs")
        && !may_be_unsafe(place)
        && !forbids_unsafe(&code)
    {
        found.push(Finding::new(place, "must say #![forbid(unsafe_code)]"));
    }
    let tests_from = tests_from(place, &code);
    for (number, line) in code.lines().enumerate() {
        let mut say = |message: &str| {
            found.push(Finding::new(format!("{place}:{}", number + 1), message));
        };
        if !may_be_unsafe(place) && holds(line, "unsafe") {
            say("unsafe belongs in evanesce-memory");
        }
        if !may_read_clocks(place) && CLOCKS.iter().any(|clock| holds(line, clock)) {
            say("time comes through Clock (crates/evanesce-core/src/clock.rs)");
        }
        if !may_print(place) && number < tests_from && PRINTS.iter().any(|print| holds(line, print))
        {
            say("a library does not print");
        }
        if let Some(name) = banned_name(line) {
            say(&format!("{name}: say what it does, not that it does something"));
        }
    }
    found
}

// The benches call peers whose interface is unsafe.
fn may_be_unsafe(place: &str) -> bool {
    place.starts_with("crates/evanesce-memory/") || place.starts_with("benches/")
}

fn may_read_clocks(place: &str) -> bool {
    place == "crates/evanesce-core/src/clock.rs"
        || place.starts_with("xtask/")
        || place.starts_with("benches/")
}

fn may_print(place: &str) -> bool {
    // A suite says what it tried.
    ["crates/evanesce-cli/", "crates/evanesce-testkit/", "examples/", "xtask/", "benches/"]
        .iter()
        .any(|folder| place.starts_with(folder))
        || place.ends_with("/src/tests.rs")
}

fn forbids_unsafe(code: &str) -> bool {
    code.lines()
        .any(|line| line.trim_start().starts_with("#![forbid(") && line.contains("unsafe_code"))
}

// The first line, counted from 0, from which on a file is tests, which may print.
fn tests_from(place: &str, code: &str) -> usize {
    if place.contains("/tests/") {
        return 0;
    }
    code.lines().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(usize::MAX)
}

// Whether a line holds the word, and not as a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let ends = word.ends_with('!') || !after.is_some_and(is_word);
        ends && !before.is_some_and(is_word)
    })
}

fn banned_name(line: &str) -> Option<&str> {
    let mut words =
        line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let declares = |word: &str| matches!(word, "enum" | "struct" | "trait" | "type" | "union");
    words.find(|word| declares(word))?;
    let name = words.next()?;
    camel_parts(name).any(|part| BANNED.contains(&part)).then_some(name)
}

fn camel_parts(name: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = name
        .char_indices()
        .filter(|(_, c)| c.is_uppercase() || *c == '_')
        .map(|(at, _)| at)
        .collect();
    starts.push(name.len());
    let ends = starts.clone().into_iter().skip(1);
    starts.into_iter().zip(ends).map(|(from, to)| name[from..to].trim_matches('_'))
}

/// The source with its comments, texts and characters blanked, line for line.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

// How many bytes at the start of `rest` are no code.
fn skipped(rest: &str, before: Option<char>) -> usize {
    let bytes = rest.as_bytes();
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(bytes);
    }
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return if bytes[0] == b'"' { quoted(bytes, 1) } else { 0 };
    }
    let prefix = rest.bytes().take_while(|byte| matches!(byte, b'b' | b'c' | b'r')).count();
    let hashes = rest[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let open = prefix + hashes;
    let is_raw = rest[..prefix].ends_with('r');
    match bytes.get(open) {
        Some(b'"') if prefix <= 2 && is_raw => {
            let close = format!("\"{}", "#".repeat(hashes));
            rest[open + 1..].find(&close).map_or(rest.len(), |at| open + 1 + at + close.len())
        }
        Some(b'"') if prefix <= 1 && hashes == 0 => quoted(bytes, open + 1),
        Some(b'\'') if prefix <= 1 && hashes == 0 => {
            character(&rest[open..]).map_or(0, |length| open + length)
        }
        _ => 0,
    }
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

// From behind the opening quote to behind the closing one.
fn quoted(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

// `'a'` and `'\n'` are characters, `'a` alone is a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (escaped, _) = chars.next()?;
        let end = rest[escaped + 1..].find('\'')?;
        return Some(escaped + 1 + end + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(place: &str, text: &str) -> Vec<String> {
        check(place, text).iter().map(ToString::to_string).collect()
    }

    const INSIDE: &str = "crates/evanesce-session/src/store.rs";

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = "let a = \"unsafe \\\" {\"; // unsafe\n/* unsafe /* */ unsafe */ let b = r#\"unsafe \" \"#;\nlet c = '\"'; let d: &'static str = \"unsafe\"; let e = b'\\''; let f = br\"unsafe\";\n";
        let code = code_only(text);
        assert!(!code.contains("unsafe"), "{code}");
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(
            code.contains("let c =") && code.contains("'static str") && code.contains("let f ="),
            "{code}"
        );
    }

    #[test]
    fn unsafe_is_red_but_in_one_crate() {
        let text = "fn a() {\n    unsafe { b() }\n}\n";
        assert_eq!(
            messages(INSIDE, text),
            [format!("{INSIDE}:2: unsafe belongs in evanesce-memory")]
        );
        assert!(messages("crates/evanesce-memory/src/page.rs", text).is_empty());
        assert!(messages(INSIDE, "#![deny(unsafe_code)] // unsafe\n").is_empty());
    }

    #[test]
    fn a_library_that_does_not_forbid_unsafe_is_red() {
        let place = "crates/evanesce-session/src/lib.rs";
        assert_eq!(messages(place, "//! #![forbid(unsafe_code)]\n").len(), 1);
        assert!(messages(place, "#![forbid(unsafe_code)]\n").is_empty());
    }

    #[test]
    fn a_clock_is_red_but_in_one_file() {
        for clock in CLOCKS {
            let text = format!("let now = std::time::{clock}();\n");
            assert_eq!(messages(INSIDE, &text).len(), 1, "{clock}");
            assert!(messages("crates/evanesce-core/src/clock.rs", &text).is_empty());
            assert!(messages("xtask/src/main.rs", &text).is_empty());
        }
        assert!(messages(INSIDE, "let now = self.clock.now(); MyInstant::now();\n").is_empty());
    }

    #[test]
    fn printing_is_red_but_in_tests_and_programs() {
        for print in PRINTS {
            let text = format!("fn a() {{ {print}(1); }}\n");
            assert_eq!(messages(INSIDE, &text).len(), 1, "{print}");
            assert!(messages("crates/evanesce-cli/src/main.rs", &text).is_empty());
            assert!(messages("examples/newsletter.rs", &text).is_empty());
            assert!(messages("crates/evanesce-session/tests/server.rs", &text).is_empty());
            assert!(
                messages(INSIDE, &format!("#[cfg(test)]\nmod tests {{\n{text}}}\n")).is_empty()
            );
        }
    }

    #[test]
    fn a_long_file_is_red() {
        assert!(messages(INSIDE, &"// a\n".repeat(600)).is_empty());
        assert_eq!(messages(INSIDE, &"// a\n".repeat(601)).len(), 1);
    }

    #[test]
    fn an_empty_name_is_red() {
        for text in [
            "pub struct SessionManager;",
            "enum HelperKind {}",
            "pub(crate) trait EventHandler {}",
            "type Utils = ();",
        ] {
            assert_eq!(messages(INSIDE, text).len(), 1, "{text}");
        }
        for text in [
            "struct Utility;",
            "struct Managed;",
            "fn handler() {}",
            "struct Uncommon;",
            "use a::SessionManager;",
        ] {
            assert!(messages(INSIDE, text).is_empty(), "{text}");
        }
    }
}
