use proptest::prelude::*;

use crate::{Kind, check};

// Numbers that the issuing offices print in their own explanations, or made
// up by the rule; each has a twin with one digit changed.
const KNOWN: &[(Kind, &str, &str)] = &[];

proptest! {
    #[test]
    fn no_value_panics(value in "\\PC{0,40}", compact in "[0-9A-Za-z]{0,36}", digits in "[0-9]{0,24}") {
        for kind in Kind::ALL {
            let _ = check(*kind, &value);
            let _ = check(*kind, &compact);
            let _ = check(*kind, &digits);
        }
    }
}
