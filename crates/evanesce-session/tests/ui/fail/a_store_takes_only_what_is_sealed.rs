use evanesce_session::Record;

fn store(record: &mut Record, plaintext: Vec<u8>) {
    record.sealed = plaintext;
}

fn main() {
    let _ = store;
}
