//! Rows of tables that are generalised along hierarchies, answered by
//! evanesce-anonymize.

use std::path::Path;

use evanesce_anonymize::disclosure::{Distance, MicroTable};
use evanesce_anonymize::generalize::{Generalization, Generalized, Hierarchy, Loss, Requirement};
use serde_json::Value;

use crate::row::{judged, text, unclaimed};

/// What the library says of the row, whose data lie in `data/` beside the rows.
pub(crate) fn answer(row: &Value, folder: &Path) -> Option<Value> {
    match text(row, "kind")? {
        "optimum" => Some(optimum(row, folder)),
        "risk" => Some(risk(row, folder)),
        _ => None,
    }
}

fn optimum(row: &Value, folder: &Path) -> Value {
    let Some(loss) = text(row, "metric").and_then(loss) else {
        return unclaimed("the library has no such measure of loss");
    };
    let models = row["models"].as_array().map_or(&[][..], Vec::as_slice);
    if models.is_empty() || !models.iter().all(|model| is_known(&model[0])) {
        return unclaimed("the library has no such requirement, or the row lacks its table");
    }
    let brought = Brought::read(row, folder);
    match brought.as_ref().and_then(|brought| differing(row, brought, models, loss)) {
        Some(None) => judged(true, "the loss, the levels and the classes of the optimum"),
        Some(Some(what)) => judged(false, what),
        None => judged(false, "the row or its data cannot be read"),
    }
}

// What differs from the row: `None` outside if the row cannot be read, inside if
// nothing does.
fn differing(
    row: &Value,
    brought: &Brought,
    models: &[Value],
    loss: Loss,
) -> Option<Option<&'static str>> {
    let mut task = brought.task()?;
    for model in models {
        task.require(brought.requirement(row, model)?).ok()?;
    }
    task.suppress_at_most(share_of(row["suppression_limit"].as_f64()?, brought.table.rows()));
    let Ok(best) = task.optimum(loss) else { return Some(Some("no generalisation was found")) };
    // A heuristic's result is measured as well, and need not be the optimum.
    let is_heuristic =
        text(row, "source").is_some_and(|it| it.contains("Heuristic") || it.contains("Genetic"));
    let is_as_good = row["optimum_value"].as_f64().is_some_and(|it| best.loss() <= it);
    if !(near(&row["optimum_value"], best.loss()) || is_heuristic && is_as_good) {
        return Some(Some("the loss of the optimum"));
    }
    let levels = row["optimum_levels"].as_array()?.iter();
    let levels: Option<Vec<usize>> = levels.map(|it| usize::try_from(it.as_u64()?).ok()).collect();
    // Where several combinations lose as little, the row names one of them.
    let theirs = task.at(&levels?, loss).ok()?;
    Some(described(row, &theirs))
}

fn described(row: &Value, theirs: &Generalized<'_, '_>) -> Option<&'static str> {
    if !theirs.holds() {
        return Some("the row's levels do not keep what is required");
    }
    if !near(&row["optimum_value"], theirs.loss()) {
        return Some("the loss of the row's levels");
    }
    let counts = [
        ("classes", theirs.classes(), "the number of classes"),
        ("class_sizes_min", theirs.smallest(), "the smallest class"),
        ("suppressed", theirs.suppressed(), "the number of rows left out"),
    ];
    let differs = |(name, ours, _): &&(&str, usize, _)| {
        row[*name].as_u64().is_some_and(|expected| expected != *ours as u64)
    };
    counts.iter().find(differs).map(|(.., what)| *what)
}

