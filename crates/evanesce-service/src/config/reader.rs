//! A table of TOML that is taken apart key by key, so that an error names the key and
//! what is left over is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::ConfigError;
use super::source::Source;

/// A table, and where it stands.
pub(super) struct Reader {
    path: &'static str,
    table: Table,
}

impl Reader {
    pub(super) const fn root(table: Table) -> Self {
        Self { path: "", table }
    }

    /// The table of a name, empty where there is none.
    pub(super) fn section(&mut self, name: &'static str) -> Result<Self, ConfigError> {
        Ok(self.optional_section(name)?.unwrap_or(Self { path: name, table: Table::new() }))
    }

    pub(super) fn optional_section(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Self>, ConfigError> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Self { path: name, table })),
            Some(_) => Err(self.invalid(name, "a table")),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.table.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.invalid(name, "a text")),
        }
    }

    pub(super) fn holds(&mut self, name: &str) -> Result<bool, ConfigError> {
        match self.table.remove(name) {
            None => Ok(false),
            Some(Value::Boolean(holds)) => Ok(holds),
            Some(_) => Err(self.invalid(name, "true or false")),
        }
    }

    /// A path; one that is not absolute begins in `folder`.
    pub(super) fn path(
        &mut self,
        name: &str,
        folder: &Path,
    ) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(name)?.map(|text| folder.join(text)))
    }

    /// One of several words, by its place among them.
    pub(super) fn word(
        &mut self,
        name: &str,
        words: &[&str],
        wanted: &'static str,
    ) -> Result<Option<usize>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let at = words.iter().position(|word| *word == text);
        at.map(Some).ok_or_else(|| self.invalid(name, wanted))
    }

    /// A whole number and its unit, such as `90m`.
    pub(super) fn duration(
        &mut self,
        name: &str,
        wanted: &'static str,
    ) -> Result<Option<Duration>, ConfigError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        duration(&text).map(Some).ok_or_else(|| self.invalid(name, wanted))
    }

    /// Where a secret is found: `<name>_file` or `<name>_env`, or, where it may stand here
    /// because it is an address without one, `<name>`.
    pub(super) fn source(
        &mut self,
        name: &'static str,
        plain: Option<fn(&str) -> bool>,
        folder: &Path,
    ) -> Result<Option<Source>, ConfigError> {
        let (file, env) = (format!("{name}_file"), format!("{name}_env"));
        let mut found: Option<(String, Source)> = None;
        let mut put = |key: String, source| match &found {
            Some((other, _)) => Err(ConfigError::Conflict { key, other: other.clone() }),
            None => {
                found = Some((key, source));
                Ok(())
            }
        };
        if let (Some(is_plain), Some(text)) = (plain, self.plain(name, plain.is_some())?) {
            let key = self.key(name);
            if !is_plain(&text) {
                return Err(ConfigError::Secret { key });
            }
            put(key.clone(), Source::text(key, text))?;
        }
        if let Some(path) = self.path(&file, folder)? {
            let key = self.key(&file);
            put(key.clone(), Source::file(key, path))?;
        }
        if let Some(variable) = self.text(&env)? {
            let key = self.key(&env);
            put(key.clone(), Source::variable(key, variable))?;
        }
        Ok(found.map(|(_, source)| source))
    }

    fn plain(&mut self, name: &str, is_allowed: bool) -> Result<Option<String>, ConfigError> {
        if is_allowed { self.text(name) } else { Ok(None) }
    }

    /// Refuses what was not asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some(left) = self.table.keys().next() else { return Ok(()) };
        // A line that was pasted at a wrong place may be a secret: only what looks like
        // a key is named.
        let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
        let named = left.len() <= 24 && left.bytes().all(plain);
        let key = if named { self.key(left) } else { self.key("(a name that is no key)") };
        Err(ConfigError::Unknown { key })
    }

    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn invalid(&self, name: &str, wanted: &'static str) -> ConfigError {
        ConfigError::Invalid { key: self.key(name), wanted }
    }

    pub(super) fn missing(&self, name: &str) -> ConfigError {
        ConfigError::Missing { key: self.key(name) }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_its_unit() {
        for (text, seconds) in [("4h", 14_400), ("90m", 5400), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        let long = format!("{}d", u64::MAX);
        for text in ["", "h", "4", "+4h", "-4h", "4 h", "4H", "4hh", "é", "4é", &long] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
