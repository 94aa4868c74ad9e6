//! Rows of tables that someone brings and of noise, answered by evanesce-anonymize.

use std::path::Path;

use evanesce_anonymize::disclosure::{Absent, Classes, MicroTable, Reading};
use evanesce_anonymize::exact::{GaussianLaw, LaplaceLaw, ResponseLaw, delta_of_rho};
use serde_json::Value;

use crate::row::judged;

/// What the library says of the row, whose data lie in `data/` beside the rows.
pub(crate) fn answer(row: &Value, folder: &Path) -> Option<Value> {
    if row["expected"]["max_reid_risk"].is_number() {
        return Some(measured(row, folder));
    }
    noise(row)
}

fn measured(row: &Value, folder: &Path) -> Value {
    let Some(name) = row["dataset"].as_str().filter(|it| !it.contains(['/', '\\'])) else {
        return judged(false, "the row names no data set");
    };
    let Ok(text) = std::fs::read_to_string(folder.join("data").join(name)) else {
        return judged(false, "the row's data set cannot be read");
    };
    let delimiter = row["delimiter"].as_str().and_then(|it| it.chars().next()).unwrap_or(',');
    let Ok(table) = MicroTable::parse(&text, delimiter) else {
        return judged(false, "the library refuses the data set");
    };
    let Ok(classes) = table.classes(&names(row, "quasi_identifiers")) else {
        return judged(false, "the library refuses the quasi-identifiers");
    };
    match differing(row, &table, &classes) {
        Some(measure) => judged(false, measure),
        None => judged(true, "every measure that the row has"),
    }
}

