use proptest::prelude::*;

use crate::{Finding, Kind, Rules, Scanner, Stream};

fn found(text: &str) -> Vec<(Kind, &str)> {
    Scanner::default().scan(text).iter().map(|f| (f.kind, &text[f.start..f.end])).collect()
}

// Reserved domains and numbers that are printed as examples, or made up.
#[test]
fn each_kind_is_found_with_its_exact_span() {
    for (kind, text, value) in [
        (Kind::AtVat, "UID: ATU13585627.", "ATU13585627"),
        (Kind::BePersonal, "NN 85.07.30-033.28,", "85.07.30-033.28"),
        (Kind::BrCpf, "CPF 111.444.777-35.", "111.444.777-35"),
        (Kind::ChBusiness, "(CHE-100.155.212 MWST)", "CHE-100.155.212"),
        (Kind::ClRut, "RUT 12.531.909-2", "12.531.909-2"),
        (Kind::CnResident, "身份证11010519491231002X。", "11010519491231002X"),
        (
            Kind::Crypto,
            "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa!",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ),
        (Kind::CzBirth, "rodné číslo 710319/2745", "710319/2745"),
        (Kind::DeVat, "USt-IdNr. DE 136 695 976.", "DE 136 695 976"),
        (Kind::FrVat, "TVA FR 40 303 265 045", "FR 40 303 265 045"),
        (Kind::InGst, "GSTIN 27AAPFU0939F1ZV", "27AAPFU0939F1ZV"),
        (Kind::Ip, "net 192.0.2.0/24,", "192.0.2.0/24"),
        (Kind::MxCurp, "CURP BOXW310820HNERXN09", "BOXW310820HNERXN09"),
        (Kind::NlVat, "btw NL004495445B01.", "NL004495445B01"),
        (Kind::NoBirth, "fødselsnummer 151086 95088", "151086 95088"),
        (Kind::RoPersonal, "CNP 1630615123457", "1630615123457"),
        (Kind::SePersonnummer, "personnummer 198712202384", "198712202384"),
        (Kind::TrTax, "vergi no 4540536920", "4540536920"),
        (Kind::UsMedicare, "MBI 1EG4-TE5-MK73", "1EG4-TE5-MK73"),
        (Kind::UsProvider, "NPI: 1234567893", "1234567893"),
        (Kind::ChAhv, "AHV 756.9217.0769.85", "756.9217.0769.85"),
        (Kind::CreditCard, "card 4111 1111 1111 1111, exp", "4111 1111 1111 1111"),
        (Kind::CreditCard, "(378282246310005)", "378282246310005"),
        (Kind::DateOfBirth, "born on 1985-03-12 in", "1985-03-12"),
        (Kind::DeSocialSecurity, "SV 15070649C103.", "15070649C103"),
        (Kind::Email, "<first.last+tag@mail.example.org>", "first.last+tag@mail.example.org"),
        (Kind::Email, "'jürgen@müller.example'", "jürgen@müller.example"),
        (Kind::EsNif, "DNI 12345678Z", "12345678Z"),
        (Kind::FiPersonalIdentityCode, "hetu 131052-308T.", "131052-308T"),
        (Kind::FrNir, "n° 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
        (Kind::Iban, "to GB29 NWBK 6016 1331 9268 19 now", "GB29 NWBK 6016 1331 9268 19"),
        (Kind::Ip, "from 203.0.113.77:443", "203.0.113.77"),
        (Kind::Ip, "from [2001:db8::7:1].", "2001:db8::7:1"),
        (Kind::ItFiscalCode, "CF: rssmra85t10a562s;", "rssmra85t10a562s"),
        (Kind::Mac, "mac 00-00-5E-00-53-AF!", "00-00-5E-00-53-AF"),
        (Kind::NlBsn, "BSN: 111222333", "111222333"),
        (Kind::Phone, "call +1 (202) 555-0123 now", "+1 (202) 555-0123"),
        (Kind::Phone, "+49 (0)30 901820", "+49 (0)30 901820"),
        (Kind::Phone, "(202) 555-0123 x42", "(202) 555-0123 x42"),
        (Kind::Phone, "téléphone 0199001234.", "0199001234"),
        (Kind::PlPesel, "PESEL 44051401359", "44051401359"),
        (Kind::SePersonnummer, "811218-9876", "811218-9876"),
        (Kind::Secret, "DB_PASSWORD='hunter2!'", "hunter2!"),
        (Kind::Secret, "Authorization: Api-Token q8Z1v0Lk2Xw9Rt5bq8Z1", "q8Z1v0Lk2Xw9Rt5bq8Z1"),
        (Kind::Secret, "<apiKey>\n  q8Z1v0Lk2Xw9Rt5b\n</apiKey>", "q8Z1v0Lk2Xw9Rt5b"),
        (Kind::Secret, "set(\"CLIENT_SECRET\", \"q8Z1v0Lk2Xw9Rt5b\")", "q8Z1v0Lk2Xw9Rt5b"),
        (Kind::Secret, "\"api_key\": \"q8Z1v0Lk2Xw9Rt5b\"", "q8Z1v0Lk2Xw9Rt5b"),
        (Kind::SecretAwsKey, "key AKIAQ3EGRTYUIOP24680 end", "AKIAQ3EGRTYUIOP24680"),
        (
            Kind::SecretJwt,
            "x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl y",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        ),
        (
            Kind::SecretUrlCredentials,
            "at postgres://app:s3cr3t@db/stats",
            "postgres://app:s3cr3t@db/stats",
        ),
        (Kind::SgNric, "S1234567D", "S1234567D"),
        (Kind::TrNationalId, "TC kimlik 10000000146", "10000000146"),
        (Kind::UkNhs, "NHS 943 476 5919", "943 476 5919"),
        (Kind::UkNino, "NI AB 12 34 56 C.", "AB 12 34 56 C"),
        (Kind::Url, "see https://example.org/a?b=(c), then", "https://example.org/a?b=(c)"),
        (Kind::UsSsn, "SSN 536-22-1234.", "536-22-1234"),
    ] {
        assert_eq!(found(text), [(kind, value)], "{text}");
    }
}

#[test]
fn ordinary_text_is_silent() {
    for text in [
        "",
        "Version 1.2.3 of 2026-11-24 10:20:30 replaced 0.9.1.",
        "std::fmt::Display, a::b and c::d::e are paths",
        "let token = parser.next_token();",
        "Order 4111111111111112 has 12345678901234567890123 parts",
        "password: required",
        "mail me @ home, or user@localhost",
        "3.14159265358979, 1 000 000 and 10/20/30",
        "0123456789abcdef0123456789abcdef",
        "page 12-13, 2019-2021, ISBN 978-3-16-148410-0, ISBN 0-306-40615-2",
        "password = get_password(user)",
        "token: ${TOKEN}, secret=<your secret here>",
        "-----BEGIN CERTIFICATE-----\nbm90IGEga2V5\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn a_measure_is_nobodys_number() {
    for number in ["46337206940", "55288190356", "79097539081"] {
        assert_eq!(found(&format!("it was {number} there")).len(), 1, "{number}");
        for text in ["\"millis\": {}", "size={}", "it took {} ms", "Dauer: {}"] {
            assert_eq!(found(&text.replace("{}", number)), [], "{text} {number}");
        }
    }
    // A word that names the number says more than a measure beside it.
    assert_eq!(found("total of CPF 46337206940"), [(Kind::BrCpf, "46337206940")]);
}

#[test]
fn hashes_and_signatures_hold_nobody() {
    for text in [
        // Digests with `::7`, and with six bytes of an address, among their bytes.
        "digest: 87bfa85de16a3c38e32a70b53a3a37e93a77aeb2e24f334b6e6dd64efbaf7b41",
        "digest: db8456b54a40552ecba4e99b50892c62a57a48ce2bcfa994e76d415672603b69",
        "— log.example eTRGjku9AlLxvm5q/rFRVa+KdLhzgeJjpE=",
        "— log.example lTnCW8028p+mIJT8I6KC3aYAuRP9Q1",
        "— log.example cf37PaDss4q9Z3KHgaaMAv3Mr2W+WmxMZRYH1/rQHnFzIC5",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
    // Somebody's address between bytes of something else is an address.
    let longer = "digest: b5fe00726561646572406578616d706c652e6f7267e90102feb5e9";
    assert_eq!(found(longer).len(), 1);
    // As it is typed, and as a telephone writes it at the beginning of a sentence.
    for text in ["rssmra85t10a562s", "RSSMRA85T10A562S", "Rssmra85t10a562s"] {
        assert_eq!(found(text), [(Kind::ItFiscalCode, text)]);
    }
}

#[test]
fn figures_beside_words_that_are_also_of_telephony_are_no_numbers_to_dial() {
    for text in [
        "Contact the editors (see bytes 4410–4498)",
        "1. A new parser (bytes 9914–10207)\n2. Call for proposals",
        "call for papers 2023-04-05 – 04-09, by e-mail",
        "call for papers 2023-04-05/09, by e-mail",
        "the office is closed 05.04.2023 - 09.04.2023",
        "Call for talks 2017–2023",
        "mobile releases of 2017 2018 2023",
        "contact hours 0930–1745",
        "Contact us before 20230405, please",
        "the call was traced at 2023-04-05 1030",
        "office versions 1.58.0 1.59.1",
        "portable builds 1.58.0 – 1.59.1",
        "a call to issue 8120481377",
        "a call to issues #12345 and #12346, #12345-12350 or rust#1234567",
        "contact the team on ADV-2023-0417 first",
        "a call that runs 12 000 000 times",
        "Journal of Trees 573 (2017) 4410–4498",
        "leave on 05/04/2023 - 09",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn a_word_close_before_makes_a_figure_a_number_to_dial() {
    for (text, value) in [
        ("call 2345-6789", "2345-6789"),
        ("Mobile: 2345-6789", "2345-6789"),
        ("WhatsApp me on 2345-6789", "2345-6789"),
        ("電話は2345-6789", "2345-6789"),
        ("tel. 20 123 456", "20 123 456"),
        ("phone: 20121015.", "20121015"),
        ("our phone lines: 5550123", "5550123"),
        ("contact (11) 2345-6789", "(11) 2345-6789"),
        ("Call me at home on 555-0123", "555-0123"),
        ("FAX-555 0123", "555 0123"),
        ("+1 202 555–0123", "+1 202 555–0123"),
        ("phone 555–012–3456", "555–012–3456"),
    ] {
        assert_eq!(found(text), [(Kind::Phone, value)], "{text}");
    }
}

#[test]
fn a_number_that_is_all_of_a_text_needs_its_check_alone() {
    assert_eq!(found("130692544"), [(Kind::CaSin, "130692544")]);
    assert_eq!(found(" 130692544\n"), [(Kind::CaSin, "130692544")]);
    for text in ["130692547", "number 130692544", "130692544 130692544", "536221234"] {
        assert_eq!(found(text), [], "{text}");
    }
    assert_eq!(Scanner::new(Rules::new().at_least(55)).scan("130692544"), []);
}

#[test]
fn a_birth_date_is_the_first_after_its_word() {
    assert_eq!(
        found("DOB: 1957-05-09. Admitted on 2025-01-09."),
        [(Kind::DateOfBirth, "1957-05-09")]
    );
}

#[test]
fn nothing_is_left_of_a_number_that_begins_inside_of_an_address() {
    let text = "at https://a.example/?phone=+1 (202) 555-0123";
    let redacted = Scanner::default().redact(text, &crate::Operator::Replace);
    assert!(!redacted.text.contains("555"), "{}", redacted.text);
}

#[test]
fn an_armoured_key_is_one_finding() {
    let text = "x\n-----BEGIN EC PRIVATE KEY-----\nbm90IGEga2V5\n-----END EC PRIVATE KEY-----\ny";
    let found = Scanner::default().scan(text);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].start), (Kind::SecretPrivateKey, 2));
    assert!(text[found[0].end..].starts_with("\ny"));
    let torn = Scanner::default().scan("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5");
    assert_eq!((torn.len(), torn[0].end), (1, 40));
}

#[test]
fn one_level_of_encoding_is_seen_through() {
    for text in [
        "reader%40example.org",
        r"reader\u0040example.org",
        "reader&#64;example.org",
        "reader@exam\u{200b}ple.org",
        "ｒeader＠example.org",
        "cmVhZGVyQGV4YW1wbGUub3Jn",
        "7265616465724065 78616d706c652e6f7267",
    ] {
        let text = text.replace(' ', "");
        let kinds: Vec<_> = Scanner::default().scan(&text).iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [Kind::Email], "{text}");
    }
}

#[test]
fn rules_leave_out_kinds_and_what_is_less_sure() {
    let text = "mail reader@example.org, phone 5550123456";
    assert_eq!(Scanner::default().scan(text).len(), 2);
    assert_eq!(Scanner::new(Rules::new().without(Kind::Email)).scan(text).len(), 1);
    assert_eq!(Scanner::new(Rules::new().at_least(90)).scan(text).len(), 1);
}

/// Texts that make backtracking or rescanning matchers slow.
fn hostile(n: usize) -> Vec<(&'static str, String)> {
    let of = |unit: &str| unit.repeat(n / unit.len());
    vec![
        ("letters", of("a")),
        ("at signs", of("@")),
        ("addresses", of("a@a.")),
        ("dots", of("a.")),
        ("digits", of("1")),
        ("groups", of("1 ")),
        ("cards", of("4111 ")),
        ("colons", of(":")),
        ("hex", of("ab:")),
        ("schemes", of("http://")),
        ("assignments", of("password=")),
        ("quotes", of("token:\"")),
        ("escapes", of("%41")),
        ("entities", of("&#64;")),
        ("tokens", of("eyJ")),
        ("armour", of("-----BEGIN PRIVATE KEY-----")),
        ("keys", of("AKIA")),
        ("ibans", of("DE89 ")),
        ("base64", of("QUJD")),
        ("wide", of("é@")),
        ("spaced pairs", of("12 ")),
        ("dashed pairs", of("12-")),
        ("dotted", of("1.1.1.1/")),
        ("numbers", of("123456782 ")),
        ("countries", of("DE 1")),
        ("registers", of("CHE-")),
        ("plus", of("+1 (")),
        ("births", of("born 1/1/99 ")),
        ("words", of("ssn ")),
        ("www", of("www.")),
        ("brackets", of("[IPv6:")),
        ("zones", of("fe80::%")),
        ("percents", of("%")),
        ("ampersands", of("&")),
        ("ampersands and signs", of("&#")),
        ("backslashes", of("\\")),
        ("escapes of JSON", of("\\u0040")),
        ("escapes that end early", of("\\u00")),
        ("at in a row", of("a@")),
        ("names", of("key=")),
        ("names with quotes", of("\"key\":\"")),
        ("zero width", of("\u{200b}")),
        ("look-alikes", of("а@")),
        ("base64 of base64", of("VVVKa1pRPT0 ")),
        ("one long run of base64", of("YWJjQGV4YW1wbGUub3Jn")),
        ("hex of an address", of("6140622e636f")),
        ("long words", of("abcdefghijklmnop ")),
        ("telephones", of("+1 202 555 0123 ")),
        ("brackets", of("((((")),
        ("redirections", of("=>:=")),
        ("slashes", of("//:")),
        ("capitals and digits", of("A1B2")),
        ("manifests", of("kind: Secret\n")),
        ("data of manifests", of("kind: Secret\ndata:\n  a: |\n    QUJDQUJDQUJD\n")),
        ("commands", of("curl -u a:b1cd ")),
        ("sentences", of("password is 'a ")),
        ("logins", of("login a password b ")),
        ("pairs", of("name=\"password\" value=\"")),
        ("comparisons", of("\"a1b2\" == secret ")),
        ("credentials", of("NetworkCredential(\"a\", ")),
        ("hosts", of("a.amazonaws.com.")),
        ("parts of keys", of("\"d\": \"q8Z1v0Lk2Xw9Rt5bJm7Nc4Hs6Gd3Pf8Ya1Ue9Io2Kx4")),
        ("keys of PuTTY", of("PuTTY-User-Key-File-2: ")),
    ]
}

// Counts the bytes that are looked at, which does not depend on the machine. The curve is
// printed: `cargo test -p evanesce-detect work_grows -- --nocapture`.
#[test]
#[allow(clippy::print_stdout, reason = "the curve is what one wants to see")]
fn work_grows_with_the_length_and_no_faster() {
    const SIZES: [usize; 4] = [8 << 10, 16 << 10, 32 << 10, 64 << 10];
    let work = |text: &str| Scanner::default().window(text, (0, text.len())).1;
    let curves = SIZES.map(hostile);
    for (shape, (name, _)) in curves[0].iter().enumerate() {
        let steps = [0, 1, 2, 3].map(|size| work(&curves[size][shape].1));
        let per_byte = [0, 1, 2, 3].map(|size| steps[size] as f64 / SIZES[size] as f64);
        println!("{name:12} {steps:>10?} steps, {per_byte:>7.1?} a byte");
        for pair in steps.windows(2) {
            let (one, two) = (pair[0] as f64, pair[1] as f64);
            assert!(two <= one * 2.2, "{name}: {one} then {two}");
        }
    }
}

#[test]
fn a_stream_holds_little() {
    let scanner = Scanner::default();
    let mut stream = Stream::new(&scanner);
    let mut count = 0;
    for _ in 0..12 {
        count += stream.push("reader@example.org wrote. ".repeat(1000).as_bytes()).len();
        assert!(stream.held() < 128 * 1024);
    }
    assert_eq!(count + stream.finish().len(), 12_000);
}

fn streamed(scanner: &Scanner, text: &str, cuts: &[usize]) -> Vec<Finding> {
    let mut stream = Stream::new(scanner);
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    for cut in cuts.iter().cycle().take(text.len()) {
        let (chunk, after) = rest.split_at((*cut).min(rest.len()));
        out.extend(stream.push(chunk));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    out.extend(stream.finish());
    out
}

const PIECES: &str = "(reader@example\\.org|4111 1111 1111 1111|\\+1 202 555 0123|DE89 3704 0044 0532 0130 00\
    |https://a\\.example/\\?b=c|password=hunter2x|cmVhZGVyQGV4YW1wbGUub3Jn|%40|é|\u{1f600}|[a-z]{1,9}|[ .,@:=\n-]|[0-9]{1,5})";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stream_finds_what_one_scan_finds(
        pieces in prop::collection::vec(PIECES, 0..100),
        cuts in prop::collection::vec(1_usize..200, 1..8),
        block in 64_usize..512,
    ) {
        // Longer than several windows.
        let text = pieces.concat().repeat(3);
        let scanner = Scanner::default().with_block(block);
        prop_assert_eq!(streamed(&scanner, &text, &cuts), scanner.scan(&text));
    }

    #[test]
    fn findings_are_in_order_apart_and_on_boundaries(text in "(\\PC|[@:=.%0-9a-f -]){0,200}") {
        let found = Scanner::default().scan(&text);
        for f in &found {
            prop_assert!(f.start < f.end && text.get(f.start..f.end).is_some(), "{:?}", f);
        }
        for pair in found.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 1_usize..50) {
        let scanner = Scanner::default();
        let mut stream = Stream::new(&scanner);
        bytes.chunks(cut).for_each(|chunk| drop(stream.push(chunk)));
        let _ = stream.finish();
    }
}
