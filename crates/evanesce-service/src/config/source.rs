use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ConfigError;

/// An address or a token is shorter.
const MAX: u64 = 16 * 1024;

/// Where an address or a token is found, and the key that says so.
#[derive(Clone)]
pub(super) struct Source {
    key: String,
    place: Place,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Text(String),
    Variable(String),
}

impl Source {
    pub(super) const fn file(key: String, path: PathBuf) -> Self {
        Self { key, place: Place::File(path) }
    }

    pub(super) const fn text(key: String, text: String) -> Self {
        Self { key, place: Place::Text(text) }
    }

    pub(super) const fn variable(key: String, name: String) -> Self {
        Self { key, place: Place::Variable(name) }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            _ => None,
        }
    }

    pub(super) fn variable_name(&self) -> Option<&str> {
        match &self.place {
            Place::Variable(name) => Some(name),
            _ => None,
        }
    }

    /// What is found there now, without the white space around it.
    pub(super) fn read(&self) -> Result<Zeroizing<String>, ConfigError> {
        let unreadable = || ConfigError::Source { key: self.key.clone() };
        let text = match &self.place {
            Place::Text(text) => Zeroizing::new(text.clone()),
            Place::Variable(name) => Zeroizing::new(std::env::var(name).map_err(|_| unreadable())?),
            Place::File(path) => self.read_file(path)?,
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(unreadable());
        }
        Ok(Zeroizing::new(trimmed.to_owned()))
    }

    fn read_file(&self, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
        let unreadable = || ConfigError::Source { key: self.key.clone() };
        // A pipe or a device would block or never end.
        if !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return Err(unreadable());
        }
        let file = File::open(path).map_err(|_| unreadable())?;
        let about = file.metadata().map_err(|_| unreadable())?;
        let forbidden = if about.uid() == 0 { 0o037 } else { 0o077 };
        if about.mode() & forbidden != 0 {
            return Err(ConfigError::Exposed { key: self.key.clone() });
        }
        if about.len() > MAX {
            return Err(unreadable());
        }
        // Capacity for all of it at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX as usize + 64));
        file.take(MAX).read_to_string(&mut text).map_err(|_| unreadable())?;
        Ok(text)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// Whether an address carries no credentials, as far as its form tells: what may stand in
/// the configuration.
pub(super) fn is_plain(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, query) = rest.split_at(end);
    let query = query.to_ascii_lowercase();
    let told = ["password", "passwd", "token", "secret", "key"];
    !authority.contains('@')
        && !query.contains('@')
        && !told.iter().any(|word| query.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_credentials_is_not_plain() {
        for url in [
            "rediss://cache.internal:6379/0",
            "https://metrics.internal:8086?org=news&bucket=metrics",
            "https://logs.internal",
        ] {
            assert!(is_plain(url), "{url}");
        }
        for url in [
            "rediss://app:secret@cache",
            "rediss://:secret@cache",
            "rediss://user@cache",
            "postgres://db/news?password=secret",
            "postgres://db/news?PASSWORD=secret",
            "https://logs/?a=b@c",
            "https://metrics?token=abc",
            "app:secret@cache",
            "secret",
        ] {
            assert!(!is_plain(url), "{url}");
        }
    }
}
