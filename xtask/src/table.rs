//! The table at the end of `cargo xtask test`.

use std::time::Duration;

/// What one step came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Row {
    pub(crate) step: String,
    /// Where it ran: the name of a server, or nothing for this process alone.
    pub(crate) server: String,
    pub(crate) counts: Counts,
    pub(crate) took: Duration,
    pub(crate) note: String,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl Counts {
    /// What one check that has no tests of its own came to.
    pub(crate) fn check(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Failed => Self { failed: 1, ..Self::default() },
            Outcome::LeftOut => Self { ignored: 1, ..Self::default() },
            Outcome::Passed => Self { passed: 1, ..Self::default() },
        }
    }

    /// The counts of libtest's closing line, `test result: ok. 3 passed; …`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let rest = line.trim().strip_prefix("test result: ")?;
        let of = |word: &str| {
            rest.split([';', '.'])
                .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
        };
        Some(Self { passed: of("passed")?, failed: of("failed")?, ignored: of("ignored")? })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Failed,
    LeftOut,
    Passed,
}

/// Adds up the rows of one step and server, in the order of the first of each.
pub(crate) fn merge(rows: Vec<Row>) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        match merged.iter_mut().find(|known| known.step == row.step && known.server == row.server) {
            Some(known) => {
                known.counts.add(row.counts);
                known.took += row.took;
            }
            None => merged.push(row),
        }
    }
    merged
}

pub(crate) fn total(rows: &[Row]) -> Counts {
    rows.iter().fold(Counts::default(), |mut sum, row| {
        sum.add(row.counts);
        sum
    })
}

pub(crate) fn render(rows: &[Row]) -> String {
    let width =
        |of: fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let step = width(|row| row.step.chars().count(), 4);
    let server = width(|row| row.server.chars().count(), 6);
    let mut text = format!(
        "{:<step$}  {:<server$}  {:>6}  {:>6}  {:>7}  {:>7}\n",
        "step", "server", "passed", "failed", "ignored", "seconds"
    );
    for row in rows {
        let Counts { passed, failed, ignored } = row.counts;
        let seconds = row.took.as_secs_f32();
        text += format!(
            "{:<step$}  {:<server$}  {passed:>6}  {failed:>6}  {ignored:>7}  {seconds:>7.1}  {}",
            row.step, row.server, row.note
        )
        .trim_end();
        text.push('\n');
    }
    text
}

/// The last line of a run.
pub(crate) fn closing(counts: Counts) -> String {
    let Counts { passed, failed, ignored } = counts;
    format!("{passed} passed, {failed} failed, {ignored} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_libtest_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.02s";
        assert_eq!(Counts::parse(line), Some(Counts { passed: 12, failed: 3, ignored: 4 }));
        assert_eq!(Counts::parse("test tests::result: ok"), None);
        assert_eq!(Counts::parse("running 3 tests"), None);
    }

    #[test]
    fn rows_of_one_step_and_server_are_added_up() {
        let row = |server: &str, passed| Row {
            step: "tests".into(),
            server: server.into(),
            counts: Counts { passed, ..Counts::default() },
            ..Row::default()
        };
        let rows = merge(vec![row("", 1), row("Redis", 2), row("", 3)]);
        assert_eq!(rows, [row("", 4), row("Redis", 2)]);
        assert_eq!(closing(total(&rows)), "6 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_step_that_was_left_out_is_not_a_pass() {
        let counts = Counts::check(Outcome::LeftOut);
        assert_eq!((counts.passed, counts.ignored), (0, 1));
    }

    #[test]
    fn every_row_is_one_line_under_its_heading() {
        let row = Row { step: "clippy".into(), note: "why".into(), ..Row::default() };
        let text = render(&[row]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().nth(1).unwrap().ends_with("0.0  why"));
    }
}
