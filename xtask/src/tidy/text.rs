//! Rules about every file, whatever its language.

use super::Finding;

/// Paths that exist on one machine only. They are put together here so that
/// this file does not hold them.
fn machines() -> [String; 4] {
    ["work", "root", "home", "farm"].map(|name| format!("/{name}/"))
}

/// A path that starts at the root of somebody's machine.
pub(crate) fn machine_paths(place: &str, text: &str) -> Vec<Finding> {
    let machines = machines();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if machines.iter().any(|path| starts_there(line, path)) {
            found.push(Finding::new(
                format!("{place}:{}", number + 1),
                "holds a path of one machine",
            ));
        }
    }
    found
}

// `https://host/home/` and `$HOME/work/` go on from something: they are no such path.
fn starts_there(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')' | '~' | '*')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_red() {
        for path in machines() {
            let text = format!("fine\nsee {path}data and \"{path}\"\n");
            let found = machine_paths("docs/a.md", &text);
            assert_eq!(found, [Finding::new("docs/a.md:2", "holds a path of one machine")]);
        }
    }

    #[test]
    fn an_address_or_a_relative_path_is_fine() {
        for [before, path] in [["https://example.org", "home"], ["target", "work"], ["..", "work"]]
        {
            assert!(machine_paths("a", &format!("{before}/{path}/x")).is_empty());
        }
    }
}
