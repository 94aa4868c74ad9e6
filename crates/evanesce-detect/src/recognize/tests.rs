use proptest::prelude::*;

use super::*;

// The shortest that are found for sure, and what they are made of.
const PIECES: &str = "(::1|ws://a\\.b|a@b\\.cc|1\\.1\\.1\\.1|born|dob|1/1/99|rssmrautmlamruns|AB123456C|S1234567D\
    |ab-cd-ef-ab-cd-ef|abcd\\.abcd\\.abcd|\\+1 202 555 0123|[Bb]asic |YTpiYTpi|[Bb]earer |abcdefgh1ijklmno\
    |sk_live_|AKIA|ghp_|eyJ|-----BEGIN |PRIVATE KEY|NO|[A-Z0-9]{4} ?|[a-f]{2}|[-:.@ ]|[0-9]|\\PC|[\\x00-\\x1f])";

const PARTS: &str = "(reader@example\\.org |https://a\\.example/\\?b=|password=hunter2x |\\+1 202 555 0123 |born 1/1/99 \
    |curl -u a:b1cd |password |is 'abc1' |name=\"pwd\" value=\"a1b2c\" |login a password b1c |\"a1b2c\" == pwd \
    |%40|%2f|\u{200b}|–|&#58;|[a-z]{1,9} |[0-9]{4,9} |[a-z0-9]{1000}|[a-z/.]{1900}| {400}| {2000}| {3000})";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn far_from_a_change_both_texts_have_the_same(parts in prop::collection::vec(PARTS, 0..40)) {
        let text = parts.concat();
        let w = Window::new(&text);
        if let Some(decoded) = crate::decode::plain(&w) {
            let inner = Window::new(&decoded.text);
            let (mut some, mut every, mut outer) = (Vec::new(), Vec::new(), Vec::new());
            all(&w, &mut outer);
            near(&inner, (0, decoded.text.len()), decoded.changes(), &mut some);
            all(&inner, &mut every);
            for f in some.iter_mut().chain(&mut every) {
                (f.start, f.end) = decoded.outer(f.start, f.end);
            }
            prop_assert!(every.iter().all(|f| some.contains(f) || outer.contains(f)));
            prop_assert!(some.iter().all(|f| every.contains(f)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_may_not_be_sure_is_not(pieces in prop::collection::vec(PIECES, 0..8)) {
        let text = pieces.concat();
        let mut found = Vec::new();
        all(&Window::new(&text), &mut found);
        let sure = found.iter().any(|f| f.score >= SURE);
        prop_assert!(!sure || may_be_sure(text.as_bytes()), "{:?} {:?}", text, found);
    }
}

// The same without any masks: each word and each sign is asked for all that it may call for.
fn slowly(w: &Window<'_>, out: &mut Vec<Finding>) {
    secret::prefixed_slowly(w, out);
    let mut i = 0;
    while i < w.bytes.len() {
        let start = i;
        i = w.right(i, usize::MAX, alnum).max(start + 1);
        match w.at(start) {
            b'@' => address::email(w, start, out),
            b':' => {
                address::url(w, start, out);
                address::ipv6(w, start, out);
                assign::at(w, start, out);
            }
            b'=' | b'>' | b',' | b'(' => assign::at(w, start, out),
            b if !alnum(b) => {}
            first if w.bytes[start..i].iter().any(|b| digit(*b)) => {
                if digit(first) {
                    number::at(w, start, out);
                }
                token::at(w, start, i, out);
            }
            _ => {
                option::word(w, start, out);
                token::word(w, start, i, out);
                token::long_word(w, start, out);
            }
        }
    }
}

// What somebody may write down, as the recognisers know it.
fn anything() -> impl Strategy<Value = String> {
    let token = "[A-Za-z0-9]{1,48}|[0-9a-f]{8,40}|[0-9]{1,20}|[A-Z2-7]{16}";
    prop_oneof![
        3 => PARTS,
        3 => PIECES,
        2 => prop::sample::select(secret::words().collect::<Vec<_>>()).prop_map(str::to_owned),
        2 => prop::sample::select(written::shapes().collect::<Vec<_>>()).prop_flat_map(|shape| {
            let class = |c| match c {
                'd' => "[0-9]".to_owned(),
                'l' => "[A-Z]".to_owned(),
                'x' => "[0-9A-Z]".to_owned(),
                c => format!("[{c}]"),
            };
            let pattern: String = shape.chars().map(class).collect();
            proptest::string::string_regex(&pattern).expect("a shape is a row of classes")
        }),
        3 => token,
        1 => "[a-z]{1,18}|[A-Z]{16}|[a-zA-Z]{14,18}",
        3 => "[ ,.:;=>@(/+_$~\"'\n-]{1,3}",
        1 => "\\PC",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_calls_for_a_recogniser_is_not_passed_over(parts in prop::collection::vec(anything(), 0..24)) {
        let text = parts.concat();
        let (mut quick, mut slow) = (Vec::new(), Vec::new());
        all(&Window::new(&text), &mut quick);
        slowly(&Window::new(&text), &mut slow);
        let place = |f: &Finding| (f.start, f.end, f.kind, f.score, f.why);
        quick.sort_unstable_by_key(place);
        slow.sort_unstable_by_key(place);
        prop_assert_eq!(quick, slow, "{:?}", text);
    }
}

#[test]
fn groups_of_many_digits_are_no_date() {
    for text in ["born 1-2-99999999999999", "born 99999999999/1/2", "1.99999999999.3"] {
        let mut found = Vec::new();
        all(&Window::new(text), &mut found);
        assert!(found.iter().all(|f| f.kind != Kind::DateOfBirth), "{text}");
    }
}
