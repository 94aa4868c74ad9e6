//! Numbers that count, date or version something and only look as if they could be
//! dialled.

use super::number::is_date;
use super::run::{Part, Sep};

/// Whether the groups are dates, years, a range, dotted numbers or a grouped amount.
/// A telephone number may look the same, so that only a word for one, close before
/// it, makes it one.
pub(super) fn is_figure(part: &Part<'_>) -> bool {
    is_calendar(part)
        || holds_date(part)
        || is_stamp(part)
        || is_range(part)
        || is_dotted(part)
        || is_amount(part)
}

/// Whether every group is a year.
pub(super) fn is_years(part: &Part<'_>) -> bool {
    part.groups.len() > 1 && numbers(part).all(is_year)
}

// Years with months or days, in one piece or two: 2024-03/05.
fn is_calendar(part: &Part<'_>) -> bool {
    let short = |n: &[u8]| n.len() <= 2 && (1..=31).contains(&value(n));
    !part.by(Sep::Space)
        && part.groups.len() > 1
        && numbers(part).any(is_year)
        && numbers(part).all(|n| is_year(n) || short(n))
}

// A date with its year in full, and more beside it.
fn holds_date(part: &Part<'_>) -> bool {
    (0..part.groups.len().saturating_sub(3) + 1).any(|from| {
        let three = part.slice(from, 3);
        is_date(&three) && numbers(&three).any(is_year)
    })
}

// A date without separators, alone or with its time: 20240229, 202402291030.
fn is_stamp(part: &Part<'_>) -> bool {
    numbers(part).next().is_some_and(|n| {
        matches!(n.len(), 8 | 12 | 14)
            && is_year(&n[..4])
            && (1..=12).contains(&value(&n[4..6]))
            && (1..=31).contains(&value(&n[6..8]))
    })
}

// Two numbers of about one length, the first the lesser: bytes, pages, hours. A year
// in parentheses may stand before them, as in a citation.
fn is_range(part: &Part<'_>) -> bool {
    let mut all = numbers(part);
    let cited = part.groups.len() == 3 && part.seps[0] == Sep::Paren;
    if cited && !all.next().is_some_and(is_year) {
        return false;
    }
    let (Some(first), Some(second), None) = (all.next(), all.next(), all.next()) else {
        return false;
    };
    let joined = matches!(part.seps.last(), Some(Sep::Dash | Sep::Mixed | Sep::Slash));
    let alike = match second.len().checked_sub(first.len()) {
        Some(0) => first < second && (first[0] != b'0' || first.len() == 4),
        Some(1) => first[0] != b'0' && second[0] != b'0',
        _ => false,
    };
    joined && alike && first.len() >= 4
}

// Several dotted numbers in a row, or one with a single digit after its first dot:
// versions, decimals, addresses. A trunk code goes before one dotted number only.
fn is_dotted(part: &Part<'_>) -> bool {
    let dotted = part.seps.split(|sep| *sep != Sep::Dot).filter(|dots| !dots.is_empty());
    dotted.count() > 1
        || (part.by(Sep::Dot) && part.groups.iter().skip(1).any(|g| g.end - g.start == 1))
}

// Thousands apart: 12 000 000.
fn is_amount(part: &Part<'_>) -> bool {
    (part.by(Sep::Space) || part.by(Sep::Dot))
        && part.groups.len() > 2
        && part.groups[0].end - part.groups[0].start <= 2
        && part.groups.iter().skip(1).all(|g| g.end - g.start == 3)
}

fn numbers<'p>(part: &'p Part<'_>) -> impl Iterator<Item = &'p [u8]> {
    let mut from = 0;
    part.groups.iter().map(move |g| {
        let to = from + g.end - g.start;
        let number = &part.digits[from..to];
        from = to;
        number
    })
}

fn is_year(number: &[u8]) -> bool {
    number.len() == 4 && (1880..=2100).contains(&value(number))
}

// Of a few digits.
fn value(number: &[u8]) -> u32 {
    number.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognize::run::Run;
    use crate::window::Window;

    fn figure(text: &str) -> bool {
        let run = Run::read(&Window::new(text), 0).unwrap();
        let part = run.part(run.len());
        assert_eq!(part.end(), text.len(), "{text}");
        is_figure(&part) || is_years(&part)
    }

    #[test]
    fn figures_of_each_sort_are_told() {
        for text in [
            "2017-2023",
            "2017 2018 2023",
            "2023-04/06",
            "2023-04 - 2023-06",
            "2023-04-05 - 04-09",
            "2023-04-05 1030",
            "05/04/2023 - 09",
            "20230405",
            "20230405 - 09",
            "202304051030",
            "81204-81377",
            "9914-10207",
            "0930-1745",
            "81204/81377",
            "2017) 4410-4498",
            "1.58.0 1.59.1",
            "1.58.0 - 1.59.1",
            "1.58.0/1.59.1",
            "11.0.22631",
            "12 500 000",
            "3.250.000",
        ] {
            assert!(figure(text), "{text}");
        }
    }

    #[test]
    fn numbers_to_dial_are_no_figures() {
        for text in [
            "555-0123",
            "6789-2345",
            "9123 4567",
            "5550123456",
            "11) 2345-6789",
            "01632-960123",
            "01632-96012",
            "02/555.01.23",
            "01.99.00.12.34",
            "555.012.3456",
            "1-202-555-0123",
            "06-12-12-19-98",
            "612 345 678",
        ] {
            assert!(!figure(text), "{text}");
        }
    }
}
