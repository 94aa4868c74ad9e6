use evanesce_consent::{ConsentReceipt, ConsentRecord};

fn store(record: &ConsentRecord) -> Option<ConsentRecord> {
    ConsentRecord::from_bytes(&record.to_bytes()).ok()
}

fn keep(receipt: ConsentReceipt) -> usize {
    receipt.text().len()
}

fn main() {
    assert!(store(&ConsentRecord::new()).is_some());
    let _ = keep;
}
