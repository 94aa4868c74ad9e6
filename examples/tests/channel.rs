//! Channels in the records of sessions, served by several nodes at once.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::process::Command;
use std::sync::Arc;

use evanesce::core::{
    Append, BoxFuture, Clock, Entry, Error, Incorporated, Namespace, SystemClock,
};
use evanesce::crypto::{Algorithms, ChannelError, Root, SigningKey, VerifyingKey};
use evanesce::memory::SecretBytes;
use evanesce::pipeline::{
    ChannelLimits, ChannelParts, Channels, Limits, Pipeline, PipelineError, PipelineParts,
    SealedInput, Step,
};
use evanesce::session::{
    Change, Compartment, MemoryStore, SessionError, SessionParts, SessionPolicy, Sessions, Token,
};
use evanesce_client as client;

const CHANNEL: Compartment = Compartment::new("channel");
const SERVICE: &str = "newsletter";

struct Unlogged;

impl Append for Unlogged {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        panic!("nothing here waits for the log")
    }

    fn count(&self, _: Entry) {}
}

#[derive(Clone)]
struct Node {
    channels: Channels,
    pipeline: Pipeline,
    sessions: Sessions,
}

impl Node {
    async fn step<R>(
        &self,
        token: &Token,
        mut work: impl FnMut(Option<&[u8]>) -> Step<R>,
    ) -> Result<Result<R, PipelineError>, SessionError> {
        let done = self.sessions.update_compartment(token, CHANNEL, |kept| {
            let step = work(kept);
            (step.keep.map_or(Change::Keep, Change::Put), step.result)
        });
        done.await
    }

    async fn offer(&self, token: &Token) -> Vec<u8> {
        let text = token.to_text();
        let offer = self.step(token, |kept| self.channels.offer(kept, &text)).await;
        offer.unwrap().unwrap().as_bytes().to_vec()
    }

    async fn receive(
        &self,
        token: &Token,
        message: &[u8],
    ) -> Result<Result<SealedInput, PipelineError>, SessionError> {
        let text = token.to_text();
        self.step(token, |kept| self.channels.receive(kept, &text, message, &self.pipeline)).await
    }

    async fn read(&self, input: SealedInput) -> String {
        let done = self.pipeline.process(input, |bytes, _| bytes.to_vec()).await.unwrap();
        String::from_utf8(done.into_parts().0).unwrap()
    }
}

fn nodes(count: usize) -> (Vec<Node>, VerifyingKey, Arc<MemoryStore>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)).unwrap());
    let root = Arc::new(Root::generate().unwrap());
    let audit: Arc<dyn Append> = Arc::new(Unlogged);
    let signer = Arc::new(SigningKey::generate().unwrap());
    let key = signer.verifying_key();
    let node = |_| Node {
        channels: Channels::new(ChannelParts {
            service: SERVICE.to_owned(),
            signer: Arc::clone(&signer),
            algorithms: Algorithms::standard(),
            clock: Arc::clone(&clock),
            audit: Arc::clone(&audit),
            limits: ChannelLimits::default(),
        }),
        pipeline: Pipeline::new(PipelineParts {
            clock: Arc::clone(&clock),
            audit: Arc::clone(&audit),
            limits: Limits::default(),
        }),
        sessions: Sessions::new(
            SessionParts {
                namespace: Namespace::new(SERVICE).unwrap(),
                store: store.clone(),
                epochs: store.clone(),
                root: root.clone(),
                clock: Arc::clone(&clock),
                audit: Arc::clone(&audit),
            },
            SessionPolicy::default(),
        ),
    };
    ((0..count).map(node).collect(), key, store)
}

fn reader(key: VerifyingKey) -> client::Channel {
    client::Channel::new(client::ChannelParts {
        algorithms: client::Algorithms::standard(),
        clock: Arc::new(SystemClock),
        key,
        service: SERVICE.to_owned(),
    })
}

fn said(text: &str) -> SecretBytes {
    SecretBytes::from_slice(&mut text.as_bytes().to_vec()).unwrap()
}

