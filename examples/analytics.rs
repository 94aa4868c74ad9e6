//! What a hundred thousand sessions become when nobody of them may be named.
//!
//! Sessions are generated, so that the truth is known here and nowhere else. Those
//! that consent contribute one event each; the window is released; the released table
//! is printed beside the true one, and what can be said from it. Then the same sessions
//! are released under smaller and larger budgets, and the error is plotted against the
//! budget, beside the error that the noise's law gives.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evanesce::anonymize::statistics::{most_popular, share, total};
use evanesce::anonymize::{
    Banded, Bands, Epsilon, Folds, Gate, MemoryAggregates, ReleasedTable, WindowLength, statistics,
};
use evanesce::audit::{Log, LogParts, MemoryAudit, MemoryKeeper, Origin};
use evanesce::core::{
    Allowance, Append, BoxFuture, Clock, Contribution, Error, Grain, GrantState, Label, Liveness,
    PurposeId, SystemClock, Timestamp,
};
use evanesce::crypto::SigningKey;
use evanesce::{Category, Event, Granted, Purpose};

const SESSIONS: u64 = 100_000;
/// From which noisy count on a cell is shown.
const AT_LEAST: u32 = 20;
/// The budget of the table that is printed, and those of the plot, in millionths.
const BUDGET: u64 = 1_000_000;
const BUDGETS: [u64; 7] = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
const WINDOW: WindowLength = WindowLength::hours(1);

const USAGE: &str = "\
usage: analytics [--plot FILE]
  --plot FILE   where the plot of error against budget goes (reports/analytics.svg)";

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
struct Usage;

#[derive(Category, Clone, Copy)]
enum Topic {
    Energy,
    Learning,
    Security,
    Travel,
    Other,
}

struct Seconds;

impl Bands for Seconds {
    const BOUNDS: &'static [u64] = &[10, 30, 60];
    const LABELS: &'static [&'static str] = &["under-10", "10-to-29", "30-to-59", "60-and-more"];
}

/// What a session tells of itself: nothing by which it could be found again.
#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2099-12-31")]
struct Composed {
    topic: Topic,
    took: Banded<Seconds>,
    worked: bool,
}

type Cells = BTreeMap<Vec<String>, u64>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)) {
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Some(plot)) => match run(&plot).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error.to_string()),
        },
        Err(line) => failed(&line),
    }
}

