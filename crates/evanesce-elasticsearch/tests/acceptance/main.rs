//! A hundred thousand log lines in the shapes of real systems, each with a planted value,
//! through the layer, the sanitiser, the queue and the bulk requests into Elasticsearch, and
//! read back: no planted value may be found. The values come from generators of this test,
//! which compute their check digits themselves.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(clippy::print_stdout, reason = "the counts are what this test is for")]

#[path = "../common/mod.rs"]
mod common;
mod draw;
mod east;
mod plain;
mod read;
#[path = "../common/server.rs"]
mod server;
mod shapes;
mod west;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::fresh_namespace;
use draw::Draw;
use evanesce_core::SystemClock;
use evanesce_detect::{Kind, Scanner};
use evanesce_telemetry::{MemoryMetricSink, Telemetry, TelemetryParts};
use server::started_in;
use shapes::{SHAPES, decoded, encoded};
use tracing_subscriber::layer::SubscriberExt;

/// A kind of the detector, the name that a program gives a field of it, and a maker of values.
pub(crate) type Plant = (&'static str, &'static str, fn(&mut Draw) -> String);

const LINES: usize = 100_000;

/// Kinds without a generator, each with its reason.
const LEFT_OUT: &[&str] = &[
    // Nobody's: what the program itself plants.
    "CANARY", // For `check` alone; docs/detection.md says so.
    "AR_CBU", "CH_VAT", "EU_VAT", "FO_VAT", "GT_NIT", "IS_VAT", "LI_PEID", "ME_PIB", "PE_CUI",
    "PY_RUC", "US_ATIN",
];

fn plants() -> Vec<Plant> {
    [plain::KINDS, west::KINDS, east::KINDS, world::KINDS].concat()
}

#[test]
fn every_kind_that_is_claimed_is_planted() {
    let made: Vec<_> = plants().iter().map(|(kind, _, _)| *kind).collect();
    let distinct: BTreeSet<_> = made.iter().copied().collect();
    assert_eq!(made.len(), distinct.len(), "no kind twice");
    let claimed: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let left_out: BTreeSet<_> = LEFT_OUT.iter().copied().collect();
    assert!(left_out.is_subset(&claimed), "a kind that is left out exists");
    assert_eq!(distinct, claimed.difference(&left_out).copied().collect());
}

/// A line and what was planted in it.
struct Line {
    kind: &'static str,
    shape: &'static str,
    stays: &'static str,
    value: String,
    text: String,
}

fn line(d: &mut Draw, plants: &[Plant], number: usize) -> Line {
    let (kind, word, make) = plants[number % plants.len()];
    let shape = &SHAPES[number / plants.len() % SHAPES.len()];
    let value = make(d);
    let text = (shape.write)(d, word, &value);
    Line { kind, shape: shape.name, stays: shape.stays, value, text }
}

// Logs the lines as a program does, each with its number.
fn speak(telemetry: &Telemetry, lines: &[Line], first: usize) {
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(subscriber, || {
        for (i, line) in lines.iter().enumerate() {
            tracing::info!(line = first + i, "{}", line.text);
        }
    });
}

/// Whether a stored text still shows the value that was planted in a line: as it was
/// written, in the form of a query, or three fifths of it (of a long one forty signs) in a
/// row, whatever stands between. What the line says without the value shows nothing.
fn shows(text: &str, line: &str, value: &str) -> bool {
    let bare = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<Vec<char>>();
    let holds = |whole: &[char], part: &[char]| whole.windows(part.len()).any(|it| it == part);
    let rest = bare(&line.replace(value, "|").replace(&encoded(value), "|"));
    let (whole, needle) = (bare(&decoded(text)), bare(value));
    let part = (needle.len() * 3).div_ceil(5).clamp(4, 40);
    text.contains(value)
        || text.contains(&encoded(value))
        || needle.windows(part).any(|part| holds(&whole, part) && !holds(&rest, part))
}

#[test]
fn a_value_is_seen_in_each_of_its_forms() {
    let cpf = "111.444.777-35";
    let line = "pid 44477 cpf=111.444.777-35";
    for text in [line, "cpf=11144477735", "cpf=111%2E444%2E777-35", "the rest is 444 777 35"] {
        assert!(shows(text, line, cpf), "{text}");
    }
    assert!(shows("to=a.reader%40example.org", "", "a.reader@example.org"));
    for text in ["pid 44477 cpf=<BR_CPF>", "<BR_CPF> and 35", ""] {
        assert!(!shows(text, line, cpf), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs Elasticsearch: cargo xtask services up elasticsearch"]
async fn a_hundred_thousand_lines_hold_no_planted_value() {
    let namespace = fresh_namespace();
    let sink = Arc::new(started_in(&namespace).await);
    let clock = Arc::new(SystemClock);
    let telemetry = Telemetry::new(TelemetryParts {
        logs: sink.clone(),
        metrics: Arc::new(MemoryMetricSink::new(clock.clone())),
        sanitize: Arc::new(Scanner::default()),
        clock,
        capacity: 10_000,
    });
    let (plants, mut d) = (plants(), Draw::new(0x5eed_0f08));
    let lines: Vec<_> = (0..LINES).map(|number| line(&mut d, &plants, number)).collect();
    assert!(
        lines.iter().all(|line| shows(&line.text, "", &line.value)),
        "each value is in its line"
    );
    for (number, lines) in lines.chunks(5_000).enumerate() {
        std::thread::scope(|scope| {
            for (half, lines) in lines.chunks(2_500).enumerate() {
                let (telemetry, first) = (&telemetry, number * 5_000 + half * 2_500);
                scope.spawn(move || speak(telemetry, lines, first));
            }
        });
        let flushed = telemetry.flush().await;
        assert_eq!((flushed.stored, flushed.refused, flushed.dropped), (lines.len() as u64, 0, 0));
    }
    assert_eq!(telemetry.dropped(), 0);

    let mut seen = vec![false; LINES];
    let mut planted = BTreeMap::<_, (u32, u32)>::new();
    let (mut shown, mut gone) = (Vec::new(), 0);
    read::each_record(&namespace, |record| {
        let number = usize::try_from(record["fields"]["line"].as_u64().unwrap()).unwrap();
        assert!(!std::mem::replace(&mut seen[number], true), "each line is stored once");
        let line = &lines[number];
        let counts = planted.entry(line.kind).or_default();
        counts.0 += 1;
        let stored = record.to_string();
        let text = record["message"].as_str().unwrap();
        if shows(text, &line.text, &line.value) || stored.contains(&line.value) {
            counts.1 += 1;
            shown.push((line.kind, line.shape, text.to_owned()));
        }
        gone += u32::from(!text.contains(line.stays));
    })
    .await;
    assert!(seen.iter().all(|seen| *seen), "each line was read back");

    for (kind, (count, found)) in &planted {
        println!("{kind:28} {count:6} planted {found:6} found");
    }
    println!(
        "{LINES} lines, {} kinds, {} shapes: {} planted values found",
        plants.len(),
        SHAPES.len(),
        shown.len()
    );
    println!("{gone} lines lost the words that are nobody's");
    assert_eq!(planted.len(), plants.len());
    let mut told = BTreeSet::new();
    for (kind, shape, text) in shown.iter().filter(|(kind, shape, _)| told.insert((kind, shape))) {
        println!("{kind} in {shape}: {text}");
    }
    assert!(shown.is_empty());
    assert_eq!(gone, 0, "what is nobody's stays");
    drop(telemetry);
    Arc::into_inner(sink).unwrap().remove().await.unwrap();
}
