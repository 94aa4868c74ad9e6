//! What a person at a terminal sees besides: colours and progress. Neither is written where
//! nobody looks, and colours not where they were asked off (<https://no-color.org>).

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(120);

/// Whether standard output takes colours.
pub(super) fn takes_colours() -> bool {
    colours(io::stdout().is_terminal(), |name| std::env::var(name).ok())
}

fn colours(is_terminal: bool, environment: impl Fn(&str) -> Option<String>) -> bool {
    let no_color = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = environment("TERM").is_some_and(|value| value == "dumb");
    is_terminal && !no_color && !dumb
}

/// A bar on standard error, if that is a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    pub(super) fn step(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    pub(super) fn records(&self, removed: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(removed);
        if let Ok(style) =
            ProgressStyle::with_template("{elapsed_precise} [{bar:32}] {pos}/{len} {msg}")
        {
            self.0.set_style(style);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_a_terminal_that_wants_them() {
        let set = |wanted: &'static str, value: &'static str| {
            move |name: &str| (name == wanted).then(|| value.to_owned())
        };
        assert!(colours(true, |_| None));
        assert!(!colours(false, |_| None));
        assert!(!colours(true, set("NO_COLOR", "1")));
        assert!(colours(true, set("NO_COLOR", "")));
        assert!(!colours(true, set("TERM", "dumb")));
        assert!(colours(true, set("TERM", "xterm")));
    }
}
