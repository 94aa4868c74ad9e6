//! Tokens that somebody made up or changed.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_crypto::sha256;
use evanesce_session::{Destroyed, SessionError, Token};
use support::House;

const PREFIX: &str = "ev1_";
const CHECKSUM: usize = 4;

fn bytes_of(token: &Token) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(token.to_text().strip_prefix(PREFIX).unwrap()).unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(bytes))
}

/// Whoever changes a token knows how its checksum is made.
fn with_checksum(bytes: &[u8]) -> String {
    let (body, _) = bytes.split_at(bytes.len() - CHECKSUM);
    text_of(&[body, &sha256(body).as_bytes()[..CHECKSUM]].concat())
}

#[tokio::test]
async fn a_token_with_any_bit_flipped_opens_ends_and_moves_nothing() {
    let house = House::new();
    let sessions = &house.sessions;
    let token = sessions.open(&String::from("somebody")).await.unwrap();
    let bytes = bytes_of(&token);
    assert_eq!(with_checksum(&bytes), *token.to_text(), "this test makes checksums too");
    let (mut malformed, mut absent) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(Token::parse(&text_of(&flipped)), Err(SessionError::Malformed)));
        let forged = || Token::parse(&with_checksum(&flipped));
        if forged().is_err() {
            malformed += 1;
            continue;
        }
        if bit / 8 >= bytes.len() - CHECKSUM {
            continue;
        }
        let read = sessions.read(&forged().unwrap(), |text: &String| text.clone()).await;
        assert!(matches!(read, Err(SessionError::Absent)), "bit {bit}");
        let update = sessions.update(&forged().unwrap(), |text: &mut String| text.push('!')).await;
        assert!(matches!(update, Err(SessionError::Absent)), "bit {bit}");
        let rotated = sessions.rotate(forged().unwrap()).await;
        assert!(matches!(rotated.err().unwrap().error, SessionError::Absent), "bit {bit}");
        let taken = sessions.take::<String>(forged().unwrap()).await;
        assert!(matches!(taken.err().unwrap().error, SessionError::Absent), "bit {bit}");
        assert_eq!(sessions.destroy(forged().unwrap()).await.unwrap(), Destroyed::Absent);
        absent += 1;
    }
    // The version, whose bits make another format; then the tag and the secret.
    assert_eq!((malformed, absent), (8, 8 + 256));
    let read = sessions.read(&token, |text: &String| text.clone()).await;
    assert_eq!(read.unwrap(), "somebody");
}
