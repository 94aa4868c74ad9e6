use evanesce_crypto::{ChannelKey, Sealed, VerifyingKey};

fn copy<T: Clone>() {}

fn main() {
    copy::<ChannelKey>();
    copy::<Sealed>();
    copy::<VerifyingKey>();
}
