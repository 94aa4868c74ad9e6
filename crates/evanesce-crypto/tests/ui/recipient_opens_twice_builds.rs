use evanesce_crypto::{ChannelMessage, CryptoError, Recipient};

fn once_each(pair: [Recipient; 2], one: &ChannelMessage, two: &ChannelMessage) -> Result<(), CryptoError> {
    let [first, second] = pair;
    first.open(b"info", b"one", one)?;
    second.open(b"info", b"two", two)?;
    Ok(())
}

fn main() {
    let _ = once_each;
}
