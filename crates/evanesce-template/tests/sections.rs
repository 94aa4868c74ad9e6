//! A section's insights are its own: removing it removes them, and the order of
//! the sections does not matter.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use evanesce_core::Timestamp;
use evanesce_template::{
    Depth, Document, Form, Format, Insight, InsightKind, LIFETIME, Preferences, Topic, compose,
    insights,
};
use proptest::prelude::*;

const DEPTHS: [Depth; 3] = [Depth::Brief, Depth::Deep, Depth::Standard];

type Fact = (String, InsightKind, Topic, u32);

fn fact(insight: &Insight) -> Fact {
    (insight.statement().to_owned(), insight.kind(), insight.topic(), insight.score())
}

fn facts(source: &str, preferences: &Preferences) -> BTreeSet<Fact> {
    let document = Document::parse(source, Format::detect(source));
    insights(&document, preferences).iter().map(fact).collect()
}

// The text of each section; what stands before the first comes first.
fn pieces(source: &str) -> Vec<String> {
    let document = Document::parse(source, Format::detect(source));
    let spans = document.sections().iter().map(|section| section.span());
    spans.map(|span| format!("{}\n\n", span.slice(source).unwrap())).collect()
}

fn statements(facts: &BTreeSet<Fact>) -> BTreeSet<String> {
    facts.iter().map(|fact| normal(&fact.0)).collect()
}

fn normal(statement: &str) -> String {
    let words = statement.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

// Every promise that holds for any newsletter with headings.
fn check(source: &str, seed: u64, depths: &[Depth]) {
    for depth in depths.iter().copied() {
        let preferences = Preferences::new().goal(Topic::Tooling).depth(depth);
        let document = Document::parse(source, Format::detect(source));
        let found = insights(&document, &preferences);
        let all: BTreeSet<Fact> = found.iter().map(fact).collect();
        assert_eq!(all.len(), found.len(), "each insight stands once");
        let distinct: BTreeSet<_> = found.iter().map(|i| normal(i.statement())).collect();
        assert_eq!(distinct.len(), found.len(), "no two insights say the same");
        for insight in &found {
            let section = &document.sections()[insight.section()];
            let (inner, outer) = (insight.span(), section.span());
            assert!(outer.start() <= inner.start() && inner.end() <= outer.end());
        }
        let pieces = pieces(source);
        let whole = pieces.concat();
        assert!(facts(&whole, &preferences) == all, "taking apart changes nothing");

        let moved = shuffled(&pieces, document.sections()[0].level() == 0, seed);
        assert!(facts(&moved, &preferences) == all, "the order of the sections matters");

        let parts: Vec<_> =
            pieces.iter().map(|piece| statements(&facts(piece, &preferences))).collect();
        for gone in 0..pieces.len() {
            let without = |n: &usize| *n != gone;
            let kept: Vec<_> = (0..pieces.len()).filter(without).collect();
            let text: String = kept.iter().map(|n| pieces[*n].as_str()).collect();
            let rest = statements(&facts(&text, &preferences));
            let sum: BTreeSet<String> = kept.iter().flat_map(|n| parts[*n].clone()).collect();
            assert!(rest == sum, "an insight depends on another section, or outlives its own");
            assert!(statements(&all) == &sum | &parts[gone], "the whole is more than its sections");
        }
    }
}

// Fisher and Yates with a small generator; what has no heading stays in front.
fn shuffled(pieces: &[String], preamble: bool, mut seed: u64) -> String {
    let mut pieces = pieces.to_vec();
    let first = usize::from(preamble);
    for last in (first + 1..pieces.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = first + (seed >> 33) as usize % (last - first + 1);
        pieces.swap(last, other);
    }
    pieces.concat()
}

fn newsletters() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/newsletters");
    let entries = fs::read_dir(&folder).expect("needs the folder ../shared/cases/newsletters");
    let files = entries.map(|entry| entry.unwrap().path());
    let wanted = files
        .filter(|path| path.extension().is_some_and(|e| e == "md") && !path.ends_with("SOURCE.md"));
    let mut found: Vec<_> = wanted
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() >= 5, "needs newsletters in ../shared/cases/newsletters");
    found
}

