use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    MlKem1024, XWing,
    vectors::{Vectors, secret},
};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const UNTIL: Timestamp = Timestamp::from_millis(1_900_000);
const PLACE: &[u8] = b"first";

fn binding() -> Binding {
    Binding::new("newsletter", "ev1_token").unwrap()
}

fn signer() -> SigningKey {
    SigningKey::from_seed(secret(&[7; 32])).unwrap()
}

fn everything() -> Vec<Algorithms> {
    vec![
        Algorithms::standard(),
        Algorithms::new(vec![Arc::new(MlKem1024)]),
        #[cfg(feature = "kyber-round3")]
        Algorithms::new(vec![Arc::new(crate::KyberRound3)]),
    ]
}

fn offered(algorithms: &Algorithms) -> (Prekey, Offer) {
    Prekey::offer(algorithms, &binding(), 1, UNTIL, &signer()).unwrap()
}

fn begun(algorithms: &Algorithms, offer: &Offer) -> (Ratchet, Vec<u8>) {
    let key = signer().verifying_key();
    offer.begin(algorithms, &binding(), &key, NOW, (PLACE, &secret(b"hello"))).unwrap()
}

#[test]
fn the_vector_opens() {
    let vectors = Vectors::new(include_str!("../../tests/vectors/prekey-v1.txt"));
    let algorithms = Algorithms::standard();
    let prekey = Prekey::restore(&vectors.bytes("prekey")).unwrap();
    let offer = Offer::from_bytes(&algorithms, &vectors.bytes("offer")).unwrap();
    assert_eq!(sha256(offer.as_bytes()).as_bytes(), &prekey.offer);
    let public = crate::xwing::pair_of(prekey.private.try_clone().unwrap()).unwrap().public;
    assert_eq!(offer.bytes[HEAD..offer.bytes.len() - SIGNATURE], public);
    prekey.keep().unwrap().expose(|kept| assert_eq!(kept, vectors.bytes("prekey")));
    // The signature is that of RFC 8032, over what the format says.
    let content = &offer.bytes[..offer.bytes.len() - SIGNATURE];
    let signature = signer().sign(signed(&binding(), content).as_bytes()).unwrap();
    assert_eq!(signature.as_bytes()[..], offer.bytes[offer.bytes.len() - SIGNATURE..]);
    let message = vectors.bytes("message");
    let (mut ratchet, plain) =
        prekey.accept(&algorithms, &binding(), NOW, PLACE, &message).unwrap();
    assert!(plain.ct_eq(&secret(&vectors.bytes("plaintext"))));
    assert_eq!(ratchet.seal(PLACE, &plain).unwrap(), vectors.bytes("reply"));
}

#[test]
fn any_node_accepts_the_first_message_and_both_ends_go_on() {
    for algorithms in everything() {
        let (prekey, offer) = offered(&algorithms);
        let offer = Offer::from_bytes(&algorithms, offer.as_bytes()).unwrap();
        assert_eq!((offer.until(), offer.algorithm()), (UNTIL, algorithms.available()[0]));
        let (mut client, first) = begun(&algorithms, &offer);
        // Kept by one node, accepted by another.
        let prekey = prekey.keep().unwrap().expose(Prekey::restore).unwrap();
        assert_eq!((prekey.until(), prekey.generation()), (UNTIL, 1));
        let (mut server, plain) =
            prekey.accept(&algorithms, &binding(), NOW, PLACE, &first).unwrap();
        assert!(plain.ct_eq(&secret(b"hello")));
        let reply = server.seal(b"", &secret(b"and you")).unwrap();
        assert!(client.open(b"", &reply).unwrap().ct_eq(&secret(b"and you")));
        let more = client.seal(b"", &secret(b"more")).unwrap();
        assert!(server.open(b"", &more).unwrap().ct_eq(&secret(b"more")));
        assert_eq!(server.until(), UNTIL);
    }
}

