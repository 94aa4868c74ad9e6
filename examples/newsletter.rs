//! One reader's visit, from request to proof.
//!
//! A newsletter and preferences come in and become an implementation template; the
//! session that held them is destroyed, and the receipt of that is verified. What is
//! printed on standard output is the reader's screen.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::error::Error as StdError;
use std::io::{BufRead, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use evanesce::audit::{Period, verify_receipt};
use evanesce::consent::Choices;
use evanesce::core::{Blocked, Clock, Presence, Screen, SystemClock, label};
use evanesce::detect::{EgressScreen, Kind, Operator, Rules, Scanner};
use evanesce::service::ServiceError;
use evanesce::template::{self, Form, Preferences, Template, TemplateError, Topic};
use evanesce::{
    Bucket, Ephemeral, ErasureReceipt, Evanesce, Event, Evidence, Granted, Purpose, Root, Session,
};

/// The largest newsletter that is read.
const MAX: u64 = 1024 * 1024;
const SAMPLE: &str = include_str!("sample-newsletter.md");
const READER: &str = "reader@example.org";

const USAGE: &str = "\
usage: newsletter [FILE | -] [--report FOLDER] [--reader ADDRESS] [--token-file FILE] [--hold]
  FILE              a newsletter as Markdown, HTML or plain text; - reads standard input
  --report FOLDER   where the compliance report goes (reports/newsletter)
  --reader ADDRESS  whose visit this is (an example address)
  --token-file FILE where the reader keeps the token (nowhere)
  --hold            waits for Enter while the session is open, so that you can look around
with the feature `servers` also, each of which can be left out:
  --redis URL --postgres URL --elasticsearch URL --influxdb URL --influxdb-token-file FILE
  --ca FILE --cert FILE --key FILE
  --namespace NAME  keeps this service's data apart (newsletter)
  --state FOLDER    root key and newest checkpoint (reports/state)
`cargo xtask services env` prints the variables that stand for the servers' options.";

/// What the service knows of a reader, and only inside the session.
#[derive(Ephemeral)]
#[ephemeral(max = 1_200_000)]
struct Visit {
    reader: String,
    newsletter: String,
    preferences: Preferences,
}

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
struct Usage;

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-12-31")]
struct Composed {
    topic: Topic,
    steps: Bucket<5>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match arguments(std::env::args().skip(1), |name| std::env::var(name).ok()) {
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Ok(Some(arguments)) => visit(&arguments).await,
        Err(line) => Err(line),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("newsletter: {line}");
            ExitCode::from(2)
        }
    }
}

async fn visit(arguments: &Arguments) -> Result<(), String> {
    let text = newsletter(arguments.newsletter.as_deref(), SAMPLE)?;
    let began = SystemClock.now();
    let house = start(&arguments.servers).await?;
    show_stores(&house).await;

    let session = open(&house, arguments, text).await?;
    let served = serve(&house, &session, arguments).await;
    // Whatever came of the visit, its session ends here.
    let token = session.token();
    let receipt = session.erase().await.map_err(|e| told(&e))?;
    show_erasure(&house, &receipt)?;
    let evidence = served?;
    let again = house.session::<Visit>(&token).map_err(|e| told(&e))?;
    let gone = again.process(|_, _| ()).await.err().ok_or("the session could be read again")?;
    step("afterwards", &format!("the same token: {}", told(&gone)));
    report(&house, arguments, began, receipt, evidence).await?;
    let stopped = house.stop().await.map_err(|e| told(&e))?;
    step(
        "stopped",
        &format!(
            "{} audit entries lost, {} logs and metrics dropped",
            stopped.lost_entries, stopped.dropped_telemetry
        ),
    );
    Ok(())
}

/// Everything that happens while the session is open.
async fn serve(
    house: &Evanesce,
    session: &Session<Visit>,
    arguments: &Arguments,
) -> Result<Vec<Evidence>, String> {
    let granted = ask_for_consent(house, session).await?;
    let (page, facts, evidence) = compose(house, session).await?;
    println!("\n{page}");
    let event = Composed { topic: facts.topic, steps: Bucket::from(facts.steps as u64) };
    let counted = session.fold(event, &granted).await.map_err(|e| told(&e))?;
    step("counted", &format!("one event under that grant, as {counted:?} of this session"));
    if arguments.hold {
        hold()?;
    }
    Ok(evidence)
}

