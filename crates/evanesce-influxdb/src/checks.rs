use evanesce_core::{
    AskProbe, Clock, Error, ErrorKind, Evidence, Label, Reading, StoreKind, label,
};
use hyper::Method;

use crate::InfluxSink;
use crate::wire::Effect;

impl InfluxSink {
    /// What the server tells about itself and this connection, for reports.
    pub async fn checks(&self, clock: &dyn Clock) -> Vec<Evidence> {
        let (fact, method) = (label!("connection encrypted"), label!("the one that answered"));
        let encrypted = AskProbe::new(StoreKind::InfluxDb, fact, method, || {
            Box::pin(async {
                self.version().await?;
                Ok(Reading::Holds(self.wire.is_encrypted()))
            })
        });
        let (fact, method) = (label!("server version"), label!("GET /health"));
        let version = AskProbe::new(StoreKind::InfluxDb, fact, method, || {
            Box::pin(async { self.version().await.map(Reading::Word) })
        });
        vec![Evidence::measure(clock, &encrypted).await, Evidence::measure(clock, &version).await]
    }

    async fn version(&self) -> Result<Label, Error> {
        let told = self.wire.json(Method::GET, "/health", None, Effect::Reads).await?;
        let version = told["version"].as_str().and_then(|version| Label::parse(version).ok());
        version.ok_or(UNREADABLE)
    }
}

const UNREADABLE: Error =
    Error::new(ErrorKind::Corrupt, StoreKind::InfluxDb, "the server told no version");
