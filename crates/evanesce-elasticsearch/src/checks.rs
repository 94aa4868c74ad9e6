use elasticsearch::http::Method;
use evanesce_core::{
    BoxFuture, Clock, Error, ErrorKind, Evidence, Label, Probe, Reading, StoreKind, label,
};

use crate::ElasticsearchSink;
use crate::wire::Effect;

impl ElasticsearchSink {
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
    sink: &'a ElasticsearchSink,
    fact: Fact,
}

impl Probe for Question<'_> {
    fn store(&self) -> StoreKind {
        StoreKind::Elasticsearch
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
            Fact::Version => label!("GET _nodes"),
        }
    }

    fn read(&self) -> BoxFuture<'_, Result<Reading, Error>> {
        Box::pin(async {
            let wire = &self.sink.wire;
            let told = wire.json(Method::Get, VERSIONS, None, Effect::Reads).await?;
            match self.fact {
                Fact::Encrypted => Ok(Reading::Holds(wire.is_encrypted())),
                Fact::Version => {
                    let nodes = told["nodes"].as_object().ok_or(UNREADABLE)?;
                    let version = nodes.values().find_map(|node| node["version"].as_str());
                    let version = version.and_then(|version| Label::parse(version).ok());
                    version.map(Reading::Word).ok_or(UNREADABLE)
                }
            }
        })
    }
}

const VERSIONS: &str = "_nodes/_local?filter_path=nodes.*.version";

const UNREADABLE: Error =
    Error::new(ErrorKind::Corrupt, StoreKind::Elasticsearch, "the server told no version");