/// All nodes get one message at once; what they answered.
async fn at_once(
    nodes: &[Node],
    token: &str,
    message: &[u8],
) -> Vec<Result<String, PipelineError>> {
    let tasks: Vec<_> = nodes
        .iter()
        .cloned()
        .map(|node| {
            let (token, message) = (Token::parse(token).unwrap(), message.to_vec());
            tokio::spawn(async move {
                let input = node.receive(&token, &message).await.unwrap()?;
                Ok(node.read(input).await)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_nodes_one_consumes_a_prekey_and_one_opens_a_message() {
    let (nodes, key, _) = nodes(8);
    for _ in 0..5 {
        let token = nodes[0].sessions.open(&String::from("visit")).await.unwrap();
        let (text, mut reader) = (token.to_text(), reader(key));
        let offer = nodes[1].offer(&token).await;
        let first = reader.begin(&text, &offer, &said("hello")).unwrap();
        let next = reader.seal(&said("again")).unwrap();
        for (message, said, refused) in
            [(first, "hello", ChannelError::Consumed), (next, "again", ChannelError::Replayed)]
        {
            let answers = at_once(&nodes, &text, &message).await;
            let opened: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
            assert_eq!(opened, [said], "exactly one node opens it");
            let refused = Err(PipelineError::Channel(refused));
            let others = answers.iter().filter(|answer| **answer == refused).count();
            assert_eq!(others, nodes.len() - 1);
        }
    }
}

#[tokio::test]
async fn a_channel_ends_with_its_session_and_is_of_no_other() {
    let (nodes, key, _) = nodes(1);
    let node = &nodes[0];
    let token = node.sessions.open(&String::from("visit")).await.unwrap();
    let other = node.sessions.open(&String::from("other")).await.unwrap();
    let mut reader = reader(key);
    let offer = node.offer(&token).await;
    assert!(reader.begin(&other.to_text(), &offer, &said("hello")).is_err());
    let first = reader.begin(&token.to_text(), &offer, &said("hello")).unwrap();
    // Sent into a session of somebody else, who has a prekey of their own.
    node.offer(&other).await;
    assert!(node.receive(&other, &first).await.unwrap().is_err());
    node.receive(&token, &first).await.unwrap().unwrap();
    // The channel goes on when its session moves to another token.
    let token = node.sessions.rotate(token).await.map_err(|failed| failed.error).unwrap();
    let next = reader.seal(&said("next")).unwrap();
    node.receive(&token, &next).await.unwrap().unwrap();
    let text = token.to_text();
    node.sessions.destroy(token).await.map_err(|failed| failed.error).unwrap();
    let last = reader.seal(&said("last")).unwrap();
    let gone = node.receive(&Token::parse(&text).unwrap(), &last).await;
    assert!(matches!(gone, Err(SessionError::Absent)));
}

/// What the store keeps of a channel is ciphertext; the token is what opens it.
#[tokio::test]
async fn the_store_keeps_no_key_of_a_channel() {
    let (nodes, key, store) = nodes(1);
    let node = &nodes[0];
    let token = node.sessions.open(&String::from("visit")).await.unwrap();
    let offer = node.offer(&token).await;
    reader(key).begin(&token.to_text(), &offer, &said("hello")).unwrap();
    let kept = node.sessions.compartment(&token, CHANNEL).await.unwrap().unwrap();
    let prekey = kept.expose(|kept| kept[9 + 47..9 + 47 + 32].to_vec());
    let records: Vec<_> = store.snapshot().records().collect();
    assert_eq!(records.len(), 1);
    let sealed = records[0].1.sealed.as_bytes();
    assert!(sealed.len() > kept.len(), "the record holds it");
    assert!(!sealed.windows(8).any(|bytes| prekey.windows(8).any(|key| key == bytes)));
}

#[test]
fn the_example_shows_a_channel_and_none_of_its_words() {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/channel");
    assert!(program.exists(), "{} is not built", program.display());
    let done = Command::new(program).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    for line in ["reply     of another node: 4 words", "next      5 words", "gone      with"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.contains("replayed  the channel"), "{said}");
    assert!(said.contains("re-keyed  under ML-KEM-1024: 2 words"), "{said}");
    assert!(!said.contains("editors"), "{said}");
}