/// Opens the session, and gives the reader the only copy of its token.
async fn open(
    house: &Evanesce,
    arguments: &Arguments,
    newsletter: String,
) -> Result<Session<Visit>, String> {
    let reader = arguments.reader.clone().unwrap_or_else(|| READER.to_owned());
    let size = newsletter.len();
    let preferences = Preferences::new().goal(Topic::Security).goal(Topic::Learning);
    let visit = Visit { reader, newsletter, preferences };
    let session = house.open(&visit).await.map_err(|e| told(&e))?;
    let token = session.token();
    if let Some(path) = &arguments.token_file {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path).map_err(|e| unwritable(path, &e))?;
        file.write_all(token.as_bytes()).map_err(|e| unwritable(path, &e))?;
    }
    step(
        "opened",
        &format!("a session with {size} bytes of newsletter; its token is the reader's alone"),
    );
    Ok(session)
}

/// Shows what is asked, and answers yes for this reader.
async fn ask_for_consent(
    house: &Evanesce,
    session: &Session<Visit>,
) -> Result<Granted<Usage>, String> {
    let challenge = session.ask().map_err(|e| told(&e))?;
    for offer in house.notice().asked() {
        let keep = offer.keep;
        step("asked", &format!("{} (\"{}\"), kept {keep}", offer.purpose, offer.sentence));
    }
    let choices = Choices::new().accept(Usage::id());
    let receipt = session.answer(challenge.text(), &choices).await.map_err(|e| told(&e))?;
    let answers = receipt.decisions().iter();
    let answers: Vec<_> = answers.map(|d| format!("{}: {:?}", d.purpose(), d.status())).collect();
    step("answered", &format!("{}; the signed receipt is the reader's", answers.join(", ")));
    session.granted::<Usage>().await.map_err(|e| told(&e))
}

/// What the template may tell a statistic.
struct Facts {
    topic: Topic,
    steps: usize,
}

/// Processes the newsletter in secure memory, and lets the page out through the screen.
async fn compose(
    house: &Evanesce,
    session: &Session<Visit>,
) -> Result<(String, Facts, Vec<Evidence>), String> {
    let now = SystemClock.now();
    let processed = session
        .process(|visit, _| {
            let Visit { newsletter, preferences, .. } = visit;
            let template = template::compose(newsletter, preferences, now, template::LIFETIME)?;
            Ok::<_, TemplateError>((page(&template), facts(&template), template.insights().len()))
        })
        .await
        .map_err(|e| told(&e))?;
    let (made, evidence) = processed.into_parts();
    let (page, facts, insights) = made.map_err(|e| told(&e))?;
    step("processed", &format!("{insights} insights, {} steps", facts.steps));
    for fact in &evidence {
        let reading = fact.reading().map_or("unknown".to_owned(), ToString::to_string);
        step("", &format!("{}: {reading} ({})", fact.fact(), fact.standing().name()));
    }
    let size = page.len();
    let released = house.release(page).await.map_err(|error| match &error {
        ServiceError::Blocked(blocked) => format!("the page: {}", held_back(blocked)),
        _ => told(&error),
    })?;
    step("released", &format!("{size} bytes, after the screen"));
    Ok((released.into_inner(), facts, evidence))
}

fn facts(template: &Template) -> Facts {
    Facts { topic: template.topic(), steps: template.steps().len() }
}

/// The template as the reader sees it. Whatever in a newsletter looks like somebody's
/// number or address is replaced here, so that the screen has nothing to hold back.
fn page(template: &Template) -> String {
    scanner().redact(&template.render(Form::Markdown), &Operator::Replace).text
}

fn hold() -> Result<(), String> {
    println!("the session is open; press Enter to erase it");
    std::io::stdout().flush().map_err(|e| format!("standard output: {}", e.kind()))?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| format!("standard input: {}", e.kind()))?;
    Ok(())
}

async fn show_stores(house: &Evanesce) {
    step("started", &format!("service {}", house.name()));
    for check in house.check().await {
        let row = check.retention;
        let most = row.ceiling.reading().map_or("unknown".to_owned(), ToString::to_string);
        step(
            "",
            &format!("{} keeps {} data {most} at most: {:?}", row.store, row.class, check.verdict),
        );
    }
}

