use elasticsearch::http::Method;
use evanesce_core::{
    AskProbe, Clock, Error, ErrorKind, Evidence, Label, Reading, StoreKind, label,
};

use crate::ElasticsearchSink;
use crate::wire::Effect;

impl ElasticsearchSink {
    /// What the server tells about itself and this connection, for reports.
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        let (fact, method) = (label!("connection encrypted"), label!("the one that answered"));
        let encrypted = AskProbe::new(StoreKind::Elasticsearch, fact, method, || {
            Box::pin(async {
                self.version().await?;
                Ok(Reading::Holds(self.wire.is_encrypted()))
            })
        });
        let (fact, method) = (label!("server version"), label!("GET _nodes"));
        let version = AskProbe::new(StoreKind::Elasticsearch, fact, method, || {
            Box::pin(async { self.version().await.map(Reading::Word) })
        });
        vec![Evidence::measure(clock, &encrypted).await, Evidence::measure(clock, &version).await]
    }

    async fn version(&self) -> Result<Label, Error> {
        let told = self.wire.json(Method::Get, VERSIONS, None, Effect::Reads).await?;
        let nodes = told["nodes"].as_object().ok_or(UNREADABLE)?;
        let version = nodes.values().find_map(|node| node["version"].as_str());
        version.and_then(|version| Label::parse(version).ok()).ok_or(UNREADABLE)
    }
}

const VERSIONS: &str = "_nodes/_local?filter_path=nodes.*.version";

const UNREADABLE: Error =
    Error::new(ErrorKind::Corrupt, StoreKind::Elasticsearch, "the server told no version");
