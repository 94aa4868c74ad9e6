use evanesce_macros::Ephemeral;

use crate::words::is_content;

/// What an insight is about. The set is closed, so that counting topics never
/// counts people.
#[derive(Clone, Copy, Debug, Ephemeral, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[ephemeral(vocabulary)]
pub enum Topic {
    /// Markets, customers, money, strategy.
    Business,
    /// Openings, salaries, growing in a profession.
    Career,
    /// People doing something together: calls, governance, thanks.
    Community,
    /// Something with a date and a place.
    Event,
    /// Courses, guides, books, things to learn from.
    Learning,
    /// Speed, cost, energy, scale.
    Performance,
    /// New and changed things that one can use or buy.
    Product,
    /// Studies, papers, findings.
    Research,
    /// Safety of systems, data and people.
    Security,
    /// What one works with.
    Tooling,
    /// None of these.
    Other,
}

impl Topic {
    /// All topics, in the order of [`Self::index`].
    pub const ALL: [Self; 11] = [
        Self::Business,
        Self::Career,
        Self::Community,
        Self::Event,
        Self::Learning,
        Self::Performance,
        Self::Product,
        Self::Research,
        Self::Security,
        Self::Tooling,
        Self::Other,
    ];

    /// The labels, in the order of [`Self::index`].
    pub const LABELS: [&'static str; 11] = [
        "business",
        "career",
        "community",
        "event",
        "learning",
        "performance",
        "product",
        "research",
        "security",
        "tooling",
        "other",
    ];