#[test]
#[ignore = "needs ../shared/cases"]
fn every_real_newsletter_gives_at_least_five_insights_with_their_source() {
    let now = Timestamp::from_millis(1_786_000_000_000);
    for (name, source) in newsletters() {
        for depth in DEPTHS {
            let preferences = Preferences::new().goal(Topic::Learning).depth(depth);
            let template = compose(&source, &preferences, now, LIFETIME).unwrap();
            let distinct: BTreeSet<_> =
                template.insights().iter().map(|i| normal(i.statement())).collect();
            assert!(distinct.len() >= 5, "{name}: {}", distinct.len());
            assert_eq!(template.steps().len(), 5, "{name}");
            for insight in template.insights() {
                // The span is where it was said: from its first character to its last,
                // with nothing but markup between the others.
                let (said, statement) =
                    (insight.span().slice(&source).unwrap(), insight.statement());
                assert_eq!(said.chars().next(), statement.chars().next(), "{name}: {statement}");
                assert_eq!(said.chars().last(), statement.chars().last(), "{name}: {statement}");
                let mut rest = said.chars();
                let mut letters = statement.chars().filter(|c| c.is_alphanumeric());
                assert!(letters.all(|letter| rest.any(|c| c == letter)), "{name}: {statement}");
                let address = |word: &str| {
                    word.split_once('@').is_some_and(|(a, b)| {
                        !a.is_empty() && !b.starts_with('.') && b.contains('.')
                    })
                };
                assert!(!statement.split_whitespace().any(address), "{name}: {statement}");
            }
        }
    }
}

#[test]
#[ignore = "needs ../shared/cases"]
fn sections_of_real_newsletters_are_independent() {
    for (seed, (_, source)) in (1..).zip(newsletters()) {
        check(&source, seed, &DEPTHS[seed as usize % 3..][..1]);
    }
}

// For reading: `cargo test -p evanesce-template -- --ignored --nocapture printed`.
#[test]
#[ignore = "needs ../shared/cases"]
fn real_newsletters_can_be_printed_and_parsed() {
    let now = Timestamp::from_millis(1_786_000_000_000);
    for (name, source) in newsletters() {
        let template = compose(&source, &Preferences::new(), now, LIFETIME).unwrap();
        println!("{name}\n{}", template.render(Form::Markdown));
        let json: serde_json::Value = serde_json::from_str(&template.render(Form::Json)).unwrap();
        let written = json["insights"].as_array().unwrap();
        assert_eq!(written.len(), template.insights().len());
        for (value, insight) in written.iter().zip(template.insights()) {
            assert_eq!(value["statement"], insight.statement());
            assert_eq!(value["span"][0], insight.span().start());
        }
    }
}

#[test]
fn sections_of_the_sample_are_independent() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sample-newsletter.md");
    let source = fs::read_to_string(path).unwrap();
    check(&source, 7, &DEPTHS);
    let now = Timestamp::from_millis(1_795_000_000_000);
    let template = compose(&source, &Preferences::new(), now, LIFETIME).unwrap();
    assert!(template.insights().len() >= 12, "{}", template.insights().len());
    for form in [Form::Html, Form::Json, Form::Markdown] {
        let written = template.render(form);
        for private in ["example.org", "Unsubscribe", "7f3a9c", "receive this", "association."] {
            assert!(!written.contains(private), "{private}");
        }
    }
}

fn sentence() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the",
        "release",
        "of",
        "budget",
        "version 1.2.3",
        "how to",
        "try",
        "rotate",
        "password",
        "2026-08-05",
        "Berlin",
        "meetup",
        "42%",
        "we",
        "are hiring",
        "call for",
        "Ärzte",
        "🦀",
        "study",
        "`code`",
        "*strong*",
        "[a link](https://example.org/x?y=z)",
        "&amp;",
        "<b>bold</b>",
    ]);
    prop::collection::vec(word, 1..12).prop_map(|words| words.join(" "))
}

fn section() -> impl Strategy<Value = String> {
    let block = prop_oneof![
        sentence().prop_map(|s| format!("* {s}\n")),
        sentence().prop_map(|s| format!("* 2026-01-02 | {s}\n    * {s}\n")),
        prop::collection::vec(sentence(), 1..4)
            .prop_map(|s| format!("\n{}.\n\n", s.join(". Then "))),
        sentence().prop_map(|s| format!("\n> {s}\n\n")),
        sentence().prop_map(|s| format!("\n{s}, reader@example.org\n\n")),
    ];
    (1..4_usize, sentence(), prop::collection::vec(block, 0..8)).prop_map(
        |(level, title, blocks)| format!("{} {title}\n\n{}\n", "#".repeat(level), blocks.concat()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sections_of_any_newsletter_are_independent(
        sections in prop::collection::vec(section(), 1..7), seed in any::<u64>()
    ) {
        check(&sections.concat(), seed, &DEPTHS);
    }
}
