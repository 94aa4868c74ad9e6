use std::path::Path;
use std::sync::Arc;

use evanesce_audit::{AuditStore, CheckpointKeeper, FileKeeper, FolderAudit};
use evanesce_core::{Error, Evidence, SystemClock};
use evanesce_crypto::{Root, RootFile};
use evanesce_purge::{ErasureJournal, FolderJournal};
use evanesce_tls::Tls;

use super::adapters::{self, Opened, Setup};
use super::survey::Judged;
use super::{Config, ConfigError};
use crate::Evanesce;
use crate::builder::Builder;

impl Evanesce {
    /// Begins to put together the service that a configuration describes: its stores are
    /// opened, and what their servers say goes into every report. Purposes, events and
    /// whatever else is the program's own are added to the builder.
    ///
    /// A file of session keys that is not there yet is made; the root has to be there.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use evanesce_service::{Config, Evanesce};
    ///
    /// let config = Config::read(Config::FILE.as_ref())?;
    /// let house = Evanesce::configured(&config).await?.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`], which names the key to change.
    pub async fn configured(config: &Config) -> Result<Builder, ConfigError> {
        let mut builder = Self::builder(config.name.as_str(), config.root()?);
        builder.lifetime = config.lifetime;
        builder.window = config.window;
        builder.mode = config.mode;
        builder.protect = config.protect;
        if let Some(path) = &config.session_keys {
            builder = builder.session_keys(session_keys(path, Absent::Made)?);
        }
        let tls = config.tls()?;
        if let Some(plan) = &config.redis {
            let opened = adapters::redis(config, plan, &tls).await?;
            builder = builder.evidence(evidence(&opened).await);
            builder.volatile = Some(opened.ports);
        }
        if let Some(address) = &config.postgres {
            let opened = adapters::postgres(config, address, &tls).await?;
            builder = builder.evidence(evidence(&opened).await);
            builder.aggregates = Some(opened.ports.aggregates);
            builder.audit = Some(opened.ports.audit);
            builder.journal = Some(opened.ports.journal);
        }
        if let Some(address) = &config.elasticsearch {
            let opened = adapters::elasticsearch(config, address, &tls, Setup::Make).await?;
            builder = builder.evidence(evidence(&opened).await);
            builder.logs = Some(opened.ports);
        }
        if let Some(plan) = &config.influxdb {
            let opened = adapters::influxdb(config, plan, &tls, Setup::Make).await?;
            builder = builder.evidence(evidence(&opened).await);
            builder.metrics = Some(opened.ports);
        }
        if let Some(store) = config.audit_folder()? {
            builder.audit = Some(store);
        }
        if let Some(journal) = config.journal_folder()? {
            builder.journal = Some(journal);
        }
        if let Some(keeper) = config.keeper() {
            builder.keeper = Some(keeper);
        }
        if let Some(folder) = &config.log.published {
            builder = builder.publish_log(folder);
        }
        Ok(builder)
    }
}

/// What becomes of a file of session keys that is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Absent {
    Made,
    Refused,
}

pub(super) fn session_keys(path: &Path, absent: Absent) -> Result<RootFile, ConfigError> {
    let opened = if absent == Absent::Made && !path.exists() {
        RootFile::create(path)
    } else {
        RootFile::open(path)
    };
    opened.map_err(|cause| ConfigError::Keys { key: "keys.session_file".to_owned(), cause })
}

impl Config {
    /// How many versions of the session keys there are, which an emergency purge would
    /// retire; `None` where no file of them is named.
    ///
    /// # Errors
    /// [`ConfigError::Keys`].
    pub fn session_key_versions(&self) -> Result<Option<u64>, ConfigError> {
        let Some(path) = &self.session_keys else { return Ok(None) };
        let versions = session_keys(path, Absent::Refused)?.versions();
        let versions = versions
            .map_err(|cause| ConfigError::Keys { key: "keys.session_file".to_owned(), cause })?;
        Ok(Some(versions.len() as u64))
    }

    pub(super) fn tls(&self) -> Result<Tls, ConfigError> {
        if self.tls.plaintext_loopback {
            return Ok(Tls::plaintext_loopback()?);
        }
        let mut builder = match &self.tls.ca {
            Some(ca) => Tls::builder().ca_file(ca),
            None => Tls::builder().system_roots(),
        };
        if let Some((cert, key)) = &self.tls.identity {
            builder = builder.identity_files(cert, key);
        }
        Ok(builder.build()?)
    }

    pub(super) fn root(&self) -> Result<Root, ConfigError> {
        let read = match (self.root.path(), self.root.variable_name()) {
            (Some(path), _) => Root::from_file(path),
            (None, Some(name)) => Root::from_env(name),
            (None, None) => return Err(ConfigError::Missing { key: self.root.key().to_owned() }),
        };
        read.map_err(|cause| ConfigError::Keys { key: self.root.key().to_owned(), cause })
    }

    pub(super) fn audit_folder(&self) -> Result<Option<Arc<dyn AuditStore>>, ConfigError> {
        let Some(folder) = &self.log.folder else { return Ok(None) };
        let store = FolderAudit::open(folder).map_err(at("audit.folder"))?;
        Ok(Some(Arc::new(store)))
    }

    pub(super) fn journal_folder(&self) -> Result<Option<Arc<dyn ErasureJournal>>, ConfigError> {
        let Some(folder) = &self.journal else { return Ok(None) };
        let journal = FolderJournal::open(folder).map_err(at("erasures.journal_folder"))?;
        Ok(Some(Arc::new(journal)))
    }

    pub(super) fn keeper(&self) -> Option<Arc<dyn CheckpointKeeper>> {
        Some(Arc::new(FileKeeper::new(self.log.checkpoint.as_deref()?)))
    }
}

fn at(key: &'static str) -> impl Fn(Error) -> ConfigError {
    move |cause| ConfigError::Store { key: key.to_owned(), cause }
}

async fn evidence<P>(opened: &Opened<P>) -> Vec<Evidence> {
    let judged: Vec<Judged> = opened.facts.facts(&SystemClock).await;
    judged.into_iter().map(|judged| judged.evidence).collect()
}
