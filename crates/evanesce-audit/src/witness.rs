use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64ct::{Base64, Encoding};
use evanesce_core::{BoxFuture, Clock, Digest, Error, ErrorKind, StoreKind};

use crate::files::{self, PRIVATE};
use crate::folder::lock_file;
use crate::tiles::decimal;
use crate::{
    AuditError, CheckpointText, Disk, NoteKey, NoteSigner, SignedNote, SystemDisk, empty_root,
    log_id, verify_consistency,
};

const MOST: u64 = 1_000_000;
const MOST_HASHES: usize = 63;

/// A witness: it cosigns a log's checkpoint if the log is a continuation of what it
/// cosigned before, and nothing else. C2SP tlog-witness, C2SP tlog-cosignature v1.
///
/// What it cosigned last lies in a folder of its own, one file for each log, written
/// and synchronised before the cosignature leaves. Keep that folder on another machine
/// than the log: it is what notices a log that went back in time or was forked. A
/// witness whose folder was put back by a backup must not go on under its key.
pub struct Witness {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    signer: NoteSigner,
    logs: Vec<WitnessedLog>,
    clock: Arc<dyn Clock>,
    // Comparing and writing are one step.
    cosigning: Mutex<()>,
    _lock: std::fs::File,
}

/// A log that a witness cosigns: its name and the keys that sign it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessedLog {
    /// The first line of its checkpoints.
    pub origin: String,
    /// One of these must have signed.
    pub keys: Vec<NoteKey>,
}

/// What a witness answers, as HTTP has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessAnswer {
    /// The status: 200, 400, 403, 404, 409, 422 or 500.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The cosignature lines for 200, the size last cosigned for 409.
    pub body: String,
}

/// What asks a witness, in this process or over HTTP (`POST …/add-checkpoint`).
pub trait Cosign: Send + Sync {
    /// Sends a request of C2SP tlog-witness and brings the answer.
    ///
    /// # Errors
    /// If no answer came.
    fn add_checkpoint<'a>(
        &'a self,
        request: &'a str,
    ) -> BoxFuture<'a, Result<WitnessAnswer, Error>>;
}

impl Cosign for Witness {
    fn add_checkpoint<'a>(
        &'a self,
        request: &'a str,
    ) -> BoxFuture<'a, Result<WitnessAnswer, Error>> {
        Box::pin(async move { Ok(self.answer(request)) })
    }
}

// A request that could be read.
struct Request<'a> {
    old: u64,
    proof: Vec<Digest>,
    note: SignedNote<'a>,
    text: CheckpointText,
    root: Digest,
}

// Why no cosignature is given.
enum Refusal {
    BadRequest,
    // The size that was cosigned last.
    Conflict(u64),
    Forbidden,
    Internal,
    NotFound,
    Unprocessable,
}

impl Witness {
    /// Opens a witness whose memory lies in a folder. The signer must come from
    /// [`NoteSigner::cosigner`] and be used for nothing else.
    ///
    /// # Errors
    /// `Conflict` while another process has the folder open, `Invalid` for another
    /// kind of signer, and what the disk answers.
    pub fn open(
        folder: &Path,
        signer: NoteSigner,
        logs: Vec<WitnessedLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::open_on(Arc::new(SystemDisk), folder, signer, logs, clock)
    }

