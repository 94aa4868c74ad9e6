use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evanesce_core::{
    Append, Clock, DataClass, Entry, Evidence, FnProbe, Label, Operation, Outcome, Outgoing,
    Reading, Released, Rule, Screen, StoreKind, label,
};
use evanesce_crypto::{AssociatedData, Padding, Sealed, random_secret, seal, unseal};
use evanesce_memory::{HeapEvidence, MemoryPolicy, SecretBytes, heap_is_wiped, wipe_slice};

use crate::{Deadline, PipelineError, Timed};

const CONTEXT: &str = "evanesce pipeline input v1";

/// What a pipeline may take on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest input, in bytes. At most 1 MiB less the envelope's own bytes.
    pub max_input: usize,
    /// How long the work may take.
    pub deadline: Duration,
    /// The weakest memory that plaintext may lie in.
    pub memory: MemoryPolicy,
}

impl Default for Limits {
    /// 512 KiB, five seconds, the best memory there is.
    fn default() -> Self {
        Self {
            max_input: 512 * 1024,
            deadline: Duration::from_secs(5),
            memory: MemoryPolicy::default(),
        }
    }
}

/// What a pipeline stands on.
#[derive(Clone)]
pub struct PipelineParts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The audit log.
    pub audit: Arc<dyn Append>,
    /// The limits.
    pub limits: Limits,
}

/// Input is sealed on receipt, opened only inside guarded memory for the length of
/// a closure, and discarded with evidence.
#[derive(Clone)]
pub struct Pipeline {
    parts: PipelineParts,
    /// What the allocator was found to do last, and when by the monotonic clock.
    heap: Arc<Mutex<Option<(Duration, Evidence)>>>,
}

/// How long a measurement of the allocator stands: it looks into freed memory through the
/// kernel, which costs more than what is processed. The evidence carries its own time.
const HEAP_STANDS: Duration = Duration::from_secs(1);

impl Pipeline {
    /// A pipeline.
    #[must_use]
    pub fn new(parts: PipelineParts) -> Self {
        Self { parts, heap: Arc::default() }
    }

    /// Takes an input in: it is copied into guarded memory, the caller's buffer is
    /// wiped, and what is kept is ciphertext under a key that is used once.
    ///
    /// # Errors
    /// [`PipelineError::TooLarge`] and those of memory; the buffer is wiped then too.
    pub fn accept(&self, mut input: Vec<u8>) -> Result<SealedInput, PipelineError> {
        let spare = input.capacity();
        let sealed = self.check_size(input.len()).and_then(|()| {
            let plain = SecretBytes::from_slice(&mut input)?;
            SealedInput::new(&plain)
        });
        input.resize(spare, 0);
        wipe_slice(&mut input);
        sealed
    }

    /// As [`accept`](Self::accept), for what lies in guarded memory already.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn accept_secret(&self, input: &SecretBytes) -> Result<SealedInput, PipelineError> {
        self.check_size(input.len())?;
        SealedInput::new(input)
    }

    /// Opens an input for the length of a closure, wipes it, looks whether it is
    /// wiped, and says so.
    ///
    /// # Errors
    /// As [`Deadline::run`], and those of memory.
    pub async fn process<R>(
        &self,
        input: SealedInput,
        work: impl FnOnce(&[u8], &Deadline<'_>) -> R,
    ) -> Result<Processed<R>, PipelineError> {
        let Limits { deadline, memory, .. } = self.parts.limits;
        let mut plain = input.open()?;
        if plain.rung() < memory.at_least {
            return Err(PipelineError::Memory(evanesce_memory::MemoryError::LockLimit));
        }
        let clock = &*self.parts.clock;
        let result = plain.expose(|bytes| Deadline::run(clock, deadline, |d| work(bytes, d)));
        plain.expose_mut(wipe_slice);
        self.count(if result.is_ok() { Outcome::Done } else { Outcome::Failed });
        let timed = result?;
        let mut evidence = discarded(clock, &plain).await;
        evidence.extend(self.heap_and_time(timed.took).await);
        Ok(Processed { value: timed.value, evidence })
    }

    /// Runs work on data that another room lends in guarded memory, such as a session,
    /// within the deadline. What is made of it goes through
    /// [`conclude`](Self::conclude).
    ///
    /// # Errors
    /// As [`Deadline::run`].
    pub fn time<R>(
        &self,
        work: impl FnOnce(&Deadline<'_>) -> R,
    ) -> Result<Timed<R>, PipelineError> {
        let Limits { deadline, .. } = self.parts.limits;
        let timed = Deadline::run(&*self.parts.clock, deadline, work);
        self.count(if timed.is_ok() { Outcome::Done } else { Outcome::Failed });
        timed
    }

    /// The result of such work with what can be measured of it: the heap and the time.
    /// The data itself was wiped by whoever lent it.
    pub async fn conclude<R>(&self, timed: Timed<R>) -> Processed<R> {
        let evidence = self.heap_and_time(timed.took).await;
        Processed { value: timed.value, evidence }
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    async fn heap_and_time(&self, took: Duration) -> Vec<Evidence> {
        let clock = &*self.parts.clock;
        let time = FnProbe::new(
            StoreKind::Memory,
            label!("processing time"),
            label!("monotonic clock around the closure"),
            || Ok(Reading::duration(took)),
        );
        vec![self.heap().await, Evidence::measure(clock, &time).await]
    }

    async fn heap(&self) -> Evidence {
        let clock = &*self.parts.clock;
        let now = clock.monotonic();
        if let Some((at, evidence)) = &*self.heap.lock().unwrap_or_else(PoisonError::into_inner)
            && now.saturating_sub(*at) < HEAP_STANDS
        {
            return evidence.clone();
        }
        let heap = FnProbe::new(
            StoreKind::Memory,
            label!("heap of the closure"),
            label!("asked of the installed allocator"),
            || Ok(Reading::Word(heap_word())),
        );
        let evidence = Evidence::measure(clock, &heap).await;
        *self.heap.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, evidence.clone()));
        evidence
    }

    fn count(&self, outcome: Outcome) {
        self.parts.audit.count(
            Entry::new(self.parts.clock.now(), Operation::Processed, DataClass::Ephemeral)
                .with_outcome(outcome)
                .with_store(StoreKind::Memory)
                .with_rule(Rule::SessionOnly),
        );
    }

    const fn check_size(&self, len: usize) -> Result<(), PipelineError> {
        if len > self.parts.limits.max_input { Err(PipelineError::TooLarge) } else { Ok(()) }
    }
}

