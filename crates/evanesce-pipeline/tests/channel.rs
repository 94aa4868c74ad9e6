//! The service's end: what a session keeps, and what becomes of a message.
#![allow(
    clippy::panic,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_core::{
    Append, Blocked, BoxFuture, Clock, Entry, Error, Incorporated, Operation, Outcome, Released,
    Screen, Timestamp,
};
use evanesce_crypto::{
    AlgorithmId, Algorithms, Binding, ChannelError, CryptoError, MlKem1024, Offer, Ratchet,
    SigningKey, XWing,
};
use evanesce_memory::SecretBytes;
use evanesce_pipeline::{
    ChannelLimits, ChannelParts, Channels, Limits, Pipeline, PipelineError, PipelineParts,
    SealedInput, Step,
};
use evanesce_testkit::ManualClock;

const TOKEN: &str = "ev1_token";
const KEYS: Duration = Duration::from_secs(900);

#[derive(Default)]
struct Counted(Mutex<Vec<Entry>>);

impl Append for Counted {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        panic!("a channel only counts")
    }

    fn count(&self, entry: Entry) {
        self.0.lock().unwrap().push(entry);
    }
}

/// A node, and what its store keeps of one session.
struct Node {
    algorithms: Algorithms,
    audit: Arc<Counted>,
    channels: Channels,
    clock: ManualClock,
    kept: Option<Vec<u8>>,
    pipeline: Pipeline,
    signer: Arc<SigningKey>,
}

impl Node {
    fn new() -> Self {
        let clock = ManualClock::new();
        let audit = Arc::new(Counted::default());
        let signer = Arc::new(SigningKey::generate().unwrap());
        let algorithms = Algorithms::new(vec![Arc::new(XWing), Arc::new(MlKem1024)]);
        let channels = Channels::new(ChannelParts {
            service: "newsletter".to_owned(),
            signer: Arc::clone(&signer),
            algorithms: algorithms.clone(),
            clock: Arc::new(clock.clone()),
            audit: Arc::clone(&audit) as Arc<dyn Append>,
            limits: ChannelLimits { keys: KEYS, output: Duration::from_secs(60) },
        });
        let pipeline = Pipeline::new(PipelineParts {
            clock: Arc::new(clock.clone()),
            audit: Arc::clone(&audit) as Arc<dyn Append>,
            limits: Limits { max_input: 1000, ..Limits::default() },
        });
        Self { algorithms, audit, channels, clock, kept: None, pipeline, signer }
    }

    fn apply<R>(&mut self, step: Step<R>) -> Result<R, PipelineError> {
        if let Some(keep) = step.keep {
            self.kept = Some(keep);
        }
        step.result
    }

    fn offer(&mut self) -> Result<Offer, PipelineError> {
        let step = self.channels.offer(self.kept.as_deref(), TOKEN);
        self.apply(step)
    }

    fn receive(&mut self, message: &[u8]) -> Result<SealedInput, PipelineError> {
        let step = self.channels.receive(self.kept.as_deref(), TOKEN, message, &self.pipeline);
        self.apply(step)
    }

    fn send(&mut self, text: &str) -> Result<Vec<u8>, PipelineError> {
        let output = Released::screen(text.to_owned(), &Everything).unwrap();
        let step = self.channels.send(self.kept.as_deref(), &output);
        self.apply(step)
    }

    fn is_due(&self) -> bool {
        self.channels.is_due(self.kept.as_deref()).unwrap()
    }

    fn begin(&self, offer: &Offer, text: &str) -> (Ratchet, Vec<u8>) {
        let binding = Binding::new("newsletter", TOKEN).unwrap();
        let key = self.signer.verifying_key();
        let now = self.clock.now();
        offer.begin(&self.algorithms, &binding, &key, now, (&[], &secret(text))).unwrap()
    }

    async fn read(&self, input: SealedInput) -> String {
        let done = self.pipeline.process(input, |bytes, _| bytes.to_vec()).await.unwrap();
        String::from_utf8(done.into_parts().0).unwrap()
    }
}

struct Everything;

impl Screen for Everything {
    fn screen(&self, _: &[u8]) -> Result<(), Blocked> {
        Ok(())
    }
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(&mut text.as_bytes().to_vec()).unwrap()
}

