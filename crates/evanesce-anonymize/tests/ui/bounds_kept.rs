use evanesce_anonymize::{Epsilon, WindowLength};

const LENGTH: WindowLength = WindowLength::hours(23);
const LOSS: Epsilon = Epsilon::micros(1);

fn main() {
    let _ = (LENGTH, LOSS);
}
