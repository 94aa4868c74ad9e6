use std::sync::{Arc, Mutex, PoisonError};

use evanesce_core::{Append, Entry, Error, Operation, Outcome};

use crate::{AccessRequest, Assessment, Risk};

/// The port through which somebody is told of an access that was refused.
///
/// # Contract
/// [`raise`](Self::raise) does not wait: it hands the alert over, to a queue or a log. What
/// it is given names a role and factors, no person.
pub trait Alarm: Send + Sync {
    /// Tells that this request was refused, and why.
    fn raise(&self, request: &AccessRequest, assessment: &Assessment);
}

impl<F: Fn(&AccessRequest, &Assessment) + Send + Sync> Alarm for F {
    fn raise(&self, request: &AccessRequest, assessment: &Assessment) {
        self(request, assessment);
    }
}

/// Lets accesses through or refuses them by their [`Risk`]: one above
/// [`Assessment::LIMIT`] is raised as an alarm, written to the audit log and refused. It is
/// refused whether or not the log can be reached, and the alarm comes before the log, so that
/// neither a slow nor a broken log keeps anybody from being told.
///
/// ```
/// use std::sync::Arc;
/// use evanesce_core::Append;
/// use evanesce_detect::{AccessGate, AccessRequest, Alarm, Refused};
///
/// async fn read(gate: &AccessGate, request: AccessRequest) -> Result<(), Refused> {
///     let assessment = gate.admit(&request).await?;
///     assert!(!assessment.is_blocked());
///     Ok(())
/// }
/// ```
pub struct AccessGate {
    risk: Mutex<Risk>,
    log: Arc<dyn Append>,
    alarm: Arc<dyn Alarm>,
}

impl AccessGate {
    /// A gate that has seen nothing yet.
    #[must_use]
    pub fn new(log: Arc<dyn Append>, alarm: Arc<dyn Alarm>) -> Self {
        Self { risk: Mutex::new(Risk::new()), log, alarm }
    }

    /// Assesses a request, before it is answered.
    ///
    /// # Errors
    /// [`Refused`] for one whose score is above the limit, with the factors, and with what
    /// the audit log answered if the refusal could not be written to it.
    pub async fn admit(&self, request: &AccessRequest) -> Result<Assessment, Refused> {
        let assessment = self.assess(request);
        if !assessment.is_blocked() {
            return Ok(assessment);
        }
        self.alarm.raise(request, &assessment);
        let operation = Operation::AccessBlocked;
        let entry = Entry::new(request.at, operation, operation.class())
            .with_outcome(Outcome::Refused)
            .with_count(request.volume);
        let unlogged = self.log.append(entry).await.err();
        Err(Refused { assessment, unlogged })
    }

    // The lock is not held over an await, and a panic elsewhere leaves nothing half-written.
    fn assess(&self, request: &AccessRequest) -> Assessment {
        self.risk.lock().unwrap_or_else(PoisonError::into_inner).assess(request)
    }
}

/// An access that was refused for its risk.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("an access was refused for its risk")]
#[non_exhaustive]
pub struct Refused {
    /// The score with its factors.
    pub assessment: Assessment,
    /// Why the refusal is not in the audit log, if it is not.
    pub unlogged: Option<Error>,
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use evanesce_core::{BoxFuture, ErrorKind, Incorporated, Label, StoreKind, Timestamp, label};

    use super::*;
    use crate::Declared;

    #[derive(Default)]
    struct Log {
        entries: Mutex<Vec<Entry>>,
        broken: bool,
    }

    impl Append for Log {
        fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
            Box::pin(async move {
                if self.broken {
                    return Err(Error::new(ErrorKind::Unavailable, StoreKind::Memory, "down"));
                }
                self.entries.lock().unwrap().push(entry);
                Ok(Incorporated {
                    index: 0,
                    proof: Vec::new(),
                    checkpoint: String::new(),
                    actor: None,
                })
            })
        }

        fn count(&self, _: Entry) {}
    }

    #[derive(Default)]
    struct Bell(Mutex<Vec<(Label, f64)>>);

    impl Alarm for Bell {
        fn raise(&self, request: &AccessRequest, assessment: &Assessment) {
            self.0.lock().unwrap().push((request.role.clone(), assessment.score));
        }
    }

    fn request(canaries: u32) -> AccessRequest {
        AccessRequest {
            role: label!("editors"),
            purpose: Declared::Purpose,
            volume: 12,
            cells: vec![1, 2, 3],
            at: Timestamp::from_millis(0),
            canaries,
        }
    }

    fn admitted(gate: &AccessGate, request: &AccessRequest) -> Result<Assessment, Refused> {
        let mut future = pin!(gate.admit(request));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn gate(broken: bool) -> (Arc<Log>, Arc<Bell>, AccessGate) {
        let (log, bell) = (Arc::new(Log { broken, ..Log::default() }), Arc::new(Bell::default()));
        (log.clone(), bell.clone(), AccessGate::new(log, bell))
    }

    #[test]
    fn a_usual_access_passes_in_silence() {
        let (log, bell, gate) = gate(false);
        assert!(admitted(&gate, &request(0)).unwrap().score < 0.1);
        assert!(log.entries.lock().unwrap().is_empty() && bell.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_risky_access_is_refused_alerted_and_audited() {
        let (log, bell, gate) = gate(false);
        let refused = admitted(&gate, &request(1)).unwrap_err();
        assert!(refused.assessment.is_blocked() && refused.unlogged.is_none());
        assert_eq!(*bell.0.lock().unwrap(), [(label!("editors"), refused.assessment.score)]);
        let entries = log.entries.lock().unwrap();
        let seen: Vec<_> =
            entries.iter().map(|e| (e.operation(), e.outcome(), e.count())).collect();
        assert_eq!(seen, [(Operation::AccessBlocked, Outcome::Refused, 12)]);
    }

    #[test]
    fn a_broken_log_keeps_neither_the_refusal_nor_the_alarm() {
        let (_, bell, gate) = gate(true);
        let refused = admitted(&gate, &request(1)).unwrap_err();
        assert!(refused.unlogged.is_some());
        assert_eq!(bell.0.lock().unwrap().len(), 1);
    }
}