#[test]
fn an_offer_is_for_one_session_of_one_service_and_signed() {
    let algorithms = Algorithms::standard();
    let (_, offer) = offered(&algorithms);
    let begin = |binding: &Binding, key, now| {
        offer.begin(&algorithms, binding, &key, now, (PLACE, &secret(b"hello"))).err()
    };
    let forged = Some(ChannelError::Crypto(CryptoError::Forged));
    let ours = signer().verifying_key();
    assert_eq!(begin(&binding(), ours, NOW), None);
    let theirs = SigningKey::generate().unwrap().verifying_key();
    assert_eq!(begin(&binding(), theirs, NOW), forged);
    for (service, token) in [("newsletter", "ev1_other"), ("another", "ev1_token")] {
        let other = Binding::new(service, token).unwrap();
        assert_eq!(begin(&other, ours, NOW), forged, "{service} {token}");
    }
    assert_eq!(begin(&binding(), ours, UNTIL), Some(ChannelError::Expired));
    for at in (0..HEAD + 8).chain(offer.bytes.len() - SIGNATURE - 3..offer.bytes.len()) {
        let mut bytes = offer.bytes.clone();
        bytes[at] ^= 1;
        let refused = Offer::from_bytes(&algorithms, &bytes).and_then(|offer| {
            offer.begin(&algorithms, &binding(), &ours, NOW, (PLACE, &secret(b"hello")))
        });
        assert!(refused.is_err(), "byte {at}");
    }
}

#[test]
fn a_first_message_opens_in_its_place_in_its_time() {
    let algorithms = Algorithms::standard();
    let accept = |binding: &Binding, now, place: &[u8], change: Option<usize>| {
        let (prekey, offer) = offered(&algorithms);
        let (_, mut first) = begun(&algorithms, &offer);
        if let Some(at) = change {
            first[at] ^= 1;
        }
        prekey.accept(&algorithms, binding, now, place, &first).err()
    };
    let forged = Some(ChannelError::Crypto(CryptoError::Forged));
    assert_eq!(accept(&binding(), NOW, PLACE, None), None);
    assert_eq!(accept(&binding(), NOW, b"other", None), forged);
    assert_eq!(accept(&Binding::new("newsletter", "x").unwrap(), NOW, PLACE, None), forged);
    assert_eq!(accept(&binding(), UNTIL, PLACE, None), Some(ChannelError::Expired));
    for at in [0, 1, 2, 3, 4, 700, 1100, 1123, 1124, 1126, 1140, 1200] {
        assert!(accept(&binding(), NOW, PLACE, Some(at)).is_some(), "byte {at}");
    }
    // Another offer of the same session is another agreement.
    let (prekey, _) = offered(&algorithms);
    let (_, first) = begun(&algorithms, &offered(&algorithms).1);
    let other = prekey.accept(&algorithms, &binding(), NOW, PLACE, &first).err();
    assert_eq!(other, forged);
}

#[test]
fn a_revoked_mechanism_is_neither_offered_nor_begun_nor_accepted() {
    let revoked = Some(ChannelError::Crypto(CryptoError::Revoked));
    for algorithms in everything() {
        let (prekey, offer) = offered(&algorithms);
        let (_, first) = begun(&algorithms, &offer);
        algorithms.revoke(offer.algorithm());
        let again = Prekey::offer(&algorithms, &binding(), 2, UNTIL, &signer()).err();
        assert_eq!(again, revoked);
        let key = signer().verifying_key();
        let begin =
            offer.begin(&algorithms, &binding(), &key, NOW, (PLACE, &secret(b"hello"))).err();
        assert_eq!(begin, revoked);
        assert_eq!(Offer::from_bytes(&algorithms, offer.as_bytes()).err(), revoked);
        let accepted = prekey.accept(&algorithms, &binding(), NOW, PLACE, &first).err();
        assert_eq!(accepted, revoked);
    }
    // With a second mechanism, the next offer is of that one.
    let algorithms = Algorithms::new(vec![Arc::new(XWing), Arc::new(MlKem1024)]);
    assert_eq!(offered(&algorithms).1.algorithm(), AlgorithmId::X_WING);
    algorithms.revoke(AlgorithmId::X_WING);
    assert_eq!(offered(&algorithms).1.algorithm(), AlgorithmId::ML_KEM_1024);
}

#[test]
fn a_binding_needs_a_token() {
    assert_eq!(Binding::new("newsletter", "").err(), Some(CryptoError::KeyLength));
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
        let algorithms = Algorithms::standard();
        prop_assert!(Offer::from_bytes(&algorithms, &bytes).is_err());
        let first = [&[1, 2, 0x64, 0x7A][..], &bytes].concat();
        let (prekey, _) = offered(&algorithms);
        prop_assert!(prekey.accept(&algorithms, &binding(), NOW, PLACE, &first).is_err());
        if let Ok(prekey) = Prekey::restore(&[&[1][..], &bytes].concat()) {
            prop_assert!(prekey.accept(&algorithms, &binding(), NOW, PLACE, &first).is_err());
        }
    }
}
