use evanesce_memory::{assert_no_residue, residue::Needle};
use proptest::prelude::*;

use super::*;
use crate::vectors::{Vectors, secret};

fn pair_of(key: &SecretBytes) -> (Ratchet, Ratchet) {
    let terms = Terms {
        algorithm: AlgorithmId::X_WING,
        generation: 1,
        until: Timestamp::from_millis(1_000),
    };
    let begin = |side| Ratchet::begin(side, terms, key).unwrap();
    (begin(Side::Client), begin(Side::Server))
}

fn pair() -> (Ratchet, Ratchet) {
    pair_of(&crate::random_secret(32).unwrap())
}

fn text(number: usize) -> SecretBytes {
    secret(format!("message {number}").as_bytes())
}

fn sealed(from: &mut Ratchet, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| from.seal(b"place", &text(number)).unwrap()).collect()
}

fn opens(to: &mut Ratchet, messages: &[Vec<u8>], number: usize) {
    assert!(to.open(b"place", &messages[number]).unwrap().ct_eq(&text(number)), "{number}");
}

/// The answer was computed apart from this code, with HMAC and SHA-256 of the Python standard
/// library and an AES-GCM of its own.
#[test]
fn the_vector_is_reproduced() {
    let vectors = Vectors::new(include_str!("../../tests/vectors/ratchet-v1.txt"));
    let (mut client, mut server) = pair_of(&secret(&vectors.bytes("key")));
    let associated = vectors.bytes("associated");
    for name in ["first", "second", "third"] {
        let plain = secret(&vectors.bytes(&format!("{name}-plaintext")));
        let message = client.seal(&associated, &plain).unwrap();
        assert_eq!(message, vectors.bytes(name), "{name}");
    }
    let opened = server.open(&associated, &vectors.bytes("third")).unwrap();
    assert!(opened.ct_eq(&secret(&vectors.bytes("third-plaintext"))));
    server.keep(|state| assert_eq!(state, vectors.bytes("server-state")));
    let reply = server.seal(&associated, &opened).unwrap();
    assert_eq!(reply, vectors.bytes("reply"));
    assert!(client.open(&associated, &reply).unwrap().ct_eq(&opened));
}

#[test]
fn both_directions_go_on_after_being_kept() {
    let (mut client, mut server) = pair();
    for number in 0..100 {
        let there = client.seal(b"place", &text(number)).unwrap();
        server = server.keep(Ratchet::restore).unwrap();
        assert!(server.open(b"place", &there).unwrap().ct_eq(&text(number)));
        let back = server.seal(b"place", &text(number + 1)).unwrap();
        client = client.keep(Ratchet::restore).unwrap();
        assert!(client.open(b"place", &back).unwrap().ct_eq(&text(number + 1)));
        assert_eq!((client.sent(), server.sent()), (number as u64 + 1, number as u64 + 1));
    }
    assert_eq!(client.algorithm(), AlgorithmId::X_WING);
    assert_eq!((client.generation(), client.until().as_millis()), (1, 1_000));
}

#[test]
fn lost_and_reordered_messages_within_the_window_are_opened() {
    let (mut client, mut server) = pair();
    let messages = sealed(&mut client, 200);
    // The newest that the window allows, then all that were left out, backwards.
    opens(&mut server, &messages, 31);
    for number in (0..31).rev() {
        opens(&mut server, &messages, number);
    }
    // Thirty-one were lost for good, and the next is opened.
    opens(&mut server, &messages, 63);
    opens(&mut server, &messages, 64);
    opens(&mut server, &messages, 33);
}

#[test]
fn beyond_the_window_is_a_typed_desynchronisation() {
    let (mut client, mut server) = pair();
    let messages = sealed(&mut client, 100);
    let desynchronised = Some(ChannelError::Desynchronised);
    assert_eq!(server.open(b"place", &messages[32]).err(), desynchronised);
    opens(&mut server, &messages, 31);
    opens(&mut server, &messages, 40);
    assert_eq!(server.open(b"place", &messages[8]).err(), desynchronised);
    opens(&mut server, &messages, 9);
    let mut last = messages[41].clone();
    last[6..14].copy_from_slice(&u64::MAX.to_be_bytes());
    assert_eq!(server.open(b"place", &last).err(), desynchronised);
}