// The first measure that is another than the row's.
fn differing(row: &Value, table: &MicroTable, classes: &Classes<'_>) -> Option<&'static str> {
    let expected = &row["expected"];
    let counts = [
        ("rows", &row["rows"], table.rows()),
        ("k", &expected["k"], classes.k() as usize),
        ("classes", &expected["classes"], classes.count()),
        ("uniques", &expected["uniques"], classes.uniques()),
    ];
    let risks =
        [("avg_reid_risk", classes.average_risk()), ("max_reid_risk", classes.maximum_risk())];
    let differs = counts.iter().find(|(_, row, ours)| row.as_u64() != Some(*ours as u64));
    if let Some((name, ..)) = differs {
        return Some(name);
    }
    let is_other = |(name, ours): &&(&str, f64)| !near(&expected[*name], *ours);
    if let Some((name, _)) = risks.iter().find(is_other) {
        return Some(name);
    }
    let sensitive = names(row, "sensitive");
    let name = sensitive.first()?;
    let Ok(sensitive) = classes.sensitive(name) else { return Some("sensitive column") };
    // Numbers of a tool are compared in the tool's reading, where the row names it.
    let is_of_tool = row["oracle"].as_str().is_some_and(|oracle| oracle.starts_with("pycanon 1"));
    let reading = if is_of_tool { Reading::Pycanon } else { Reading::Paper };
    let l = sensitive.distinct_l();
    let measures = [
        ("l", l as f64),
        // The rounding of a logarithm must not take a whole step.
        ("entropy_l", (sensitive.entropy_l() * (1.0 + 1e-12)).floor()),
        ("basic_beta", sensitive.basic_beta()),
        ("enhanced_beta", sensitive.enhanced_beta_as(reading)),
        ("delta_disclosure", sensitive.delta_disclosure(Absent::Skipped)),
        ("t_closeness", sensitive.t_closeness(sensitive.natural_distance())),
        ("alpha", sensitive.alpha()),
    ];
    if let Some((name, _)) = measures.iter().find(is_other) {
        return Some(name);
    }
    // The row's c is the least whole one; a row with one value per class has none.
    let c = &expected["c_l"][0];
    let ours = sensitive.recursive_c_as(l, reading).map(|bound| bound.floor() + 1.0);
    let agrees = match ours {
        Some(ours) if l > 1 => near(c, ours),
        _ => c.is_null(),
    };
    (!agrees).then_some("c of recursive (c, l)-diversity")
}

fn noise(row: &Value) -> Option<Value> {
    let agrees = match row["kind"].as_str()? {
        "discrete_laplace" => laplace(row),
        "discrete_gaussian" => gaussian(row),
        "discrete_gaussian_delta" => gaussian_delta(row),
        "cdp_delta" => zero_concentrated(row),
        "laplace_map_float" | "laplace_map_int" => laplace_map(row),
        "laplace_map_bad_input" => Some(laplace_law(row)?.epsilon(number(row, "d_in")?).is_err()),
        "gaussian_map" => gaussian_map(row),
        "laplace_accuracy" => laplace_accuracy(row),
        "gaussian_accuracy" => gaussian_accuracy(row),
        "randomized_response_k" => response(row),
        "randomized_response_bad_prob" => {
            Some(ResponseLaw::with_keep(2, number(row, "prob")?).is_err())
        }
        _ => return None,
    };
    Some(judged(agrees == Some(true), "the exact values"))
}

fn laplace(row: &Value) -> Option<bool> {
    let law = laplace_law(row)?;
    let x = row["x"].as_i64()?;
    let same = near(&row["pmf"], law.pmf(x)) && near(&row["cdf"], law.cdf(x));
    Some(same && near(&row["variance"], law.variance()))
}

fn gaussian(row: &Value) -> Option<bool> {
    let law = GaussianLaw::new(number(row, "sigma")?).ok()?;
    Some(near(&row["pmf"], law.pmf(row["x"].as_i64()?)) && near(&row["norm"], law.norm()))
}

fn gaussian_delta(row: &Value) -> Option<bool> {
    let law = GaussianLaw::new(number(row, "sigma2")?.sqrt()).ok()?;
    let delta = law.delta(number(row, "epsilon")?).ok()?;
    // The row's oracle sums in floating point.
    Some(within(&row["delta"], delta, 1e-9))
}

fn zero_concentrated(row: &Value) -> Option<bool> {
    let delta = delta_of_rho(number(row, "rho")?, number(row, "epsilon")?).ok()?;
    Some(within(&row["delta"], delta, 1e-9))
}

fn laplace_map(row: &Value) -> Option<bool> {
    Some(near(&row["epsilon"], laplace_law(row)?.epsilon(number(row, "d_in")?).ok()?))
}

fn gaussian_map(row: &Value) -> Option<bool> {
    let law = GaussianLaw::new(number(row, "scale")?).ok()?;
    Some(near(&row["rho"], law.rho(number(row, "d_in")?).ok()?))
}

fn laplace_accuracy(row: &Value) -> Option<bool> {
    let law = laplace_law(row)?;
    let alpha = number(row, "alpha")?;
    Some(
        near(&row["accuracy"], law.continuous_accuracy(alpha).ok()?)
            && near(&row["discrete_accuracy"], law.accuracy(alpha).ok()?),
    )
}

fn gaussian_accuracy(row: &Value) -> Option<bool> {
    let law = GaussianLaw::new(number(row, "scale")?).ok()?;
    let alpha = number(row, "alpha")?;
    let discrete = law.accuracy(alpha).ok()?;
    Some(
        near(&row["accuracy"], law.continuous_accuracy(alpha).ok()?)
            && row["discrete_accuracy"].as_f64() == Some(discrete as f64),
    )
}

fn response(row: &Value) -> Option<bool> {
    let answers = u32::try_from(row["k"].as_u64()?).ok()?;
    let law = ResponseLaw::with_epsilon(answers, number(row, "epsilon")?).ok()?;
    Some(near(&row["p_keep"], law.keep()))
}

fn laplace_law(row: &Value) -> Option<LaplaceLaw> {
    LaplaceLaw::new(number(row, "scale")?).ok()
}

fn names<'r>(row: &'r Value, field: &str) -> Vec<&'r str> {
    row[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

// Numbers stand as such, or as text where they have more digits or are none.
fn number(row: &Value, name: &str) -> Option<f64> {
    value(&row[name])
}

fn value(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn near(expected: &Value, ours: f64) -> bool {
    within(expected, ours, 1e-12)
}

fn within(expected: &Value, ours: f64, share: f64) -> bool {
    value(expected).is_some_and(|it| (it - ours).abs() <= share * it.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_noise_passes_fails_or_is_not_claimed() {
        let said = |row: Value| answer(&row, Path::new(".")).map(|it| it["outcome"].clone());
        let row = |epsilon: f64| json!({ "kind": "laplace_map_int", "scale": 2.0, "d_in": 1, "epsilon": epsilon });
        assert_eq!(said(row(0.5)), Some(json!("pass")));
        assert_eq!(said(row(0.6)), Some(json!("fail")));
        assert_eq!(said(json!({ "kind": "of another world" })), None);
        let bad = json!({ "kind": "laplace_map_bad_input", "scale": 1.0, "d_in": "nan" });
        assert_eq!(said(bad), Some(json!("pass")));
    }

    #[test]
    fn a_data_set_is_a_file_beside_the_rows() {
        let row = json!({ "dataset": "../Cargo.toml", "expected": { "max_reid_risk": 1.0 } });
        let said = answer(&row, Path::new("."));
        assert_eq!(said.map(|it| it["outcome"].clone()), Some(json!("fail")));
    }
}
