use evanesce_core::{DataClass, Digest, ErasureReason, StoreKind, Subject, Timestamp};
use evanesce_crypto::{RootProvider, Wrapped, unwrap, wrap};
use evanesce_memory::SecretBytes;
use serde::{Deserialize, Serialize};

use crate::{EraseError, SealedJob};

/// The most targets of one job.
pub(crate) const MOST: usize = 64;
const MAX_HANDLE: usize = 4096;

/// A request to erase, in the clear for as long as it is worked on.
pub(crate) struct Job {
    pub(crate) id: Digest,
    pub(crate) requested: Timestamp,
    pub(crate) reason: ErasureReason,
    pub(crate) targets: Vec<JobTarget>,
}

pub(crate) struct JobTarget {
    pub(crate) store: StoreKind,
    pub(crate) class: DataClass,
    pub(crate) subject: Subject,
}

// What lies before the handles: they are not written as text, so that no copy of
// them is left in a buffer that nobody wipes.
#[derive(Deserialize, Serialize)]
struct Head {
    reason: ErasureReason,
    targets: Vec<HeadTarget>,
}

#[derive(Deserialize, Serialize)]
struct HeadTarget {
    store: StoreKind,
    class: DataClass,
    length: usize,
}

/// Seals a job: 4 bytes of length, the head as JSON, the handles one after another.
pub(crate) fn seal(
    root: &dyn RootProvider,
    id: Digest,
    requested: Timestamp,
    reason: ErasureReason,
    targets: &[(StoreKind, DataClass, &Subject)],
) -> Result<SealedJob, EraseError> {
    let fits = |(_, _, subject): &(_, _, &Subject)| subject.handle().len() <= MAX_HANDLE;
    if targets.is_empty() || targets.len() > MOST || !targets.iter().all(fits) {
        return Err(EraseError::Targets);
    }
    let head = Head {
        reason,
        targets: targets
            .iter()
            .map(|(store, class, subject)| HeadTarget {
                store: *store,
                class: *class,
                length: subject.handle().len(),
            })
            .collect(),
    };
    let head = serde_json::to_vec(&head).map_err(|_| EraseError::Malformed)?;
    let handles: usize = targets.iter().map(|(_, _, subject)| subject.handle().len()).sum();
    let length = u32::try_from(head.len()).map_err(|_| EraseError::Malformed)?.to_be_bytes();
    // Exactly as long as needed from the beginning: growing would leave a copy behind.
    let mut secret = SecretBytes::zeroed(4 + head.len() + handles).map_err(memory)?;
    secret.expose_mut(|bytes| {
        let handles = targets.iter().map(|(_, _, subject)| subject.handle());
        let parts = [&length[..], &head].into_iter().chain(handles);
        let mut rest = bytes;
        for part in parts {
            let (place, after) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = after;
        }
    });
    let sealed = wrap(root, &context(&id, requested), &secret)?.to_bytes();
    Ok(SealedJob { id, requested, sealed })
}

/// Opens a job.
pub(crate) fn open(root: &dyn RootProvider, sealed: &SealedJob) -> Result<Job, EraseError> {
    let wrapped = Wrapped::from_bytes(&sealed.sealed)?;
    let secret = unwrap(root, &context(&sealed.id, sealed.requested), &wrapped)?;
    let (reason, targets) = secret.expose(parse).ok_or(EraseError::Malformed)?;
    Ok(Job { id: sealed.id, requested: sealed.requested, reason, targets })
}

fn parse(bytes: &[u8]) -> Option<(ErasureReason, Vec<JobTarget>)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (head, mut rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let mut targets = Vec::new();
    for target in head.targets {
        let (handle, after) = rest.split_at_checked(target.length)?;
        rest = after;
        let subject = Subject::new(handle.to_vec());
        targets.push(JobTarget { store: target.store, class: target.class, subject });
    }
    let whole = rest.is_empty() && !targets.is_empty() && targets.len() <= MOST;
    whole.then_some((head.reason, targets))
}

// A job opens under its own id and time only.
fn context(id: &Digest, requested: Timestamp) -> Vec<u8> {
    let requested = requested.as_millis().to_be_bytes();
    [&b"evanesce erasure job v1"[..], id.as_bytes(), &requested].concat()
}

fn memory(error: evanesce_memory::MemoryError) -> EraseError {
    EraseError::Crypto(error.into())
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::Root;
    use proptest::prelude::*;

    use super::*;

    fn sealed(root: &Root, handles: &[&[u8]]) -> SealedJob {
        let subjects: Vec<Subject> = handles.iter().map(|h| Subject::new(h.to_vec())).collect();
        let targets: Vec<_> = subjects
            .iter()
            .map(|subject| (StoreKind::Redis, DataClass::Ephemeral, subject))
            .collect();
        let id = Digest::new([1; 32]);
        seal(root, id, Timestamp::from_millis(7), ErasureReason::Requested, &targets).unwrap()
    }

    #[test]
    fn a_job_is_opened_with_its_root_at_its_place_only() {
        let root = Root::generate().unwrap();
        let job = sealed(&root, &[b"handle of a person", b""]);
        let opened = open(&root, &job).unwrap();
        assert_eq!(opened.targets[0].subject.handle(), b"handle of a person");
        assert_eq!(opened.targets[1].subject.handle(), b"");
        assert!(!job.sealed.windows(6).any(|bytes| bytes == b"handle"));
        assert!(open(&Root::generate().unwrap(), &job).is_err());
        let moved = SealedJob { id: Digest::new([2; 32]), ..job.clone() };
        assert!(open(&root, &moved).is_err());
        let dated = SealedJob { requested: Timestamp::from_millis(8), ..job };
        assert!(open(&root, &dated).is_err());
    }

    #[test]
    fn none_and_too_many_targets_are_refused() {
        let root = Root::generate().unwrap();
        let id = Digest::new([1; 32]);
        let subject = Subject::new(vec![0; MAX_HANDLE + 1]);
        let one = (StoreKind::Redis, DataClass::Ephemeral, &subject);
        for targets in [vec![], vec![one], vec![one; 65]] {
            let refused = seal(&root, id, Timestamp::default(), ErasureReason::Requested, &targets);
            assert_eq!(refused.err(), Some(EraseError::Targets));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0u32..300) {
            let _ = parse(&bytes);
            let _ = parse(&[&length.to_be_bytes()[..], &bytes].concat());
        }
    }
}
