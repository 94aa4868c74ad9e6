use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use evanesce_audit::{AuditError, CheckpointBody, NoteKey, verify_receipt};
use evanesce_core::{Digest, ErasureReceipt, Presence};
use evanesce_crypto::VerifyingKey;
use evanesce_purge::verify_commitment;

const MAX_RECEIPT: u64 = 1 << 20;
const MAX_KEY: u64 = 4096;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The receipt as JSON; - reads standard input
    receipt: PathBuf,
    /// The log's public key: 64 hexadecimal digits, name+id+base64, or a file with one of them
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
    /// The log's name; without it, that of the key or of the receipt's checkpoint
    #[arg(long)]
    origin: Option<String>,
}

/// Why a receipt was not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("NOT VERIFIED: {0}")]
    Audit(AuditError),
    #[error("NOT VERIFIED: the receipt and its entry do not belong together")]
    Commitment,
    #[error("the file is not an erasure receipt")]
    Form,
    #[error(
        "the key is neither 64 hexadecimal digits, nor name+id+base64, nor a file with one of them"
    )]
    Key,
    #[error("the receipt cannot be read, or has more than a megabyte")]
    Read,
}

impl Refused {
    /// 1 for a receipt that does not verify, 2 where none could be verified.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::Audit(_) | Self::Commitment => 1,
            Self::Form | Self::Key | Self::Read => 2,
        }
    }
}

/// Verifies, and tells what was verified.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Refused> {
    let (name, key) = key(&arguments.key)?;
    let receipt = if arguments.receipt == Path::new("-") {
        read(io::stdin(), MAX_RECEIPT)
    } else {
        File::open(&arguments.receipt).and_then(|file| read(file, MAX_RECEIPT))
    };
    let receipt = receipt.map_err(|_| Refused::Read)?;
    let receipt: ErasureReceipt = serde_json::from_str(&receipt).map_err(|_| Refused::Form)?;
    let origin = match arguments.origin.clone().or(name) {
        Some(origin) => origin,
        None => CheckpointBody::peek(&receipt.incorporated.checkpoint)
            .map_err(Refused::Audit)?
            .origin
            .to_string(),
    };
    let body = verify_receipt(&receipt, &key, &origin).map_err(Refused::Audit)?;
    verify_commitment(&receipt).map_err(|_| Refused::Commitment)?;
    Ok(tell(&receipt, &body, &key))
}

fn tell(receipt: &ErasureReceipt, body: &CheckpointBody, key: &VerifyingKey) -> String {
    let erasure = &receipt.erasure;
    let mut text = String::from("VERIFIED\n");
    // Writing into a String cannot fail.
    let _ = writeln!(text, "log        {} under key {key}", body.origin);
    let _ = writeln!(text, "entry      {} of {}", receipt.incorporated.index, body.size);
    let _ = writeln!(text, "requested  {}", erasure.requested);
    let _ = writeln!(text, "completed  {}", erasure.completed);
    for store in &erasure.stores {
        let _ = writeln!(
            text,
            "{:<10} before: {}, removed: {}, afterwards: {}",
            store.store.name(),
            word(store.before),
            store.removed,
            word(store.after)
        );
    }
    text.push_str(
        "The service committed to what it read afterwards; no one can prove that no copy exists.\n",
    );
    text
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Absent => "nothing found",
        Presence::NotAddressable => "cannot be looked up by person",
        Presence::Present => "found",
    }
}

// The key, and the log's name where the key tells it.
pub(crate) fn key(text: &str) -> Result<(Option<String>, VerifyingKey), Refused> {
    if let Some(key) = parse(text) {
        return Ok(key);
    }
    let file = File::open(text).and_then(|file| read(file, MAX_KEY)).map_err(|_| Refused::Key)?;
    parse(file.trim()).ok_or(Refused::Key)
}

fn parse(text: &str) -> Option<(Option<String>, VerifyingKey)> {
    if let Ok(digest) = text.parse::<Digest>() {
        return Some((None, VerifyingKey::new(*digest.as_bytes())));
    }
    let key = NoteKey::parse(text).ok()?;
    Some((Some(key.name().to_owned()), *key.key()))
}

fn read(from: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    from.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}
