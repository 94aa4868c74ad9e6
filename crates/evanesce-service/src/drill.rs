//! A drill for the report: leaks that belong to nobody are planted where free text is
//! sanitised and where output leaves, and what is found is counted.

use std::sync::Arc;

use evanesce_audit::{FOUND, PLANTED};
use evanesce_core::{
    Clock, Error, ErrorKind, Evidence, FnProbe, Label, Reading, Sanitize, Screen, StoreKind, label,
};
use evanesce_crypto::random;
use evanesce_detect::Canary;

/// How many canaries are planted in each place and form.
const EACH: usize = 4;

/// Plants and counts. Each canary is fresh, so that no list of known ones can be what
/// finds it.
pub(crate) async fn drill(
    clock: &dyn Clock,
    screen: &Arc<dyn Screen>,
    sanitize: &Arc<dyn Sanitize>,
) -> Vec<Evidence> {
    let drilled = plant(&**screen, &**sanitize);
    let of =
        |what: fn(&Drilled) -> u64| move || drilled.map(|drilled| Reading::Count(what(&drilled)));
    let method = || label!("fresh canaries through sanitiser and screen");
    let probe = |fact: Label, read| FnProbe::new(StoreKind::Memory, fact, method(), read);
    vec![
        Evidence::measure(clock, &probe(fact(PLANTED), of(|drilled| drilled.planted))).await,
        Evidence::measure(clock, &probe(fact(FOUND), of(|drilled| drilled.found))).await,
    ]
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Drilled {
    planted: u64,
    found: u64,
}

fn plant(screen: &dyn Screen, sanitize: &dyn Sanitize) -> Result<Drilled, Error> {
    let mut drilled = Drilled::default();
    for _ in 0..EACH {
        let canary = canary()?;
        for planted in forms(&canary) {
            let text = format!("user={planted}; the request took 12 ms");
            drilled.planted += 2;
            drilled.found += u64::from(!sanitize.sanitize(&text).contains(&planted));
            drilled.found += u64::from(screen.screen(text.as_bytes()).is_err());
        }
    }
    Ok(drilled)
}

// As it is, as an address, and as a log or a page may have written it.
fn forms(canary: &Canary) -> [String; 4] {
    let address = canary.address();
    let percent = address.replace('@', "%40");
    let escaped = address.replace('@', "\\u0040");
    [canary.to_string(), address, percent, escaped]
}

fn canary() -> Result<Canary, Error> {
    let mut bytes = [0; 16];
    random(&mut bytes).map_err(|_| NO_RANDOM)?;
    Ok(Canary::mint(bytes))
}

const NO_RANDOM: Error =
    Error::new(ErrorKind::Unavailable, StoreKind::Memory, "there are no random bytes");

fn fact(name: &'static str) -> Label {
    Label::parse(name).unwrap_or(label!("drill"))
}

#[cfg(test)]
mod tests {
    use evanesce_core::Blocked;
    use evanesce_detect::{EgressScreen, Scanner};

    use super::*;

    struct Blind;

    impl Screen for Blind {
        fn screen(&self, _: &[u8]) -> Result<(), Blocked> {
            Ok(())
        }
    }

    impl Sanitize for Blind {
        fn sanitize(&self, text: &str) -> String {
            text.to_owned()
        }
    }

    #[test]
    fn a_seeing_detector_finds_all_and_a_blind_one_nothing() {
        let screen = EgressScreen::new(Scanner::default());
        let seen = plant(&screen, &Scanner::default()).unwrap();
        assert_eq!((seen.planted, seen.found), (32, 32));
        let half = plant(&Blind, &Scanner::default()).unwrap();
        assert_eq!((half.planted, half.found), (32, 16));
        assert_eq!(plant(&Blind, &Blind).unwrap().found, 0);
    }
}