#[test]
fn replays_are_refused() {
    let (mut client, mut server) = pair();
    let messages = sealed(&mut client, 10);
    for number in [0, 1, 5, 3, 9] {
        opens(&mut server, &messages, number);
        let again = server.open(b"place", &messages[number]).err();
        assert_eq!(again, Some(ChannelError::Replayed), "{number}");
    }
    // One's own message is of the other direction.
    let own = Some(ChannelError::Crypto(CryptoError::Forged));
    let mut client = pair().0;
    let message = client.seal(b"place", &text(0)).unwrap();
    assert_eq!(client.open(b"place", &message).err(), own);
}

#[test]
fn a_message_that_does_not_open_changes_nothing() {
    let (mut client, mut server) = pair();
    let messages = sealed(&mut client, 30);
    opens(&mut server, &messages, 3);
    let before = server.keep(<[u8]>::to_vec);
    for number in [1, 4, 20] {
        let message = &messages[number];
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            let opened = server.open(b"place", &changed).err();
            let expected = match at {
                0 | 1 => ChannelError::Crypto(CryptoError::Malformed),
                2..6 => ChannelError::Superseded,
                6..13 => ChannelError::Desynchronised,
                _ if opened == Some(ChannelError::Replayed) && at == 13 => ChannelError::Replayed,
                _ => ChannelError::Crypto(CryptoError::Forged),
            };
            assert_eq!(opened, Some(expected), "message {number}, byte {at}");
        }
        for len in 0..message.len() {
            assert!(server.open(b"place", &message[..len]).is_err(), "{len} bytes");
        }
        let elsewhere = server.open(b"plac", message).err();
        assert_eq!(elsewhere, Some(ChannelError::Crypto(CryptoError::Forged)));
        server.keep(|after| assert!(after == before, "message {number}"));
    }
    for number in [1, 4, 20] {
        opens(&mut server, &messages, number);
    }
}

/// What somebody can do with a captured state: every 32 bytes of it may be a key, or a chain
/// that goes on.
fn cracks(state: &[u8], message: &[u8]) -> bool {
    let number = get(message, 6);
    let (head, sealed) = message.split_first_chunk::<HEAD>().unwrap();
    let tries = |key: &[u8]| decrypt(key, (head, b"place"), number, sealed).is_ok();
    state.windows(KEY).any(|window| {
        // Zeros are no key.
        if window.iter().all(|byte| *byte == 0) || tries(window) {
            return window.iter().any(|byte| *byte != 0);
        }
        false
    }) || [SENDING, RECEIVING].iter().any(|chain| {
        let mut chain = state[*chain..*chain + KEY].to_vec();
        (0..80).any(|_| {
            let mut pair = [0; 2 * KEY];
            step(&chain, &mut pair).unwrap();
            chain = pair[KEY..].to_vec();
            tries(&pair[..KEY])
        })
    })
}

/// Captured at each step of a conversation with lost and reordered messages, neither end opens
/// anything that was opened before, by its own code or by any key that lies in it.
#[test]
fn a_captured_state_opens_nothing_earlier() {
    let (mut client, mut server) = pair();
    let messages = sealed(&mut client, 40);
    let mut opened: Vec<usize> = Vec::new();
    let order = [0, 1, 2, 6, 4, 3, 10, 5, 35, 30, 12, 36, 39, 8, 9];
    for number in order {
        let before = server.keep(<[u8]>::to_vec);
        assert!(cracks(&before, &messages[number]), "the attack itself works: {number}");
        opens(&mut server, &messages, number);
        opened.push(number);
        let reply = server.seal(b"place", &text(number)).unwrap();
        assert!(client.open(b"place", &reply).unwrap().ct_eq(&text(number)));
        for end in [&server, &client] {
            let captured = end.keep(<[u8]>::to_vec);
            for earlier in &opened {
                assert!(!cracks(&captured, &messages[*earlier]), "{number} opens {earlier}");
                let own = Ratchet::restore(&captured).unwrap().open(b"place", &messages[*earlier]);
                assert!(own.is_err(), "{number} opens {earlier} again");
            }
            assert!(!cracks(&captured, &reply), "a reply opens after it was read");
        }
    }
}