    /// The same on another [`Disk`].
    ///
    /// # Errors
    /// As [`Witness::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        signer: NoteSigner,
        logs: Vec<WitnessedLog>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        if !signer.is_cosigner() {
            let sentence = "a witness signs with a key for cosignatures";
            return Err(Error::new(ErrorKind::Invalid, StoreKind::Folder, sentence));
        }
        let made = disk.make_folder(folder);
        made.map_err(|error| files::failed(&error, "the witness's folder cannot be made"))?;
        let lock = lock_file(&folder.join("lock"), "another process is this witness")?;
        let (folder, cosigning) = (folder.to_owned(), Mutex::new(()));
        Ok(Self { disk, folder, signer, logs, clock, cosigning, _lock: lock })
    }

    /// The key that verifies the cosignatures.
    #[must_use]
    pub const fn public(&self) -> &NoteKey {
        self.signer.public()
    }

    /// Answers the body of a request to `add-checkpoint`.
    #[must_use]
    pub fn answer(&self, request: &str) -> WitnessAnswer {
        let plain = |status, body| WitnessAnswer {
            status,
            content_type: "text/plain; charset=utf-8",
            body,
        };
        match self.cosign(request) {
            Ok(line) => plain(200, line),
            Err(Refusal::BadRequest) => plain(400, String::new()),
            Err(Refusal::Forbidden) => plain(403, String::new()),
            Err(Refusal::NotFound) => plain(404, String::new()),
            Err(Refusal::Conflict(size)) => WitnessAnswer {
                status: 409,
                content_type: "text/x.tlog.size",
                body: format!("{size}\n"),
            },
            Err(Refusal::Unprocessable) => plain(422, String::new()),
            Err(Refusal::Internal) => plain(500, String::new()),
        }
    }

    fn cosign(&self, request: &str) -> Result<String, Refusal> {
        let request = parse(request).ok_or(Refusal::BadRequest)?;
        let known = self.logs.iter().find(|log| log.origin == request.text.origin);
        let log = known.ok_or(Refusal::NotFound)?;
        request.note.verified(&log.keys).map_err(|_| Refusal::Forbidden)?;
        if request.old > request.text.size {
            return Err(Refusal::BadRequest);
        }
        let _one = self.cosigning.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, root) = self.last(&log.origin)?.unwrap_or((0, empty_root()));
        if request.text.size == 0 && request.root != empty_root() {
            return Err(Refusal::Unprocessable);
        }
        if request.old != size {
            return Err(Refusal::Conflict(size));
        }
        if size == request.text.size && size > 0 && root != request.root {
            return Err(Refusal::Conflict(size));
        }
        if !verify_consistency(size, request.text.size, &request.proof, &root, &request.root) {
            return Err(Refusal::Unprocessable);
        }
        let seconds = self.clock.now().as_millis() / 1000;
        let line = self.signer.cosign(request.note.text(), seconds);
        let line = line.map_err(|_| Refusal::Internal)?;
        let text = request.note.text().as_bytes();
        files::replace(&*self.disk, &self.path(&log.origin), text, PRIVATE)
            .map_err(|_| Refusal::Internal)?;
        Ok(line)
    }

    // What was cosigned last. A file that cannot be read is not "nothing yet".
    fn last(&self, origin: &str) -> Result<Option<(u64, Digest)>, Refusal> {
        let read = files::read(&self.path(origin), MOST, "the witness's memory cannot be read");
        let Some(bytes) = read.map_err(|_| Refusal::Internal)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| Refusal::Internal)?;
        let text = CheckpointText::of(origin, &text).map_err(|_| Refusal::Internal)?;
        let root = text.root.try_into().map_err(|_| Refusal::Internal)?;
        Ok(Some((text.size, Digest::new(root))))
    }

    fn path(&self, origin: &str) -> PathBuf {
        self.folder.join(log_id(origin).to_string())
    }
}

/// The body of a request to a witness: the size that it cosigned last, the proof from
/// there to the checkpoint, and the checkpoint.
#[must_use]
pub fn write_witness_request(old: u64, proof: &[Digest], checkpoint: &str) -> String {
    let lines: String =
        proof.iter().map(|hash| Base64::encode_string(hash.as_bytes()) + "\n").collect();
    format!("old {old}\n{lines}\n{checkpoint}")
}

