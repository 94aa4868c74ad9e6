use std::sync::Arc;
use std::time::Duration;

use evanesce_core::Append;
use evanesce_purge::{
    EmergencyError, EmergencyParts, EmergencyReport, EmergencyStep, RetireKeys, emergency_observed,
};
use evanesce_telemetry::Level;

use crate::house::Evanesce;
use crate::tasks::{Everything, OpenWindows, SessionKeys, Waiting};

/// How long the removing of records may take before it is broken off and told.
const WITHIN: Duration = Duration::from_secs(15 * 60);

impl Evanesce {
    /// Makes every session unreadable at once, then removes what lay there and reads back.
    ///
    /// # Errors
    /// [`EmergencyError`]; it may be repeated.
    pub async fn purge_everything(&self) -> Result<EmergencyReport, EmergencyError> {
        self.purge_through(Arc::clone(&self.0.audit), &|_| ()).await
    }

    /// The same, written down in a role: `house.purge_everything_as(house.acting(&OPERATOR)?)`.
    ///
    /// # Errors
    /// [`EmergencyError`]; it may be repeated.
    pub async fn purge_everything_as(
        &self,
        acting: impl Append + 'static,
    ) -> Result<EmergencyReport, EmergencyError> {
        self.purge_through(Arc::new(acting), &|_| ()).await
    }

    /// The same, for whoever wants to see how far it is, such as a progress bar.
    ///
    /// # Errors
    /// [`EmergencyError`]; it may be repeated.
    pub async fn purge_everything_observed(
        &self,
        acting: impl Append + 'static,
        observe: &(dyn Fn(EmergencyStep) + Send + Sync),
    ) -> Result<EmergencyReport, EmergencyError> {
        self.purge_through(Arc::new(acting), observe).await
    }

    async fn purge_through(
        &self,
        append: Arc<dyn Append>,
        observe: &(dyn Fn(EmergencyStep) + Send + Sync),
    ) -> Result<EmergencyReport, EmergencyError> {
        let everything = Arc::new(Everything(self.0.volatile.clone()));
        let keys = self.0.session_keys.iter().cloned();
        let retired = keys.map(|keys| Arc::new(SessionKeys(keys)) as Arc<dyn RetireKeys>).collect();
        let limits = self.0.pipeline.limits();
        let parts = EmergencyParts {
            epochs: vec![Arc::clone(&everything) as _],
            keys: retired,
            memory: vec![
                Arc::new(OpenWindows(Arc::clone(&self.0))),
                Arc::new(Waiting(Arc::clone(&self.0))),
            ],
            stores: vec![everything as _],
            append,
            clock: Arc::clone(&self.0.clock),
            longest_operation: limits.deadline,
            within: WITHIN,
        };
        let report = emergency_observed(&parts, observe).await?;
        self.note(Level::Warn, "sessions.purged");
        Ok(report)
    }
}