/// The first key of a chain, and the chain: what must be gone once the message was opened.
#[inline(never)]
fn needles(end: &Ratchet) -> [Needle; 2] {
    let mut pair = [0; 2 * KEY];
    let mut chain = SecretBytes::zeroed(KEY).unwrap();
    end.keep(|state| assert_eq!(chain.copy_at(0, &state[SENDING..RECEIVING]), KEY));
    chain.expose(|chain| step(chain, &mut pair).unwrap());
    let key = Needle::from_slice(&mut pair[..KEY]).unwrap();
    wipe_slice(&mut pair);
    [key, chain.expose_mut(|chain| Needle::from_slice(chain).unwrap())]
}

#[test]
fn keys_are_gone_after_use() {
    let (mut client, mut server) = pair();
    let needles = needles(&client);
    evanesce_memory::scrub_stack_deeply();
    let message = client.seal(b"place", &text(0)).unwrap();
    server.open(b"place", &message).unwrap();
    for needle in needles {
        assert_no_residue!(needle);
    }
}

#[test]
fn sizes_are_bounded_and_lengths_hidden() {
    let (mut client, mut server) = pair();
    let largest = SecretBytes::zeroed(Sealed::MAX * 7 / 8).unwrap();
    let message = client.seal(b"", &largest).unwrap();
    assert!(message.len() <= Sealed::MAX);
    assert!(server.open(b"", &message).unwrap().ct_eq(&largest));
    let more = SecretBytes::zeroed(Sealed::MAX).unwrap();
    let refused = client.seal(b"", &more).err();
    assert_eq!(refused, Some(ChannelError::Crypto(CryptoError::TooLarge)));
    assert_eq!(client.sent(), 1, "nothing is used up");
    let [short, long] = [1, 60].map(|len| client.seal(b"", &secret(&vec![7; len])).unwrap());
    assert_eq!(short.len(), long.len());
    let long = [&message[..], &vec![0; Sealed::MAX]].concat();
    let malformed = Some(ChannelError::Crypto(CryptoError::Malformed));
    assert_eq!(server.open(b"", &long).err(), malformed);
}

proptest! {
    /// Whatever the order, what opens is what a list of numbers says.
    #[test]
    fn every_order_is_judged_by_its_numbers(order in prop::collection::vec(0..90_usize, 1..120)) {
        let (mut client, mut server) = pair();
        let messages = sealed(&mut client, 90);
        let (mut seen, mut next) = (std::collections::BTreeSet::new(), 0_usize);
        for number in order {
            let result = server.open(b"place", &messages[number]);
            let far = number >= next + 32 || number + 32 < next;
            let expected = if far {
                Some(ChannelError::Desynchronised)
            } else if seen.contains(&number) {
                Some(ChannelError::Replayed)
            } else {
                None
            };
            prop_assert_eq!(result.as_ref().err().copied(), expected, "{} of {}", number, next);
            if let Ok(plain) = result {
                prop_assert!(plain.ct_eq(&text(number)));
                seen.insert(number);
                next = next.max(number + 1);
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..1300)) {
        let (_, mut server) = pair();
        prop_assert!(server.open(b"", &bytes).is_err());
        let head = [&[1, 3, 0, 0, 0, 1][..], &bytes].concat();
        prop_assert!(server.open(b"", &head).is_err());
        let state = [&[1][..], &bytes].concat();
        if let Ok(mut restored) = Ratchet::restore(&state[..Ratchet::LEN.min(state.len())]) {
            prop_assert!(restored.open(b"", &head).is_err());
            prop_assert!(restored.seal(b"", &text(1)).is_ok() || restored.sent() == u64::MAX);
        }
    }
}
