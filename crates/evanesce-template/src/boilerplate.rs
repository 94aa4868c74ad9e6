//! What every issue says, and what names its reader: none of it is an insight.

/// Whether a statement is about the newsletter itself, or greets, or thanks.
/// `words` are those of the statement, in lower case.
pub(crate) fn is_boilerplate(words: &[String]) -> bool {
    const OPENINGS: [&str; 16] = [
        "best",
        "cheers",
        "dear",
        "discuss",
        "forwarded",
        "goodbye",
        "hello",
        "hey",
        "hi",
        "kind",
        "none",
        "nothing",
        "sadly",
        "sincerely",
        "thank",
        "thanks",
    ];
    const PHRASES: [&str; 55] = [
        "add it to the calendar",
        "add us to",
        "add a link to the event",
        "express your opinions",
        "full report",
        "submit quotes",
        "appear in this list",
        "to get involved",
        "all rights reserved",
        "always wanted to contribute",
        "at the bottom of this",
        "be listed here",
        "being listed here",
        "click here",
        "copyright",
        "edited by",
        "every week the team",
        "every week we",
        "email preferences",
        "find any errors",
        "follow us",
        "forward this",
        "if you are running",
        "if you no longer",
        "in your inbox",
        "let us know if",
        "manage your",
        "opt out",
        "our sponsor",
        "privacy policy",
        "read online",
        "refer a friend",
        "see you next",
        "send me",
        "send us",
        "share this",
        "sponsored by",
        "submit a pr",
        "submit tasks",
        "submit your",
        "tag us",
        "terms of service",
        "this email",
        "this message was sent",
        "this newsletter",
        "this section highlights",
        "this week's issue",
        "toot us",
        "tweet us",
        "unsubscribe",
        "update your preferences",
        "view in your browser",
        "want something mentioned",
        "were approved this week",
        "you receive this",
    ];
    let first = words.first().map_or("", String::as_str);
    let empty = first == "no" && words.iter().any(|word| word == "were" || word == "entered");
    if empty || OPENINGS.contains(&first) {
        return true;
    }
    let text = format!(" {} ", words.join(" "));
    PHRASES.iter().any(|phrase| {
        text.match_indices(phrase)
            .any(|(at, _)| text[..at].ends_with(' ') && text[at + phrase.len()..].starts_with(' '))
    })
}

/// Whether a text holds an e-mail address, or a way to write one.
pub(crate) fn has_address(text: &str) -> bool {
    let encoded = ["mailto:", "%40", "&#64;", "&#x40;", "&commat;"];
    encoded.iter().any(|sign| text.contains(sign))
        || text.match_indices(['@', '＠']).any(|(at, sign)| {
            let local = text[..at].chars().next_back();
            let domain: &str = &text[at + sign.len()..];
            let domain = domain.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.'));
            let domain = domain.take(1).next().unwrap_or("").trim_end_matches('.');
            local.is_some_and(|c| c.is_alphanumeric() || "._%+-\"".contains(c))
                && domain.contains('.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn the_letter_itself_is_no_news() {
        for text in [
            "You receive this as a member.",
            "Unsubscribe at any time",
            "Hello and welcome to another issue",
            "Thanks to everyone who wrote",
            "No calls for papers were submitted this week.",
            "Copyright 2026, all rights reserved",
        ] {
            assert!(is_boilerplate(&words(text)), "{text}");
        }
        assert!(!is_boilerplate(&words("Copyrighted works: what changes for libraries")));
        assert!(!is_boilerplate(&words("Send usage figures by Monday")));
    }

    #[test]
    fn addresses_are_found_however_written() {
        for text in [
            "reader@example.org",
            "<a.b+c@example.co.uk>",
            "[me](mailto:x)",
            "x&#64;example.org",
            "?e=x%40example.org",
            "\"odd\"@example.org",
            "grüße@müller.example",
        ] {
            assert!(has_address(text), "{text}");
        }
        for text in ["@handle", "a @ b.c", "name@host", "3 @ 4.5", ""] {
            assert!(!has_address(text), "{text}");
        }
    }
}
