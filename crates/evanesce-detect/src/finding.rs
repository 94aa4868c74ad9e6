use std::cmp::Reverse;

use crate::Kind;
use crate::recognize::SURE;

/// Where something was found, what it is and why. The text itself is not in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// The first byte, in the UTF-8 text that was scanned.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// How sure, in percent.
    pub score: u8,
    /// Which rule said so.
    pub why: &'static str,
}

impl Finding {
    pub(crate) const fn new(
        kind: Kind,
        start: usize,
        end: usize,
        score: u8,
        why: &'static str,
    ) -> Self {
        Self { kind, start, end, score, why }
    }

    pub(crate) const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    const fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Takes from each set of overlapping findings the longest, then the one with
/// the higher score, then the earlier, then the one whose kind comes first.
/// What is left does not overlap and is in order of place. Of a sure finding that lies
/// across an end of one that stands, the part outside stands as well: no byte that was
/// found for sure is left over.
pub(crate) fn resolve(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_unstable_by_key(|f| (Reverse(f.len()), Reverse(f.score), f.start, f.kind));
    // The kept spans are disjoint, so each lies at one place of an ordered map
    // and a new one needs to look at its neighbours only.
    let mut kept = std::collections::BTreeMap::<usize, Finding>::new();
    for finding in findings {
        let before = kept.range(..finding.end).next_back().map(|(_, other)| *other);
        match before.filter(|other| other.overlaps(&finding)) {
            None => {
                kept.insert(finding.start, finding);
            }
            Some(other) if finding.score >= SURE => {
                if other.end < finding.end {
                    kept.insert(other.end, Finding { start: other.end, ..finding });
                }
                let first = kept.range(..other.start).next_back().map_or(0, |(_, f)| f.end);
                if finding.start.max(first) < other.start {
                    let start = finding.start.max(first);
                    kept.insert(start, Finding { start, end: other.start, ..finding });
                }
            }
            Some(_) => {}
        }
    }
    kept.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(kind: Kind, start: usize, end: usize, score: u8) -> Finding {
        Finding::new(kind, start, end, score, "test")
    }

    #[test]
    fn longer_then_surer_then_earlier() {
        let longer = at(Kind::Url, 0, 10, 50);
        let surer = at(Kind::CreditCard, 20, 30, 90);
        let earlier = at(Kind::Phone, 40, 50, 60);
        let all = vec![
            at(Kind::Email, 2, 9, 100),
            longer,
            at(Kind::Phone, 21, 31, 80),
            surer,
            at(Kind::Phone, 45, 55, 60),
            earlier,
        ];
        let rest = at(Kind::Phone, 30, 31, 80);
        assert_eq!(resolve(all), [longer, surer, rest, earlier]);
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_nothing_is_lost_without_an_overlap(
            spans in prop::collection::vec((0_usize..60, 1_usize..20, 0_u8..100), 0..24)
        ) {
            let all: Vec<_> = spans.iter().map(|&(s, l, p)| at(Kind::Phone, s, s + l, p)).collect();
            let kept = resolve(all.clone());
            for pair in kept.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for finding in all {
                prop_assert!(kept.iter().any(|k| k.overlaps(&finding)));
                let covered = (finding.start..finding.end)
                    .all(|i| kept.iter().any(|k| (k.start..k.end).contains(&i)));
                prop_assert!(covered || finding.score < SURE || kept.len() > 1);
            }
        }
    }
}