fn channel<R>(error: ChannelError) -> Result<R, PipelineError> {
    Err(PipelineError::Channel(error))
}

#[tokio::test]
async fn a_message_is_sealed_on_receipt_and_its_reply_to_its_client() {
    let mut node = Node::new();
    assert!(node.is_due());
    let offer = node.offer().unwrap();
    let (mut client, first) = node.begin(&offer, "hello");
    let input = node.receive(&first).unwrap();
    assert!(input.len() > 5, "what waits is an envelope");
    assert_eq!(node.read(input).await, "hello");
    assert!(!node.is_due());
    let reply = node.send("and you").unwrap();
    let plain = client.open(&[], &reply).unwrap();
    plain.expose(|plain| {
        let (until, text) = plain.split_first_chunk().unwrap();
        let until = Timestamp::from_millis(u64::from_be_bytes(*until));
        assert_eq!(until.since(node.clock.now()), Duration::from_secs(60));
        assert_eq!(text, b"and you");
    });
    let next = client.seal(&[], &secret("more")).unwrap();
    let input = node.receive(&next).unwrap();
    assert_eq!(node.read(input).await, "more");
    let entries = node.audit.0.lock().unwrap();
    let done: Vec<_> = entries.iter().map(|e| (e.operation(), e.outcome())).collect();
    let processed = (Operation::Processed, Outcome::Done);
    assert_eq!(done, [(Operation::KeyRotated, Outcome::Done), processed, processed]);
}

#[test]
fn a_prekey_is_used_once_whether_its_message_opens_or_not() {
    let mut node = Node::new();
    assert_eq!(node.receive(b"\x01\x02").err(), channel::<()>(ChannelError::Consumed).err());
    let offer = node.offer().unwrap();
    let (_, first) = node.begin(&offer, "hello");
    let (before, _) = (node.kept.clone(), node.receive(&first).unwrap());
    let again = node.receive(&first).err();
    assert_eq!(again, channel::<()>(ChannelError::Consumed).err());
    // A node that lost the race sees what the other has kept.
    let lost = node.channels.receive(node.kept.as_deref(), TOKEN, &first, &node.pipeline);
    assert_eq!(lost.result.err(), channel::<()>(ChannelError::Consumed).err());
    // The one that would win gives something to keep that has no prekey any more.
    let won = node.channels.receive(before.as_deref(), TOKEN, &first, &node.pipeline);
    assert!(won.result.is_ok());
    node.kept = won.keep;
    assert_eq!(node.receive(&first).err(), channel::<()>(ChannelError::Consumed).err());

    let offer = node.offer().unwrap();
    let (_, mut first) = node.begin(&offer, "hello");
    let last = first.len() - 1;
    first[last] ^= 1;
    let forged = channel::<()>(ChannelError::Crypto(CryptoError::Forged)).err();
    assert_eq!(node.receive(&first).err(), forged);
    first[last] ^= 1;
    assert_eq!(node.receive(&first).err(), channel::<()>(ChannelError::Consumed).err());
}

#[test]
fn lost_messages_and_replays_are_typed_and_cost_nothing() {
    let mut node = Node::new();
    let offer = node.offer().unwrap();
    let (mut client, first) = node.begin(&offer, "hello");
    node.receive(&first).unwrap();
    let messages: Vec<_> = (0..40).map(|_| client.seal(&[], &secret("text")).unwrap()).collect();
    let desynchronised = channel::<()>(ChannelError::Desynchronised).err();
    let kept = node.kept.clone();
    assert_eq!(node.receive(&messages[32]).err(), desynchronised);
    assert_eq!(node.kept, kept, "what did not open changed nothing");
    for number in [10, 3, 31] {
        node.receive(&messages[number]).unwrap();
        let replayed = channel::<()>(ChannelError::Replayed).err();
        assert_eq!(node.receive(&messages[number]).err(), replayed);
    }
    let mut forged = messages[33].clone();
    forged[20] ^= 1;
    let expected = channel::<()>(ChannelError::Crypto(CryptoError::Forged)).err();
    assert_eq!(node.receive(&forged).err(), expected);
    node.receive(&messages[33]).unwrap();
}

