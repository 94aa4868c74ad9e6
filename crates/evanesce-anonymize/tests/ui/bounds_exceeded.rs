use evanesce_anonymize::{Epsilon, WindowLength};

const LENGTH: WindowLength = WindowLength::hours(24);
const LOSS: Epsilon = Epsilon::micros(0);

fn main() {
    let _ = (LENGTH, LOSS);
}
