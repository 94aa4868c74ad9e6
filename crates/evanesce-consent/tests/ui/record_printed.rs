use evanesce_consent::{ConsentReceipt, ConsentRecord};

fn print(record: &ConsentRecord, receipt: &ConsentReceipt) -> String {
    format!("{record:?} {receipt:?}")
}

fn main() {
    let _ = print;
}
