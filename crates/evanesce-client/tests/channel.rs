//! The client's end against the plain halves of the other side.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use evanesce_client::{Channel, ChannelParts, ClientError};
use evanesce_core::{Clock, Timestamp};
use evanesce_crypto::{
    AlgorithmId, Algorithms, Binding, ChannelError, CryptoError, MlKem1024, Offer, Prekey, Ratchet,
    SigningKey, XWing,
};
use evanesce_memory::SecretBytes;
use evanesce_testkit::ManualClock;
use proptest::prelude::*;

const TOKEN: &str = "ev1_token";
const KEYS: Duration = Duration::from_secs(900);

struct Side {
    algorithms: Algorithms,
    clock: ManualClock,
    signer: SigningKey,
}

impl Side {
    fn new() -> Self {
        let algorithms = Algorithms::new(vec![Arc::new(XWing), Arc::new(MlKem1024)]);
        Self { algorithms, clock: ManualClock::new(), signer: SigningKey::generate().unwrap() }
    }

    fn client(&self) -> Channel {
        Channel::new(ChannelParts {
            algorithms: self.algorithms.clone(),
            clock: Arc::new(self.clock.clone()),
            key: self.signer.verifying_key(),
            service: "newsletter".to_owned(),
        })
    }

    fn offer(&self, generation: u32) -> (Prekey, Offer) {
        let until = self.clock.now().plus(KEYS);
        Prekey::offer(&self.algorithms, &binding(), generation, until, &self.signer).unwrap()
    }

    fn accept(&self, prekey: Prekey, first: &[u8]) -> Ratchet {
        let now = self.clock.now();
        prekey.accept(&self.algorithms, &binding(), now, &[], first).unwrap().0
    }

    fn reply(&self, server: &mut Ratchet, text: &str) -> Vec<u8> {
        let until = self.clock.now().plus(Duration::from_secs(60));
        server.seal(&[], &content(until, text)).unwrap()
    }
}

fn binding() -> Binding {
    Binding::new("newsletter", TOKEN).unwrap()
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(&mut text.as_bytes().to_vec()).unwrap()
}

fn content(until: Timestamp, text: &str) -> SecretBytes {
    let mut bytes = [&until.as_millis().to_be_bytes()[..], text.as_bytes()].concat();
    SecretBytes::from_slice(&mut bytes).unwrap()
}

#[test]
fn a_reply_is_read_once_and_in_its_time() {
    let side = Side::new();
    let mut client = side.client();
    assert_eq!(client.seal(&secret("early")).err(), Some(ClientError::NotBegun));
    assert_eq!(client.open(b"early").err(), Some(ClientError::NotBegun));
    let (prekey, offer) = side.offer(1);
    let first = client.begin(TOKEN, offer.as_bytes(), &secret("hello")).unwrap();
    let mut server = side.accept(prekey, &first);
    let reply = side.reply(&mut server, "and you");
    assert!(client.open(&reply).unwrap().ct_eq(&secret("and you")));
    let again = client.open(&reply).err();
    assert_eq!(again, Some(ClientError::Channel(ChannelError::Replayed)));
    let late = side.reply(&mut server, "late");
    side.clock.advance(Duration::from_secs(60));
    assert_eq!(client.open(&late).err(), Some(ClientError::Stale));
    let short = server.seal(&[], &secret("short")).unwrap();
    let malformed = ClientError::Channel(ChannelError::Crypto(CryptoError::Malformed));
    assert_eq!(client.open(&short).err(), Some(malformed));
}

#[test]
fn replies_on_their_way_are_read_after_a_new_channel_began() {
    let side = Side::new();
    let mut client = side.client();
    let (prekey, offer) = side.offer(1);
    let mut old =
        side.accept(prekey, &client.begin(TOKEN, offer.as_bytes(), &secret("a")).unwrap());
    let delayed = side.reply(&mut old, "delayed");
    let (prekey, offer) = side.offer(2);
    let mut new =
        side.accept(prekey, &client.begin(TOKEN, offer.as_bytes(), &secret("b")).unwrap());
    let reply = side.reply(&mut new, "new");
    assert!(client.open(&reply).unwrap().ct_eq(&secret("new")));
    assert!(client.open(&delayed).unwrap().ct_eq(&secret("delayed")));
    let sealed = client.seal(&secret("c")).unwrap();
    assert!(new.open(&[], &sealed).unwrap().ct_eq(&secret("c")));
    assert_eq!(old.open(&[], &sealed).err(), Some(ChannelError::Superseded));
}

#[test]
fn an_offer_of_somebody_else_is_refused_and_the_channel_goes_on() {
    let side = Side::new();
    let mut client = side.client();
    let (prekey, offer) = side.offer(1);
    let mut server =
        side.accept(prekey, &client.begin(TOKEN, offer.as_bytes(), &secret("a")).unwrap());
    let forged = Some(ClientError::Channel(ChannelError::Crypto(CryptoError::Forged)));
    let (_, foreign) = Side::new().offer(2);
    assert_eq!(client.begin(TOKEN, foreign.as_bytes(), &secret("b")).err(), forged);
    let (_, theirs) = side.offer(2);
    assert_eq!(client.begin("ev1_other", theirs.as_bytes(), &secret("b")).err(), forged);
    let sealed = client.seal(&secret("c")).unwrap();
    assert!(server.open(&[], &sealed).unwrap().ct_eq(&secret("c")));
}

#[test]
fn keys_end_with_their_channel() {
    let side = Side::new();
    let mut client = side.client();
    assert!(client.is_due());
    let (_, offer) = side.offer(1);
    client.begin(TOKEN, offer.as_bytes(), &secret("a")).unwrap();
    assert!(!client.is_due());
    side.algorithms.revoke(AlgorithmId::X_WING);
    assert!(client.is_due(), "the mechanism was revoked");
    side.clock.advance(KEYS - Duration::from_millis(1));
    client.seal(&secret("b")).unwrap();
    side.clock.advance(Duration::from_millis(1));
    let expired = Some(ClientError::Channel(ChannelError::Expired));
    assert_eq!(client.seal(&secret("c")).err(), expired);
    assert_eq!(client.seal(&secret("c")).err(), Some(ClientError::NotBegun));
    let (_, next) = side.offer(2);
    assert_eq!(next.algorithm(), AlgorithmId::ML_KEM_1024);
    client.begin(TOKEN, next.as_bytes(), &secret("d")).unwrap();
}

proptest! {
    #[test]
    fn hostile_offers_and_replies_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
        let side = Side::new();
        let mut client = side.client();
        prop_assert!(client.begin(TOKEN, &bytes, &secret("a")).is_err());
        let (_, offer) = side.offer(1);
        client.begin(TOKEN, offer.as_bytes(), &secret("a")).unwrap();
        prop_assert!(client.open(&bytes).is_err());
        let head = [&[1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &bytes].concat();
        prop_assert!(client.open(&head).is_err());
    }
}
