//! Measures of a brought table against the papers' definitions, written out.

use std::collections::BTreeMap;

use evanesce_anonymize::disclosure::{Absent, DisclosureError, Distance, MicroTable, Reading};
use proptest::prelude::*;

#[allow(clippy::unwrap_used, reason = "the text is well formed")]
fn table(rows: &[(u8, i32)]) -> MicroTable {
    let lines: String = rows.iter().map(|(q, s)| format!("{q},{s}\n")).collect();
    MicroTable::parse(&format!("q,s\n{lines}"), ',').unwrap()
}

#[test]
fn salaries_of_the_paper_have_its_distances() {
    // Li and others 2007, section 4.2: {3, 4, 5} of 3 to 11 is 0.375 away, and
    // {6, 8, 11} is 0.167.
    let rows = "a,3\na,4\na,5\nb,6\nb,8\nb,11\nc,7\nc,9\nc,10\n";
    let table = MicroTable::parse(&format!("z,s\n{rows}"), ',').unwrap();
    let classes = table.classes(&["z"]).unwrap();
    let salaries = classes.sensitive("s").unwrap();
    assert_eq!(salaries.natural_distance(), Distance::Ordered);
    assert!((salaries.t_closeness(Distance::Ordered) - 0.375).abs() < 1e-15);
    assert!((salaries.t_closeness(Distance::Equal) - 2.0 / 3.0).abs() < 1e-15);
}

#[test]
fn recursive_diversity_sorts_falling() {
    let rows = [(1, 1), (1, 1), (1, 1), (1, 2), (1, 2), (1, 3)];
    let table = table(&rows);
    let classes = table.classes(&["q"]).unwrap();
    let sensitive = classes.sensitive("s").unwrap();
    assert_eq!(sensitive.recursive_c(2), Some(1.0));
    assert_eq!(sensitive.recursive_c(3), Some(3.0));
    assert_eq!((sensitive.recursive_c(0), sensitive.recursive_c(4)), (None, None));
}

#[test]
fn a_tools_reading_promises_less_than_the_paper() {
    let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
    let rows = [vec![(1, 1); 9], vec![(1, 2)], vec![(2, 1); 6], vec![(2, 2); 4]].concat();
    let classes = table(&rows);
    let classes = classes.classes(&["q"]).unwrap();
    let sensitive = classes.sensitive("s").unwrap();
    assert_eq!(sensitive.recursive_c_as(2, Reading::Paper), Some(9.0));
    assert_eq!(sensitive.recursive_c_as(2, Reading::Pycanon), Some(4.0 / 6.0));
    assert_eq!(sensitive.recursive_c(2), Some(9.0));
    // The frequent value has three quarters of the table and all of a class: a third more,
    // of which the paper takes ln 4/3, and the tool anything up to the rare value's ln 4.
    let rows = [vec![(1, 1)], vec![(2, 1); 8], vec![(2, 2); 3]].concat();
    let classes = table(&rows);
    let classes = classes.classes(&["q"]).unwrap();
    let sensitive = classes.sensitive("s").unwrap();
    near(sensitive.enhanced_beta(), (4.0_f64 / 3.0).ln());
    near(sensitive.enhanced_beta_as(Reading::Paper), (4.0_f64 / 3.0).ln());
    near(sensitive.enhanced_beta_as(Reading::Pycanon), 1.0 / 3.0);
}

#[test]
fn an_absent_value_excludes_it_for_certain() {
    let table = table(&[(1, 1), (1, 2), (2, 1), (2, 1)]);
    let classes = table.classes(&["q"]).unwrap();
    let sensitive = classes.sensitive("s").unwrap();
    assert_eq!(sensitive.delta_disclosure(Absent::Infinite), f64::INFINITY);
    assert!((sensitive.delta_disclosure(Absent::Skipped) - 2_f64.ln()).abs() < 1e-15);
    assert_eq!(sensitive.alpha(), 1.0);
}

