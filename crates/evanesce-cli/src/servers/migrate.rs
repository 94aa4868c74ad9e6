use clap::Args;

use super::table::Table;
use super::terminal::{Progress, takes_colours};
use super::{From, block_on, told};
use crate::said::Said;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: From,
}

pub(crate) fn run(arguments: &Arguments) -> Said {
    let config = match arguments.from.read() {
        Ok(config) => config,
        Err(said) => return said,
    };
    block_on(async {
        let progress = Progress::new();
        progress.step("schema, template and bucket");
        let done = match config.migrate().await {
            Ok(done) => done,
            Err(error) => return Said::unusable(&told(&error)),
        };
        drop(progress);
        let mut table = Table::new(takes_colours());
        let mut status = 0;
        for (store, made) in done {
            match made {
                Ok(()) => table.row(None, &[store.name(), "ready"]),
                Err(error) => {
                    status = 2;
                    table.row(None, &[store.name(), &told(&error)]);
                }
            }
        }
        Said { status, out: table.render(), err: String::new() }
    })
}