fn show_erasure(house: &Evanesce, receipt: &ErasureReceipt) -> Result<(), String> {
    for store in &receipt.erasure.stores {
        let said = |presence| match presence {
            Presence::Absent => "absent",
            Presence::NotAddressable => "not addressable by person",
            Presence::Present => "present",
        };
        let (before, after) = (said(store.before), said(store.after));
        step("erased", &format!("{}: {before} before, {after} after", store.store));
    }
    let origin = house.log_origin().as_str();
    verify_receipt(receipt, &house.log_key(), origin).map_err(|e| told(&e))?;
    step(
        "verified",
        &format!(
            "receipt at entry {} of the log {origin}, key {}",
            receipt.incorporated.index,
            house.log_key()
        ),
    );
    Ok(())
}

/// Writes the report in its four forms, with the record of processing and the receipt.
async fn report(
    house: &Evanesce,
    arguments: &Arguments,
    began: evanesce::core::Timestamp,
    receipt: ErasureReceipt,
    evidence: Vec<Evidence>,
) -> Result<(), String> {
    let folder = arguments.report.clone().unwrap_or_else(|| PathBuf::from("reports/newsletter"));
    std::fs::create_dir_all(&folder).map_err(|e| unwritable(&folder, &e))?;
    let period = Period {
        from: began.coarse(evanesce::core::Grain::Minute),
        to: SystemClock.now().plus(std::time::Duration::from_secs(60)),
    };
    let proof =
        serde_json::to_string_pretty(&receipt).map_err(|_| "the receipt cannot be written")?;
    let report = house
        .report(label!("Newsletter templates"), period, vec![receipt], evidence)
        .await
        .map_err(|e| told(&e))?;
    let key = house.log_key().to_string();
    let files = [
        ("report.json", report.to_json()),
        ("report.md", report.to_markdown()),
        ("report.html", report.to_html()),
        ("assessment-results.json", report.to_oscal()),
        ("record-of-processing.md", house.processing_record().to_markdown()),
        ("receipt.json", proof),
        ("log-key.txt", key),
    ];
    let screen = EgressScreen::new(Scanner::default());
    for (name, text) in files {
        // A report is output too.
        if name.starts_with("report") {
            let screened = screen.screen(text.as_bytes());
            screened.map_err(|e| format!("{name}: {}", held_back(&e)))?;
        }
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| unwritable(&path, &e))?;
    }
    step("report", &format!("{}", folder.join("report.html").display()));
    Ok(())
}

#[cfg(not(feature = "servers"))]
async fn start(_: &Servers) -> Result<Evanesce, String> {
    let root = Root::generate().map_err(|e| told(&e))?;
    let house = Evanesce::builder("newsletter", root).screen(screen()).event::<Composed>();
    house.start().await.map_err(|e| told(&e))
}

/// The page of a newsletter holds links, which are no secret of the reader's.
fn scanner() -> Scanner {
    Scanner::new(Rules::new().without(Kind::Url))
}

fn screen() -> EgressScreen {
    EgressScreen::new(scanner())
}