#[test]
fn malformed_tables_are_refused() {
    let refused = |text: &str| MicroTable::parse(text, ',').err();
    assert_eq!(refused(""), Some(DisclosureError::Empty));
    assert_eq!(refused("a,b\n"), Some(DisclosureError::Empty));
    assert_eq!(refused("a,a\n1,2\n"), Some(DisclosureError::Duplicate));
    assert_eq!(refused("a,b\n1\n"), Some(DisclosureError::Ragged));
    assert_eq!(refused("a,b\n1,\"2\n"), Some(DisclosureError::Quotes));
    assert_eq!(refused("a,b\n1,\"2\"3\n"), Some(DisclosureError::Quotes));
    let table = MicroTable::parse("\u{feff}a,b\r\n\"1, \"\"x\"\"\",2\r\n", ',').unwrap();
    assert_eq!(table.classes(&["c"]).err(), Some(DisclosureError::Column));
    assert_eq!(table.classes(&[]).err(), Some(DisclosureError::NoQuasiIdentifier));
    let classes = table.classes(&["a", "b"]).unwrap();
    assert_eq!(classes.sensitive("c").err(), Some(DisclosureError::Column));
    assert_eq!((classes.k(), classes.uniques(), classes.maximum_risk()), (1, 1, 1.0));
    let one = classes.sensitive("b").unwrap();
    assert_eq!((one.t_closeness(Distance::Ordered), one.basic_beta()), (0.0, 0.0));
}

#[test]
fn many_rows_with_many_values_are_measured() {
    let rows: String = (0..200_000_u32).map(|n| format!("{},{n}\n", n % 50_000)).collect();
    let table = MicroTable::parse(&format!("q,s\n{rows}"), ',').unwrap();
    let classes = table.classes(&["q"]).unwrap();
    assert_eq!((classes.k(), classes.count()), (4, 50_000));
    let sensitive = classes.sensitive("s").unwrap();
    // Quadratic work would be 50,000 classes times 200,000 values.
    assert!(sensitive.t_closeness(Distance::Ordered) < 0.25);
    assert_eq!(sensitive.distinct_l(), 4);
}

proptest! {
    #[test]
    fn measures_are_the_definitions(
        rows in prop::collection::vec((0_u8..5, -6_i32..6), 1..60),
    ) {
        let table = table(&rows);
        let classes = table.classes(&["q"]).unwrap();
        let sensitive = classes.sensitive("s").unwrap();
        let mut values: Vec<i32> = rows.iter().map(|it| it.1).collect();
        values.sort_unstable();
        values.dedup();
        let mut grouped: BTreeMap<u8, Vec<i32>> = BTreeMap::new();
        rows.iter().for_each(|(q, s)| grouped.entry(*q).or_default().push(*s));
        let share = |of: &[i32], v: i32| of.iter().filter(|it| **it == v).count() as f64 / of.len() as f64;
        let all: Vec<i32> = rows.iter().map(|it| it.1).collect();
        let (mut equal, mut ordered, mut beta, mut enhanced) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
        for class in grouped.values() {
            let (mut half, mut cumulated, mut moved) = (0.0, 0.0_f64, 0.0);
            for v in &values {
                let (q, p) = (share(class, *v), share(&all, *v));
                half += (q - p).abs() / 2.0;
                cumulated += q - p;
                moved += cumulated.abs();
                beta = beta.max((q - p) / p);
                enhanced = enhanced.max(((q - p) / p).min(-p.ln()));
            }
            equal = equal.max(half);
            ordered = ordered.max(moved / (values.len().max(2) - 1) as f64);
        }
        prop_assert_eq!(classes.count(), grouped.len());
        prop_assert!((sensitive.t_closeness(Distance::Equal) - equal).abs() < 1e-12);
        prop_assert!((sensitive.t_closeness(Distance::Ordered) - ordered).abs() < 1e-12);
        prop_assert!((sensitive.basic_beta() - beta).abs() < 1e-12);
        prop_assert!((sensitive.enhanced_beta() - enhanced).abs() < 1e-12);
        prop_assert!(sensitive.entropy_l() <= sensitive.distinct_l() as f64 + 1e-9);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ab1,;\"\r\n\u{feff}é]{0,60}") {
        for delimiter in [',', ';', '"', '\n', 'é'] {
            if let Ok(table) = MicroTable::parse(&text, delimiter) {
                prop_assert!(table.rows() > 0);
            }
        }
    }
}
