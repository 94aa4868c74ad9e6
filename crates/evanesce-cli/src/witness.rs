use std::convert::Infallible;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use evanesce_audit::{NoteKey, NoteSigner, Witness, WitnessAnswer, WitnessedLog};
use evanesce_core::SystemClock;
use evanesce_crypto::{Root, SigningKey};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// The largest request: a checkpoint with its signatures and a proof of 63 hashes.
const MAX_REQUEST: usize = 1_000_000;
const PATH: &str = "/add-checkpoint";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The witness's name, under which its cosignatures stand
    #[arg(long)]
    name: String,
    /// The file with the witness's root key; it is made where there is none
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// Where the witness remembers what it cosigned last; not on the machine of the log
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    /// A log to cosign, by its public key: name+id+base64. Each name's checkpoints begin
    /// with that name
    #[arg(long = "log", value_name = "KEY", required = true)]
    logs: Vec<String>,
    /// Serves POST /add-checkpoint here; without it one request is read from standard input
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the witness refuses: {0}")]
    Answer(u16),
    #[error("a log's key is not name+id+base64")]
    Key,
    #[error("the address cannot be listened on")]
    Listen,
    #[error("the witness's name cannot be used")]
    Name,
    #[error("the request cannot be read, or has more than a megabyte")]
    Read,
    #[error("the file with the root key cannot be used")]
    Root,
    #[error("the witness's folder cannot be used, or another process has it open")]
    State,
}

impl Refused {
    /// 1 where the witness refuses, 2 where it could not be asked.
    pub(crate) const fn status(&self) -> u8 {
        if matches!(self, Self::Answer(_)) { 1 } else { 2 }
    }
}

/// Answers one request, or serves until the process is ended.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Refused> {
    let witness = open(arguments)?;
    eprintln!("cosigns as {}", witness.public());
    match arguments.listen {
        Some(address) => serve(Arc::new(witness), address).map(|()| String::new()),
        None => {
            let mut request = String::new();
            let read = io::stdin().take(MAX_REQUEST as u64 + 1).read_to_string(&mut request);
            if read.map_err(|_| Refused::Read)? > MAX_REQUEST {
                return Err(Refused::Read);
            }
            match witness.answer(&request) {
                WitnessAnswer { status: 200, body, .. } => Ok(body),
                WitnessAnswer { status, .. } => Err(Refused::Answer(status)),
            }
        }
    }
}

fn open(arguments: &Arguments) -> Result<Witness, Refused> {
    let made = if arguments.root.exists() {
        Root::from_file(&arguments.root)
    } else {
        Root::create_file(&arguments.root)
    };
    let root = made.map_err(|_| Refused::Root)?;
    let key = SigningKey::from_root(&root, b"evanesce witness").map_err(|_| Refused::Root)?;
    let signer = NoteSigner::cosigner(&arguments.name, key).map_err(|_| Refused::Name)?;
    let logs: Result<Vec<_>, _> = arguments
        .logs
        .iter()
        .map(|text| {
            let key = NoteKey::parse(text).map_err(|_| Refused::Key)?;
            Ok(WitnessedLog { origin: key.name().to_owned(), keys: vec![key] })
        })
        .collect();
    Witness::open(&arguments.state, signer, logs?, Arc::new(SystemClock))
        .map_err(|_| Refused::State)
}

fn serve(witness: Arc<Witness>, address: SocketAddr) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|_| Refused::Listen)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(|_| Refused::Listen)?;
        let at = listener.local_addr().map_err(|_| Refused::Listen)?;
        eprintln!("listens on http://{at}{PATH}");
        loop {
            // A connection that broke before it was taken is none.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let witness = Arc::clone(&witness);
            tokio::spawn(async move {
                let served = service_fn(|request| answer(&witness, request));
                let mut connection = http1::Builder::new();
                connection.timer(TokioTimer::new());
                let _ = connection.serve_connection(TokioIo::new(stream), served).await;
            });
        }
    })
}

async fn answer(
    witness: &Witness,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if (request.method(), request.uri().path()) != (&Method::POST, PATH) {
        return Ok(response(404, "text/plain; charset=utf-8", String::new()));
    }
    let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
    let text = body.ok().and_then(|body| String::from_utf8(body.to_bytes().into()).ok());
    Ok(match text.map(|text| witness.answer(&text)) {
        Some(WitnessAnswer { status, content_type, body }) => response(status, content_type, body),
        None => response(400, "text/plain; charset=utf-8", String::new()),
    })
}

fn response(status: u16, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let value = hyper::header::HeaderValue::from_static(content_type);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, value);
    response
}