/// An input under a key that is used once and kept only beside it, in guarded memory.
pub struct SealedInput {
    key: SecretBytes,
    sealed: Sealed,
}

impl SealedInput {
    fn new(plain: &SecretBytes) -> Result<Self, PipelineError> {
        let key = random_secret(32)?;
        let place = AssociatedData::new(CONTEXT);
        let sealed = seal(&key, place.as_bytes(), plain, Padding::default())?;
        Ok(Self { key, sealed })
    }

    fn open(self) -> Result<SecretBytes, PipelineError> {
        Ok(unseal(&self.key, AssociatedData::new(CONTEXT).as_bytes(), &self.sealed)?)
    }

    /// How many bytes are kept, all of them ciphertext.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sealed.as_bytes().len()
    }

    /// Never: an envelope has bytes of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sealed.as_bytes().is_empty()
    }
}

/// What the work returned, with the evidence of what became of its input. It leaves
/// through [`release`](Self::release).
pub struct Processed<R> {
    value: R,
    evidence: Vec<Evidence>,
}

impl<R> Processed<R> {
    /// What was measured: bytes of the input left in its memory, the rung of that
    /// memory, whether the heap is wiped, the time that it took.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The value, for work inside this process.
    pub fn into_parts(self) -> (R, Vec<Evidence>) {
        (self.value, self.evidence)
    }
}

impl<R: Outgoing> Processed<R> {
    /// Screens the value on its way out.
    ///
    /// # Errors
    /// [`evanesce_core::Blocked`] as the screen says.
    pub fn release(
        self,
        screen: &dyn Screen,
    ) -> Result<(Released<R>, Vec<Evidence>), evanesce_core::Blocked> {
        Ok((Released::screen(self.value, screen)?, self.evidence))
    }
}

async fn discarded(clock: &dyn Clock, plain: &SecretBytes) -> Vec<Evidence> {
    let left = || {
        let left = plain.expose(|bytes| bytes.iter().filter(|byte| **byte != 0).count());
        Ok(Reading::Count(left as u64))
    };
    let left = FnProbe::new(
        StoreKind::Memory,
        label!("input bytes left in guarded memory"),
        label!("read back after wiping, before the page is given back"),
        left,
    );
    let rung = FnProbe::new(
        StoreKind::Memory,
        label!("memory of the input"),
        label!("rung of the allocation itself"),
        || Ok(Reading::Word(rung_word(plain))),
    );
    vec![Evidence::measure(clock, &left).await, Evidence::measure(clock, &rung).await]
}

fn rung_word(plain: &SecretBytes) -> Label {
    match plain.rung() {
        evanesce_memory::Rung::Kernel => label!("hidden from the kernel"),
        evanesce_memory::Rung::Locked => label!("locked"),
        _ => label!("wiped only"),
    }
}

fn heap_word() -> Label {
    match heap_is_wiped() {
        HeapEvidence::Wiped => label!("Wiped"),
        _ => label!("HeapNotWiped"),
    }
}
