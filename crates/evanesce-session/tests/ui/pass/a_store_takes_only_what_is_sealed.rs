use evanesce_crypto::Sealed;
use evanesce_session::Record;

fn store(record: &mut Record, sealed: Sealed) {
    record.sealed = sealed;
}

fn main() {
    let _ = store;
}