#[cfg(feature = "servers")]
async fn start(servers: &Servers) -> Result<Evanesce, String> {
    use evanesce::Lifetime;
    use evanesce::audit::FileKeeper;
    use evanesce::core::Namespace;
    use evanesce::elasticsearch::ElasticsearchSink;
    use evanesce::influxdb::InfluxSink;
    use evanesce::postgres::PostgresStore;
    use evanesce::redis::RedisStore;

    let name = servers.namespace.clone().unwrap_or_else(|| "newsletter".to_owned());
    let space = Namespace::new(&name)
        .map_err(|_| "--namespace: 1 to 32 of a-z 0-9 -, beginning with a letter".to_owned())?;
    let root = root(servers)?;
    let mut house = Evanesce::builder(&name, root).screen(screen()).event::<Composed>();
    if !servers.any() {
        return house.start().await.map_err(|e| told(&e));
    }
    let tls = tls(servers)?;
    if let Some(url) = &servers.redis {
        let store = RedisStore::connect(url, &tls, &space).await.map_err(|e| told(&e))?;
        house = house.evidence(store.checks(&SystemClock).await);
        house = house.sessions(store, const { Lifetime::hours(4) });
    }
    if let Some(url) = &servers.postgres {
        let store = PostgresStore::connect(url, &tls, &space).await.map_err(|e| told(&e))?;
        house = house.evidence(store.checks(&SystemClock).await);
        let keeper = FileKeeper::new(&state(servers)?.join("checkpoint"));
        house = house.aggregates_and_audit(store).checkpoint_keeper(keeper);
    }
    if let Some(url) = &servers.elasticsearch {
        let sink = ElasticsearchSink::connect(url, &tls, &space).map_err(|e| told(&e))?;
        sink.start().await.map_err(|e| told(&e))?;
        house = house.evidence(sink.checks(&SystemClock).await);
        house = house.logs(sink);
    }
    if let Some(url) = &servers.influxdb {
        let path = servers.influxdb_token_file.as_ref();
        let path = path.ok_or("--influxdb-token-file: InfluxDB needs a token; name its file")?;
        let token = std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))?;
        let sink = InfluxSink::connect(url, token.trim(), &tls, &space).map_err(|e| told(&e))?;
        sink.start().await.map_err(|e| told(&e))?;
        house = house.evidence(sink.checks(&SystemClock).await);
        house = house.metrics(sink);
    }
    house.start().await.map_err(|e| told(&e))
}

#[cfg(feature = "servers")]
fn tls(servers: &Servers) -> Result<evanesce::Tls, String> {
    let mut builder = evanesce::Tls::builder();
    match &servers.ca {
        Some(ca) => builder = builder.ca_file(ca),
        None => builder = builder.system_roots(),
    }
    match (&servers.cert, &servers.key) {
        (Some(cert), Some(key)) => builder = builder.identity_files(cert, key),
        (None, None) => {}
        _ => return Err("--cert and --key go together; name both or neither".to_owned()),
    }
    builder.build().map_err(|e| told(&e))
}

/// The folder of what has to outlive the program: the root key and the newest checkpoint.
#[cfg(feature = "servers")]
fn state(servers: &Servers) -> Result<PathBuf, String> {
    let folder = servers.state.clone().unwrap_or_else(|| PathBuf::from("reports/state"));
    std::fs::create_dir_all(&folder).map_err(|e| unwritable(&folder, &e))?;
    Ok(folder)
}

#[cfg(feature = "servers")]
fn root(servers: &Servers) -> Result<Root, String> {
    if !servers.any() {
        return Root::generate().map_err(|e| told(&e));
    }
    let path = state(servers)?.join("root-key");
    let root = if path.exists() { Root::from_file(&path) } else { Root::create_file(&path) };
    root.map_err(|e| format!("{}: {}", path.display(), told(&e)))
}

/// An error with its sources: each is a static sentence, so one line holds them all.
fn told(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line = format!("{line}: {error}");
        source = error.source();
    }
    line
}

/// What was found, by its kind alone.
fn held_back(blocked: &Blocked) -> String {
    let kinds: Vec<_> = blocked.kinds().iter().map(ToString::to_string).collect();
    format!("{blocked}: {}", kinds.join(", "))
}

fn unwritable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be written ({}); name another place", path.display(), error.kind())
}

#[cfg(feature = "servers")]
fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be read ({}); name another file", path.display(), error.kind())
}

fn step(name: &str, what: &str) {
    println!("{name:>10}  {what}");
}

/// What was asked for.
#[derive(Default)]
struct Arguments {
    newsletter: Option<String>,
    reader: Option<String>,
    report: Option<PathBuf>,
    token_file: Option<PathBuf>,
    hold: bool,
    servers: Servers,
}