/// The drill: an advisory appears, and nobody has to be asked.
#[test]
fn a_revoked_mechanism_is_left_within_one_lifetime_of_keys() {
    let mut node = Node::new();
    let offer = node.offer().unwrap();
    assert_eq!(offer.algorithm(), AlgorithmId::X_WING);
    let (mut live, first) = node.begin(&offer, "hello");
    node.receive(&first).unwrap();
    // Another session has an offer that nobody took up yet.
    let waiting = node.channels.offer(None, TOKEN);
    let (_, pending) = node.begin(waiting.result.as_ref().unwrap(), "pending");
    node.clock.advance(Duration::from_secs(60));

    node.algorithms.revoke(AlgorithmId::X_WING);
    let pulled = node.clock.now();
    let revoked = channel::<()>(ChannelError::Crypto(CryptoError::Revoked)).err();
    let late = node.channels.receive(waiting.keep.as_deref(), TOKEN, &pending, &node.pipeline);
    assert_eq!(late.result.err(), revoked, "no new agreement under it");
    assert!(node.is_due(), "the live session is to be offered another");
    // What is under way is finished, with symmetric keys that exist.
    let message = live.seal(&[], &secret("more")).unwrap();
    node.receive(&message).unwrap();

    let next = node.offer().unwrap();
    assert_eq!(next.algorithm(), AlgorithmId::ML_KEM_1024);
    // A client that doesn't take it up is cut off at the end of its keys.
    let cautious = node.kept.clone();
    let (mut renewed, first) = node.begin(&next, "again");
    node.receive(&first).unwrap();
    assert!(!node.is_due());
    assert_eq!(node.receive(&message).err(), channel::<()>(ChannelError::Superseded).err());
    let message = renewed.seal(&[], &secret("on")).unwrap();
    node.receive(&message).unwrap();

    node.kept = cautious;
    node.clock.advance(KEYS - Duration::from_secs(60));
    assert!(node.clock.now().since(pulled) <= KEYS, "within one lifetime");
    let message = live.seal(&[], &secret("late")).unwrap();
    assert_eq!(node.receive(&message).err(), channel::<()>(ChannelError::Expired).err());
    assert!(node.kept.as_ref().unwrap().len() < Ratchet::LEN, "its keys are gone");
    assert_eq!(node.send("late").err(), channel::<()>(ChannelError::Superseded).err());
}

#[test]
fn without_a_mechanism_there_is_no_offer() {
    let mut node = Node::new();
    node.algorithms.revoke(AlgorithmId::X_WING);
    node.algorithms.revoke(AlgorithmId::ML_KEM_1024);
    let revoked = channel::<()>(ChannelError::Crypto(CryptoError::Revoked)).err();
    assert_eq!(node.offer().err(), revoked);
    assert!(node.kept.is_none());
}

#[test]
fn what_is_too_large_is_refused_before_it_waits() {
    let mut node = Node::new();
    let offer = node.offer().unwrap();
    let (_, first) = node.begin(&offer, &"x".repeat(1001));
    assert_eq!(node.receive(&first).err(), Some(PipelineError::TooLarge));
}

#[test]
fn what_is_kept_is_bounded_and_nothing_else_is_read() {
    let mut node = Node::new();
    for _ in 0..5 {
        let offer = node.offer().unwrap();
        let (_, first) = node.begin(&offer, "hello");
        node.receive(&first).unwrap();
        node.offer().unwrap();
        let len = node.kept.as_ref().unwrap().len();
        assert_eq!(len, 9 + 47 + 32 + Ratchet::LEN);
    }
    let malformed = channel::<()>(ChannelError::Crypto(CryptoError::Malformed)).err();
    let whole = node.kept.clone().unwrap();
    for bytes in [&whole[..whole.len() - 1], &whole[..8], &[], &[&[9], &whole[1..]].concat()] {
        assert_eq!(node.channels.is_due(Some(bytes)).err(), malformed);
        let step = node.channels.receive(Some(bytes), TOKEN, b"\x01\x03", &node.pipeline);
        assert!(step.keep.is_none());
        assert_eq!(step.result.err(), malformed);
    }
}
