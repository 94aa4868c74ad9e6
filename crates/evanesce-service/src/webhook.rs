use std::time::Duration;

use evanesce_audit::{Cosign, Post, WitnessAnswer};
use evanesce_core::{BoxFuture, Error, ErrorKind, StoreKind};
use evanesce_tls::Tls;

use crate::https::{Address, Purpose};

/// How long an attempt may take, so that a second one is made within a second.
const ATTEMPT: Duration = Duration::from_millis(400);
/// How long a witness may take.
const COSIGNING: Duration = Duration::from_secs(5);

/// Sends alerts to one address over HTTPS; the address may hold a secret, and is never
/// shown.
///
/// It knows no proxy and follows no redirect. For
/// [`Builder::alerts_to`](crate::Builder::alerts_to).
pub struct HttpsPost(Address);

impl HttpsPost {
    /// To `https://host:port/path`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an address that cannot be used, [`ErrorKind::Refused`]
    /// where it is not https and `tls` does not permit plaintext to that host.
    pub fn new(url: &str, tls: &Tls) -> Result<Self, Error> {
        const PURPOSE: Purpose = Purpose {
            setting: "the address for alerts",
            malformed: "the address for alerts cannot be used",
            plaintext: "alerts are sent over https only",
        };
        Ok(Self(Address::new(url, tls, &PURPOSE)?))
    }
}

impl Post for HttpsPost {
    fn post<'a>(&'a self, body: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.0.post(body, "application/json", ATTEMPT).await? {
                (200..=299, _) => Ok(()),
                _ => Err(REFUSED),
            }
        })
    }
}

/// Asks a witness over HTTPS: C2SP tlog-witness, such as `evanesce witness` behind a proxy
/// that ends TLS.
///
/// It knows no proxy of its own and follows no redirect. For
/// [`Builder::witness`](crate::Builder::witness), with the key that the witness hands out.
pub struct HttpsWitness(Address);

impl HttpsWitness {
    /// At `https://host:port/add-checkpoint`.
    ///
    /// # Errors
    /// As [`HttpsPost::new`].
    pub fn new(url: &str, tls: &Tls) -> Result<Self, Error> {
        const PURPOSE: Purpose = Purpose {
            setting: "the address of the witness",
            malformed: "the address of the witness cannot be used",
            plaintext: "a witness is asked over https only",
        };
        Ok(Self(Address::new(url, tls, &PURPOSE)?))
    }
}

impl Cosign for HttpsWitness {
    fn add_checkpoint<'a>(
        &'a self,
        request: &'a str,
    ) -> BoxFuture<'a, Result<WitnessAnswer, Error>> {
        Box::pin(async move {
            let content_type = "text/plain; charset=utf-8";
            let (status, body) = self.0.post(request, content_type, COSIGNING).await?;
            Ok(WitnessAnswer { status, content_type, body })
        })
    }
}

const REFUSED: Error =
    Error::new(ErrorKind::Unavailable, StoreKind::Memory, "the server did not take the alert");
