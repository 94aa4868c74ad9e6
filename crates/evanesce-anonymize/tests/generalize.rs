//! Generalised tables against a search that looks at everything, and against the
//! disclosure measures of the table that comes out.

use evanesce_anonymize::disclosure::{Distance, MicroTable};
use evanesce_anonymize::generalize::{
    Generalization, GeneralizeError, Hierarchy, Loss, Requirement,
};
use proptest::prelude::*;

const LOSSES: [Loss; 6] = [
    Loss::AverageClassSize,
    Loss::Discernibility,
    Loss::DiscernibilityAndSuppression,
    Loss::Entropy,
    Loss::EntropyAndSuppression,
    Loss::Share,
];

struct Brought {
    table: MicroTable,
    age: Hierarchy,
    city: Hierarchy,
    ill: Hierarchy,
}

impl Brought {
    #[allow(clippy::unwrap_used, reason = "the text is well formed")]
    fn new(rows: &[(u8, u8, u8)]) -> Self {
        let lines: String = rows.iter().map(|(a, c, i)| format!("{a},{c},{i},x\n")).collect();
        let age: String = (0..8).map(|a| format!("{a},h{},q{},*\n", a / 2, a / 4)).collect();
        let city: String = (0..4).map(|c| format!("{c},r{},*\n", c / 3)).collect();
        let ill: String = (0..5).map(|i| format!("{i},g{},*\n", i % 2)).collect();
        Self {
            table: MicroTable::parse(&format!("age,city,ill,name\n{lines}"), ',').unwrap(),
            age: Hierarchy::parse(&age, ',').unwrap(),
            city: Hierarchy::parse(&city, ',').unwrap(),
            ill: Hierarchy::parse(&ill, ',').unwrap(),
        }
    }