fn risk(row: &Value, folder: &Path) -> Value {
    let highest = |table: &MicroTable, names: &[&str]| {
        table.classes(names).ok().map(|classes| classes.maximum_risk())
    };
    let brought = Brought::read(row, folder);
    let ours = brought.as_ref().and_then(|brought| match text(row, "measure")? {
        "highest risk" => highest(&brought.table, &brought.names()),
        "highest risk after 2-anonymity" => {
            let mut task = brought.task()?;
            task.require(Requirement::KAnonymity { k: 2 }).ok()?;
            let kept = task.optimum(Loss::Entropy).ok()?.table().ok()?;
            highest(&kept, &brought.names())
        }
        _ => None,
    });
    match ours {
        Some(ours) => judged(near(&row["value"], ours), "the highest risk of a class"),
        None => unclaimed("the library has no such measure of risk"),
    }
}

/// A row's table with a hierarchy for each quasi-identifier.
struct Brought {
    table: MicroTable,
    axes: Vec<(String, Hierarchy)>,
    sensitive: Option<(String, Hierarchy)>,
}

impl Brought {
    fn read(row: &Value, folder: &Path) -> Option<Self> {
        let file = text(row, "dataset")?;
        let stem = file.strip_suffix(".csv").filter(|it| !it.contains(['/', '\\', '.']))?;
        let read = |name: String| std::fs::read_to_string(folder.join("data").join(name)).ok();
        let table = MicroTable::parse(&read(file.to_owned())?, ';').ok()?;
        let hierarchy = |name: &str| match read(format!("{stem}_hierarchy_{name}.csv")) {
            Some(text) => Hierarchy::parse(&text, ';').ok(),
            None => Hierarchy::masked(table.values(name).ok()?).ok(),
        };
        let of = |name: &str| Some((name.to_owned(), hierarchy(name)?));
        let names = row["quasi_identifiers"].as_array()?.iter();
        let axes = names.map(|name| of(name.as_str()?)).collect::<Option<_>>()?;
        let sensitive = text(row, "sensitive").and_then(of);
        Some(Self { axes, sensitive, table })
    }

    fn names(&self) -> Vec<&str> {
        self.axes.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn task(&self) -> Option<Generalization<'_>> {
        let mut task = Generalization::of(&self.table);
        for (name, hierarchy) in &self.axes {
            task.quasi_identifier(name, hierarchy).ok()?;
        }
        Some(task)
    }

    // A model is a name and its arguments as they stand in the source.
    fn requirement<'b>(&'b self, row: &'b Value, model: &'b Value) -> Option<Requirement<'b>> {
        let arguments: Vec<&str> = model[1].as_str()?.split(',').map(str::trim).collect();
        let number = |place: usize| -> Option<f64> {
            arguments.get(place)?.trim_end_matches(['d', 'D']).parse().ok()
        };
        let count = |place: usize| arguments.get(place)?.parse::<usize>().ok();
        let name = model[0].as_str()?;
        if name == "KAnonymity" {
            return Some(Requirement::KAnonymity { k: count(0)? });
        }
        let sensitive = arguments.first()?.trim_matches('"');
        let sensitive = (text(row, "sensitive")? == sensitive).then_some(sensitive)?;
        let closeness =
            |distance| Some(Requirement::Closeness { sensitive, t: number(1)?, distance });
        match name {
            "DistinctLDiversity" => {
                Some(Requirement::DistinctDiversity { sensitive, l: count(1)? })
            }
            "EntropyLDiversity" if arguments.len() == 2 => {
                Some(Requirement::EntropyDiversity { sensitive, l: number(1)? })
            }
            "EqualDistanceTCloseness" => closeness(Distance::Equal),
            "HierarchicalDistanceTCloseness" => {
                let (_, hierarchy) = self.sensitive.as_ref()?;
                Some(Requirement::HierarchicalCloseness { sensitive, t: number(1)?, hierarchy })
            }
            "OrderedDistanceTCloseness" if arguments.len() == 2 => closeness(Distance::Ordered),
            "RecursiveCLDiversity" => {
                Some(Requirement::RecursiveDiversity { sensitive, c: number(1)?, l: count(2)? })
            }
            _ => None,
        }
    }
}

