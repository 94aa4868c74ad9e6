use evanesce_crypto::{Recipient, Root, SigningKey};

fn copy<T: Clone>() {}

fn main() {
    copy::<Recipient>();
    copy::<Root>();
    copy::<SigningKey>();
}
