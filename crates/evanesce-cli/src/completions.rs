use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::said::Said;

#[derive(Args)]
pub(crate) struct Arguments {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    let mut text = Vec::new();
    generate(arguments.shell, &mut crate::Arguments::command(), "evanesce", &mut text);
    Said::done(String::from_utf8_lossy(&text).into_owned())
}
