use std::path::PathBuf;

use clap::Args;
use evanesce_audit::{AuditError, Checked, fsck};

use crate::verify::{self, key};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder that the log is published in (C2SP tlog-tiles)
    folder: PathBuf,
    /// The log's public key: 64 hexadecimal digits, name+id+base64, or a file with one of them
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
    /// The log's name; without it, that of the key
    #[arg(long)]
    origin: Option<String>,
}

/// Why a folder is not in order.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("NOT IN ORDER: {0}")]
    Audit(AuditError),
    #[error(transparent)]
    Key(#[from] verify::Refused),
    #[error("the log's name is not known: give --origin, or a key as name+id+base64")]
    Origin,
}

impl Refused {
    /// 1 for a folder that is not in order, 2 where none could be checked.
    pub(crate) const fn status(&self) -> u8 {
        if matches!(self, Self::Audit(_)) { 1 } else { 2 }
    }
}

/// Reads every tile again, and tells what was checked.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Refused> {
    let (name, key) = key(&arguments.key)?;
    let origin = arguments.origin.clone().or(name).ok_or(Refused::Origin)?;
    let checked = fsck(&arguments.folder, &key, &origin).map_err(Refused::Audit)?;
    let Checked { leaves, pruned } = checked;
    Ok(format!("IN ORDER\nentries    {leaves}, of which {pruned} are forgotten\n"))
}