fn failed(line: &str) -> ExitCode {
    eprintln!("analytics: {line}");
    ExitCode::from(2)
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Option<PathBuf>, String> {
    match words.next().as_deref() {
        None => Ok(Some(PathBuf::from("reports/analytics.svg"))),
        Some("--help" | "-h") => Ok(None),
        Some("--plot") => {
            words.next().map(|file| Some(PathBuf::from(file))).ok_or("--plot names no file".into())
        }
        Some(_) => Err("this is not understood; see --help".into()),
    }
}

async fn run(plot: &Path) -> Result<(), Box<dyn StdError>> {
    let house = House::open(BUDGET).await?;
    let truth = house.fold_all().await?;
    let consented: u64 = truth.values().sum();
    println!(
        "{SESSIONS} sessions, of which {consented} consented and contributed one event each\n"
    );
    let table = house.release().await?;
    let kept = beside(&table, &truth);
    said(&table, &truth);
    // 95 of 100 margins hold the true count; of forty, eight or more do not in fewer than
    // one run of a thousand.
    let cells = truth.len();
    println!("\n{kept} of {cells} cells lie within the stated margin");
    if kept * 5 < cells * 4 {
        return Err("the released table errs more than it says".into());
    }

    let mut points = Vec::new();
    println!("\n  epsilon  mean error  by the law  hidden cells");
    for budget in BUDGETS {
        let house = House::open(budget).await?;
        let truth = house.fold_all().await?;
        let table = house.release().await?;
        let point = Point::of(&table, &truth, budget);
        let Point { epsilon, error, expected, hidden } = point;
        println!("  {epsilon:7.2}  {error:10.2}  {expected:10.2}  {hidden:12}");
        points.push(point);
    }
    if let Some(folder) = plot.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(plot, svg(&points))?;
    println!("\nthe error against the budget: {}", plot.display());
    Ok(())
}

/// A service that counts and releases, with its log, in memory.
struct House {
    folds: Folds,
    clock: Arc<Moved>,
}

impl House {
    async fn open(budget: u64) -> Result<Self, Box<dyn StdError>> {
        let clock = Arc::new(Moved::new());
        let log = Log::open(LogParts {
            store: Arc::new(MemoryAudit::new()),
            keeper: Arc::new(MemoryKeeper::new()),
            signer: SigningKey::generate()?,
            origin: Origin::new("example.org/analytics")?,
            clock: clock.clone(),
        });
        let audit: Arc<dyn Append> = Arc::new(log.await?);
        let store = Arc::new(MemoryAggregates::new(clock.clone())?);
        let budget = Epsilon::new(budget).ok_or("no such budget")?;
        let folds = Folds::new(store, audit, clock.clone(), WINDOW, budget);
        let folds = folds.register::<Composed>(Gate::differential(budget, AT_LEAST))?;
        Ok(Self { folds, clock })
    }

    /// Lets every session contribute, and says what the true counts are.
    async fn fold_all(&self) -> Result<Cells, Box<dyn StdError>> {
        let mut random = Generated(20_261_125);
        let mut truth = every_cell();
        for _ in 0..SESSIONS {
            let visit = Visit::generate(&mut random);
            let consent = Arc::new(Said(visit.consents));
            // Whoever refused is not counted, and there is no way to count them.
            let Ok(granted) = Granted::<Usage>::check(consent).await else { continue };
            let session = Contributions::default();
            let counted = self.folds.fold(visit.event(), &granted, &session).await?;
            // A second event of the same session changes nothing; some sessions try.
            let is_again = random.below(10) == 0
                && self.folds.fold(visit.event(), &granted, &session).await? == Contribution::First;
            if counted != Contribution::First || is_again {
                return Err("a session was not counted once".into());
            }
            *truth.entry(labels(&visit.event())).or_default() += 1;
        }
        Ok(truth)
    }

    /// Waits for the window's end and releases it.
    async fn release(&self) -> Result<ReleasedTable, Box<dyn StdError>> {
        self.clock.pass(WINDOW.duration());
        let due = self.folds.due().await?;
        let window = due.first().ok_or("no window is due")?;
        let released = self.folds.release(*window).await?;
        released.tables.into_iter().next().ok_or_else(|| "nothing was released".into())
    }
}

/// Prints the released table beside the true one; says how many cells lie within their
/// margin, or are hidden because they are small.
fn beside(table: &ReleasedTable, truth: &Cells) -> usize {
    println!(
        "  {:10} {:12} {:7} {:>8} {:>9} {:>7}",
        "topic", "took", "worked", "true", "released", "+/-"
    );
    let mut kept = 0;
    for (labels, count) in truth {
        let row = table.rows.iter().find(|row| row.labels == *labels);
        let shown = row.map_or("-".to_owned(), |row| row.value.to_string());
        let margin = row.map_or(String::new(), |row| row.margin.to_string());
        kept += usize::from(match row {
            Some(row) => error(row.value, *count) <= row.margin,
            // The margin is the same for all cells.
            None => *count < u64::from(AT_LEAST) + table.rows.first().map_or(0, |it| it.margin),
        });
        let [topic, took, worked] = labels.as_slice() else { continue };
        println!("  {topic:10} {took:12} {worked:7} {count:8} {shown:>9} {margin:>7}");
    }
    kept
}

/// What can be said from the released table alone, without another look at anything.
fn said(table: &ReleasedTable, truth: &Cells) {
    let consented: u64 = truth.values().sum();
    let all = total(table);
    println!("\nall of them: {} +/- {} (in truth {consented})", all.value, all.margin);
    for (label, estimate) in most_popular(table, 0, 3) {
        println!("popular: {label}, {} +/- {}", estimate.value, estimate.margin);
    }
    let yes = <bool as Category>::LABELS.get(usize::from(true.index() == 1)).copied();
    if let Some(rate) = yes.and_then(|yes| share(table, 2, yes)) {
        let [low, value, high] = [rate.low, rate.value, rate.high].map(|it| it * 100.0);
        println!("it worked: {value:.1} % ({low:.1} to {high:.1})");
    }
    // What a band stands for is the program's to say: the middle, and of the open one a guess.
    let stands_for = |label: &str| match label {
        "under-10" => Some(5.0),
        "10-to-29" => Some(20.0),
        "30-to-59" => Some(45.0),
        "60-and-more" => Some(90.0),
        _ => None,
    };
    if let Some(mean) = statistics::mean(table, 1, stands_for) {
        println!("it took {mean:.1} s on average, by the middles of the bands");
    }
}

/// One release under one budget.
struct Point {
    epsilon: f64,
    /// The mean error of a shown cell.
    error: f64,
    /// The mean of `|X|` for discrete Laplace noise: `2a / (1 - a^2)`, `a = exp(-epsilon)`.
    expected: f64,
    /// How many cells are not shown.
    hidden: usize,
}

impl Point {
    #[allow(clippy::cast_precision_loss, reason = "counts of sessions are under 2^52")]
    fn of(table: &ReleasedTable, truth: &Cells, budget: u64) -> Self {
        let epsilon = budget as f64 / 1e6;
        let a = (-epsilon).exp();
        let of = |labels: &[String]| truth.get(labels).copied().unwrap_or_default();
        let errors = table.rows.iter().map(|row| error(row.value, of(&row.labels)) as f64);
        let shown = table.rows.len();
        let mean = if shown == 0 { f64::NAN } else { errors.sum::<f64>() / shown as f64 };
        let expected = 2.0 * a / (1.0 - a * a);
        Self { epsilon, error: mean, expected, hidden: truth.len() - shown }
    }
}

fn error(released: i64, count: u64) -> u64 {
    released.abs_diff(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Both axes in powers of ten; the line is the law, the dots are what was measured. An
/// error of nothing lies on the lower edge.
fn svg(points: &[Point]) -> String {
    const LEAST: f64 = 0.0001;
    let x = |epsilon: f64| 80.0 + (epsilon.log10() + 2.0) * 160.0;
    let y = |error: f64| 40.0 + (3.0 - error.max(LEAST).log10()) * 50.0;
    let mut picture = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 460\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"640\" height=\"460\" fill=\"white\"/>\n",
    );
    for (power, label) in (-2..=1).zip(["0.01", "0.1", "1", "10"]) {
        let at = x(10_f64.powi(power));
        let _ = writeln!(
            picture,
            "<path d=\"M{at:.1} 40V390\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"410\" text-anchor=\"middle\">{label}</text>"
        );
    }
    for (power, label) in (-4..=3).zip(["0", "0.001", "0.01", "0.1", "1", "10", "100", "1000"]) {
        let at = y(10_f64.powi(power));
        let _ = writeln!(
            picture,
            "<path d=\"M80 {at:.1}H560\" stroke=\"#ddd\"/><text x=\"72\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            at + 4.0
        );
    }
    let line: Vec<String> =
        points.iter().map(|it| format!("{:.1} {:.1}", x(it.epsilon), y(it.expected))).collect();
    let _ = writeln!(
        picture,
        "<path d=\"M{}\" fill=\"none\" stroke=\"#777\" stroke-width=\"2\"/>",
        line.join("L")
    );
    for point in points.iter().filter(|it| it.error.is_finite()) {
        let (cx, cy) = (x(point.epsilon), y(point.error));
        let _ = writeln!(
            picture,
            "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"5\" fill=\"#06c\"><title>epsilon {}: {:.3}</title></circle>",
            point.epsilon, point.error
        );
    }
    picture.push_str(
        "<text x=\"320\" y=\"440\" text-anchor=\"middle\">epsilon of a session, in one window</text>\n\
         <text x=\"320\" y=\"24\" text-anchor=\"middle\">mean error of a shown count: measured (dots) and by the law (line)</text>\n</svg>\n",
    );
    picture
}

/// A generated session.
struct Visit {
    consents: bool,
    topic: Topic,
    seconds: u64,
    worked: bool,
}

impl Visit {
    fn generate(random: &mut Generated) -> Self {
        let topic = match random.below(100) {
            0..45 => Topic::Energy,
            45..70 => Topic::Learning,
            70..88 => Topic::Security,
            88..99 => Topic::Travel,
            _ => Topic::Other,
        };
        let seconds = random.below(40) * random.below(40) / 12;
        Self {
            consents: random.below(100) < 62,
            topic,
            seconds,
            worked: random.below(100) < 97 - seconds.min(90) / 3,
        }
    }

    fn event(&self) -> Composed {
        Composed { topic: self.topic, took: Banded::of(self.seconds), worked: self.worked }
    }
}

fn labels(event: &Composed) -> Vec<String> {
    let cell = event.cell();
    let places = Composed::DIMENSIONS.iter().zip(cell.indices());
    let label = |dimension: &[&'static str], index: u16| dimension.get(usize::from(index)).copied();
    places.map(|(it, index)| label(it.labels, *index).unwrap_or_default().to_owned()).collect()
}

fn every_cell() -> Cells {
    let mut cells = vec![Vec::new()];
    for dimension in Composed::DIMENSIONS {
        let longer = |cell: &Vec<String>| {
            let cell = cell.clone();
            dimension.labels.iter().map(move |label| [&cell[..], &[(*label).to_owned()]].concat())
        };
        cells = cells.iter().flat_map(longer).collect();
    }
    cells.into_iter().map(|cell| (cell, 0)).collect()
}

/// Numbers that are the same in every run (SplitMix64; Steele, Lea and Flood, 2014).
struct Generated(u64);

impl Generated {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What the session's record says of consent.
struct Said(bool);

impl Liveness for Said {
    fn grant(&self, _: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
        let state = if self.0 { GrantState::Live } else { GrantState::Refused };
        Box::pin(std::future::ready(Ok(state)))
    }
}

/// What the session's record remembers of its contributions.
#[derive(Default)]
struct Contributions(Mutex<BTreeSet<(u64, Label)>>);

impl Allowance for Contributions {
    fn claim(&self, window: u64, cell: &Label) -> BoxFuture<'_, Result<Contribution, Error>> {
        let mut claimed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = claimed.insert((window, cell.clone()));
        let answer = if is_first { Contribution::First } else { Contribution::Already };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A clock that stands at the beginning of an hour and is moved on by hand, so that all
/// sessions fall into one window and nobody waits for its end.
struct Moved {
    start: Timestamp,
    passed: Mutex<Duration>,
}

impl Moved {
    fn new() -> Self {
        Self { start: SystemClock.now().coarse(Grain::Hour), passed: Mutex::default() }
    }

    fn pass(&self, time: Duration) {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        self.start.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.pass(duration);
        Box::pin(std::future::ready(()))
    }
}
