use evanesce_crypto::{ChannelKey, KeyHistory, RootVersion, VerifyingKey};

fn print<T: std::fmt::Debug>() {}

fn main() {
    print::<ChannelKey>();
    print::<KeyHistory>();
    print::<RootVersion>();
    print::<VerifyingKey>();
}
