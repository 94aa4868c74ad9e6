//! What kind of insight a statement is, told by its own words and its heading.

use std::str::FromStr;

use evanesce_core::Date;

/// What one can do with an insight.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum InsightKind {
    /// The newsletter asks the reader to do something.
    Action,
    /// Something works differently from now on.
    Change,
    /// Something happens at a time and a place.
    Event,
    /// A number that a decision can rest on.
    Figure,
    /// Instructions to follow.
    HowTo,
    /// A statement of weight.
    Note,
    /// Somebody is wanted, for pay.
    Opening,
    /// Somebody is wanted, to take part.
    Participation,
    /// Something to read, hear or see.
    Reading,
    /// A new thing, or a new version of one.
    Release,
}

impl InsightKind {
    /// All kinds, in alphabetical order.
    pub const ALL: [Self; 10] = [
        Self::Action,
        Self::Change,
        Self::Event,
        Self::Figure,
        Self::HowTo,
        Self::Note,
        Self::Opening,
        Self::Participation,
        Self::Reading,
        Self::Release,
    ];

    /// Its name in lower case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Change => "change",
            Self::Event => "event",
            Self::Figure => "figure",
            Self::HowTo => "how-to",
            Self::Note => "note",
            Self::Opening => "opening",
            Self::Participation => "participation",
            Self::Reading => "reading",
            Self::Release => "release",
        }
    }

    // What the kind alone is worth. A note needs more than that to be an insight.
    pub(crate) const fn base(self) -> u32 {
        match self {
            Self::Action | Self::Participation | Self::Release => 40,
            Self::HowTo => 38,
            Self::Change | Self::Event => 34,
            Self::Opening => 32,
            Self::Figure => 30,
            Self::Reading => 28,
            Self::Note => 10,
        }
    }
}

/// A statement as the rules see it.
pub(crate) struct Signals<'a> {
    pub(crate) statement: &'a str,
    pub(crate) words: &'a [String],
    pub(crate) heading: &'a [String],
    /// It is an item of a list.
    pub(crate) item: bool,
    /// It carries a link.
    pub(crate) linked: bool,
}

impl Signals<'_> {
    pub(crate) fn kind(&self) -> InsightKind {
        use InsightKind as Kind;
        let text = format!(" {} ", self.words.join(" "));
        let heading = format!(" {} ", self.heading.join(" "));
        let says = |phrases: &[&str]| contains(&text, phrases);
        let under = |phrases: &[&str]| self.item && contains(&heading, phrases);
        let dated = date(self.statement).is_some() || self.names_a_day();
        if says(OPENINGS)
            || (under(&["jobs", "careers", "vacancies", "hiring", "openings"]) && !dated)
        {
            Kind::Opening
        } else if self.item && dated && !says(PARTICIPATION) && !self.is_imperative()
            || says(EVENTS) && (self.item || dated)
        {
            Kind::Event
        } else if says(PARTICIPATION) || under(&["participation", "cfp", "help wanted", "calls"]) {
            Kind::Participation
        } else if says(HOW_TO) || under(&["walkthroughs", "tutorials", "guides", "how to"]) {
            Kind::HowTo
        } else if says(RELEASES) || (self.linked && self.names_a_version()) {
            Kind::Release
        } else if self.is_imperative() {
            if self.item && self.linked && self.is_change() { Kind::Change } else { Kind::Action }
        } else if self.is_change() {
            Kind::Change
        } else if self.has_figure() {
            Kind::Figure
        } else if self.item && self.linked {
            Kind::Reading
        } else {
            Kind::Note
        }
    }

    pub(crate) fn has_number(&self) -> bool {
        self.statement.bytes().any(|b| b.is_ascii_digit())
    }

    // `Try …`, `Please update …`, `You should …`.
    fn is_imperative(&self) -> bool {
        let mut words = self.words.iter().map(String::as_str);
        let first = words.next().unwrap_or("");
        let verb = match first {
            "please" | "don't" | "never" | "always" | "now" | "then" | "first" => words.next(),
            "you" if matches!(words.next(), Some("should" | "must" | "need" | "can")) => {
                return true;
            }
            _ => Some(first),
        };
        verb.is_some_and(|verb| IMPERATIVES.binary_search(&verb).is_ok())
    }

    // Half of the world's change lists begin with a bare verb, with or without the
    // name of a part before it.
    fn is_change(&self) -> bool {
        let known = |word: &str| CHANGES.binary_search(&word).is_ok();
        let after = self.statement.split_once(": ").map_or("", |(_, rest)| rest);
        let after = after.split(' ').next().unwrap_or("").to_lowercase();
        self.words.first().is_some_and(|word| known(word))
            || known(&after)
            || self.words.iter().any(|word| CHANGED.contains(&word.as_str()))
    }

    fn has_figure(&self) -> bool {
        self.has_number()
            && (self.statement.contains(['%', '€', '$', '£'])
                || self.words.iter().any(|word| FIGURES.contains(&word.as_str())))
    }

    // `v1.2`, `1.2.3`; two numbers alone are as often a price.
    fn names_a_version(&self) -> bool {
        self.statement.split([' ', ':', ',', '(', ')']).any(|token| {
            let bare = token.strip_prefix(['v', 'V']).unwrap_or(token).trim_end_matches('.');
            let parts = bare.split('.').count();
            let begins = bare.bytes().next().is_some_and(|b| b.is_ascii_digit());
            let digits = bare
                .split('.')
                .take(2)
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
            begins && digits && parts >= 2 && (parts >= 3 || self.item || bare.len() < token.len())
        })
    }

    // `March 3`, `3 March`, `Sep 30.`, `Friday`.
    fn names_a_day(&self) -> bool {
        self.words.windows(2).any(|pair| match pair {
            [a, b] => (is_month(a) && is_day(b)) || (is_day(a) && is_month(b)),
            _ => false,
        })
    }
}

