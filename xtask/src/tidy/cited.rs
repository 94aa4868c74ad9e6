//! Sentences of the documentation name the tests that show them: those tests exist.

use std::collections::BTreeSet;

use super::Finding;

/// The documents whose code words with three underscores or more, or with a path, are
/// names of tests.
pub(crate) const CITING: [&str; 3] =
    ["docs/detection.md", "docs/formats.md", "docs/threat-model.md"];

/// The names of the functions in a Rust file, and the words that stand alone on a line of
/// a macro call, which is how suites make their tests.
pub(crate) fn functions(text: &str, known: &mut BTreeSet<String>) {
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("fn ") {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            known.insert(rest[..end].to_owned());
        }
        let inner = line.trim().trim_start_matches("server_test!(");
        let end = inner.find(|c: char| !is_word(c)).unwrap_or(inner.len());
        if end > 0 && inner[end..].starts_with([',', ';', ')']) {
            known.insert(inner[..end].to_owned());
        }
    }
}

/// Names of tests that no file has.
pub(crate) fn missing(place: &str, text: &str, known: &BTreeSet<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // What stands between two backticks is every other part.
        for cited in line.split('`').skip(1).step_by(2) {
            let name = cited.rsplit("::").next().unwrap_or(cited);
            if is_test(cited, name) && !known.contains(name) {
                found.push(Finding::new(
                    format!("{place}:{}", number + 1),
                    format!("names the test {name}, which no file has"),
                ));
            }
        }
    }
    found
}

fn is_test(cited: &str, name: &str) -> bool {
    let least = if cited.contains("::") { 2 } else { 3 };
    name.chars().all(is_word)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.matches('_').count() >= least
}

fn is_word(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_not_there_is_red() {
        let mut known = BTreeSet::new();
        functions(
            "async fn one_that_is_there() {\nserver_test!(made_by_a_macro, |s| x);\n",
            &mut known,
        );
        functions("suite! {\n    listed_in_a_suite,\n}\n", &mut known);
        let text = "So (`session::one_that_is_there`, `made_by_a_macro`, `listed_in_a_suite`), and\n\
                    `crypto::seal`, `Type::A_B_C_D`, and `one_that_is_not_there`.";
        let found = missing("docs/a.md", text, &known);
        let message = "names the test one_that_is_not_there, which no file has";
        assert_eq!(found, [Finding::new("docs/a.md:2", message)]);
    }
}
