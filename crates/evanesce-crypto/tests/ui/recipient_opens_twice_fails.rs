use evanesce_crypto::{ChannelMessage, CryptoError, Recipient};

fn twice(recipient: Recipient, one: &ChannelMessage, two: &ChannelMessage) -> Result<(), CryptoError> {
    recipient.open(b"info", b"one", one)?;
    recipient.open(b"info", b"two", two)?;
    Ok(())
}

fn main() {
    let _ = twice;
}