/// The first day that a text names as `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<Date> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '-'))
        .filter(|token| token.len() == 10)
        .find_map(|token| Date::from_str(token).ok())
}

fn contains(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| {
        text.match_indices(phrase)
            .any(|(at, _)| text[..at].ends_with(' ') && text[at + phrase.len()..].starts_with(' '))
    })
}

fn is_month(word: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    word.len() >= 3 && MONTHS.iter().any(|month| month.starts_with(word))
}

fn is_day(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.len() <= 2 && digits.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day))
}

const EVENTS: &[&str] = &[
    "conference",
    "hack and learn",
    "hack night",
    "hackathon",
    "livestream",
    "meetup",
    "open day",
    "open house",
    "register",
    "rsvp",
    "summit",
    "webinar",
    "workshop",
];

const FIGURES: &[&str] = &[
    "average",
    "billion",
    "cheaper",
    "decreased",
    "dropped",
    "euros",
    "faster",
    "fell",
    "fewer",
    "grew",
    "half",
    "increased",
    "million",
    "percent",
    "reduced",
    "rose",
    "saved",
    "slower",
    "times",
    "twice",
];

const HOW_TO: &[&str] = &[
    "a guide to",
    "a practical guide",
    "a tutorial",
    "best practices",
    "checklist",
    "cheat sheet",
    "getting started",
    "guide to",
    "how i",
    "how to",
    "how we",
    "in practice",
    "introduction to",
    "learn how",
    "lessons from",
    "lessons learned",
    "recipe",
    "step by step",
    "tips for",
    "tutorial",
    "walkthrough",
    "ways to",
];

const OPENINGS: &[&str] = &[
    "apply now",
    "developer at",
    "engineer at",
    "is hiring",
    "job opening",
    "manager at",
    "now hiring",
    "vacancy",
    "we are hiring",
    "we are recruiting",
    "we're hiring",
];

const PARTICIPATION: &[&str] = &[
    "call for",
    "call to",
    "calls for",
    "contributions welcome",
    "contributors",
    "get involved",
    "give feedback",
    "good first issue",
    "help wanted",
    "join our",
    "join the",
    "join us",
    "looking for",
    "maintainers",
    "send your",
    "sign up",
    "survey",
    "take part",
    "volunteer",
    "volunteers",
    "vote for",
    "we need your",
    "your feedback",
];

