use evanesce_crypto::{Recipient, Root, RootFile, SigningKey};

fn print<T: std::fmt::Debug>() {}

fn main() {
    print::<Recipient>();
    print::<Root>();
    print::<RootFile>();
    print::<SigningKey>();
}
