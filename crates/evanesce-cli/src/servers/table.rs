use std::fmt::Write as _;
use std::time::Duration;

use evanesce_core::{Evidence, Reading};
use evanesce_service::Verdict;

/// Rows of cells, each column as wide as its widest cell.
pub(super) struct Table {
    rows: Vec<(Option<Verdict>, Vec<String>)>,
    coloured: bool,
}

impl Table {
    pub(super) const fn new(coloured: bool) -> Self {
        Self { rows: Vec::new(), coloured }
    }

    /// A row; where it has a verdict, its first cell has the colour.
    pub(super) fn row(&mut self, verdict: Option<Verdict>, cells: &[&str]) {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        self.rows.push((verdict, cells));
    }

    pub(super) fn render(&self) -> String {
        let columns = self.rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (verdict, cells) in &self.rows {
            let mut line = String::new();
            for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count() + 2);
                // Writing into a String cannot fail.
                let _ = match (at, self.coloured, verdict) {
                    (0, true, Some(verdict)) => {
                        write!(line, "\u{1b}[{}m{cell}\u{1b}[0m{padding}", colour(*verdict))
                    }
                    _ => write!(line, "{cell}{padding}"),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

const fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Broken => "31;1",
        Verdict::Kept => "32",
        Verdict::Unknown => "33;1",
    }
}

/// What was read, as people write it.
pub(super) fn reading(evidence: &Evidence) -> String {
    match evidence.reading() {
        None => "unknown".to_owned(),
        Some(Reading::Millis(millis)) => span(Duration::from_millis(*millis)),
        Some(reading) => reading.to_string(),
    }
}

/// A length of time in its two largest units.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let at = parts.iter().position(|(unit, _)| seconds >= *unit);
    let Some(at) = at else { return format!("{} ms", time.as_millis()) };
    let (unit, name) = parts[at];
    let rest = seconds % unit;
    match parts.get(at + 1).map(|(next, name)| (rest / next, name)) {
        Some((count, next)) if count > 0 => format!("{} {name} {count} {next}", seconds / unit),
        _ => format!("{} {name}", seconds / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_two_units() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (61_000, "1 min 1 s"),
            (86_400_000, "1 d"),
            (90_000_000, "1 d 1 h"),
            (86_460_000, "1 d"),
            (7_776_000_000, "90 d"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(false);
        table.row(Some(Verdict::Kept), &["kept", "save", "x"]);
        table.row(None, &["noted", "m", "y"]);
        assert_eq!(table.render(), "kept   save  x\nnoted  m     y\n");
        let mut table = Table::new(true);
        table.row(Some(Verdict::Broken), &["BROKEN", "save"]);
        assert_eq!(table.render(), "\u{1b}[31;1mBROKEN\u{1b}[0m  save\n");
    }
}
