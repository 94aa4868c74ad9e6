//! Words, sentences, and what a section is about: RAKE (Rose, Engel, Cramer,
//! Cowley: "Automatic Keyword Extraction from Individual Documents", 2010), each
//! section for itself.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

use crate::text::Work;

// Longer phrases come from lists and tables, not from anybody's sentence.
const LONGEST_PHRASE: usize = 4;

/// The words of a statement in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(|word| word.to_lowercase().replace('’', "'")).collect()
}

/// Whether a word says something by itself.
pub(crate) fn is_content(word: &str) -> bool {
    word.chars().count() > 2
        && !word.bytes().all(|b| b.is_ascii_digit())
        && STOP.binary_search(&word).is_err()
}

/// Where the sentences of a text begin and end.
///
/// A sentence ends at `.`, `!`, `?` or `…` before white space and anything but a
/// small letter, unless the mark belongs to a known abbreviation.
pub(crate) fn sentences(text: &str, work: &mut Work) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        work.add(c.len_utf8());
        if !matches!(c, '.' | '!' | '?' | '…' | '。') {
            continue;
        }
        while chars.next_if(|(_, c)| ".!?…\"”’')]".contains(*c)).is_some() {}
        let end = chars.peek().map_or(text.len(), |(at, _)| *at);
        let mut rest = text[end..].chars();
        let space = rest.next();
        let ends = match (space, rest.next()) {
            (None, _) => true,
            (Some(' '), Some(next)) => !next.is_lowercase() && !abbreviation(&text[start..at]),
            _ => c == '。',
        };
        if ends {
            found.push((start, end));
            start = end + usize::from(space == Some(' '));
        }
    }
    if start < text.len() {
        found.push((start, text.len()));
    }
    found
}

fn abbreviation(before: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "approx", "cf", "dr", "e.g", "etc", "i.e", "inc", "mr", "mrs", "ms", "no", "prof", "st",
        "vs",
    ];
    let tail = before.rsplit([' ', '(']).next().unwrap_or("");
    tail.len() <= 6
        && (tail.chars().count() == 1 || KNOWN.iter().any(|known| tail.eq_ignore_ascii_case(known)))
}

/// What weight each word has within one section.
#[derive(Default)]
pub(crate) struct Keywords {
    // Occurrences, and the words that stood in its phrases.
    counts: HashMap<String, (u32, u32)>,
}

impl Keywords {
    pub(crate) fn learn(&mut self, words: &[String]) {
        for phrase in words.split(|word| !is_content(word)) {
            for part in phrase.chunks(LONGEST_PHRASE) {
                for word in part {
                    let count = self.counts.entry(word.clone()).or_default();
                    count.0 += 1;
                    count.1 += part.len() as u32;
                }
            }
        }
    }

    /// 0 to 20: how much the words of a statement weigh on average (degree over
    /// frequency), and how many of them come up again in the section.
    pub(crate) fn score(&self, words: &[String]) -> u32 {
        let (mut weight, mut content, mut recurring) = (0, 0, 0);
        for (frequency, degree) in words.iter().filter_map(|word| self.counts.get(word)) {
            weight += 40 * degree / frequency;
            content += 1;
            recurring += u32::from(*frequency > 1);
        }
        if content == 0 { 0 } else { weight / (content * 10) + recurring.min(4) }
    }
}

impl Drop for Keywords {
    fn drop(&mut self) {
        for (mut word, _) in self.counts.drain() {
            zeroize::Zeroize::zeroize(&mut word);
        }
    }
}

// In order, for the binary search.
const STOP: [&str; 117] = [
    "about", "above", "across", "after", "again", "all", "almost", "already", "also", "although",
    "always", "and", "another", "any", "anyone", "are", "around", "because", "been", "before",
    "being", "below", "between", "both", "but", "can", "cannot", "could", "did", "does", "doing",
    "don't", "down", "during", "each", "either", "else", "even", "ever", "every", "few", "for",
    "from", "had", "has", "have", "having", "her", "here", "him", "his", "how", "however", "into",
    "its", "itself", "just", "like", "many", "may", "might", "more", "most", "much", "must", "nor",
    "not", "now", "off", "once", "one", "only", "other", "our", "out", "over", "own", "per",
    "rather", "same", "she", "should", "since", "some", "such", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "through", "too", "under", "until",
    "upon", "very", "was", "were", "what", "when", "where", "which", "while", "who", "whose",
    "why", "will", "with", "within", "without", "would",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_in_order() {
        assert!(STOP.is_sorted());
        assert!(!is_content("the") && !is_content("2026") && is_content("budget"));
    }

    #[test]
    fn sentences_end_where_a_reader_ends_them() {
        let split = |text: &str| {
            let mut work = Work::default();
            let parts = sentences(text, &mut work);
            parts.iter().map(|(from, to)| text[*from..*to].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            split("Use v1.2 now! (Really.) See e.g. Berlin. And… what?"),
            ["Use v1.2 now!", "(Really.)", "See e.g. Berlin.", "And… what?"]
        );
        assert_eq!(split("No end"), ["No end"]);
        assert!(split("").is_empty());
    }

    #[test]
    fn words_of_longer_phrases_weigh_more() {
        let mut keywords = Keywords::default();
        keywords.learn(&words("guarded memory pages for a token"));
        let long = keywords.score(&words("guarded memory pages"));
        let short = keywords.score(&words("token"));
        assert!(long > short, "{long} {short}");
        assert!(long <= 20);
    }
}