    /// Its name in lower case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The topic with a label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.label() == label)
    }

    // A word of the statement counts three times one of the heading.
    pub(crate) fn of(statement: &[String], heading: &[String]) -> Self {
        let mut votes = [0_u32; Self::ALL.len()];
        for (words, weight) in [(statement, 3), (heading, 1)] {
            for word in words.iter().filter(|word| is_content(word)) {
                for topic in Self::ALL {
                    let known = topic.stems().iter().any(|stem| matches(word, stem));
                    votes[topic.index()] += if known { weight } else { 0 };
                }
            }
        }
        // Of equal topics the first wins: any rule that looks at nothing else will do.
        let most = votes.iter().copied().max().unwrap_or(0);
        let first = Self::ALL.into_iter().find(|topic| votes[topic.index()] == most);
        if most == 0 { Self::Other } else { first.unwrap_or(Self::Other) }
    }

    const fn stems(self) -> &'static [&'static str] {
        match self {
            Self::Business => &[
                "acquisi",
                "audience",
                "brand",
                "budget",
                "business",
                "campaign",
                "cash",
                "competit",
                "conversion",
                "customer",
                "earnings",
                "econom",
                "fee",
                "fees",
                "funding",
                "grant",
                "grants",
                "invest",
                "market",
                "partner",
                "pricing",
                "profit",
                "revenue",
                "sales",
                "sponsor",
                "startup",
                "strateg",
                "supplier",
                "tax",
                "taxes",
            ],
            Self::Career => &[
                "apprentice",
                "career",
                "cv",
                "engineer",
                "hire",
                "hiring",
                "interview",
                "intern",
                "interns",
                "internship",
                "job",
                "jobs",
                "recruit",
                "resume",
                "salar",
                "vacanc",
            ],
            Self::Community => &[
                "ambassador",
                "charity",
                "club",
                "code-of-conduct",
                "communit",
                "contribut",
                "contributor",
                "discussion",
                "donat",
                "feedback",
                "forum",
                "governance",
                "mentor",
                "neighbour",
                "neighbor",
                "participat",
                "petition",
                "survey",
                "team",
                "teams",
                "volunteer",
                "vote",
                "welcome",
            ],
            Self::Event => &[
                "conf",
                "conference",
                "cfp",
                "event",
                "expo",
                "exhibit",
                "festival",
                "hackathon",
                "livestream",
                "meetup",
                "rsvp",
                "speaker",
                "summit",
                "talks",
                "unconference",
                "webinar",
                "workshop",
            ],
            Self::Learning => &[
                "article",
                "beginner",
                "book",
                "books",
                "cheatsheet",
                "course",
                "explain",
                "guide",
                "introduc",
                "learn",
                "lesson",
                "podcast",
                "primer",
                "recipe",
                "retrospective",
                "skill",
                "teach",
                "tips",
                "training",
                "tutorial",
                "understand",
                "walkthrough",
            ],
            Self::Performance => &[
                "benchmark",
                "cache",
                "concurren",
                "cost",
                "costs",
                "efficien",
                "energy",
                "fast",
                "faster",
                "latency",
                "memory",
                "optimi",
                "overhead",
                "parallel",
                "perf",
                "performan",
                "regression",
                "scalab",
                "scaling",
                "speed",
                "speedup",
                "throughput",
            ],
            Self::Product => &[
                "announc",
                "app",
                "available",
                "beta",
                "changelog",
                "deprecat",
                "edition",
                "feature",
                "launch",
                "product",
                "release",
                "roadmap",
                "ships",
                "shipping",
                "stabili",
                "subscription",
                "update",
                "upgrade",
                "version",
            ],
            Self::Research => &[
                "academ",
                "analys",
                "clinical",
                "data",
                "dataset",
                "evidence",
                "experiment",
                "findings",
                "journal",
                "laborator",
                "paper",
                "research",
                "scien",
                "statistic",
                "studies",
                "study",
                "theor",
                "thesis",
                "trial",
                "universit",
            ],
            Self::Security => &[
                "advisor",
                "attack",
                "authenticat",
                "backup",
                "breach",
                "crypto",
                "cve",
                "encrypt",
                "exploit",
                "fraud",
                "gdpr",
                "hack",
                "leak",
                "malware",
                "passkey",
                "password",
                "patch",
                "phishing",
                "privacy",
                "protect",
                "ransom",
                "safe",
                "safety",
                "secur",
                "soundness",
                "threat",
                "unsafe",
                "virus",
                "vulnerab",
            ],
            Self::Tooling => &[
                "api",
                "automat",
                "build",
                "cargo",
                "cli",
                "clippy",
                "compiler",
                "crate",
                "debug",
                "deploy",
                "docker",
                "editor",
                "framework",
                "git",
                "ide",
                "integrat",
                "kernel",
                "kubernetes",
                "librar",
                "lint",
                "linter",
                "package",
                "parser",
                "plugin",
                "sdk",
                "software",
                "spreadsheet",
                "template",
                "tool",
                "toolchain",
                "tooling",
                "tools",
                "wasm",
                "webassembly",
                "workflow",
            ],
            Self::Other => &[],
        }
    }
}

// Short stems are whole words: `app` must not find an appetite.
fn matches(word: &str, stem: &str) -> bool {
    if stem.len() < 5 { word == stem } else { word.starts_with(stem) }
}

impl evanesce_core::Category for Topic {
    const LABELS: &'static [&'static str] = &Self::LABELS;

    fn index(&self) -> usize {
        Self::index(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn labels_and_places_agree() {
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), place);
            assert_eq!(Topic::from_label(topic.label()), Some(topic));
            assert_eq!(topic.label(), format!("{topic:?}").to_lowercase());
        }
        assert_eq!(Topic::from_label("weather"), None);
    }

    #[test]
    fn newsletters_of_any_trade_find_their_topics() {
        for (statement, heading, topic) in [
            ("Rotate every password before Friday", "News", Topic::Security),
            ("Our new pricing raised revenue by 12%", "", Topic::Business),
            ("A clinical trial with 400 patients", "Health", Topic::Research),
            ("Join the spring workshop in Lyon", "", Topic::Event),
            ("We are hiring a gardener", "Jobs", Topic::Career),
            ("Tea with the dean", "Our community", Topic::Community),
            ("Tea with the dean", "", Topic::Other),
            ("How compilers parse: a tutorial for beginners", "", Topic::Learning),
        ] {
            assert_eq!(Topic::of(&words(statement), &words(heading)), topic, "{statement}");
        }
    }
}