/// The servers, from options or the environment; an option wins.
#[derive(Default)]
#[cfg_attr(not(feature = "servers"), allow(dead_code, reason = "only servers read these"))]
struct Servers {
    namespace: Option<String>,
    state: Option<PathBuf>,
    redis: Option<String>,
    postgres: Option<String>,
    elasticsearch: Option<String>,
    influxdb: Option<String>,
    influxdb_token_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Servers {
    fn any(&self) -> bool {
        let urls = [&self.redis, &self.postgres, &self.elasticsearch, &self.influxdb];
        urls.iter().any(|url| url.is_some())
    }
}

/// Reads the arguments and the environment.
fn arguments(
    given: impl Iterator<Item = String>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments::default();
    let mut given = given.peekable();
    while let Some(word) = given.next() {
        let mut value = || given.next().ok_or(format!("{word} needs a value"));
        let servers = &mut arguments.servers;
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--report" => arguments.report = Some(value()?.into()),
            "--reader" => arguments.reader = Some(value()?),
            "--token-file" => arguments.token_file = Some(value()?.into()),
            "--hold" => arguments.hold = true,
            "--namespace" => servers.namespace = Some(value()?),
            "--state" => servers.state = Some(value()?.into()),
            "--redis" => servers.redis = Some(value()?),
            "--postgres" => servers.postgres = Some(value()?),
            "--elasticsearch" => servers.elasticsearch = Some(value()?),
            "--influxdb" => servers.influxdb = Some(value()?),
            "--influxdb-token-file" => servers.influxdb_token_file = Some(value()?.into()),
            "--ca" => servers.ca = Some(value()?.into()),
            "--cert" => servers.cert = Some(value()?.into()),
            "--key" => servers.key = Some(value()?.into()),
            other if other.starts_with("--") => {
                return Err("unknown option; --help lists them".to_owned());
            }
            _ if arguments.newsletter.is_none() => arguments.newsletter = Some(word),
            _ => return Err("one newsletter at a time; --help lists the options".to_owned()),
        }
    }
    fill(&mut arguments.servers, environment);
    if !cfg!(feature = "servers") && arguments.servers.any() {
        return Err("servers were named, but this program was built without them; \
                    add --features servers"
            .to_owned());
    }
    Ok(Some(arguments))
}

// Without the feature the environment is not looked at, so that exported variables
// do not change what the plain example does.
fn fill(servers: &mut Servers, environment: impl Fn(&str) -> Option<String>) {
    if !cfg!(feature = "servers") {
        return;
    }
    let text = |slot: &mut Option<String>, name: &str| {
        if slot.is_none() {
            *slot = environment(name);
        }
    };
    let path = |slot: &mut Option<PathBuf>, name: &str| {
        if slot.is_none() {
            *slot = environment(name).map(PathBuf::from);
        }
    };
    text(&mut servers.namespace, "EVANESCE_NAMESPACE");
    path(&mut servers.state, "EVANESCE_STATE");
    text(&mut servers.redis, "EVANESCE_REDIS_URL");
    text(&mut servers.postgres, "EVANESCE_POSTGRES_URL");
    text(&mut servers.elasticsearch, "EVANESCE_ELASTICSEARCH_URL");
    text(&mut servers.influxdb, "EVANESCE_INFLUXDB_URL");
    path(&mut servers.influxdb_token_file, "EVANESCE_INFLUXDB_TOKEN_FILE");
    path(&mut servers.ca, "EVANESCE_TLS_CA");
    path(&mut servers.cert, "EVANESCE_TLS_CERT");
    path(&mut servers.key, "EVANESCE_TLS_KEY");
}

/// The newsletter's bytes: a file, standard input for `-`, or the sample.
fn newsletter(named: Option<&str>, sample: &str) -> Result<String, String> {
    let bytes = match named {
        None => return Ok(sample.to_owned()),
        Some("-") => read(std::io::stdin().lock(), "standard input")?,
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|error| {
                format!(
                    "{path}: the newsletter cannot be opened ({}); name a file or -",
                    error.kind()
                )
            })?;
            if Path::new(path).is_dir() {
                return Err(format!("{path}: this is a folder; name a file or -"));
            }
            read(file, path)?
        }
    };
    let name = if named == Some("-") { "standard input" } else { named.unwrap_or("-") };
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("{name}: the newsletter is not UTF-8 text; convert it first"))?;
    if text.trim().is_empty() {
        return Err(format!("{name}: the newsletter is empty; there is nothing to read"));
    }
    Ok(text)
}

fn read(source: impl Read, name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    source
        .take(MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{name}: the newsletter cannot be read ({})", error.kind()))?;
    if bytes.len() as u64 > MAX {
        return Err(format!("{name}: the newsletter is larger than 1 MiB; shorten it"));
    }
    Ok(bytes)
}