fn is_known(model: &Value) -> bool {
    matches!(
        model.as_str(),
        Some(
            "DistinctLDiversity"
                | "EntropyLDiversity"
                | "EqualDistanceTCloseness"
                | "HierarchicalDistanceTCloseness"
                | "KAnonymity"
                | "OrderedDistanceTCloseness"
                | "RecursiveCLDiversity"
        )
    )
}

// The factor between generalisation and suppression is the source's default, which
// weighs both alike.
fn loss(metric: &str) -> Option<Loss> {
    let call = metric.strip_prefix("Metric.create")?;
    let (name, arguments) = call.strip_suffix(')')?.split_once("Metric(")?;
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    match (name, arguments.as_slice()) {
        ("AECS", [""]) => Some(Loss::AverageClassSize),
        ("Discernability", ["true"]) => Some(Loss::Discernibility),
        ("Discernability", ["" | "false"]) => Some(Loss::DiscernibilityAndSuppression),
        ("PrecomputedEntropy", [_, "true"]) | ("Entropy", ["true"]) => Some(Loss::Entropy),
        ("PrecomputedEntropy", [_] | [_, "false"]) | ("Entropy", ["" | "false"]) => {
            Some(Loss::EntropyAndSuppression)
        }
        ("PrecomputedLoss", [_]) | ("Loss", [""]) => Some(Loss::Share),
        _ => None,
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of rows is between 0 and their number"
)]
fn share_of(share: f64, rows: usize) -> usize {
    (share.clamp(0.0, 1.0) * rows as f64).floor() as usize
}

fn near(expected: &Value, ours: f64) -> bool {
    expected.as_f64().is_some_and(|it| (it - ours).abs() <= 1e-9 * it.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_measure_of_loss_is_known_by_its_call() {
        let of = |call: &str| loss(&format!("Metric.create{call}"));
        assert_eq!(of("PrecomputedEntropyMetric(0.1d, true)"), Some(Loss::Entropy));
        assert_eq!(of("PrecomputedEntropyMetric(0.1d)"), Some(Loss::EntropyAndSuppression));
        assert_eq!(of("AECSMetric()"), Some(Loss::AverageClassSize));
        assert_eq!(of("PublisherPayoutMetric(false)"), None);
        assert_eq!(of("LossMetric(0.05d)"), None);
    }

    #[test]
    fn a_row_is_measured_on_its_own_data() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("people.csv"), "age;ill\n34;a\n36;b\n38;a\n38;b\n").unwrap();
        let ages = "34;30-39;*\n36;30-39;*\n38;30-39;*\n";
        std::fs::write(data.join("people_hierarchy_age.csv"), ages).unwrap();
        let row = |value: f64, levels: Value, source: &str| {
            let row = json!({
                "kind": "optimum", "dataset": "people.csv", "quasi_identifiers": ["age"],
                "metric": "Metric.createDiscernabilityMetric(true)", "suppression_limit": 0.5,
                "models": [["KAnonymity", "2"]], "optimum_value": value,
                "optimum_levels": levels, "suppressed": 2, "classes": 3,
                "source": source,
            });
            answer(&row, folder.path()).unwrap()["outcome"].clone()
        };
        assert_eq!(row(6.0, json!([0]), "TestOptimal.java"), "pass");
        assert_eq!(row(7.0, json!([0]), "TestOptimal.java"), "fail");
        assert_eq!(row(6.0, json!([1]), "TestOptimal.java"), "fail");
        assert_eq!(row(16.0, json!([0]), "TestHeuristic.java"), "fail");
        assert_eq!(row(5.0, json!([0]), "TestHeuristic.java"), "fail");
        let risk = |value: f64| {
            let row = json!({
                "kind": "risk", "dataset": "people.csv", "quasi_identifiers": ["age"],
                "measure": "highest risk after 2-anonymity", "value": value,
            });
            answer(&row, folder.path()).unwrap()["outcome"].clone()
        };
        assert_eq!((risk(0.25), risk(0.5)), (json!("pass"), json!("fail")));
    }
}
