//! Where the crates of the house are found from the crate that uses a derive.
//!
//! A program depends on the facade, the crates of the house on each other. Which of the two it
//! is stands in the manifest of the crate that is being compiled.

use std::{env, fs, path::Path};

use syn::parse_quote;

/// A crate that generated code refers to.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    Anonymize,
    Core,
    Memory,
}

impl Room {
    fn name(self) -> &'static str {
        match self {
            Self::Anonymize => "anonymize",
            Self::Core => "core",
            Self::Memory => "memory",
        }
    }
}

/// The path of a room, as seen from the crate that is being compiled.
pub(crate) fn path_to(room: Room) -> syn::Path {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|folder| fs::read_to_string(Path::new(&folder).join("Cargo.toml")).ok())
        .unwrap_or_default();
    let path = path_in(&manifest, room);
    syn::parse_str(&path).unwrap_or_else(|_| match room {
        Room::Anonymize => parse_quote!(::evanesce_anonymize),
        Room::Core => parse_quote!(::evanesce_core),
        Room::Memory => parse_quote!(::evanesce_memory),
    })
}

fn path_in(manifest: &str, room: Room) -> String {
    let direct = format!("evanesce-{}", room.name());
    let found = Manifest::read(manifest);
    let candidates = [false, true].into_iter().flat_map(|development| {
        [
            found.key_of(&direct, development),
            found.key_of("evanesce", development).map(|key| format!("{key}::{}", room.name())),
        ]
    });
    let path = if found.package == direct {
        None
    } else if found.package == "evanesce" {
        Some(format!("evanesce::{}", room.name()))
    } else {
        candidates.into_iter().flatten().next()
    };
    format!("::{}", path.unwrap_or(direct).replace('-', "_"))
}

/// As much of a manifest as the question needs: the package's name and its dependencies.
#[derive(Default)]
struct Manifest {
    package: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    key: String,
    package: String,
    development: bool,
}

impl Manifest {
    fn read(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut table = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                table = header.split(']').next().unwrap_or_default().replace(' ', "");
                // `[target.'cfg(…)'.dependencies]` may hold brackets of its own.
                if let Some(end) = line.rfind(']') {
                    table = line[1..end].to_owned();
                }
                manifest.enter(&table);
            } else if let Some((key, value)) = line.split_once('=') {
                manifest.entry(&table, key.trim().trim_matches('"'), value.trim());
            }
        }
        manifest
    }

    /// `[dependencies.key]`
    fn enter(&mut self, table: &str) {
        if let Some((tables, key)) = table.rsplit_once('.')
            && tables.ends_with("dependencies")
        {
            self.add(tables, key.trim_matches('"'));
        }
    }

    fn entry(&mut self, table: &str, key: &str, value: &str) {
        if table == "package" && key == "name" {
            self.package = unquoted(value).to_owned();
        } else if table.ends_with("dependencies") {
            // `key.workspace = true` is a dotted key.
            self.add(table, key.split('.').next().unwrap_or(key));
            if let Some((_, package)) = value.split_once("package") {
                self.rename(package);
            }
        } else if table.contains("dependencies.") && key == "package" {
            self.rename(value);
        }
    }

    fn add(&mut self, table: &str, key: &str) {
        self.dependencies.push(Dependency {
            key: key.to_owned(),
            package: key.to_owned(),
            development: table.ends_with("dev-dependencies"),
        });
    }

    fn rename(&mut self, value: &str) {
        let package = unquoted(value.trim_start().trim_start_matches('=').trim_start());
        if let Some(last) = self.dependencies.last_mut().filter(|_| !package.is_empty()) {
            last.package = package.to_owned();
        }
    }

    fn key_of(&self, package: &str, development: bool) -> Option<String> {
        self.dependencies
            .iter()
            .find(|found| found.package == package && found.development == development)
            .map(|found| found.key.clone())
    }
}

/// The text between the first two quotes.
fn unquoted(value: &str) -> &str {
    value.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn memory_in(manifest: &str, expected: &str) {
        assert_eq!(path_in(manifest, Room::Memory), expected);
    }

    #[test]
    fn a_program_uses_the_facade() {
        memory_in(
            "[package]\nname = \"shop\"\n[dependencies]\nevanesce = \"0.1\"\n",
            "::evanesce::memory",
        );
        memory_in(
            "[dependencies]\nserde = \"1\"\nevanesce = { version = \"0.1\", features = [] }\n",
            "::evanesce::memory",
        );
        memory_in("[dependencies.evanesce]\nversion = \"0.1\"\n", "::evanesce::memory");
        memory_in("[dependencies]\nevanesce.workspace = true\n", "::evanesce::memory");
        memory_in("[target.'cfg(unix)'.dependencies]\nevanesce = \"0.1\"\n", "::evanesce::memory");
        memory_in("[dev-dependencies]\nevanesce = \"0.1\"\n", "::evanesce::memory");
    }

    #[test]
    fn a_renamed_facade_is_found() {
        memory_in(
            "[dependencies]\nprivacy-house = { version = \"0.1\", package = \"evanesce\" }\n",
            "::privacy_house::memory",
        );
        memory_in(
            "[dependencies.house]\npackage = \"evanesce\"\nversion = \"0.1\"\n",
            "::house::memory",
        );
    }

    #[test]
    fn a_room_uses_its_neighbour() {
        memory_in(
            "[package]\nname = \"evanesce-session\"\n[dependencies]\nevanesce-memory = { workspace = true }\n",
            "::evanesce_memory",
        );
        memory_in("[package]\nname = \"evanesce-memory\"\n", "::evanesce_memory");
        memory_in("[package]\nname = \"evanesce\"\n", "::evanesce::memory");
        memory_in("", "::evanesce_memory");
    }

    #[test]
    fn normal_dependencies_come_first() {
        memory_in(
            "[dev-dependencies]\nevanesce-memory = \"0.1\"\n[dependencies]\nevanesce = \"0.1\"\n",
            "::evanesce::memory",
        );
        memory_in(
            "[dependencies]\nevanesce = \"0.1\"\nevanesce-memory = \"0.1\"\n",
            "::evanesce_memory",
        );
    }

    #[test]
    fn other_names_are_not_mistaken() {
        memory_in(
            "[package]\nname = \"x\"\n[features]\nevanesce = []\n[dependencies]\nevanesce-redis = \"0.1\"\n# evanesce = \"0.1\"\n",
            "::evanesce_memory",
        );
        assert_eq!(path_in("[dependencies]\nevanesce = \"0.1\"", Room::Core), "::evanesce::core");
        assert_eq!(path_in("", Room::Anonymize), "::evanesce_anonymize");
    }
}