    #[allow(clippy::unwrap_used, reason = "the hierarchies know the values")]
    fn task(&self, requirements: &[Requirement<'_>], suppressed: usize) -> Generalization<'_> {
        let mut task = Generalization::of(&self.table);
        task.quasi_identifier("age", &self.age).unwrap();
        task.quasi_identifier("city", &self.city).unwrap();
        for requirement in requirements {
            // The lifetime of what is required is that of the table.
            task.require(self.own(*requirement)).unwrap();
        }
        task.suppress_at_most(suppressed);
        task
    }

    fn own(&self, requirement: Requirement<'_>) -> Requirement<'_> {
        let sensitive = "ill";
        match requirement {
            Requirement::KAnonymity { k } => Requirement::KAnonymity { k },
            Requirement::DistinctDiversity { l, .. } => {
                Requirement::DistinctDiversity { sensitive, l }
            }
            Requirement::EntropyDiversity { l, .. } => {
                Requirement::EntropyDiversity { sensitive, l }
            }
            Requirement::RecursiveDiversity { c, l, .. } => {
                Requirement::RecursiveDiversity { sensitive, c, l }
            }
            Requirement::Closeness { t, distance, .. } => {
                Requirement::Closeness { sensitive, t, distance }
            }
            _ => Requirement::HierarchicalCloseness { sensitive, t: 0.4, hierarchy: &self.ill },
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0_u8..8, 0_u8..4, 0_u8..5), 1..60)
}

fn requirement() -> impl Strategy<Value = Requirement<'static>> {
    let sensitive = "ill";
    let distance = prop_oneof![Just(Distance::Equal), Just(Distance::Ordered)];
    prop_oneof![
        (1_usize..6).prop_map(|k| Requirement::KAnonymity { k }),
        (1_usize..5).prop_map(move |l| Requirement::DistinctDiversity { sensitive, l }),
        (1.0_f64..4.0).prop_map(move |l| Requirement::EntropyDiversity { sensitive, l }),
        (0.5_f64..4.0, 1_usize..4).prop_map(move |(c, l)| Requirement::RecursiveDiversity {
            sensitive,
            c,
            l
        }),
        (0.1_f64..0.9, distance).prop_map(move |(t, distance)| Requirement::Closeness {
            sensitive,
            t,
            distance
        }),
    ]
}

proptest! {
    #[test]
    fn nothing_better_is_passed_over(
        rows in rows(),
        requirements in prop::collection::vec(requirement(), 1..3),
        share in 0_usize..4,
    ) {
        let brought = Brought::new(&rows);
        let task = brought.task(&requirements, rows.len() * share / 8);
        for loss in LOSSES {
            let mut least = f64::INFINITY;
            for age in 0..4 {
                for city in 0..3 {
                    let here = task.at(&[age, city], loss).unwrap();
                    if here.holds() {
                        least = least.min(here.loss());
                    }
                }
            }
            match task.optimum(loss) {
                Ok(best) => {
                    prop_assert!(best.holds());
                    prop_assert!((best.loss() - least).abs() <= 1e-9 * least.abs());
                }
                Err(error) => {
                    prop_assert_eq!(error, GeneralizeError::Unreachable);
                    prop_assert!(least.is_infinite());
                }
            }
        }
    }

    #[test]
    fn what_comes_out_keeps_it_by_the_measures_of_disclosure(
        rows in rows(), k in 1_usize..6, l in 1_usize..4, entropy in 1.0_f64..3.0,
    ) {
        let brought = Brought::new(&rows);
        let sensitive = "ill";
        let requirements = [
            Requirement::KAnonymity { k },
            Requirement::DistinctDiversity { sensitive, l },
            Requirement::EntropyDiversity { sensitive, l: entropy },
            Requirement::RecursiveDiversity { sensitive, c: 3.0, l: 1 },
        ];
        let task = brought.task(&requirements, rows.len() / 4);
        let Ok(found) = task.optimum(Loss::Entropy) else { return Ok(()) };
        let table = found.table().unwrap();
        prop_assert_eq!(table.rows(), rows.len() - found.suppressed());
        let classes = table.classes(&["age", "city"]).unwrap();
        let ill = classes.sensitive("ill").unwrap();
        prop_assert!(classes.k() as usize >= k);
        prop_assert!(ill.distinct_l() >= l);
        prop_assert!(ill.entropy_l() >= entropy * (1.0 - 1e-12));
        prop_assert!(ill.recursive_c(1).is_some_and(|c| c < 3.0));
    }

    #[test]
    fn closeness_is_that_of_the_measures_of_disclosure(rows in rows(), t in 0.05_f64..0.9) {
        let brought = Brought::new(&rows);
        for distance in [Distance::Equal, Distance::Ordered] {
            let task =
                brought.task(&[Requirement::Closeness { sensitive: "ill", t, distance }], 0);
            let found = task.optimum(Loss::Entropy).unwrap();
            // With nothing left out the table is the one that was brought.
            let table = found.table().unwrap();
            let classes = table.classes(&["age", "city"]).unwrap();
            let far = classes.sensitive("ill").unwrap().t_closeness(distance);
            prop_assert!(far <= t + 1e-12, "{far} {t}");
        }
    }

    #[test]
    fn a_flat_hierarchy_makes_every_two_values_equally_far(rows in rows(), t in 0.05_f64..0.9) {
        let brought = Brought::new(&rows);
        let flat: String = (0..5).map(|i| format!("{i},*\n")).collect();
        let flat = Hierarchy::parse(&flat, ',').unwrap();
        let mut along = Generalization::of(&brought.table);
        along.quasi_identifier("age", &brought.age).unwrap();
        along.require(Requirement::HierarchicalCloseness {
            sensitive: "ill", t, hierarchy: &flat,
        }).unwrap();
        let mut equal = Generalization::of(&brought.table);
        equal.quasi_identifier("age", &brought.age).unwrap();
        equal.require(Requirement::Closeness {
            sensitive: "ill", t, distance: Distance::Equal,
        }).unwrap();
        for level in 0..4 {
            let one = along.at(&[level], Loss::Entropy).unwrap();
            let two = equal.at(&[level], Loss::Entropy).unwrap();
            prop_assert_eq!(one.suppressed(), two.suppressed());
        }
    }

    #[test]
    fn a_hierarchy_of_any_text_is_read_or_refused(text in "[ab;\"*\n]{0,40}") {
        if let Ok(read) = Hierarchy::parse(&text, ';') {
            prop_assert!(read.levels() >= 1);
        }
    }
}

#[test]
fn a_distance_along_a_tree_is_the_papers() {
    // Li and others 2007, section 4.2: nine illnesses in a tree of height 3, of which
    // a class of three from one branch is 0.5 away.
    let ill = "a,p,s,*\nb,p,s,*\nc,p,s,*\nd,q,s,*\ne,q,s,*\nf,r,t,*\ng,r,t,*\nh,u,t,*\ni,u,t,*\n";
    let ill = Hierarchy::parse(ill, ',').unwrap();
    let text = "z,ill\n1,a\n1,b\n1,c\n2,d\n2,e\n2,f\n3,g\n3,h\n3,i\n";
    let table = MicroTable::parse(text, ',').unwrap();
    let zone = Hierarchy::parse("1,*\n2,*\n3,*\n", ',').unwrap();
    let left_out = |t: f64| {
        let mut task = Generalization::of(&table);
        task.quasi_identifier("z", &zone).unwrap();
        let requirement =
            Requirement::HierarchicalCloseness { sensitive: "ill", t, hierarchy: &ill };
        task.require(requirement).unwrap();
        task.at(&[0], Loss::Entropy).unwrap().suppressed()
    };
    // Zone 1, in ninths of the mass: of six, two move within the branch s, four across.
    let far = (2.0 * 2.0 / 3.0 + 4.0) / 9.0;
    assert_eq!(left_out(far + 1e-9), 0);
    assert!(left_out(far - 1e-9) >= 3);
}

#[test]
fn losses_are_those_of_their_papers() {
    let table = MicroTable::parse("v\na\na\nb\nc\n", ',').unwrap();
    let values = Hierarchy::parse("a,ab,*\nb,ab,*\nc,cd,*\nd,cd,*\n", ',').unwrap();
    let mut task = Generalization::of(&table);
    task.quasi_identifier("v", &values).unwrap();
    task.require(Requirement::KAnonymity { k: 2 }).unwrap();
    let loss = |level: usize, loss: Loss| task.at(&[level], loss).unwrap().loss();
    let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
    // At level 1 the classes are {a, a, b} and {c}, of which the latter is left out.
    near(loss(1, Loss::AverageClassSize), 4.0 / 2.0);
    near(loss(1, Loss::Discernibility), 10.0);
    near(loss(1, Loss::DiscernibilityAndSuppression), 9.0 + 4.0);
    near(loss(1, Loss::Entropy), 2.0 * 1.5_f64.log2() + 3.0_f64.log2());
    near(loss(1, Loss::EntropyAndSuppression), loss(1, Loss::Entropy));
    // At level 0 two rows of different values are left out: a bit each.
    near(loss(0, Loss::EntropyAndSuppression), 2.0);
    // Three rows cover half of the domain, one is gone: from a quarter to the whole.
    near(loss(1, Loss::Share), ((1.5 + 1.0) - 1.0) / (4.0 - 1.0));
    near(loss(2, Loss::Share), 1.0);
    near(loss(0, Loss::Entropy), 0.0);
}

#[test]
fn a_table_that_comes_out_is_written_with_its_named_columns_only() {
    let brought = Brought::new(&[(0, 0, 1), (1, 0, 2), (7, 3, 1)]);
    let sensitive = "ill";
    let requirements =
        [Requirement::KAnonymity { k: 2 }, Requirement::DistinctDiversity { sensitive, l: 2 }];
    let task = brought.task(&requirements, 1);
    let found = task.optimum(Loss::EntropyAndSuppression).unwrap();
    assert_eq!((found.levels(), found.suppressed(), found.classes()), (&[1, 0][..], 1, 2));
    assert_eq!(found.table().unwrap().write(','), "age,city,ill\nh0,0,1\nh0,0,2\n");
}

#[test]
fn what_is_written_is_read_again() {
    let text = "\"a \"\"b\"\"\",c\n\"1,2\",\"\"\n\"x\ny\",3\n";
    let table = MicroTable::parse(text, ',').unwrap();
    assert_eq!(table.write(','), text);
    assert_eq!(table.values("c").unwrap().collect::<Vec<_>>(), ["", "3"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let brought = Brought::new(&[(0, 0, 1), (1, 1, 2)]);
    let mut task = Generalization::of(&brought.table);
    let error = |outcome: Result<&mut Generalization<'_>, GeneralizeError>| outcome.err();
    assert_eq!(task.optimum(Loss::Entropy).err(), Some(GeneralizeError::NothingRequired));
    assert_eq!(error(task.quasi_identifier("age", &brought.city)), None);
    assert_eq!(error(task.quasi_identifier("age", &brought.age)), Some(GeneralizeError::Roles));
    let narrow = Hierarchy::parse("0,*\n", ',').unwrap();
    assert_eq!(error(task.quasi_identifier("city", &narrow)), Some(GeneralizeError::Value));
    let column = error(task.quasi_identifier("shoe", &narrow));
    assert!(matches!(column, Some(GeneralizeError::Table(_))));
    assert_eq!(task.optimum(Loss::Entropy).err(), Some(GeneralizeError::NothingRequired));
    let wrong = [
        Requirement::KAnonymity { k: 0 },
        Requirement::DistinctDiversity { sensitive: "ill", l: 0 },
        Requirement::EntropyDiversity { sensitive: "ill", l: f64::NAN },
        Requirement::RecursiveDiversity { sensitive: "ill", c: 0.0, l: 1 },
        Requirement::Closeness { sensitive: "ill", t: 1.5, distance: Distance::Equal },
    ];
    for wrong in wrong {
        assert_eq!(error(task.require(wrong)), Some(GeneralizeError::Requirement));
    }
    let own = Requirement::DistinctDiversity { sensitive: "age", l: 2 };
    assert_eq!(error(task.require(own)), Some(GeneralizeError::Roles));
    let open = Hierarchy::parse("1,a\n2,b\n", ',').unwrap();
    let rootless =
        Requirement::HierarchicalCloseness { sensitive: "ill", t: 0.1, hierarchy: &open };
    assert_eq!(error(task.require(rootless)), Some(GeneralizeError::Hierarchy));
    assert_eq!(error(task.require(Requirement::KAnonymity { k: 3 })), None);
    assert_eq!(task.at(&[9], Loss::Entropy).err(), Some(GeneralizeError::Levels));
    assert_eq!(task.at(&[], Loss::Entropy).err(), Some(GeneralizeError::Levels));
    assert_eq!(task.optimum(Loss::Entropy).err(), Some(GeneralizeError::Unreachable));
    task.suppress_at_most(2);
    let found = task.optimum(Loss::Entropy).unwrap();
    assert_eq!(
        found.table().err(),
        Some(GeneralizeError::Table(evanesce_anonymize::disclosure::DisclosureError::Empty,))
    );
}

#[test]
fn too_many_combinations_are_refused_before_the_search() {
    let names: Vec<String> = (0..24).map(|column| format!("c{column}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["1"; 24].join(","));
    let table = MicroTable::parse(&text, ',').unwrap();
    let values = Hierarchy::parse("1,*\n", ',').unwrap();
    let mut task = Generalization::of(&table);
    for name in &names {
        task.quasi_identifier(name, &values).unwrap();
    }
    task.require(Requirement::KAnonymity { k: 2 }).unwrap();
    assert_eq!(task.optimum(Loss::Entropy).err(), Some(GeneralizeError::TooLarge));
}
