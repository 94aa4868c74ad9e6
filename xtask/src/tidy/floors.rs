//! The floors of the house: an import only ever goes down.

use super::Finding;
use crate::workspace::{Dependency, Package};

/// What names each floor, from the ground up. The derives lie below them all:
/// a procedural macro is no part of what it is compiled into.
const FLOORS: [&[&str]; 8] = [
    &["macros"],
    &["core", "memory"],
    &["crypto", "tls"],
    &[
        "anonymize",
        "audit",
        "client",
        "consent",
        "detect",
        "pipeline",
        "purge",
        "session",
        "telemetry",
        "template",
    ],
    &["elasticsearch", "influxdb", "postgres", "redis"],
    &["service"],
    &["tower"],
    &["cli", ""],
];

/// The suites of the domain crates: above them, and for development alone.
const TESTKIT: &str = "evanesce-testkit";
const TESTKIT_SEES_BELOW: usize = 4;

/// Crates that nothing of the default facade may reach.
const DRIVERS: [&str; 16] = [
    "deadpool-postgres",
    "elasticsearch",
    "evanesce-elasticsearch",
    "evanesce-influxdb",
    "evanesce-postgres",
    "evanesce-redis",
    "evanesce-tls",
    "evanesce-tower",
    "hyper",
    "influxdb2",
    "postgres",
    "redis",
    "reqwest",
    "rustls",
    "tokio-postgres",
    "tokio-rustls",
];

/// Edges that go up, sideways, or to a crate that is for development alone.
pub(crate) fn edges(packages: &[Package]) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| is_ours(&package.name)) {
        if package.name != TESTKIT && floor(&package.name).is_none() {
            found.push(Finding::new(
                &package.name,
                "stands on no floor: give it one in xtask/src/tidy/floors.rs",
            ));
        }
        for dependency in package.dependencies.iter().filter(|dependency| is_ours(&dependency.name))
        {
            if let Some(message) = edge(package, dependency) {
                found.push(Finding::new(&package.name, message));
            }
        }
    }
    found
}

/// The facade's default features are none.
pub(crate) fn facade(packages: &[Package]) -> Vec<Finding> {
    let facade = packages.iter().find(|package| package.name == "evanesce");
    let default = facade.and_then(|package| package.features.get("default"));
    match default {
        Some(features) if features.is_empty() => Vec::new(),
        _ => vec![Finding::new("evanesce", "must say `default = []`")],
    }
}

/// The drivers in the output of `cargo tree` for the facade.
pub(crate) fn drivers(tree: &str) -> Vec<Finding> {
    let mut names: Vec<_> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| DRIVERS.contains(name))
        .map(|name| Finding::new("evanesce", format!("pulls in {name} with its default features")))
        .collect()
}

fn edge(package: &Package, dependency: &Dependency) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    let is_dev = dependency.kind.as_deref() == Some("dev");
    if to == TESTKIT {
        return (!is_dev).then(|| format!("depends on {TESTKIT}, which is for development alone"));
    }
    // What a derive writes can only be tested against the traits that it writes for.
    let derives = FLOORS[0].iter().any(|name| from.strip_prefix("evanesce-") == Some(name));
    if is_dev && derives && floor(to) == Some(1) {
        return None;
    }
    let to_floor = floor(to)?;
    let below = if from == TESTKIT { TESTKIT_SEES_BELOW } else { floor(from)? };
    let way = match to_floor.cmp(&below) {
        std::cmp::Ordering::Less => return None,
        std::cmp::Ordering::Equal => "sideways",
        std::cmp::Ordering::Greater => "up",
    };
    Some(format!("depends {way} on {to}"))
}

fn is_ours(name: &str) -> bool {
    name == "evanesce" || name.starts_with("evanesce-")
}

fn floor(name: &str) -> Option<usize> {
    let short = name.strip_prefix("evanesce")?.trim_start_matches('-');
    FLOORS.iter().position(|names| names.contains(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.into(),
            manifest_path: format!("crates/{name}/Cargo.toml").into(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).into(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
            features: [("default".to_owned(), Vec::new())].into(),
            targets: Vec::new(),
        }
    }

    fn messages(name: &str, dependencies: &[(&str, Option<&str>)]) -> Vec<String> {
        edges(&[package(name, dependencies)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_edge_down_is_fine() {
        let down = [("evanesce-core", None), ("evanesce-session", None), ("serde", None)];
        assert!(messages("evanesce-redis", &down).is_empty());
        assert!(messages("evanesce-memory", &[("evanesce-macros", None)]).is_empty());
    }

    #[test]
    fn an_edge_up_is_red() {
        let found = messages("evanesce-core", &[("evanesce-session", None)]);
        assert_eq!(found, ["evanesce-core: depends up on evanesce-session"]);
    }

    #[test]
    fn derives_are_tested_against_their_traits_and_nothing_above() {
        let test = |name, kind| messages("evanesce-macros", &[(name, kind)]).len();
        assert_eq!(test("evanesce-memory", Some("dev")), 0);
        assert_eq!(test("evanesce-memory", None), 1);
        assert_eq!(test("evanesce-crypto", Some("dev")), 1);
    }

    #[test]
    fn an_edge_sideways_is_red_for_development_too() {
        for kind in [None, Some("dev")] {
            let found = messages("evanesce-telemetry", &[("evanesce-detect", kind)]);
            assert_eq!(found, ["evanesce-telemetry: depends sideways on evanesce-detect"]);
        }
    }

    #[test]
    fn the_testkit_is_for_development_alone() {
        assert!(messages("evanesce-session", &[("evanesce-testkit", Some("dev"))]).is_empty());
        assert_eq!(messages("evanesce-session", &[("evanesce-testkit", None)]).len(), 1);
        assert!(messages("evanesce-testkit", &[("evanesce-session", None)]).is_empty());
        assert_eq!(messages("evanesce-testkit", &[("evanesce-redis", None)]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_floor_is_red() {
        assert_eq!(messages("evanesce-attic", &[]).len(), 1);
    }

    #[test]
    fn a_default_feature_of_the_facade_is_red() {
        let mut facade_package = package("evanesce", &[]);
        assert!(facade(std::slice::from_ref(&facade_package)).is_empty());
        facade_package.features.insert("default".into(), vec!["redis".into()]);
        assert_eq!(facade(&[facade_package]).len(), 1);
    }

    #[test]
    fn a_driver_in_the_default_tree_is_red() {
        let tree = "evanesce v0.1.0 (crates)\nring v0.17.14\ntokio-postgres v0.7.18\nredis v1.8.1\nredis v1.8.1 (*)\n";
        let found: Vec<_> = drivers(tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "evanesce: pulls in redis with its default features",
                "evanesce: pulls in tokio-postgres with its default features"
            ]
        );
        assert!(drivers("evanesce v0.1.0\nring v0.17.14\n").is_empty());
    }
}
