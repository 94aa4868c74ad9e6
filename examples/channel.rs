//! A sealed channel from a client to whichever node of a service it meets.
//!
//! The service keeps what it needs of a channel in the session's own record, sealed under the
//! session's token: any node can serve it, and none can read it without its client. The first
//! message goes to a prekey that is used once; each later one has a key of its own.

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use evanesce::core::{
    Append, BoxFuture, Clock, Entry, Error, ErrorKind, Incorporated, Namespace, Released,
    StoreKind, SystemClock,
};
use evanesce::crypto::{AlgorithmId, Algorithms, MlKem1024, Root, SigningKey, XWing};
use evanesce::detect::{EgressScreen, Scanner};
use evanesce::memory::SecretBytes;
use evanesce::pipeline::{
    ChannelLimits, ChannelParts, Channels, Limits, Pipeline, PipelineParts, Step,
};
use evanesce::session::{
    Change, Compartment, MemoryStore, SessionParts, SessionPolicy, Sessions, Token,
};
use evanesce_client as client;

/// Where a session keeps its channel.
const CHANNEL: Compartment = Compartment::new("channel");
const SERVICE: &str = "newsletter";

type Outcome<T> = Result<T, Box<dyn StdError>>;

/// One node of the service. It holds nothing of any session.
struct Node {
    channels: Channels,
    pipeline: Pipeline,
    sessions: Sessions,
}

impl Node {
    /// What `work` makes of what is kept, written on the condition that nobody was faster.
    async fn step<R>(
        &self,
        token: &Token,
        mut work: impl FnMut(&Channels, Option<&[u8]>) -> Step<R>,
    ) -> Outcome<R> {
        let done = self.sessions.update_compartment(token, CHANNEL, |kept| {
            let step = work(&self.channels, kept);
            (step.keep.map_or(Change::Keep, Change::Put), step.result)
        });
        Ok(done.await??)
    }

    async fn offer(&self, token: &Token) -> Outcome<Vec<u8>> {
        let text = token.to_text();
        let offer = self.step(token, |channels, kept| channels.offer(kept, &text)).await?;
        Ok(offer.as_bytes().to_vec())
    }

    /// Opens a message, counts its words in guarded memory, and seals the answer.
    async fn answer(&self, token: &Token, message: &[u8]) -> Outcome<Vec<u8>> {
        let text = token.to_text();
        let receive = |channels: &Channels, kept: Option<&[u8]>| {
            channels.receive(kept, &text, message, &self.pipeline)
        };
        let input = self.step(token, receive).await?;
        let count = |bytes: &[u8]| bytes.split(|byte| *byte == b' ').count();
        let done = self.pipeline.process(input, |bytes, _| count(bytes)).await?;
        let (words, _evidence) = done.into_parts();
        let output =
            Released::screen(format!("{words} words"), &EgressScreen::new(Scanner::default()))?;
        self.step(token, |channels, kept| channels.send(kept, &output)).await
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let algorithms = Algorithms::new(vec![Arc::new(XWing), Arc::new(MlKem1024)]);
    let signer = Arc::new(SigningKey::generate()?);
    let key = signer.verifying_key();
    let [one, other] = nodes(&algorithms, &signer)?;

    let token = one.sessions.open(&String::from("a reader's visit")).await?;
    let mut channel = client::Channel::new(client::ChannelParts {
        algorithms: client::Algorithms::new(vec![Arc::new(XWing), Arc::new(MlKem1024)]),
        clock: Arc::new(SystemClock),
        key,
        service: SERVICE.to_owned(),
    });

    let offer = one.offer(&token).await?;
    let first = channel.begin(&token.to_text(), &offer, &said("Dear editors of everything")?)?;
    println!("first     {} bytes to a prekey of {} bytes", first.len(), offer.len());
    let reply = other.answer(&token, &first).await?;
    println!("reply     of another node: {}", heard(&channel.open(&reply)?));

    let again = one.answer(&token, &first).await.err().ok_or("a first message came twice")?;
    println!("replayed  {again}: {}", again.source().map_or(String::new(), ToString::to_string));

    for text in ["How are you", "What is new this week"] {
        let reply = one.answer(&token, &channel.seal(&said(text)?)?).await?;
        println!("next      {}", heard(&channel.open(&reply)?));
    }

    // An advisory appears: the mechanism is left, and the session goes on under another.
    algorithms.revoke(AlgorithmId::X_WING);
    let offer = other.offer(&token).await?;
    let first = channel.begin(&token.to_text(), &offer, &said("Still here")?)?;
    let reply = one.answer(&token, &first).await?;
    println!("re-keyed  under ML-KEM-1024: {}", heard(&channel.open(&reply)?));

    one.sessions.destroy(token).await.map_err(|failed| failed.error)?;
    println!("gone      with its session");
    Ok(())
}

/// Two nodes that share a store, a root and a signing key.
fn nodes(algorithms: &Algorithms, signer: &Arc<SigningKey>) -> Outcome<[Node; 2]> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock))?);
    let root = Arc::new(Root::generate()?);
    let namespace = Namespace::new(SERVICE)?;
    let audit: Arc<dyn Append> = Arc::new(Unlogged);
    let node = || Node {
        channels: Channels::new(ChannelParts {
            service: SERVICE.to_owned(),
            signer: Arc::clone(signer),
            algorithms: algorithms.clone(),
            clock: Arc::clone(&clock),
            audit: Arc::clone(&audit),
            limits: ChannelLimits { keys: Duration::from_secs(600), ..ChannelLimits::default() },
        }),
        pipeline: Pipeline::new(PipelineParts {
            clock: Arc::clone(&clock),
            audit: Arc::clone(&audit),
            limits: Limits::default(),
        }),
        sessions: Sessions::new(
            SessionParts {
                namespace: namespace.clone(),
                store: store.clone(),
                epochs: store.clone(),
                root: root.clone(),
                clock: Arc::clone(&clock),
                audit: Arc::clone(&audit),
            },
            SessionPolicy::default(),
        ),
    };
    Ok([node(), node()])
}

fn said(text: &str) -> Outcome<SecretBytes> {
    Ok(SecretBytes::from_slice(&mut text.as_bytes().to_vec())?)
}

fn heard(reply: &SecretBytes) -> String {
    reply.expose(|reply| String::from_utf8_lossy(reply).into_owned())
}

/// A real service hands in its audit log.
struct Unlogged;

impl Append for Unlogged {
    fn append(&self, _: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        let none = Error::new(ErrorKind::Unsupported, StoreKind::Memory, "there is no log here");
        Box::pin(std::future::ready(Err(none)))
    }

    fn count(&self, _: Entry) {}
}