fn parse(request: &str) -> Option<Request<'_>> {
    if request.len() as u64 > MOST {
        return None;
    }
    let (head, note) = request.split_once("\n\n")?;
    let mut lines = head.split('\n');
    let old = decimal(lines.next()?.strip_prefix("old ")?).ok()?;
    let mut proof = Vec::new();
    for line in lines {
        let mut bytes = [0; 32];
        if proof.len() == MOST_HASHES || Base64::decode(line, &mut bytes).ok()?.len() != 32 {
            return None;
        }
        proof.push(Digest::new(bytes));
    }
    let note = SignedNote::parse(note).ok()?;
    let text = CheckpointText::parse(note.text()).ok()?;
    let root = Digest::new(text.root.clone().try_into().ok()?);
    Some(Request { old, proof, note, text, root })
}

impl crate::Log {
    /// Has the newest checkpoint cosigned by a witness, and returns it with the
    /// cosignature. A receipt with it ([`Log::prove_at`](crate::Log::prove_at)) shows
    /// that this is the log that the witness sees too.
    ///
    /// Asked at start, it tells whether the witness knows a newer log than this.
    ///
    /// # Errors
    /// [`AuditError::RolledBack`] if the witness cosigned a larger log,
    /// [`AuditError::Forked`] if it cosigned another, [`AuditError::OutOfRange`] for an
    /// empty log, [`AuditError::Unsigned`] if the witness refuses or its line is not
    /// `key`'s, and what it answers in place of that.
    pub async fn cosign(&self, witness: &dyn Cosign, key: &NoteKey) -> Result<String, AuditError> {
        let mut old = 0;
        // More than twice only while other nodes have theirs cosigned.
        for _ in 0..8 {
            let checkpoint = self.checkpoint().ok_or(AuditError::OutOfRange)?;
            let size = crate::CheckpointBody::peek(&checkpoint)?.size;
            if old > size {
                return Err(AuditError::RolledBack);
            }
            let proof = self.consistency(old, size).await?;
            let request = write_witness_request(old, &proof, &checkpoint);
            let answer = witness.add_checkpoint(&request).await?;
            match answer.status {
                200 => return with_cosignatures(&checkpoint, &answer.body, key),
                409 => {
                    let told = answer.body.strip_suffix('\n').ok_or(AuditError::Malformed)?;
                    let told = decimal(told)?;
                    if told == old && told == size {
                        return Err(AuditError::Forked);
                    }
                    old = told;
                }
                422 => return Err(AuditError::Forked),
                _ => return Err(AuditError::Unsigned),
            }
        }
        Err(AuditError::Unsigned)
    }
}

/// A checkpoint with the lines of a witness, if `key` made one of them.
///
/// # Errors
/// [`AuditError::Unsigned`] otherwise, [`AuditError::Malformed`] for what is no line.
pub fn with_cosignatures(
    checkpoint: &str,
    lines: &str,
    key: &NoteKey,
) -> Result<String, AuditError> {
    let cosigned = format!("{checkpoint}{lines}");
    let note = SignedNote::parse(&cosigned)?;
    if note.text() != SignedNote::parse(checkpoint)?.text() {
        return Err(AuditError::Malformed);
    }
    note.verified(std::slice::from_ref(key))?;
    Ok(cosigned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_request_panics(text in "(?s)(old |[0-9]{1,3}|[A-Za-z+/=]{4}|\n|\u{2014} a ){0,40}") {
            let _ = parse(&text);
            let _ = parse(&format!("old 3\n\n{text}"));
        }
    }

    #[test]
    fn sixty_four_hashes_are_too_many() {
        let key = evanesce_crypto::SigningKey::generate().unwrap();
        let root = Base64::encode_string(&[7; 32]);
        let note = NoteSigner::new("log", key).unwrap().sign(&format!("log\n9\n{root}\n")).unwrap();
        let hashes = [Digest::new([1; 32]); 64];
        assert!(parse(&write_witness_request(3, &hashes[..63], &note)).is_some());
        assert!(parse(&write_witness_request(3, &hashes, &note)).is_none());
        for (from, to) in [("old 3", "old 03"), ("old 3", "old"), ("old 3\n", "old 3\nAAAA\n")] {
            let request = write_witness_request(3, &[], &note).replacen(from, to, 1);
            assert!(parse(&request).is_none(), "{request}");
        }
    }
}
