use evanesce_core::{
    BoxFuture, Clock, Error, ErrorKind, Evidence, Label, Probe, Reading, StoreKind, label,
};
use hyper::Method;

use crate::InfluxSink;
use crate::wire::Effect;

impl InfluxSink {
    /// What the server tells about itself and this connection, for reports.
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        let mut evidence = Vec::new();
        for fact in [Fact::Encrypted, Fact::Version] {
            evidence.push(Evidence::measure(clock, &Question { sink: self, fact }).await);
        }
        evidence
    }
}

#[derive(Clone, Copy)]
enum Fact {
    Encrypted,
    Version,
}

struct Question<'a> {
    sink: &'a InfluxSink,
    fact: Fact,
}

impl Probe for Question<'_> {
    fn store(&self) -> StoreKind {
        StoreKind::InfluxDb
    }

    fn fact(&self) -> Label {
        match self.fact {
            Fact::Encrypted => label!("connection encrypted"),
            Fact::Version => label!("server version"),
        }
    }

    fn method(&self) -> Label {
        match self.fact {
            Fact::Encrypted => label!("the connection that answered"),
            Fact::Version => label!("GET /health"),
        }
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(async {
            let wire = &self.sink.wire;
            let told = wire.json(Method::GET, "/health", None, Effect::Reads).await?;
            match self.fact {
                Fact::Encrypted => Ok(Reading::Holds(wire.is_encrypted())),
                Fact::Version => {
                    let version = told["version"].as_str().map(Label::parse);
                    version.and_then(Result::ok).map(Reading::Word).ok_or(UNREADABLE)
                }
            }
        })
    }
}

const UNREADABLE: Error =
    Error::new(ErrorKind::Corrupt, StoreKind::InfluxDb, "the server told no version");
