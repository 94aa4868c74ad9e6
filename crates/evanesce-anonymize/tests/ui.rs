//! What must not be said does not compile. Each case has a twin beside it that does.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/event_of_categories.rs");
    cases.compile_fail("tests/ui/event_with_identifiers.rs");
    cases.pass("tests/ui/fold_with_its_grant.rs");
    cases.compile_fail("tests/ui/fold_with_another_grant.rs");
    cases.compile_fail("tests/ui/fold_without_a_grant.rs");
    cases.pass("tests/ui/bounds_kept.rs");
    cases.compile_fail("tests/ui/bounds_exceeded.rs");
}