const RELEASES: &[&str] = &[
    "announcing",
    "changelog",
    "first release",
    "has been released",
    "initial release",
    "introducing",
    "is out",
    "just released",
    "launched",
    "launches",
    "new release",
    "new version",
    "now available",
    "released",
    "releases",
];

// In order, for the binary search.
const IMPERATIVES: [&str; 71] = [
    "add", "adopt", "apply", "ask", "avoid", "back", "backup", "book", "bring", "build", "call",
    "change", "check", "choose", "clean", "collect", "compare", "consider", "create", "cut",
    "decide", "delete", "disable", "download", "drop", "enable", "explore", "find", "follow",
    "get", "give", "install", "invite", "keep", "learn", "let", "limit", "list", "look", "make",
    "measure", "meet", "migrate", "move", "order", "pick", "plan", "prepare", "protect", "read",
    "remember", "remove", "replace", "review", "rotate", "schedule", "set", "share", "start",
    "stop", "switch", "talk", "test", "track", "try", "turn", "update", "upgrade", "use", "watch",
    "write",
];

// In order, for the binary search.
const CHANGES: [&str; 42] = [
    "accept",
    "account",
    "add",
    "allow",
    "avoid",
    "change",
    "deny",
    "deprecate",
    "detect",
    "disable",
    "disallow",
    "don't",
    "enable",
    "enforce",
    "extend",
    "fix",
    "handle",
    "implement",
    "improve",
    "make",
    "mark",
    "merge",
    "move",
    "optimize",
    "override",
    "point",
    "prevent",
    "reduce",
    "refactor",
    "remove",
    "rename",
    "replace",
    "report",
    "specialize",
    "stabilise",
    "stabilize",
    "suggest",
    "support",
    "unify",
    "update",
    "use",
    "warn",
];

const CHANGED: &[&str] = &[
    "changed",
    "changes",
    "deprecated",
    "discontinued",
    "implemented",
    "merged",
    "moved",
    "now",
    "optimized",
    "removed",
    "renamed",
    "replaces",
    "stabilization",
    "supports",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn kind(statement: &str, heading: &str, linked: bool) -> InsightKind {
        let (words, heading) = (words(statement), words(heading));
        Signals { statement, words: &words, heading: &heading, item: linked, linked }.kind()
    }

    #[test]
    fn lists_are_in_order() {
        assert!(IMPERATIVES.is_sorted());
        assert!(CHANGES.is_sorted());
    }

    #[test]
    fn kinds_follow_the_words() {
        use InsightKind as Kind;
        for (statement, heading, linked, expected) in [
            ("Rotate your passwords before you travel.", "", false, Kind::Action),
            ("Rotate the door codes before 2026-03-01.", "", true, Kind::Action),
            ("Please check the brakes.", "", false, Kind::Action),
            ("2026-08-05 | Virtual (Cardiff, UK) | Book Club", "Virtual", true, Kind::Event),
            ("Sep 30. Taipei, TW - Meetup", "", true, Kind::Event),
            ("Fix crash when trying to list attributes", "Rustdoc", true, Kind::Change),
            ("The membership fee rose to 40 euros.", "", false, Kind::Figure),
            ("How to prune an apple tree", "", true, Kind::HowTo),
            ("Senior gardener", "Jobs", true, Kind::Opening),
            ("Kevat 0.4.0 for everybody", "", true, Kind::Release),
            ("Take part in the survey before 2026-12-10", "", true, Kind::Participation),
            ("Rusoto: looking for a successor", "", true, Kind::Participation),
            ("Three bugs my agents met", "", true, Kind::Reading),
            ("Three bugs my agents met", "", false, Kind::Note),
        ] {
            assert_eq!(kind(statement, heading, linked), expected, "{statement}");
        }
    }

    #[test]
    fn only_real_days_are_dates() {
        assert_eq!(date("on 2026-08-05 |").map(|d| d.to_string()), Some("2026-08-05".into()));
        assert_eq!(date("2026-02-30 and 12345-01-01"), None);
    }
}
