use evanesce_consent::{ConsentReceipt, ConsentRecord};

fn restore(receipt: ConsentReceipt) -> ConsentRecord {
    ConsentRecord::from(receipt)
}

fn main() {
    let _ = restore;
}
